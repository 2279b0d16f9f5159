// Stored queries of older versions, and of the built-in Prometheus data source, as today's version has them.
import { QUERY_TYPES, QueryType, SCHEMA, TidemarkQuery } from './types';

interface PrometheusQuery {
  legendFormat?: string;
  interval?: string;
  editorMode?: string;
  datasource?: unknown;
}

/** Version 0: no `schema`. What a Prometheus panel has becomes a metrics query. */
function fromZero(query: Partial<TidemarkQuery> & PrometheusQuery): Partial<TidemarkQuery> {
  const { legendFormat, interval, editorMode, ...rest } = query;
  const given = QUERY_TYPES.includes(query.queryType as QueryType) ? (query.queryType as QueryType) : 'metrics';
  return {
    ...rest,
    queryType: given,
    legend: query.legend ?? (legendFormat === '__auto' ? undefined : legendFormat),
    step: query.step ?? (interval || undefined),
    editor: query.editor ?? (editorMode === 'builder' ? 'builder' : query.expr ? 'code' : undefined),
    schema: 1,
  };
}

const STEPS: Array<(query: Partial<TidemarkQuery>) => Partial<TidemarkQuery>> = [fromZero];

/** The query as today's version writes it; one of a newer version stays as it is. */
export function migrate(query: Partial<TidemarkQuery> & { refId: string }): TidemarkQuery {
  let out: Partial<TidemarkQuery> = query;
  for (let at = query.schema ?? 0; at < SCHEMA; at++) {
    out = STEPS[at](out);
  }
  return Object.fromEntries(Object.entries(out).filter(([, value]) => value !== undefined)) as unknown as TidemarkQuery;
}

/** A query as it is when it is new. */
export const newQuery = (queryType: QueryType = 'metrics'): Omit<TidemarkQuery, 'refId'> => ({
  schema: SCHEMA,
  queryType,
  ...(queryType === 'metrics' ? { editor: 'builder' as const } : {}),
  ...(queryType === 'status' ? { by: ['class'], mode: 'rate' as const } : {}),
  ...(queryType === 'tallies' ? { mode: 'total' as const } : {}),
  ...(queryType === 'top' ? { key: 'url', limit: 10 } : {}),
});
