"""Deploys are watched as they go on: what changes is kept, and told live. On the real binaries."""
import json
import time

from harness import NN_SUB, Nano, wait_for
from test_verdicts import T, deployed, lines_of, push, verdict, when

CALM, BROKEN = {'product': (80, 1, 0), 'home': (20, 0, 1)}, {'product': (80, 1, 0), 'home': (14, 6, 1)}


def told(peer, topic, seconds=20):
    """The next message of a topic."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        head, _, body = peer.recv().partition(b' ')
        if head.decode() == topic:
            return json.loads(body)
    raise AssertionError(f'nothing was told of {topic} within {seconds} s')


def open_hour(daemon, version, at=T):
    push(daemon, lines_of(at - 3600, at, CALM))
    push(daemon, [f'deploy,service=cart version="{version}" {at}000000000'])


def test_a_verdict_is_told_when_it_changes(daemon):
    """Once ok, once bad, once at its end; nothing in between."""
    with Nano(NN_SUB, daemon.publish, timeout_ms=20000) as peer:
        time.sleep(0.3)
        open_hour(daemon, '2')
        push(daemon, lines_of(T, T + 600, CALM))
        first = told(peer, 'verdict.cart')
        assert (first['verdict'], first['version'], first['final']) == ('ok', '2', False)
        assert first['since'] == when(T) and first['updated'] == when(T + 600)
        push(daemon, lines_of(T + 600, T + 1200, BROKEN))
        second = told(peer, 'verdict.cart')
        assert second['verdict'] == 'bad' and second['groups'][0]['page_group'] == 'home'
        assert second['marker'] == first['marker'] and when(T + 600) <= second['bad_at'] < when(T + 780)
        push(daemon, lines_of(T + 1200, T + 3600, CALM))
        last = told(peer, 'verdict.cart')
        assert (last['verdict'], last['final'], last['updated']) == ('bad', True, when(T + 3600))
        assert verdict(daemon, 'service=cart') == [last], 'whoever asks is told the same'


def test_what_was_told_is_not_told_again_after_a_kill(daemon):
    with Nano(NN_SUB, daemon.publish, timeout_ms=20000) as peer:
        time.sleep(0.3)
        deployed(daemon, '2', T, BROKEN)
        assert told(peer, 'verdict.cart')['verdict'] == 'bad'
    daemon.pin_ports()
    daemon.kill()
    daemon.start()
    with Nano(NN_SUB, daemon.publish, timeout_ms=20000) as peer:
        time.sleep(3)  # three looks
        deployed(daemon, '1', T, BROKEN, service='shop')
        topics = []
        while 'verdict.shop' not in topics:
            topics.append(peer.recv().partition(b' ')[0].decode())
        assert 'verdict.cart' not in topics


def test_a_deploy_of_long_ago_is_watched_when_it_is_told_now(daemon):
    """A replay of an old log: its event time is what counts."""
    old = T - 20 * 86400
    with Nano(NN_SUB, daemon.publish, timeout_ms=20000) as peer:
        time.sleep(0.3)
        open_hour(daemon, '1', old)
        push(daemon, lines_of(old, old + 3600, BROKEN))
        item = told(peer, 'verdict.cart')
        assert (item['verdict'], item['final'], item['since']) == ('bad', True, when(old))


def test_a_verdict_outlives_what_it_was_made_of(daemon):
    old = T - 3 * 86400
    with Nano(NN_SUB, daemon.publish, timeout_ms=20000) as peer:
        time.sleep(0.3)
        open_hour(daemon, '1', old)
        push(daemon, lines_of(old, old + 3600, BROKEN))
        kept = told(peer, 'verdict.cart')
    assert kept['final'] and verdict(daemon, 'service=cart') == [kept]
    assert daemon.request('POST', '/api/v1/admin/flush')[0] == 200
    daemon.terminate()
    daemon.settings['storage']['retention'] = {'raw': '1d', 'events': '1d'}
    daemon.write_config()
    daemon.start()

    def is_gone():
        push(daemon, ['up value=1'])  # something to flush
        assert daemon.request('POST', '/api/v1/admin/flush')[0] == 200
        _, body, _ = daemon.request('GET', f'/api/v1/counts?name=http_events_total&service=cart&from={old - 4000}&to={old + 4000}')
        return not any(value for item in json.loads(body)['data']['items'] for _, value in item['points'])
    wait_for(is_gone, 20)
    assert verdict(daemon, 'service=cart') == [kept]
