"""Pods that come and go: scoring stays within its memory, new ones are scored, and the dead slow no restart.
CHURN=200000: how many in all (default 400); SOAK=1 takes that number."""
import json
import os
import random
import time

import pytest

from harness import Daemon, resident_bytes, soak, wait_for

START_MS = 1_764_547_200_000  # 2025-12-01T00:00Z
MINUTE_MS = 60_000
LIFE, WAVE = 150, 1600  # minutes: a pod's life, and from one wave to the next, more than a day after the end of the last
ALL = int(os.environ.get('CHURN', '200000' if soak() else '400'))
WAVES = 40 if ALL > 10_000 else 4
PODS = ALL // WAVES
BODY_BYTES = 700_000
MEMORY_MIB = 64
# What a series that is gone may cost in the daemon: the store's labels, index and raw hash of it, and scoring's note.
GONE_BYTES = 1500


def wave_lines(wave, fault_at=None):
    """Minutes of a wave as bytes, the pods' values out of seven minutes of noise; the first pod is far off at a minute."""
    rng = random.Random(wave)
    minutes = []
    for _ in range(7):
        lines = [f'load,service=shop,pod=w{wave}-{pod} value={rng.gauss(100, 3):.2f} @' for pod in range(1, PODS)]
        minutes.append('\n'.join(lines).encode())
    for minute in range(LIFE):
        at = str(START_MS + (wave * WAVE + minute) * MINUTE_MS + 20_000).encode()
        own = 100 + rng.gauss(0, 3) + (500 if minute == fault_at else 0)
        yield f'load,service=shop,pod=w{wave}-0 value={own:.2f} @\n'.encode().replace(b'@', at) + minutes[minute % 7].replace(b'@', at)


def push_wave(daemon, wave, fault_at=None):
    body = []
    for minute in wave_lines(wave, fault_at):
        if body and sum(map(len, body)) + len(minute) > BODY_BYTES:
            send(daemon, body)
            body = []
        body.append(minute)
    send(daemon, body)


def send(daemon, body):
    """Again and again while the daemon is busy with what it has."""
    end = time.monotonic() + 120
    while True:
        status, answer, _ = daemon.request('POST', '/write?precision=ms', b'\n'.join(body), timeout=60)
        if status == 204:
            return
        assert status in (429, 503) and time.monotonic() < end, answer
        time.sleep(0.2)


def scoring(daemon):
    return daemon.status()['scoring']


def scored_to_its_end(daemon, scores):
    now = scoring(daemon)
    return now['scores_total'] >= scores and now['lag_s'] == 0 and now['services_behind'] == 0


def anomalies_of(daemon, pod):
    query = 'from=2025-11-01T00:00:00Z&to=2026-06-01T00:00:00Z&limit=10000&min_score=20'
    items = json.loads(daemon.request('GET', f'/api/v1/anomalies?{query}', timeout=60)[1])['data']['items']
    return [item for item in items if item['labels'].get('pod') == pod]


def anonymous_bytes(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith('RssAnon'))


@pytest.fixture
def daemon():
    config = {'storage': {'min_free': '1MiB', 'retention': {'raw': '3650d'}}, 'limits': {'max_series_per_service': 1_000_000},
              'scoring': {'memory': f'{MEMORY_MIB}MiB'}}
    with Daemon(config=config) as one:
        yield one


def tell(daemon, what):
    if ALL > 10_000:
        now = scoring(daemon)
        print(f"{what}: scored {now['scored']}, silent {now['silent']}, tables {now['tables_bytes'] >> 10} KB, anonymous "
              f'{anonymous_bytes(daemon.process.pid) >> 20} MB, resident {resident_bytes(daemon.process.pid) >> 20} MB', flush=True)


def test_pods_that_come_and_go_fill_no_memory_and_slow_no_restart(daemon):
    wait_for(lambda: scoring(daemon)['services'] == 0, 60)
    half_bytes = 0
    for wave in range(WAVES):
        before = scoring(daemon)
        push_wave(daemon, wave)
        wanted = before['scores_total'] + 30 * PODS  # each pod's minutes but those that it needs to have a state
        wait_for(lambda: scored_to_its_end(daemon, wanted), 300, every=0.2)
        now = scoring(daemon)
        assert now['left_out'] == 0 and now['memory_bytes'] <= MEMORY_MIB << 20
        assert now['scored'] >= min(PODS, before['scored'] + PODS)  # the wave's own are among them
        assert now['tables_bytes'] <= 25 * (wave + 1) * PODS + 1000 * (now['scored'] + PODS) + 16384
        if wave == WAVES // 2 - 1:
            half_bytes = anonymous_bytes(daemon.process.pid)
        tell(daemon, f'wave {wave}')
    gone = (WAVES - WAVES // 2) * PODS
    assert anonymous_bytes(daemon.process.pid) < half_bytes + gone * GONE_BYTES + (128 << 20)
    before = scoring(daemon)
    daemon.kill()
    daemon.start(timeout=120)
    tell(daemon, f'ready after kill -9 in {daemon.ready_s:.2f} s')
    wait_for(lambda: scoring(daemon)['services'] > 0 and scoring(daemon)['services_behind'] == 0, 300, every=0.2)
    after = scoring(daemon)
    if ALL > 10_000:  # else nothing was kept yet, and all is learned anew; of three waves there may be states
        assert after['silent'] >= (WAVES - 4) * PODS
    assert after['scored'] <= before['scored'] and after['silent'] + after['scored'] + after['learning'] == ALL
    tell(daemon, 'learned after kill -9')
    push_wave(daemon, WAVES, fault_at=LIFE - 15)
    wait_for(lambda: anomalies_of(daemon, f'w{WAVES}-0'), 300, every=0.5)
    assert scoring(daemon)['left_out'] == 0
    tell(daemon, 'the last wave')
