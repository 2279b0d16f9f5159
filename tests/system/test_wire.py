"""Ingest over nanomsg as senders see it: CONTRACT 2 and 3, FAULTS cases 23 and 29."""
import json
import os
import re
import stat
import time

import pytest

from harness import NN_PUSH, NN_SUB, Daemon, Nano, NanoError, Req, now_ms, wait_for
from peers import ask, message, samples, taken, zstd

RAW_HTTP = 5  # kind of event: kept as bytes of its own, not as a line
SECRETS = {name: f'0123456789abcdef-{name}' for name in ('cart', 'two', 'all', 'ro', 'admin')}
KEYS = {'auth': {'keys': [
    {'name': 'cart', 'secret': SECRETS['cart'], 'scopes': ['write:cart']},
    {'name': 'two', 'secret': SECRETS['two'], 'scopes': ['write:cart', 'write:shop']},
    {'name': 'all', 'secret': SECRETS['all'], 'scopes': ['write:*']},
    {'name': 'ro', 'secret': SECRETS['ro'], 'scopes': ['read']},
    {'name': 'admin', 'secret': SECRETS['admin'], 'scopes': ['admin']},
]}}
ADMIN = {'Authorization': 'Bearer ' + SECRETS['admin']}


def refused(reply, word):
    """A refusal in its exact shape, without retry_after_ms: the sender is to give up."""
    assert list(reply) == ['ok', 'error', 'message'], reply
    assert reply['ok'] is False and reply['error'] == word and reply['message'], reply
    return reply['message']


def stored(daemon):
    """What is stored, after a clean stop."""
    if daemon.alive():
        assert daemon.terminate() == 0
    return daemon.dump()


# ---- replies ----
def test_a_reply_has_exactly_the_promised_fields_in_one_line(daemon):
    """CONTRACT 3: one JSON line with ok, accepted, rejected, duplicate, seq, errors."""
    with Req(daemon.rep) as peer:
        peer.send(b'cpu value=1\ncpu value=x')
        raw = peer.recv()
    assert raw == (b'{"ok":true,"accepted":1,"rejected":1,"duplicate":false,"seq":null,"errors":[{"line":2,"reason":'
                   b'"column 11: expected a value: a number, true, false or a string in double quotes, found \'x\'"}]}\n')


def test_seq_is_null_without_producer_and_told_with_it(daemon):
    """CONTRACT 3: seq null without producer."""
    assert ask(daemon.rep, b'cpu value=1') == taken(1)
    assert ask(daemon.rep, message('cpu value=1', 'p', 5, 41)) == taken(1, seq=41)
    top = (1 << 63) - 1
    assert ask(daemon.rep, message('cpu value=1', 'q', (1 << 64) - 1, top)) == taken(1, seq=top)


def test_at_most_twenty_errors_are_told_and_all_are_counted(daemon):
    """CONTRACT 3: at most 20 errors; rejected counts every refused line."""
    reply = ask(daemon.rep, '\n'.join(['cpu value=1', 'x'] * 30))
    assert (reply['accepted'], reply['rejected'], len(reply['errors'])) == (30, 30, 20)
    assert [error['line'] for error in reply['errors']] == list(range(2, 42, 2))


def test_an_empty_message_and_one_of_comments_are_taken(daemon):
    """CONTRACT 2: comments and empty lines are skipped; CONTRACT 3: a bare message is valid."""
    for text in (b'', b'\n\n', b'# only words\n\r\n   \n# more', b'#tm1', b'#tm1\n'):
        assert ask(daemon.rep, text) == taken(0), text


def test_lines_are_counted_from_one_with_header_comments_and_crlf(daemon):
    """CONTRACT 2: line numbers from 1, the header line included; comments, CRLF, a last line without end."""
    reply = ask(daemon.rep, b'#tm1 precision=s\r\n# words\r\n\r\ncpu value=1\r\nbad\r\ncpu,a=  value=1\r\n  cpu value=2\r\nx')
    assert (reply['accepted'], reply['rejected']) == (2, 3), reply
    assert [error['line'] for error in reply['errors']] == [5, 6, 8]
    reply = ask(daemon.rep, b'bad\ncpu value=1')
    assert [error['line'] for error in reply['errors']] == [1]


REFUSED = [
    ('cpu', 'column 4: expected a space'),
    ('cpu value=', 'column 11: expected a value'),
    ('cpu value=nan', 'column 11: NaN and infinity are no values'),
    ('cpu value=-Inf', 'column 11: NaN and infinity are no values'),
    ('cpu value="word"', 'field "value" is a string'),
    ('cpu value=1,note="word"', 'field "note" is a string'),
    ('cpu value=1 abc', 'column 13: expected a timestamp'),
    ('cpu value=1 1 1', 'column 15: expected the end of the line'),
    ('cpu value=1 -1', 'lies before 1970-01-01, where nothing is kept'),
    ('cpu value=1 1', 'beyond the retention of 30.0 days'),
    ('cpu,a= value=1', "column 7: a tag's value is empty"),
    ('cpu,a=b,a=c value=1', 'tag a stands twice'),
    ('cpu,1a=b value=1', '"1a" can\'t be a tag\'s name'),
    ('cpu,a-b=c value=1', '"a-b" can\'t be a tag\'s name'),
    ('9cpu value=1', '"9cpu" can\'t be a metric\'s name'),
    ('cpu a-b=1', '"cpu_a-b" can\'t be a metric\'s name'),
    ('cpu value=9223372036854775808i', 'column 11: an integer is from'),
    ('cpu value=1e400', 'beyond what a double holds'),
    ('http_events_total value=1', 'made by the daemon itself'),
    ('tally_pay value=1', 'made by the daemon itself'),
    ('tidemark value=1,lines_total=2', 'made by the daemon itself'),
    ('anomaly_score,service=a value=1', 'made by the daemon itself'),
    ('http,service=a,status=99 url="/"', 'tag status must be an integer from 100 to 599, not 99'),
    ('http,service=a,status=600 url="/"', 'tag status must be an integer from 100 to 599, not 600'),
    ('http,service=a,status=2x0 url="/"', 'tag status must be an integer from 100 to 599, not 2x0'),
    ('tally,name=x amount=1.5', "a tally's fields must be integers"),
    ('marker,kind=party note="x"', 'tag kind must be deploy, rollback, config, event, maintenance or incident'),
    ('deploy,service=a version=1', 'field version must be a string'),
]


@pytest.fixture(scope='module')
def shared():
    """One daemon for tests that only look at replies."""
    with Daemon() as d:
        yield d


@pytest.mark.parametrize('line,words', REFUSED, ids=[line[:40] for line, _ in REFUSED])
def test_a_refused_line_is_told_with_number_and_reason(shared, line, words):
    """CONTRACT 2: refused with line number and reason, while the other lines of the batch are taken."""
    reply = ask(shared.rep, f'ok value=1\n{line}\nok value=2'.encode())
    assert (reply['ok'], reply['accepted'], reply['rejected']) == (True, 2, 1), reply
    assert reply['errors'][0]['line'] == 2 and words in reply['errors'][0]['reason'], reply
    assert len(reply['errors'][0]['reason']) < 300 and '\n' not in reply['errors'][0]['reason']


def test_lines_over_the_limits_are_refused(shared):
    """CONTRACT 2, 6: label value, future, retention of the tier."""
    now = now_ms()
    def reason(line):
        reply = ask(shared.rep, line)
        return reply['errors'][0]['reason'] if reply['errors'] else None
    assert reason('cpu,a=' + 'b' * 1024 + ' value=1') is None
    assert 'has 1025 bytes, more than limits.max_label_value (1024)' in reason('cpu,a=' + 'b' * 1025 + ' value=1')
    assert reason(f'cpu value=1 {now + 590000}000000') is None
    assert 'in the future, more than limits.max_future allows' in reason(f'cpu value=1 {now + 620000}000000')
    day = 86400000
    assert reason(f'cpu value=1 {now - 30 * day + 60000}000000') is None
    assert 'beyond the retention' in reason(f'cpu value=1 {now - 30 * day - 60000}000000')
    assert reason(f'exception,type=X message="m" {now - 399 * day}000000') is None
    assert 'beyond the retention' in reason(f'exception,type=X message="m" {now - 401 * day}000000')
    assert reason(f'marker,kind=event class="x" {now + 30 * day}000000') is None, 'a marker may lie ahead'


def test_a_series_over_the_limit_is_refused_and_known_ones_are_taken():
    """CONTRACT 2: a metric line that would create a series over a limit; the others of the batch are taken."""
    with Daemon(config={'limits': {'max_series': 1000, 'max_series_per_service': 10}}) as d:
        reply = ask(d.rep, '\n'.join(f'cpu,service=a,pod=p{i} value=1' for i in range(15)))
        assert (reply['accepted'], reply['rejected']) == (10, 5), reply
        assert 'max_series_per_service' in reply['errors'][0]['reason'], reply
        assert ask(d.rep, 'cpu,service=a,pod=p3 value=2\ncpu,service=b value=1') == taken(2)
        assert d.status()['series']['refused_total'] == 5


def test_every_kind_of_line_is_kept_as_sent(daemon):
    """CONTRACT 2: one series per numeric or boolean field; events kept with their line and time."""
    at = now_ms() - 60000
    lines = [
        f'cpu,service=cart,pod=a1 value=0.93,throttled=3i,hot=true {at}',
        f'http,service=shop,method=GET,status=404 url="/p/1",bytes=512i,duration_ms=45.2,count=7i {at}',
        f'exception,service=cart,type=NullPointerException message="a \\"b\\"\nsecond line",count=2i {at}',
        f'tally,name=payment,service=pay,method=card amount=-39000i,items=2i {at}',
        f'marker,kind=event,service=shop class="black-friday",note="x" {at}',
        f'deploy,service=cart,env=prod version="1.8.3",by="ci" {at}',
        f'http,service=shop value=5 {at}',
        f'sp\\ ace\\,d=1 value=1 {at}',
    ]
    reply = ask(daemon.rep, message('\n'.join(lines), more=' precision=ms'))
    assert (reply['accepted'], reply['rejected']) == (7, 1), reply
    assert reply['errors'][0]['line'] == 10, 'a line feed within a string counts as a line'
    assert daemon.status()['ingest']['events_total'] == 5
    series, events = stored(daemon)
    labels = '{pod="a1",service="cart"}'
    assert series == {'cpu' + labels: {at: 0.93}, 'cpu_throttled' + labels: {at: 3.0}, 'cpu_hot' + labels: {at: 1.0},
                      'http{service="shop"}': {at: 5.0}}, 'without the tag status it is a metric'
    kinds = sorted((kind, when) for kind, when, _ in events if kind != RAW_HTTP)
    assert [when for _, when in kinds] == [at] * 3 and [kind for kind, _ in kinds] == [2, 4, 4]
    page = 'page_group="/p/{n}",service="shop"'
    slot = at - at % 10000
    cells = daemon.dump().cells
    (found,) = [name for name in cells if name.startswith('exception_events_total')]
    assert re.fullmatch(r'exception_events_total\{fingerprint="[0-9a-f]{16}",service="cart",type="NullPointerException"\}', found)
    assert cells == {
        'http_events_total{method="GET",' + page + ',status="404"}': {(slot, 0): 7},
        'http_event_bytes_total{' + page + '}': {(slot, 0): 7 * 512},
        'http_event_duration_seconds{' + page + '}': {(slot, 0): 7 * 45200, (slot, 240): 7},
        'tally_payment_total{method="card",service="pay"}': {(slot, 0): 1},
        'tally_payment_amount_sum{method="card",service="pay"}': {(slot, 0): -39000},
        'tally_payment_items_sum{method="card",service="pay"}': {(slot, 0): 2},
        found: {(slot, 0): 2}}


def test_the_last_value_wins_and_late_lines_are_taken(daemon):
    """CONTRACT 2: same series and time again: the last value wins; late and out of order within retention."""
    at = now_ms() - 1000
    assert ask(daemon.rep, f'cpu value=1 {at}000000\ncpu value=2 {at}000000')['accepted'] == 2
    assert ask(daemon.rep, f'cpu value=3 {at}000000')['accepted'] == 1
    old = at - 20 * 86400000
    assert ask(daemon.rep, f'cpu value=4 {old}000000\ncpu value=5 {old - 7}000000') == taken(2)
    assert stored(daemon)[0] == {'cpu{}': {at: 3.0, old: 4.0, old - 7: 5.0}}


@pytest.mark.parametrize('unit,per_ms', [('ns', 1000000), ('us', 1000), ('ms', 1), ('s', 0.001)])
def test_the_header_names_the_precision(daemon, unit, per_ms):
    """CONTRACT 2, 3: precision=ns|us|ms|s; finer timestamps are cut."""
    at = (now_ms() // 1000 - 100) * 1000
    stamp = int(at * per_ms + max(0, per_ms - 1))
    assert ask(daemon.rep, message(f'cpu value=1 {stamp}', more=f' precision={unit}')) == taken(1)
    assert stored(daemon)[0] == {'cpu{}': {at: 1.0}}


def test_without_a_timestamp_the_time_of_receipt_counts(daemon):
    """CONTRACT 2: missing = time of receipt."""
    before = now_ms()
    ask(daemon.rep, 'cpu value=1')
    (at,) = stored(daemon)[0]['cpu{}']
    assert before <= at <= now_ms()


# ---- numbered batches ----
def test_a_repeated_batch_is_answered_duplicate_and_has_no_effect_over_restarts(daemon):
    """CONTRACT 3, case 23: same process, after kill -9, after a clean stop."""
    at = now_ms()
    batch = message(f'cpu value=1 {at}000000\ntally,name=x amount=3i {at}000000', 'p', 7, 3)
    assert ask(daemon.rep, batch) == taken(2, seq=3)
    assert ask(daemon.rep, batch) == taken(0, duplicate=True, seq=3)
    daemon.restart()
    assert ask(daemon.rep, batch) == taken(0, duplicate=True, seq=3)
    assert daemon.terminate() == 0
    daemon.start()
    assert ask(daemon.rep, batch) == taken(0, duplicate=True, seq=3)
    assert daemon.status()['ingest']['duplicates_total'] == 1
    contents = stored(daemon)
    slot = (at - at % 10000, 0)
    assert contents == ({'cpu{}': {at: 1.0}}, [])
    assert contents.cells == {'tally_x_total{}': {slot: 1}, 'tally_x_amount_sum{}': {slot: 3}}


def test_a_duplicate_of_a_pending_batch_is_answered_when_that_one_is_durable(daemon):
    """CONTRACT 3: the same batch on many connections at once: one is taken, the rest are duplicates, none early."""
    for seq in range(1, 6):
        batch = message(samples(2000, start_ms=now_ms() - 5000), 'p', 1, seq)
        peers = [Req(daemon.rep) for _ in range(8)]
        for peer in peers:
            peer.send(batch)
        replies = [json.loads(peer.recv()) for peer in peers]
        for peer in peers:
            peer.close()
        assert sorted(reply['duplicate'] for reply in replies) == [False] + [True] * 7
        assert sum(reply['accepted'] for reply in replies) == 2000 and all(reply['seq'] == seq for reply in replies)


def test_the_same_seq_with_other_bytes_is_a_conflict(daemon):
    """CONTRACT 3: seq_conflict; the settled batch stays."""
    at = now_ms()
    assert ask(daemon.rep, message(f'cpu value=1 {at}000000', 'p', 1, 1))['accepted'] == 1
    said = refused(ask(daemon.rep, message(f'cpu value=2 {at}000000', 'p', 1, 1)), 'seq_conflict')
    assert 'two senders share one producer name' in said
    daemon.restart()
    refused(ask(daemon.rep, message(f'cpu value=3 {at}000000', 'p', 1, 1)), 'seq_conflict')
    assert stored(daemon)[0] == {'cpu{}': {at: 1.0}}


def test_a_lower_epoch_is_stale_and_a_higher_one_starts_anew(daemon):
    """CONTRACT 3: the epoch only grows; stale_epoch otherwise; each epoch counts its own seqs."""
    assert ask(daemon.rep, message('cpu value=1', 'p', 100, 9)) == taken(1, seq=9)
    assert ask(daemon.rep, message('cpu value=1', 'p', 101, 1)) == taken(1, seq=1)
    assert 'epoch that only grows' in refused(ask(daemon.rep, message('cpu value=1', 'p', 100, 10)), 'stale_epoch')
    assert ask(daemon.rep, message('cpu value=1', 'q', 1, 1)) == taken(1, seq=1), 'another producer is apart'
    assert daemon.request('GET', '/metrics')[1].decode().count('stale_epoch') >= 1


def test_a_gap_is_taken_and_counted_and_what_comes_late_is_a_duplicate(daemon):
    """CONTRACT 3, case 23: a gap is taken and counted; reordered and replayed: at or below the last settled one."""
    for seq in (1, 2, 5, 9):
        assert ask(daemon.rep, message(f'cpu value={seq}', 'p', 1, seq)) == taken(1, seq=seq)
    assert daemon.status()['producers'] == {'count': 1, 'gaps_total': 2}
    for seq in (3, 8, 1, 5):
        assert ask(daemon.rep, message('cpu value=77', 'p', 1, seq)) == taken(0, duplicate=True, seq=seq)
    assert 77.0 not in stored(daemon)[0]['cpu{}'].values()


def test_a_partly_refused_batch_settles(daemon):
    """CONTRACT 3: only durable batches settle, partly rejected ones too; refused messages settle nothing."""
    batch = message('cpu value=1\nbad', 'p', 1, 1)
    assert ask(daemon.rep, batch)['accepted'] == 1
    assert ask(daemon.rep, batch) == taken(0, duplicate=True, seq=1)
    bad = message('bad\nbad', 'p', 1, 2)
    assert ask(daemon.rep, bad)['rejected'] == 2
    assert ask(daemon.rep, bad) == taken(0, duplicate=True, seq=2)
    refused(ask(daemon.rep, message(b'no frame', 'p', 1, 3, more=' encoding=zstd')), 'bad_encoding')
    assert ask(daemon.rep, message('cpu value=1', 'p', 1, 3)) == taken(1, seq=3)


# ---- header and encoding ----
BAD_HEADERS = [
    ('producer=a', 'producer, epoch and seq come together'),
    ('producer=a epoch=1', 'producer, epoch and seq come together'),
    ('epoch=1 seq=1', 'producer, epoch and seq come together'),
    ('producer= epoch=1 seq=1', 'column 15: expected 1 to 128 bytes'),
    ('producer=' + 'a' * 129 + ' epoch=1 seq=1', 'column 15: expected 1 to 128 bytes'),
    ('producer=a"b epoch=1 seq=1', 'column 15: expected 1 to 128 bytes'),
    ('producer=a\0b epoch=1 seq=1', 'column 15: expected 1 to 128 bytes'),
    ('producer=a epoch=-1 seq=1', 'column 23: expected an unsigned integer'),
    ('producer=a epoch=1x seq=1', 'expected an unsigned integer'),
    ('producer=a epoch=18446744073709551616 seq=1', 'column 23: the number is over'),
    ('producer=a epoch=1 seq=', 'column 29: expected an unsigned integer'),
    ('producer=a epoch=1 seq=1 seq=2', 'column 31: this key stands in the header already'),
    ('precision=h', 'column 16: expected a precision: ns, us, ms or s'),
    ('encoding=gzip', 'column 15: expected the encoding zstd'),
    ('colour=red', 'column 6: unknown key'),
    ('word', 'column 6: expected key=value'),
    ('key=cart', 'key and sig come together'),
    ('key=cart sig=' + '0' * 64, 'needs producer, epoch and seq'),
    ('producer=a epoch=1 seq=1 key=cart sig=12', 'expected 64 hexadecimal digits'),
    ('producer=a epoch=1 seq=1 key=cart sig=' + '0' * 64 + ' precision=s', 'sig must be the last key'),
]


@pytest.mark.parametrize('words,said', BAD_HEADERS, ids=[words[:30].replace('\0', '0') for words, _ in BAD_HEADERS])
def test_a_bad_header_refuses_the_whole_message(shared, words, said):
    """CONTRACT 3: bad_header, with the column, and nothing is taken."""
    before = shared.status()['ingest']['lines_total']
    assert said in refused(ask(shared.rep, f'#tm1 {words}\ncpu value=1'.encode()), 'bad_header')
    assert shared.status()['ingest']['lines_total'] == before


def test_zstd_messages_are_taken_and_numbered_by_the_lines_inside(daemon):
    """CONTRACT 3: encoding=zstd, the rest is one zstd frame."""
    reply = ask(daemon.rep, message(zstd(b'cpu value=1\nbad\n' + b'cpu value=1\n' * 50000), more=' encoding=zstd'))
    assert (reply['accepted'], reply['rejected'], reply['errors'][0]['line']) == (50001, 1, 3)


def test_broken_and_boundless_frames_are_refused():
    """CONTRACT 3, 6: bad_encoding; over limits.max_decompressed too_large, at a bounded price."""
    with Daemon(config={'limits': {'max_decompressed': '1MiB'}}) as d:
        frame = zstd(b'cpu value=1\n' * 1000)
        def said(body, word):
            return refused(ask(d.rep, message(body, more=' encoding=zstd')), word)
        assert 'no zstd frame' in said(b'cpu value=1', 'bad_encoding')
        assert 'no zstd frame' in said(b'', 'bad_encoding')
        assert 'cut off' in said(frame[:-2], 'bad_encoding')
        assert 'bytes follow' in said(frame + b'x', 'bad_encoding')
        assert 'damaged' in said(frame[:4] + b'\xff' * 40, 'bad_encoding')
        bomb = zstd(b'#' * (200 << 20))
        assert len(bomb) < 100000
        before = d.status()['memory']['rss_bytes']
        assert 'decodes to more than 1048576 bytes' in said(bomb, 'too_large')
        assert d.status()['memory']['rss_bytes'] - before < 16 << 20
        assert ask(d.rep, message(zstd(b'#' * (1 << 20)), more=' encoding=zstd')) == taken(0)
        said(zstd(b'#' * ((1 << 20) + 1)), 'too_large')


def test_a_message_over_the_limit_is_answered_and_one_over_twice_of_it_is_cut():
    """CONTRACT 3, case 23: too_large between max_message and twice of it; beyond, the gate drops the connection."""
    with Daemon() as d:
        assert ask(d.rep, b'#' * (1 << 20)) == taken(0)
        for size in ((1 << 20) + 1, (2 << 20) - 100):
            assert 'limits.max_message' in refused(ask(d.rep, b'#' * size), 'too_large')
        with Req(d.rep, timeout_ms=700) as peer:
            with pytest.raises(NanoError):
                peer.ask(b'#' * ((2 << 20) + 100))
        assert d.alive() and ask(d.rep, 'cpu value=1') == taken(1)
        assert d.metric('tidemark_gate_restarts_total') == 0


# ---- keys ----
@pytest.fixture(scope='module')
def keyed():
    with Daemon(config=KEYS) as d:
        yield d


def test_a_signed_batch_is_taken_with_its_scopes_line_by_line(keyed):
    """CONTRACT 3, 6: per-service scopes: lines of other services are refused, the rest is taken."""
    lines = 'cpu,service=cart value=1\ncpu,service=shop value=1\ncpu value=1\ncpu,job=cart value=1'
    reply = ask(keyed.rep, message(lines, 'scoped', 1, 1, 'cart', SECRETS['cart']))
    assert (reply['accepted'], reply['rejected'], reply['seq']) == (2, 2, 1), reply
    assert [error['line'] for error in reply['errors']] == [3, 4]
    assert reply['errors'][0]['reason'] == 'key cart may not write service "shop"; ask for the scope write:shop'
    assert 'names no service' in reply['errors'][1]['reason']
    reply = ask(keyed.rep, message(lines, 'scoped2', 1, 1, 'two', SECRETS['two']))
    assert (reply['accepted'], reply['rejected']) == (3, 1), 'service shop is known by now, and still guarded'
    reply = ask(keyed.rep, message(lines, 'scoped3', 1, 1, 'cart', SECRETS['cart']))
    assert (reply['accepted'], reply['rejected']) == (2, 2), 'also where the series exist already'
    for key in ('all', 'admin'):
        assert ask(keyed.rep, message(lines, 'wide-' + key, 1, 1, key, SECRETS[key])) == taken(4, seq=1)


def test_without_the_right_signature_nothing_is_stored(keyed):
    """CONTRACT 3, case 29: unsigned, wrong secret, unknown key, changed bytes, read-only key: refused, counted."""
    line = 'stolen,service=cart value=1'
    before = keyed.request('GET', '/api/v1/status/tidemark', headers=ADMIN)[1]
    before = json.loads(before)['data']['ingest']['samples_total']
    assert 'key=NAME sig=HEX' in refused(ask(keyed.rep, line), 'forbidden')
    refused(ask(keyed.rep, message(line, 'p', 1, 1)), 'forbidden')
    refused(ask(keyed.rep, message(line, 'p', 1, 1, 'cart', 'another secret')), 'bad_signature')
    refused(ask(keyed.rep, message(line, 'p', 1, 1, 'cart', SECRETS['all'])), 'bad_signature')
    assert 'auth.keys' in refused(ask(keyed.rep, message(line, 'p', 1, 1, 'nobody', SECRETS['all'])), 'unknown_key')
    assert 'no write scope' in refused(ask(keyed.rep, message(line, 'p', 1, 1, 'ro', SECRETS['ro'])), 'forbidden')
    good = message(line, 'p', 1, 1, 'cart', SECRETS['cart'])
    refused(ask(keyed.rep, good.replace(b'value=1', b'value=2')), 'bad_signature')
    refused(ask(keyed.rep, good.replace(b'seq=1', b'seq=2')), 'bad_signature')
    refused(ask(keyed.rep, good.replace(b'key=cart', b'key=all')), 'bad_signature')
    refused(ask(keyed.rep, good + b'\n'), 'bad_signature')
    after = json.loads(keyed.request('GET', '/api/v1/status/tidemark', headers=ADMIN)[1])['data']
    assert after['ingest']['samples_total'] == before
    metrics = keyed.request('GET', '/metrics', headers=ADMIN)[1].decode()
    for word, count in (('bad_signature', 6), ('unknown_key', 1), ('forbidden', 3)):
        (found,) = [row for row in metrics.split('\n') if word in row and not row.startswith('#')]
        assert float(found.split()[-1]) >= count, found


def test_a_replayed_signed_batch_is_a_duplicate(keyed):
    """CONTRACT 3, case 29: a recorded message that is sent again has no effect."""
    good = message('cpu,service=cart value=5', 'replay', 1, 1, 'cart', SECRETS['cart'])
    assert ask(keyed.rep, good) == taken(1, seq=1)
    assert ask(keyed.rep, good) == taken(0, duplicate=True, seq=1)
    upper = good.split(b' sig=')[0] + b' sig=' + good.split(b' sig=')[1].split(b'\n')[0].upper() + b'\ncpu,service=cart value=5'
    assert ask(keyed.rep, upper) == taken(0, duplicate=True, seq=1), 'hex digits of either case'


def test_signature_and_compression_go_together(keyed):
    """CONTRACT 3: the signature is over the rest as sent, that is over the zstd frame."""
    batch = message(zstd(b'cpu,service=cart value=5'), 'packed', 1, 1, 'cart', SECRETS['cart'], more=' encoding=zstd')
    assert ask(keyed.rep, batch) == taken(1, seq=1)


def test_without_keys_a_signature_is_not_needed_and_not_an_obstacle(shared):
    """CONTRACT 6: no keys: loopback is trusted."""
    assert ask(shared.rep, message('cpu value=1', 'signed', 1, 1, 'any', 'secret')) == taken(1, seq=1)


# ---- other endpoints ----
def test_pushed_batches_are_stored_and_their_seq_is_ignored(daemon):
    """CONTRACT 3: PUSH/PULL: durable within flush_interval; seq is ignored."""
    at = now_ms() - 10000
    with Nano(NN_PUSH, daemon.pull) as peer:
        for i in range(3):
            peer.send(message(f'cpu value={i} {at + i}\nbad', 'p', 1, 1, more=' precision=ms'))
        wait_for(lambda: daemon.status()['ingest']['samples_total'] == 3)
    status = daemon.status()
    assert status['producers']['count'] == 0 and status['ingest']['duplicates_total'] == 0
    assert 'the first is line 3: ' in daemon.read_log(), 'nobody is answered, so the log tells what was refused'
    time.sleep(0.2)
    daemon.kill()
    assert daemon.dump()[0] == {'cpu{}': {at: 0.0, at + 1: 1.0, at + 2: 2.0}}


def test_a_pushed_batch_needs_its_key_too():
    """CONTRACT 6: keys guard every way in."""
    with Daemon(config=KEYS) as d, Nano(NN_PUSH, d.pull) as peer:
        peer.send(b'cpu,service=cart value=1')
        peer.send(message('cpu,service=cart value=2', 'p', 1, 1, 'cart', SECRETS['cart']))
        def total():
            return json.loads(d.request('GET', '/api/v1/status/tidemark', headers=ADMIN)[1])['data']['ingest']['batches_total']
        wait_for(lambda: total() == 2)
        assert list(stored(d)[0]['cpu{service="cart"}'].values()) == [2.0]


def test_the_feed_delivers_status_as_topic_and_json(daemon):
    """CONTRACT 3: publish: one JSON per message behind its topic."""
    with Nano(NN_SUB, daemon.publish) as peer:
        topic, text = peer.recv().split(b' ', 1)
    assert topic == b'status'
    assert json.loads(text)['state'] == 'ready'


def test_ipc_sockets_are_0660_in_a_0750_folder(tmp_path):
    """CONTRACT 3, FAULTS 1.6: ipc in a private folder, whatever the umask is."""
    old = os.umask(0)
    try:
        with Daemon(folder=str(tmp_path), config={'listen': {'ingest_rep': ['tcp://127.0.0.1:0', 'ipc://DATA_DIR/run/ingest_rep'],
                                                             'ingest_pull': ['ipc://DATA_DIR/run/ingest_pull'],
                                                             'publish': ['ipc://DATA_DIR/run/publish']}}) as d:
            run = tmp_path / 'data' / 'run'
            assert d.addresses['ingest_rep'][1] == f'ipc://{run}/ingest_rep'
            assert stat.S_IMODE(run.stat().st_mode) == 0o750
            for name in ('ingest_rep', 'ingest_pull', 'publish'):
                mode = (run / name).stat().st_mode
                assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660, f'{name} {mode:o}'
            assert ask(d.addresses['ingest_rep'][1], 'cpu,way=ipc value=1') == taken(1)
            with Nano(NN_PUSH, d.pull) as peer:
                peer.send(b'cpu,way=push value=2')
                wait_for(lambda: d.status()['series']['count'] == 2)
            with Nano(NN_SUB, d.publish) as peer:
                assert peer.recv().startswith(b'status {')
            d.restart()
            assert ask(d.addresses['ingest_rep'][1], 'cpu,way=ipc value=1') == taken(1), 'the socket left behind is replaced'
    finally:
        os.umask(old)


def test_each_list_takes_several_addresses():
    """CONTRACT 6: the listeners are lists."""
    two = ['tcp://127.0.0.1:0', 'tcp://127.0.0.2:0']
    with Daemon(config={'listen': {'http': ['127.0.0.1:0', '127.0.0.2:0'], 'ingest_rep': two, 'ingest_pull': two,
                                   'publish': two}}) as d:
        assert [len(d.addresses[name]) for name in ('http', 'ingest_rep', 'ingest_pull', 'publish')] == [2, 2, 2, 2]
        assert len(set(sum(d.addresses.values(), []))) == 8 and len(d.gates()) == 6
        for i, url in enumerate(d.addresses['ingest_rep']):
            assert ask(url, f'rep value={i}') == taken(1)
        for url in d.addresses['ingest_pull']:
            with Nano(NN_PUSH, url) as peer:
                peer.send(b'pushed value=1')
                wait_for(lambda: d.status()['ingest']['samples_total'] > 1)
        for url in d.addresses['publish']:
            with Nano(NN_SUB, url) as peer:
                assert peer.recv().startswith(b'status {')
        for address in d.addresses['http']:
            d.http = address
            assert d.request('GET', '/-/ready')[0] == 200


@pytest.mark.parametrize('off', ['http', 'ingest_rep', 'ingest_pull', 'publish'])
def test_an_empty_list_switches_a_listener_off(off):
    """CONTRACT 6: [] switches one off."""
    with Daemon(config={'listen': {off: []}}) as d:
        assert d.addresses[off] == [] and f'{off}= ' in d.ready_line + ' '
        assert len(d.gates()) == (3 if off == 'http' else 2)
        if off != 'ingest_rep':
            assert ask(d.rep, 'cpu value=1') == taken(1)
        assert d.terminate() == 0


def test_a_sender_that_goes_away_before_its_answer_harms_nobody(daemon):
    """CONTRACT 3: a batch is stored whether or not its sender waits; the answer goes nowhere."""
    for i in range(50):
        with Req(daemon.rep) as peer:
            peer.send(message(f'cpu value={i}', f'p{i}', 1, 1))
            time.sleep(0.002)
    assert ask(daemon.rep, 'last value=1') == taken(1)
    assert daemon.metric('tidemark_gate_restarts_total') == 0
