"""Rollups through the daemon: what export gives of a tier is what its samples say, before and after a restart."""
import json
import math
import time
import urllib.parse

from harness import Daemon, wait_for

MINUTE = 60_000
DAY = 86_400_000
MIDNIGHT = int(time.time() * 1000) // DAY * DAY - 3 * DAY
NAMES = ('count', 'sum', 'min', 'max', 'last', 'increase')


def samples():
    """Two days of a counter that is reset now and then, one sample a minute and some missing."""
    out, value = [], 0
    for i in range(2 * 1440):
        value = 0 if i % 397 == 0 else value + i % 7
        if i % 11:
            out.append((MIDNIGHT + i * MINUTE + i % 5, float(value)))
    return out


def expected(data, bucket):
    rows, before = {}, None
    for at, value in data:
        row = rows.setdefault(at // bucket * bucket, {'count': 0, 'sum': 0.0, 'min': math.inf, 'max': -math.inf, 'increase': 0.0})
        row['count'] += 1
        row['sum'] += value
        row['min'] = min(row['min'], value)
        row['max'] = max(row['max'], value)
        row['last'] = value
        if before and at - before[0] <= 60 * MINUTE:
            row['increase'] += value - before[1] if value >= before[1] else value
        before = (at, value)
    return {start: tuple(float(row[name]) for name in NAMES) for start, row in rows.items()}


def exported(daemon, tier, more=''):
    match = urllib.parse.quote('jobs_total')
    status, body, _ = daemon.request(
        'GET', f'/api/v1/export?match[]={match}&tier={tier}&from={MIDNIGHT / 1000}&to={(MIDNIGHT + 4 * DAY) / 1000}{more}')
    assert status == 200, body
    rows = {}
    for line in body.decode().splitlines():
        line = json.loads(line)
        assert line['metric'] == {'__name__': 'jobs_total', 'service': 'cart'}
        assert len({start // DAY for start in line['times']}) == 1
        for i, start in enumerate(line['times']):
            assert start not in rows
            rows[start] = tuple(float(line[name][i]) for name in NAMES)
    return rows


def test_rollups_say_what_the_samples_say(tmp_path):
    data = samples()
    five, hour = expected(data, 5 * MINUTE), expected(data, 60 * MINUTE)
    with Daemon(data_dir=str(tmp_path / 'data')) as d:
        text = '\n'.join(f'jobs_total,service=cart value={value} {at}' for at, value in data)
        assert d.write(text, '/write?precision=ms')[0] == 204
        assert exported(d, '5m') == five and exported(d, '1h') == hour  # of samples in memory
        assert d.request('POST', '/api/v1/admin/flush')[0] == 200
        wait_for(lambda: d.metric('tidemark_rolled_days_total') == 2, timeout=90)
        assert d.metric('tidemark_rollup_bytes') == d.status()['store']['rollup_bytes'] > 0
        assert exported(d, '5m') == five and exported(d, '1h') == hour  # as they are stored
        assert d.write(f'jobs_total,service=cart value=1 {MIDNIGHT + 7}', '/write?precision=ms')[0] == 204
        late = sorted(data + [(MIDNIGHT + 7, 1.0)])
        assert exported(d, '5m') == expected(late, 5 * MINUTE)
        d.kill()
        d.restart()
        assert exported(d, '5m') == expected(late, 5 * MINUTE)
        assert exported(d, '1h') == expected(late, 60 * MINUTE)


def test_a_tier_that_there_is_not_is_refused(tmp_path):
    with Daemon(data_dir=str(tmp_path / 'data')) as d:
        status, body, _ = d.request('GET', '/api/v1/export?match[]=a&tier=2m')
        assert status == 400
        assert json.loads(body)['error'] == 'invalid parameter "tier": "2m" is not known; there are raw, 5m and 1h'
