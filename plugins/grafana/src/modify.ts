// "Filter for" and "filter out" of a value in Explore: in its tables and graphs, and as switches at the lines of a log.
import { QueryFilterOptions, QueryFixAction, ToggleFilterAction } from '@grafana/data';
import { addMatches, escapeRegex, printMatch, quote } from './promql/scan';
import { parseBuilder } from './promql/builder';
import { QueryType, TidemarkQuery } from './types';

const EVENT_FIELDS: Record<string, string> = { page_group: 'group' };
const EVENT_OWN = new Set(['service', 'env', 'method', 'status', 'url', 'cache', 'user_agent', 'agent', 'group']);
const NUMBERS = new Set(['status', 'agent']);
/** Where a value of a column goes, in types that have a field for it. */
const FIELDS: Partial<Record<QueryType, Record<string, 'status' | 'pageGroup' | 'state' | 'kind' | 'version' | 'exception' | 'incident'>>> = {
  status: { class: 'status', status: 'status', page_group: 'pageGroup' },
  exceptions: { state: 'state', id: 'exception' },
  markers: { kind: 'kind', version: 'version' },
  incidents: { id: 'incident' },
};

/** One test of an event filter. */
function testOf(key: string, value: string, isOut: boolean): string {
  const named = EVENT_FIELDS[key] ?? key;
  const field = EVENT_OWN.has(named) ? named : `tag.${named}`;
  return `${field}${isOut ? '!=' : '='}${NUMBERS.has(field) ? value : quote(value)}`;
}

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
      const before = query.filter?.trim() ?? '';
      return { ...query, filter: [/\bor\b/.test(before) ? `(${before})` : before, testOf(key, value, isOut)].filter(Boolean).join(' ') };
    }
    default: {
      const field = key === 'service' || key === 'env' ? key : FIELDS[query.queryType]?.[key];
      return field && !isOut ? { ...query, [field]: value } : query;
    }
  }
}

/** How a filter stands in the query's text. */
function textOf(query: TidemarkQuery, key: string, value: string, isOut: boolean): string {
  return query.queryType === 'metrics' ? printMatch({ label: key, op: isOut ? '!=' : '=', value }) : testOf(key, value, isOut);
}

const wordOf = (text: string) => new RegExp(`(^|[^\\w.])${escapeRegex(text)}(?![\\w.])`);

function hasText(query: TidemarkQuery, key: string, value: string, isOut: boolean): boolean {
  const within = query.queryType === 'metrics' ? query.expr : query.filter;
  return within !== undefined && wordOf(textOf(query, key, value, isOut)).test(within);
}

/** Takes a filter out of the text, with the comma that it had. */
function without(query: TidemarkQuery, key: string, value: string, isOut: boolean): TidemarkQuery {
  const gone = (text: string) => text.replace(wordOf(textOf(query, key, value, isOut)), '$1');
  if (query.queryType === 'metrics') {
    return { ...query, expr: gone(query.expr ?? '').replace(/,\s*(?=[,}])/, '').replace(/\{\s*,/, '{').replace(/([\w:])\{\s*\}/, '$1') };
  }
  const filter = gone(query.filter ?? '').replace(/\s+/g, ' ').trim();
  const { filter: _, ...rest } = query;
  return filter === '' ? rest : { ...rest, filter };
}

export function hasFilter(query: TidemarkQuery, { key, value }: QueryFilterOptions): boolean {
  return hasText(query, key, value, false);
}

/** On, off, and from one to its opposite. */
export function toggleFilter(query: TidemarkQuery, action: ToggleFilterAction): TidemarkQuery {
  const { key, value } = action.options;
  const isOut = action.type === 'FILTER_OUT';
  if (hasText(query, key, value, isOut)) {
    return without(query, key, value, isOut);
  }
  const free = hasText(query, key, value, !isOut) ? without(query, key, value, !isOut) : query;
  return modifyQuery(free, { type: isOut ? 'ADD_FILTER_OUT' : 'ADD_FILTER', options: { key, value } });
}
