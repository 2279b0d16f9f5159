#!/usr/bin/env python3
"""make bench: speed and memory as ratios within one run. Figures of a shared machine mean little by themselves; what
is compared is measured in turn, in this run, on this disk.

QUICK=0 runs the full workload (86.4 M samples); ROUNDS=n repeats the comparison with the floor n times.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'system'))
import events  # noqa: E402
import harness  # noqa: E402
import rivals  # noqa: E402
from measure import Watch, cpu_seconds  # noqa: E402

FLOOR = os.path.join(harness.BUILD, 'tests', 'bench', 'bench_floor')
QUICK = os.environ.get('QUICK', '1') != '0'
ROUNDS = int(os.environ.get('ROUNDS', '3'))


def bench(*args, timeout=900):
    run = subprocess.run([harness.COMMAND, 'bench', '--json', *args], capture_output=True, text=True, timeout=timeout)
    if run.returncode != 0:
        raise SystemExit(f'bench {" ".join(args)} failed: {run.stderr}')
    out = json.loads(run.stdout)
    return out.get('data', out)


def say(name, value, goal, unit=''):
    print(f'  {name:<58} {value:>10.3f} {unit:<8} {goal}')
    sys.stdout.flush()


def start(**config):
    folder = tempfile.mkdtemp(prefix='tm-bench-', dir=os.environ.get('BENCH_DIR'))
    d = harness.Daemon(folder=folder, config=config)
    d.own_folder = True
    return d.start()


def ingest_cost():
    """Parse, journal, head: CPU of all processes per million samples, acknowledged with fdatasync in the loop."""
    for how in ('ipc', 'tcp', 'tcp zstd', 'http'):
        d = start(listen={'ingest_rep': ['tcp://127.0.0.1:0', 'ipc://DATA_DIR/run/ingest_rep']})
        try:
            pids = [d.process.pid] + d.gates()
            watch = Watch(lambda pids=pids: pids)
            args = ['--workload', 'quick' if QUICK else 'steady', '--senders', '2']
            if how == 'http':
                args += ['--http', '--server', f'http://{d.http}']
            else:
                args += ['--to', d.addresses['ingest_rep'][1 if how == 'ipc' else 0]]
            if 'zstd' in how:
                args += ['--compress']
            before = cpu_seconds(pids)
            out = bench(*args)
            time.sleep(1)
            cpu = cpu_seconds(pids) - before
            anon, peak = watch.end()
            millions = out['samples'] / 1e6
            status = d.status()
            say(f'{how}: CPU seconds per million samples', cpu / millions, 'goal <= 0.20')
            say(f'{how}: samples per second', out['samples_per_s'] / 1e6, '', 'M/s')
            say(f'{how}: bytes written to the journal per sample',
                status['journal']['written_bytes'] / out['samples'], 'goal <= 5')
            say(f'{how}: peak of summed RssAnon (VmHWM {peak:.0f})', anon, '', 'MiB')
        finally:
            d.stop()


def floor_run(folder, seconds):
    url = f'ipc://{folder}/floor'
    floor = subprocess.Popen([FLOOR, harness.DAEMON, url, f'{folder}/floor.journal'], stdout=subprocess.PIPE, text=True)
    time.sleep(0.3)
    out = bench('--to', url, '--payload', '12000', '--senders', '16', '--seconds', str(seconds))
    floor.terminate()
    sync = json.loads(floor.communicate()[0])
    os.unlink(f'{folder}/floor.journal')
    return out, sync


def against_floor():
    """Durable 12 kB batches from 16 senders over ipc, beside a bare gate + socketpair + fdatasync on the same disk."""
    ratios, p99s, seconds = [], [], 5 if QUICK else 20
    for i in range(ROUNDS):
        d = start(listen={'ingest_rep': ['ipc://DATA_DIR/run/ingest_rep'], 'ingest_pull': [], 'publish': []})
        try:
            floor, sync = floor_run(d.folder, seconds)
            ours = bench('--to', d.rep, '--payload', '12000', '--senders', '16', '--seconds', str(seconds))
            ratios.append(ours['batches_per_s'] / floor['batches_per_s'])
            p99s.append(ours['ack_p99_ms'] / sync['sync_p99_ms'])
            print(f"  round {i + 1}: {ours['batches_per_s']:.0f} durable batches/s, floor {floor['batches_per_s']:.0f}; "
                  f"ack p99 {ours['ack_p99_ms']:.1f} ms, floor's ack p99 {floor['ack_p99_ms']:.1f} ms, "
                  f"fdatasync p99 {sync['sync_p99_ms']:.1f} ms")
        finally:
            d.stop()
    say('durable 12 kB batches/s over the floor\'s (median)', sorted(ratios)[len(ratios) // 2], 'goal >= 0.8')
    say('ack p99 over fdatasync p99 (median)', sorted(p99s)[len(p99s) // 2], 'goal <= 3')


def burst():
    """30 times the load for a minute: nothing acknowledged is lost, memory stays bounded, the backlog drains."""
    d = start()
    try:
        pids = [d.process.pid] + d.gates()
        watch = Watch(lambda: pids)
        args = ['--workload', 'burst', '--to', d.rep]
        if QUICK:
            args += ['--burst-seconds', '20']
        out = bench(*args)
        anon, peak = watch.end()
        say('burst: ack p99 from the scheduled instant', out['ack_p99_ms'], '', 'ms')
        say('burst: samples acknowledged', out['samples'] / 1e6, '', 'M')
        say(f'burst: peak of summed RssAnon (VmHWM {peak:.0f})', anon, '', 'MiB')
        say('burst: batches still pending at the end', d.status()['ingest']['pending'], 'goal 0')
    finally:
        d.stop()


def figures(name, *args):
    """What a bench program prints, one `name value unit` a line: {name: value}."""
    run = subprocess.run([os.path.join(harness.BUILD, 'tests', 'bench', name), *map(str, args)], capture_output=True,
                         text=True, timeout=1800)
    if run.returncode != 0:
        raise SystemExit(f'{name} failed: {run.stderr}')
    rows = (line.split() for line in run.stdout.splitlines())
    return {row[0]: float(row[1]) for row in rows if len(row) == 3 and row[1].replace('.', '', 1).isdigit()}


def goal(name, value, bound, unit, is_least=False):
    is_met = value >= bound if is_least else value <= bound
    say(name, value, f'goal {">=" if is_least else "<="} {bound} {"met" if is_met else "MISSED"}', unit)


def drop_of_a_day(folder):
    """A cached and mapped day leaves; its room comes back in steps."""
    for windows in (12,) if QUICK else (30, 120):
        out = figures('bench_partition', os.path.join(folder, f'drop{windows}'), 10000, windows, 3900)
        size = f'a day of {out["dropped"]:.0f} MB'
        goal(f'{size} dropped', out['drop'], 100, 'ms')
        say(f'{size}: longest step of giving its room back', out['sweep_longest_step'], '', 'ms')
        say(f'{size}: longest read of another day meanwhile', out['neighbour_longest_read'], '', 'ms')


def decoding():
    run = subprocess.run([os.path.join(harness.BUILD, 'tests', 'bench', 'bench_chunk'), '200', '10'],
                         capture_output=True, text=True, check=True, timeout=1800)
    for line in run.stdout.splitlines():
        row = line.split()
        if len(row) > 3 and row[2] == '8640':
            codec = {'fast': 'packed', 'dense': 'entropy coded'}[row[0]]
            clock = {'exact': 'regular', 'jitter': 'jittered'}[row[1]]
            goal(f'decode, {codec}, {clock} clock', 1e3 / float(row[-1]), 200, 'M/s', True)


def day_of_ten_thousand(folder):
    """24 h at 15 s of 10,000 series: one of them read, flushed and sealed; the folder verified."""
    figures('bench_read', 'fill', folder)
    goal('a series over 24 h, flushed: median', figures('bench_read', 'read', folder)['read_24h_median'], 1000, 'us')
    subprocess.run([rivals.rival_servers.SETTLE, folder, '40'], capture_output=True, check=True, timeout=1800)
    goal('a series over 24 h, sealed: median', figures('bench_read', 'read', folder)['read_24h_median'], 1000, 'us')
    best = 0
    for _ in range(3):
        run = subprocess.run([harness.COMMAND, 'verify', '--json', '--data-dir', folder], capture_output=True, text=True,
                             check=True, timeout=1800)
        out = json.loads(run.stdout)
        out = out.get('data', out)
        best = max(best, out['bytes'] / 1e6 / out['cpu_s'])
    goal('verify, bytes over processor time (best of 3)', best, 500, 'MB/s', True)


def store_alone():
    with tempfile.TemporaryDirectory(prefix='tm-bench-', dir=os.environ.get('BENCH_DIR')) as folder:
        for name in ('ready', 'read'):
            os.mkdir(os.path.join(folder, name))
        drop_of_a_day(folder)
        decoding()
        out = figures('bench_ready', os.path.join(folder, 'ready'))
        goal('ready after kill -9 with 10 M samples in the journal', out['ready_after_kill'], 1, 's')
        say('the same, processor time', out['ready_after_kill_cpu'], '', 's')
        day_of_ten_thousand(os.path.join(folder, 'read'))


def main():
    print(f'tidemark bench: {"quick" if QUICK else "full"} workload, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}')
    print('the store alone')
    store_alone()
    print('ingest cost')
    ingest_cost()
    print('beside the floor')
    against_floor()
    print('burst')
    burst()
    events.main([])
    rivals.store_figures([])


if __name__ == '__main__':
    main()
