// What was expected, as a band, with what was observed as a line: where a series was unusual. Pure.
import { createDataFrame, DataFrame, DataFrameType, FieldConfig, FieldDTO, FieldType } from '@grafana/data';
import { unitOf } from './legend';
import { Anomaly, Labels } from './types';

/** So many spreads around what was expected are drawn. */
export const BAND_SPREADS = 3;
/** So many series are drawn; the ones with the highest scores. */
export const BAND_SERIES = 4;
/** Scores are of whole minutes. */
export const MINUTE_MS = 60000;

const COLORS = ['green', 'blue', 'orange', 'purple'];

/** One series with its unusual minutes, by time. */
export interface BandSeries {
  metric: string;
  labels: Labels;
  anomalies: Anomaly[];
}

/** Anomalies by series, those with the highest scores first. */
export function seriesOf(items: Anomaly[]): BandSeries[] {
  const of = new Map<string, BandSeries>();
  for (const a of items) {
    const key = JSON.stringify([a.metric, Object.entries(a.labels ?? {}).sort()]);
    const series = of.get(key) ?? { metric: a.metric, labels: a.labels ?? {}, anomalies: [] };
    series.anomalies.push(a);
    of.set(key, series);
  }
  const peak = (s: BandSeries) => Math.max(...s.anomalies.map((a) => a.score));
  for (const s of of.values()) {
    s.anomalies.sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
  }
  return [...of.values()].sort((a, b) => peak(b) - peak(a));
}

/** A series in few words: its metric and what tells it from its neighbours. */
export function seriesName({ metric, labels }: Pick<BandSeries, 'metric' | 'labels'>): string {
  const { env: _, ...rest } = labels;
  return [metric, ...Object.values(rest).filter(Boolean)].join(' ');
}

/** How a series is asked for minute by minute, as PromQL or as exact counts; null where neither gives what was scored. */
export function askedAs({ metric, labels }: Pick<BandSeries, 'metric' | 'labels'>): { expr: string } | { name: string; match: string } | null {
  const { class: of, quantile, ...rest } = labels;
  const quote = (value: string) => JSON.stringify(value);
  const matches = Object.entries(rest).map(([label, value]) => `${label}=${quote(value)}`);
  if (metric === 'http_events_total') {
    return { name: metric, match: `{${[...matches, ...(of ? [`status=~"${of[0]}.."`] : [])].join(',')}}` };
  }
  if (quantile && /^http_event_(duration|origin|edge)_seconds$/.test(metric)) {
    // what was scored is the same histogram's: alike to the width of a bucket
    return { expr: `histogram_quantile(${Number(quantile)}, sum by (le) (increase(${metric}_bucket{${matches.join(',')}}[1m])))` };
  }
  // totals are scored as rates, ratios as parts of others: their lines have the unusual minutes only
  return /_(total|sum|count|bucket|ratio)$/.test(metric) || quantile || of
    ? null
    : { expr: `avg_over_time(${metric}{${matches.join(',')}}[1m])` };
}

/** One series on a grid of minutes from start to end: `line` has what was observed by minute, where that is known. */
export function bandFrame(refId: string, series: BandSeries, at: number, span: { start: number; end: number }, line: Map<number, number>): DataFrame {
  const known = new Map(series.anomalies.map((a) => [Math.floor(Date.parse(a.time) / MINUTE_MS) * MINUTE_MS, a]));
  const first = Math.floor(span.start / MINUTE_MS) * MINUTE_MS;
  const times = Array.from({ length: Math.max(0, Math.ceil((span.end - first) / MINUTE_MS)) }, (_, i) => first + i * MINUTE_MS);
  const name = seriesName(series);
  const unit = unitOf(series.metric);
  const column = (suffix: string, display: string, value: (a: Anomaly | undefined, t: number) => number | null, more: FieldConfig): FieldDTO => ({
    name: suffix, type: FieldType.number, labels: series.labels, values: times.map((t) => value(known.get(t), t)),
    config: { displayNameFromDS: display, color: { mode: 'fixed', fixedColor: COLORS[at % COLORS.length] }, ...(unit ? { unit } : {}), ...more },
  });
  const side = (sign: number) => (a: Anomaly | undefined) =>
    !a || a.expected === null || a.spread === null ? null : a.expected + sign * BAND_SPREADS * a.spread;
  const hidden = { hideFrom: { legend: true, tooltip: false, viz: false } };
  const faint = { lineWidth: 0, fillOpacity: 0, showPoints: 'never', hideFrom: { legend: true, tooltip: true, viz: false } };
  return createDataFrame({
    refId, name, meta: { type: DataFrameType.TimeSeriesWide, typeVersion: [0, 1], preferredVisualisationType: 'graph' },
    fields: [
      { name: 'Time', type: FieldType.time, values: times, config: { interval: MINUTE_MS } },
      column('observed', name, (a, t) => a?.observed ?? line.get(t) ?? null, {}),
      column('expected', `${name} expected`, (a) => a?.expected ?? null, { custom: { lineStyle: { fill: 'dash', dash: [6, 4] }, ...hidden } }),
      column('lower', `${name} lower`, side(-1), { custom: faint }),
      column('upper', `${name} upper`, side(1), { custom: { ...faint, fillBelowTo: `${name} lower`, fillOpacity: 20 } }),
    ],
  });
}
