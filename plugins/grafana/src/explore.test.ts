// What Explore asks of the data source beyond queries.
import { AbstractLabelOperator } from '@grafana/data';
import { fromAbstract, toAbstract } from './abstract';
import { exceptionsFrame, incidentsFrame } from './frames';
import { hasFilter, modifyQuery, toggleFilter } from './modify';
import { eventLogsFrame, levelOf, volumeFrames, volumeQuery } from './query/logs';
import { golden } from './test/golden';
import { ExceptionGroup, HttpEvent, Incident, Page, TidemarkQuery } from './types';

const metrics = (expr: string): TidemarkQuery => ({ refId: 'A', schema: 1, queryType: 'metrics', expr });
const events = (filter?: string): TidemarkQuery => ({ refId: 'A', schema: 1, queryType: 'events', ...(filter ? { filter } : {}) });

describe('from one data source to another', () => {
  const pairs = (q: TidemarkQuery) => toAbstract(q).labelMatchers.map((m) => [m.name, m.operator, m.value]);
  test.each([
    ['cpu{service="cart",pod!="x"}', [['__name__', 'Equal', 'cpu'], ['service', 'Equal', 'cart'], ['pod', 'NotEqual', 'x']]],
    ['sum by (le) (rate(a_bucket{m=~"}.*"}[5m])) / ignoring(x) b', [['__name__', 'Equal', 'a_bucket'], ['m', 'EqualRegEx', '}.*']]],
    ['1 + 1', []],
  ])('%s', (expr, wanted) => expect(pairs(metrics(expr))).toEqual(wanted));
  test('what has no expression carries its service', () =>
    expect(pairs({ refId: 'A', queryType: 'tallies', metric: 'tally_x_total', service: 'pay' })).toEqual([['__name__', 'Equal', 'tally_x_total'], ['service', 'Equal', 'pay']]));
  test('a metric there and back', () => {
    const q = fromAbstract(toAbstract(metrics('up{a="x\\"y",b=~"c|d"}')));
    expect([q.queryType, q.expr]).toEqual(['metrics', 'up{a="x\\"y",b=~"c|d"}']);
  });
  test('labels alone become requests; those that requests have not are left out', () => {
    const q = fromAbstract({ refId: 'B', labelMatchers: [['job', 'cart'], ['page_group', 'home'], ['filename', '/var/log/x']].map(([name, value]) => ({ name, value, operator: AbstractLabelOperator.Equal })) });
    expect(q).toMatchObject({ refId: 'B', queryType: 'events', format: 'logs', service: 'cart', filter: 'group="home"' });
  });
  test('nothing becomes a new query', () => expect(fromAbstract({ refId: 'A', labelMatchers: [] }).expr).toBeUndefined());
});

describe('filters that switch', () => {
  const toggle = (q: TidemarkQuery, type: 'FILTER_FOR' | 'FILTER_OUT', key: string, value: string) => toggleFilter(q, { type, options: { key, value } });
  test.each([
    [events(), events('status=500')], [events('a or b'), events('(a or b) status=500')], [events('status!=500'), events('status=500')],
    [events('status=5001 status=500'), events('status=5001')], [events('status=500'), events()], [events('x.status=500'), events('x.status=500 status=500')],
  ])('%j becomes %j', (before, after) => expect(toggle(before, 'FILTER_FOR', 'status', '500')).toEqual(after));
  test('of an expression', () => {
    const on = toggle(metrics('rate(cpu{a="b"}[5m])'), 'FILTER_FOR', 'pod', 'x.y');
    expect(on.expr).toBe('rate(cpu{a="b",pod="x.y"}[5m])');
    expect([hasFilter(on, { key: 'pod', value: 'x.y' }), hasFilter(on, { key: 'od', value: 'x.y' }), hasFilter(on, { key: 'pod', value: 'xzy' })]).toEqual([true, false, false]);
    expect(toggle(on, 'FILTER_FOR', 'pod', 'x.y').expr).toBe('rate(cpu{a="b"}[5m])');
    expect(toggle(on, 'FILTER_OUT', 'pod', 'x.y').expr).toBe('rate(cpu{a="b",pod!="x.y"}[5m])');
    expect(toggle(metrics('cpu{pod="x"}'), 'FILTER_FOR', 'pod', 'x').expr).toBe('cpu');
  });
  test('a value of a column goes to the field that is for it', () => {
    const add = (queryType: TidemarkQuery['queryType'], key: string, value: string) => modifyQuery({ refId: 'A', queryType }, { type: 'ADD_FILTER', options: { key, value } });
    expect(add('status', 'class', '5xx').status).toBe('5xx');
    expect(add('exceptions', 'state', 'new').state).toBe('new');
    expect(add('incidents', 'text', 'x')).toEqual({ refId: 'A', queryType: 'incidents' });
  });
});

describe('requests as a log', () => {
  const { items } = golden<Page<HttpEvent>>('events');
  test('each is a line of its own, with its labels', () => {
    const frame = eventLogsFrame('A', items);
    const column = (name: string) => Array.from(frame.fields.find((f) => f.name === name)!.values);
    expect(frame.meta?.preferredVisualisationType).toBe('logs');
    expect(new Set(column('id')).size).toBe(items.length);
    expect(column('timestamp')).toEqual(items.map((e) => Date.parse(e.time)));
    expect(column('body').every((line, i) => (line as string).startsWith(`${items[i].method} ${items[i].url} ${items[i].status}`))).toBe(true);
    expect(column('labels')[0]).toMatchObject({ service: items[0].service, status: String(items[0].status) });
  });
  test('levels', () => expect([200, 301, 404, '5xx'].map(levelOf)).toEqual(['info', 'info', 'warning', 'error']));
  test('counts are above a log, unless a filter asks for what is not counted', () => {
    expect(volumeQuery({ ...events(), format: 'logs', service: 'cart' })).toMatchObject({ queryType: 'status', by: ['class'], mode: 'count', service: 'cart' });
    expect([volumeQuery(events()), volumeQuery({ ...events('url="/"'), format: 'logs' }), volumeQuery(metrics('cpu'))]).toEqual([undefined, undefined, undefined]);
    const [frame] = volumeFrames('v', { start: 60, end: 180, step: 60 }, [{ labels: { class: '4xx' }, points: [[120, 7]] }]);
    expect([frame.fields[1].labels, Array.from(frame.fields[1].values), Array.from(frame.fields[0].values)]).toEqual([{ level: 'warning' }, [0, 7], [60000, 120000]]);
  });
});

describe('links', () => {
  const origin = { uid: 'u', name: 'n', isExplore: true };
  const linksOf = (frame: { fields: Array<{ name: string; config: { links?: Array<{ title: string; url: string; internal?: { datasourceUid: string; query: object } }> } }> }, name: string) => frame.fields.find((f) => f.name === name)!.config.links!;
  const { items: groups } = golden<Page<ExceptionGroup>>('exceptions');
  const { items: incidents } = golden<Page<Incident>>('incidents');
  test('in Explore to queries of the same data source', () => {
    const [link] = linksOf(exceptionsFrame('A', groups, groups.map(() => []), origin), 'type');
    expect(link.internal).toMatchObject({ datasourceUid: 'u', query: { queryType: 'exceptions', exception: '${__data.fields.id}' } });
    expect(linksOf(incidentsFrame('A', incidents, origin), 'text').map((l) => l.title)).toEqual(['Show this incident', 'What was unusual during it', 'Observed and expected']);
  });
  test('in a dashboard to another one; of an incident with its time', () => {
    const frame = incidentsFrame('A', incidents, { ...origin, isExplore: false });
    const [link, ...more] = linksOf(frame, 'text');
    expect([more.length, link.internal, link.url]).toEqual([0, undefined, expect.stringContaining('&from=${__data.fields.from}&to=${__data.fields.to}')]);
    const at = (name: string) => frame.fields.find((f) => f.name === name)!.values[0];
    expect(Number(at('from'))).toBe(Date.parse(incidents[0].start) - 1800e3);
    expect(at('to')).toBe(incidents[0].end ? String(Date.parse(incidents[0].end) + 1800e3) : 'now');
  });
});
