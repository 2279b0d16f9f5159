// What Explore carries over when another data source is chosen: the labels of a query, without what is done with them.
import { AbstractLabelMatcher, AbstractLabelOperator, AbstractQuery } from '@grafana/data';
import { parseBuilder } from './promql/builder';
import { printMatch, quote, scan } from './promql/scan';
import { newQuery } from './migrate';
import { BuilderState, LabelMatch, TidemarkQuery } from './types';

const OPERATORS: Record<LabelMatch['op'], AbstractLabelOperator> = {
  '=': AbstractLabelOperator.Equal, '!=': AbstractLabelOperator.NotEqual, '=~': AbstractLabelOperator.EqualRegEx, '!~': AbstractLabelOperator.NotEqualRegEx,
};
const signOf = (operator: AbstractLabelOperator) => (Object.keys(OPERATORS) as Array<LabelMatch['op']>).find((sign) => OPERATORS[sign] === operator) ?? '=';
/** Labels that events are found by, and their names in filters. */
const EVENT_TESTS: Record<string, string> = { method: 'method', status: 'status', page_group: 'group', url: 'url' };

/** The first selector of an expression, however much more there is of it. */
function firstSelector(expr: string): BuilderState | null {
  const whole = parseBuilder(expr);
  if (whole) {
    return whole;
  }
  const tokens = scan(expr);
  const open = tokens.findIndex((t) => t.text === '{');
  const close = tokens.findIndex((t, i) => i > open && t.text === '}');
  if (open < 0 || close < 0) {
    return null;
  }
  const begin = tokens[open - 1]?.kind === 'word' ? open - 1 : open;
  return parseBuilder(tokens.slice(begin, close + 1).map((t) => t.text).join(''));
}

const matcher = (m: LabelMatch): AbstractLabelMatcher => ({ name: m.label, value: m.value, operator: OPERATORS[m.op] });
const equal = (label: string, value?: string): LabelMatch[] => (value ? [{ label, op: '=', value }] : []);

export function toAbstract(query: TidemarkQuery): AbstractQuery {
  const selector = query.queryType === 'metrics' ? firstSelector(query.expr ?? '') : null;
  const metric = { metrics: selector?.metric, status: 'http_events_total', tallies: query.metric }[query.queryType as string];
  const own = selector?.labels ?? [...equal('service', query.service), ...equal('env', query.env), ...equal('page_group', query.pageGroup)];
  return { refId: query.refId, labelMatchers: [...equal('__name__', metric), ...own].map(matcher) };
}

/** With a metric's name: that metric. Without one, as from a source of logs: the requests. */
export function fromAbstract(query: AbstractQuery): TidemarkQuery {
  const matches = query.labelMatchers.map((m): LabelMatch => ({ label: m.name, op: signOf(m.operator), value: m.value }));
  const metric = matches.find((m) => m.label === '__name__' && m.op === '=')?.value;
  const others = matches.filter((m) => metric === undefined || m.label !== '__name__');
  if (metric !== undefined) {
    const expr = metric + (others.length > 0 ? `{${others.map(printMatch).join(',')}}` : '');
    return { refId: query.refId, ...newQuery('metrics'), expr };
  }
  if (others.length === 0) {
    return { refId: query.refId, ...newQuery('metrics') };
  }
  const of = (...labels: string[]) => others.find((m) => labels.includes(m.label) && m.op === '=')?.value;
  const filter = others.filter((m) => m.label in EVENT_TESTS).map((m) => `${EVENT_TESTS[m.label]}${m.op}${m.label === 'status' ? m.value : quote(m.value)}`);
  const [service, env] = [of('service', 'service_name', 'job', 'app'), of('env')];
  return {
    refId: query.refId, ...newQuery('events'), format: 'logs', ...(service ? { service } : {}), ...(env ? { env } : {}),
    ...(filter.length > 0 ? { filter: filter.join(' ') } : {}),
  };
}
