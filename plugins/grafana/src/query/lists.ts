import { DataFrame, dateTime } from '@grafana/data';
import { Params } from '../api';
import {
  anomaliesFrame, eventsFrame, exceptionFrames, exceptionsFrame, incidentFrames, incidentsFrame, markersFrame, reportsFrame, topFrame,
} from '../frames';
import { filterValue, testText, valuesOf } from '../interpolate';
import { CELL_S, spanParams } from '../intervals';
import { toQuery } from '../links';
import { modifyQuery } from '../modify';
import { quote } from '../promql/scan';
import {
  Anomaly, CountItem, Counts, ExceptionGroup, HttpEvent, Incident, Marker, Report, TidemarkQuery, Top, Verdict,
} from '../types';
import { runBand } from './band';
import { eventLogsFrame } from './logs';
import { Context, withWarnings } from './context';

const ROWS = 100;
const VERDICTS_MAX = 100;
const SPARK_POINTS = 40;
/** So many groups are asked one by one for their hours. */
const HOURS_MAX = 50;
/** What is shown before and after an incident. */
const AROUND_MS = 1800e3;

const valuesIn = (context: Context, text?: string) => valuesOf(context.replace, text, context.vars);

/** One list of all services asked for: the API takes one service or all. Newest first, at most limit. */
async function listOf<T>(context: Context, path: string, query: TidemarkQuery, params: Params, timeOf: (item: T) => string) {
  const limit = query.limit ?? ROWS;
  const services = valuesIn(context, query.service);
  const envs = new Set(valuesIn(context, query.env));
  const answers = await Promise.all(
    (services.length > 0 ? services : [undefined]).map((service) => context.api.list<T>(path, { ...params, service }, limit))
  );
  const items = answers
    .flatMap((a) => a.data.items)
    .filter((item) => envs.size === 0 || envs.has((item as { env?: string }).env ?? ''))
    .sort((a, b) => Date.parse(timeOf(b)) - Date.parse(timeOf(a)))
    .slice(0, limit);
  return { items, warnings: answers.flatMap((a) => a.warnings) };
}

/** Ad-hoc filters in the words of event filters. */
export function filterTests(context: Context): string[] {
  const fields: Record<string, string> = { page_group: 'group', status: 'status', cache: 'cache', agent: 'agent' };
  const own = new Set(['service', 'env', 'method', 'url', 'user_agent']);
  return context.filters.flatMap((f) => {
    const field = own.has(f.key) ? f.key : (fields[f.key] ?? `tag.${f.key}`);
    return ['=', '!=', '=~', '!~'].includes(f.operator) ? [`${field}${f.operator}${field === 'status' || field === 'agent' ? f.value : quote(f.value)}`] : [];
  });
}

/** The filter as the server gets it: the query's own, its fields, the ad-hoc ones; all must hold. */
export function filterOf(query: TidemarkQuery, context: Context): string {
  const services = valuesIn(context, query.service);
  const own = context.replace(query.filter, context.vars, filterValue).trim();
  return [
    own === '' ? undefined : /\bor\b/.test(own) ? `(${own})` : own,
    services.length > 1 ? testText('service', services) : undefined,
    testText('env', valuesIn(context, query.env)),
    testText('group', valuesIn(context, query.pageGroup)),
    ...filterTests(context),
  ].filter((one) => one).join(' ');
}

/** One service is asked for by its parameter, which the server can skip by. */
const serviceOf = (query: TidemarkQuery, context: Context) => {
  const services = valuesIn(context, query.service);
  return services.length === 1 ? services[0] : undefined;
};

const statusOf = (query: TidemarkQuery, context: Context) => valuesIn(context, query.status)[0];

export async function runEvents(query: TidemarkQuery, context: Context): Promise<DataFrame[]> {
  const filter = filterOf(query, context);
  const { data, warnings } = await context.api.list<HttpEvent>(
    '/api/v1/events',
    { service: serviceOf(query, context), status: statusOf(query, context), filter, ...spanParams(context.range) },
    query.limit ?? ROWS
  );
  const frame = query.format === 'logs' ? eventLogsFrame(query.refId, data.items) : eventsFrame(query.refId, data.items);
  frame.meta = { ...frame.meta, executedQueryString: filter };
  return withWarnings([frame], warnings);
}

/** From a place in a ranking to the requests behind it. */
function requestsLink(query: TidemarkQuery, context: Context) {
  const by = context.replace(query.key || 'url', context.vars);
  const known = [statusTest(statusOf(query, context)), filterOf(query, context)].filter((one) => one !== '').join(' ');
  const { filter } = modifyQuery({ refId: 'A', queryType: 'events', filter: known }, { type: 'ADD_FILTER', options: { key: by, value: '${__value.raw}' } });
  return toQuery(context.origin, 'Show these requests', { queryType: 'events', service: serviceOf(query, context), filter });
}

/** A class, or one status, in the words of a filter. */
const statusTest = (status?: string) => (!status ? '' : /^[1-5]xx$/i.test(status) ? `status>=${status[0]}00 status<${Number(status[0]) + 1}00` : `status=${status}`);

export async function runTop(query: TidemarkQuery, context: Context): Promise<DataFrame[]> {
  const { data, warnings } = await context.api.ask<Top>('/api/v1/top', {
    by: context.replace(query.key || 'url', context.vars), service: serviceOf(query, context), status: statusOf(query, context),
    filter: filterOf(query, context), k: query.limit ?? 10, compare: context.replace(query.compare, context.vars),
    ...spanParams(context.range),
  });
  return withWarnings([topFrame(query.refId, data, requestsLink(query, context))], data.exact ? warnings : [...warnings, 'Older days are estimated: raw events of them are no longer kept.']);
}

/** How often each group occurred over the range, for the small lines. */
async function trendsOf(context: Context, groups: ExceptionGroup[]): Promise<Array<Array<[number, number]>>> {
  if (groups.length === 0) {
    return [];
  }
  const span = (context.range.to.valueOf() - context.range.from.valueOf()) / 1000;
  const step = Math.max(CELL_S, Math.ceil(span / SPARK_POINTS / CELL_S) * CELL_S);
  const start = Math.floor(context.range.from.valueOf() / 1000 / step) * step;
  const end = Math.ceil(context.range.to.valueOf() / 1000 / step) * step;
  const key = (service: string, env: string, fingerprint: string) => JSON.stringify([service, env, fingerprint]);
  const { data } = await context.api.list<CountItem, Counts>('/api/v1/counts', {
    name: 'exception_events_total', by: 'service,env,fingerprint', from: start, to: end, step,
  });
  const of = new Map(data.items.map((i) => [key(i.labels.service ?? '', i.labels.env ?? '', i.labels.fingerprint ?? ''), i.points]));
  const grid = Math.round((end - start) / step);
  return Promise.all(groups.map(async (g, at): Promise<Array<[number, number]>> => {
    const known = of.get(key(g.service, g.env, g.fingerprint));
    if (!known) {
      return at < HOURS_MAX ? hoursOf(context, g, start, end) : [];
    }
    const points = new Map(known);
    return Array.from({ length: grid }, (_, i) => [start + i * step, points.get(start + i * step) ?? 0]);
  }));
}

/** Groups of failed requests are not among the counts of exceptions: the group itself has its hours. */
async function hoursOf(context: Context, group: ExceptionGroup, start: number, end: number): Promise<Array<[number, number]>> {
  const { data } = await context.api.ask<ExceptionGroup>(`/api/v1/exceptions/${encodeURIComponent(group.id)}`);
  return (data.hours ?? []).filter(([at]) => at + 3600 > start && at < end);
}

export async function runExceptions(query: TidemarkQuery, context: Context): Promise<DataFrame[]> {
  const id = valuesIn(context, query.exception)[0];
  if (id) {
    const { data } = await context.api.ask<ExceptionGroup>(`/api/v1/exceptions/${encodeURIComponent(id)}`);
    return exceptionFrames(query.refId, data, context.timeZone);
  }
  const states = valuesIn(context, query.state);
  const params = { state: states.length === 1 ? states[0] : undefined, ...spanParams(context.range) };
  const { items, warnings } = await listOf<ExceptionGroup>(context, '/api/v1/exceptions', query, params, (g) => g.last);
  const chosen = states.length > 1 ? items.filter((g) => states.includes(g.state)) : items;
  return withWarnings([exceptionsFrame(query.refId, chosen, await trendsOf(context, chosen), context.origin)], warnings);
}

/** Markers of the range, deploys with their verdicts. */
export async function markersOf(query: TidemarkQuery, context: Context) {
  const kinds = new Set(valuesIn(context, query.kind));
  const versions = new Set(valuesIn(context, query.version));
  const kind = kinds.size === 1 ? [...kinds][0] : undefined;
  const found = await listOf<Marker>(context, '/api/v1/markers', query, { kind, ...spanParams(context.range) }, (m) => m.time);
  const items = found.items.filter((m) => (kinds.size === 0 || kinds.has(m.kind)) && (versions.size === 0 || versions.has(m.version)));
  const hasDeploys = items.some((m) => m.kind === 'deploy');
  const verdicts = hasDeploys
    ? await listOf<Verdict>(context, '/api/v1/verdicts', { ...query, limit: VERDICTS_MAX }, spanParams(context.range), (v) => v.since)
    : { items: [], warnings: [] };
  return { items, verdicts: verdicts.items, warnings: [...found.warnings, ...verdicts.warnings] };
}

export async function runMarkers(query: TidemarkQuery, context: Context): Promise<DataFrame[]> {
  const { items, verdicts, warnings } = await markersOf(query, context);
  return withWarnings([markersFrame(query.refId, items, verdicts)], warnings);
}

export async function anomaliesOf(query: TidemarkQuery, context: Context) {
  return listOf<Anomaly>(context, '/api/v1/anomalies', query, { min_score: query.minScore, ...spanParams(context.range) }, (a) => a.time);
}

async function incidentOf(context: Context, id: string): Promise<Incident> {
  return (await context.api.ask<Incident>(`/api/v1/incidents/${encodeURIComponent(id)}`)).data;
}

/** Of an incident: its service, from half an hour before it to half an hour after. */
function duringOf(context: Context, incident: Incident): Context {
  const end = incident.end ? Date.parse(incident.end) : Date.now();
  return { ...context, range: { ...context.range, from: dateTime(Date.parse(incident.start) - AROUND_MS), to: dateTime(end + AROUND_MS) } };
}

export async function runAnomalies(query: TidemarkQuery, context: Context): Promise<DataFrame[]> {
  const id = valuesIn(context, query.incident)[0];
  const incident = id ? await incidentOf(context, id) : undefined;
  const during = incident ? duringOf(context, incident) : context;
  const chosen = incident ? { ...query, service: incident.service, env: incident.env } : query;
  const { items, warnings } = await anomaliesOf(chosen, during);
  return query.band ? runBand(query.refId, items, during, warnings) : withWarnings([anomaliesFrame(query.refId, items, context.origin)], warnings);
}

export async function incidentsOf(query: TidemarkQuery, context: Context) {
  return listOf<Incident>(context, '/api/v1/incidents', query, spanParams(context.range), (i) => i.start);
}

export async function runIncidents(query: TidemarkQuery, context: Context): Promise<DataFrame[]> {
  const id = valuesIn(context, query.incident)[0];
  if (id) {
    return incidentFrames(query.refId, await incidentOf(context, id), context.timeZone);
  }
  const { items, warnings } = await incidentsOf(query, context);
  return withWarnings([incidentsFrame(query.refId, items, context.origin)], warnings);
}

export async function runReports(query: TidemarkQuery, context: Context): Promise<DataFrame[]> {
  const services = valuesIn(context, query.service);
  const answers = await Promise.all(
    (services.length > 0 ? services : [undefined]).map((service) => context.api.list<Report>('/api/v1/reports', { service }, query.limit ?? ROWS))
  );
  const items = answers.flatMap((a) => a.data.items).sort((a, b) => (a.week < b.week ? 1 : -1));
  return withWarnings([reportsFrame(query.refId, items, context.api.baseUrl)], answers.flatMap((a) => a.warnings));
}
