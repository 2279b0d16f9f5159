"""Exact counts over HTTP and by command, against an independent recount: CONTRACT 4, 5 and 9."""
import json
import random
from collections import Counter
from urllib.parse import urlencode

import pytest

from harness import Daemon, command, now_ms

CELL_MS = 10000
SHOP = {'services': [{'name': 'shop', 'page_groups': [{'name': 'product', 'match': '^/p/'}, {'name': 'cart', 'match': '^/cart'}]}]}
LATENCIES_MS = (0.003, 1, 45.2, 45.3, 1500, 90000)


def counts(daemon, code=200, **query):
    pairs = [(name.replace('match', 'match[]').rstrip('_'), value) for name, value in query.items()]
    status, answer, _ = daemon.request('GET', '/api/v1/counts?' + urlencode(pairs, doseq=True))
    assert status == code, answer
    return json.loads(answer)['data' if code == 200 else 'error']


def seconds(ms):
    return f'{ms // 1000}.{ms % 1000:03}'


class Traffic:
    """HTTP events of an hour and a half in any order, over two services, and what they sum up to."""

    def __init__(self, seed=20261123, count=3000):
        rng = random.Random(seed)
        self.start = (now_ms() - 6000 * 1000) // CELL_MS * CELL_MS
        self.events = []
        for i in range(count):
            self.events.append({
                'time': self.start + rng.randrange(5400 * 1000), 'service': rng.choice(('shop', 'shop', 'news')),
                'method': rng.choice(('GET', 'PUT')), 'status': rng.choice((200, 200, 301, 404, 404, 503)),
                'url': rng.choice((f'/p/{i % 50}?x={i}', '/cart', '/about')), 'bytes': rng.randrange(100000),
                'ms': rng.choice(LATENCIES_MS), 'count': rng.choice((1, 1, 1, 7))})

    def lines(self):
        return [f"http,service={e['service']},method={e['method']},status={e['status']} url=\"{e['url']}\",bytes={e['bytes']}i,"
                f"duration_ms={e['ms']},count={e['count']}i {e['time']}" for e in self.events]

    def send(self, daemon):
        lines = self.lines()
        for at in range(0, len(lines), 500):
            assert daemon.write('\n'.join(lines[at:at + 500]), '/write?precision=ms')[0] == 204

    def recount(self, of=lambda e: e['count'], by=lambda e: (), where=lambda e: True):
        found = Counter()
        for e in self.events:
            if where(e):
                found[by(e)] += of(e)
        return found


@pytest.fixture(scope='module')
def traffic():
    return Traffic()


@pytest.fixture(scope='module')
def shop(traffic):
    """Half flushed, then killed."""
    with Daemon(config=SHOP) as daemon:
        traffic.send(daemon)
        assert daemon.request('POST', '/api/v1/admin/flush', timeout=60)[0] == 200
        assert daemon.write('tally,name=pay,service=shop,method=card amount=9007199254740993i\n'
                            'tally,name=pay,service=shop,method=card amount=-3i\ntally,name=pay,service=news amount=5i')[0] == 204
        daemon.kill()
        daemon.start()
        yield daemon


def test_each_status_of_each_service_is_counted(shop, traffic):
    data = counts(shop, name='http_events_total', by='service,status')
    found = {(i['labels']['service'], int(i['labels']['status'])): i['points'][0][1] for i in data['items']}
    assert found == traffic.recount(by=lambda e: (e['service'], e['status']))
    assert data['next'] is None and data['unit'] == '1' and data['from'] is None


def test_each_minute_of_each_configured_group_is_counted(shop, traffic):
    """Steps of a minute, zeros included, in a span whose ends lie within cells."""
    begin, end = traffic.start + 600 * 1000 + 1, traffic.start + 4200 * 1000 + 9999
    data = counts(shop, name='http_events_total', service='shop', by='page_group', step='1m', from_=seconds(begin), to=seconds(end))
    first, last = begin + CELL_MS - 1, end + 1
    expected = traffic.recount(by=lambda e: ('product' if e['url'].startswith('/p/') else 'cart', (e['time'] - first) // 60000),
                               where=lambda e: e['service'] == 'shop' and first <= e['time'] < last and e['url'] != '/about')
    for group in ('product', 'cart'):
        item, = (i for i in data['items'] if i['labels'] == {'page_group': group})
        assert [p[0] for p in item['points']] == list(range(first // 1000, last // 1000, 60))
        assert [p[1] for p in item['points']] == [expected[group, i] for i in range(len(item['points']))]
    assert data['step'] == 60
    everything = counts(shop, name='http_events_total', service='shop', from_=seconds(begin), to=seconds(end))['items']
    assert everything == [{'labels': {}, 'points': [[first // 1000, sum(traffic.recount(
        where=lambda e: e['service'] == 'shop' and first <= e['time'] < last).values())]]}]


def test_adjacent_spans_add_up(shop, traffic):
    cuts = [traffic.start + i * 777777 for i in range(8)]
    parts = [counts(shop, name='http_events_total', from_=seconds(a), to=seconds(b))['items'][0]['points'][0][1]
             for a, b in zip([0] + cuts, cuts + [now_ms() + CELL_MS])]
    assert sum(parts) == sum(traffic.recount().values())


def test_sums_beyond_a_double_are_exact(shop):
    def total(**query):
        return counts(shop, **query)['items'][0]['points'][0][1]
    assert total(name='tally_pay_amount_sum') == 9007199254740995
    assert total(name='tally_pay_amount_sum', service='shop') == 9007199254740990
    assert total(name='tally_pay_total') == 3
    assert total(match='tally_pay_total{method="card"}') == 2


def test_bytes_and_latencies_are_summed(shop, traffic):
    assert counts(shop, name='http_event_bytes_total')['items'][0]['points'][0][1] == sum(
        traffic.recount(of=lambda e: e['bytes'] * e['count']).values())
    data = counts(shop, name='http_event_duration_seconds_sum', service='news')
    assert data['unit'] == 'us' and data['items'][0]['points'][0][1] == sum(
        traffic.recount(of=lambda e: round(e['ms'] * 1000) * e['count'], where=lambda e: e['service'] == 'news').values())
    by_count = counts(shop, name='http_event_duration_seconds_count', by='service')['items']
    assert {i['labels']['service']: i['points'][0][1] for i in by_count} == {k[0]: v for k, v in traffic.recount(by=lambda e: (e['service'],)).items()}


def test_buckets_are_cumulative_and_within_5_percent(shop, traffic):
    items = counts(shop, name='http_event_duration_seconds_bucket')['items']
    bounds = [float(i['labels']['le'].replace('+Inf', 'inf')) for i in items]
    assert bounds == sorted(bounds) and bounds[-1] == float('inf')
    for bound, item in zip(bounds, items):
        assert item['points'][0][1] == sum(traffic.recount(where=lambda e: e['ms'] / 1000 <= bound).values())
    for value in LATENCIES_MS:
        least = min(b for b in bounds if b >= value / 1000)
        assert value / 1000 <= least <= value / 1000 * 1.05 + 1e-6


def test_items_are_paged(shop):
    everything = counts(shop, name='http_events_total', by='status,service,method,page_group')['items']
    found, cursor = [], None
    while True:
        more = {'cursor': cursor} if cursor else {}
        data = counts(shop, name='http_events_total', by='status,service,method,page_group', limit=7, **more)
        assert len(data['items']) <= 7
        found, cursor = found + data['items'], data['next']
        if cursor is None:
            break
    assert found == everything and len(everything) > 14


@pytest.mark.parametrize('query,text', [
    ({'step': '15s'}, 'multiple of 10 s'), ({'step': 'x'}, '"step"'), ({'step': '0'}, '"step"'), ({'limit': 0}, '1 to 10000'),
    ({'limit': 10001}, '1 to 10000'), ({'cursor': 'x'}, '"cursor"'), ({'by': 'a-b'}, '"a-b"'), ({'match': '{a='}, '1:4: parse error'),
    ({'name': 'http_event_edge_seconds'}, '_bucket'), ({'from_': '-1h', 'to': '-2h'}, '"to"'), ({'from_': 'soon'}, 'cannot parse "soon"'),
    ({'match': ['http_event_edge_seconds_sum', 'http_event_edge_seconds_count']}, 'at a time'),
    ({'match': 'http_event_edge_seconds_bucket{le="1"}'}, 'le cannot be chosen'), ({'by': ','.join(f'l{i}' for i in range(17))}, 'at most 16'),
])
def test_what_is_wrong_is_told(shop, query, text):
    assert text in counts(shop, 400, **query)


def test_more_points_than_an_answer_has_are_refused(shop):
    status, answer, _ = shop.request('GET', '/api/v1/counts?name=http_events_total&step=10s&from=-30h')
    assert status == 200, answer  # open at its end: as many as there are counts
    status, answer, _ = shop.request('GET', '/api/v1/counts?name=http_events_total&step=10s&from=-31h&to=now')
    assert status == 422 and 'over 11000 points' in json.loads(answer)['error']


def test_the_command_says_the_same_with_and_without_the_daemon(traffic):
    with Daemon(config=SHOP) as daemon:
        traffic.send(daemon)
        ask = ('query', 'http_events_total{service="shop"}', '--exact', '--by', 'status', '--from', '-2h')
        server = ('--server', 'http://' + daemon.http)
        code, out, err = command(*ask, '--json', *server)
        assert code == 0, err
        data = json.loads(out)
        expected = traffic.recount(by=lambda e: str(e['status']), where=lambda e: e['service'] == 'shop')
        assert {i['labels']['status']: i['points'][0][1] for i in data['items']} == expected
        rows = [line.split() for line in command(*ask, *server)[1].splitlines()]
        assert rows == [[str(n), f'{{status="{s}"}}'] for s, n in sorted(expected.items())]
        csv = command(*ask, '--format', 'csv', '--step', '1h', *server)[1].splitlines()
        assert csv[0] == 'labels,time,count' and sum(int(line.rsplit(',', 1)[1]) for line in csv[1:]) == sum(expected.values())
        beside = json.loads(command(*ask, '--json', '--data-dir', daemon.data_dir)[1])
        assert beside['items'][0]['labels'] == data['items'][0]['labels']
        assert [i['points'][0][1] for i in beside['items']] == [i['points'][0][1] for i in data['items']]


def test_a_name_that_nothing_is_counted_under_is_told():
    with Daemon() as daemon:
        server = ('--server', 'http://' + daemon.http)
        status, _, _ = daemon.request('POST', '/write', b'cpu,service=shop value=1\n')
        assert status == 204
        code, out, err = command('query', 'cpu', '--exact', *server)
        assert code == 0 and out.split()[0] == '0'
        assert 'nothing is counted under cpu, which has samples: leave out --exact' in err and 'none came yet' in err
        body = b'http,service=shop,method=GET,status=200 url="/"\ntally,name=pay,service=shop amount=3i\ntally,name=pay,service=shop amount=-3i\n'
        status, _, _ = daemon.request('POST', '/write', body)
        assert status == 204
        for where in (server, ('--data-dir', daemon.data_dir)):
            code, out, err = command('query', 'http_evnts_total', '--exact', '--by', 'status', '--json', *where)
            assert code == 0 and json.loads(out)['items'] == []
            assert 'nothing is counted under http_evnts_total; counted are ' in err, err
            assert 'http_events_total, tally_pay_amount_sum, tally_pay_total' in err and 'cpu' not in err
        assert 'nothing is counted under tally_buy_total;' in command('query', 'tally_buy_total', '--exact', *server)[2]
        for name in ('tally_pay_amount_sum', 'http_events_total'):  # a sum of 0 is an answer
            code, out, err = command('query', name, '--exact', *server)
            assert (code, err) == (0, '') and len(out.split()) == 2


def test_the_command_refuses_words_that_do_not_fit():
    for words, text in ((('--by', 'a'), 'needs --exact'), (('--exact', '--plot'), 'says nothing'), (('--exact', '--step', '15s'), '10s'),
                        (('--exact', '--step', 'x'), '--step')):
        code, _, err = command('query', 'x', *words)
        assert code == 2 and text in err, err


def test_histograms_are_listed_by_the_names_that_promql_asks_for(shop):
    """CONTRACT 4 and 5: _bucket with every le, _sum, _count; the stored name is none of theirs."""
    def data(path):
        status, answer, _ = shop.request('GET', path)
        assert status == 200, answer
        return json.loads(answer)['data']
    names = data('/api/v1/label/__name__/values')
    base = 'http_event_duration_seconds'
    assert base not in names and {base + '_bucket', base + '_sum', base + '_count'} < set(names)
    assert 'le' in data('/api/v1/labels')
    bounds = data('/api/v1/label/le/values')
    assert len(bounds) == 573 and '+Inf' in bounds
    one = data('/api/v1/series?' + urlencode({'match[]': base + '_bucket{service="news",page_group=~".*about",le="+Inf"}'}))
    assert len(one) == 1 and one[0]['__name__'] == base + '_bucket' and one[0]['le'] == '+Inf'
    every = data('/api/v1/series?' + urlencode({'match[]': base + '_bucket{service="news",page_group=~".*about"}'}))
    assert sorted(s['le'] for s in every) == sorted(bounds)
    assert data('/api/v1/series?' + urlencode({'match[]': base})) == []
    assert len(data('/api/v1/series?' + urlencode({'match[]': base + '_bucket', 'limit': 5}))) == 5
    code, out, err = command('series', base + '_sum', '--server', 'http://' + shop.http)
    assert (code, err) == (0, '') and out == command('series', base + '_sum', '--data-dir', shop.data_dir)[1]
    assert all(line.startswith(base + '_sum{') for line in out.splitlines())
