"""Peers for the system tests: signed and compressed messages, raw SP sockets, raw HTTP, hostile clients."""
import base64
import ctypes
import ctypes.util
import hashlib
import hmac
import json
import os
import random
import re
import socket
import struct
import threading
import time

import harness

SP_REQ, SP_PUSH, SP_SUB = 48, 80, 33
SP_PAIR_OF = {'ingest_rep': SP_REQ, 'ingest_pull': SP_PUSH, 'publish': SP_SUB}

_zstd = ctypes.CDLL(ctypes.util.find_library('zstd') or 'libzstd.so.1')
_zstd.ZSTD_compressBound.restype = _zstd.ZSTD_compress.restype = ctypes.c_size_t


def zstd(data):
    """One zstd frame."""
    room = _zstd.ZSTD_compressBound(ctypes.c_size_t(len(data)))
    out = ctypes.create_string_buffer(room)
    size = _zstd.ZSTD_compress(out, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)), 3)
    return out.raw[:size]


def message(lines, producer=None, epoch=1, seq=1, key=None, secret=None, more=''):
    """A message with its header line; signed where a key is named."""
    body = lines if isinstance(lines, bytes) else lines.encode()
    head = '#tm1'
    if producer:
        head += f' producer={producer} epoch={epoch} seq={seq}'
    head += more
    if key:
        head += f' key={key}'
        head += ' sig=' + hmac.new(secret.encode(), head.encode() + b'\n' + body, hashlib.sha256).hexdigest()
    return head.encode() + b'\n' + body


def ask(url, text, timeout_ms=5000):
    """One message over a connection of its own; the reply."""
    with harness.Req(url, timeout_ms=timeout_ms) as peer:
        return peer.ask(text)


def taken(accepted, rejected=0, duplicate=False, seq=None, errors=()):
    """The whole reply to a message that was taken."""
    return {'ok': True, 'accepted': accepted, 'rejected': rejected, 'duplicate': duplicate, 'seq': seq,
            'errors': [{'line': line, 'reason': reason} for line, reason in errors]}


def samples(count, name='m', start_ms=None, service='s'):
    """count lines of one series, one a millisecond."""
    start = start_ms or harness.now_ms() - count - 1000
    return '\n'.join(f'{name},service={service} value={i} {(start + i) * 1000000}' for i in range(count))


def basic(name, secret):
    return {'Authorization': 'Basic ' + base64.b64encode(f'{name}:{secret}'.encode()).decode()}


def bearer(secret):
    return {'Authorization': 'Bearer ' + secret}


# ---- raw sockets ----
def connect_raw(url, timeout=5):
    """A plain stream socket to a nanomsg URL or a host:port."""
    if url.startswith('ipc://'):
        conn = socket.socket(socket.AF_UNIX)
        conn.settimeout(timeout)
        conn.connect(url[6:])
        return conn
    host, port = url.replace('tcp://', '').rsplit(':', 1)
    return socket.create_connection((host, int(port)), timeout=timeout)


def sp_head(protocol):
    return b'\0SP\0' + struct.pack('>HH', protocol, 0)


def sp_frame(url, payload, announced=None):
    size = struct.pack('>Q', len(payload) if announced is None else announced)
    return (b'\1' if url.startswith('ipc://') else b'') + size + payload


def malformed(url, protocol, dice):
    """The bytes of one hostile connection."""
    ipc = b'\1' if url.startswith('ipc://') else b''
    junk = bytes(dice.getrandbits(8) for _ in range(dice.randrange(1, 200)))
    head = sp_head(protocol)
    return dice.choice([
        junk,
        b'\0SP' + junk,                                             # not quite the protocol's header
        b'\0SP\0' + struct.pack('>HH', dice.randrange(65536), 0),   # a wrong protocol
        b'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
        head,                                                       # and no more
        head + junk,
        head + ipc + struct.pack('>Q', dice.getrandbits(64)),       # huge lengths
        head + ipc + struct.pack('>Q', 0x7fffffffffffffff) + junk,
        head + ipc + struct.pack('>Q', 2 << 20),                    # announced, never sent
        head + ipc + struct.pack('>Q', 500) + junk,                 # cut off
        head + sp_frame(url, b''),
        head + sp_frame(url, junk),                                 # whole, nonsense inside
        head + sp_frame(url, b'\x80\0\0\1' + junk),                 # a request, nonsense inside
        head + sp_frame(url, b'\0\0\0\1' * 40 + junk),              # a backtrace without an end
        head + sp_frame(url, b'\x80\0\0\1#tm1 ' + junk) * 5,
        head + b'\2' + struct.pack('>Q', 4),                        # 17 bytes that end libnanomsg on ipc
    ])


class Flood:
    """Hostile connections to one endpoint from threads, until stopped."""

    def __init__(self, url, protocol, threads=2, seed=1):
        self.url, self.protocol = url, protocol
        self.connections, self.refused = 0, 0
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(seed * 100 + i,), daemon=True) for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def _run(self, seed):
        dice = random.Random(seed)
        while not self.ended.is_set():
            try:
                conn = connect_raw(self.url, 1)
            except OSError:
                self.refused += 1
                time.sleep(0.01)
                continue
            try:
                conn.sendall(malformed(self.url, self.protocol, dice))
                if dice.random() < 0.1:
                    conn.settimeout(0.02)
                    conn.recv(100)
            except OSError:
                pass
            conn.close()
            self.connections += 1

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join(10)


class GoodProducer:
    """Sends numbered batches over REQ, each again until it is acknowledged, and keeps the ledger."""

    def __init__(self, url, producer='good'):
        self.url, self.producer = url, producer
        self.ledger = {}  # time_ms: value
        self.seq, self.replies, self.slowest_s = 0, [], 0.0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        start = harness.now_ms() - 3600000
        while not self.ended.is_set():
            self.seq += 1
            batch = {start + self.seq * 10 + i: float(self.seq * 10 + i) for i in range(10)}
            lines = '\n'.join(f'good,service={self.producer} value={v} {t * 1000000}' for t, v in batch.items())
            text = message(lines, self.producer, epoch=1, seq=self.seq)
            began = time.monotonic()
            while not self.ended.is_set():
                try:
                    reply = ask(self.url, text, timeout_ms=1500)
                except harness.NanoError:
                    continue
                if reply['ok']:
                    assert reply['duplicate'] or reply['accepted'] == 10, reply
                    self.ledger.update(batch)
                    self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                    break
                time.sleep(0.05)
            time.sleep(0.01)

    def stop(self):
        self.ended.set()
        self.thread.join(20)

    def check(self, daemon):
        """Every acknowledged sample is in the store, once, with its value."""
        stored = daemon.dump()[0].get(f'good{{service="{self.producer}"}}', {})
        missing = {t: v for t, v in self.ledger.items() if stored.get(t) != v}
        assert not missing, f'{len(missing)} of {len(self.ledger)} acknowledged samples are missing or differ'
        return len(self.ledger)


# ---- processes ----
def resident_bytes(pids):
    total = 0
    for pid in pids:
        try:
            with open(f'/proc/{pid}/statm', encoding='ascii') as statm:
                total += int(statm.read().split()[1]) * 4096
        except (OSError, IndexError):
            pass
    return total


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        try:
            with open(f'/proc/{pid}/stat', encoding='ascii') as stat:
                fields = stat.read().rsplit(')', 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except (OSError, IndexError):
            pass
    return total / os.sysconf('SC_CLK_TCK')


class MemoryWatch:
    """The largest sum of resident memory of the daemon and its gates, looked at every 20 ms."""

    def __init__(self, daemon):
        self.daemon, self.peak, self.ended = daemon, 0, threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        pids, at = [], 0
        while not self.ended.is_set():
            if time.monotonic() - at > 0.2:
                pids, at = [self.daemon.process.pid] + self.daemon.gates(), time.monotonic()
            self.peak = max(self.peak, resident_bytes(pids))
            time.sleep(0.02)

    def stop(self):
        self.ended.set()
        self.thread.join()
        return self.peak


# ---- HTTP ----
def status_lines(answer):
    """The status codes in all that came back, one per answer."""
    return [int(code) for code in re.findall(rb'^HTTP/1\.[01] (\d{3}) ', answer, re.M)]


SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? '
                    r'(-?[0-9.]+(?:e[+-]?[0-9]+)?|NaN|[+-]Inf)$')


def parse_metrics(text):
    """Prometheus text format, read strictly: {(name, labels): value} and {family: type}; faults fail."""
    values, types, helped, family = {}, {}, set(), None
    assert text.endswith('\n'), 'the last line has no end'
    for line in text[:-1].split('\n'):
        if line.startswith('# HELP '):
            name = line.split(' ', 3)[2]
            assert name not in helped, f'{name} has two HELP lines'
            assert len(line.split(' ', 3)) == 4, f'{name} has no help text'
            helped.add(name)
            family = name
        elif line.startswith('# TYPE '):
            _, _, name, kind = line.split(' ')
            assert name == family and name not in types, f'TYPE of {name} stands in the wrong place'
            assert kind in ('counter', 'gauge', 'histogram', 'summary', 'untyped'), kind
            types[name] = kind
        else:
            found = SAMPLE.match(line)
            assert found, f'no sample: {line!r}'
            name, labels = found.group(1), found.group(2) or ''
            base = re.sub('_(bucket|sum|count)$', '', name) if types.get(family) in ('histogram', 'summary') else name
            assert base == family, f'{name} stands under {family}'
            assert family in types, f'{name} has no TYPE'
            assert (name, labels) not in values, f'{name}{labels} stands twice'
            if types[family] == 'counter':
                assert family.endswith('_total'), f'counter {family} does not end with _total'
                assert float(found.group(3)) >= 0
            values[(name, labels)] = float(found.group(3))
    return values, types


def slow_heads(address, count):
    """Connections that have begun a request and do not end it."""
    conns = []
    for _ in range(count):
        conn = connect_raw(address, 5)
        conn.sendall(b'POST /write HTTP/1.1\r\nHost: x\r\nX-Slow: ')
        conns.append(conn)
    return conns


def reply_of(body):
    return json.loads(body)
