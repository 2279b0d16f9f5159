"""Scoring in the daemon: old data pushed in order is scored as live data would be, at any speed and over kills."""
import json
import math
import random
import time

import pytest

from harness import Daemon

START_MS = 1_764_547_200_000  # 2025-12-01T00:00Z
MINUTE_MS = 60_000
SETTINGS = {'storage': {'min_free': '1MiB', 'retention': {'raw': '3650d'}}}


def wait_for(what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return
        time.sleep(0.1)
    raise AssertionError('it did not come to that')


def history(hours, fault_at=None, seed=1, shape=None):
    """Minutes of lines: requests of two groups, a gauge and a counter; errors rise tenfold at fault_at (minutes)."""
    rng = random.Random(seed)
    total = 0
    for minute in range(hours * 60):
        lines = []
        at = START_MS + minute * MINUTE_MS
        day = 1 + 0.5 * math.sin(minute / 1440 * 2 * math.pi)
        for group in ('product', 'cart'):
            n = int(rng.gauss(300 * day, 15))
            bad = max(0, int(rng.gauss(0.01 * n, 1.5)))
            if fault_at is not None and group == 'cart' and minute >= fault_at:
                bad = n // 3
            for status, count in (('200', n - bad), ('500', bad)):
                if count:
                    lines.append(f'http,service=shop,method=GET,status={status},page_group={group} count={count}i {at + 20_000}')
        total += max(0, int(rng.gauss(50, 5)))
        lines.append(f'cpu,service=shop,pod=a value={rng.gauss(0.4, 0.02):.4f} {at + 10_000}')
        lines.append(f'jobs_total,service=shop value={total}i {at + 30_000}')
        yield at, lines


def push(daemon, minutes, every=30):
    """In order, some minutes a batch."""
    batch = []
    for i, (_, lines) in enumerate(minutes):
        batch += lines
        if i % every == every - 1:
            send(daemon, batch)
            batch = []
    send(daemon, batch)


def send(daemon, lines):
    if lines:
        status, body, _ = daemon.write('\n'.join(lines), '/write?precision=ms')
        assert status == 204, body


def settle(daemon, end_ms):
    """Until all that can be closed is closed."""
    last = [None]

    def still():
        scoring = daemon.status()['scoring']
        state = (scoring['minutes_total'], scoring['lag_s'], scoring['services_behind'])
        done = last[0] == state and scoring['lag_s'] == 0 and scoring['services_behind'] == 0 and scoring['services'] > 0
        last[0] = state
        time.sleep(1.1)
        return done
    wait_for(still, 120)


def found(daemon):
    """What is stored: anomalies by id, anomaly_score samples by labels and time."""
    query = 'from=2025-11-01T00:00:00Z&to=2026-02-01T00:00:00Z&limit=10000&min_score=20'
    items = json.loads(daemon.request('GET', f'/api/v1/anomalies?{query}')[1])['data']['items']
    text = daemon.request('GET', '/api/v1/export?match[]=anomaly_score&from=2025-11-01T00:00:00Z'
                          '&to=2026-02-01T00:00:00Z')[1].decode()
    samples = {}
    for line in text.splitlines():
        one = json.loads(line)
        for when, value in zip(one['times'], one['values']):
            if float(value) >= 20:
                samples[json.dumps(one['metric'], sort_keys=True), when] = round(float(value), 6)
    return {item['id']: item for item in items}, samples


@pytest.fixture
def daemon():
    with Daemon(config=SETTINGS) as d:
        yield d
