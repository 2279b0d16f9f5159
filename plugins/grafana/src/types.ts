import { AdHocVariableFilter, DataSourceJsonData } from '@grafana/data';
import { DataQuery } from '@grafana/schema';

/** The version that stored queries are written in; older ones are brought here by migrate.ts. */
export const SCHEMA = 1;

export const QUERY_TYPES = [
  'metrics', 'anomalies', 'status', 'events', 'exceptions', 'top', 'markers', 'incidents', 'tallies', 'reports', 'feed',
  'self',
] as const;
export type QueryType = (typeof QUERY_TYPES)[number];

/** One condition on a label, as PromQL has it. */
export interface LabelMatch {
  label: string;
  op: '=' | '!=' | '=~' | '!~';
  value: string;
}

/** One operation of the builder; what its parameters mean stands in promql/operations.ts. */
export interface Operation {
  id: string;
  params: Array<string | number>;
  /** The labels that an aggregation keeps. */
  by?: string[];
}

/** A PromQL expression as the builder shows it: a selector and what is done with it, from the inside out. */
export interface BuilderState {
  metric: string;
  labels: LabelMatch[];
  operations: Operation[];
}

/** How counts are shown: events a second, or how many in each step. */
export type CountMode = 'rate' | 'count' | 'total';

export interface TidemarkQuery extends DataQuery {
  schema?: number;
  queryType: QueryType;
  service?: string;
  env?: string;
  /** Legend: text with {{label}}; empty: the labels. */
  legend?: string;
  limit?: number;

  // metrics
  expr?: string;
  editor?: 'builder' | 'code';
  /** One value, at the end of the range, in a table. */
  instant?: boolean;
  /** The least step, as a duration. */
  step?: string;

  // anomalies
  minScore?: number;
  band?: boolean;

  // incidents, anomalies: one incident in full, and what was unusual during it
  incident?: string;

  // status, tallies
  by?: string[];
  mode?: CountMode;
  pageGroup?: string;
  status?: string;
  /** tallies: what is summed; self: numbers of the status, by commas (ingest.samples_per_s); none: all of them, as they are now. */
  metric?: string;

  // events, top
  filter?: string;
  /** events: as a table, or as a log; status: the histogram above that. */
  format?: 'table' | 'logs' | 'volume';

  // exceptions
  state?: string;
  exception?: string;

  // top
  key?: string;
  compare?: string;

  // markers
  kind?: string;
  version?: string;
}

export interface TidemarkOptions extends DataSourceJsonData {
  defaultService?: string;
  /** How often agents send, for $__rate_interval: a duration. */
  interval?: string;
  httpHeaderName1?: string;
  incidentDashboard?: string;
}

/** Kept by Grafana's server: the browser never gets it back. */
export interface TidemarkSecrets {
  httpHeaderValue1?: string;
}

export const VARIABLE_KINDS = [
  'services', 'envs', 'page_groups', 'label_values', 'label_names', 'metrics', 'versions', 'exceptions', 'incidents', 'statuses',
  'tallies', 'query',
] as const;
export type VariableKind = (typeof VARIABLE_KINDS)[number];

export interface TidemarkVariableQuery extends DataQuery {
  kind: VariableKind;
  service?: string;
  label?: string;
  /** A selector, or for kind query a PromQL expression. */
  match?: string;
}

export type Filters = AdHocVariableFilter[];

// ---- answers of the API ----

export type Labels = Record<string, string>;

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Marker {
  id: string;
  kind: string;
  service: string;
  env: string;
  version: string;
  class: string;
  time: string;
  end: string | null;
  by: string;
  note: string;
}

export interface Verdict {
  marker: string;
  service: string;
  env: string;
  version: string;
  verdict: 'bad' | 'suspect' | 'ok' | 'insufficient_data';
  text: string;
  since: string;
  updated: string;
  requests: number;
  e_value?: number;
  ratio?: number;
  new_exceptions: string[];
}

export interface Anomaly {
  id: string;
  time: string;
  service: string;
  env: string;
  metric: string;
  labels: Labels;
  score: number;
  observed: number | null;
  expected: number | null;
  spread: number | null;
  effect: number | null;
  return_period_h: number | null;
  text: string;
}

/** A series of an incident: when it began to be unusual, and what it was then. */
export interface Onset {
  metric: string;
  labels: Labels;
  time: string;
  score?: number;
  observed?: number | null;
  expected?: number | null;
}

export interface Incident {
  id: string;
  service: string;
  env: string;
  start: string;
  end: string | null;
  state: 'open' | 'closed';
  score: number;
  /** How many series of the service there were. */
  series?: number;
  peak: string | null;
  text: string;
  causes: Array<{ labels: Labels; share: number }>;
  onset: Onset[];
  marker: string | null;
  anomalies: number;
  markers?: string[];
}

export interface ExceptionGroup {
  id: string;
  service: string;
  env: string;
  type: string;
  fingerprint: string;
  message: string;
  state: string;
  count: number;
  first: string;
  last: string;
  releases: Array<{ release: string; count: number }>;
  stack: string;
  hours?: Array<[number, number]>;
}

export interface HttpEvent {
  time: string;
  service: string;
  env: string;
  method: string;
  status: number;
  url: string;
  page_group: string;
  agent: string;
  tags: Labels;
  fields: Record<string, number | string>;
}

export interface TopItem {
  key: string;
  count: number;
  share: number;
  before: number | null;
  change: number | null;
  state: string | null;
}

export interface Top extends Page<TopItem> {
  by: string;
  from: string;
  to: string;
  total: number;
  exact: boolean;
  compare: { from: string; to: string; total: number } | null;
}

export interface CountItem {
  labels: Labels;
  points: Array<[number, number]>;
}

export interface Counts extends Page<CountItem> {
  unit: '1' | 'us';
  step: number | null;
}

export interface MatrixSeries {
  metric: Labels;
  values: Array<[number, string]>;
}

export interface VectorSample {
  metric: Labels;
  value: [number, string];
}

export type PromData =
  | { resultType: 'matrix'; result: MatrixSeries[] }
  | { resultType: 'vector'; result: VectorSample[] }
  | { resultType: 'scalar' | 'string'; result: [number, string] };

/** One report as /api/v1/reports lists it: a week of a service, its folder, what is in it. */
export interface Report {
  report: string;
  week: string;
  path: string;
  revision: number | null;
  made: string | null;
  /** Objects with a name, or names. */
  files: unknown;
}

export interface Status {
  version: string;
  uptime_s: number;
  state: string;
  trouble: string | null;
  ingest: { last_ms: number; pending: number };
  [part: string]: unknown;
}
