"""Debian's Prometheus as the judge of PromQL: started on a folder of its own, fed by remote write."""
import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
import urllib.parse

PROMETHEUS = shutil.which('prometheus')
STALE_BITS = 0x7ff0000000000002
STALE = 'stale'


def is_242():
    """Is it there, and of the version that is the measure?"""
    if not PROMETHEUS:
        return False
    told = subprocess.run([PROMETHEUS, '--version'], capture_output=True, text=True, check=False)
    return 'version 2.42' in told.stdout + told.stderr


def _varint(value):
    out = bytearray()
    value &= (1 << 64) - 1
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number, payload):
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _value_bytes(value):
    return struct.pack('<Q', STALE_BITS) if value == STALE else struct.pack('<d', value)


def write_request(series):
    """Remote write 1.0's message; series: [(labels, [(time_ms, value)])]."""
    out = []
    for labels, samples in series:
        body = b''.join(_field(1, _field(1, name.encode()) + _field(2, value.encode()))
                        for name, value in sorted(labels.items()))
        body += b''.join(_field(2, b'\x09' + _value_bytes(value) + b'\x10' + _varint(time_ms))
                         for time_ms, value in samples)
        out.append(_field(1, body))
    return b''.join(out)


def snappy(data):
    """A snappy block of literals alone."""
    out = [_varint(len(data))]
    for at in range(0, len(data), 60000):
        piece = data[at:at + 60000]
        out.append(b'\xf4' + struct.pack('<H', len(piece) - 1) + piece)
    return b''.join(out)


class Prometheus:
    """One on a free port; a context."""

    def __init__(self, folder):
        self.folder = str(folder)
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self.port = probe.getsockname()[1]
        self.process = None
        self.connection = None

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        config = os.path.join(self.folder, 'prometheus.yml')
        with open(config, 'w', encoding='ascii') as file:
            file.write('global: {}\n')
        with open(os.path.join(self.folder, 'log'), 'wb') as log:
            self.process = subprocess.Popen(
                [PROMETHEUS, '--config.file=' + config, '--storage.tsdb.path=' + self.folder + '/data',
                 f'--web.listen-address=127.0.0.1:{self.port}', '--web.enable-remote-write-receiver',
                 '--storage.tsdb.retention.time=100y', '--query.max-samples=50000000'],
                stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while True:
            try:
                if self._request('GET', '/-/ready')[0] == 200:
                    return self
            except OSError:
                pass
            assert time.monotonic() < deadline and self.process.poll() is None, 'prometheus does not start'
            time.sleep(0.1)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def _request(self, method, path, body=None, headers=None):
        for attempt in (0, 1):
            if not self.connection:
                self.connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=60)
            try:
                self.connection.request(method, path, body, headers or {})
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                self.connection = None
                if attempt:
                    raise
        return None

    def push(self, series):
        """[(labels, [(time_ms, value)])], sent in order of time, since its head takes no other."""
        times = sorted({t for _, samples in series for t, _ in samples})
        for at in range(0, len(times), 50):
            first, last = times[at], times[min(at + 49, len(times) - 1)]
            part = [(labels, [s for s in samples if first <= s[0] <= last]) for labels, samples in series]
            body = snappy(write_request([p for p in part if p[1]]))
            status, text = self._request('POST', '/api/v1/write', body, {'Content-Encoding': 'snappy'})
            assert status == 204, text

    def ask(self, query, start, end=None, step=None):
        """The API's document; times and step in ms; without step an instant query."""
        form = {'query': query}
        if step:
            form.update(start=f'{start / 1000:.3f}', end=f'{end / 1000:.3f}', step=f'{step / 1000:.3f}')
        else:
            form['time'] = f'{start / 1000:.3f}'
        path = '/api/v1/query_range' if step else '/api/v1/query'
        _, text = self._request('POST', path, urllib.parse.urlencode(form),
                                {'Content-Type': 'application/x-www-form-urlencoded'})
        return json.loads(text)


class Ours:
    """The same questions to our evaluation, over the same samples in memory; a context."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(30) == 0

    def push(self, series):
        """As Prometheus.push."""
        lines = []
        for labels, samples in series:
            lines.append('s' + ''.join(f'\t{name}={value}' for name, value in labels.items()))
            lines += [f'p {t} {value if value == STALE else repr(value)}' for t, value in samples]
        self.process.stdin.write(('\n'.join(lines) + '\n').encode())

    def ask(self, query, start, end=None, step=None):
        """As Prometheus.ask."""
        assert '\n' not in query
        self.process.stdin.write(f'q {start} {end or start} {step or 0} {query}\n'.encode())
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f'the evaluation died of {query}'
        return json.loads(line)
