// Reads PromQL as far as the plugin needs it: into tokens, to find selectors. The server does the real parsing.
import { Filters, LabelMatch } from '../types';

export interface Token {
  kind: 'word' | 'number' | 'duration' | 'string' | 'sign' | 'space' | 'variable';
  text: string;
  at: number;
}

const RULES: Array<[Token['kind'], RegExp]> = [
  ['space', /(?:\s+|#[^\n]*)/y],
  ['variable', /(?:\$\{\w+[^}]*\}|\[\[\w+(?::\w+)?\]\]|\$\w+)/y],
  ['string', /(?:"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'|`[^`]*`)/y],
  ['duration', /(?:\d+(?:ms|[smhdwy]))+(?![\w.])/y],
  ['number', /(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/y],
  ['word', /:?[a-zA-Z_][\w:]*/y],
  ['sign', /(?:==|!=|>=|<=|=~|!~|[^])/y],
];

/** All tokens of a text, spaces too: joined they are the text again. */
export function scan(text: string): Token[] {
  const out: Token[] = [];
  for (let at = 0; at < text.length; ) {
    for (const [kind, rule] of RULES) {
      rule.lastIndex = at;
      const found = rule.exec(text);
      if (found) {
        out.push({ kind, text: found[0], at });
        at += found[0].length;
        break;
      }
    }
  }
  return out;
}

/** A string literal's value; null if it is none. */
export function unquote(literal: string): string | null {
  if (literal.startsWith('`')) {
    return literal.slice(1, -1);
  }
  const plain: Record<string, string> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' };
  const code = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([^]))/g;
  try {
    return literal.slice(1, -1).replace(code, (_, x, u, long, octal, one) =>
      one !== undefined ? (plain[one] ?? one) : String.fromCodePoint(parseInt(x ?? u ?? long ?? octal, octal ? 8 : 16))
    );
  } catch {
    return null;
  }
}

/** A value as a PromQL string. */
export function quote(value: string): string {
  return '"' + value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n').replace(/\r/g, '\\r') + '"';
}

/** A value that a regular expression shall take as it stands. */
export function escapeRegex(value: string): string {
  return value.replace(/[\\^$*+?.()|[\]{}/]/g, (sign) => (sign === '/' ? '/' : '\\' + sign));
}

export function printMatch(m: LabelMatch): string {
  return `${m.label}${m.op}${quote(m.value)}`;
}

/** Ad-hoc filters as conditions on labels; those that PromQL can't say (<, >) are left out. */
export function matchesOf(filters: Filters): LabelMatch[] {
  return filters.flatMap((f): LabelMatch[] => {
    const values = f.values && f.values.length > 0 ? f.values : [f.value];
    if (!f.key || !/^[a-zA-Z_]\w*$/.test(f.key)) {
      return [];
    }
    switch (f.operator) {
      case '=|':
        return [{ label: f.key, op: '=~', value: values.map(escapeRegex).join('|') }];
      case '!=|':
        return [{ label: f.key, op: '!~', value: values.map(escapeRegex).join('|') }];
      case '=':
      case '!=':
      case '=~':
      case '!~':
        return [{ label: f.key, op: f.operator, value: f.value ?? '' }];
      default:
        return [];
    }
  });
}

const GROUPING = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const NO_METRIC = new Set([
  ...GROUPING, 'and', 'or', 'unless', 'bool', 'offset', 'atan2', 'inf', 'nan', 'start', 'end', 'sum', 'avg', 'min', 'max', 'count',
  'stddev', 'stdvar', 'group', 'topk', 'bottomk', 'quantile', 'count_values',
]);

/** The same expression with the conditions added to each of its selectors. */
export function addMatches(expr: string, matches: LabelMatch[]): string {
  if (matches.length === 0) {
    return expr;
  }
  const more = matches.map(printMatch).join(',');
  const tokens = scan(expr);
  const next = (from: number) => {
    let i = from;
    while (i < tokens.length && tokens[i].kind === 'space') {
      i++;
    }
    return i;
  };
  const out = tokens.map((t) => t.text);
  for (let i = 0; i < tokens.length; i++) {
    const t = tokens[i];
    const after = next(i + 1);
    const follows = tokens[after]?.text;
    if (t.kind === 'sign' && t.text === '{') {
      const inside = tokens[after]?.text === '}';
      const end = closing(tokens, i);
      const last = lastInside(tokens, i, end);
      out[last] += inside ? more : (tokens[last].text === ',' ? '' : ',') + more;
      i = end;
    } else if (t.kind === 'word' && GROUPING.has(t.text.toLowerCase()) && follows === '(') {
      i = closing(tokens, after);
    } else if ((t.kind === 'word' || t.kind === 'variable') && follows !== '{' && follows !== '(') {
      const isMetric = t.kind === 'word' && !NO_METRIC.has(t.text.toLowerCase());
      out[i] += isMetric ? `{${more}}` : '';
    } else if (t.kind === 'sign' && t.text === '[') {
      i = closing(tokens, i);
    }
  }
  return out.join('');
}

const PAIRS: Record<string, string> = { '(': ')', '{': '}', '[': ']' };

/** The place of the bracket that closes the one at `open`; the last token if there is none. */
function closing(tokens: Token[], open: number): number {
  const [left, right] = [tokens[open].text, PAIRS[tokens[open].text]];
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    if (tokens[i].kind === 'sign') {
      depth += tokens[i].text === left ? 1 : tokens[i].text === right ? -1 : 0;
      if (depth === 0) {
        return i;
      }
    }
  }
  return tokens.length - 1;
}

/** The last token between the brackets that is no space; the opening one if there is none. */
function lastInside(tokens: Token[], open: number, end: number): number {
  let i = end - 1;
  while (i > open && tokens[i].kind === 'space') {
    i--;
  }
  return i;
}
