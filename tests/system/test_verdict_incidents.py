"""A bad deploy is an incident where scoring opened none, and data that comes late is judged. On the real binaries."""
import json
import time

from harness import NN_SUB, Nano, command, now_ms, wait_for
from test_detect import settle
from test_verdict_live import BROKEN, CALM, told
from test_verdicts import T, lines_of, push, verdict, when

LOOK_S = 90  # seconds for a look that is seldom, on a busy machine


def incidents(daemon):
    return json.loads(daemon.request('GET', '/api/v1/incidents?from=-30d&limit=1000')[1])['data']['items']


def kept(daemon, version):
    """The verdict as it is kept, which no new question makes anew."""
    end = time.monotonic() + LOOK_S
    while time.monotonic() < end:
        items = json.loads(daemon.request('GET', f'/api/v1/verdicts?service=cart&version={version}')[1])['data']['items']
        if items and items[0]['final']:
            return items[0]
        time.sleep(0.3)
    raise AssertionError('it is not final')


def wait_for_incident(daemon, state):
    wait_for(lambda: [item['state'] for item in incidents(daemon)] == [state], LOOK_S)
    return incidents(daemon)[0]


def test_broken_links_after_a_deploy_are_an_incident(daemon):
    """Few requests, so that no single minute is unusual: one in ten of a group of 120 requests an hour."""
    before = {'product': (8, 0, 0), 'home': (2, 0, 0)}
    broken = {'product': (8, 0, 0), 'home': (1, 6, 0)}  # a good one each 10 s, a broken one each 10 s
    with Nano(NN_SUB, daemon.publish, timeout_ms=20000) as peer:
        time.sleep(0.3)
        push(daemon, lines_of(T - 3600, T, before))
        push(daemon, [f'deploy,service=cart version="2" {T}000000000'])
        push(daemon, lines_of(T, T + 900, broken))
        item = told(peer, 'incident.cart', LOOK_S)
        [bad] = verdict(daemon, 'service=cart')
        assert bad['verdict'] == 'bad' and bad['groups'][0]['page_group'] == 'home'
        assert item['state'] == 'open' and item['end'] is None and item['score'] >= 60
        assert item['marker'] == bad['marker'] and item['markers'][0]['what'] == '2'
        assert item['causes'] == [{'labels': {'class': '4xx', 'page_group': 'home'}, 'share': 1}]
        assert item['onset'][0]['labels'] == {'class': '4xx', 'page_group': 'home', 'service': 'cart'}
        assert when(T) <= item['start'] <= item['peak'] == bad['bad_at']
        assert item['text'].startswith('cart: deploy 2 is bad: 4xx in home: ')
        assert [one['id'] for one in incidents(daemon)] == [item['id']]
        code, body, _ = daemon.request('GET', f'/api/v1/incidents/{item["id"]}')
        assert code == 200 and json.loads(body)['data']['text'] == item['text']
    daemon.pin_ports()
    daemon.kill()
    daemon.start()
    settle(daemon)
    assert [one['state'] for one in incidents(daemon)] == ['open'], 'a restart takes it for no incident of scoring'
    push(daemon, lines_of(T + 900, T + 3700, before))
    last = wait_for_incident(daemon, 'closed')
    assert (last['id'], last['start'], last['end']) == (item['id'], item['start'], when(T + 3600))


def test_a_clean_deploy_is_no_incident_nor_are_crawlers(daemon):
    """404s in one group double now and then, as crawlers come and go, and the deploy changes nothing of that."""
    calm, crawled = {'product': (80, 6, 0), 'home': (20, 6, 0)}, {'product': (80, 6, 0), 'home': (20, 12, 0)}
    for at in range(T - 7200, T + 3700, 600):
        push(daemon, lines_of(at, at + 600, crawled if at // 600 % 3 == 0 else calm))
        if at == T - 600:
            push(daemon, [f'deploy,service=cart version="3" {T}000000000'])
    assert kept(daemon, '3')['verdict'] != 'bad'
    settle(daemon)
    assert incidents(daemon) == []


def test_what_comes_after_a_verdict_was_final_is_judged(daemon):
    """A day is pushed out of order: one page group first, by which the deploy's time is over, then the other."""
    first = [{group: counts[group] for group in counts if group == 'product'} for counts in (CALM, BROKEN)]
    second = [{group: counts[group] for group in counts if group == 'home'} for counts in (CALM, BROKEN)]
    with Nano(NN_SUB, daemon.publish, timeout_ms=20000) as peer:
        time.sleep(0.3)
        push(daemon, [f'deploy,service=cart version="4" {T}000000000'])
        push(daemon, lines_of(T - 3600, T, first[0]) + lines_of(T, T + 7200, first[1]))
        half = told(peer, 'verdict.cart', LOOK_S)
        while not half['final']:
            half = told(peer, 'verdict.cart', LOOK_S)
        assert half['verdict'] != 'bad' and {row['page_group'] for row in half['groups']} == {'product'}
        push(daemon, lines_of(T - 3600, T, second[0]))
        push(daemon, lines_of(T, T + 3600, second[1]))
        whole = told(peer, 'verdict.cart', LOOK_S)
        while whole['verdict'] != 'bad':
            whole = told(peer, 'verdict.cart', LOOK_S)
        assert whole['final'] and whole['groups'][0]['page_group'] == 'home'
        assert verdict(daemon, 'service=cart') == [whole]
        wait_for(lambda: [one['marker'] for one in incidents(daemon)] == [whole['marker']], LOOK_S)
        done = command('verdict', '--service', 'cart', '--version', '4', '--server', 'http://' + daemon.http)
        assert done[0] == 1, done


def test_a_kill_before_the_minutes_close_loses_no_incident(daemon):
    """The next deploy ends the first one's time within two minutes: bad and final before scoring could have told."""
    before = {'product': (8, 0, 0), 'home': (2, 0, 0)}
    broken = {'product': (8, 0, 0), 'home': (0, 18, 0)}
    at = now_ms() // 10000 * 10 - 1800  # watched after a restart, and not live
    with Nano(NN_SUB, daemon.publish, timeout_ms=20000) as peer:
        time.sleep(0.3)
        push(daemon, lines_of(at - 3600, at, before))
        push(daemon, [f'deploy,service=cart version="5" {at}000000000', f'deploy,service=cart version="6" {at + 100}000000000'])
        push(daemon, lines_of(at, at + 110, broken))
        bad = told(peer, 'verdict.cart', LOOK_S)  # so it is kept
        while not (bad['version'] == '5' and bad['final']):
            bad = told(peer, 'verdict.cart', LOOK_S)
    assert bad['verdict'] == 'bad' and incidents(daemon) == []
    daemon.pin_ports()
    daemon.kill()
    daemon.start()
    assert kept(daemon, '5')['text'] == bad['text'] and incidents(daemon) == []
    with Nano(NN_SUB, daemon.publish, timeout_ms=20000) as peer:
        time.sleep(0.3)
        push(daemon, lines_of(at + 110, at + 900, before))
        item = told(peer, 'incident.cart', LOOK_S)
    assert (item['marker'], item['state'], item['markers'][0]['what']) == (bad['marker'], 'closed', '5')
    assert item['text'].startswith('cart: deploy 5 is bad: ') and [one['id'] for one in incidents(daemon)] == [item['id']]
