// Names and units of what is drawn.
import { Labels } from './types';

/** A legend with {{label}} filled in; without one the labels as PromQL writes them. */
export function legendText(legend: string | undefined, labels: Labels, fallback: string): string {
  if (legend) {
    return legend.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, name: string) => labels[name] ?? '');
  }
  const { __name__: name = '', ...rest } = labels;
  const pairs = Object.entries(rest).map(([key, value]) => `${key}="${value}"`);
  const text = pairs.length > 0 ? `${name}{${pairs.join(', ')}}` : name;
  return text === '' ? fallback : text;
}

/** Only what differs: "cart 500" rather than service="cart",status="500". */
export function shortText(legend: string | undefined, labels: Labels, fallback: string): string {
  const values = Object.values(labels).filter((value) => value !== '');
  return legend ? legendText(legend, labels, fallback) : values.join(' ') || fallback;
}

const SUFFIXES: Array<[RegExp, string]> = [
  [/_seconds(_sum)?$/, 's'],
  [/_(ms|milliseconds)$/, 'ms'],
  [/_bytes(_total)?$/, 'bytes'],
  [/_ratio$/, 'percentunit'],
  [/_percent$/, 'percent'],
  [/_celsius$/, 'celsius'],
];

/** The unit that an expression's values have, where its text tells; undefined where it does not. */
export function unitOf(expr: string): string | undefined {
  // labels of a grouping and texts are no names of metrics
  const bare = expr.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, '');
  const names = [...bare.matchAll(/[a-zA-Z_:][\w:]*(?=\s*[{[]|\s*\)|\s*$)/g)].map((found) => found[0]);
  const name = names[0];
  if (!name || /[/*]/.test(bare)) {
    return undefined;
  }
  const isRate = /\b(rate|irate)\s*\(/.test(expr);
  if (/\bhistogram_quantile\s*\(/.test(expr)) {
    return /_seconds_bucket\b/.test(expr) ? 's' : undefined;
  }
  const found = SUFFIXES.find(([suffix]) => suffix.test(name))?.[1];
  if (isRate) {
    const counted = name === 'http_events_total' ? 'reqps' : /_total$/.test(name) ? 'cps' : undefined;
    return found === 'bytes' ? 'Bps' : found === undefined ? counted : undefined;
  }
  return /\b(count|count_over_time|deriv|delta)\s*\(/.test(expr) ? undefined : found;
}
