#!/usr/bin/env python3
"""PromQL beside VictoriaMetrics and Prometheus of Debian: the same samples to each, then each query of each in turn, all
three servers up. Part of make bench-rivals; alone: `python3 tests/bench/queries.py [steady|many|load]...`. A time is the
median of ROUNDS (5), from the request to the last byte of the answer, nothing cached by the servers. QUICK=0: 4,000 series
over 24 h and the million series for all; ONLY=tidemark,victoria-metrics leaves the others out; BENCH_DIR=DIR puts folders there.
"""
import http.client
import json
import math
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import urlencode

import measure
import rival_servers
from rival_servers import Prometheus, Tidemark, Victoria, get, harness
import remote_write

FEED = os.path.join(harness.BUILD, 'tests', 'bench', 'bench_feed')
QUICK = os.environ.get('QUICK', '1') != '0'
ONLY = [name for name in os.environ.get('ONLY', '').split(',') if name]
PAIRS = int(os.environ.get('PAIRS', '5'))  # of ingest alone and beside queries, in turn
ROUNDS = int(os.environ.get('ROUNDS', '5'))
DAY_S, STEP_S = 86400, 10
SERIES = int(os.environ.get('SERIES', '1000' if QUICK else '4000'))
MANY = int(os.environ.get('MANY', '200000' if QUICK else '1000000'))
BOUNDS = [0.005 * 1.6 ** i for i in range(15)] + [math.inf]
HISTOGRAMS, HISTOGRAM_STEP_S, SLICE_S = 40, 30, 1800

# name, expression, goals: of VictoriaMetrics' and of Prometheus' time (None: no goal)
RANGES = (
    ('sum by (service) of rate', 'sum by (service)(rate(http_requests_total[5m]))', 0.5, 0.1),
    ('topk(10) by page group', 'topk(10, sum by (page_group)(rate(http_requests_total[5m])))', 0.5, 0.1),
    ('topk(10) of all series', 'topk(10, rate(http_requests_total[5m]))', None, None),
    ('histogram_quantile(0.99)', 'histogram_quantile(0.99, sum by (service, le)(rate(work_seconds_bucket[5m])))', 0.5, 0.1),
    ('all series as they are', 'http_requests_total', None, None),
    ('ratio of two sums', 'sum(rate(http_requests_total{status="500"}[5m])) / sum(rate(http_requests_total[5m]))', None, None),
    ('max_over_time', 'max by (service)(max_over_time(heap_bytes[1h]))', None, None),
)


class Failed(Exception):
    """A query that was not answered."""


def ask(server, path, timeout=120, **params):
    """Seconds, and the answer's result."""
    if server.name == 'victoria-metrics':
        params['nocache'] = '1'
    began = time.monotonic()
    try:
        body = get(f'http://127.0.0.1:{server.port}/api/v1/{path}', urlencode(params).encode(), timeout)
    except urllib.error.HTTPError as error:
        raise Failed(f'{server.name}: {error.code} {error.read()[:120]!r}') from error
    took = time.monotonic() - began
    return took, json.loads(body)['data']['result']


# ---- data ----

def feed(server, series, steps, base_ms):
    run = subprocess.run([FEED, server.kind, str(server.port), server.path, str(series), str(steps), str(base_ms), '0', '2'],
                         capture_output=True, text=True, timeout=3600)
    if run.returncode != 0:
        raise SystemExit(f'feeding {server.name} failed: {run.stderr[-500:]}')


def histogram_bodies(base_ms):
    """Remote write bodies of pushed histograms, a SLICE_S each: HISTOGRAMS label sets, cumulative over BOUNDS, over a day."""
    dice = random.Random(5)
    counts = [[0] * len(BOUNDS) for _ in range(HISTOGRAMS)]
    for step in range(0, DAY_S // HISTOGRAM_STEP_S, SLICE_S // HISTOGRAM_STEP_S):
        samples = [[[] for _ in BOUNDS] for _ in range(HISTOGRAMS)]
        for at in range(step, step + SLICE_S // HISTOGRAM_STEP_S):
            for h in range(HISTOGRAMS):
                grown = 0
                for b in range(len(BOUNDS)):
                    grown += dice.randrange(1 + h % 7)
                    counts[h][b] += grown
                    samples[h][b].append((base_ms + at * HISTOGRAM_STEP_S * 1000, float(counts[h][b])))
        yield remote_write.snappy(b''.join(
            remote_write.series({'__name__': 'work_seconds_bucket', 'service': f's{h % 20}', 'pod': f'p{h}',
                                 'le': '+Inf' if bound == math.inf else f'{bound:g}'}, samples[h][b])
            for h in range(HISTOGRAMS) for b, bound in enumerate(BOUNDS)))


def push(server, body):
    request = urllib.request.Request(f'http://127.0.0.1:{server.port}/api/v1/write', data=body, method='POST',
                                     headers=remote_write.HEADERS)
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()


def feed_day(server, base_ms, bodies):
    """Counters and histograms together, slice by slice: Prometheus takes nothing that is much older than its newest."""
    for i, body in enumerate(bodies):
        feed(server, SERIES, SLICE_S // STEP_S, base_ms + i * SLICE_S * 1000)
        push(server, body)


def filled(makes, fill):
    """Running servers with the same samples, at rest. fill(server) sends them."""
    servers = []
    try:
        for make in makes:
            server = make()
            servers.append(server)
            server.start()
            began = time.monotonic()
            fill(server)
            say(f'{server.name} was fed in {time.monotonic() - began:.0f} s')
        for server in servers:
            server.settle()
    except BaseException:
        remove(servers)
        raise
    return servers


def remove(servers):
    for server in servers:
        server.remove()


# ---- figures ----

def say(text):
    print('  ' + text)
    sys.stdout.flush()


def judge(ours, theirs, goal):
    text = f'{ours / theirs:.2f}'
    return text if goal is None else f'{text} (goal {goal}{"" if ours <= theirs * goal else ", NOT HELD"})'


def compare(servers, what, path, goals, count=len, **params):
    """One row: the median of each server in ms, and what it takes of its processor's time."""
    times, cpu, sizes = {s.name: [] for s in servers}, {}, {}
    for _ in range(ROUNDS + 1):
        for server in servers:
            before = measure.cpu_seconds(server.pids())
            try:
                took, result = ask(server, path, **params)
            except (Failed, TimeoutError, OSError) as error:
                say(f'{what}: {error}')
                times.pop(server.name, None)
                servers = [s for s in servers if s is not server]
                continue
            times[server.name].append(took)
            cpu[server.name] = cpu.get(server.name, 0) + measure.cpu_seconds(server.pids()) - before
            sizes[server.name] = count(result)
    middle = {name: statistics.median(rows[1:]) * 1000 for name, rows in times.items()}  # the first warms up
    ours = middle.get('tidemark')
    row = f'{what:<28}' + ''.join(f' {name} {ms:.1f} ms, cpu {cpu[name] / (ROUNDS + 1) * 1000:.0f};' for name, ms in middle.items())
    for name, goal in goals.items():
        if ours and name in middle:
            row += f' over {name} {judge(ours, middle[name], goal)}'
    if len(set(sizes.values())) > 1:
        row += f' DIFFERENT COUNTS {sizes}'
    say(row)


def goals_of(victoria, prometheus):
    return {'victoria-metrics': victoria, 'prometheus': prometheus}


def drop_pages(server):
    for path, _, files in os.walk(server.data_dir):
        for name in files:
            fd = os.open(os.path.join(path, name), os.O_RDONLY)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


def first_answer(server, query, when):
    """Seconds from the start of a stopped server, nothing of its files cached, to a query's first answer with data."""
    server.stop(signal.SIGTERM)
    drop_pages(server)
    began = time.monotonic()
    server.start()
    while time.monotonic() < began + 120:
        try:
            if ask(server, 'query', query=query, time=when)[1]:
                return time.monotonic() - began
        except (Failed, OSError):
            pass
        time.sleep(0.005)
    raise SystemExit(f'{server.name} gives no answer')


def compare_starts(servers, end):
    took = {s.name: statistics.median([first_answer(s, 'sum(rate(http_requests_total[5m]))', end) for _ in range(3)]) * 1000
            for s in servers}
    row = f'{"cold start to first answer":<28}' + ''.join(f' {name} {ms:.0f} ms;' for name, ms in took.items())
    for name, goal in goals_of(1, None).items():
        if name in took and 'tidemark' in took:
            row += f' over {name} {judge(took["tidemark"], took[name], goal)}'
    say(row)


def one_series(server, end):
    """The selector of one series."""
    labels = ask(server, 'query', query='topk(1, http_requests_total)', time=end)[1][0]['metric']
    return '{' + ','.join(f'{name}="{value}"' for name, value in labels.items()) + '}'


def run_steady(makes):
    """The queries of a dashboard over a day."""
    end = int(time.time()) // 60 * 60
    start = end - DAY_S
    print(f'queries: {SERIES} series over 24 h every {STEP_S} s, steps of 60 s')
    bodies = list(histogram_bodies(start * 1000))
    servers = filled(makes, lambda server: feed_day(server, start * 1000, bodies))
    try:
        for name, query, victoria, prometheus in RANGES:
            compare(servers, name, 'query_range', goals_of(victoria, prometheus), query=query, start=start + 600, end=end, step=60)
        compare(servers, 'one series raw, 24 h', 'query', goals_of(1, None), query=one_series(servers[0], end) + '[24h]', time=end)
        compare_starts(servers, end)
    finally:
        remove(servers)


def run_many(makes):
    """A selector over very many series; memory of the server while it answers."""
    end = int(time.time()) // 10 * 10
    print(f'a selector over {MANY} series')
    servers = filled(makes, lambda server: feed(server, MANY, 3, (end - 30) * 1000))
    try:
        for name, query in (('count of all', 'count({__name__=~".+"})'), ('sum by (service) of cpu', 'sum by (service)(cpu_usage_ratio)')):
            watches = [measure.Watch(server.pids) for server in servers]
            compare(servers, name, 'query', goals_of(0.5, None), query=query, time=end)
            for server, watch in zip(servers, watches):
                anon, peak = watch.end()
                say(f'{"":<28} {server.name}: RssAnon {anon:.0f} MiB, VmHWM {peak:.0f} MiB')
    finally:
        remove(servers)


# ---- beside ingest ----

HEAVY = 'topk(3, rate(http_requests_total[1h])) or quantile_over_time(0.9, http_requests_total[2h])'


def ingest_beside(server, seconds, rate=100):
    """What tidemark bench says of a slow open loop."""
    run = subprocess.run([harness.COMMAND, 'bench', '--json', '--to', server.daemon.rep, '--series', '1000', '--seconds', str(seconds),
                          '--rate', str(rate), '--batch', '200'], capture_output=True, text=True, timeout=seconds + 120)
    if run.returncode != 0:
        raise SystemExit(f'bench failed: {run.stderr}')
    document = json.loads(run.stdout)
    return document.get('data', document)


def hammer(server, start, end, stop, ends):
    # Those who ask are elsewhere in truth: they shall not take the processor from those who push.
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 15)
    while not stop.is_set():
        try:
            ask(server, 'query_range', query=HEAVY, start=start, end=end, step=60)
            ends.append('answer')
        except Failed as error:
            ends.append(str(error)[10:80])
        except (OSError, http.client.HTTPException) as error:
            ends.append(f'broken off: {error}')


def ingest_beside_queries(server, start, end, ends):
    stop = threading.Event()
    threads = [threading.Thread(target=hammer, args=(server, start, end, stop, ends)) for _ in range(64)]
    for thread in threads:
        thread.start()
    beside = ingest_beside(server, 5)
    stop.set()
    for thread in threads:
        thread.join()
    return beside


def run_load(_makes):
    """64 heavy queries at once while lines come in."""
    end = int(time.time()) // 60 * 60
    start = end - 7200
    print('64 heavy queries at once beside ingest')
    servers = filled([Tidemark], lambda server: feed(server, 1000, 720, start * 1000))
    ends, pairs = [], []
    try:
        watch = measure.Watch(servers[0].pids)
        for _ in range(PAIRS):
            alone = ingest_beside(servers[0], 5)
            pairs.append((alone, ingest_beside_queries(servers[0], start, end, ends)))
        anon, peak = watch.end()
        ratio = statistics.median(b['ack_p99_ms'] / a['ack_p99_ms'] for a, b in pairs)
        p99, p50 = ([statistics.median(run[name] for run in runs) for runs in zip(*pairs)] for name in ('ack_p99_ms', 'ack_p50_ms'))
        say(f'acknowledgement p99 {p99[0]:.1f} ms alone, {p99[1]:.1f} beside; median ratio of {PAIRS} pairs {ratio:.2f} (goal 2'
            f'{"" if ratio <= 2 else ", NOT HELD"}); p50 {p50[0]:.1f}, {p50[1]:.1f}')
        say(f'ends: { {end: ends.count(end) for end in set(ends)} }; RssAnon {anon:.0f} MiB, VmHWM {peak:.0f} MiB')
    finally:
        remove(servers)


PARTS = {'steady': run_steady, 'many': run_many, 'load': run_load}


def main():
    wanted = sys.argv[1:] or list(PARTS)
    makes = [make for make in (Tidemark, Victoria, Prometheus) if not ONLY or make.name in ONLY]
    print(f'PromQL beside its rivals: {"quick" if QUICK else "full"} run, load {os.getloadavg()[0]:.1f}; '
          + ', '.join(f'{name} {version}' for name, version in rival_servers.versions().items() if name != 'influxdb'))
    for part in wanted:
        PARTS[part](makes)


if __name__ == '__main__':
    main()
