"""Memory runs out at any moment: no crash, no acknowledgement without durability, and service afterwards."""
import errno
import resource
import time

import pytest

import harness
from harness import Agent, Daemon, Faults, check_ledger, wait_for

START_POINTS = 300 if not harness.soak() else 2000
INGEST_POINTS = 150 if not harness.soak() else 2000


def one_life(faulty):
    """A daemon that has taken something and was killed. Returns it, its faults, the sender, and the allocations that
    its next start makes until it is ready."""
    daemon, faults = faulty
    agent = Agent(daemon, 'a')
    agent.send(3)
    daemon.kill()
    return daemon, faults, agent, allocations_until_ready(daemon, faults)


def allocations_until_ready(daemon, faults):
    faults.plan(Faults.MALLOC, error=errno.ENOMEM, skip=1 << 30)
    daemon.start()
    seen = faults.counts()[0]
    daemon.kill()
    return seen


@pytest.mark.parametrize('count', [1, -1], ids=['once', 'from then on'])
def test_without_memory_at_start_it_serves_or_says_so_and_ends_with_1(count, faulty):
    """FAULTS 6 at start: the n-th allocation fails, once or with all that follow. The daemon serves, or exits 1
    with a sentence; it never dies by a signal; the next start has everything."""
    daemon, faults, agent, total = one_life(faulty)
    stride = max(1, total // START_POINTS)
    served = refused = 0
    for n in range(0, total, stride):
        faults.plan(Faults.MALLOC, error=errno.ENOMEM, skip=n, count=count)
        daemon.start(wait=False)
        line = daemon.process.stdout.readline()
        faults.off()
        if line.startswith(b'ready '):
            served += 1
            daemon.kill()
            continue
        code = daemon.process.wait(20)
        assert code == 1, f'allocation {n} of {total}: ended with {code}: {daemon.read_log()[-1000:]}'
        last = daemon.read_log().strip().splitlines()[-1]
        assert len(last) > 20, f'allocation {n}: it did not say why: {last!r}'
        refused += 1
    print(f'{total} allocations to ready, every {stride}th failed: served {served}, refused {refused}')
    assert refused > 0
    daemon.start()
    agent.send(1)
    check_ledger(daemon.dump(), [agent])
    agent.close()


def test_what_can_not_be_read_for_lack_of_memory_is_not_called_damaged(faulty):
    """FAULTS 6, L: an allocation that fails during replay ends the start, or nothing is missing. A record must
    not be given up as damaged: the daemon would serve without acknowledged lines, and forget their seq."""
    daemon, faults, agent, total = one_life(faulty)
    for n in range(total):
        faults.plan(Faults.MALLOC, error=errno.ENOMEM, skip=n, count=1)
        daemon.start(wait=False)
        line = daemon.process.stdout.readline()
        faults.off()
        if line.startswith(b'ready '):
            assert daemon.metric('tidemark_journal_damaged_records_total') == 0, f'allocation {n} of {total}'
            daemon.kill()
        daemon.process.wait(20)
    assert 'damaged' not in daemon.read_log()
    agent.close()


def scrape(daemon):
    """Asks every endpoint; what it answers may be an error, that it hangs or dies is the fault."""
    for path in ('/metrics', '/api/v1/status/tidemark', '/-/ready', '/nowhere'):
        try:
            daemon.request('GET', path, timeout=5)
        except (OSError, harness.http.client.HTTPException):
            pass


def test_without_memory_under_load_nothing_unsafe_is_acknowledged(faulty):
    """FAULTS 6 under ingest over every path and scrapes: single allocations, rows of them and whole moments fail.
    The daemon lives through all of it, L holds after it, a kill included, and it serves again."""
    daemon, faults = faulty
    pid = daemon.process.pid
    agents = [Agent(daemon, 'rep0'), Agent(daemon, 'rep1'), Agent(daemon, 'http0', 'http'),
              Agent(daemon, 'plain0', 'http_plain', pause_s=0.001), Agent(daemon, 'pull0', 'pull', pause_s=0.002)]
    for agent in agents:
        agent.start()
    failed = 0
    for i in range(INGEST_POINTS):
        count = (1, 1, 5, 200, -1)[i % 5]
        faults.plan(Faults.MALLOC, error=errno.ENOMEM, skip=i * 7 % 401, count=count)
        scrape(daemon)
        time.sleep(0.03)
        failed += faults.counts()[1]
        faults.off()
        assert daemon.alive(), f'point {i}: ended with {daemon.process.poll()}: {daemon.read_log()[-1000:]}'
    for agent in agents:
        agent.stop()
    for agent in agents:
        agent.settle()
    for agent in agents:
        agent.send(3)
    pushed = sum(b.state == 'pushed' for b in agents[-1].batches)
    print(f'{failed} allocations failed; acknowledged batches: '
          f'{[(a.name, a.acked(), len(a.waits)) for a in agents]}, pushed {pushed}')
    assert daemon.process.pid == pid and failed > INGEST_POINTS / 2
    time.sleep(1.2)  # what was pushed is durable within flush_interval
    check_ledger(daemon.dump(), agents)
    daemon.restart()
    check_ledger(daemon.dump(), agents)
    for agent in agents:
        agent.send(2)
        agent.close()
    wait_for(lambda: daemon.request('GET', '/-/ready')[0] == 200)


def test_an_address_space_limit_is_survived_under_growing_series(tmp_path):
    """FAULTS 6, 27: a daemon held to 400 MiB of address space is sent ever new series. It refuses with
    retry_after_ms or a reason, or withholds the answer; it never dies, and what it acknowledged is there."""
    harness.needs_release('a sanitizer needs address space of its own')
    limit = 400 << 20
    with Daemon(rlimits={resource.RLIMIT_AS: limit}, config={'listen': {'publish': []}}) as daemon:
        daemon.pin_ports()
        agent = Agent(daemon, 'a')
        agent.send(5)
        refused = grow_until_refused(daemon)
        assert daemon.alive(), daemon.read_log()[-1000:]
        print(f'refused after {refused} series')
        check_ledger(daemon.dump(), [agent])
        assert daemon.request('GET', '/-/healthy')[0] == 200
        agent.close()


def grow_until_refused(daemon):
    """New series until a batch is refused; the number that were taken."""
    taken, filler = 0, 'x' * 1000
    with harness.Req(daemon.rep, timeout_ms=10000) as req:
        while taken < 1000000:
            rows = '\n'.join(f'grow,service=s{(taken + i) // 50000},i=n{taken + i},filler={filler} value=1'
                             for i in range(700))
            try:
                reply = req.ask(rows)
            except harness.NanoError:
                break  # durable, but there is no memory to make it visible: no answer yet
            if not reply['ok']:
                assert reply['retry_after_ms'] > 0, reply
                break
            if reply['rejected']:
                break
            taken += 700
    return taken
