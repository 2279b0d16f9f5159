import { Operation } from '../types';

export type OperationKind = 'range' | 'function' | 'aggregation' | 'scalar' | 'leading';

export interface OperationDef {
  id: string;
  kind: OperationKind;
  label: string;
  help: string;
  /** What the parameters are called, and what they are at first. */
  params: Array<{ name: string; initial: string | number; type: 'number' | 'duration' | 'sign' }>;
}

const overTime = (id: string, help: string): OperationDef => ({
  id, kind: 'range', label: id, help, params: [{ name: 'range', initial: '$__rate_interval', type: 'duration' }],
});
const plain = (id: string, help: string): OperationDef => ({ id, kind: 'function', label: id, help, params: [] });
const aggregation = (id: string, help: string): OperationDef => ({ id, kind: 'aggregation', label: id, help, params: [] });
const scalar = (id: string, sign: string, help: string): OperationDef => ({
  id, kind: 'scalar', label: sign, help, params: [{ name: 'number', initial: 1, type: 'number' }],
});

/** What the builder can do. range: NAME(inner[range]); leading: NAME(parameter, inner); scalar: inner SIGN number. */
export const OPERATIONS: OperationDef[] = [
  overTime('rate', 'Increase a second of a counter'),
  overTime('increase', 'Increase of a counter over the range'),
  overTime('irate', 'Increase a second between the last two samples'),
  overTime('delta', 'Difference of a gauge over the range'),
  overTime('deriv', 'Slope a second of a gauge'),
  overTime('avg_over_time', 'Mean over the range'),
  overTime('min_over_time', 'Lowest value of the range'),
  overTime('max_over_time', 'Highest value of the range'),
  overTime('sum_over_time', 'Sum over the range'),
  overTime('count_over_time', 'Number of samples in the range'),
  overTime('last_over_time', 'Last value of the range'),
  aggregation('sum', 'Sum of the series'),
  aggregation('avg', 'Mean of the series'),
  aggregation('min', 'Lowest of the series'),
  aggregation('max', 'Highest of the series'),
  aggregation('count', 'Number of series'),
  { id: 'topk', kind: 'aggregation', label: 'topk', help: 'The highest k series', params: [{ name: 'k', initial: 5, type: 'number' }] },
  { id: 'bottomk', kind: 'aggregation', label: 'bottomk', help: 'The lowest k series', params: [{ name: 'k', initial: 5, type: 'number' }] },
  {
    id: 'histogram_quantile', kind: 'leading', label: 'histogram quantile', help: 'A quantile of buckets by le',
    params: [{ name: 'quantile', initial: 0.95, type: 'number' }],
  },
  plain('abs', 'Without the sign'),
  plain('ceil', 'Rounded up'),
  plain('floor', 'Rounded down'),
  plain('sort_desc', 'Highest first (tables)'),
  plain('same_time_last_week', 'The value a week before'),
  scalar('times', '*', 'Times a number'),
  scalar('divided', '/', 'Divided by a number'),
  scalar('plus', '+', 'Plus a number'),
  scalar('minus', '-', 'Minus a number'),
  scalar('above', '>', 'Only what is above a number'),
  scalar('below', '<', 'Only what is below a number'),
];

const byId = new Map(OPERATIONS.map((o) => [o.id, o]));
const bySign = new Map(OPERATIONS.filter((o) => o.kind === 'scalar').map((o) => [o.label, o]));

export const operationById = (id: string): OperationDef | undefined => byId.get(id);
export const operationBySign = (sign: string): OperationDef | undefined => bySign.get(sign);

/** An operation as it is when it is added. */
export function newOperation(id: string): Operation {
  const def = byId.get(id);
  return { id, params: def ? def.params.map((p) => p.initial) : [], ...(def?.kind === 'aggregation' ? { by: [] } : {}) };
}
