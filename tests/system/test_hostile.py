"""Peers that mean harm or are broken: FAULTS cases 18, 20 and 21. HOSTILE_SECONDS: how long each endpoint is flooded."""
import os
import resource
import threading
import time

import pytest

from harness import NN_PUSH, NN_SUB, Daemon, Nano, NanoError, needs_release, now_ms, wait_for
from peers import (SP_PAIR_OF, SP_PUSH, SP_REQ, Flood, GoodProducer, MemoryWatch, ask, connect_raw, cpu_seconds, message,
                   sp_frame, sp_head, taken)

SECONDS = float(os.environ.get('HOSTILE_SECONDS', '10'))
LISTEN = {'ingest_rep': ['tcp://127.0.0.1:0', 'ipc://DATA_DIR/run/ingest_rep'],
          'ingest_pull': ['tcp://127.0.0.1:0', 'ipc://DATA_DIR/run/ingest_pull']}
MIB = 1 << 20


@pytest.fixture(autouse=True)
def many_descriptors():
    """This process is thousands of clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def first_answer_s(url):
    """How long until a good REQ client is served; its peers may see the gate come back a moment later."""
    began = time.monotonic()
    while True:
        try:
            assert ask(url, 'back value=1', timeout_ms=300) == taken(1)
            return time.monotonic() - began
        except NanoError:
            assert time.monotonic() - began < 20


def first_push_s(daemon, url):
    began = time.monotonic()
    before = daemon.status()['ingest']['samples_total']
    with Nano(NN_PUSH, url) as peer:
        while True:
            peer.send(b'back value=1')
            if daemon.status()['ingest']['samples_total'] > before:
                return time.monotonic() - began
            assert time.monotonic() - began < 20
            time.sleep(0.02)


def gate_open_s(daemon, url):
    began = time.monotonic()
    wait_for(lambda: [g for g in daemon.status()['gates'] if g['endpoint'] == url and g['state'] == 'open'], timeout=20)
    return time.monotonic() - began


def restarts_of(daemon, url):
    return next(gate['restarts'] for gate in daemon.status()['gates'] if gate['endpoint'] == url)


@pytest.mark.parametrize('kind,transport', [('ingest_rep', 'tcp'), ('ingest_pull', 'tcp'), ('publish', 'tcp'),
                                            ('ingest_rep', 'ipc'), ('ingest_pull', 'ipc')])
def test_malformed_bytes_never_stop_the_daemon(kind, transport):
    """Case 18, CONTRACT 3: random bytes, bad SP headers, huge lengths, cut messages, the 17 bytes that end libnanomsg.
    The core never exits, the gate serves again within 1 s, and no acknowledged sample of a producer that works through
    the same endpoint (or another, where the flooded one does not answer) is lost."""
    with Daemon(config={'listen': LISTEN}) as d:
        url = d.addresses[kind][0 if transport == 'tcp' else 1]
        assert url.startswith(transport)
        good = GoodProducer(url if kind == 'ingest_rep' else d.rep)
        flood = Flood(url, SP_PAIR_OF[kind])
        time.sleep(SECONDS)
        flood.stop()
        back_s = {'ingest_rep': lambda: first_answer_s(url), 'ingest_pull': lambda: first_push_s(d, url),
                  'publish': lambda: gate_open_s(d, url)}[kind]()
        assert back_s < 1, f'served again after {back_s:.2f} s'
        good.stop()
        assert d.alive() and d.request('GET', '/-/ready')[0] == 200
        restarts = restarts_of(d, url)
        assert d.metric('tidemark_gate_restarts_total') == sum(gate['restarts'] for gate in d.status()['gates'])
        if transport == 'ipc' or kind == 'publish':
            assert restarts > 0 and 'gate.died' in d.read_log(), 'sipc.c:336, and any message to a PUB (xpub.c:134)'
        else:
            assert restarts == 0, 'here libnanomsg survives'
        if kind == 'publish':
            with Nano(NN_SUB, url) as peer:
                assert peer.recv().startswith(b'status {')
        assert flood.connections > 20 * SECONDS, flood.connections
        assert d.terminate() == 0
        assert good.check(d) > 50 * SECONDS / 10


def test_seventeen_bytes_on_ipc_cost_one_restart_of_one_gate():
    """FAULTS 3: an ipc message of type 2 aborts libnanomsg; only that gate falls, and it comes back at once."""
    with Daemon(config={'listen': LISTEN}) as d:
        url = d.addresses['ingest_rep'][1]
        others = set(d.gates())
        with connect_raw(url) as conn:
            conn.sendall(sp_head(SP_REQ) + b'\2' + bytes(8))
            wait_for(lambda: restarts_of(d, url) == 1)
        assert first_answer_s(url) < 1
        assert len(others & set(d.gates())) == len(others) - 1
        assert 'signal 6' in d.read_log()
        assert d.metric('tidemark_gate_restarts_total') == 1


def half_open(url, protocol, count, conns):
    """Clients that announce 1 MiB and send most of it, at whatever pace the peer reads."""
    body = sp_head(protocol) + sp_frame(url, b'#' * (900 << 10), announced=MIB)
    for _ in range(count):
        try:
            conn = connect_raw(url, 1)
        except OSError:
            continue
        conns.append(conn)
        try:
            conn.sendall(body)
        except OSError:
            pass


@pytest.mark.parametrize('kind', ['ingest_rep', 'ingest_pull'])
def test_two_thousand_half_open_clients_do_not_eat_the_memory(kind):
    """Case 20: the bound is 768 MiB for core and gates together (a gate starts afresh above 256 MiB, looked at every
    250 ms), and the core's own memory does not grow; HTTP, the core and good clients are served meanwhile."""
    needs_release('a sanitizer takes more memory for each client than the bound allows')
    with Daemon() as d:
        url, watch, conns = d.addresses[kind][0], MemoryWatch(d), []
        core_before = d.status()['memory']['rss_bytes']
        good = GoodProducer(d.rep)
        threads = [threading.Thread(target=half_open, args=(url, SP_PAIR_OF[kind], 500, conns), daemon=True)
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        slowest = 0
        while any(thread.is_alive() for thread in threads):
            began = time.monotonic()
            assert d.request('GET', '/-/healthy')[0] == 200 and d.write('good value=1')[0] == 204
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.05)
        assert len(conns) > 1500, 'so many got in'
        assert first_answer_s(d.rep) < 3, 'a good client is served while they are there'
        peak = watch.stop()
        good.stop()
        core_after = d.status()['memory']['rss_bytes']
        for conn in conns:
            conn.close()
        print(f'peak {peak // MIB} MiB, core {core_before // MIB} to {core_after // MIB} MiB, HTTP at most {slowest:.2f} s')
        assert peak < 768 * MIB, f'{peak // MIB} MiB'
        assert core_after - core_before < 64 * MIB
        assert slowest < 3
        assert d.terminate() == 0
        assert good.check(d) > 0


def test_descriptors_may_run_out():
    """Case 21: 64 descriptors for the core and each gate, hundreds of connections on both: nothing exits, the
    processor rests (< 50 % of a core after 5 s), good clients are served again, also while HTTP's places are taken."""
    limit = {resource.RLIMIT_NOFILE: 64}
    with Daemon(rlimits=limit) as d:
        good = GoodProducer(d.rep)
        held = []
        for url in (d.http, d.rep, d.pull):
            for _ in range(200):
                try:
                    held.append(connect_raw(url, 0.5))
                except OSError:
                    break
        time.sleep(5)
        pids = [d.process.pid] + d.gates()
        before, since = cpu_seconds(pids), time.monotonic()
        time.sleep(2)
        used = (cpu_seconds(pids) - before) / (time.monotonic() - since)
        assert d.alive()
        assert used < 0.5, f'{used:.2f} of a core'
        for conn in held:
            conn.close()
        wait_for(lambda: d.status()['state'] == 'ready' and all(g['state'] == 'open' for g in d.status()['gates']), timeout=10)
        assert first_answer_s(d.rep) < 5
        assert first_push_s(d, d.pull) < 5
        good.stop()
        assert d.status()['trouble'] is None
        assert d.terminate() == 0
        assert good.check(d) > 0


def test_connections_on_http_leave_descriptors_for_the_store():
    """Case 21: with every place at HTTP taken, the core can still write, start gates and take in by nanomsg."""
    with Daemon(rlimits={resource.RLIMIT_NOFILE: 64}) as d:
        held = [connect_raw(d.http, 1) for _ in range(200)]
        time.sleep(0.3)
        at = now_ms()
        for i in range(5):
            os.kill(d.gates()[0], 9)
            assert first_answer_s(d.rep) < 5
            assert ask(d.rep, message(f'cpu value={i} {at + i}', 'p', 1, i + 1, more=' precision=ms')) == taken(1, seq=i + 1)
        open_fds = len(os.listdir(f'/proc/{d.process.pid}/fd'))
        assert open_fds <= 56, f'{open_fds} of 64 are used'
        for conn in held:
            conn.close()
        assert d.request('GET', '/-/ready')[0] == 200
        assert d.terminate() == 0
        assert d.dump()[0]['cpu{}'] == {at + i: float(i) for i in range(5)}


@pytest.mark.soak
@pytest.mark.parametrize('kind', ['ingest_rep', 'ingest_pull'])
def test_a_million_malformed_connections(kind):
    """Case 18 in full: a million hostile connections over tcp; memory and descriptors do not grow with them."""
    count = 1000000 if os.environ.get('SOAK') else 20000
    with Daemon() as d:
        url = d.addresses[kind][0]
        good, watch = GoodProducer(d.rep), MemoryWatch(d)
        flood = Flood(url, SP_REQ if kind == 'ingest_rep' else SP_PUSH, threads=4)
        while flood.connections < count:
            time.sleep(0.5)
            assert d.alive()
        flood.stop()
        assert first_answer_s(d.rep) < 1
        assert watch.stop() < 768 * MIB
        good.stop()
        assert d.terminate() == 0
        assert good.check(d) > 0
