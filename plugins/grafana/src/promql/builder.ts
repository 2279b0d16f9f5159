// Between the builder and the text of PromQL, both ways. parseBuilder(printBuilder(x)) is x; an expression that the
// builder can't show is null, and stays as it is in the code editor.
import { BuilderState, LabelMatch, Operation } from '../types';
import { operationById, operationBySign } from './operations';
import { printMatch, scan, Token, unquote } from './scan';

export const EMPTY_BUILDER: BuilderState = { metric: '', labels: [], operations: [] };

export function printSelector(state: Pick<BuilderState, 'metric' | 'labels'>): string {
  const labels = state.labels.filter((m) => m.label !== '');
  return labels.length > 0 ? `${state.metric}{${labels.map(printMatch).join(', ')}}` : state.metric;
}

export function printBuilder(state: BuilderState): string {
  let text = printSelector(state);
  let isSum = false; // a binary operation stands outside: it needs brackets as an operand
  let isSelector = true;
  for (const op of text === '' ? [] : state.operations) {
    const def = operationById(op.id);
    switch (def?.kind) {
      case 'range':
        text = `${def.id}(${isSum ? `(${text})` : text}[${op.params[0]}${isSelector ? '' : ':'}])`;
        break;
      case 'function':
        text = `${def.id}(${text})`;
        break;
      case 'leading':
        text = `${def.id}(${op.params[0]}, ${text})`;
        break;
      case 'aggregation':
        text = `${def.id}${op.by?.length ? ` by (${op.by.join(', ')}) ` : ''}(${[...op.params, text].join(', ')})`;
        break;
      case 'scalar':
        text = `${isSum ? `(${text})` : text} ${def.label} ${op.params[0]}`;
        break;
      default:
        continue;
    }
    isSum = def.kind === 'scalar';
    isSelector = false;
  }
  return text;
}

/** The builder's state of an expression; null if the builder can't show it. */
export function parseBuilder(expr: string): BuilderState | null {
  const tokens = scan(expr).filter((t) => t.kind !== 'space');
  if (tokens.length === 0) {
    return { ...EMPTY_BUILDER };
  }
  const reader = new Reader(tokens);
  const state = readBinary(reader);
  return state && reader.isDone() ? state : null;
}

class Reader {
  private at = 0;
  constructor(private tokens: Token[]) {}
  isDone() {
    return this.at >= this.tokens.length;
  }
  peek(ahead = 0): Token | undefined {
    return this.tokens[this.at + ahead];
  }
  take(): Token | undefined {
    return this.tokens[this.at++];
  }
  /** Takes the sign if it stands here. */
  skip(text: string): boolean {
    const here = this.tokens[this.at];
    const found = here !== undefined && here.kind === 'sign' && here.text === text;
    this.at += found ? 1 : 0;
    return found;
  }
}

const withOperation = (state: BuilderState, op: Operation): BuilderState => ({ ...state, operations: [...state.operations, op] });

function readNumber(r: Reader): number | string | null {
  const minus = r.skip('-');
  const t = r.take();
  if (t?.kind === 'variable') {
    return minus ? null : t.text;
  }
  if (t?.kind !== 'number') {
    return null;
  }
  return Number(t.text) * (minus ? -1 : 1);
}

function readBinary(r: Reader): BuilderState | null {
  const state = readUnary(r);
  const sign = r.peek();
  const def = sign?.kind === 'sign' ? operationBySign(sign.text) : undefined;
  if (!state || !def) {
    return state;
  }
  r.take();
  const value = readNumber(r);
  const more = r.peek();
  // a chain of signs has an order of its own: left to the code editor
  if (value === null || (more?.kind === 'sign' && operationBySign(more.text))) {
    return null;
  }
  return withOperation(state, { id: def.id, params: [value] });
}

function readUnary(r: Reader): BuilderState | null {
  if (r.skip('(')) {
    const inner = readBinary(r);
    return inner && r.skip(')') ? inner : null;
  }
  const word = r.peek();
  const follows = r.peek(1);
  if (word?.kind === 'word' && follows && (follows.text === '(' || follows.text === 'by')) {
    return readCall(r);
  }
  return readSelector(r);
}

function readNames(r: Reader): string[] | null {
  const out: string[] = [];
  if (!r.skip('(')) {
    return null;
  }
  while (!r.skip(')')) {
    const t = r.take();
    if (t?.kind !== 'word') {
      return null;
    }
    out.push(t.text);
    if (!r.skip(',') && r.peek()?.text !== ')') {
      return null;
    }
  }
  return out;
}

/** by (...) if it stands here; null if it is broken. */
function readBy(r: Reader): string[] | undefined | null {
  if (r.peek()?.kind !== 'word' || r.peek()?.text !== 'by') {
    return undefined;
  }
  r.take();
  return readNames(r);
}

function readCall(r: Reader): BuilderState | null {
  const def = operationById(r.take()!.text);
  if (!def || def.kind === 'scalar') {
    return null;
  }
  const before = def.kind === 'aggregation' ? readBy(r) : undefined;
  if (before === null || !r.skip('(')) {
    return null;
  }
  const params: Array<number | string> = [];
  if (def.kind === 'leading' || (def.kind === 'aggregation' && def.params.length > 0)) {
    const value = readNumber(r);
    if (value === null || !r.skip(',')) {
      return null;
    }
    params.push(value);
  }
  const inner = readBinary(r);
  if (!inner) {
    return null;
  }
  if (def.kind === 'range') {
    const range = readRange(r, inner.operations.length > 0);
    if (range === null) {
      return null;
    }
    params.push(range);
  }
  if (!r.skip(')')) {
    return null;
  }
  const after = def.kind === 'aggregation' && before === undefined ? readBy(r) : before;
  if (after === null) {
    return null;
  }
  return withOperation(inner, { id: def.id, params, ...(def.kind === 'aggregation' ? { by: after ?? [] } : {}) });
}

/** [range] of a selector, [range:] of what is more. */
function readRange(r: Reader, isSubquery: boolean): string | null {
  if (!r.skip('[')) {
    return null;
  }
  const t = r.take();
  if (t?.kind !== 'duration' && t?.kind !== 'variable') {
    return null;
  }
  if (isSubquery !== r.skip(':')) {
    return null;
  }
  return r.skip(']') ? t.text : null;
}

const MATCH_SIGNS = new Set(['=', '!=', '=~', '!~']);

function readSelector(r: Reader): BuilderState | null {
  const name = r.peek()?.kind === 'word' || r.peek()?.kind === 'variable' ? r.take()!.text : '';
  const labels: LabelMatch[] = [];
  if (name === '' && r.peek()?.text !== '{') {
    return null;
  }
  if (r.skip('{')) {
    while (!r.skip('}')) {
      const [label, op, value] = [r.take(), r.take(), r.take()];
      const text = value?.kind === 'string' ? unquote(value.text) : null;
      if (label?.kind !== 'word' || !op || !MATCH_SIGNS.has(op.text) || text === null) {
        return null;
      }
      labels.push({ label: label.text, op: op.text as LabelMatch['op'], value: text });
      if (!r.skip(',') && r.peek()?.text !== '}') {
        return null;
      }
    }
  }
  return { metric: name, labels, operations: [] };
}
