// "Filter for" and "filter out" of a value in Explore.
import { QueryFixAction } from '@grafana/data';
import { addMatches, quote } from './promql/scan';
import { parseBuilder } from './promql/builder';
import { TidemarkQuery } from './types';

const EVENT_FIELDS: Record<string, string> = { page_group: 'group' };
const EVENT_OWN = new Set(['service', 'env', 'method', 'status', 'url', 'cache', 'user_agent', 'agent', 'group']);
const NUMBERS = new Set(['status', 'agent']);

export function modifyQuery(query: TidemarkQuery, action: QueryFixAction): TidemarkQuery {
  const { key, value } = action.options ?? {};
  const isOut = action.type === 'ADD_FILTER_OUT';
  if (!key || value === undefined || (!isOut && action.type !== 'ADD_FILTER')) {
    return query;
  }
  switch (query.queryType) {
    case 'metrics': {
      const expr = addMatches(query.expr ?? '', [{ label: key, op: isOut ? '!=' : '=', value }]);
      return { ...query, expr, editor: parseBuilder(expr) ? query.editor : 'code' };
    }
    case 'events':
    case 'top': {
      const named = EVENT_FIELDS[key] ?? key;
      const field = EVENT_OWN.has(named) ? named : `tag.${named}`;
      const test = `${field}${isOut ? '!=' : '='}${NUMBERS.has(field) ? value : quote(value)}`;
      const before = query.filter?.trim() ?? '';
      return { ...query, filter: [/\bor\b/.test(before) ? `(${before})` : before, test].filter(Boolean).join(' ') };
    }
    default:
      return key === 'service' && !isOut ? { ...query, service: value } : key === 'env' && !isOut ? { ...query, env: value } : query;
  }
}
