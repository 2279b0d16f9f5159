// Variables in queries: each place has its own way to say "these values", and to be empty.
import { ScopedVars } from '@grafana/data';
import { TemplateSrv } from '@grafana/runtime';
import { escapeRegex } from './promql/scan';
import { Filters, TidemarkQuery } from './types';

export type Replace = (text: string | undefined, vars: ScopedVars, format?: string | Function) => string;
type Variable = { multi?: boolean; includeAll?: boolean };

/** Inside a PromQL string: a variable that can have several values is a regular expression, else the text itself. */
export function promValue(value: string | string[] | number, variable: Variable = {}): string {
  const inString = (text: string) => text.replace(/\\/g, '\\\\').replace(/"/g, '\\"');
  if (!Array.isArray(value)) {
    // $__interval_ms and its like come as numbers
    const one = String(value);
    return variable.multi || variable.includeAll ? inString(escapeRegex(one)) : inString(one);
  }
  const all = value.map((one) => inString(escapeRegex(one)));
  return all.length === 1 ? all[0] : `(${all.join('|')})`;
}

/** Inside an event filter's string. */
export function filterValue(value: string | string[] | number, variable: Variable = {}): string {
  return promValue(value, variable);
}

const joined = (value: string | string[] | number) => (Array.isArray(value) ? value.join(',') : String(value));

/** "All" without a value of its own, and what has not been chosen: no condition. */
export const isAll = (text: string) => text === '$__all' || text === '.*' || text === '';

/** One field that takes one value or a list: the values, none for all. */
export function valuesOf(replace: Replace, text: string | undefined, vars: ScopedVars): string[] {
  if (!text) {
    return [];
  }
  const out: string[] = [];
  const left = replace(text, vars, (value: string | string[] | number) => {
    out.push(...(Array.isArray(value) ? value : [value]).map(String));
    return '';
  });
  const all = [...out, ...left.split(',').map((one) => one.trim())].filter((one) => one !== '');
  return all.some(isAll) ? [] : all;
}

/** A PromQL matcher's text of a list: one is equal, more are a regular expression. */
export function matchText(label: string, values: string[]): string | undefined {
  if (values.length === 0) {
    return undefined;
  }
  const quoted = (text: string) => `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`;
  return values.length === 1 ? `${label}=${quoted(values[0])}` : `${label}=~${quoted(values.map(escapeRegex).join('|'))}`;
}

/** An event filter's test of a list. */
export function testText(field: string, values: string[]): string | undefined {
  const text = matchText(field, values);
  return values.length > 1 ? text!.replace(/=~"(.*)"$/s, '=~"^($1)$$"') : text;
}

/** A query with every variable in it replaced, as Explore and "split" want it. */
export function interpolate(query: TidemarkQuery, srv: Pick<TemplateSrv, 'replace'>, vars: ScopedVars): TidemarkQuery {
  const plain = (text?: string) => (text === undefined ? undefined : srv.replace(text, vars, joined));
  return {
    ...query,
    expr: query.expr === undefined ? undefined : srv.replace(query.expr, vars, promValue),
    filter: query.filter === undefined ? undefined : srv.replace(query.filter, vars, filterValue),
    service: plain(query.service),
    env: plain(query.env),
    pageGroup: plain(query.pageGroup),
    status: plain(query.status),
    metric: plain(query.metric),
    state: plain(query.state),
    exception: plain(query.exception),
    incident: plain(query.incident),
    key: plain(query.key),
    compare: plain(query.compare),
    kind: plain(query.kind),
    version: plain(query.version),
    step: plain(query.step),
    by: query.by?.flatMap((one) => valuesOf((t, v, f) => srv.replace(t, v, f), one, vars)),
  };
}

/** Ad-hoc filters with variables inside. */
export function interpolateFilters(filters: Filters, srv: Pick<TemplateSrv, 'replace'>, vars: ScopedVars): Filters {
  return filters.map((f) => ({
    ...f,
    value: srv.replace(f.value, vars, joined),
    values: f.values?.map((one) => srv.replace(one, vars, joined)),
  }));
}
