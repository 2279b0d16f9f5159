"""Kill -9 at any moment: what was acknowledged is there, once; what was not is there whole or not at all."""
import os
import random
import signal
import socket
import time

import pytest

import harness
from harness import Agent, Daemon, check_ledger, wait_for

KILLS = int(os.environ.get('KILLS', '200' if harness.soak() else '60'))
GATE_KILLS = 50
READY_MAX_S = 5.0


def make_agents(daemon, **more):
    """Producers over both ways in; those with a producer name send the same seq again after a kill."""
    return [Agent(daemon, f'rep{i}', 'rep', **more) for i in range(3)] + \
           [Agent(daemon, 'http0', 'http', **more), Agent(daemon, 'plain0', 'http_plain', **more)]


def stop_all(agents):
    for agent in agents:
        agent.stop()


def settle_all(agents):
    for agent in agents:
        agent.settle()


def test_acknowledged_lines_survive_kill_9_exactly_once():
    """FAULTS 1: kill -9 at random under load, KILLS times. L holds after every few kills and at the end, and the
    daemon is ready again in less than 5 s each time."""
    rng = random.Random(1)
    slowest = 0.0
    with Daemon() as daemon:
        daemon.pin_ports()
        agents = make_agents(daemon, pause_s=0.002)
        for agent in agents:
            agent.start()
        for i in range(KILLS):
            time.sleep(rng.uniform(0.02, 0.35))
            daemon.kill()
            if i % 10 == 9:
                check_ledger(daemon.dump(), agents_at_rest(agents))
            daemon.start(timeout=READY_MAX_S)
            slowest = max(slowest, daemon.ready_s)
            if i % 10 == 9:
                for agent in agents:
                    agent.start()
        stop_all(agents)
        settle_all(agents)
        lines = check_ledger(daemon.dump(), agents)
        assert daemon.terminate() == 0
        assert check_ledger(daemon.dump(), agents) == lines
        resent = sum(agent.retries for agent in agents)
        print(f'{KILLS} kills, {lines} lines acknowledged, {resent} attempts without an answer, '
              f'{sum(a.duplicates() for a in agents)} duplicates answered, ready after {slowest:.2f} s at most')
        assert slowest < READY_MAX_S
        assert lines > 100 * KILLS
        for agent in agents:
            agent.close()


def agents_at_rest(agents):
    stop_all(agents)
    return agents


def test_killed_gates_lose_nothing_and_double_nothing():
    """FAULTS 22: gates of ingest_rep are killed -9 50 times under load. The requests come again by themselves;
    batches that were taken before are answered as duplicates; L holds."""
    rng = random.Random(2)
    with Daemon(config={'listen': {'ingest_rep': [f'tcp://127.0.0.{i}:0' for i in (1, 2, 3)]}}) as daemon:
        urls = daemon.addresses['ingest_rep']
        agents = [Agent(daemon, f'g{i}', 'rep', url=urls[i % 3]) for i in range(6)]
        for agent in agents:
            agent.start()
        for i in range(GATE_KILLS):
            time.sleep(rng.uniform(0.01, 0.05))
            gate = wait_for(lambda: [g for g in daemon.status()['gates']
                                     if g['endpoint'] == urls[i % 3] and g['state'] == 'open'])
            os.kill(gate[0]['pid'], signal.SIGKILL)
        wait_for(lambda: all(g['state'] == 'open' for g in daemon.status()['gates']))
        stop_all(agents)
        settle_all(agents)
        check_ledger(daemon.dump(), agents)
        restarts = daemon.metric('tidemark_gate_restarts_total')
        duplicates = daemon.metric('tidemark_duplicates_total')
        print(f'{restarts:.0f} restarts, {duplicates:.0f} duplicates dropped, '
              f'{sum(a.acked() for a in agents)} batches acknowledged')
        assert restarts == GATE_KILLS
        assert duplicates > 0
        for agent in agents:
            agent.close()


def test_a_settled_seq_stays_settled_over_restarts():
    """CONTRACT 3: the same producer, epoch and seq again has no effect, over kill -9 and over a clean end; other
    bytes are a conflict, a lower epoch is stale."""
    with Daemon() as daemon:
        daemon.pin_ports()
        agent = Agent(daemon, 'again', 'rep', epoch=7)
        agent.send(3)
        ends = [lambda: daemon.kill(), lambda: daemon.terminate(), lambda: daemon.kill()]
        for end in ends:
            end()
            daemon.start()
            for batch in agent.batches:
                reply = agent._ask(agent.text(batch))
                assert reply['ok'] and reply['duplicate'] and reply['accepted'] == 0, reply
                assert reply['seq'] == batch.seq
            last = agent.text(agent.batches[-1])
            assert agent._ask(last.replace(b'amount=', b'amount=9'))['error'] == 'seq_conflict'
            assert agent._ask(last.replace(b'epoch=7', b'epoch=6'))['error'] == 'stale_epoch'
            agent.send(1)
        daemon.kill()
        check_ledger(daemon.dump(), [agent])
        agent.close()


def test_sigterm_under_load_ends_with_0_and_keeps_what_was_acknowledged():
    """SIGTERM: intake stops, what is under way becomes durable and is answered, exit 0. L."""
    with Daemon() as daemon:
        daemon.pin_ports()
        agents = make_agents(daemon)
        for _ in range(5):
            for agent in agents:
                agent.start()
            time.sleep(0.2)
            assert daemon.terminate() == 0
            stop_all(agents)
            check_ledger(daemon.dump(), agents)
            daemon.start()
        settle_all(agents)
        check_ledger(daemon.dump(), agents)
        for agent in agents:
            agent.close()


def test_sigterm_to_the_whole_group_ends_it_as_quietly():
    """A terminal, a supervisor or a container signals daemon and gates at once: the gates leave that to the daemon."""
    with Daemon(wrap=['setsid']) as daemon:
        agent = Agent(daemon, 'a').start()
        wait_for(lambda: agent.acked() > 5)
        for number in (signal.SIGTERM, signal.SIGINT):
            os.killpg(daemon.process.pid, number)
        assert daemon.process.wait(30) == 0
        agent.close()
        check_ledger(daemon.dump(), [agent])
        assert 'gate.died' not in daemon.read_log() and 'daemon.stopped' in daemon.read_log()


def test_a_port_found_free_stays_the_daemons_while_its_gate_is_away():
    """Port 0: nobody else gets the port between its finding and its binding, nor while a killed gate is started again."""
    with Daemon() as daemon:
        port = int(daemon.rep.rsplit(':', 1)[1])
        [gate] = [g for g in daemon.status()['gates'] if g['endpoint'] == daemon.rep]
        os.kill(gate['pid'], signal.SIGKILL)
        wait_for(lambda: not os.path.exists(f'/proc/{gate["pid"]}'))
        for _ in range(100):
            with socket.socket() as other, pytest.raises(OSError):
                other.bind(('127.0.0.1', port))
        wait_for(lambda: all(g['state'] == 'open' for g in daemon.status()['gates']))
        assert {g['endpoint'] for g in daemon.status()['gates']} >= {daemon.rep}
