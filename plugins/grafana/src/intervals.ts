// Steps and spans: what the panel asks for, in the seconds that the server takes.
import { dateTime, rangeUtil, ScopedVars, TimeRange } from '@grafana/data';

export const POINTS_MAX = 11000;
/** Counts are kept by cells of 10 s. */
export const CELL_S = 10;

/** Seconds of a duration (15s, 1m, 1h30m); fallback if it is none. */
export function seconds(text: string | undefined, fallback: number): number {
  if (!text || !/^(\d+(ms|[smhdwy]))+$/.test(text)) {
    return fallback;
  }
  const unit: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400, w: 604800, y: 31536000 };
  let sum = 0;
  for (const [, n, u] of text.matchAll(/(\d+)(ms|[smhdwy])/g)) {
    sum += Number(n) * unit[u];
  }
  return sum > 0 ? sum : fallback;
}

/** The step of a range query: the panel's interval, at least min, whole seconds above one, at most POINTS_MAX points. */
export function stepOf(intervalMs: number, range: TimeRange, minS: number): number {
  const span = (range.to.valueOf() - range.from.valueOf()) / 1000;
  const step = Math.max(intervalMs / 1000, minS, span / (POINTS_MAX - 1));
  return step >= 1 ? Math.ceil(step) : Math.ceil(step * 1000) / 1000;
}

export interface Grid {
  start: number;
  end: number;
  step: number;
}

/** The range on the step's own grid, so that a reload asks for the same points. */
export function gridOf(range: TimeRange, step: number): Grid {
  return {
    start: Math.floor(range.from.valueOf() / 1000 / step) * step,
    end: Math.floor(range.to.valueOf() / 1000 / step) * step,
    step,
  };
}

/** The step and span of counts: whole cells, on the step's grid, the last step whole. */
export function countGridOf(intervalMs: number, range: TimeRange, minS: number): Grid {
  const step = Math.ceil(stepOf(intervalMs, range, Math.max(minS, CELL_S)) / CELL_S) * CELL_S;
  return {
    start: Math.floor(range.from.valueOf() / 1000 / step) * step,
    end: Math.ceil(range.to.valueOf() / 1000 / step) * step,
    step,
  };
}

/** $__rate_interval and the like, as Grafana's own Prometheus data source sets them. */
export function intervalVars(step: number, range: TimeRange, scrapeS: number): ScopedVars {
  const ms = range.to.valueOf() - range.from.valueOf();
  const rate = Math.max(step + scrapeS, 4 * scrapeS);
  const v = (value: string | number) => ({ text: String(value), value });
  return {
    __interval: v(durationText(step)),
    __interval_ms: v(Math.round(step * 1000)),
    __rate_interval: v(durationText(rate)),
    __rate_interval_ms: v(Math.round(rate * 1000)),
    __range: v(`${Math.ceil(ms / 1000)}s`),
    __range_s: v(Math.ceil(ms / 1000)),
    __range_ms: v(ms),
  };
}

export function durationText(s: number): string {
  return Number.isInteger(s) ? `${s}s` : `${Math.round(s * 1000)}ms`;
}

/** Unix seconds with milliseconds, as the API takes times. */
export const unix = (ms: number): string => String(ms / 1000);

export const spanParams = (range: TimeRange) => ({ from: unix(range.from.valueOf()), to: unix(range.to.valueOf()) });

/** The range if there is one, else the last hours. */
export function rangeOr(range: TimeRange | undefined, hours: number): TimeRange {
  return range ?? rangeUtil.convertRawToRange({ from: `now-${hours}h`, to: 'now' });
}

export const timeMs = (text: string): number => dateTime(text).valueOf();
