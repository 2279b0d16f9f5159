import { DataFrame } from '@grafana/data';
import { matrixFrame, vectorFrame } from '../frames';
import { promValue } from '../interpolate';
import { gridOf, intervalVars, seconds, stepOf } from '../intervals';
import { addMatches, matchesOf } from '../promql/scan';
import { MatrixSeries, PromData, TidemarkQuery } from '../types';
import { Context, withWarnings } from './context';

/** How often agents send, if the data source does not say. */
export const SCRAPE_S = 15;

/** The expression as the server gets it: variables replaced, ad-hoc filters in every selector. */
export function exprOf(query: TidemarkQuery, context: Context, step: number): string {
  const scrape = seconds(context.options.interval, SCRAPE_S);
  const vars = { ...context.vars, ...intervalVars(step, context.range, scrape) };
  return addMatches(context.replace(query.expr, vars, promValue), matchesOf(context.filters));
}

export function stepFor(query: TidemarkQuery, context: Context): number {
  const least = seconds(context.replace(query.step, context.vars), 0) || seconds(context.options.interval, 1);
  return stepOf(context.intervalMs, context.range, least);
}

export async function runMetrics(query: TidemarkQuery, context: Context): Promise<DataFrame[]> {
  const step = stepFor(query, context);
  const expr = exprOf(query, context, step);
  const legend = query.legend ? context.replace(query.legend, context.vars) : undefined;
  const frames: DataFrame[] = [];
  if (query.instant) {
    const time = context.range.to.valueOf() / 1000;
    const answer = await context.api.ask<PromData>('/api/v1/query', { query: expr, time }, { post: true });
    frames.push(vectorFrame(query.refId, answer.data, legend, expr));
    return described(withWarnings(frames, answer.warnings), expr);
  }
  const grid = gridOf(context.range, step);
  const answer = await context.api.ask<{ result: MatrixSeries[] }>(
    '/api/v1/query_range', { query: expr, start: grid.start, end: grid.end, step: grid.step }, { post: true }
  );
  frames.push(matrixFrame(query.refId, grid, answer.data.result, legend, expr));
  return described(withWarnings(frames, answer.warnings), `${expr}\nstep ${step} s`);
}

/** What was asked, for the panel's inspector. */
function described(frames: DataFrame[], text: string): DataFrame[] {
  frames.forEach((f) => (f.meta = { ...f.meta, executedQueryString: text }));
  return frames;
}
