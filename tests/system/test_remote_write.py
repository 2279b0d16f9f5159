"""Prometheus remote write, from its own bytes and from Prometheus itself: CONTRACT 5."""
import json
import shutil
import subprocess

import pytest

from harness import Daemon, now_ms, wait_for
from peers import bearer
from remote_write import metadata, series, snappy, write

STALE = (0x7ff0000000000002,)


def test_204_only_when_every_sample_is_durable(daemon):
    """CONTRACT 5, issue "Queries": durable before 204."""
    at = now_ms() - 1000
    answer = write(daemon, series({'__name__': 'up', 'job': 'cart'}, [(at, 1), (at + 1, 0.25)]),
                   series({'__name__': 'down', 'job': 'cart'}, [(at, -3)]))
    assert answer[:2] == (204, b'')
    daemon.kill()
    assert daemon.dump()[0] == {'up{job="cart"}': {at: 1.0, at + 1: 0.25}, 'down{job="cart"}': {at: -3.0}}


def test_a_refused_sample_is_400_and_the_others_are_stored(daemon):
    """CONTRACT 5: refused samples 400; Prometheus does not send them again."""
    at = now_ms() - 1000
    code, body, _ = write(daemon, series({'__name__': 'up', 'job': 'cart'}, [(at, 1)]),
                          series({'__name__': 'http_events_total'}, [(at, 1)]))
    data = json.loads(body)
    assert (code, data['errorType']) == (400, 'bad_data')
    assert data['error'].startswith('series 2 of the request: the name http_events_total is made by the daemon itself')
    assert '(refused in all: 1; samples stored: 1)' in data['error']
    daemon.kill()
    assert daemon.dump()[0] == {'up{job="cart"}': {at: 1.0}}


def test_busy_is_503_with_retry_after(daemon):
    """CONTRACT 5: busy 503 + Retry-After, never 429."""
    daemon.process.send_signal(15)
    at = now_ms() - 1000
    for _ in range(200):
        try:
            code, body, headers = write(daemon, series({'__name__': 'up'}, [(at, 1)]))
        except OSError:
            break
        assert code in (204, 503), (code, body)
        if code == 503:
            assert int(headers['retry-after']) >= 1
            break


@pytest.mark.parametrize('body, words', [(b'', 'not snappy'), (b'\x05abcde', 'snappy is broken'),
                                         (snappy(b'\x0a\xff\x01'), 'no WriteRequest'),
                                         (snappy(b'\x22\x01a'), 'remote write 2.0')])
def test_a_body_that_cannot_be_read_is_400(daemon, body, words):
    code, answer, _ = daemon.request('POST', '/api/v1/write', body, {'content-encoding': 'snappy'})
    assert code == 400 and words in json.loads(answer)['error'], answer


def test_snappy_is_for_remote_write_alone(daemon):
    code, body, _ = daemon.request('POST', '/write', b'x', {'content-encoding': 'snappy'})
    assert code == 415 and 'gzip' in json.loads(body)['error']


def test_keys_hold_for_remote_write():
    keys = [{'name': n, 'secret': f'0123456789abcdef-{n}', 'scopes': [s]}
            for n, s in (('cart', 'write:cart'), ('ro', 'read'))]
    at = now_ms() - 1000
    one = [series({'__name__': 'up', 'job': job}, [(at, 1)]) for job in ('cart', 'shop')]
    with Daemon(config={'auth': {'keys': keys}}) as d:
        assert write(d, one[0])[0] == 401
        assert write(d, one[0], headers=bearer('0123456789abcdef-ro'))[0] == 403
        assert write(d, one[0], headers=bearer('0123456789abcdef-cart'))[0] == 204
        code, body, _ = write(d, one[1], headers=bearer('0123456789abcdef-cart'))
        assert code == 400 and 'may not write service \\"shop\\"' in body.decode()


def test_metadata_tells_what_was_sent_and_what_is_made(daemon):
    """PROMQL.md: types and helps for Grafana; ours are there from the start."""
    def ask(query=''):
        code, body, _ = daemon.request('GET', '/api/v1/metadata' + query)
        return code, json.loads(body)
    assert ask('?metric=http_events_total')[1]['data'] == {'http_events_total': [
        {'type': 'counter', 'help': 'HTTP requests, by page group and status', 'unit': ''}]}
    assert write(daemon, metadata('up', 2, 'is it "up"?'), metadata('http_events_total', 2, 'not this'))[0] == 204
    data = ask()[1]['data']
    assert data['up'] == [{'type': 'gauge', 'help': 'is it "up"?', 'unit': ''}]
    assert data['http_events_total'][0]['type'] == 'counter' and list(data) == sorted(data)
    assert len(ask('?limit=2')[1]['data']) == 2 and ask('?limit=0')[1]['data'] == {}
    assert ask('?limit=x') == (400, {'status': 'error', 'errorType': 'bad_data', 'error': 'limit must be a number'})


@pytest.mark.parametrize('path, data', [('rules', {'groups': []}), ('alerts', {'alerts': []}), ('query_exemplars', [])])
def test_lists_without_rules_are_empty_and_not_missing(daemon, path, data):
    code, body, _ = daemon.request('GET', f'/api/v1/{path}?query=test&start=0&end=1')
    assert (code, json.loads(body)) == (200, {'status': 'success', 'data': data})


@pytest.mark.skipif(not shutil.which('prometheus'), reason='prometheus is not installed')
def test_prometheus_writes_what_it_scrapes(daemon, tmp_path):
    """The real sender: its own figures arrive, and the daemon refuses none."""
    target = daemon.http.removeprefix('http://')
    (tmp_path / 'p.yml').write_text(
        'global: {scrape_interval: 1s}\n'
        'scrape_configs:\n- job_name: self\n  metrics_path: /metrics\n  static_configs: [{targets: ["127.0.0.1:1"]}]\n'
        f'remote_write:\n- url: http://{target}/api/v1/write\n  queue_config: {{batch_send_deadline: 500ms}}\n')
    with open(tmp_path / 'log', 'w', encoding='utf-8') as log:
        sender = subprocess.Popen(['prometheus', f'--config.file={tmp_path}/p.yml', f'--storage.tsdb.path={tmp_path}/d',
                                   '--web.listen-address=127.0.0.1:0'], stderr=log, stdout=log)
    try:
        wait_for(lambda: b'"up"' in daemon.request('GET', '/api/v1/label/__name__/values')[1], timeout=20)
        names = json.loads(daemon.request('GET', '/api/v1/label/__name__/values')[1])['data']
        assert {'up', 'scrape_duration_seconds', 'scrape_samples_scraped'} <= set(names)
    finally:
        sender.terminate()
        sender.wait(20)
    assert 'non-recoverable' not in (tmp_path / 'log').read_text()
