// What template variables can list.
import { CustomVariableSupport, createDataFrame, DataQueryRequest, DataQueryResponse, FieldType, MetricFindValue } from '@grafana/data';
import { from, Observable } from 'rxjs';
import { map } from 'rxjs/operators';
import { VariableEditor } from './components/VariableEditor';
import type { TidemarkDataSource } from './datasource';
import { promValue, valuesOf } from './interpolate';
import { spanParams } from './intervals';
import { legendText } from './legend';
import { matchesOf, printMatch } from './promql/scan';
import { Context } from './query/context';
import { ExceptionGroup, Incident, Marker, PromData, TidemarkVariableQuery, VARIABLE_KINDS, VariableKind } from './types';

const LIST_MAX = 1000;

/** Variables as text, for those who type: label_values(cpu{env="$env"}, pod), page_groups($service), versions(cart). */
export function parseFind(text: string): TidemarkVariableQuery {
  const found = /^\s*(\w+)\s*\((.*)\)\s*$/s.exec(text);
  const kind = found?.[1] as VariableKind | 'query_result' | undefined;
  const inside = found?.[2].trim() ?? '';
  if (kind === 'query_result') {
    return { refId: 'find', kind: 'query', match: inside };
  }
  if (!kind || !(VARIABLE_KINDS as readonly string[]).includes(kind)) {
    throw new Error(`A variable is one of ${VARIABLE_KINDS.map((k) => `${k}()`).join(', ')}; "${text}" is none of them.`);
  }
  if (kind === 'label_values') {
    const comma = inside.lastIndexOf(',');
    return { refId: 'find', kind, label: inside.slice(comma + 1).trim(), match: comma < 0 ? undefined : inside.slice(0, comma).trim() };
  }
  return kind === 'query' || kind === 'metrics' || kind === 'label_names'
    ? { refId: 'find', kind, match: inside || undefined }
    : { refId: 'find', kind, service: inside || undefined };
}

/** A selector of a label's values: of the chosen services, and as the ad-hoc filters say. */
function selectorOf(query: TidemarkVariableQuery, context: Context, metric = ''): string | undefined {
  const given = context.replace(query.match, context.vars, promValue).trim();
  const services = valuesOf(context.replace, query.service, context.vars);
  const matches = [
    ...(services.length > 0 ? [printMatch({ label: 'service', op: '=~', value: services.map((s) => s.replace(/[\\^$*+?.()|[\]{}]/g, '\\$&')).join('|') })] : []),
    ...matchesOf(context.filters).map(printMatch),
  ].join(',');
  if (given !== '') {
    return given.endsWith('}') ? given.replace(/,?\s*}$/, (end) => (matches === '' ? end : given.endsWith('{}') ? `${matches}}` : `,${matches}}`)) : `${given}${matches ? `{${matches}}` : ''}`;
  }
  return metric === '' && matches === '' ? undefined : `${metric}{${matches}}`;
}

const span = (context: Context) => {
  const { from: start, to: end } = spanParams(context.range);
  return { start, end };
};

async function labelValues(label: string, query: TidemarkVariableQuery, context: Context, metric = ''): Promise<MetricFindValue[]> {
  const params = { 'match[]': selectorOf(query, context, metric), ...span(context) };
  const { data } = await context.api.ask<string[]>(`/api/v1/label/${encodeURIComponent(label)}/values`, params);
  return data.map((text) => ({ text }));
}

const unique = (list: MetricFindValue[]) => [...new Map(list.map((one) => [one.value ?? one.text, one])).values()];

async function listed<T>(path: string, query: TidemarkVariableQuery, context: Context, more: Record<string, string>): Promise<T[]> {
  const services = valuesOf(context.replace, query.service, context.vars);
  const answers = await Promise.all(
    (services.length > 0 ? services : [undefined]).map((service) =>
      context.api.list<T>(path, { service, ...more, ...spanParams(context.range) }, LIST_MAX)
    )
  );
  return answers.flatMap((a) => a.data.items);
}

const FINDERS: Record<VariableKind, (query: TidemarkVariableQuery, context: Context) => Promise<MetricFindValue[]>> = {
  services: (q, c) => labelValues('service', { ...q, service: undefined }, c),
  envs: (q, c) => labelValues('env', q, c),
  page_groups: (q, c) => labelValues('page_group', q, c, 'http_events_total'),
  statuses: (q, c) => labelValues('status', q, c, 'http_events_total'),
  metrics: (q, c) => labelValues('__name__', q, c),
  tallies: async (q, c) => (await labelValues('__name__', { ...q, match: '{__name__=~"tally_.+"}' }, c)),
  label_values: (q, c) => labelValues(c.replace(q.label, c.vars), q, c),
  label_names: async (q, c) => {
    const { data } = await c.api.ask<string[]>('/api/v1/labels', { 'match[]': selectorOf(q, c), ...span(c) });
    return data.filter((name) => name !== '__name__').map((text) => ({ text }));
  },
  versions: async (q, c) => unique((await listed<Marker>('/api/v1/markers', q, c, { kind: 'deploy' })).map((m) => ({ text: m.version }))),
  exceptions: async (q, c) =>
    (await listed<ExceptionGroup>('/api/v1/exceptions', q, c, {})).map((g) => ({ text: `${g.type}: ${g.message}`.slice(0, 120), value: g.id })),
  incidents: async (q, c) =>
    (await listed<Incident>('/api/v1/incidents', q, c, {})).map((i) => ({ text: `${i.start.slice(0, 16)} ${i.service} ${Math.round(i.score)}`, value: i.id })),
  query: async (q, c) => {
    const expr = c.replace(q.match, c.vars, promValue);
    const { data } = await c.api.ask<PromData>('/api/v1/query', { query: expr, time: c.range.to.valueOf() / 1000 }, { post: true });
    if (data.resultType !== 'vector') {
      return data.resultType === 'matrix' ? [] : [{ text: String(data.result[1]) }];
    }
    return data.result.map((s) => ({ text: `${legendText(undefined, s.metric, expr)} ${s.value[1]} ${s.value[0] * 1000}` }));
  },
};

export function find(query: TidemarkVariableQuery, context: Context): Promise<MetricFindValue[]> {
  return (FINDERS[query.kind] ?? FINDERS.services)(query, context);
}

export class VariableSupport extends CustomVariableSupport<TidemarkDataSource, TidemarkVariableQuery> {
  editor = VariableEditor;

  constructor(private readonly source: TidemarkDataSource) {
    super();
  }

  query(request: DataQueryRequest<TidemarkVariableQuery>): Observable<DataQueryResponse> {
    const target = request.targets[0];
    const context = this.source.context(request.range, request.intervalMs ?? 60000, request.scopedVars ?? {}, request.filters);
    return from(find(target, context)).pipe(
      map((values) => ({
        data: [
          createDataFrame({
            fields: [
              { name: 'text', type: FieldType.string, values: values.map((v) => v.text) },
              { name: 'value', type: FieldType.string, values: values.map((v) => String(v.value ?? v.text)) },
            ],
          }),
        ],
      }))
    );
  }

  getDefaultQuery() {
    return { kind: 'services' } as object;
  }
}
