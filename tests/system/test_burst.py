"""Thirty times the usual load, and a disk that can't keep up: senders wait, nothing acknowledged is lost, memory
stays bounded."""
import re
import threading
import time

import harness
from harness import (NN_PUSH, Agent, Daemon, Faults, Nano, NanoError, Req, check_ledger, resident_bytes, wait_for)

BURST_S = 60 if harness.soak() else 10
CALM_LINES, BURST_LINES, BATCHES_A_SECOND, SENDERS = 50, 1500, 10, 4
# What the core may hold over its size at rest: batches that wait for the disk, the gates' frames, and the lines
# themselves as long as the journal is the store.
WAITING_MAX_BYTES, LINE_MAX_BYTES = 128 << 20, 128
# Messages of nearly the largest size, more in all than may wait for the disk (64 MiB).
LARGE_MESSAGES, LARGE_ROWS, LARGE_ROW_BYTES = 120, 54, 16000


class Paced(Agent):
    """Sends on a schedule, whatever the answers take; behind it, as fast as they come."""

    def run(self):
        due = time.monotonic()
        while not self.stopping.is_set():
            self.stopping.wait(max(0, due - time.monotonic()))
            due += 1 / BATCHES_A_SECOND
            if not self.pending:
                self.pending = self.next_batch()
            if self.attempt(self.pending):
                self.pending = None


def watch_memory(pid, peak, stop):
    while not stop.wait(0.05):
        peak[0] = max(peak[0], resident_bytes(pid))


def test_a_burst_of_30_times_the_load_loses_nothing_and_drains():
    """FAULTS 24: 2,000 lines/s, then 60,000 for BURST_S, then calm. No acknowledged line is lost, memory stays
    under rest + 128 MiB + 128 bytes a line, the backlog drains, and the calm after it is as quick as before."""
    with Daemon() as daemon:
        agents = [Paced(daemon, f'burst{i}', ('rep', 'http')[i % 2], lines=CALM_LINES, timeout_ms=5000)
                  for i in range(SENDERS)]
        rest, peak, stop = resident_bytes(daemon.process.pid), [0], threading.Event()
        watcher = threading.Thread(target=watch_memory, args=(daemon.process.pid, peak, stop))
        watcher.start()
        for agent in agents:
            agent.start()
        for lines, seconds in ((CALM_LINES, 2), (BURST_LINES, BURST_S), (CALM_LINES, 2)):
            for agent in agents:
                agent.lines = lines
            time.sleep(seconds)
        for agent in agents:
            agent.slowest_ack_s = 0.0
        time.sleep(1)
        for agent in agents:
            agent.stop()
            agent.settle()
        stop.set()
        watcher.join()
        wait_for(lambda: daemon.status()['journal']['pending_bytes'] == 0)
        lines = check_ledger(daemon.dump(), agents)
        calm = max(agent.slowest_ack_s for agent in agents)
        print(f'{lines} lines acknowledged, {sum(len(a.waits) for a in agents)} times told to wait, memory '
              f'{rest >> 20} -> {peak[0] >> 20} MiB, slowest acknowledgement after it {calm * 1000:.0f} ms')
        assert lines > 0.8 * BURST_S * SENDERS * BURST_LINES * BATCHES_A_SECOND
        assert peak[0] < rest + WAITING_MAX_BYTES + LINE_MAX_BYTES * lines
        assert calm < 1
        daemon.terminate()
        check_ledger(daemon.dump(), agents)
        for agent in agents:
            agent.close()


def large_message(number, mark):
    """Incompressible enough, each row with its own number."""
    rows = [f'exception,service=s,type=L message="r{number * LARGE_ROWS + i} ",stack="{"x" * LARGE_ROW_BYTES}"'
            for i in range(LARGE_ROWS)]
    return (f'#tm1 producer=large{number} epoch=1 seq=1\n' if mark else '').encode() + '\n'.join(rows).encode()


def assert_all_rows_once(daemon):
    counts = {}
    for _, _, line in daemon.dump()[1]:
        row = re.search(r'message="r(\d+) ', line)
        counts[int(row.group(1))] = counts.get(int(row.group(1)), 0) + 1
    assert len(counts) == LARGE_MESSAGES * LARGE_ROWS and set(counts.values()) == {1}


def test_a_slow_disk_makes_senders_wait_and_loses_nothing(faulty):
    """FAULTS 24: each sync takes 1.5 s and 120 senders bring 0.9 MB each. Those over the 64 MiB that may wait are
    told busy with retry_after_ms; memory stays bounded; once the disk recovers everything is there, once."""
    daemon, faults = faulty
    rest = resident_bytes(daemon.process.pid)
    faults.plan(Faults.SYNC, delay_ms=1500, path='journal')
    senders = [Req(daemon.rep, timeout_ms=20000, resend_ms=60000) for _ in range(LARGE_MESSAGES)]
    for i, sender in enumerate(senders):
        sender.send(large_message(i, True))
    waits, peak, left = [], 0, []
    for i, sender in enumerate(senders):
        reply = harness.json.loads(sender.recv())
        peak = max(peak, resident_bytes(daemon.process.pid))
        if not reply['ok']:
            waits.append(reply)
            left.append(i)
    assert waits, 'nobody was told to wait'
    assert all(w['error'] == 'busy' and w['retry_after_ms'] > 0 for w in waits), waits[:3]
    assert daemon.request('GET', '/-/healthy')[0] == 200
    faults.off()
    for i in left:
        while True:
            reply = senders[i].ask(large_message(i, True))
            if reply['ok']:
                break
            time.sleep(reply['retry_after_ms'] / 1000)
    print(f'{len(waits)} told to wait, memory {rest >> 20} -> {peak >> 20} MiB')
    assert peak < rest + WAITING_MAX_BYTES + LARGE_MESSAGES * LARGE_ROWS * LARGE_ROW_BYTES
    assert_all_rows_once(daemon)
    for sender in senders:
        sender.close()


def test_pushing_blocks_on_a_slow_disk_and_everything_arrives(faulty):
    """CONTRACT 3, PULL: the daemon stops reading when too much waits for the disk, so the sender blocks; all that
    was pushed arrives once the disk recovers, while the sender lives."""
    daemon, faults = faulty
    faults.plan(Faults.SYNC, delay_ms=1000, path='journal')
    blocked = 0
    with Nano(NN_PUSH, daemon.pull, timeout_ms=100) as push:
        for i in range(LARGE_MESSAGES):
            while True:
                try:
                    push.send(large_message(i, False))
                    break
                except NanoError:
                    blocked += 1
                    if blocked == 5:
                        faults.off()
        assert blocked >= 5, 'the sender never had to wait'
        assert daemon.metric('tidemark_pull_pauses_total') > 0
        wait_for(lambda: daemon.metric('tidemark_batches_total', '{path="pull"}') == LARGE_MESSAGES)
        wait_for(lambda: daemon.status()['journal']['pending_bytes'] == 0)
    assert_all_rows_once(daemon)
