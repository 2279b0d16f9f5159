"""The store's files under the real daemon: killed in the middle of flush, seal, merge and drop; full disks, maps
that fill up, meta pages that can't be written, series without end, clocks that jump."""
import base64
import errno
import json
import os
import random
import re
import resource
import time

import pytest

import harness
from harness import Agent, Daemon, Faults, Mount, Req, check_ledger, wait_for

POINTS = int(os.environ.get('KILL_POINTS', '400' if harness.soak() else '24'))
DAY_MS = 86400 * 1000
FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'


def day_name(days):
    return time.strftime('%Y-%m-%d', time.gmtime(time.time() - days * 86400))


def flush(daemon):
    return daemon.request('POST', '/api/v1/admin/flush', timeout=60)[0]


def send_old(daemon, days, count=50, series=5):
    """Samples of a day that is over."""
    start = (harness.now_ms() // DAY_MS - days) * DAY_MS
    lines = [f'old,host=h{i % series} value={i} {start + i * 1000}' for i in range(count)]
    assert daemon.write('\n'.join(lines), path='/write?precision=ms')[0] == 204


def days_of(daemon):
    return sorted(os.listdir(os.path.join(daemon.data_dir, 'raw')))


@pytest.fixture
def ledger_in_a_day_that_is_over(monkeypatch):
    monkeypatch.setattr(harness, 'BASE_MS', (harness.now_ms() // DAY_MS - 3) * DAY_MS + 3600 * 1000)


# ---- case 2: kill -9 in the middle of what the files do ----

def keep_files(daemon, life):
    """Flush, seal, flush of what is late, a drop; ends early if the daemon dies."""
    try:
        for days in (25, 5 + life % 12):
            send_old(daemon, days)
        if flush(daemon) != 200:
            return
        daemon.settings['storage']['retention'] = {'raw': '20d'}
        daemon.write_config()
        daemon.request('POST', '/-/reload')
        send_old(daemon, 5 + life % 12)
        flush(daemon)
        wait_for(lambda: not daemon.alive() or min(days_of(daemon)) > day_name(22), timeout=3)
    except (OSError, AssertionError):
        pass


def live_until_killed(daemon, faults, agent, point, life):
    """One life: the daemon dies at the given change of a file or folder. True if it got as far."""
    daemon.settings['storage']['retention'] = {'raw': '30d'}
    daemon.write_config()
    daemon.start()
    daemon.pin_ports()
    agent.settle()
    agent.send(3)
    faults.plan(Faults.CHANGE, error=-1, skip=point, count=1, path='/data/')
    keep_files(daemon, life)
    died = faults.counts()[1] > 0
    faults.off()
    if died:
        daemon.process.wait(10)
        daemon.log.close()
        daemon.check_log()
    else:
        daemon.kill()
    return died


def test_a_kill_at_any_change_of_a_flush_seal_merge_or_drop_loses_and_doubles_nothing(
        tmp_path, ledger_in_a_day_that_is_over):
    """FAULTS 2: the release binary is killed just before its n-th call that changes a file or folder, for n spread
    over all of them. Each next start finishes or undoes what was under way; L; no leftover folder stays."""
    faults = Faults(str(tmp_path))
    rng = random.Random(5)
    with Daemon(env=faults.env, data_dir=str(tmp_path / 'data')) as daemon:
        daemon.pin_ports()
        agent = Agent(daemon, 'a')
        agent.send(2)
        daemon.kill()
        assert not live_until_killed(daemon, faults, agent, 1 << 20, 0)
        most, deaths = faults.counts()[0], 0
        assert most > 40
        points = sorted(rng.sample(range(most), min(POINTS, most)))
        for life, point in enumerate(points, 1):
            deaths += live_until_killed(daemon, faults, agent, point, life)
            check_ledger(daemon.dump(), [agent])
        daemon.start()
        agent.settle()
        agent.send(1)
        assert flush(daemon) == 200
        check_ledger(daemon.dump(), [agent])
        left = [name for name in days_of(daemon) if not re.fullmatch(r'\d{4}-\d\d-\d\d(\.late)?', name)]
        assert not left, left
        assert deaths > len(points) / 2, f'{deaths} of {len(points)}'
        print(f'{deaths} deaths at {len(points)} of {most} points, {agent.acked()} batches acknowledged')
        agent.close()


# ---- case 9: partitions have no room ----

@pytest.fixture
def small_disk(tmp_path):
    with Mount(str(tmp_path), 176) as mount:
        if mount.unavailable:
            pytest.skip(mount.unavailable)
        yield mount


def test_a_disk_without_room_for_partitions_fails_the_flush_and_resumes_alone(small_disk):
    """FAULTS 9: the journal's segment has its room, the partitions have none. Batches go on being acknowledged,
    the flush fails and says so, reads work; once there is room it is done by itself; L, after kill -9 too."""
    with Daemon(data_dir=os.path.join(small_disk.point, 'data'), config={'storage': {'min_free': '0B'}}) as daemon:
        daemon.pin_ports()
        agent = Agent(daemon, 'a')
        agent.send(20)
        small_disk.fill(0)
        assert flush(daemon) != 200
        assert 'flush.failed' in daemon.read_log()
        agent.send(10)
        check_ledger(daemon.dump(), [agent])
        assert daemon.status()['store']['flush_failures'] >= 1
        small_disk.empty()
        wait_for(lambda: daemon.status()['store']['flushes'] >= 1, timeout=30)
        assert 'flush.resumed' in daemon.read_log()
        agent.send(5)
        check_ledger(daemon.dump(), [agent])
        daemon.restart()
        check_ledger(daemon.dump(), [agent])
        agent.close()


# ---- case 10: a map is full ----

def test_a_map_that_is_full_grows_beside_the_work_with_one_line(tmp_path):
    """FAULTS 10: events of more bytes than the index's first map has. It grows in the middle of a flush; one line
    for each growth; L, nothing was refused."""
    with Daemon(config={'limits': {'max_message': '4MiB'}}) as daemon:
        daemon.pin_ports()
        agent = Agent(daemon, 'a')
        agent.send(3)
        with Req(daemon.rep, timeout_ms=20000) as req:
            for _ in range(40):
                rows = [f'exception,service=noise,type=N message="m",stack="{base64.b64encode(os.urandom(12000)).decode()}"'
                        for _ in range(180)]
                reply = req.ask('\n'.join(rows))
                while not reply['ok']:
                    assert reply['retry_after_ms'] > 0, reply
                    time.sleep(0.2)
                    reply = req.ask('\n'.join(rows))
        agent.send(3)
        assert flush(daemon) == 200
        lines = [line for line in daemon.read_log().splitlines() if 'map_grown' in line]
        assert 1 <= len(lines) <= 2 and 'flush.failed' not in daemon.read_log(), lines
        check_ledger(daemon.dump(), [agent])
        daemon.restart()
        check_ledger(daemon.dump(), [agent])
        agent.close()


# ---- few descriptors ----

def test_a_low_limit_of_descriptors_is_told_and_served_within():
    """RLIMIT_NOFILE far below the need: one clear line; days beyond what may be open at once are read all the
    same."""
    with Daemon(rlimits={resource.RLIMIT_NOFILE: 160}) as daemon:
        daemon.pin_ports()
        assert 'daemon.few_descriptors' in daemon.read_log() and 'LimitNOFILE' in daemon.read_log()
        agent = Agent(daemon, 'a')
        agent.send(3)
        for days in range(1, 29):
            send_old(daemon, days, count=5)
        assert flush(daemon) == 200
        assert len(days_of(daemon)) >= 28
        code, body, _ = daemon.request('GET', '/api/v1/export?match[]=old', timeout=30)
        assert code == 200, body[:300]
        assert sum(len(json.loads(line)['values']) for line in body.decode().splitlines()) == 28 * 5
        check_ledger(daemon.dump(), [agent])
        agent.close()


# ---- case 11: a write of a meta page fails ----

@pytest.mark.parametrize('where', ['/raw/', '/index/'])
def test_a_write_to_an_environment_that_fails_costs_one_try(where, tmp_path):
    """FAULTS 11: the n-th write to an LMDB environment fails with EIO, n from 0 to 3, the meta page's among
    them: LMDB then refuses everything until it is opened anew, which the daemon does by itself. L."""
    faults = Faults(str(tmp_path))
    with Daemon(env=faults.env, data_dir=str(tmp_path / 'data')) as daemon:
        daemon.pin_ports()
        agent = Agent(daemon, 'a')
        agent.send(3)
        assert flush(daemon) == 200
        failed, reopened = 0, 'index.reopened' if where == '/index/' else 'partition.reopened'
        for n in range(40):
            agent.send(2)
            faults.plan(Faults.WRITE, error=errno.EIO, skip=n % 4, count=1, path=where)
            code = flush(daemon)
            failed += faults.counts()[1]
            assert code == 200 or faults.counts()[1], daemon.read_log()[-1000:]
            faults.off()
            wait_for(lambda: flush(daemon) == 200, timeout=20, every=0.2)
            check_ledger(daemon.dump(), [agent])
            if n > 8 and reopened in daemon.read_log():
                break
        assert failed >= 2
        assert reopened in daemon.read_log() and 'partition.damaged' not in daemon.read_log()
        daemon.restart()
        check_ledger(daemon.dump(), [agent])
        agent.close()


# ---- case 27: series without end ----

def test_a_producer_of_endless_series_is_refused_and_harms_nobody():
    """FAULTS 27: one service sends new series without end. The limit refuses them with the count, the others'
    series are taken, memory stays bounded."""
    total, limit = (1000000 if harness.soak() else 200000), 5000
    config = {'limits': {'max_series_per_service': limit, 'max_series': 20000}}
    with Daemon(config=config) as daemon:
        agent = Agent(daemon, 'good')
        agent.send(2)
        accepted = rejected = 0
        before = None
        with Req(daemon.rep, timeout_ms=20000) as req:
            for first in range(0, total, 5000):
                reply = req.ask('\n'.join(f'x,service=hostile,id=n{i} value=1' for i in range(first, first + 5000)))
                assert reply['ok'], reply
                accepted += reply['accepted']
                rejected += reply['rejected']
                if reply['rejected'] and before is None:
                    before = harness.resident_bytes(daemon.process.pid)
                    reason = reply['errors'][0]['reason']
                    assert 'hostile' in reason and str(limit) in reason, reason
        assert accepted == limit and rejected == total - limit
        agent.send(5)
        assert daemon.write('fine,service=other value=1\n')[0] == 204
        grown = harness.resident_bytes(daemon.process.pid) - before
        print(f'{rejected} series refused, resident memory grew by {grown / 1e6:.1f} MB')
        assert grown < 64 << 20
        check_ledger(daemon.dump(), [agent])
        agent.close()


# ---- case 28: clocks that jump ----

class Clock:
    """The daemon's wall clock, by libfaketime; the monotonic one stays the machine's."""

    def __init__(self, folder):
        self.path = os.path.join(folder, 'clock')
        self.jump(0)
        self.env = {'LD_PRELOAD': FAKETIME, 'FAKETIME_TIMESTAMP_FILE': self.path, 'FAKETIME_NO_CACHE': '1',
                    'FAKETIME_DONT_FAKE_MONOTONIC': '1', 'DONT_FAKE_MONOTONIC': '1'}

    def jump(self, seconds):
        with open(self.path + '.new', 'w', encoding='ascii') as out:
            out.write(f'{seconds:+d}\n')
        os.rename(self.path + '.new', self.path)


JUMPS = {'an hour ahead': 3600, 'an hour back': -3600, 'a year ahead': 365 * 86400, 'a year back': -365 * 86400}


@pytest.mark.parametrize('jump', JUMPS)
def test_a_clock_that_jumps_costs_nothing(jump, tmp_path):
    """FAULTS 28: the wall clock jumps under the daemon, which flushes, keeps its days in order and is restarted
    meanwhile; senders with a right clock go on. No day is removed, no line of theirs refused, no seq forgotten; L
    during it and once the clock is back."""
    harness.needs_preload()
    if not os.path.exists(FAKETIME):
        pytest.skip('libfaketime is not installed')
    clock = Clock(str(tmp_path))
    with Daemon(env=clock.env, config={'storage': {'retention': {'raw': '7d', 'events': '7d'}}}) as daemon:
        daemon.pin_ports()
        agent = Agent(daemon, 'a')
        agent.send(4)
        send_old(daemon, 5)
        assert flush(daemon) == 200
        days = days_of(daemon)
        for seconds in (JUMPS[jump], 0):
            clock.jump(seconds)
            time.sleep(1.2)  # the daemon looks at its clocks each second
            agent.send(3)
            assert flush(daemon) == 200
            daemon.restart()
            agent.send(3)
            assert daemon.write(f'now value=1 {harness.now_ms()}\n', path='/write?precision=ms')[0] == 204
            assert flush(daemon) == 200
            check_ledger(daemon.dump(), [agent])
            assert set(days) <= set(days_of(daemon))
        assert daemon.status()['store'].get('expired_days', 0) == 0
        assert 'clock.doubted' in daemon.read_log() and 'clock.agrees' in daemon.read_log()
        assert sum(agent.duplicates() for agent in [agent]) == 0
        agent.close()
