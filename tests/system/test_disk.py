"""Disks that tear, flip, fail, fill up and lie: no acknowledgement without durability, and what was
acknowledged stays."""
import base64
import contextlib
import errno
import os
import threading

import pytest

from harness import (Agent, Daemon, Faults, Mount, Req, check_ledger, dump, segment_records, segments, wait_for)


def flip_byte(path, at):
    with open(path, 'r+b') as out:
        out.seek(at)
        byte = out.read(1)
        out.seek(at)
        out.write(bytes([byte[0] ^ 0x40]))


def killed_daemon_with(batches):
    """A daemon that took so many batches, a record each, and was killed; and the agent."""
    daemon = Daemon().start()
    daemon.pin_ports()
    agent = Agent(daemon, 'a')
    agent.send(batches)
    daemon.kill()
    return daemon, agent


# ---- case 5: damage in the journal ----

def test_a_torn_tail_is_cut():
    """FAULTS 5: half a record behind the last one, as a power cut leaves it: cut and counted, L holds."""
    daemon, agent = killed_daemon_with(10)
    with daemon:
        path = segments(daemon.data_dir)[0]
        at, length = segment_records(path)[-1]
        with open(path, 'r+b') as segment:
            segment.seek(at)
            half = segment.read(length // 2)
            segment.seek(at + length)
            segment.write(half)
        daemon.start()
        assert daemon.metric('tidemark_journal_torn_tails_total') == 1
        assert daemon.metric('tidemark_journal_damaged_records_total') == 0
        assert 'torn' in daemon.read_log()
        check_ledger(daemon.dump(), [agent])
        agent.send(5)
        daemon.restart()
        assert daemon.metric('tidemark_journal_torn_tails_total') == 0
        check_ledger(daemon.dump(), [agent])
        agent.close()


def test_a_cut_last_record_costs_only_itself():
    """FAULTS 5: the file ends inside its last record. The daemon starts; all other batches are there."""
    daemon, agent = killed_daemon_with(10)
    with daemon:
        path = segments(daemon.data_dir)[0]
        at, length = segment_records(path)[-1]
        os.truncate(path, at + length // 2)
        daemon.start()
        assert daemon.metric('tidemark_journal_torn_tails_total') == 1
        agent.batches[-1].state = 'refused'
        check_ledger(daemon.dump(), [agent])
        agent.close()


@pytest.mark.parametrize('which', [0, 5, 8], ids=['the one that defines the series', 'middle', 'last but one'])
def test_a_flipped_byte_costs_that_record_is_reported_and_later_ones_are_kept(which):
    """FAULTS 5: a byte of a record's body flips. That record is reported in the log and at /metrics, every other
    batch, the later ones too, is there with its labels and values."""
    daemon, agent = killed_daemon_with(10)
    with daemon:
        path = segments(daemon.data_dir)[0]
        records = segment_records(path)
        assert len(records) == 10
        at, length = records[which]
        flip_byte(path, at + length // 2)
        daemon.start()
        assert daemon.metric('tidemark_journal_damaged_records_total') == 1
        assert daemon.metric('tidemark_journal_torn_tails_total') == 0
        number = os.path.basename(path).removesuffix('.seg')
        assert f'segment {number}' in daemon.read_log() and 'damaged, 1 record lost' in daemon.read_log()
        assert daemon.status()['journal']['damaged_records'] == 1
        agent.batches[which].state = 'refused'
        check_ledger(daemon.dump(), [agent])
        agent.send(3)
        daemon.restart()
        check_ledger(daemon.dump(), [agent])
        agent.close()


def test_a_damaged_segment_header_costs_no_record():
    """FAULTS 5: the header of an earlier segment is damaged; its records and the next segment's are kept."""
    daemon, agent = killed_daemon_with(5)
    with daemon:
        daemon.start()
        agent.send(5)
        daemon.kill()
        flip_byte(segments(daemon.data_dir)[0], 20)
        daemon.start()
        assert daemon.metric('tidemark_journal_damaged_records_total') >= 1
        check_ledger(daemon.dump(), [agent])
        agent.close()


# ---- case 7: the n-th call fails ----

WRITE_FAULTS = {'short': 0, 'EIO': errno.EIO, 'ENOSPC': errno.ENOSPC}


def fail_nth(folder, ops, error, skip, failures, abandons):
    """A daemon of its own whose n-th call fails once while an agent sends; L after it, after kill -9 and after
    the next start."""
    os.makedirs(folder)
    faults = Faults(folder)
    with Daemon(env=faults.env) as daemon, contextlib.ExitStack() as stack:
        daemon.pin_ports()
        agent = Agent(daemon, 'a')
        stack.callback(agent.close)
        agent.abandons = abandons
        faults.plan(ops, error=error, skip=skip, count=1, path='journal')
        agent.send(8)
        wait_for(lambda: agent.acked() + len(agent.waits) >= 8)
        check_ledger(daemon.dump(), [agent])
        failures.append(faults.counts()[1])
        daemon.kill()
        check_ledger(daemon.dump(), [agent])
        daemon.start()
        agent.send(1)
        check_ledger(daemon.dump(), [agent])
        assert agent.acked() >= 1


def in_parallel(jobs):
    """Runs the jobs as threads; raises the first one's error."""
    errors = []

    def guard(job):
        try:
            job()
        except BaseException as error:  # noqa: B902  (told below)
            errors.append(error)
    threads = [threading.Thread(target=guard, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.parametrize('abandons', [False, True], ids=['sent again', 'given up'])
@pytest.mark.parametrize('kind', WRITE_FAULTS)
def test_no_acknowledgement_when_the_nth_write_fails(kind, abandons, tmp_path):
    """FAULTS 7: the n-th write to the journal is short, or fails with EIO or ENOSPC. A batch whose write failed
    is not acknowledged; given up, it never shows, not after a restart either; sent again, it is there once."""
    failures = []
    in_parallel([lambda n=n: fail_nth(str(tmp_path / str(n)), Faults.WRITE, WRITE_FAULTS[kind], n, failures,
                                      abandons) for n in range(6)])
    assert sum(failures) == 6


@pytest.mark.parametrize('name,op', [('write', Faults.WRITE), ('sync', Faults.SYNC),
                                     ('allocate', Faults.ALLOCATE), ('open', Faults.OPEN)])
def test_a_fault_while_starting_is_told_in_one_sentence_and_loses_nothing(name, op, tmp_path):
    """FAULTS 7, 8 at start: the n-th write, sync, allocation or open fails. The daemon either serves or exits 1
    with a sentence, and the next start has everything."""
    faults = Faults(str(tmp_path))
    with Daemon(env=faults.env) as daemon:
        daemon.pin_ports()
        agent = Agent(daemon, 'a')
        agent.send(5)
        daemon.kill()
        failed = 0
        for error in (errno.EIO, errno.ENOSPC):
            for n in range(5):
                faults.plan(op, error=error, skip=n, count=1, path='.seg' if op == Faults.OPEN else '')
                daemon.start(wait=False)
                line = daemon.process.stdout.readline()
                failed += faults.counts()[1]
                faults.off()
                if line.startswith(b'ready '):
                    daemon.kill()
                else:
                    assert daemon.process.wait(10) == 1, daemon.read_log()[-500:]
                    last = daemon.read_log().strip().splitlines()[-1]
                    assert last.startswith('tidemarkd: ') and len(last) > 30, last
        assert failed >= 2
        daemon.start()
        check_ledger(daemon.dump(), [agent])
        agent.send(3)
        check_ledger(daemon.dump(), [agent])
        agent.close()


# ---- case 8: fdatasync fails once ----

def test_a_failed_sync_stops_ingest_until_the_restart_that_replays(faulty):
    """FAULTS 8: fdatasync gives EIO once. Ingest stops with read_only and retry_after_ms over REP and HTTP,
    /-/ready is 503 and says why, reads still answer, nothing is acknowledged until the restart; L holds."""
    daemon, faults = faulty
    agent, plain = Agent(daemon, 'a'), Agent(daemon, 'p', 'http_plain')
    agent.abandons = plain.abandons = True
    agent.send(5)
    faults.plan(Faults.SYNC, error=errno.EIO, count=1, path='journal')
    agent.send(3)
    assert faults.counts()[1] == 1
    faults.off()
    assert agent.acked() == 5 and len(agent.waits) == 3
    assert all(w['error'] == 'read_only' and w['retry_after_ms'] > 0 for w in agent.waits), agent.waits
    assert 'syncing' in agent.waits[0]['message'] and 'restart' in agent.waits[0]['message']
    plain.send(1)
    assert plain.waits[0]['error'] == 'read_only'
    status, body, headers = daemon.request('POST', '/write', b'x value=1\n')
    assert status == 503 and int(headers['retry-after']) >= 1
    status, body, _ = daemon.request('GET', '/-/ready')
    assert status == 503 and b'sync' in body
    assert daemon.request('GET', '/-/healthy')[0] == 200
    assert daemon.metric('tidemark_read_only') == 1
    assert daemon.metric('tidemark_journal_errors_total') >= 1
    assert daemon.status()['state'] == 'read_only'
    check_ledger(daemon.dump(), [agent, plain])
    plain.close()
    daemon.restart()
    assert daemon.request('GET', '/-/ready')[0] == 200
    agent.send(3)
    plain.send(1)
    assert agent.acked() == 8 and plain.acked() == 1
    check_ledger(daemon.dump(), [agent, plain])
    agent.close()


# ---- case 9: the disk is full ----

@pytest.fixture
def small_disk(tmp_path):
    with Mount(str(tmp_path), 176) as mount:
        if mount.unavailable:
            pytest.skip(mount.unavailable)
        yield mount


def noise_until_refused(daemon):
    """Pushes incompressible events until the daemon says wait; returns its reply."""
    with Req(daemon.rep) as req:
        for _ in range(200):
            rows = [f'exception,service=noise,type=N message="m",stack="{base64.b64encode(os.urandom(12000)).decode()}"'
                    for _ in range(40)]
            reply = req.ask('\n'.join(rows))
            if not reply['ok']:
                return reply
    raise AssertionError('the disk did not fill up')


def assert_refusing_but_serving(daemon, word):
    """Every way in is told to wait, every way out works."""
    wait_for(lambda: daemon.metric('tidemark_read_only') == 1)
    with Req(daemon.rep) as req:
        reply = req.ask('x value=1\n')
    assert reply['error'] == 'read_only' and reply['retry_after_ms'] > 0 and word in reply['message'], reply
    status, _, headers = daemon.request('POST', '/write', b'x value=1\n')
    assert status == 503 and int(headers['retry-after']) >= 1
    status, body, _ = daemon.request('GET', '/-/ready')
    assert status == 503 and word.encode() in body
    assert daemon.status()['state'] == 'read_only'


def test_a_full_disk_refuses_keeps_reading_and_resumes_alone_when_freed(small_disk):
    """FAULTS 9: a real ext4 fills up until the next segment has no room. Senders get retry_after_ms, reads work,
    room comes back and writing resumes without a restart; L, then again after kill -9."""
    settings = {'storage': {'min_free': '0B'}}
    with Daemon(data_dir=os.path.join(small_disk.point, 'data'), config=settings) as daemon:
        daemon.pin_ports()
        agent = Agent(daemon, 'a')
        agent.send(10)
        small_disk.fill(12 << 20)
        reply = noise_until_refused(daemon)
        assert reply['error'] == 'read_only' and reply['retry_after_ms'] > 0, reply
        assert_refusing_but_serving(daemon, 'full')
        agent.start()
        wait_for(lambda: len(agent.waits) > 2)
        agent.stop()
        check_ledger(daemon.dump(), [agent])
        small_disk.empty()
        agent.settle(timeout=15)
        agent.send(10)
        assert daemon.request('GET', '/-/ready')[0] == 200
        check_ledger(daemon.dump(), [agent])
        daemon.restart()
        check_ledger(daemon.dump(), [agent])
        agent.close()


def test_a_daemon_starts_on_a_full_disk_serves_reads_and_resumes_alone(small_disk):
    """FAULTS 9 at start: no room for a segment. Ready all the same, refusing; then it resumes by itself; L."""
    settings = {'storage': {'min_free': '0B'}}
    with Daemon(data_dir=os.path.join(small_disk.point, 'data'), config=settings) as daemon:
        daemon.pin_ports()
        agent = Agent(daemon, 'a')
        agent.send(10)
        daemon.kill()
        small_disk.fill(0)
        daemon.start()
        assert_refusing_but_serving(daemon, 'full')
        check_ledger(daemon.dump(), [agent])
        small_disk.empty()
        agent.send(5, timeout=15)
        check_ledger(daemon.dump(), [agent])
        agent.close()


def test_the_floor_refuses_before_the_disk_is_full(small_disk):
    """FAULTS 9, storage.min_free: with less than 30 MiB free senders are refused, though the segment has room."""
    settings = {'storage': {'min_free': '30MiB'}}
    with Daemon(data_dir=os.path.join(small_disk.point, 'data'), config=settings) as daemon:
        agent = Agent(daemon, 'a')
        agent.send(10)
        small_disk.fill(20 << 20)
        assert_refusing_but_serving(daemon, 'min_free')
        assert small_disk.free_bytes() > 15 << 20
        small_disk.empty()
        agent.send(10, timeout=15)
        check_ledger(daemon.dump(), [agent])
        agent.close()


def test_a_disk_that_claims_to_be_full_is_believed_and_forgiven(faulty):
    """FAULTS 9: fstatvfs says that nothing is free. Refused within a few seconds; resumes by itself; L."""
    daemon, faults = faulty
    agent = Agent(daemon, 'a')
    agent.send(5)
    faults.plan(Faults.FULL)
    assert_refusing_but_serving(daemon, 'min_free')
    faults.off()
    agent.send(5, timeout=15)
    check_ledger(daemon.dump(), [agent])
    agent.close()


def test_a_pushed_message_waits_out_a_full_disk(faulty):
    """CONTRACT 3, PULL: with the store read only the daemon stops reading, nothing that was pushed is dropped."""
    daemon, faults = faulty
    agent = Agent(daemon, 'p', 'pull')
    agent.send(5)
    wait_for(lambda: daemon.metric('tidemark_batches_total', '{path="pull"}') == 5)
    faults.plan(Faults.FULL)
    wait_for(lambda: daemon.metric('tidemark_read_only') == 1)
    agent.send(50)
    assert daemon.metric('tidemark_batches_total', '{path="pull"}') == 5
    faults.off()
    wait_for(lambda: daemon.metric('tidemark_read_only') == 0)
    wait_for(lambda: daemon.metric('tidemark_lines_total') == 55 * agent.lines)
    contents = daemon.dump()
    check_ledger(contents, [agent])
    series, events = contents
    tallies = sum(sum(cells.values()) for name, cells in contents.cells.items() if name.startswith('tally_pay_total'))
    assert sum(len(points) for points in series.values()) + len(events) + tallies == 55 * agent.lines
    agent.close()


@pytest.mark.parametrize('error', [errno.EIO, errno.ENOSPC], ids=['EIO', 'ENOSPC'])
def test_a_pushed_message_whose_write_fails_is_written_once_the_disk_recovers(error, faulty):
    """CONTRACT 3, PULL: the sender has forgotten the message, so the daemon keeps it when its write fails, and
    those behind it, in their order; all are there once, and the sender may go on at once."""
    daemon, faults = faulty
    agent = Agent(daemon, 'p', 'pull')
    faults.plan(Faults.WRITE, error=error, count=2, path='journal')
    agent.send(60)
    wait_for(lambda: faults.counts()[1] == 2)
    wait_for(lambda: daemon.metric('tidemark_journal_records_total') >= 60)
    wait_for(lambda: daemon.metric('tidemark_lines_total') == 60 * agent.lines)
    contents = daemon.dump()
    check_ledger(contents, [agent])
    series, events = contents
    tallies = sum(sum(cells.values()) for name, cells in contents.cells.items() if name.startswith('tally_pay_total'))
    assert sum(len(points) for points in series.values()) + len(events) + tallies == 60 * agent.lines
    agent.close()


def test_sigterm_ends_a_daemon_that_holds_pushed_messages_it_can_not_write(faulty):
    """A disk that is gone for good: messages kept for later do not keep the daemon from ending; it says that it
    drops them."""
    daemon, faults = faulty
    agent = Agent(daemon, 'p', 'pull')
    faults.plan(Faults.WRITE, error=errno.EIO, path='journal')
    agent.send(3)
    wait_for(lambda: daemon.metric('tidemark_read_only') == 1)
    assert daemon.terminate(timeout=5) == 0
    assert 'a pushed message was refused' in daemon.read_log()
    faults.off()
    daemon.start()
    check_ledger(daemon.dump(), [agent])
    agent.close()


# ---- folders that can't be used ----

def start_fails(data_dir, wrap=None):
    """Starts a daemon that must end with code 1; returns what it said."""
    daemon = Daemon(data_dir=data_dir, wrap=wrap)
    try:
        daemon.start(wait=False)
        assert daemon.process.wait(10) == 1
        return daemon.read_log().strip()
    finally:
        daemon.stop()


def test_a_folder_that_is_not_writable_is_named_in_one_sentence(small_disk):
    """A data folder on a read-only file system, behind a file, or of another user: exit 1, one sentence with the
    path and the reason."""
    data_dir = os.path.join(small_disk.point, 'data')
    os.makedirs(data_dir)
    small_disk.remount('ro')
    said = start_fails(data_dir)
    assert data_dir in said and 'Read-only file system' in said and len(said.splitlines()) == 1, said
    said = start_fails(os.path.join('/dev/null', 'data'))
    assert '/dev/null/data' in said and 'Not a directory' in said and len(said.splitlines()) == 1, said


def test_a_second_daemon_on_the_folder_is_refused(daemon):
    """One writer, by flock: the second one exits 1 and names the process that has the folder."""
    agent = Agent(daemon, 'a')
    agent.send(2)
    said = start_fails(daemon.data_dir)
    assert str(daemon.process.pid) in said and daemon.data_dir in said, said
    agent.send(2)
    check_ledger(dump(daemon.data_dir), [agent])
    agent.close()
