#!/usr/bin/env python3
"""make bench-reports: the weekly reports of many services, in time and memory, and what ingest feels of it. SERVICES (50 in
full, 5 else), EVENTS a service and week, FINGERPRINTS of its exceptions, WEEKS of data before set the size; QUICK=0: in full.
Figures for 50 services are the goal's; with fewer the time for one is told."""
import itertools
import json
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'system'))
import harness  # noqa: E402
from events import PAGES, SERVICES as NAMES, say  # noqa: E402
from measure import cpu_seconds, disk_bytes, lines_of  # noqa: E402

QUICK = os.environ.get('QUICK', '1') != '0'
SERVICES = int(os.environ.get('SERVICES', '5' if QUICK else '50'))
EVENTS = int(os.environ.get('EVENTS', '1000000'))
FINGERPRINTS = int(os.environ.get('FINGERPRINTS', '2000'))
WEEKS = int(os.environ.get('WEEKS', '1'))
EXCEPTION_SHARE, DAY_S, BATCH = 0.05, 86400, 2500
STATUSES = (200, 301, 404, 403, 500, 503)
RARE = (92, 3, 3.5, 1, 0.3, 0.2)


def letters(number):
    """A word for a number: digits would be taken out of a fingerprint."""
    out = ''
    while True:
        number, digit = divmod(number, 26)
        out = chr(97 + digit) + out
        if number == 0:
            return out.rjust(4, 'z')


def day_lines(service, day, draw):
    """One day of one service, by time."""
    count = EVENTS // 7
    thrown = int(count * EXCEPTION_SHARE)
    weights = list(itertools.accumulate(1 / (i + 20) for i in range(FINGERPRINTS)))
    each = max(1, FINGERPRINTS // max(1, thrown))
    which = draw.choices(range(FINGERPRINTS), cum_weights=weights, k=thrown - thrown // 4)
    which += [i * each % FINGERPRINTS for i in range(thrown // 4)]  # the rare ones too
    pages = draw.choices(PAGES, cum_weights=list(itertools.accumulate(range(20, 0, -1))), k=count - thrown)
    statuses = draw.choices(STATUSES, RARE, k=count - thrown)
    seconds = sorted(draw.random() * DAY_S + day for _ in range(count))
    kinds = [*([True] * thrown), *([False] * (count - thrown))]
    draw.shuffle(kinds)
    for at, is_thrown in zip(seconds, kinds):
        if is_thrown:
            word = letters(which.pop())
            yield (f'exception,service={service},type={word[-1].upper()}Error,release=1.{int(day / DAY_S) % 10} message="{word} is not there",'
                   f'stack="at shop.{word}.{word}.find({word}.java:10)" {at * 1000:.0f}')
        else:
            page = pages.pop()
            yield (f'http,service={service},method=GET,status={statuses.pop()},page_group={page} url="/{page}",'
                   f'duration_ms={10 + 5 * len(page)} {at * 1000:.0f}')


def ask(req, lines):
    """Until it is taken."""
    while True:
        answer = req.ask('#tm1 precision=ms\n' + '\n'.join(lines) + '\n')
        if 'retry_after_ms' not in answer:
            break
        time.sleep(answer['retry_after_ms'] / 1000)
    assert answer.get('accepted') == len(lines), answer


def send(rep, number, count, days):
    """One sender's services, day by day."""
    draw = random.Random(number)
    with harness.Req(rep, timeout_ms=120000, resend_ms=60000) as req:
        for day in days:
            for service in NAMES[number:SERVICES:count]:
                if (day // DAY_S) % 2 == 0:
                    ask(req, [f'deploy,service={service} version="1.{day // DAY_S % 10}" {day * 1000 + 36000000}'])
                lines = day_lines(service, day, draw)
                while batch := list(itertools.islice(lines, BATCH)):
                    ask(req, batch)


class Sender:
    """Small batches one behind the other; how long each took to be acknowledged."""

    def __init__(self, rep):
        self.took, self.is_over = [], False
        self.thread = threading.Thread(target=self.run, args=(rep,))
        self.thread.start()

    def run(self, rep):
        with harness.Req(rep, timeout_ms=120000, resend_ms=60000) as req:
            while not self.is_over:
                now = time.time_ns()
                lines = '\n'.join(f'load,host=h{i} value={i} {now}' for i in range(200))
                begun = time.monotonic()
                req.ask(lines + '\n')
                self.took.append(time.monotonic() - begun)
                time.sleep(0.005)

    def end(self):
        self.is_over = True
        self.thread.join()
        return sorted(self.took)


def quantile(took, q):
    return 1000 * took[min(len(took) - 1, int(q * len(took)))]


def children(pid):
    """Processes of tidemark-report that the daemon has started."""
    out = []
    for name in os.listdir('/proc'):
        if name.isdigit() and any(f') ' in line and line.rsplit(')', 1)[1].split()[1] == str(pid) and '(tidemark-report' in line
                                  for line in lines_of(name, 'stat')[:1]):
            out.append(int(name))
    return out


def watch(daemon, figures, is_over):
    """The peak and the processor time of the report's process, and of the Gnuplots that it waited for."""
    while not is_over.is_set():
        for pid in children(daemon.process.pid):
            for line in lines_of(pid, 'status'):
                if line.startswith(('RssAnon', 'VmHWM')):
                    name, value = line.split()[:2]
                    figures[name] = max(figures.get(name, 0), int(value) / 1024)
            figures['cpu'] = max(figures.get('cpu', 0), cpu_seconds([pid]))
        time.sleep(0.05)


def measure(daemon, week):
    idle = Sender(daemon.rep)
    time.sleep(20)
    alone = idle.end()
    figures, is_over = {}, threading.Event()
    watcher = threading.Thread(target=watch, args=(daemon, figures, is_over))
    watcher.start()
    beside = Sender(daemon.rep)
    begun = time.monotonic()
    code, out, err = harness.command('report', '--week', week, '--server', f'http://{daemon.http}', '--json', timeout=3600)
    took = time.monotonic() - begun
    slow = beside.end()
    is_over.set()
    watcher.join()
    if code != 0:
        raise SystemExit(f'report failed: {err}')
    made = len(json.loads(out)['items'])
    say(f'reports of {made} services: seconds', took, 'goal <= 60' if made >= 50 else f'for 50: {took * 50 / made:.0f}', 's')
    say('  their processor time', figures['cpu'], '', 's')
    say('  peak of what it holds; with pages of files', figures['RssAnon:'], f'goal <= 256; {figures["VmHWM:"]:.0f}', 'MiB')
    say('ack p99 alone', quantile(alone, 0.99), f'p50 {quantile(alone, 0.5):.2f}', 'ms')
    say('ack p99 beside the reports', quantile(slow, 0.99), f'p50 {quantile(slow, 0.5):.2f}', 'ms')
    say('  over alone', quantile(slow, 0.99) / quantile(alone, 0.99), 'goal <= 1.2', 'times')
    say('folder of the reports', disk_bytes(os.path.join(daemon.data_dir, 'reports')) / 2**20, '', 'MiB')


def main():
    monday = (int(time.time()) // DAY_S * DAY_S - 4 * DAY_S) // (7 * DAY_S) * 7 * DAY_S + 4 * DAY_S - 7 * DAY_S
    days = range(monday - (WEEKS - 1) * 7 * DAY_S, monday + 7 * DAY_S, DAY_S)
    folder = tempfile.mkdtemp(prefix='tm-bench-', dir=os.environ.get('BENCH_DIR'))
    daemon = harness.Daemon(folder=folder, config={'storage': {'retention': {'events': '80d', 'raw': '80d'}}, 'reports': {'at': time.strftime('%a 00:00', time.gmtime(time.time() + DAY_S))}, 'scoring': {'exclude': ['{service=~".+"}']}})
    daemon.own_folder = os.environ.get('KEEP') is None
    with daemon:
        begun = time.monotonic()
        senders = [multiprocessing.Process(target=send, args=(daemon.rep, i, 2, days)) for i in range(2)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert all(sender.exitcode == 0 for sender in senders)
        took = time.monotonic() - begun
        assert daemon.request('POST', '/api/v1/admin/flush', timeout=600)[0] == 200
        say('events a second, made and sent by two senders', SERVICES * EVENTS * WEEKS / took, '', '/s')
        measure(daemon, time.strftime('%G-W%V', time.gmtime(monday)))
        if not daemon.own_folder:
            print('  kept:', daemon.data_dir)


if __name__ == '__main__':
    main()
