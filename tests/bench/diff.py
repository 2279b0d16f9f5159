#!/usr/bin/env python3
"""How long `tidemark diff` takes over DIFF_SERIES (default 10,000) series of one service: a window of 20 minutes, a sample a
minute, against the same time of four weeks, flushed. Prints the time of three requests, and the daemon's CPU time for them.

tests/bench/diff.py"""
import json
import os
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'system'))
from harness import Daemon, now_ms  # noqa: E402

MINUTES, WEEK = 20, 7 * 86400


def fill(daemon, series, start, moved):
    lines = []
    for minute in range(-MINUTES if moved else 0, MINUTES):
        at = start + 60 * minute
        for i in range(series):
            value = 50 + (i * 7919 + at // 60 * 104729) % 101 / 10 + (40 if moved and minute >= 0 and i % 500 == 7 else 0)
            lines.append(f'load,service=shop,pod=p{i // 10},core={i % 10} value={value:.1f} {at}000000000')
            if len(lines) == 10000:
                push(daemon, lines)
    push(daemon, lines)


def push(daemon, lines):
    if lines:
        code, body, _ = daemon.write('\n'.join(lines))
        assert code == 204, body
        lines.clear()


def cpu_s(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as file:
        fields = file.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def main():
    series = int(os.environ.get('DIFF_SERIES', '10000'))
    start = now_ms() // 3600000 * 3600 - 7200
    with Daemon(config={'scoring': {'exclude': ['{__name__!=""}']}}) as daemon:
        for week in range(5):
            fill(daemon, series, start - week * WEEK, week == 0)
        daemon.request('POST', '/api/v1/admin/flush')
        query = urllib.parse.urlencode({'window': f'{start}..{start + 60 * MINUTES}', 'service': 'shop', 'limit': 50})
        for _ in range(3):
            begin, used = time.monotonic(), cpu_s(daemon.process.pid)
            code, body, _ = daemon.request('GET', '/api/v1/diff?' + query)
            data = json.loads(body)['data']
            assert code == 200 and data['series'] == series and len(data['against']) == 4
            first = sum(int(item['labels']['pod'][1:]) * 10 + int(item['labels']['core']) in range(7, series, 500)
                        for item in data['items'][:series // 500])
            print(f'{series} series: {time.monotonic() - begin:.2f} s, CPU {cpu_s(daemon.process.pid) - used:.2f} s; '
                  f'{first} of {series // 500} that moved are first', flush=True)


if __name__ == '__main__':
    main()
