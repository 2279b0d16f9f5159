"""Reading over HTTP beside ingest: CONTRACT 5 and 9, FAULTS cases 14, 15 and 16."""
import gzip
import json
import os
import signal
import socket
import subprocess
import threading
import time
from urllib.parse import quote, urlencode

import pytest

import harness
from harness import DUMP, Daemon, now_ms, wait_for
from test_http import KEYS, SECRETS, envelope

HOLD = os.path.join(os.path.dirname(DUMP), 'hold')
DAY_MS = 86400 * 1000
FORM = {'Content-Type': 'application/x-www-form-urlencoded'}


def put(daemon, name, times, value=lambda i: i):
    """A series of so many samples, in messages of under 1 MiB."""
    lines = [f'{name} value={value(i)} {t}\n' for i, t in enumerate(times)]
    for at in range(0, len(lines), 15000):
        answer = daemon.write(''.join(lines[at:at + 15000]), '/write?precision=ms')
        assert answer[0] == 204, answer


def data_of(answer):
    assert answer[0] == 200, answer
    document = json.loads(answer[1])
    assert document['status'] == 'success'
    return document['data']


def export(daemon, match, timeout=30, **more):
    answer = daemon.request('GET', '/api/v1/export?' + urlencode({'match[]': match, **more}), timeout=timeout)
    assert answer[0] == 200, answer
    assert answer[2]['content-type'] == 'application/x-ndjson'
    return [json.loads(line) for line in answer[1].decode().splitlines()]


def flush(daemon):
    assert daemon.request('POST', '/api/v1/admin/flush', timeout=60)[0] == 200


@pytest.fixture(scope='module')
def shared():
    """Two days of three series, half of them flushed."""
    with Daemon() as d:
        d.today = now_ms() // DAY_MS * DAY_MS
        put(d, 'up,job=a,service=cart', [d.today - DAY_MS + i for i in range(3)])
        put(d, 'up,job=b,service=cart', [d.today - DAY_MS, d.today])
        flush(d)
        put(d, 'up,job=a,service=cart', [d.today + i for i in range(2)], lambda i: 0.5)
        put(d, 'load,service=shop', [d.today], lambda i: -1.25e-9)
        yield d


UP_A = {'__name__': 'up', 'job': 'a', 'service': 'cart'}
UP_B = {'__name__': 'up', 'job': 'b', 'service': 'cart'}
LOAD = {'__name__': 'load', 'service': 'shop'}


# ---- series and labels, as Prometheus ----
def test_series_are_those_that_one_of_the_selectors_takes(shared):
    for query, expected in (('match[]=up', [UP_A, UP_B]), ('match[]=up&match[]=load', [LOAD, UP_A, UP_B]),
                            ('match[]=up{job="a"}&match[]=up', [UP_A, UP_B]), ('match[]=nothing', [])):
        assert data_of(shared.request('GET', '/api/v1/series?' + query)) == expected, query


def test_series_are_asked_for_by_a_form_as_well(shared):
    answer = shared.request('POST', '/api/v1/series?match[]=load', 'match%5B%5D=up%7Bjob%3D%22b%22%7D&limit=5', FORM)
    assert data_of(answer) == [LOAD, UP_B]


def test_series_outside_the_time_are_left_out(shared):
    """end is inclusive, as in Prometheus."""
    before, first, last = ((shared.today - DAY_MS + more) / 1000 for more in (-1, 0, 2))
    for start, end, expected in ((before, before, []), (before, first, [UP_A, UP_B]), (last, last, [UP_A]),
                                 (shared.today / 1000, shared.today / 1000 + 1, [LOAD, UP_A, UP_B])):
        query = urlencode({'match[]': '{service=~".+"}', 'start': f'{start:.3f}', 'end': f'{end:.3f}'})
        assert data_of(shared.request('GET', '/api/v1/series?' + query)) == expected, (start, end)


def test_a_limit_cuts_and_says_so(shared):
    document = json.loads(shared.request('GET', '/api/v1/series?match[]=up&limit=1')[1])
    assert document == {'status': 'success', 'data': [UP_A], 'warnings': ['results truncated due to limit']}


def test_label_names_and_values(shared):
    labels = '/api/v1/labels'
    assert data_of(shared.request('GET', labels)) == ['__name__', 'job', 'service']
    assert data_of(shared.request('POST', labels, 'match[]=load', FORM)) == ['__name__', 'service']
    assert data_of(shared.request('GET', labels + '?start=0&end=4')) == []
    assert data_of(shared.request('GET', '/api/v1/label/__name__/values')) == ['load', 'up']
    assert data_of(shared.request('GET', '/api/v1/label/job/values?match[]=up{job!="a"}')) == ['b']
    assert data_of(shared.request('GET', '/api/v1/label/unknown/values')) == []
    assert shared.request('POST', '/api/v1/label/job/values', '', FORM)[0] == 405


def test_what_makes_the_store_large(shared):
    data = data_of(shared.request('GET', '/api/v1/status/tsdb'))
    assert data['headStats']['numSeries'] == 3 and data['headStats']['numLabelPairs'] == 6
    assert data['headStats']['maxTime'] == shared.today + 1
    assert data['seriesCountByMetricName'] == [{'name': 'up', 'value': 2}, {'name': 'load', 'value': 1}]
    assert data['labelValueCountByLabelName'][0] == {'name': '__name__', 'value': 2}
    assert data['memoryInBytesByLabelName'][0] == {'name': 'service', 'value': 8}
    assert data['seriesCountByLabelValuePair'][0] in ({'name': 'service=cart', 'value': 2}, {'name': '__name__=up', 'value': 2})
    assert data['seriesCountByService'] == [{'name': 'cart', 'value': 2}, {'name': 'shop', 'value': 1}]
    assert len(data_of(shared.request('GET', '/api/v1/status/tsdb?limit=1'))['seriesCountByService']) == 1


# ---- export ----
def test_export_has_a_line_per_series_and_day(shared):
    day = shared.today - DAY_MS
    assert export(shared, '{service=~".+"}') == [
        {'metric': LOAD, 'times': [shared.today], 'values': ['-1.25e-09']},
        {'metric': UP_A, 'times': [day, day + 1, day + 2], 'values': ['0', '1', '2']},
        {'metric': UP_A, 'times': [shared.today, shared.today + 1], 'values': ['0.5', '0.5']},
        {'metric': UP_B, 'times': [day], 'values': ['0']},
        {'metric': UP_B, 'times': [shared.today], 'values': ['1']}]


def test_export_has_from_and_not_to(shared):
    day = shared.today - DAY_MS
    lines = export(shared, 'up{job="a"}', **{'from': f'{(day + 1) / 1000:.3f}', 'to': f'{(day + 2) / 1000:.3f}'})
    assert lines == [{'metric': UP_A, 'times': [day + 1], 'values': ['1']}]
    assert export(shared, 'up', **{'from': '-1h', 'to': '-30m'}) == [] or shared.today > now_ms() - 3600 * 1000


# ---- faults of the caller ----
@pytest.mark.parametrize('path, words', [
    ('/api/v1/series', 'no match[] parameter provided'),
    ('/api/v1/series?match[]={}', 'invalid parameter "match[]": 1:'),
    ('/api/v1/series?match[]=up{', 'invalid parameter "match[]": 1:4: parse error'),
    ('/api/v1/series?match[]=up&start=yesterday', 'invalid parameter "start": cannot parse "yesterday" to a valid timestamp'),
    ('/api/v1/labels?end=1x', 'invalid parameter "end": cannot parse "1x" to a valid timestamp'),
    ('/api/v1/labels?limit=-1', 'invalid parameter "limit"'),
    ('/api/v1/label/0bad/values', 'invalid label name: "0bad"'),
    ('/api/v1/export?from=-1h', 'no match[] parameter provided'),
    ('/api/v1/export?match[]=up&from=never', 'invalid parameter "from"'),
    ('/api/v1/export?match[]=up&from=-1h&to=-2h', 'invalid parameter "to"'),
    ('/api/v1/export?match[]=up&tier=2m', 'invalid parameter "tier"'),
    ('/api/v1/status/tsdb?limit=0', 'invalid parameter "limit"'),
    ('/api/v1/series?' + 'match[]=up&' * 65, 'at most 64 match[]'),
    ('/api/v1/series?' + 'x=1&' * 300, 'at most 256 parameters'),
])
def test_a_wrong_parameter_is_named(shared, path, words):
    envelope(shared.request('GET', path), 400, 'bad_data', words)


def test_a_form_that_is_none_is_refused(shared):
    envelope(shared.request('POST', '/api/v1/series', 'match[]=%zz', FORM), 400, 'bad_data', 'URL-encoded')


def test_reading_needs_the_read_scope():
    with Daemon(config=KEYS) as daemon:
        for path in ('/api/v1/series?match[]=up', '/api/v1/labels', '/api/v1/label/job/values', '/api/v1/status/tsdb',
                     '/api/v1/export?match[]=up'):
            assert daemon.request('GET', path)[0] == 401, path
            for key, status in (('ro', 200), ('admin', 200), ('all', 403)):
                answer = daemon.request('GET', path, headers={'Authorization': f'Bearer {SECRETS[key]}'})
                assert answer[0] == status, (path, key)


# ---- bounds ----
def test_a_query_over_its_samples_is_ended():
    with Daemon(config={'limits': {'query_max_samples': 1000}}) as daemon:
        today = now_ms() // DAY_MS * DAY_MS
        put(daemon, 'few,service=s', range(today, today + 1000))
        put(daemon, 'many,service=s', range(today, today + 1001))
        assert len(export(daemon, 'few')[0]['times']) == 1000
        envelope(daemon.request('GET', '/api/v1/export?match[]=many'), 422, 'execution', 'limits.query_max_samples (1000)')
        assert daemon.metric('tidemark_queries_failed_total') == 1
        assert daemon.metric('tidemark_query_samples_total') == 2001


def test_a_query_over_its_time_is_ended():
    """A selection whose regex is costly on each of many values."""
    with Daemon(config={'limits': {'query_timeout': '500ms'}}) as daemon:
        for part in range(10):
            daemon.write(''.join(f'm,a={"x" * 90}{part * 1000 + i} value=1\n' for i in range(1000)))
        slow = quote('{a=~".*.*.*[yz]"}')
        started = time.monotonic()
        answer = daemon.request('GET', '/api/v1/series?match[]=' + slow, timeout=60)
        took = time.monotonic() - started
        envelope(answer, 503, 'timeout', 'limits.query_timeout')
        assert took < 20 and daemon.metric('tidemark_queries_timed_out_total') == 1
        assert daemon.status()['queries']['open'] == 0


class Stalled:
    """A client that asks for an export, reads a little and then no more."""

    def __init__(self, daemon, path='/api/v1/export?match[]=big', window=4096):
        host, port = daemon.http.rsplit(':', 1)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.connect((host, int(port)))
        self.socket.sendall(f'GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'.encode())
        self.begin = self.socket.recv(1000)
        assert self.begin.startswith(b'HTTP/1.1 200 ')

    def close(self):
        self.socket.close()

    def rest(self, timeout=20):
        """All that comes until the end; False: the connection broke or the answer is cut short."""
        self.socket.settimeout(timeout)
        out = self.begin
        try:
            while piece := self.socket.recv(1 << 20):
                out += piece
        except ConnectionResetError:
            return out, False
        return out, out.endswith(b'0\r\n\r\n')


def put_big(daemon, count=400000):
    """A series whose export is larger than what sockets hold; its values are long."""
    today = now_ms() // DAY_MS * DAY_MS - 2 * DAY_MS
    put(daemon, 'big,service=s', range(today, today + count), lambda i: i / 7)
    return today


@pytest.fixture(scope='module')
def big():
    with Daemon(config={'limits': {'query_timeout': '2s'}}) as d:
        d.first = put_big(d)
        flush(d)
        yield d


def test_a_client_that_stops_reading_is_cut_and_holds_nothing(big):
    """FAULTS 14: the step ends before bytes go out, so the stalled answer holds no transaction; its deadline
    ends it; files grow as they do without it (under 10 % more)."""
    def grow():
        before = big.status()['store']['partition_bytes']
        for i in range(6):
            put(big, f'churn,service=s,i={i}', range(big.first, big.first + 15000), lambda n: n / 3)
            flush(big)
            ages.append(big.status()['queries']['oldest_reader_ms'])
        wait_for(lambda: big.status()['store']['partition_bytes'] > before)
        return big.status()['store']['partition_bytes'] - before
    ages = []
    alone = grow()
    timed_out = big.metric('tidemark_queries_timed_out_total')
    stalled = Stalled(big)
    assert big.status()['queries']['open'] == 1
    beside = grow()
    assert beside <= 1.1 * alone + 65536, (alone, beside)
    assert max(ages) < 1000
    wait_for(lambda: big.status()['queries']['open'] == 0)
    assert big.metric('tidemark_queries_timed_out_total') == timed_out + 1
    assert not stalled.rest()[1]
    stalled.close()


def test_a_slow_client_that_goes_on_gets_all(big):
    """Export has its time from piece to piece."""
    client = Stalled(big, window=1 << 18)
    for _ in range(8):
        time.sleep(0.4)
        until = len(client.begin) + 400000
        while len(client.begin) < until:
            client.begin += client.socket.recv(65536)
    answer, whole = client.rest()
    client.close()
    assert whole and answer.count(b'"metric"') == 40
    assert answer.count(b'","') >= 40 * 9999


def test_answers_are_gzip_for_those_who_take_it(big):
    """Issue "Queries": gzip. The same bytes, far fewer on the wire; short answers and errors stay as they are."""
    path = '/api/v1/export?match[]=big'
    plain = big.request('GET', path, timeout=60)
    packed = big.request('GET', path, headers={'accept-encoding': 'gzip'}, timeout=60)
    assert 'content-encoding' not in plain[2] and packed[2]['content-encoding'] == 'gzip'
    assert packed[2]['vary'] == 'Accept-Encoding' and len(packed[1]) * 2 < len(plain[1])
    assert gzip.decompress(packed[1]) == plain[1]
    short = big.request('GET', '/api/v1/label/service/values', headers={'accept-encoding': 'gzip'})
    assert 'content-encoding' not in short[2] and json.loads(short[1])['status'] == 'success'
    wrong = big.request('GET', '/api/v1/export?match[]={', headers={'accept-encoding': 'gzip'})
    assert wrong[0] == 400 and json.loads(wrong[1])['errorType'] == 'bad_data'


def test_a_client_that_goes_away_ends_its_query(big):
    cancelled = big.metric('tidemark_queries_cancelled_total')
    clients = [Stalled(big) for _ in range(5)]
    assert big.status()['queries']['open'] == 5
    for client in clients:
        client.close()
    wait_for(lambda: big.status()['queries']['open'] == 0, timeout=1.5)
    assert big.metric('tidemark_queries_cancelled_total') == cancelled + 5


def test_too_many_queries_are_refused_and_a_daemon_ends_at_once_although_answers_are_under_way():
    with Daemon() as daemon:
        put_big(daemon)
        clients = [Stalled(daemon) for _ in range(64)]
        answer = daemon.request('GET', '/api/v1/labels')
        envelope(answer, 503, 'unavailable', 'too many queries')
        assert answer[2]['retry-after'] == '1'
        assert daemon.write('cpu value=1')[0] == 204
        assert daemon.metric('tidemark_queries_busy_total') == 1
        for client in clients:
            client.close()
        wait_for(lambda: daemon.status()['queries']['open'] == 0)
        assert data_of(daemon.request('GET', '/api/v1/label/__name__/values?match[]=big')) == ['big']
        clients = [Stalled(daemon) for _ in range(3)]
        started = time.monotonic()
        assert daemon.terminate() == 0
        assert time.monotonic() - started < 10
        for client in clients:
            client.close()


# ---- other processes, and drops ----
def test_a_reader_that_was_killed_gives_its_place_back():
    """FAULTS 15: a process that reads the folder is killed inside a step. While it hangs its age is shown; the slot
    of the dead one is cleared when the files are put in order next (once a minute, and after each flush)."""
    with Daemon() as daemon:
        today = now_ms() // DAY_MS * DAY_MS
        put(daemon, 'up,service=s', range(today, today + 100))
        flush(daemon)

        def tidied(until):
            put(daemon, 'up,service=s', [today + 200])
            flush(daemon)
            return until()
        with subprocess.Popen([HOLD, daemon.data_dir], stdout=subprocess.PIPE) as holder:
            assert holder.stdout.readline() == b'held\n'
            wait_for(lambda: tidied(lambda: daemon.metric('tidemark_oldest_reader_seconds') > 0), every=0.2)
            holder.send_signal(signal.SIGKILL)
        wait_for(lambda: tidied(lambda: daemon.metric('tidemark_readers_cleared_total') >= 1), every=0.2)
        wait_for(lambda: tidied(lambda: daemon.metric('tidemark_oldest_reader_seconds') < 0.2), every=0.2)
        assert export(daemon, 'up')[0]['times'][:100] == list(range(today, today + 100))


def test_days_may_be_dropped_while_they_are_read():
    """FAULTS 16: each answer has every sample of each day that is there, or is a clean error; the space is back."""
    days, per_day = 8, 2000
    with Daemon() as daemon:
        today = now_ms() // DAY_MS * DAY_MS
        for day in range(days):
            put(daemon, 'm,service=s', range(today - day * DAY_MS, today - day * DAY_MS + per_day), lambda i: i / 3)
        flush(daemon)
        over, faults, answers = threading.Event(), [], []

        def read():
            while not over.is_set():
                try:
                    status, body, _ = daemon.request('GET', '/api/v1/export?match[]=m')
                    lines = [json.loads(line) for line in body.decode().splitlines()]
                    assert status in (200, 500, 503), body
                    for line in lines if status == 200 else []:
                        first = line['times'][0]
                        assert line['times'] == list(range(first, first + per_day)) and first % DAY_MS == 0
                    answers.append(len(lines) if status == 200 else -1)
                except Exception as fault:  # noqa: BLE001
                    faults.append(repr(fault))
        readers = [threading.Thread(target=read) for _ in range(4)]
        before = wait_for(lambda: daemon.status()['store']['partition_bytes'])
        for reader in readers:
            reader.start()
        wait_for(lambda: len(answers) > 4)
        assert set(answers) == {days}
        daemon.settings['storage'] = {'min_free': '1MiB', 'retention': {'raw': '3d'}}
        daemon.write_config()
        assert daemon.request('POST', '/-/reload')[0] == 200

        def dropped():
            put(daemon, 'other,service=s', [today])
            flush(daemon)
            return daemon.status()['store']['expired_days'] == days - 4
        wait_for(dropped, every=0.2)
        seen = len(answers)
        wait_for(lambda: len(answers) > seen + 8)
        over.set()
        for reader in readers:
            reader.join()
        assert not faults, faults[:3]
        assert answers[-1] == 4
        wait_for(lambda: daemon.status()['store']['partition_bytes'] < 0.7 * before)


# ---- long: with a sanitizer's build, or many readers ----
def test_readers_beside_ingest_see_what_was_acknowledged(daemon):
    """QUERY_SECONDS=60 for the long run."""
    seconds = float(os.environ.get('QUERY_SECONDS', '3'))
    agent = harness.Agent(daemon, 'a', transport='http')
    faults = []

    def read():
        while not over.is_set():
            sure = agent.acked()
            lines = export(daemon, '{ledger="a"}')
            stored = sum(len(line['times']) for line in lines)
            least = sum(sum(n % 3 == 0 for n in range(b.first, b.first + b.count)) for b in agent.batches[:sure])
            if stored < least:
                faults.append((sure, stored, least))
    over = threading.Event()
    readers = [threading.Thread(target=read) for _ in range(3)]
    agent.start()
    for reader in readers:
        reader.start()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.3)
        flush(daemon)
    over.set()
    for reader in readers:
        reader.join()
    agent.close()
    assert not faults, faults[:5]
    assert daemon.metric('tidemark_queries_failed_total') == 0
