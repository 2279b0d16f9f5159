import { DataFrame } from '@grafana/data';
import { Params } from '../api';
import { byClass, countsFrame, totalsFrame } from '../frames';
import { matchText, valuesOf } from '../interpolate';
import { CELL_S, countGridOf, Grid, seconds } from '../intervals';
import { matchesOf, printMatch } from '../promql/scan';
import { volumeFrames } from './logs';
import { CountItem, Counts, TidemarkQuery } from '../types';
import { Context, withWarnings } from './context';

const HTTP = 'http_events_total';
const RATE_STEP_S = 60;

/** Statuses as a condition: 404, 4xx, and lists of both. */
export function statusMatch(values: string[]): string | undefined {
  if (values.length === 0) {
    return undefined;
  }
  return `status=~"${values.map((v) => (/^[1-5]xx$/i.test(v) ? `${v[0]}..` : v.replace(/[^0-9]/g, ''))).filter(Boolean).join('|')}"`;
}

/** The conditions of a query as one selector for match[]. */
export function selectorOf(query: TidemarkQuery, context: Context): string | undefined {
  const values = (text?: string) => valuesOf(context.replace, text, context.vars);
  const all = [
    matchText('service', values(query.service)),
    matchText('env', values(query.env)),
    matchText('page_group', values(query.pageGroup)),
    statusMatch(values(query.status)),
    ...matchesOf(context.filters).map(printMatch),
  ].filter((one) => one !== undefined);
  return all.length > 0 ? `{${all.join(',')}}` : undefined;
}

async function ask(query: TidemarkQuery, context: Context, name: string, by: string[], grid: Grid, step?: number) {
  const params: Params = {
    name, by: by.join(','), from: grid.start, to: grid.end, step, 'match[]': selectorOf(query, context),
  };
  return context.api.list<CountItem, Counts>('/api/v1/counts', params);
}

async function frameOf(query: TidemarkQuery, context: Context, name: string, by: string[], isClass: boolean): Promise<DataFrame[]> {
  const mode = query.mode ?? 'rate';
  const legend = query.legend ? context.replace(query.legend, context.vars) : undefined;
  // a rate over less than a minute shows when senders sent, not how much came
  const least = seconds(context.replace(query.step, context.vars), mode === 'rate' ? RATE_STEP_S : 0);
  const fold = (items: CountItem[]) => (isClass ? byClass(items) : items);
  if (mode === 'total') {
    // whole cells of 10 s: a total of adjacent spans adds up
    const grid = {
      start: Math.floor(context.range.from.valueOf() / 1000 / CELL_S) * CELL_S,
      end: Math.ceil(context.range.to.valueOf() / 1000 / CELL_S) * CELL_S, step: CELL_S,
    };
    const { data, warnings } = await ask(query, context, name, by, grid);
    return withWarnings([totalsFrame(query.refId, fold(data.items), legend, name, data.unit)], warnings);
  }
  const grid = countGridOf(context.intervalMs, context.range, least);
  if (mode === 'rate' && grid.end > Date.now() / 1000 && grid.end - grid.step > grid.start) {
    // of a step that still goes on only a part has come: as a rate it would be a fall
    grid.end -= grid.step;
  }
  const { data, warnings } = await ask(query, context, name, by, grid, grid.step);
  if (query.format === 'volume') {
    return volumeFrames(query.refId, grid, fold(data.items));
  }
  return withWarnings([countsFrame(query.refId, grid, fold(data.items), mode, legend, name, data.unit)], warnings);
}

export async function runStatus(query: TidemarkQuery, context: Context): Promise<DataFrame[]> {
  const by = (query.by?.length ? query.by : ['class']).flatMap((one) => valuesOf(context.replace, one, context.vars));
  const isClass = by.includes('class');
  const asked = [...new Set(by.map((one) => (one === 'class' ? 'status' : one)))];
  return frameOf(query, context, HTTP, asked, isClass && !by.includes('status'));
}

export async function runTallies(query: TidemarkQuery, context: Context): Promise<DataFrame[]> {
  const names = valuesOf(context.replace, query.metric, context.vars);
  const by = (query.by ?? []).flatMap((one) => valuesOf(context.replace, one, context.vars));
  const frames = await Promise.all(names.map((name) => frameOf({ ...query, mode: query.mode ?? 'total' }, context, name, by, false)));
  return frames.flat();
}
