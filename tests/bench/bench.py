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


def main():
    print(f'tidemark bench: {"quick" if QUICK else "full"} workload, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}')
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
