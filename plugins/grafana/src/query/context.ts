import { DataFrame, ScopedVars, TimeRange } from '@grafana/data';
import { Api } from '../api';
import { Replace } from '../interpolate';
import { Origin } from '../links';
import { Filters, TidemarkOptions, TidemarkQuery } from '../types';

/** All that one query needs: where to ask, about when, and what its variables are. */
export interface Context {
  api: Api;
  range: TimeRange;
  intervalMs: number;
  vars: ScopedVars;
  replace: Replace;
  filters: Filters;
  options: TidemarkOptions;
  origin: Origin;
  /** Of the dashboard: times among texts are written in it. */
  timeZone?: string;
}

export type Run = (query: TidemarkQuery, context: Context) => Promise<DataFrame[]>;

/** Warnings of the daemon stand at the first frame, where the panel shows them. */
export function withWarnings(frames: DataFrame[], warnings: string[], severity: 'warning' | 'info' = 'warning'): DataFrame[] {
  if (warnings.length > 0 && frames.length > 0) {
    frames[0].meta = { ...frames[0].meta, notices: warnings.map((text) => ({ severity, text })) };
  }
  return frames;
}
