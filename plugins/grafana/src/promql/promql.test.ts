import { BuilderState } from '../types';
import { parseBuilder, printBuilder } from './builder';
import { OPERATIONS, newOperation } from './operations';
import { addMatches, matchesOf, quote, scan, unquote } from './scan';

const cpu: BuilderState = { metric: 'cpu', labels: [{ label: 'pod', op: '=~', value: 'a"(\\d+' }], operations: [] };

describe('the builder and the code', () => {
  test('each pair of operations comes back from its text', () => {
    for (const a of OPERATIONS) {
      for (const b of OPERATIONS) {
        const state = { ...cpu, operations: [newOperation(a.id), newOperation(b.id)] };
        expect(parseBuilder(printBuilder(state))).toEqual(state);
      }
    }
  });
  test.each([
    ['sum by (a, b) (rate(x{c="d"}[5m]))'],
    ['sum(rate(x[5m])) by (a)'],
    ['histogram_quantile(0.95, sum by (le) (rate(x_bucket[$__rate_interval])))'],
    ['max_over_time(rate(x[5m])[1h:])'],
    ['(x * 2) + 1'],
    ['$metric{a=~"$b"}'],
    ['{__name__="x"}'],
  ])('%s is shown and stays what it means', (expr) => {
    const state = parseBuilder(expr);
    expect(state).not.toBeNull();
    expect(parseBuilder(printBuilder(state!))).toEqual(state);
  });
  test.each([['a / b'], ['sum(x'], ['x offset 5m'], ['sum without (a) (x)'], ['x * 2 + 1'], ['x[5m]'], ['nosuch(x)'], ['topk(x)']])(
    '%s is left to the code', (expr) => expect(parseBuilder(expr)).toBeNull()
  );
});

describe('conditions in every selector', () => {
  const more = [{ label: 'env', op: '=' as const, value: 'p"1' }];
  test.each([
    ['cpu', 'cpu{env="p\\"1"}'],
    ['cpu{}', 'cpu{env="p\\"1"}'],
    ['cpu{a="b{c}"}[5m]', 'cpu{a="b{c}",env="p\\"1"}[5m]'],
    ['cpu{a="b", }', 'cpu{a="b",env="p\\"1" }'],
    ['{a="b"}', '{a="b",env="p\\"1"}'],
    ['sum by (pod) (rate(a[5m])) / on (pod) group_left (x) b', 'sum by (pod) (rate(a{env="p\\"1"}[5m])) / on (pod) group_left (x) b{env="p\\"1"}'],
    ['max_over_time(a[1h:5m] offset 1d) > bool 2', 'max_over_time(a{env="p\\"1"}[1h:5m] offset 1d) > bool 2'],
    ['sum(a) by (pod)', 'sum(a{env="p\\"1"}) by (pod)'],
    ['label_replace(a, "x", "$1", "y", "(.*)") or inf', 'label_replace(a{env="p\\"1"}, "x", "$1", "y", "(.*)") or inf'],
    ['a # b\n', 'a{env="p\\"1"} # b\n'],
  ])('%s', (expr, wanted) => expect(addMatches(expr, more)).toBe(wanted));
  test('ad-hoc filters: several values are escaped; what PromQL has not is left out', () => {
    expect(matchesOf([
      { key: 'a', operator: '=|', value: 'x.y', values: ['x.y', 'z'] }, { key: 'b', operator: '<', value: '1' }, { key: 'c-d', operator: '=', value: '1' },
      { key: 'e', operator: '!=', value: '' },
    ])).toEqual([{ label: 'a', op: '=~', value: 'x\\.y|z' }, { label: 'e', op: '!=', value: '' }]);
  });
});

test('tokens are the text again; strings come back from quotes', () => {
  const text = 'sum by(x) (a{b="c\\"d",e!~`f`}[5m:1m]) + 0x1F # end\n$v ${w:regex} [[u]]';
  expect(scan(text).map((t) => t.text).join('')).toBe(text);
  for (const one of ['', 'a"b\\c\nd', '한국', '\t']) {
    expect(unquote(quote(one))).toBe(one);
  }
});
