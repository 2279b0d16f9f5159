"""Grafana's built-in Prometheus data source against the daemon: the requests that its source sends, and what it reads of the answers."""
import json
from urllib.parse import urlencode

import pytest

from harness import Daemon, now_ms

END = now_ms() // 60000 * 60
FORM = {'Content-Type': 'application/x-www-form-urlencoded', 'X-Grafana-Org-Id': '1', 'User-Agent': 'Grafana/13.1.1'}


@pytest.fixture(scope='module')
def filled():
    with Daemon() as daemon:
        lines = [f'cpu,service={service},pod={pod} value={0.1 * pod + at % 7} {at}000'
                 for at in range(END - 1800, END, 15) for service in ('cart', 'shop') for pod in (1, 2)]
        lines += [f'http,service=cart,method=GET,status=200 url="/p",duration_ms=20 {at}000' for at in range(END - 1800, END, 15)]
        assert daemon.write('\n'.join(lines), '/write?precision=ms')[0] == 204
        yield daemon


def post(daemon, path, **params):
    code, body, headers = daemon.request('POST', '/api/v1/' + path, urlencode(params, doseq=True), FORM)
    assert headers['content-type'].startswith('application/json')
    return code, json.loads(body)


def get(daemon, path, **params):
    code, body, _ = daemon.request('GET', f'/api/v1/{path}?{urlencode(params, doseq=True)}', headers=FORM)
    return code, json.loads(body)


def test_its_health_check(filled):
    """"Save & test": an instant query of a number, then what the server is."""
    code, answer = post(filled, 'query', query='1+1', time=f'{END}.5')
    assert code == 200 and answer['data'] == {'resultType': 'scalar', 'result': [END + 0.5, '2']}
    code, answer = get(filled, 'status/buildinfo')
    assert code == 200 and answer['data']['version'].startswith('2.42')
    assert get(filled, 'rules')[1]['data'] == {'groups': []}
    assert get(filled, 'alerts')[1]['data'] == {'alerts': []}


def test_a_panel(filled):
    """A range query by POST, on the step's grid, with $__rate_interval replaced by Grafana."""
    start = (END - 900) // 15 * 15
    code, answer = post(filled, 'query_range', query='sum by (service) (avg_over_time(cpu{service=~"cart|shop"}[1m0s]))',
                        start=start, end=END, step='15')
    assert code == 200 and answer['status'] == 'success' and answer['data']['resultType'] == 'matrix'
    assert [series['metric'] for series in answer['data']['result']] == [{'service': 'cart'}, {'service': 'shop'}]
    for series in answer['data']['result']:
        times = [at for at, _ in series['values']]
        assert all(isinstance(value, str) for _, value in series['values'])
        assert times == list(range(start, start + 15 * len(times), 15))


def test_a_rate_of_counted_events(filled):
    code, answer = post(filled, 'query_range', query='sum(rate(http_events_total[5m]))', start=END - 600, end=END - 60, step='60.000')
    assert code == 200
    assert all(0.05 < float(value) < 0.08 for _, value in answer['data']['result'][0]['values'])


def test_an_alert_rule(filled):
    """The alerting engine: an instant query for a table of labels and a number."""
    code, answer = post(filled, 'query', query='count by (service) (cpu) > 1', time=END - 15)
    assert code == 200 and answer['data']['resultType'] == 'vector'
    assert sorted((s['metric']['service'], s['value'][1]) for s in answer['data']['result']) == [('cart', '2'), ('shop', '2')]


def test_the_query_builder(filled):
    """Metrics, labels, values of one label with what is already chosen, types and helps."""
    span = {'start': END - 1800, 'end': END}
    assert 'cpu' in get(filled, 'label/__name__/values', **span)[1]['data']
    assert {'service', 'pod'} <= set(post(filled, 'labels', **{'match[]': '{__name__="cpu"}', **span})[1]['data'])
    assert get(filled, 'label/pod/values', **{'match[]': 'cpu{service="cart"}', **span})[1]['data'] == ['1', '2']
    series = post(filled, 'series', **{'match[]': 'cpu{service="cart"}', **span})[1]['data']
    assert {s['pod'] for s in series} == {'1', '2'} and all(s['__name__'] == 'cpu' for s in series)
    metadata = get(filled, 'metadata', limit=1000)[1]['data']
    assert metadata['http_events_total'][0]['type'] == 'counter'


def test_exemplars_are_empty(filled):
    code, answer = post(filled, 'query_exemplars', query='cpu', start=END - 600, end=END)
    assert code == 200 and answer['data'] == []


def test_an_error_has_the_words_that_it_shows(filled):
    code, answer = post(filled, 'query_range', query='sum(', start=END - 60, end=END, step=15)
    assert code == 400 and answer['status'] == 'error' and answer['errorType'] == 'bad_data' and 'parse error' in answer['error']
    code, answer = post(filled, 'query_range', query='cpu', start=0, end=END, step=1)
    assert code == 400 and '11,000' in answer['error']


def test_empty_is_no_error(filled):
    code, answer = post(filled, 'query_range', query='no_such_metric', start=END - 60, end=END, step=15)
    assert code == 200 and answer['data']['result'] == []
