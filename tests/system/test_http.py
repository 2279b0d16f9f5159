"""HTTP as clients and attackers see it: CONTRACT 3, 5 and 6, FAULTS case 26."""
import gzip
import http.client
import json
import threading
import time

import pytest

import harness
from harness import Daemon, now_ms
from peers import (basic, bearer, connect_raw, cpu_seconds, message, parse_metrics, samples, slow_heads, status_lines,
                   taken)

SECRETS = {name: f'0123456789abcdef-{name}' for name in ('cart', 'all', 'ro', 'admin')}
KEYS = {'auth': {'keys': [{'name': name, 'secret': SECRETS[name], 'scopes': [scope]} for name, scope in
                          (('cart', 'write:cart'), ('all', 'write:*'), ('ro', 'read'), ('admin', 'admin'))]}}


@pytest.fixture(scope='module')
def shared():
    with Daemon() as d:
        yield d


@pytest.fixture(scope='module')
def keyed():
    with Daemon(config=KEYS) as d:
        yield d


def envelope(answer, status, kind, words):
    """An error in Prometheus' envelope, and nothing besides."""
    code, body, headers = answer
    assert code == status, (code, body)
    assert headers['content-type'] == 'application/json'
    data = json.loads(body)
    assert list(data) == ['status', 'errorType', 'error'] and (data['status'], data['errorType']) == ('error', kind), data
    assert words in data['error'], data


# ---- writes ----
@pytest.mark.parametrize('path', ['/write', '/api/v2/write'])
def test_204_only_when_every_line_was_taken(daemon, path):
    """CONTRACT 5: 204 without a body, and the lines are durable at that moment."""
    at = now_ms() - 1000
    answer = daemon.write(f'cpu value=1 {at}000000\n# words\n\ncpu value=2 {at + 1}000000', path + '?db=x&org=y&bucket=z')
    assert answer[:2] == (204, b'') and 'content-type' not in answer[2]
    daemon.kill()
    assert daemon.dump()[0] == {'cpu{}': {at: 1.0, at + 1: 2.0}}


def test_400_tells_the_refused_lines_and_keeps_the_good_ones(daemon):
    """CONTRACT 5: else 400 with the JSON of section 3, the good lines durable."""
    at = now_ms() - 1000
    code, body, headers = daemon.write(f'cpu value=1 {at}000000\nbad\ncpu value=2 {at + 1}000000')
    assert (code, headers['content-type']) == (400, 'application/json')
    assert json.loads(body) == taken(2, 1, errors=[(2, 'column 4: expected a space and then field=value')])
    daemon.kill()
    assert daemon.dump()[0] == {'cpu{}': {at: 1.0, at + 1: 2.0}}


@pytest.mark.parametrize('word,per_s', [('ns', 10**9), ('n', 10**9), ('us', 10**6), ('u', 10**6), ('ms', 1000), ('s', 1)])
def test_the_precision_parameter(shared, word, per_s):
    """CONTRACT 5: precision as InfluxDB clients send it."""
    stamp = (now_ms() // 1000 - 5) * per_s
    assert shared.write(f'cpu value=1 {stamp}', f'/write?precision={word}')[0] == 204
    if word not in ('ns', 'n'):
        assert shared.write(f'cpu value=1 {stamp}')[0] == 400, 'read as ns it lies long back'


def test_a_wrong_precision_is_refused(shared):
    """CONTRACT 5: errors in the envelope."""
    envelope(shared.write('cpu value=1', '/write?precision=fortnight'), 400, 'bad_data', 'ns, us, ms, s')


def test_the_header_line_works_over_http_and_duplicates_have_no_effect(daemon):
    """CONTRACT 5: the first body line may be a #tm1 line; CONTRACT 3: de-duplication, over both ways in."""
    at = now_ms() - 1000
    batch = message(f'cpu value=1 {at}\ntally,name=x amount=1i {at}', 'p', 1, 1, more=' precision=ms')
    for _ in range(3):
        assert daemon.write(batch)[:2] == (204, b'')
    assert daemon.status()['ingest']['duplicates_total'] == 2
    daemon.restart()
    assert daemon.write(batch)[0] == 204
    code, body, _ = daemon.write(batch.replace(b'value=1', b'value=2'))
    assert code == 400 and json.loads(body)['error'] == 'seq_conflict'
    code, body, _ = daemon.write(message('cpu value=1', 'p', 0, 1))
    assert code == 400 and json.loads(body)['error'] == 'stale_epoch'
    code, body, _ = daemon.write(b'#tm1 producer=p\ncpu value=1')
    assert code == 400 and json.loads(body)['error'] == 'bad_header'
    daemon.kill()
    contents = daemon.dump()
    assert contents == ({'cpu{}': {at: 1.0}}, []) and contents.cells['tally_x_amount_sum{}'] == {(at - at % 10000, 0): 1}


def test_gzip_bodies(shared):
    """CONTRACT 5: gzip; a broken one or one over limits.max_decompressed is refused whole."""
    packed = {'Content-Encoding': 'gzip'}
    good = gzip.compress(samples(20000).encode())
    assert shared.write(good, headers=packed)[:2] == (204, b'')
    assert shared.write(gzip.compress(b''), headers=packed)[0] == 204
    envelope(shared.write(good[:-5], headers=packed), 400, 'bad_data', 'not one whole gzip stream')
    envelope(shared.write(b'cpu value=1', headers=packed), 400, 'bad_data', 'not one whole gzip stream')
    envelope(shared.write(b'', headers=packed), 400, 'bad_data', 'not one whole gzip stream')
    envelope(shared.write(good + b'x', headers=packed), 400, 'bad_data', 'bytes follow')
    envelope(shared.write(good[:100] + b'\xff' * 50 + good[150:], headers=packed), 400, 'bad_data', 'gzip')
    bomb = gzip.compress(b'#' * (300 << 20))
    before = shared.status()['memory']['rss_bytes']
    envelope(shared.write(bomb, headers=packed), 413, 'too_large', 'limits.max_decompressed')
    assert harness.SANITISED or shared.status()['memory']['rss_bytes'] - before < 40 << 20
    envelope(shared.write(b'x', headers={'Content-Encoding': 'br'}), 415, 'bad_data', 'gzip')
    assert shared.write('cpu value=1')[0] == 204


def test_a_body_over_the_limit_is_refused_with_413(shared):
    """CONTRACT 5, 6: 413 over max_message, announced or chunked."""
    assert shared.write(b'#' * (1 << 20))[0] == 204
    head = b'POST /write HTTP/1.1\r\nHost: x\r\n'
    code, body, headers = shared.write(b'#' * ((1 << 20) + 1))
    assert code == 413 and headers['connection'] == 'close' and 'limits.max_message' in json.loads(body)['error']
    assert shared.write(b'#' * (8 << 20))[0] == 413, 'read to its end, so that the answer arrives'
    answer, closed = shared.raw(head + b'Content-Length: 8388609\r\n\r\n')
    assert status_lines(answer) == [413] and closed, 'but not for ever'
    chunk = b'10000\r\n' + b'#' * 65536 + b'\r\n'
    answer, closed = shared.raw(head + b'Transfer-Encoding: chunked\r\n\r\n' + chunk * 17 + b'0\r\n\r\n')
    assert status_lines(answer) == [413] and closed
    answer, closed = shared.raw(head + b'Transfer-Encoding: chunked\r\n\r\n' + chunk * 16 + b'0\r\n\r\n', timeout=3)
    assert status_lines(answer) == [204] and not closed


def test_read_only_answers_503_with_retry_after():
    """CONTRACT 3, 5: what may be tried again bears Retry-After; health stays, readiness says why."""
    with Daemon(config={'storage': {'min_free': '500TiB'}}) as d:
        code, body, headers = d.write('cpu value=1')
        reply = json.loads(body)
        assert code == 503 and headers['retry-after'] == '2', (code, headers)
        assert list(reply) == ['ok', 'error', 'message', 'retry_after_ms'], reply
        assert (reply['ok'], reply['error'], reply['retry_after_ms']) == (False, 'read_only', 2000)
        assert 'min_free' in reply['message'] or 'free' in reply['message']
        assert d.request('GET', '/-/healthy')[0] == 200
        code, body, _ = d.request('GET', '/-/ready')
        assert code == 503 and b'not ready' in body
        assert d.status()['state'] == 'read_only' and d.status()['trouble']
        assert d.terminate() == 0


def test_keep_alive_serves_many_requests_on_one_connection(shared):
    """CONTRACT 5: HTTP/1.1, also pipelined, Expect: 100-continue, trailers."""
    host, port = shared.http.split(':')
    conn = http.client.HTTPConnection(host, int(port), timeout=10)
    for i in range(50):
        conn.request('POST', '/write', f'cpu value={i}')
        answer = conn.getresponse()
        assert (answer.status, answer.read()) == (204, b'')
    conn.close()
    good = b'POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\ncpu value=1\n'
    assert status_lines(shared.raw(good * 5, timeout=3)[0]) == [204] * 5
    expect = good.replace(b'Host: x\r\n', b'Host: x\r\nExpect: 100-continue\r\n')
    assert status_lines(shared.raw(expect, timeout=3)[0]) == [100, 204]
    chunked = b'POST /write HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nc\r\ncpu value=1\n\r\n0\r\nX-End: 1\r\n\r\n'
    assert status_lines(shared.raw(chunked * 2, timeout=3)[0]) == [204, 204]


# ---- paths and keys ----
def test_unknown_paths_and_methods_are_answered_in_the_envelope(shared):
    """CONTRACT 5: the envelope, with the fitting status."""
    envelope(shared.request('GET', '/nope'), 404, 'not_found', 'nothing at this path')
    envelope(shared.request('POST', '/'), 404, 'not_found', 'nothing at this path')
    envelope(shared.request('GET', '/write/../metrics'), 404, 'not_found', '')
    envelope(shared.request('GET', '/-/healthy%00x'), 404, 'not_found', '')
    for method in ('GET', 'DELETE', 'PUT', 'PATCH', 'BREW'):
        answer = shared.request(method, '/write')
        envelope(answer, 405, 'bad_data', 'method')
        assert answer[2]['allow'] == 'POST'
    for method, path, allowed in (('GET', '/-/reload', 'POST, PUT'), ('POST', '/metrics', 'GET, HEAD'),
                                  ('PUT', '/api/v1/status/buildinfo', 'GET, HEAD, POST')):
        answer = shared.request(method, path)
        envelope(answer, 405, 'bad_data', 'method')
        assert answer[2]['allow'] == allowed
    assert 'allow' not in shared.request('GET', '/nope')[2]
    code, body, headers = shared.request('HEAD', '/metrics')
    assert (code, body) == (200, b'') and int(headers['content-length']) > 1000


def test_each_path_wants_its_scope(keyed):
    """CONTRACT 5, 6: bearer and basic auth; 401 without a key, 403 with one that lacks the scope; health is open."""
    for path in ('/-/healthy', '/-/ready'):
        assert keyed.request('GET', path)[0] == 200
    for path in ('/metrics', '/api/v1/status/tidemark', '/api/v1/status/buildinfo'):
        answer = keyed.request('GET', path)
        envelope(answer, 401, 'unauthorized', 'Authorization: Bearer SECRET')
        assert answer[2]['www-authenticate'].startswith('Bearer')
        envelope(keyed.request('GET', path, headers=bearer('wrong')), 401, 'unauthorized', 'a key is needed')
        envelope(keyed.request('GET', path, headers=bearer(SECRETS['cart'])), 403, 'forbidden', 'scope')
        for key in ('ro', 'admin'):
            assert keyed.request('GET', path, headers=bearer(SECRETS[key]))[0] == 200
            assert keyed.request('GET', path, headers=basic(key, SECRETS[key]))[0] == 200
        assert keyed.request('GET', path, headers=basic('cart', SECRETS['ro']))[0] == 401, 'the name counts too'
        for junk in ('Basic', 'Basic !!!', 'Basic ' + 'A' * 4000, 'Bearer', 'Bearer ', 'Digest x'):
            assert keyed.request('GET', path, headers={'Authorization': junk})[0] == 401, junk
    for key, code in (('ro', 403), ('all', 403), ('admin', 200)):
        assert keyed.request('POST', '/-/reload', headers=bearer(SECRETS[key]))[0] == code, key
        assert keyed.request('POST', '/api/v1/admin/flush', headers=bearer(SECRETS[key]))[0] == code, key
    assert keyed.request('POST', '/-/reload')[0] == 401


def test_writes_over_http_want_a_key_or_a_signature(keyed):
    """CONTRACT 5, 6, case 29: wrong ones store nothing; per-service scopes refuse line by line."""
    lines = 'cpu,service=cart value=1\ncpu,service=shop value=1'
    before = keyed.request('GET', '/metrics', headers=bearer(SECRETS['ro']))[1].decode()
    total = parse_metrics(before)[0][('tidemark_samples_total', '')]
    code, body, headers = keyed.write(lines)
    assert code == 401 and headers['www-authenticate'] == 'Bearer realm="tidemark"', 'it may be somebody, once it says who'
    assert json.loads(body)['ok'] is False and json.loads(body)['error'] == 'forbidden'
    assert keyed.write(message(lines, 'h', 1, 1))[0] == 401, 'a header without a signature says nothing'
    envelope(keyed.write(lines, headers=bearer('wrong')), 401, 'unauthorized', '')
    envelope(keyed.write(lines, headers=bearer(SECRETS['ro'])), 403, 'forbidden', 'scope')
    code, body, _ = keyed.write(message(lines, 'h', 1, 1, 'cart', 'wrong'))
    assert code == 401 and json.loads(body)['error'] == 'bad_signature'
    code, body, _ = keyed.write(message(lines, 'h', 1, 1, 'nobody', 'wrong'))
    assert code == 401 and json.loads(body)['error'] == 'unknown_key'
    code, body, _ = keyed.write(message(lines, 'h', 1, 1, 'ro', SECRETS['ro']))
    assert code == 403 and json.loads(body)['error'] == 'forbidden'
    after = keyed.request('GET', '/metrics', headers=bearer(SECRETS['ro']))[1].decode()
    assert parse_metrics(after)[0][('tidemark_samples_total', '')] == total
    code, body, _ = keyed.write(lines, headers=bearer(SECRETS['cart']))
    assert code == 400 and [error['line'] for error in json.loads(body)['errors']] == [2]
    assert keyed.write(lines, headers=basic('all', SECRETS['all']))[0] == 204
    assert keyed.write(message(lines, 'h', 1, 1, 'all', SECRETS['all']))[0] == 204


# ---- what it tells of itself ----
def test_metrics_are_valid_prometheus_text(shared):
    """CONTRACT 5: /metrics as Prometheus reads it; our own counters are tidemark_*."""
    shared.write('cpu value=1\nbad')
    code, body, headers = shared.request('GET', '/metrics')
    assert code == 200 and headers['content-type'].startswith('text/plain; version=0.0.4')
    values, types = parse_metrics(body.decode())
    assert len(types) > 25
    assert all(name.startswith(('tidemark_', 'process_')) for name in types)
    assert values[('tidemark_lines_refused_total', '')] >= 1
    assert values[('tidemark_read_only', '')] == 0 and types['tidemark_read_only'] == 'gauge'


STATUS = {
    '': ['version', 'uptime_s', 'state', 'trouble', 'ingest', 'journal', 'disk', 'series', 'producers', 'gates', 'memory',
         'http'],
    'ingest': ['lines_total', 'lines_refused_total', 'samples_total', 'events_total', 'batches_total', 'duplicates_total',
               'busy_total', 'samples_per_s', 'events_per_s', 'batches_per_s', 'ack_p50_ms', 'ack_p99_ms', 'pending',
               'last_ms'],
    'journal': ['bytes', 'pending_bytes', 'written_bytes', 'records', 'syncs', 'sync_mean_ms', 'errors', 'damaged_records',
                'torn_tails'],
    'disk': ['data_bytes', 'free_bytes', 'min_free_bytes'],
    'series': ['count', 'limit', 'refused_total', 'top_service', 'top_service_count'],
    'producers': ['count', 'gaps_total'],
    'memory': ['rss_bytes', 'gates_rss_bytes'],
    'http': ['requests_total', 'errors_total', 'connections'],
}


def test_the_status_document_has_its_fields(daemon):
    """CONTRACT 5: the envelope; the figures are those of what was done."""
    daemon.write('cpu,service=a value=1\nbad')
    code, body, _ = daemon.request('GET', '/api/v1/status/tidemark')
    document = json.loads(body)
    assert code == 200 and list(document) == ['status', 'data'] and document['status'] == 'success'
    data = document['data']
    for part, fields in STATUS.items():
        assert set(fields) <= set(data[part] if part else data), part
    assert [gate['kind'] for gate in data['gates']] == ['rep', 'pull', 'pub']
    assert all(set(gate) >= {'endpoint', 'kind', 'pid', 'restarts', 'state', 'messages_total'} for gate in data['gates'])
    assert (data['ingest']['lines_total'], data['ingest']['lines_refused_total']) == (2, 1)
    assert (data['series']['top_service'], data['series']['top_service_count']) == ('a', 1)
    assert abs(data['ingest']['last_ms'] - now_ms()) < 10000 and data['ingest']['ack_p99_ms'] > 0


# ---- case 26 ----
LINES = b'first value=1\n'
SMUGGLED = b'POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\nsmuggled value=1'
POST = b'POST /write HTTP/1.1\r\nHost: x\r\n'
LENGTH = b'Content-Length: %d\r\n' % len(LINES)
CHUNKED = POST + b'Transfer-Encoding: chunked\r\n'
LAST = b'0\r\n\r\n'
REFUSED = {  # name: (bytes before the smuggled request, status)
    'two lengths, the same': (POST + LENGTH + LENGTH + b'\r\n' + LINES, 400),
    'two lengths that differ': (POST + LENGTH + b'Content-Length: 0\r\n\r\n' + LINES, 400),
    'a list of lengths': (POST + b'Content-Length: 14, 14\r\n\r\n' + LINES, 400),
    'length and chunked': (POST + LENGTH + b'Transfer-Encoding: chunked\r\n\r\n' + LAST, 400),
    'chunked and length': (CHUNKED + LENGTH + b'\r\n' + LAST, 400),
    'chunked twice': (CHUNKED + b'Transfer-Encoding: chunked\r\n\r\n' + LAST, 400),
    'chunked and identity': (CHUNKED + b'Transfer-Encoding: identity\r\n\r\n' + LAST, 400),
    'xchunked': (POST + b'Transfer-Encoding: xchunked\r\n\r\n' + LAST, 400),
    'chunked in a list': (POST + b'Transfer-Encoding: chunked, identity\r\n\r\n' + LAST, 400),
    'identity': (POST + b'Transfer-Encoding: identity\r\n\r\n', 400),
    'vertical tab': (POST + b'Transfer-Encoding: \x0bchunked\r\n\r\n' + LAST, 400),
    'folded encoding': (POST + b'Transfer-Encoding:\r\n chunked\r\n\r\n' + LAST, 400),
    'folded line': (POST + b'X-A: b\r\n c\r\n' + LENGTH + b'\r\n' + LINES, 400),
    'folded last line': (POST + LENGTH + b'X-A: b\r\n\tc\r\n\r\n' + LINES, 400),
    'folded first line': (b'POST /write HTTP/1.1\r\n Host: x\r\n' + LENGTH + b'\r\n' + LINES, 400),
    'space before the colon': (POST + b'Content-Length : 0\r\n' + LENGTH + b'\r\n' + LINES, 400),
    'tab before the colon': (POST + b'Transfer-Encoding\t: chunked\r\n' + LENGTH + b'\r\n' + LINES, 400),
    'no colon': (POST + b'Transfer-Encoding\r\n' + LENGTH + b'\r\n' + LINES, 400),
    'no name': (POST + b': chunked\r\n' + LENGTH + b'\r\n' + LINES, 400),
    'bare line feeds': (b'POST /write HTTP/1.1\nHost: x\n' + LENGTH.replace(b'\r', b'') + b'\n' + LINES, 400),
    'one bare line feed': (POST + b'X-A: b\n' + LENGTH + b'\r\n' + LINES, 400),
    'bare line feed at the end': (POST + LENGTH + b'\n' + LINES, 400),
    'bare carriage return': (POST + b'X-A: b\rTransfer-Encoding: chunked\r\n' + LENGTH + b'\r\n' + LINES, 400),
    'NUL in a value': (POST + b'X-A: a\0b\r\n' + LENGTH + b'\r\n' + LINES, 400),
    'NUL at the end of a value': (POST + b'X-A: a\0\r\n' + LENGTH + b'\r\n' + LINES, 400),
    'NUL in a name': (POST + b'X\0A: a\r\n' + LENGTH + b'\r\n' + LINES, 400),
    'no host': (b'POST /write HTTP/1.1\r\n' + LENGTH + b'\r\n' + LINES, 400),
    'two hosts': (POST + b'Host: y\r\n' + LENGTH + b'\r\n' + LINES, 400),
    'absolute form': (b'POST http://evil/write HTTP/1.1\r\nHost: x\r\n' + LENGTH + b'\r\n' + LINES, 404),
    'a hidden line without a name': (POST + b'Content-Length: 14\n:\0\0X-A: b\r\n\r\n' + LINES, 400),
    'negative length': (POST + b'Content-Length: -1\r\n\r\n', 400),
    'length with a sign': (POST + b'Content-Length: +14\r\n\r\n' + LINES, 400),
    'length in hex': (POST + b'Content-Length: 0xe\r\n\r\n' + LINES, 400),
    'empty length': (POST + b'Content-Length: \r\n\r\n' + LINES, 400),
    'length over 64 bits': (POST + b'Content-Length: 18446744073709551630\r\n\r\n' + LINES, 413),
    'huge length': (POST + b'Content-Length: 999999999999999999\r\n\r\n' + LINES, 413),
    'chunk size of words': (CHUNKED + b'\r\nzz\r\n' + LINES + b'\r\n' + LAST, 400),
    'negative chunk': (CHUNKED + b'\r\n-1\r\n' + LINES + b'\r\n' + LAST, 400),
    'chunk over 64 bits': (CHUNKED + b'\r\nfffffffffffffffff\r\n' + LINES + b'\r\n' + LAST, 413),
    'chunk in 0x': (CHUNKED + b'\r\n0xe\r\n' + LINES + b'\r\n' + LAST, 400),
    'empty chunk size': (CHUNKED + b'\r\n\r\n' + LINES + b'\r\n' + LAST, 400),
    'chunk without its end': (CHUNKED + b'\r\ne\r\n' + LINES + LAST, 400),
    'unknown path': (b'POST /nope HTTP/1.1\r\nHost: x\r\n' + LENGTH + b'\r\n' + LINES, 404),
    'wrong method with a body': (b'DELETE /write HTTP/1.1\r\nHost: x\r\n' + LENGTH + b'\r\n' + LINES, 405),
    'unknown method': (b'FOO /write HTTP/1.1\r\nHost: x\r\n' + LENGTH + b'\r\n' + LINES, 405),
    'CONNECT': (b'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', 404),
    'unknown encoding': (POST + b'Content-Encoding: br\r\n' + LENGTH + b'\r\n' + LINES, 415),
    'header of 40 kB': (POST + b'X: ' + b'a' * 40000 + b'\r\n' + LENGTH + b'\r\n' + LINES, 431),
    'name of 40 kB': (POST + b'X' * 40000 + b': a\r\n' + LENGTH + b'\r\n' + LINES, 431),
    '5,000 headers': (POST + b'X: y\r\n' * 5000 + LENGTH + b'\r\n' + LINES, 431),
    'path of 40 kB': (b'GET /' + b'a' * 40000 + b' HTTP/1.1\r\nHost: x\r\n\r\n', 414),
    'preface of HTTP/2': (b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505),
    'unknown version': (b'GET /-/healthy HTTP/9.9\r\nHost: x\r\n\r\n', 505),
    'no version': (b'GET /-/healthy\r\n\r\n', 400),
}


@pytest.mark.parametrize('name', REFUSED)
def test_what_two_readers_may_read_differently_is_refused_and_cut(shared, name):
    """Case 26: refused, the connection closed, nothing behind it is executed; the daemon lives."""
    head, status = REFUSED[name]
    before = shared.status()['ingest']['lines_total']
    answer, closed = shared.raw(head + SMUGGLED, timeout=5)
    codes = status_lines(answer)
    assert closed, f'still open after {codes}'
    assert codes and set(codes) == {status}, codes
    assert shared.status()['ingest']['lines_total'] == before, 'a line came in'


def test_half_read_chunks_neither_smuggle_nor_stall(shared):
    """Case 26: a chunk of 2^64-1 bytes and an extension without end get nothing through, and all others are served
    at once meanwhile, by every way in; the processor rests."""
    before = shared.status()['ingest']['lines_total']
    held = []
    for part in (b'\r\nffffffffffffffff\r\n' + LINES + b'\r\n' + LAST, b'\r\ne;' + b'a' * 40000 + b'\r\n' + LINES + b'\r\n' + LAST):
        for _ in range(5):
            conn = connect_raw(shared.http)
            conn.sendall(CHUNKED + part + SMUGGLED)
            held.append(conn)
    time.sleep(0.2)
    cpu, since = cpu_seconds([shared.process.pid]), time.monotonic()
    for i in range(10):
        began = time.monotonic()
        assert shared.write(f'meanwhile value={i}')[0] == 204
        assert time.monotonic() - began < 2
        time.sleep(0.1)
    assert (cpu_seconds([shared.process.pid]) - cpu) / (time.monotonic() - since) < 0.25
    assert shared.status()['ingest']['lines_total'] == before + 10
    for conn in held:
        conn.close()


def test_a_body_of_a_get_is_no_request(shared):
    """Case 26: the bytes that Content-Length covers are body, whatever they look like."""
    before = shared.status()['ingest']['lines_total']
    head = b'GET /-/healthy HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n' % len(SMUGGLED)
    assert status_lines(shared.raw(head + SMUGGLED, timeout=1)[0]) == [200]
    assert shared.status()['ingest']['lines_total'] == before


def test_random_heads_never_stop_the_daemon(shared):
    """Case 26: mutations of a good request; every answer is one of the known codes."""
    import random
    dice = random.Random(26)
    good = POST + b'X-Long: ' + b'a' * 50 + b'\r\n' + LENGTH + b'\r\n' + LINES
    for _ in range(400):
        text = bytearray(good)
        for _ in range(dice.randrange(1, 6)):
            at = dice.randrange(len(text))
            kind = dice.randrange(3)
            if kind == 0:
                text[at] = dice.choice(b'\r\n\0 \t:;0a\xff')
            elif kind == 1:
                del text[at:at + dice.randrange(1, 9)]
            else:
                text[at:at] = bytes([dice.choice(b'\r\n\0 \t:;0a\xff')]) * dice.randrange(1, 4)
        with connect_raw(shared.http) as conn:
            conn.sendall(bytes(text))
            conn.settimeout(0.02)
            try:
                codes = status_lines(conn.recv(4096))
            except OSError:
                codes = []
            assert set(codes) <= {204, 400, 404, 405, 411, 413, 414, 415, 431, 501, 505}, (codes, bytes(text))
    assert shared.alive() and shared.write('good value=1')[0] == 204


def test_two_hundred_slow_clients_do_not_stop_a_good_one(shared):
    """Case 26, 25: clients that send their head a byte at a time hold a place, nothing else."""
    slow = slow_heads(shared.http, 200)
    ended = threading.Event()

    def drip():
        while not ended.is_set():
            for conn in slow:
                try:
                    conn.sendall(b'a')
                except OSError:
                    pass
            ended.wait(0.5)
    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    slowest = 0
    for i in range(30):
        began = time.monotonic()
        assert shared.write(f'good value={i}')[0] == 204
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.02)
    assert shared.status()['http']['connections'] >= 200
    ended.set()
    thread.join()
    for conn in slow:
        conn.close()
    assert slowest < 2, slowest


@pytest.mark.soak
def test_a_client_that_sends_a_byte_a_second_is_cut_within_a_minute(daemon):
    """Case 26: the deadline counts from when the request began, not from its last byte."""
    (conn,) = slow_heads(daemon.http, 1)
    began, conn_open = time.monotonic(), True
    conn.settimeout(1)
    while conn_open and time.monotonic() - began < 90:
        try:
            conn.sendall(b'a')
            conn_open = conn.recv(100) != b'' and conn_open
        except TimeoutError:
            pass
        except OSError:
            conn_open = False
    took = time.monotonic() - began
    assert not conn_open and 50 < took < 75, took
    assert daemon.metric('tidemark_http_cut_total') == 1
