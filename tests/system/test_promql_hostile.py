"""PromQL that asks for too much: each question ends with an answer or an error of the right type, the daemon's memory
stays bounded, ingest goes on. SOAK=1: the default limits, a million series, a thousand clients at once."""
import collections
import http.client
import socket
import threading
from urllib.parse import urlencode

import pytest

from harness import Agent, Daemon, needs_release, now_ms, soak, wait_for
from prometheus import FORM, Asker
import remote_write

SERIES = 1_000_000 if soak() else 20_000
CLIENTS = 1000 if soak() else 250
LIMITS = {'max_series': 2_000_000, 'max_series_per_service': 2_000_000}
if not soak():
    LIMITS |= {'query_max_samples': 1_000_000, 'query_timeout': '3s'}
PAD = 'x' * 200
MIB = 1 << 20
# Two evaluations at once keep samples of 16 bytes, labels counted like them; texts and answers are beside that.
ROOM_BYTES = 2500 * MIB if soak() else 350 * MIB
ENDS = {(200, None), (400, 'bad_data'), (422, 'execution'), (413, 'too_large'), (503, 'timeout'), (503, 'unavailable')}


@pytest.fixture(scope='module', name='daemon')
def daemon_fixture():
    needs_release('a sanitizer needs memory of its own')
    with Daemon(config={'limits': LIMITS}) as d:
        base = now_ms() - 60_000
        for at in range(0, SERIES, 2000):
            body = b''.join(remote_write.series({'__name__': 'load', 'i': f'n{i}', 'service': f's{i % 10}', 'pad': PAD},
                                                [(base, float(i)), (base + 15_000, i + 1.5)]) for i in range(at, at + 2000))
            status = d.request('POST', '/api/v1/write', remote_write.snappy(body), remote_write.HEADERS, timeout=60)[0]
            assert status == 204
        d.base_s = base // 1000 + 20
        yield d


def ask(daemon, path='query', **params):
    """(status, error's type or None, document)"""
    asker = Asker(daemon.http)
    asker.connection.timeout = 120
    try:
        status, document = asker.ask(path, **params)
    finally:
        asker.close()
    assert (status == 200) == (document['status'] == 'success')
    return status, document.get('errorType'), document


def nested(inner, levels, window='1y:1s'):
    for _ in range(levels):
        inner = f'max_over_time(({inner})[{window}])'
    return inner


def doubled(times):
    text = 'label_replace(load{i="n1"}, "x", "$1$1", "pad", "(.*)")'
    for _ in range(times):
        text = f'label_replace({text}, "x", "$1$1", "x", "(.*)")'
    return text


WIDE = '|'.join(f'n{i}.*z' for i in range(20000))
TOO_MUCH = {
    'subqueries of subqueries': (nested('vector(1)', 3), {(422, 'execution'), (503, 'timeout')}),
    'a subquery of a billion steps': (nested('load{i="n1"}', 1, '30y:1s'), {(422, 'execution'), (503, 'timeout')}),
    'all series at each second of a day': ('sum_over_time(load[1d:1s])', {(422, 'execution'), (503, 'timeout')}),
    'a join of all with all': ('load * on() load', {(422, 'execution')}),
    'a join of many with many': ('load * on(service) group_left load', {(422, 'execution')}),
    'one beside all that match': ('load + on(i) group_left(pad) load{i=~"n1.*"}', {(200, None), (422, 'execution')}),
    'labels that double': (doubled(24), {(422, 'execution')}),
    'a pattern of a repeated repetition': ('load{i=~"((n{1,1000}){1,1000}){1,1000}"}', {(400, 'bad_data')}),
    'a pattern that goes back and forth': ('label_replace(load, "a", "$1", "pad", "(x+x+)+y")', {(200, None), (422, 'execution'), (503, 'timeout')}),
    'the same as a selector': ('load{pad=~"(x+x+)+(x+x+)+y"}', {(200, None), (400, 'bad_data'), (422, 'execution')}),
    'twenty thousand patterns': (f'load{{i=~"{WIDE}"}}', {(200, None), (400, 'bad_data')}),
    'text over a megabyte': ('1 + ' * 400000 + '1', {(413, 'too_large')}),
    'brackets without end': ('(' * 200000, {(400, 'bad_data')}),
    'arguments without end': ('label_join(load, "x", "-"' + ', "pad"' * 30000 + ')', {(400, 'bad_data'), (422, 'execution')}),
    'all kept several times': (' + '.join(f'(load + {n})' for n in range(200)), {(422, 'execution'), (503, 'timeout')}),
    'union of all with all': (' or '.join(f'label_replace(load, "u", "{n}", "", "")' for n in range(200)), {(422, 'execution'), (503, 'timeout')}),
    'buckets from all': ('histogram_quantile(0.9, label_replace(load, "le", "$1", "i", "n(.*)"))', {(200, None), (422, 'execution')}),
    'a value counted for each': ('count_values by (pad)("v", load)', {(200, None), (422, 'execution')}),
    'the first of all': ('topk(1e300, load)', {(200, None), (422, 'execution')}),
    'sorted, the last of all': ('sort_desc(bottomk(9e18, load))', {(200, None), (422, 'execution')}),
    'a quantile of all by all labels': ('quantile by (i, pad)(0.5, load)', {(200, None), (422, 'execution')}),
    'a hundred years': ('count_over_time({__name__=~".+"}[100y])', {(200, None), (422, 'execution')}),
}


def anonymous_bytes(pid):
    """Memory that is not a file's: partitions are mapped."""
    with open(f'/proc/{pid}/status', encoding='ascii') as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith('RssAnon'))


class Watch:
    """How much the daemon's own memory grows while something runs."""

    def __init__(self, pid):
        self.pid, self.before, self.ended = pid, anonymous_bytes(pid), threading.Event()
        self.peak = self.before
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.ended.wait(0.02):
            self.peak = max(self.peak, anonymous_bytes(self.pid))

    def stop(self):
        self.ended.set()
        self.thread.join()
        return self.peak - self.before


@pytest.mark.parametrize('what', TOO_MUCH)
def test_what_asks_for_too_much_ends_with_a_clear_error(daemon, what):
    query, expected = TOO_MUCH[what]
    if (422, 'execution') in expected or (200, None) in expected:
        expected = expected | {(503, 'timeout')}  # it is evaluated: on a busy machine its time may be over first
    watch = Watch(daemon.process.pid)
    status, kind, document = ask(daemon, query=query, time=str(daemon.base_s))
    grown = watch.stop()
    print(f'{what}: {status} {document.get("error", "")[:200]}; RssAnon grew by {grown / MIB:.0f} MiB')
    assert (status, kind) in expected, document.get('error', '')[:500]
    assert status == 200 or len(document['error']) > 15
    assert grown < ROOM_BYTES
    assert ask(daemon, query='1 + 1', time='1')[:2] == (200, None)


ABSURD = {
    'a step of a millisecond over a century': {'start': '-1000000000', 'end': '2000000000', 'step': '0.001'},
    'a step that is next to nothing': {'start': '0', 'end': '1', 'step': '1e-300'},
    'a point too many': {'start': '0', 'end': '11001', 'step': '1'},
    'times out of all bounds': {'start': '-1e300', 'end': '1e300', 'step': '1'},
    'a step that is not a number': {'start': '0', 'end': '1', 'step': 'NaN'},
    'an end without end': {'start': '0', 'end': '+Inf', 'step': '1'},
}


@pytest.mark.parametrize('what', ABSURD)
def test_absurd_counts_of_steps_are_bad_data(daemon, what):
    status, kind, document = ask(daemon, 'query_range', query='load', **ABSURD[what])
    assert (status, kind) == (400, 'bad_data'), document
    assert len(document['error']) > 15


def test_many_that_ask_for_too_much_at_once_leave_memory_bounded_and_ingest_alive(daemon):
    """Of CLIENTS at once each gets an answer or a clear error; 64 are open at a time, the others are told to try again."""
    queries = [query for query, _ in TOO_MUCH.values()]
    told, faults = [], []  # appending is safe among threads

    def run(i):
        try:
            end = ask(daemon, query=queries[i % len(queries)], time=str(daemon.base_s))[:2]
            told.append(end)
            if end not in ENDS:
                faults.append((i, end))
        except http.client.IncompleteRead:  # its time was over when the answer had begun: that breaks off
            told.append('broken off')
        except (OSError, http.client.HTTPException, ValueError) as error:
            faults.append((i, repr(error)))
    agent = Agent(daemon, 'beside', timeout_ms=30000)
    agent.start()
    watch = Watch(daemon.process.pid)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    grown = watch.stop()
    agent.stop()
    agent.settle(60)
    ends = dict(collections.Counter(told))
    print(f'{CLIENTS} clients: {ends}; RssAnon grew by {grown / MIB:.0f} MiB; {agent.acked()} batches beside')
    assert not faults, faults[:5]
    assert sum(ends.values()) == CLIENTS
    assert grown < ROOM_BYTES
    assert agent.acked() > 0
    agent.close()
    wait_for(lambda: ask(daemon, query='1 + 1', time='1')[:2] == (200, None), timeout=60)
    assert daemon.alive()


def stuck(daemon, **params):
    """A client that asks, sees the answer begin and takes no more."""
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.settimeout(120)
    host, port = daemon.http.rsplit(':', 1)
    peer.connect((host, int(port)))
    body = urlencode(params)
    head = ''.join(f'{name}: {value}\r\n' for name, value in {**FORM, 'Host': 'x', 'Content-Length': len(body)}.items())
    peer.sendall(f'POST /api/v1/query_range HTTP/1.1\r\n{head}\r\n{body}'.encode())
    assert peer.recv(12) == b'HTTP/1.1 200'
    return peer


def test_clients_that_take_nothing_hold_twice_the_limit_of_samples_at_most():
    """More are told to try again, and are served when the others have gone."""
    with Daemon(config={'limits': {'query_max_samples': 1_800_000, 'query_timeout': '10m'}}) as d:
        now_s = now_ms() // 1000
        lines = ''.join(f'many,service=s,i=n{i:02} value={i}.{"123456789" * 2} {now_s * 1000}\n' for i in range(100))
        assert d.write(lines, '/write?precision=ms')[0] == 204
        large = {'query': 'many', 'start': f'{now_s}', 'end': f'{now_s + 290}', 'step': '0.029'}
        peers = [stuck(d, **large) for _ in range(3)]  # of a million samples each
        status, kind, document = ask(d, 'query_range', **large)
        assert (status, kind) == (503, 'unavailable'), str(document)[:200]
        assert 'try again' in document['error']
        assert ask(d, query='many{i="n01"}', time=str(now_s))[:2] == (200, None)  # a small one has room
        for peer in peers:
            peer.close()
        wait_for(lambda: ask(d, 'query_range', **large)[0] == 200, timeout=120)
