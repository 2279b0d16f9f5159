#!/usr/bin/env python3
"""make bench-rivals: tidemark and what Debian ships, fed the same lines over HTTP in turn, in one run on one machine.

Compare ratios only, and only within a run: the same figures differ by half from one hour to the next on a shared
machine. QUICK=0: 86.4 M samples instead of 3.6 M, and the million new series for all. ONLY=tidemark,victoria-metrics
leaves the others out; KEEP=1 keeps the folders; BENCH_DIR=DIR puts them there.
"""
import json
import os
import signal
import subprocess
import sys
import time

import measure
import rival_servers
from rival_servers import Tidemark, harness

FEED = os.path.join(harness.BUILD, 'tests', 'bench', 'bench_feed')
QUICK = os.environ.get('QUICK', '1') != '0'
ONLY = [name for name in os.environ.get('ONLY', '').split(',') if name]
SERIES, STEPS = 10000, 360 if QUICK else 8640
CHURN_SERIES, CHURN_STEPS = 1000000, 3
FEED_MOST_S = 300 if QUICK else 3600


def feed(server, series, steps, jitter_ms=0):
    """Sends; the last line bears the present time. Returns what bench_feed counted."""
    base = (int(time.time()) // 10 - steps) * 10000
    run = subprocess.run([FEED, server.kind, str(server.port), server.path, str(series), str(steps), str(base),
                          str(jitter_ms), '2'], capture_output=True, text=True, timeout=FEED_MOST_S)
    if run.returncode != 0:
        raise SystemExit(f'feeding {server.name} failed: {run.stderr[-500:]}')
    out = json.loads(run.stdout)
    if out['refused'] or out['broken']:
        print(f'  {server.name}: {out["refused"]} refused, {out["broken"]} connections broken: {run.stderr[-300:]}')
    return out


def cold_start(server, how):
    """Seconds until it is ready again; the files' pages are dropped from the cache before."""
    server.stop(how)
    for path, _, files in os.walk(server.data_dir):
        for name in files:
            fd = os.open(os.path.join(path, name), os.O_RDONLY)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)
    return server.start()


def ingest(server, series, steps, jitter_ms=0):
    """One server, one workload: a row of figures."""
    row = {'name': server.name, 'promise': server.promise}
    try:
        server.start()
        watch = measure.Watch(server.pids)
        cpu, written = measure.cpu_seconds(server.pids()), measure.written_bytes(server.pids())
        out = feed(server, series, steps, jitter_ms)
        samples = out['acked']
        millions = samples / 1e6
        row['samples'] = samples
        row['acked_per_s'] = samples / out['seconds']
        row['cpu_ack'] = (measure.cpu_seconds(server.pids()) - cpu) / millions
        row['settled'] = server.settle()
        row['cpu'] = (measure.cpu_seconds(server.pids()) - cpu) / millions
        row['written'] = (measure.written_bytes(server.pids()) - written) / samples
        row['anon'], row['peak'] = watch.end()
        row['disk'] = measure.disk_bytes(server.data_dir) / samples
        row['clean_s'] = cold_start(server, signal.SIGTERM)
        row['kill_s'] = cold_start(server, signal.SIGKILL)
        server.stop()
        if server.name == 'tidemark':
            add_later(row, server, samples)
    except (subprocess.TimeoutExpired, TimeoutError) as slow:
        row['failed'] = f'cut off: {str(slow)[:60]}'
    finally:
        if os.environ.get('KEEP'):
            server.stop(signal.SIGKILL)
            print(f'  {server.name}: {server.folder}')
        else:
            server.remove()
    return row


def add_later(row, server, samples):
    """tidemark rewrites a day once it is over: what the folder comes to then."""
    later = server.days_later()
    row['later_cpu'] = later['cpu_s'] / samples * 1e6
    row['later_written'] = later['written'] / samples
    row['later_raw'] = sum(measure.disk_bytes(os.path.join(server.data_dir, part))
                           for part in ('raw', 'index')) / samples
    row['later_disk'] = measure.disk_bytes(server.data_dir) / samples


COLUMNS = (('name', 'store', '{:<17}'), ('cpu_ack', 'cpu s/M ack', '{:>11.3f}'), ('cpu', 'settled', '{:>8.3f}'),
           ('disk', 'disk B/smp', '{:>10.2f}'), ('written', 'written B', '{:>9.2f}'), ('anon', 'RssAnon MiB', '{:>11.0f}'),
           ('peak', 'VmHWM', '{:>6.0f}'), ('clean_s', 'start s', '{:>7.2f}'), ('kill_s', 'kill -9', '{:>7.2f}'),
           ('acked_per_s', 'acked/s', '{:>9.0f}'), ('promise', 'when it answers', ' {}'))


def width(form):
    return len(form.format('' if '<' in form or form == ' {}' else 0))


def print_table(rows):
    print('  ' + ' '.join(head.ljust(width(form)) if '<' in form else head.rjust(width(form))
                          for _, head, form in COLUMNS))
    for row in rows:
        if 'failed' in row:
            print(f'  {row["name"]:<17} {row["failed"]}')
            continue
        print('  ' + ' '.join(form.format(row[key]) for key, _, form in COLUMNS)
              + ('' if row['settled'] else ' (did not come to rest)'))


def judge(what, value, goal, text=''):
    print(f'  {what:<66} {value:>9.3f}  goal <= {goal:<6} {"" if value <= goal else "NOT HELD"} {text}')


def print_ratios(rows, cpu_text):
    ours = rows[0]
    for row in rows[1:]:
        if 'failed' in row:
            continue
        goal = 0.25 if row['name'] == 'victoria-metrics' else 1
        judge(f'{cpu_text}, settled: tidemark over {row["name"]}', ours['cpu'] / row['cpu'], goal)
        print(f'  {"disk, written, memory: tidemark over " + row["name"]:<66} {ours["disk"] / row["disk"]:>9.2f} '
              f'{ours["written"] / row["written"]:>6.2f} {ours["anon"] / row["anon"]:>6.2f}')


def wanted(server):
    return not ONLY or server.name in ONLY


def run_workload(title, servers, series, steps, jitter_ms=0):
    print(f'{title}: {series} series, {steps} steps')
    sys.stdout.flush()
    rows = []
    for make in servers:
        rows.append(ingest(make(), series, steps, jitter_ms))
        print(f'  {rows[-1]["name"]} is done')
        sys.stdout.flush()
    print_table(rows)
    return rows


def print_steady(rows):
    ours = rows[0]
    judge('raw tier with index, bytes a sample, once its day is over', ours['later_raw'], 1.2 if QUICK else 0.95)
    judge('whole folder, bytes a sample, once its day is over', ours['later_disk'], 2.5 if QUICK else 1.35)
    judge('written by all processes, bytes a sample, the rewrite included', ours['written'] + ours['later_written'], 8)
    judge('peak of summed RssAnon, MiB', ours['anon'], 100)
    print(f'  {"sealing and rewriting the day, CPU s per million samples":<66} {ours["later_cpu"]:>9.3f}')
    print_ratios(rows, 'CPU per sample')


def print_churn(rows):
    ours = rows[0]
    judge('a million new series: peak of summed RssAnon, MiB', ours['anon'], 350)
    judge('a million series: ready again after a stop, s', ours['clean_s'], 2)
    judge('a million series: ready again after kill -9, s', ours['kill_s'], 2)
    print_ratios(rows, 'a million new series, CPU')


def store_figures(rivals):
    """tidemark's store over HTTP, beside these rivals (none: alone)."""
    print_steady(run_workload('steady', [Tidemark] + rivals, SERIES, STEPS))
    # The others take minutes and gigabytes for a million new series.
    bearable = [rival for rival in rivals if rival is rival_servers.Victoria or not QUICK]
    print_churn(run_workload('churn', [Tidemark] + bearable, CHURN_SERIES, CHURN_STEPS))
    jittered = run_workload('steady, times jittered by 5 ms', [Tidemark], SERIES, STEPS, 5)[0]
    judge('jittered: raw tier with index, bytes a sample, day over', jittered['later_raw'], 1.8 if QUICK else 1.55)


def main():
    lacking = rival_servers.missing()
    if lacking and not ONLY:
        raise SystemExit(f'these packages are missing: {" ".join(lacking)}; run .ci/deps-rivals as root')
    print(f'tidemark beside its rivals: {"quick" if QUICK else "full"} run, {os.cpu_count()} cores, '
          f'load {os.getloadavg()[0]:.1f}; ' + ', '.join(f'{n} {v}' for n, v in rival_servers.versions().items()))
    store_figures([rival for rival in rival_servers.RIVALS if wanted(rival)])


if __name__ == '__main__':
    main()
