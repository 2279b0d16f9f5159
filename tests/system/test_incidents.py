"""Incidents in the daemon: a fault in pushed history is one incident that names its cause and the deploy before it."""
import json
import time

import pytest

from harness import Daemon
from test_detect import MINUTE_MS, SETTINGS, START_MS, history, push, send, settle

HOURS, FAULT = 34, 33 * 60
BEGIN_MS = START_MS + FAULT * MINUTE_MS


def incidents(daemon):
    query = 'from=2025-11-01T00:00:00Z&to=2026-02-01T00:00:00Z&limit=1000'
    return json.loads(daemon.request('GET', f'/api/v1/incidents?{query}')[1])['data']['items']


def stamp(ms):
    return time.strftime('%Y-%m-%dT%H:%M:%S.000Z', time.gmtime(ms / 1000))


def deploy(at_ms, version='1.8.3'):
    return [f'deploy,service=shop version="{version}",by="ci" {at_ms}']


def fault_with_deploy(daemon, hours=HOURS, fault=FAULT):
    """A deploy, and 42 s later a third of the cart's requests fails, for as long as the history goes on."""
    minutes = list(history(hours, fault_at=fault))
    push(daemon, minutes[:fault])
    send(daemon, deploy(START_MS + fault * MINUTE_MS - 42_000))
    push(daemon, minutes[fault:])
    settle(daemon)


def assert_names_cart_and_deploy(item):
    assert item['service'] == 'shop' and item['env'] == ''
    assert item['causes'] and item['causes'][0]['labels'].get('page_group') == 'cart', item['causes']
    assert item['causes'][0]['share'] > 0.5
    assert item['markers'][0]['id'] == item['marker'] and item['markers'][0]['what'] == '1.8.3'
    assert 'page_group cart' in item['text'] and '42 s after deploy 1.8.3' in item['text'], item['text']
    assert item['onset'][0]['time'] == item['start']
    assert item['score'] >= 60 and item['anomalies'] >= 2


def test_a_fault_after_a_deploy_is_one_incident_that_names_both():
    with Daemon(config=SETTINGS) as daemon:
        fault_with_deploy(daemon)
        items = [item for item in incidents(daemon) if item['start'] >= stamp(BEGIN_MS)]
        assert len(items) == 1, items
        assert items[0]['start'] == stamp(BEGIN_MS)
        assert_names_cart_and_deploy(items[0])
        assert len(incidents(daemon)) == 1
        # what is found is found by its id, and people's words stay with it
        status, body, _ = daemon.request('POST', f'/api/v1/incidents/{items[0]["id"]}/feedback',
                                         json.dumps({'feedback': 'useful'}).encode())
        assert status == 200, body
        assert json.loads(body)['data']['feedback'][0]['feedback'] == 'useful'


def test_a_kill_changes_no_incident():
    with Daemon(config=SETTINGS) as daemon:
        fault_with_deploy(daemon)
        whole = incidents(daemon)
    with Daemon(config=SETTINGS) as daemon:
        minutes = list(history(HOURS, fault_at=FAULT))
        push(daemon, minutes[:FAULT])
        send(daemon, deploy(BEGIN_MS - 42_000))
        settle(daemon)
        push(daemon, minutes[FAULT:FAULT + 5], every=1)
        settle(daemon)
        daemon.kill()
        daemon.start()
        push(daemon, minutes[FAULT + 5:])
        settle(daemon)
        again = incidents(daemon)
    assert [item['id'] for item in again] == [item['id'] for item in whole]
    assert [item['start'] for item in again] == [item['start'] for item in whole]
    assert_names_cart_and_deploy(again[0])


if __name__ == '__main__':
    pytest.main([__file__, '-v'])
