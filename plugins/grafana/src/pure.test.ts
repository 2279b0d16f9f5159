import { dateTime, ScopedVars } from '@grafana/data';
import { askedAs, bandFrame, seriesOf } from './band';
import {
  byClass, countsFrame, eventsFrame, exceptionsFrame, incidentFrames, incidentsFrame, markersFrame, matrixFrame, reportFiles, topFrame, totalsFrame,
  vectorFrame,
} from './frames';
import { eventsOf } from './annotations';
import { ageText } from './health';
import { interpolate, promValue, testText, valuesOf } from './interpolate';
import { countGridOf, gridOf, intervalVars, seconds, stepOf } from './intervals';
import { legendText, unitOf } from './legend';
import { migrate } from './migrate';
import { modifyQuery } from './modify';
import { statusMatch } from './query/counts';
import { merged, readEvents } from './query/feed';
import { flatten, Seen, selfFrame, unitOfPath } from './query/self';
import { golden } from './test/golden';
import { Anomaly, Counts, ExceptionGroup, HttpEvent, Incident, MatrixSeries, Marker, Page, PromData, Top, Verdict } from './types';
import { parseFind } from './variables';

const range = (from: number, to: number) => ({ from: dateTime(from), to: dateTime(to), raw: { from: '', to: '' } });
const values = (frame: { fields: Array<{ name: string; values: unknown[] }> }, name: string) => Array.from(frame.fields.find((f) => f.name === name)!.values);

describe('numbers are those of the API', () => {
  test('counts by class: nothing is lost', () => {
    const data = golden<Counts>('counts');
    const all = data.items.flatMap((i) => i.points.map((p) => p[1])).reduce((a, b) => a + b, 0);
    const folded = byClass(data.items);
    expect(folded.map((i) => i.labels.class)).toEqual(['2xx', '4xx', '5xx']);
    const start = Math.min(...data.items.flatMap((i) => i.points.map((p) => p[0])));
    const frame = countsFrame('A', { start, end: start + 600, step: 60 }, folded, 'count', undefined, 'x', '1');
    expect(frame.length).toBe(10);
    expect(frame.fields.slice(1).flatMap((f) => Array.from(f.values) as number[]).reduce((a, b) => a + b, 0)).toBe(all);
    const rate = countsFrame('A', { start, end: start + 600, step: 60 }, folded, 'rate', '{{class}}', 'x', '1');
    expect(rate.fields[3].values[0]).toBe((frame.fields[3].values[0] as number) * (1 / 60));
    expect(rate.fields[3].config).toMatchObject({ displayNameFromDS: '5xx', unit: 'cps', color: { fixedColor: 'red' } });
  });
  test('totals of tallies', () => {
    const data = golden<Counts>('tally');
    const frame = totalsFrame('A', data.items, undefined, 'x', '1');
    expect(values(frame, 'Total')).toEqual(data.items.map((i) => i.points[0][1]));
    expect(values(frame, 'method')).toEqual(['card', 'invoice']);
  });
  test('a range query: on its grid, gaps are null', () => {
    const { result } = golden<{ result: MatrixSeries[] }>('range');
    const start = result[0].values[0][0];
    const frame = matrixFrame('A', { start, end: start + 300, step: 60 }, result, '{{service}}', 'avg by (service) (cpu)');
    expect(frame.fields.map((f) => f.config.displayNameFromDS)).toEqual([undefined, 'cart', 'pay', 'shop']);
    expect(values({ fields: [{ name: 'x', values: frame.fields[1].values }] }, 'x')).toEqual(result[0].values.map((v) => Number(v[1])));
    const gap = matrixFrame('A', { start: 0, end: 20, step: 10 }, [{ metric: {}, values: [[0, '+Inf'], [20, 'NaN']] }], undefined, 'x');
    expect(Array.from(gap.fields[1].values)).toEqual([Infinity, null, NaN]);
  });
  test('an instant query: a row a series', () => {
    const frame = vectorFrame('A', golden<PromData>('instant'), undefined, 'x');
    expect([...values(frame, 'service')].sort()).toEqual(['cart', 'pay', 'shop']);
    expect(values(frame, 'Value')).toEqual([2, 2, 2]);
  });
});

describe('tables', () => {
  test('events', () => {
    const { items } = golden<Page<HttpEvent>>('events');
    const frame = eventsFrame('A', items);
    expect(values(frame, 'status')).toEqual(items.map((i) => i.status));
    expect(values(frame, 'duration')).toEqual(items.map((i) => i.fields.duration_ms));
    expect(values(frame, 'cache')).toEqual(items.map((i) => i.tags.cache));
  });
  test('exceptions with a trend', () => {
    const { items } = golden<Page<ExceptionGroup>>('exceptions');
    const frame = exceptionsFrame('A', items, items.map(() => [[60, 3]]));
    expect(values(frame, 'count')).toEqual(items.map((i) => i.count));
    expect((values(frame, 'trend')[0] as { fields: Array<{ values: unknown[] }> }).fields[1].values).toEqual([3]);
  });
  test('top', () => {
    const data = golden<Top>('top');
    expect(values(topFrame('A', data), 'before')).toEqual(data.items.map((i) => i.before));
  });
  test('markers have the verdict of their deploy, also as annotations', () => {
    const frame = markersFrame('A', golden<Page<Marker>>('markers').items, golden<Page<Verdict>>('verdicts').items);
    const at = values(frame, 'version').indexOf('1.8.4');
    expect(values(frame, 'verdict')[at]).toBe('bad');
    const event = eventsOf(frame)[at];
    expect(event).toMatchObject({ color: 'red', title: 'deploy 1.8.4 · cart' });
    expect(event.isRegion).toBeUndefined();
    const planned = eventsOf(frame)[values(frame, 'kind').indexOf('event')];
    expect(planned).toMatchObject({ isRegion: true, color: 'yellow' });
  });
  test('the band lies three spreads around what was expected; the line fills the minutes between', () => {
    const at = Date.parse('2026-11-23T10:02:00Z');
    const a = { ...golden<Page<Anomaly>>('anomalies').items[0], time: new Date(at).toISOString(), metric: 'heap_bytes', labels: { service: 'cart', env: 'prod', pod: 'a' }, expected: 10, spread: 2, observed: 30 } as Anomaly;
    const [series] = seriesOf([a]);
    const frame = bandFrame('A', series, 0, { start: at - 120e3, end: at + 60e3 }, new Map([[at - 60e3, 11]]));
    expect(frame.fields.map((f) => [f.name, Array.from(f.values)])).toEqual([
      ['Time', [at - 120e3, at - 60e3, at]], ['observed', [null, 11, 30]], ['expected', [null, null, 10]], ['lower', [null, null, 4]], ['upper', [null, null, 16]],
    ]);
    expect(frame.fields[1].config).toMatchObject({ displayNameFromDS: 'heap_bytes cart a', unit: 'bytes' });
  });
  test('series with the highest scores come first; each is asked for as it was scored', () => {
    const of = (metric: string, labels: Record<string, string>, score: number) => ({ metric, labels, score, time: '2026-11-23T10:02:00Z' }) as Anomaly;
    expect(seriesOf([of('a', {}, 30), of('b', {}, 70), of('a', {}, 50)]).map((s) => [s.metric, s.anomalies.length])).toEqual([['b', 1], ['a', 2]]);
    expect(askedAs({ metric: 'http_events_total', labels: { class: '5xx', service: 'a"b' } })).toEqual({ name: 'http_events_total', match: '{service="a\\"b",status=~"5.."}' });
    expect(askedAs({ metric: 'cpu', labels: { pod: 'a' } })).toEqual({ expr: 'avg_over_time(cpu{pod="a"}[1m])' });
    expect(askedAs({ metric: 'http_event_duration_seconds', labels: { quantile: '0.5', service: 'a' } })).toEqual({
      expr: 'histogram_quantile(0.5, sum by (le) (increase(http_event_duration_seconds_bucket{service="a"}[1m])))',
    });
    expect(askedAs({ metric: 'other', labels: { quantile: '0.5' } })).toBeNull();
    expect(askedAs({ metric: 'http_error_ratio', labels: { class: '5xx' } })).toBeNull();
  });
  test('an incident: what is known of it, then its series in their order', () => {
    const incident = golden<Page<Incident>>('incidents').items[0];
    const [known, onset] = incidentFrames('A', incident);
    expect(values(known, 'value')[0]).toBe(incident.text);
    expect(values(incidentFrames('A', incident, 'utc')[0], 'value')).toContain(`${incident.start.slice(0, 10)} ${incident.start.slice(11, 19)} UTC`);
    expect(values(onset, 'observed')).toEqual(incident.onset.map((o) => o.observed));
    expect(values(onset, 'metric')[0]).toBe(incident.onset[0].metric);
    expect(String(values(onset, 'labels')[0])).not.toContain('service=');
    const event = eventsOf(incidentsFrame('A', [incident]))[0];
    expect(event).toMatchObject({ isRegion: true, color: 'red', time: Date.parse(incident.start), timeEnd: Date.parse(incident.end!) });
  });
  test('files of a report', () => {
    expect(reportFiles({ report: 'a@b', week: '2026-W47', path: '/reports/a@b/2026-W47/', revision: 1, made: null, files: [{ name: 'x.html' }] })).toEqual({
      html: '/reports/a%40b/2026-W47/x.html',
    });
  });
});

describe('spans and steps', () => {
  test('durations', () => expect([seconds('1h30m', 0), seconds('500ms', 0), seconds('x', 7), seconds(undefined, 7)]).toEqual([5400, 0.5, 7, 7]));
  test('at most 11,000 points', () => {
    const r = range(0, 30 * 86400e3);
    const step = stepOf(1, r, 1);
    expect((30 * 86400) / step).toBeLessThan(11000);
    expect(gridOf(range(1000e3, 2000e3), 60)).toEqual({ start: 960, end: 1980, step: 60 });
  });
  test('counts have whole cells', () => expect(countGridOf(15000, range(1001e3, 2001e3), 0)).toEqual({ start: 1000, end: 2020, step: 20 }));
  test('$__rate_interval is four intervals of sending', () => {
    expect(intervalVars(15, range(0, 3600e3), 15)).toMatchObject({ __rate_interval: { value: '60s' }, __range: { value: '3600s' }, __interval: { value: '15s' } });
    expect(intervalVars(300, range(0, 3600e3), 15).__rate_interval!.value).toBe('315s');
  });
});

describe('variables', () => {
  const srv = (vars: Record<string, string | string[]>) => ({
    replace: (text = '', _: ScopedVars = {}, format?: unknown) =>
      text.replace(/\$(\w+)/g, (all, name: string) => (name in vars ? (typeof format === 'function' ? format(vars[name], { multi: Array.isArray(vars[name]) }) : String(vars[name])) : all)),
  });
  test.each([
    ['a"b', {}, 'a\\"b'],
    ['a.b', {}, 'a.b'],
    [15000, {}, '15000'],
    ['a.b', { multi: true }, 'a\\\\.b'],
    [['a.b'], { multi: true }, 'a\\\\.b'],
    [['a', 'b|c'], { multi: true }, '(a|b\\\\|c)'],
    [[], { multi: true }, '()'],
  ])('in PromQL: %p %p', (value, variable, wanted) => expect(promValue(value as string, variable)).toBe(wanted));
  test('lists: all and nothing are no condition', () => {
    const of = (text: string, vars = {}) => valuesOf(srv(vars).replace as never, text, {});
    expect(of('$s', { s: ['a', 'b'] })).toEqual(['a', 'b']);
    expect(of('$s', { s: ['$__all'] })).toEqual([]);
    expect(of('$s', { s: '' })).toEqual([]);
    expect(of('a, b')).toEqual(['a', 'b']);
  });
  test('a number is a value too', () => expect(valuesOf(srv({ n: 5 } as never).replace as never, '$n', {})).toEqual(['5']));
  test('every part of a query', () => {
    expect(interpolate({ refId: 'A', queryType: 'status', service: '$s', expr: 'x{a=~"$s"}', by: ['$b', 'c'] }, srv({ s: ['a', 'b'], b: ['d', 'e'] }), {})).toMatchObject({
      service: 'a,b', expr: 'x{a=~"(a|b)"}', by: ['d', 'e', 'c'],
    });
  });
  test('several in an event filter', () => expect(testText('env', ['a', 'b.c'])).toBe('env=~"^(a|b\\\\.c)$"'));
  test('as text', () => {
    expect(parseFind('label_values(cpu{a="b,c"}, pod)')).toMatchObject({ kind: 'label_values', label: 'pod', match: 'cpu{a="b,c"}' });
    expect(parseFind('page_groups($service)')).toMatchObject({ kind: 'page_groups', service: '$service' });
    expect(() => parseFind('nonsense')).toThrow(/none of them/);
  });
});

test('stored queries of Prometheus panels are taken over; newer ones stay', () => {
  expect(migrate({ refId: 'A', expr: 'up', legendFormat: '{{job}}', interval: '1m' } as never)).toEqual({
    refId: 'A', expr: 'up', queryType: 'metrics', legend: '{{job}}', step: '1m', editor: 'code', schema: 1,
  });
  expect(migrate({ refId: 'A', queryType: 'top', schema: 9 } as never)).toEqual({ refId: 'A', queryType: 'top', schema: 9 });
});

test('filter for and out', () => {
  const q = { refId: 'A', queryType: 'events' as const, filter: 'a or b' };
  expect(modifyQuery(q, { type: 'ADD_FILTER', options: { key: 'page_group', value: 'x' } }).filter).toBe('(a or b) group="x"');
  expect(modifyQuery({ refId: 'A', queryType: 'metrics', expr: 'cpu' }, { type: 'ADD_FILTER_OUT', options: { key: 'pod', value: 'x' } }).expr).toBe('cpu{pod!="x"}');
});

test('statuses, legends, units, ages', () => {
  expect(statusMatch(['4xx', '503'])).toBe('status=~"4..|503"');
  expect(legendText('{{a}} {{ b }}', { a: '1' }, 'x')).toBe('1 ');
  expect(legendText(undefined, { __name__: 'm', a: '1' }, 'x')).toBe('m{a="1"}');
  expect([unitOf('heap_bytes'), unitOf('rate(a_total[5m])'), unitOf('sum(x)'), unitOf('a_bytes / b_bytes')]).toEqual(['bytes', 'cps', undefined, undefined]);
  expect(['sum by (service) (rate(http_events_total[5m]))', 'sum(rate(a_bytes_total{x="b_ms"}[5m])) by (p)', 'a_seconds{m="/x*"}', 'http_events_total'].map(unitOf)).toEqual(['reqps', 'Bps', 's', undefined]);
  expect(ageText(90)).toBe('90 s');
});

test('the feed: events over broken pieces; told again replaces', () => {
  const one = readEvents('', ': hello\n\nevent: incident\nid: 1\ndata: {"a"');
  expect(one.events).toEqual([]);
  expect(readEvents(one.pending, ':1}\n\n').events).toEqual([{ event: 'incident', data: '{"a":1}' }]);
  const item = (id: string, time: string, text: string) => ({ topic: 'incident' as const, id, time, text, service: 's', score: 1 });
  expect(merged([item('1', '2026-01-01', 'old')], [item('1', '2026-01-01', 'new'), item('2', '2026-01-02', 'b')], 5).map((i) => i.text)).toEqual(['b', 'new']);
});

describe('the daemon itself', () => {
  const status = { version: '1', trouble: null, ingest: { samples_per_s: 5, pending: 0 }, gates: [{ pid: 1 }], memory: { rss_bytes: 9 } };
  test('numbers by their paths, lists left out', () =>
    expect(flatten(status)).toEqual({ version: '1', 'ingest.samples_per_s': 5, 'ingest.pending': 0, 'memory.rss_bytes': 9 }));
  test('units by their endings', () =>
    expect(['a.rss_bytes', 'a.bytes', 'a.ack_p99_ms', 'a.lag_s', 'a.samples_per_s', 'a.count'].map(unitOfPath)).toEqual(['bytes', 'bytes', 'ms', 's', 'cps', undefined]));
  test('lines of what was chosen; without a choice a table of all', () => {
    const seen = [{ at: 1000, numbers: flatten(status) }, { at: 2000, numbers: { 'ingest.pending': 3 } }];
    expect(selfFrame('A', seen, ['ingest.pending', 'memory.rss_bytes']).fields.map((f) => Array.from(f.values))).toEqual([[1000, 2000], [0, 3], [9, null]]);
    expect(values(selfFrame('A', seen, []), 'value')).toEqual(['3']);
  });
  test('many panels, one request', async () => {
    let asked = 0;
    let now = 0;
    const seen = new Seen({ ask: async () => ({ data: status, warnings: [], n: asked++ }) } as never, () => now);
    await Promise.all([seen.look(), seen.look()]);
    await seen.look();
    expect([asked, seen.all.length]).toEqual([1, 1]);
    now = 6000;
    await seen.look();
    expect([asked, seen.all.length]).toEqual([2, 2]);
  });
});
