"""Reports are asked for while one is under way, by people and by the schedule: each gets its own, in turn."""
import concurrent.futures
import datetime
import glob
import json
import os
import signal
import time

import pytest

from harness import Daemon, command, now_ms, wait_for
from test_report import KEEP, push, week_of

GENEROUS_S = 120
WAITING_MAX = 16


@pytest.fixture
def daemon():
    with Daemon(config=KEEP) as running:
        at = int(now_ms() / 1000) - 8 * 86400
        push(running, [f'exception,service=s{i},type=E message="x" {at}000000000' for i in range(20)])
        running.week = week_of(at, datetime.timezone.utc)
        yield running


def report_process(daemon):
    """The pid of the daemon's tidemark-report, if one runs."""
    for path in glob.glob('/proc/[0-9]*/stat'):
        try:
            name, _, after = open(path, encoding='utf-8').read().rpartition(')')
            if int(after.split()[1]) == daemon.process.pid and 'tidemark-report' in name:
                return int(path.split('/')[2])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return None


def hold_one(daemon, pool):
    """A report that stands still: its process, and who waits for it."""
    deadline = time.monotonic() + GENEROUS_S
    while time.monotonic() < deadline:
        asked = pool.submit(ask, daemon, 's0')
        while not asked.done():
            pid = report_process(daemon)
            if pid:
                os.kill(pid, signal.SIGSTOP)
                return pid, asked
    raise AssertionError('no report was caught in its work')


def ask(daemon, service):
    code, body, _ = daemon.request('POST', f'/api/v1/admin/report?week={daemon.week}&service={service}',
                                   timeout=GENEROUS_S)
    return code, json.loads(body)


def waiting_count(daemon):
    data = json.loads(daemon.request('GET', '/api/v1/admin/report')[1])['data']
    assert data['state'] == 'running', data
    return data['waiting']


def is_answered_busy(daemon):
    code, body = ask(daemon, 's19')
    assert code == 409, body
    assert body['error'] == '16 reports wait for their turn already: ask again later', body


def test_who_asks_while_a_report_is_made_gets_the_own_one_in_turn(daemon):
    with concurrent.futures.ThreadPoolExecutor(WAITING_MAX + 2) as pool:
        pid, first = hold_one(daemon, pool)
        waiting = [pool.submit(ask, daemon, f's{i}') for i in range(1, WAITING_MAX)]
        by_hand = pool.submit(command, 'report', '--week', daemon.week, '--service', 's18', '--json', '--server',
                              'http://' + daemon.http, timeout=GENEROUS_S)
        wait_for(lambda: waiting_count(daemon) == WAITING_MAX, timeout=GENEROUS_S)
        assert not first.done() and not by_hand.done() and not any(each.done() for each in waiting)
        is_answered_busy(daemon)
        os.kill(pid, signal.SIGCONT)
        for i, each in enumerate([first] + waiting):
            code, body = each.result(GENEROUS_S)
            assert code == 200, body
            assert [item['service'] for item in body['data']['items']] == [f's{i}']
        code, out, err = by_hand.result(GENEROUS_S)
        assert (code, err) == (0, ''), err
        assert [item['service'] for item in json.loads(out)['items']] == ['s18']


def test_who_waits_for_a_turn_is_told_that_the_daemon_stops(daemon):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        _, first = hold_one(daemon, pool)
        waiting = [pool.submit(ask, daemon, f's{i}') for i in range(1, 3)]
        wait_for(lambda: waiting_count(daemon) == 2, timeout=GENEROUS_S)
        daemon.terminate()
        for each in [first] + waiting:
            code, body = each.result(GENEROUS_S)
            assert (code, body['error']) == (500, 'the daemon stops: ask again when it runs')
