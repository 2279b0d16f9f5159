"""/api/v1/query and /query_range as documents: parameters, limits, forms of answers; beside the real Prometheus 2.42."""
import json
import threading
import time

import pytest

import prometheus
from harness import Daemon, wait_for
from prometheus import Asker, Prometheus


@pytest.fixture(scope='module')
def daemon():
    with Daemon() as d:
        yield d


@pytest.fixture(scope='module')
def ours(daemon):
    return Asker(daemon.http)


@pytest.fixture(scope='module')
def theirs():
    with Prometheus() as p:
        yield Asker(p.address)


def put(daemon, lines):
    answer = daemon.write(lines, '/write?precision=ms')
    assert answer[0] == 204, answer


ALIKE = [
    ('query', {}),
    ('query', {'query': '1+1', 'time': '4'}),
    ('query', {'query': '"x"', 'time': '4.5'}),
    ('query', {'query': '"<é\\n"', 'time': '1'}),
    ('query', {'query': 'vector(1)', 'time': '1970-01-01T00:00:04Z'}),
    ('query', {'query': 'vector(1)', 'time': '1970-01-01T01:00:04.25+01:00'}),
    ('query', {'query': 'time()', 'time': '1.2345'}),
    ('query', {'query': 'time()', 'time': '-1.5'}),
    ('query', {'query': '1', 'time': 'x'}),
    ('query', {'query': '1', 'time': '4', 'timeout': 'x'}),
    ('query', {'query': '1', 'time': '4', 'timeout': '2m'}),
    ('query', {'query': '1', 'time': '4', 'timeout': '1ns'}),
    ('query', {'query': '1', 'time': '4', 'timeout': '0s'}),
    ('query', {'query': '1', 'time': '4', 'timeout': '1.5'}),
    ('query', {'query': 'foo[5m]', 'time': '4'}),
    ('query', {'query': 'foo', 'time': '4'}),
    ('query', {'query': 'rate(', 'time': '4'}),
    ('query', {'query': 'label_replace(vector(1),"a","b","c","(")', 'time': '1'}),
    ('query', {'query': '1e30', 'time': '1'}),
    ('query', {'query': 'vector(1e30)', 'time': '1'}),
    ('query', {'query': '1e-9', 'time': '1'}),
    ('query', {'query': 'vector(1e-9)', 'time': '1'}),
    ('query', {'query': '-123.456e-10', 'time': '1'}),
    ('query', {'query': '1/3', 'time': '1'}),
    ('query', {'query': '1/0', 'time': '1'}),
    ('query', {'query': '-1/0', 'time': '1'}),
    ('query', {'query': '0/0', 'time': '1'}),
    ('query', {'query': '-0', 'time': '1'}),
    ('query_range', {'query': '1'}),
    ('query_range', {'query': '1', 'start': '0', 'end': '-1', 'step': '1'}),
    ('query_range', {'query': '1', 'start': '0', 'end': '-1', 'step': 'x'}),
    ('query_range', {'query': '1', 'start': 'x', 'end': '10', 'step': '1'}),
    ('query_range', {'query': '1', 'start': '0', 'end': 'y', 'step': '1'}),
    ('query_range', {'query': '1', 'start': '', 'end': '10', 'step': '1'}),
    ('query_range', {'query': '1', 'start': '0', 'end': '10'}),
    ('query_range', {'query': '1', 'start': '0', 'end': '100', 'step': '0'}),
    ('query_range', {'query': '1', 'start': '0', 'end': '100', 'step': '0s'}),
    ('query_range', {'query': '1', 'start': '0', 'end': '100', 'step': '-1'}),
    ('query_range', {'query': '1', 'start': '0', 'end': '100', 'step': 'x'}),
    ('query_range', {'query': '1', 'start': '0', 'end': '100', 'step': '1h5x'}),
    ('query_range', {'query': '1', 'start': '0', 'end': '11000', 'step': '1'}),
    ('query_range', {'query': '1', 'start': '0', 'end': '11001', 'step': '1'}),
    ('query_range', {'query': '1', 'start': '0', 'end': '10', 'step': '0.5'}),
    ('query_range', {'query': '1', 'start': '0', 'end': '0', 'step': '1e-300'}),
    ('query_range', {'query': '1', 'start': '0.25', 'end': '10', 'step': '3'}),
    ('query_range', {'query': 'vector(1/3)', 'start': '0', 'end': '10', 'step': '5s'}),
    ('query_range', {'query': 'time() > 3', 'start': '0', 'end': '10', 'step': '1'}),
    ('query_range', {'query': 'vector(time()) > 3', 'start': '0', 'end': '10', 'step': '1'}),
    ('query_range', {'query': 'foo', 'start': '0', 'end': '10', 'step': '1'}),
    ('query_range', {'query': 'foo[5m]', 'start': '0', 'end': '10', 'step': '1'}),
    ('query_range', {'query': '"x"', 'start': '0', 'end': '10', 'step': '1'}),
    ('query_range', {'query': 'bad(', 'start': '0', 'end': '10', 'step': '1'}),
    ('query_range', {'query': 'time()', 'start': '1970-01-01T00:00:04Z', 'end': '1970-01-01T00:01:04Z', 'step': '1m'}),
    ('query_range', {'query': '1', 'start': '0', 'end': '10', 'step': '1', 'timeout': '0'}),
    ('format_query', {'query': 'sum(a)by(b)'}),
    ('format_query', {'query': 'sum('}),
    ('format_query', {}),
]


@prometheus.needed
@pytest.mark.parametrize('path,params', ALIKE, ids=[f'{path}-{params}' for path, params in ALIKE])
def test_answers_and_errors_are_those_of_prometheus(ours, theirs, path, params):
    mine, other = ours.ask(path, **params), theirs.ask(path, **params)
    for _, document in (mine, other):
        if document.get('errorType') == 'timeout':
            document.pop('error')  # "in query queue" or "in query execution", as it falls
    assert mine == other


def test_get_and_form_say_the_same(daemon, ours):
    status, body, headers = daemon.request('GET', '/api/v1/query?query=1%2B1&time=4')[:3]
    assert (status, headers['content-type']) == (200, 'application/json')
    assert (status, json.loads(body)) == ours.ask('query', query='1+1', time='4')


def test_samples_are_read_as_a_vector_and_as_a_matrix(daemon, ours):
    now = int(time.time()) // 60 * 60 - 600
    put(daemon, ''.join(f'requests_total,service=s,pod=p{p} value={10 * i * (p + 1)} {(now + 15 * i) * 1000}\n'
                        for i in range(21) for p in range(2)))
    status, document = ours.ask('query', query='requests_total', time=str(now + 300))
    assert status == 200
    assert document == {'status': 'success', 'data': {'resultType': 'vector', 'result': [
        {'metric': {'__name__': 'requests_total', 'pod': 'p0', 'service': 's'}, 'value': [now + 300, '200']},
        {'metric': {'__name__': 'requests_total', 'pod': 'p1', 'service': 's'}, 'value': [now + 300, '400']}]}}
    status, document = ours.ask('query_range', query='sum by (service) (rate(requests_total[1m]))', start=str(now + 120),
                                end=str(now + 240), step='60')
    assert status == 200
    assert document['data']['resultType'] == 'matrix'
    (series,) = document['data']['result']
    assert series['metric'] == {'service': 's'}
    assert series['values'] == [[now + 120, '2'], [now + 180, '2'], [now + 240, '2']]
    status, document = ours.ask('query', query='requests_total{pod="p0"}[30s]', time=str(now + 300))
    assert document['data'] == {'resultType': 'matrix', 'result': [
        {'metric': {'__name__': 'requests_total', 'pod': 'p0', 'service': 's'},
         'values': [[now + 270, '180'], [now + 285, '190'], [now + 300, '200']]}]}


def test_stats_are_told_where_they_are_asked_for(daemon, ours):
    now = int(time.time())
    put(daemon, f'few,service=s value=1 {now * 1000}\n')
    _, document = ours.ask('query', query='few', time=str(now), stats='all')
    assert document['data']['stats']['samples']['totalQueryableSamples'] == 1
    assert 'stats' not in ours.ask('query', query='few', time=str(now))[1]['data']


def test_large_answers_come_in_pieces_and_whole(daemon, ours):
    """Some megabytes; each series is there, once."""
    now = int(time.time())
    put(daemon, ''.join(f'many,service=s,i=n{i:04} value={i} {now * 1000}\n' for i in range(500)))
    status, document = ours.ask('query_range', query='many * 1.5', start=str(now), end=str(now + 250), step='1')
    assert status == 200
    result = document['data']['result']
    assert [series['metric']['i'] for series in result] == [f'n{i:04}' for i in range(500)]
    assert all(series['values'] == [[now + t, repr(i * 1.5).removesuffix('.0')] for t in range(251)]
               for i, series in enumerate(result))


def test_a_query_over_the_samples_limit_says_so():
    with Daemon(config={'limits': {'query_max_samples': 100}}) as d:
        asker = Asker(d.http)
        now = int(time.time())
        put(d, ''.join(f'many,service=s,i=n{i} value={i} {now * 1000}\n' for i in range(101)))
        status, document = asker.ask('query', query='many', time=str(now))
        assert (status, document['errorType']) == (422, 'execution')
        assert 'samples' in document['error']
        assert asker.ask('query', query='many{i="n1"}', time=str(now))[0] == 200


def test_nesting_without_end_is_refused_and_nothing_falls(daemon, ours):
    for text in ('(' * 100000, '-' * 100000 + '1', '1' + '^1' * 100000, 'x' + '[1m:]' * 50000, '1' + '+1' * 100000):
        status, document = ours.ask('query', query=text, time='1')
        assert (status, document['errorType']) == (400, 'bad_data')
        assert 'nests more than 500 deep' in document['error'] or 'unclosed' in document['error']
    deep = '(' * 498 + 'vector(1)' + ')' * 498
    assert ours.ask('query', query=deep, time='1')[1]['data']['result'][0]['value'] == [1, '1']
    deep = 'vector(1)' + ' + vector(1)' * 498
    assert ours.ask('query', query=deep, time='1')[1]['data']['result'][0]['value'] == [1, '499']
    assert daemon.alive()


def test_a_heavy_query_ends_at_its_timeout():
    """A subquery of 10^9 evaluations, stopped between its steps."""
    with Daemon() as d:
        asker = Asker(d.http)
        started = time.monotonic()
        status, document = asker.ask('query', query='sum_over_time(vector(1)[30y:1s])', time='1764000000', timeout='500ms')
        assert status in (422, 503)
        assert document['errorType'] in ('execution', 'timeout')
        assert time.monotonic() - started < 20
        wait_for(lambda: asker.ask('query', query='1', time='1')[0] == 200)
        assert d.alive()


def test_many_queries_at_once_all_get_their_answer(daemon):
    answers = []

    def run(i):
        answers.append(Asker(daemon.http).ask('query', query=f'vector({i})', time='1')[1]['data']['result'][0]['value'][1] == str(i))
    threads = [threading.Thread(target=run, args=(i,)) for i in range(30)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers == [True] * 30
