"""Raw HTTP events and rankings of them, against an independent recount: CONTRACT 5 and 9."""
import json
from collections import Counter
from urllib.parse import urlencode

import pytest

from harness import Daemon, command, now_ms
from test_counts import SHOP, Traffic, seconds

FIELDS = {'time', 'service', 'env', 'method', 'status', 'url', 'page_group', 'agent', 'tags', 'fields'}


def get(daemon, path, code=200, **query):
    pairs = {name.rstrip('_'): value for name, value in query.items()}
    status, answer, _ = daemon.request('GET', f'/api/v1/{path}?' + urlencode(pairs), timeout=60)
    assert status == code, answer
    return json.loads(answer)['data' if code == 200 else 'error']


@pytest.fixture(scope='module')
def traffic():
    return Traffic(seed=4)


@pytest.fixture(scope='module')
def shop(traffic):
    """A part in files, a part in memory."""
    with Daemon(config=SHOP) as daemon:
        lines = traffic.lines()
        for at in range(0, len(lines), 500):
            assert daemon.write('\n'.join(lines[at:at + 500]), '/write?precision=ms')[0] == 204
            if at == 1500:
                assert daemon.request('POST', '/api/v1/admin/flush', timeout=60)[0] == 200
        yield daemon


# ---- events ----
def test_an_event_has_all_that_its_line_said(daemon):
    line = ('http,service=shop,env=prod,method=GET,status=404,page_group=product,cache=hit,pop=fra url="/p/1?a=\\"b\\"",bytes=512i,'
            'duration_ms=45.25,origin_ms=0.001,user_agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0",count=7i')
    assert daemon.write(line)[0] == 204
    item, = get(daemon, 'events')['items']
    assert set(item) == FIELDS
    assert item['time'].endswith('Z') and item['agent'] == 'desktop'
    assert {k: item[k] for k in ('service', 'env', 'method', 'status', 'url', 'page_group', 'tags')} == {
        'service': 'shop', 'env': 'prod', 'method': 'GET', 'status': 404, 'url': '/p/1?a="b"', 'page_group': 'product',
        'tags': {'cache': 'hit', 'pop': 'fra'}}
    assert item['fields'] == {'count': 7, 'bytes': 512, 'duration_ms': 45.25, 'origin_ms': 0.001,
                              'user_agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0'}


def key(event):
    return event['service'], event['method'], event['status'], event['url']


def test_pages_give_each_event_once_newest_first(shop, traffic):
    found, cursor = [], None
    while True:
        data = get(shop, 'events', limit=701, **({'cursor': cursor} if cursor else {}))
        assert len(data['items']) <= 701
        found, cursor = found + data['items'], data['next']
        if cursor is None:
            break
    times = [item['time'] for item in found]
    assert times == sorted(times, reverse=True)
    assert Counter(map(key, found)) == Counter(map(key, traffic.events))


@pytest.mark.parametrize('query,takes', [
    ({'filter': 'status=404'}, lambda e: e['status'] == 404),
    ({'filter': 'class=4xx or class=5xx', 'service': 'shop'}, lambda e: e['status'] >= 400 and e['service'] == 'shop'),
    ({'filter': 'group=product not method=PUT'}, lambda e: e['service'] == 'shop' and e['url'].startswith('/p/') and e['method'] != 'PUT'),
    ({'filter': 'url~"x=1" duration_ms>=45.3'}, lambda e: 'x=1' in e['url'] and e['ms'] >= 45.3),
    ({'filter': r'url=~"^/p/\\d+\\?x=\\d*7$" service=news'}, lambda e: e['url'].startswith('/p/') and e['url'].endswith('7') and e['service'] == 'news'),
    ({'status': '5xx'}, lambda e: e['status'] == 503),
    ({'status': '404', 'filter': 'count>1'}, lambda e: e['status'] == 404 and e['count'] > 1),
    ({'status': '404', 'filter': 'status=200'}, lambda e: False),
    ({'filter': 'status>300 status<404'}, lambda e: e['status'] == 301),
    ({'filter': 'not (status=404 or status=200)'}, lambda e: e['status'] not in (200, 404)),
])
def test_a_filter_takes_what_it_says(shop, traffic, query, takes):
    found = get(shop, 'events', limit=10000, **query)['items']
    assert Counter(map(key, found)) == Counter(key(e) for e in traffic.events if takes(e))


def test_a_span_is_half_open(shop, traffic):
    times = sorted(e['time'] for e in traffic.events)
    a, b = times[700], times[1400]
    found = get(shop, 'events', limit=10000, from_=seconds(a), to=seconds(b))['items']
    assert len(found) == sum(a <= t < b for t in times)


@pytest.mark.parametrize('path,query,text', [
    ('events', {'filter': 'status='}, '"filter": column 8:'), ('events', {'filter': 'colour=red'}, 'column 1: expected a field'),
    ('events', {'limit': 0}, '1 to 10000'), ('events', {'limit': 10001}, '1 to 10000'), ('events', {'cursor': 'x'}, '"cursor"'),
    ('events', {'status': '6xx'}, '"6xx"'), ('events', {'from_': 'soon'}, 'cannot parse "soon"'), ('events', {'from_': 5, 'to': 4}, '"to"'),
    ('top', {'by': 'bytes'}, '"bytes" cannot be ranked'), ('top', {'by': 'a-b'}, '"a-b"'), ('top', {'k': 0}, '1 to 10000'), ('top', {'k': 10001}, '1 to 10000'),
    ('top', {'compare': 'yesterday'}, 'previous, week and FROM..TO'), ('top', {'compare': '5..4'}, 'not before its end'),
    ('top', {'compare': 'x..4'}, '"compare"'), ('top', {'from_': '5', 'to': '5'}, '"from"'), ('top', {'status': '40'}, '"40"'),
    ('top', {'filter': '('}, '"filter": column'),
])
def test_what_is_wrong_is_told(shop, path, query, text):
    assert text in get(shop, path, 400, **query)


# ---- top ----
@pytest.mark.parametrize('by,of', [('url', lambda e: e['url']), ('status', lambda e: str(e['status'])), ('service', lambda e: e['service']),
                                   ('method', lambda e: e['method'])])
def test_ranks_equal_a_recount(shop, traffic, by, of):
    data = get(shop, 'top', by=by, k=10000, from_='-3h')
    expected = Counter()
    for e in traffic.events:
        expected[of(e)] += e['count']
    assert [(i['key'], i['count']) for i in data['items']] == sorted(expected.items(), key=lambda p: (-p[1], p[0].encode()))
    assert data['total'] == sum(expected.values()) and data['keys'] == len(expected) and data['by'] == by and data['compare'] is None
    assert all(abs(i['share'] - i['count'] / data['total']) < 1e-6 for i in data['items'])
    assert {(i['before'], i['change'], i['state']) for i in data['items']} == {(None, None, None)}


def test_the_most_frequent_are_the_first_of_all(shop):
    everything = get(shop, 'top', by='url', service='shop', status='4xx', from_='-3h', k=10000)['items']
    assert get(shop, 'top', by='url', service='shop', status='4xx', from_='-3h', k=5)['items'] == everything[:5] and len(everything) > 5


def test_a_comparison_marks_what_is_new_and_what_is_gone(daemon):
    base = now_ms() // 1000 // 86400 * 86400 - 86400 * 2 + 36000
    lines = []
    for url, now, before in (('/same', 6, 3), ('/new', 2, 0), ('/gone', 0, 9)):
        lines += [f'http,service=s,status=404,pop=fra url="{url}",count={now}i {base + 60}'] * (now > 0)
        lines += [f'http,service=s,status=404,pop=lon url="{url}",count={before}i {base - 60}'] * (before > 0)
    assert daemon.write('\n'.join(lines), '/write?precision=s')[0] == 204
    span = {'from_': base, 'to': base + 3600}
    data = get(daemon, 'top', by='url', compare='previous', **span)
    assert [(i['key'], i['count'], i['before'], i['change'], i['state']) for i in data['items']] == [
        ('/same', 6, 3, 1.0, 'same'), ('/new', 2, 0, None, 'new'), ('/gone', 0, 9, -1.0, 'gone')]
    assert data['compare']['total'] == 12 and data['total'] == 8
    twice = get(daemon, 'top', by='url', compare=f'{base - 7200}..{base}', **span)
    assert twice['items'][0]['change'] == 3.0, 'by time: half of the events in twice the time'
    assert get(daemon, 'top', by='url', compare='week', **span)['items'][0]['state'] == 'new'
    assert [(i['key'], i['count'], i['state']) for i in get(daemon, 'top', by='pop', compare='previous', **span)['items']] == [
        ('fra', 8, 'new'), ('lon', 0, 'gone')]
    assert get(daemon, 'top', by='tag.pop', **span)['items'] == get(daemon, 'top', by='pop', **span)['items']


# ---- groups ----
def test_a_url_is_explained(shop):
    """The rule that matched; without one, how its parts are folded."""
    server = ('--server', 'http://' + shop.http)
    code, out, _ = command('events', '--explain-url', '/p/12?x=1', '--service', 'shop', *server)
    assert code == 0 and 'product' in out and '^/p/' in out, out
    code, out, _ = command('events', '--explain-url', '/review/4711', '--service', 'shop', '--json', *server)
    assert code == 0 and json.loads(out)['url'] == '/review/4711' and '{n}' in json.loads(out)['text'], out
    assert '"url"' in get(shop, 'events/explain', 400, service='shop')


# ---- commands ----
def test_the_commands_show_them(shop, traffic):
    server = ('--server', 'http://' + shop.http)
    listed = json.loads(command('events', '--service', 'shop', '--from', '-3h', '--limit', '5000', '--json', *server)[1])
    assert len(listed['items']) == sum(e['service'] == 'shop' for e in traffic.events) and listed['next'] is None
    code, out, err = command('events', '--filter', 'status=503', '--from', '-3h', '--limit', '3', *server)
    assert code == 0 and len(out.splitlines()) == 3 and all('  503 ' in line for line in out.splitlines())
    assert 'there are more' in err
    ranked = json.loads(command('top', '--by', 'status', '--from', '-3h', '--json', *server)[1])
    assert ranked == get(shop, 'top', by='status', from_='-3h') | {'from': ranked['from'], 'to': ranked['to']}
    code, out, _ = command('top', '--by', 'method', '--from', '-3h', '--compare', 'week', *server)
    assert code == 0 and [line.split()[-1] for line in out.splitlines()[1:3]] == [i['key'] for i in get(
        shop, 'top', by='method', from_='-3h')['items']]
    for words in (('events', '--filter', 'x='), ('top', '--by', 'bytes'), ('events', '--limit', '0')):
        code, _, err = command(*words, *server)
        assert code == 2 and err.startswith('tidemark: '), err
