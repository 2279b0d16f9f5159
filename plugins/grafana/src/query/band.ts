import { DataFrame } from '@grafana/data';
import { askedAs, BAND_SERIES, bandFrame, BandSeries, MINUTE_MS, seriesOf } from '../band';
import { promNumber } from '../frames';
import { Anomaly, CountItem, Counts, PromData } from '../types';
import { Context, withWarnings } from './context';

/** Over a longer span the lines have the unusual minutes only. */
const LINE_SPAN_MS = 2 * 86400e3;
/** A band without a line is drawn over this at most. */
const BAND_SPAN_MS = 31 * 86400e3;

/** What a series was at each minute, as far as it can be asked for. */
async function lineOf(context: Context, series: BandSeries, start: number, end: number): Promise<Map<number, number>> {
  const asked = askedAs(series);
  if (!asked) {
    return new Map();
  }
  if ('name' in asked) {
    const { data } = await context.api.ask<Counts>('/api/v1/counts', {
      name: asked.name, 'match[]': asked.match, from: start / 1000, to: end / 1000, step: MINUTE_MS / 1000,
    });
    const points = new Map(data.items.flatMap((i: CountItem) => i.points).map(([at, n]) => [at * 1000, n]));
    const count = Math.round((end - start) / MINUTE_MS);
    return new Map(Array.from({ length: count }, (_, i) => [start + i * MINUTE_MS, points.get(start + i * MINUTE_MS) ?? 0]));
  }
  // a sample at the end of each minute, shown at its start as scores are
  const { data } = await context.api.ask<PromData>(
    '/api/v1/query_range', { query: asked.expr, start: start / 1000 + 60, end: end / 1000, step: 60 }, { post: true }
  );
  const values = data.resultType === 'matrix' ? (data.result[0]?.values ?? []) : [];
  // a quantile of nothing is no number: the line breaks there
  return new Map(values.map(([at, value]): [number, number] => [at * 1000 - MINUTE_MS, promNumber(value)]).filter(([, value]) => !Number.isNaN(value)));
}

/** The series with the highest scores, each with its band and its line. */
export async function runBand(refId: string, items: Anomaly[], context: Context, warnings: string[]): Promise<DataFrame[]> {
  const all = seriesOf(items);
  const to = Math.min(context.range.to.valueOf(), Date.now());
  const from = Math.max(context.range.from.valueOf(), to - BAND_SPAN_MS);
  const [start, end] = [Math.floor(from / MINUTE_MS) * MINUTE_MS, Math.floor(to / MINUTE_MS) * MINUTE_MS];
  const hasLine = end - start <= LINE_SPAN_MS;
  const frames = await Promise.all(
    all.slice(0, BAND_SERIES).map(async (series, at) => {
      const line = hasLine ? await lineOf(context, series, start, end) : new Map<number, number>();
      return bandFrame(refId, series, at, { start, end }, line);
    })
  );
  const left = all.length > frames.length ? [`${all.length} series were unusual: the ${frames.length} with the highest scores are drawn.`] : [];
  return withWarnings(frames, [...warnings, ...left], 'info');
}
