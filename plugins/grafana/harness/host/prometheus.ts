// What Grafana's built-in Prometheus data source asks of a server, and makes of the answers: the shipped dashboards that are made
// for it are drawn through this one. As there: a variable of several values is a regular expression, $__rate_interval is four
// scrapes or a step and a scrape, an instant query is a row or a number a series. A range is one frame here, with null where a
// series has no value, which there the panel puts in.
import { createDataFrame, FieldType } from '@grafana/data';
import { backendSrv } from './services';

const SCRAPE_S = 15;
const POINTS_MAX = 11000;

const escaped = (text: string) => text.replace(/\\/g, '\\\\\\\\').replace(/[$^*{}[\]'+?.()|]/g, '\\\\$&');
const promFormat = (value: any, variable: any) =>
  Array.isArray(value) ? (value.length === 1 ? escaped(value[0]) : `(${value.map(escaped).join('|')})`) : variable.multi || variable.includeAll ? escaped(String(value)) : String(value);

/** How far apart the points are: as wide as a pixel, never less than a scrape. */
function promStep(range: any, points: number, scrape: number) {
  const span = (range.to.valueOf() - range.from.valueOf()) / 1000;
  return Math.max(scrape, Math.ceil(span / Math.min(points, POINTS_MAX)));
}

function interpolated(api: any, expr: string, range: any, step: number, scrape: number, vars: any = {}) {
  const span = Math.ceil((range.to.valueOf() - range.from.valueOf()) / 1000);
  const own = { __interval: `${step}s`, __rate_interval: `${Math.max(step + scrape, 4 * scrape)}s`, __range: `${span}s`, __range_s: `${span}` };
  return api.templateSrv.replace(expr, { ...vars, ...Object.fromEntries(Object.entries(own).map(([k, v]) => [k, { text: v, value: v }])) }, promFormat);
}

async function post(api: any, path: string, params: Record<string, string | number>) {
  const body = new URLSearchParams(Object.entries(params).map(([k, v]): [string, string] => [k, String(v)]));
  const { data } = await backendSrv.datasourceRequest({ url: `${api.settings.url}/api/v1/${path}`, method: 'POST', data: body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
  return data.data;
}

/** label_values(SELECTOR, LABEL), the one kind of variable that the shipped dashboards have. */
export async function promVariable(api: any, query: string, range: any): Promise<string[]> {
  const [, match, label] = /^label_values\((.+),\s*(\w+)\)$/s.exec(query)!;
  const params = { 'match[]': interpolated(api, match, range, SCRAPE_S, SCRAPE_S), start: range.from.valueOf() / 1000, end: range.to.valueOf() / 1000 };
  const { data } = await backendSrv.datasourceRequest({ url: `${api.settings.url}/api/v1/label/${label}/values`, params });
  return data.data;
}

const legend = (format: string, labels: Record<string, string>) => format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name: string) => labels[name] ?? '');
const number = (text: string) => (text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text));

export async function promFrames(api: any, target: any, range: any, points: number, vars?: any): Promise<any[]> {
  const scrape = target.interval ? Number(target.interval.slice(0, -1)) * (target.interval.endsWith('m') ? 60 : 1) : SCRAPE_S;
  const step = promStep(range, points, scrape);
  const query = interpolated(api, target.expr, range, step, scrape, vars);
  if (target.instant) {
    const { result } = await post(api, 'query', { query, time: range.to.valueOf() / 1000 });
    return target.format === 'table' ? [instantTable(target, result)] : result.map((s: any) => seriesFrame(target, [s.value[0] * 1000], [s]));
  }
  const [start, end] = [range.from, range.to].map((at) => Math.floor(at.valueOf() / 1000 / step) * step);
  const { result } = await post(api, 'query_range', { query, start, end, step });
  const times = Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, i) => (start + i * step) * 1000);
  return result.length > 0 ? [seriesFrame(target, times, result)] : [];
}

function seriesFrame(target: any, times: number[], series: any[]) {
  return createDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: times },
      ...series.map((s) => {
        const of = new Map<number, number>((s.values ?? [s.value]).map((v: [number, string]) => [v[0] * 1000, number(v[1])]));
        const name = legend(target.legendFormat ?? '', s.metric) || JSON.stringify(s.metric);
        return { name, type: FieldType.number, values: times.map((at) => of.get(at) ?? null), labels: s.metric, config: { displayNameFromDS: name } };
      }),
    ],
  });
}

function instantTable(target: any, result: any[]) {
  const labels = [...new Set(result.flatMap((s) => Object.keys(s.metric)))].sort();
  return createDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: result.map((s) => s.value[0] * 1000) },
      ...labels.map((label) => ({ name: label, type: FieldType.string, values: result.map((s) => s.metric[label] ?? '') })),
      { name: 'Value', type: FieldType.number, values: result.map((s) => number(s.value[1])) },
    ],
  });
}
