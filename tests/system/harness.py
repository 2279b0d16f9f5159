"""The real binaries, driven from outside: a daemon in a folder of its own, nanomsg by ctypes, HTTP by sockets."""
import ctypes
import ctypes.util
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, 'build', os.environ.get('TIDEMARK_BUILD', 'release'))
DAEMON = os.path.join(BUILD, 'tidemarkd')
COMMAND = os.path.join(BUILD, 'tidemark')
DUMP = os.path.join(BUILD, 'tests', 'tools', 'dump')
SHIM_IO = os.path.join(ROOT, 'build', 'release', 'tests', 'fault', 'shim_io.so')
# What a program must be built with to link the libraries of this build.
SANITIZER_FLAGS = {'asan': ['-fsanitize=address,undefined'], 'tsan': ['-fsanitize=thread']}.get(os.path.basename(BUILD), [])
SANITISED = bool(SANITIZER_FLAGS)
REPORT = re.compile(r'(?:ERROR|WARNING): (?:Address|Leak|Thread)Sanitizer|: runtime error: |DEADLYSIGNAL')

_nn = ctypes.CDLL(ctypes.util.find_library('nanomsg') or 'libnanomsg.so.5', use_errno=True)
_nn.nn_strerror.restype = ctypes.c_char_p
AF_SP, AF_SP_RAW = 1, 2
NN_SUB, NN_REQ, NN_PUSH = 2 * 16 + 1, 3 * 16 + 0, 5 * 16 + 0
NN_SNDTIMEO, NN_RCVTIMEO, NN_RECONNECT_IVL, NN_RCVMAXSIZE = 4, 5, 6, 16
NN_REQ_RESEND_IVL, NN_SUB_SUBSCRIBE = 1, 1
NN_MSG = ctypes.c_size_t(-1).value


class NanoError(Exception):
    pass


def needs_preload():
    """Skips the test where nothing can be preloaded into the daemon."""
    if SANITISED:
        import pytest
        pytest.skip(f'a library preloaded into the daemon does not go with the sanitizer of {BUILD}')


def needs_release(why):
    """Skips the test under a sanitizer."""
    if SANITISED:
        import pytest
        pytest.skip(f'{why} (built with a sanitizer: {BUILD})')


class Nano:
    """One nanomsg socket that connects to url."""

    def __init__(self, kind, url, timeout_ms=5000, resend_ms=1000):
        self.sock = _nn.nn_socket(AF_SP, kind)
        if self.sock < 0:
            self._fail()
        for option in (NN_SNDTIMEO, NN_RCVTIMEO):
            self._int(0, option, timeout_ms)
        self._int(0, NN_RECONNECT_IVL, 20)
        if kind == NN_REQ:
            self._int(NN_REQ, NN_REQ_RESEND_IVL, resend_ms)
        if kind == NN_SUB:
            _nn.nn_setsockopt(self.sock, NN_SUB, NN_SUB_SUBSCRIBE, b'', ctypes.c_size_t(0))
        if _nn.nn_connect(self.sock, url.encode()) < 0:
            self._fail()

    def _int(self, level, option, value):
        v = ctypes.c_int(value)
        if _nn.nn_setsockopt(self.sock, level, option, ctypes.byref(v), ctypes.c_size_t(4)) < 0:
            self._fail()

    @staticmethod
    def _fail():
        raise NanoError(_nn.nn_strerror(ctypes.get_errno()).decode())

    def send(self, data):
        if _nn.nn_send(self.sock, data, ctypes.c_size_t(len(data)), 0) < 0:
            self._fail()

    def recv(self):
        pointer = ctypes.c_void_p()
        n = _nn.nn_recv(self.sock, ctypes.byref(pointer), ctypes.c_size_t(NN_MSG), 0)
        if n < 0:
            self._fail()
        data = ctypes.string_at(pointer, n)
        _nn.nn_freemsg(pointer)
        return data

    def close(self):
        if self.sock >= 0:
            _nn.nn_close(self.sock)
            self.sock = -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Req(Nano):
    def __init__(self, url, **more):
        super().__init__(NN_REQ, url, **more)

    def ask(self, message):
        """Sends a batch, returns the reply as a dict."""
        self.send(message if isinstance(message, bytes) else message.encode())
        return json.loads(self.recv())


def yaml_of(value, indent=0):
    """Plain data as YAML."""
    pad = '  ' * indent
    if isinstance(value, dict):
        lines = []
        for key, item in value.items():
            if isinstance(item, (dict, list)) and item:
                lines.append(f'{pad}{key}:\n{yaml_of(item, indent + 1)}')
            else:
                lines.append(f'{pad}{key}: {yaml_of(item, indent + 1)}')
        return '\n'.join(lines)
    if isinstance(value, list):
        if not value:
            return '[]'
        if all(not isinstance(item, (dict, list)) for item in value):
            return '\n'.join(f'{pad}- {json.dumps(item)}' for item in value)
        return '\n'.join(pad + '- ' + yaml_of(item, indent + 1).lstrip() for item in value)
    return json.dumps(value)


def merge(base, more):
    out = dict(base)
    for key, item in more.items():
        out[key] = merge(out[key], item) if isinstance(item, dict) and isinstance(out.get(key), dict) else item
    return out


class Daemon:
    """A tidemarkd on free ports with its own data folder. Everything that it started ends with stop()."""

    def __init__(self, folder=None, config=None, env=None, data_dir=None, rlimits=None, wrap=None):
        self.folder = folder or tempfile.mkdtemp(prefix='tm-')
        self.own_folder = folder is None
        self.data_dir = data_dir or os.path.join(self.folder, 'data')
        self.config_path = os.path.join(self.folder, 'tidemark.yaml')
        self.log_path = os.path.join(self.folder, 'log')
        self.env, self.rlimits, self.wrap = env or {}, rlimits, wrap or []
        self.process = None
        self.fixed_ports = {}
        self.settings = merge({
            'data_dir': self.data_dir,
            'listen': {'http': ['127.0.0.1:0'], 'ingest_rep': ['tcp://127.0.0.1:0'],
                       'ingest_pull': ['tcp://127.0.0.1:0'], 'publish': ['tcp://127.0.0.1:0']},
            'storage': {'min_free': '1MiB'},
        }, config or {})
        self.write_config()

    def write_config(self, settings=None):
        with open(self.config_path, 'w', encoding='utf-8') as out:
            out.write(yaml_of(settings or self.settings) + '\n')

    def start(self, wait=True, timeout=20, extra_env=None):
        env = dict(os.environ, **self.env, **(extra_env or {}))
        limits = self.rlimits

        def prepare():
            import resource
            for which, value in (limits or {}).items():
                resource.setrlimit(which, (value, value))
        self.log = open(self.log_path, 'ab')
        self.process = subprocess.Popen(self.wrap + [DAEMON, '-c', self.config_path], stdout=subprocess.PIPE,
                                        stderr=self.log, env=env, preexec_fn=prepare if limits else None)
        if wait:
            self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=20):
        line = {}
        reader = threading.Thread(target=lambda: line.update(text=self.process.stdout.readline().decode()), daemon=True)
        started = time.monotonic()
        reader.start()
        reader.join(timeout)
        self.ready_s = time.monotonic() - started
        text = line.get('text', '')
        if not text.startswith('ready '):
            raise AssertionError(f'no ready line within {timeout} s: {text!r}; log: {self.read_log()[-2000:]}')
        self.ready_line = text.strip()
        parts = dict(part.split('=', 1) for part in text.split()[1:])
        self.addresses = {name: value.split(',') if value else [] for name, value in parts.items()}
        self.http = self.addresses['http'][0] if self.addresses['http'] else None
        self.rep = (self.addresses['ingest_rep'] or [None])[0]
        self.pull = (self.addresses['ingest_pull'] or [None])[0]
        self.publish = (self.addresses['publish'] or [None])[0]
        return self

    def pin_ports(self):
        """The same ports after a restart."""
        for name in ('ingest_rep', 'ingest_pull', 'publish'):
            self.settings['listen'][name] = self.addresses[name]
        self.settings['listen']['http'] = self.addresses['http']
        self.write_config()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        self.check_log()

    def terminate(self, timeout=30):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        self.log.close()
        self.check_log()
        return code

    def check_log(self):
        """Fails on what a sanitizer has said, in the core or in a gate: they share the log."""
        text = self.read_log() if os.path.exists(self.log_path) else ''
        found = REPORT.search(text)
        assert not found, f'a sanitizer reports: {text[max(0, found.start() - 500):found.start() + 8000]}'

    def restart(self, **more):
        if self.process.poll() is None:
            self.kill()
        return self.start(**more)

    def alive(self):
        return self.process.poll() is None

    def gates(self):
        """Process ids of the gate processes."""
        out = subprocess.run(['pgrep', '-P', str(self.process.pid)], capture_output=True, text=True).stdout
        return [int(pid) for pid in out.split()]

    def read_log(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as log:
            return log.read()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        try:
            self.check_log()
        finally:
            if self.own_folder:
                shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start() if self.process is None else self

    def __exit__(self, *_):
        self.stop()

    # ---- HTTP ----
    def request(self, method, path, body=None, headers=None, timeout=15):
        host, port = self.http.rsplit(':', 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read(), dict((k.lower(), v) for k, v in response.getheaders())
        finally:
            connection.close()

    def write(self, lines, path='/write', headers=None):
        return self.request('POST', path, lines if isinstance(lines, bytes) else lines.encode(), headers)

    def status(self):
        return json.loads(self.request('GET', '/api/v1/status/tidemark')[1])['data']

    def metric(self, name, labels=''):
        text = self.request('GET', '/metrics')[1].decode()
        found = re.search('^' + re.escape(name + labels) + r' (\S+)$', text, re.M)
        assert found, f'{name}{labels} is not at /metrics'
        return float(found.group(1))

    def raw(self, data, timeout=10):
        """Sends bytes as they are to the HTTP port, returns all that comes back until it is closed or silent."""
        host, port = self.http.rsplit(':', 1)
        with socket.create_connection((host, int(port)), timeout=timeout) as conn:
            conn.sendall(data)
            out = b''
            try:
                while True:
                    piece = conn.recv(65536)
                    if not piece:
                        return out, True
                    out += piece
            except (socket.timeout, ConnectionResetError) as end:
                return out, isinstance(end, ConnectionResetError)

    # ---- what is stored ----
    def dump(self):
        """({series: {time_ms: value}}, [(kind, time_ms, line)]) of the data folder, through the read interface."""
        return dump(self.data_dir)


class Contents(tuple):
    """(series, events) of a folder; cells: {series: {(time_ms, cell): value}} beside them."""
    cells = {}


def dump(data_dir):
    run = subprocess.run([DUMP, data_dir], capture_output=True)
    assert run.returncode == 0, run.stderr.decode()
    series, events, cells = {}, [], {}
    for line in run.stdout.decode('utf-8', 'surrogateescape').split('\n')[:-1]:
        parts = line.split('\t')
        if parts[0] == 's':
            at = series.setdefault(parts[1], {})
            when = int(parts[2])
            assert when not in at, f'{parts[1]} has time {when} twice'
            at[when] = float.fromhex(parts[3])
        elif parts[0] == 'c':
            cells.setdefault(parts[1], {})[int(parts[2]), int(parts[3])] = int(parts[4])
        elif parts[0] == 'e':
            events.append((int(parts[1]), int(parts[2]), '\t'.join(parts[3:])))
        else:  # a line feed within a string field
            events[-1] = (*events[-1][:2], events[-1][2] + '\n' + line)
    contents = Contents((series, events))
    contents.cells = cells
    return contents


def command(*args, stdin=None, env=None, timeout=60):
    """Runs the tidemark command; returns (code, stdout, stderr)."""
    run = subprocess.run([COMMAND, *args], input=stdin, capture_output=True, timeout=timeout,
                         env=dict(os.environ, **(env or {})))
    return run.returncode, run.stdout.decode(), run.stderr.decode()


def wait_for(condition, timeout=10, every=0.02):
    """Waits until condition() is true; returns its value, fails after the time-out."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f'not within {timeout} s'
        time.sleep(every)


def now_ms():
    return int(time.time() * 1000)


class Faults:
    """The plan that tests/fault/shim_io.c follows inside a daemon started with its env."""
    WRITE, SYNC, ALLOCATE, MALLOC, OPEN, FULL, CHANGE = 1, 2, 4, 8, 16, 32, 64

    def __init__(self, folder):
        import mmap
        needs_preload()
        self.path = os.path.join(folder, 'faults')
        with open(self.path, 'wb') as out:
            out.write(b'\0' * 4096)
        self.file = open(self.path, 'r+b')
        self.map = mmap.mmap(self.file.fileno(), 4096)
        self.env = {'LD_PRELOAD': SHIM_IO, 'TM_FAULT_MAP': self.path}

    def plan(self, ops, error=0, skip=0, count=-1, path='', delay_ms=0):
        """From now on: let skip matching calls pass, then fail count of them (-1: all) with this errno, or with
        delay_ms and no errno only slow them down."""
        import struct
        self.map[0:4] = struct.pack('<i', 0)
        self.map[64:64 + 256] = path.encode().ljust(256, b'\0')
        self.map[4:28] = struct.pack('<iiiiii', error, skip, count, 0, 0, delay_ms)
        self.map[0:4] = struct.pack('<i', ops)

    def off(self):
        import struct
        self.map[0:4] = struct.pack('<i', 0)

    def counts(self):
        """(calls that matched, calls that were made to fail)"""
        import struct
        return struct.unpack('<ii', self.map[16:24])


# ---- an agent that keeps a ledger ----
RETRY_SLEEP_S = 0.05
BASE_MS = now_ms() - 3600 * 1000
LEDGER_LABEL = 'ledger'


class Batch:
    """One batch as sent: its lines have the numbers [first, first + count)."""
    __slots__ = ('seq', 'first', 'count', 'state', 'duplicate')

    def __init__(self, seq, first, count):
        self.seq, self.first, self.count, self.state, self.duplicate = seq, first, count, 'sent', False


class Agent:
    """A producer with a ledger: what was sent, what was acknowledged. Each line has a number of its own, from
    which its time and value follow, so that a line that is missing, twice or altered shows. Every third line is
    a tally, every third an exception (nothing but the seq keeps those from being counted twice), the rest are
    samples. transport: rep, http (with a #tm1 line), http_plain (no producer, so never sent again) or pull."""

    def __init__(self, daemon, name, transport='rep', lines=12, pause_s=0.0, timeout_ms=500, epoch=1,
                 url=None):
        self.daemon, self.name, self.transport, self.lines = daemon, name, transport, lines
        self.pause_s, self.timeout_ms, self.epoch, self.url = pause_s, timeout_ms, epoch, url
        self.batches, self.faults, self.waits, self.retries = [], [], [], 0
        self.slowest_ack_s = 0.0
        self.abandons = False  # gives a batch up that it is told to try again, and goes on with the next seq
        self.stopping = threading.Event()
        self.thread = self.link = None
        self.pending = None

    # ---- what it sends ----
    @staticmethod
    def value(number):
        return number + 0.25

    def line(self, number):
        when = BASE_MS + number
        kind = number % 3
        if kind == 0:
            return f'load,service=s,{LEDGER_LABEL}={self.name} value={self.value(number)} {when}'
        if kind == 1:
            return f'tally,name=pay,service=s,{LEDGER_LABEL}={self.name} amount={number}i {when}'
        return f'exception,service=s,{LEDGER_LABEL}={self.name},type=E message="m{number}" {when}'

    def text(self, batch):
        body = '\n'.join(self.line(n) for n in range(batch.first, batch.first + batch.count)) + '\n'
        if self.transport == 'http_plain':
            return body.encode()
        mark = '' if self.transport == 'pull' else f' producer={self.name} epoch={self.epoch} seq={batch.seq}'
        return f'#tm1{mark} precision=ms\n{body}'.encode()

    def next_batch(self):
        last = self.batches[-1] if self.batches else None
        batch = Batch(last.seq + 1 if last else 1, last.first + last.count if last else 0, self.lines)
        self.batches.append(batch)
        return batch

    # ---- one attempt; returns the reply as a dict, raises when the outcome is unknown ----
    def _ask(self, data):
        if self.transport in ('rep', 'pull'):
            if not self.link:
                kind = NN_REQ if self.transport == 'rep' else NN_PUSH
                url = self.url or (self.daemon.rep if self.transport == 'rep' else self.daemon.pull)
                self.link = Nano(kind, url, timeout_ms=self.timeout_ms)
            self.link.send(data)
            return {'ok': True, 'pushed': True} if self.transport == 'pull' else json.loads(self.link.recv())
        if not self.link:
            host, port = self.daemon.http.rsplit(':', 1)
            self.link = http.client.HTTPConnection(host, int(port), timeout=self.timeout_ms / 1000)
        path = '/write?precision=ms' if self.transport == 'http_plain' else '/write'
        self.link.request('POST', path, body=data)
        response = self.link.getresponse()
        text = response.read()
        if response.status == 204:
            return {'ok': True, 'whole': True}
        reply = json.loads(text)
        if response.status in (429, 503) and 'retry_after_ms' in reply and 'out of memory' not in reply['message']:
            assert response.getheader('Retry-After'), reply
        if response.status == 503 and 'retry_after_ms' not in reply:
            raise OSError(text)  # no memory to say how it went
        return reply

    def attempt(self, batch):
        """True when the batch is settled."""
        started = time.monotonic()
        try:
            reply = self._ask(self.text(batch))
        except (NanoError, OSError, http.client.HTTPException, ValueError):
            self.retries += 1
            if self.transport.startswith('http'):
                self.link.close()
                self.link = None
            if self.transport == 'http_plain':
                batch.state = 'unknown'
                return True
            time.sleep(0.005)
            return False
        if not reply.get('ok'):
            if 'retry_after_ms' not in reply:
                self.faults.append(reply)
                batch.state = 'refused'
                return True
            self.waits.append(reply)
            if self.abandons:
                batch.state = 'refused'
                return True
            self.stopping.wait(min(RETRY_SLEEP_S, reply['retry_after_ms'] / 1000))
            return False
        if reply.get('pushed'):
            batch.state = 'pushed'
            return True
        whole = reply.get('whole') or reply.get('duplicate') or (reply['accepted'] == batch.count and reply['rejected'] == 0)
        if not whole:
            self.faults.append(reply)
        batch.duplicate, batch.state = bool(reply.get('duplicate')), 'acked'
        self.slowest_ack_s = max(self.slowest_ack_s, time.monotonic() - started)
        return True

    def run(self):
        while not self.stopping.is_set():
            if not self.pending:
                self.pending = self.next_batch()
            if self.attempt(self.pending):
                self.pending = None
            if self.pause_s:
                self.stopping.wait(self.pause_s)

    # ---- life ----
    def start(self):
        assert not self.thread, f'{self.name} runs already'
        self.stopping.clear()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def stop(self):
        """Ends the sending; a batch under way stays pending."""
        self.stopping.set()
        if self.thread:
            self.thread.join(30)
            assert not self.thread.is_alive(), f'{self.name} hangs'
            self.thread = None

    def settle(self, timeout=10):
        """Sends the pending batch until it is acknowledged."""
        deadline = time.monotonic() + timeout
        while self.pending and not self.attempt(self.pending):
            assert time.monotonic() < deadline, f'{self.name}: batch {self.pending.seq} is not settled'
        self.pending = None

    def close(self):
        self.stop()
        if self.link:
            self.link.close()
            self.link = None

    def send(self, count=1, timeout=10):
        """Sends so many batches, each until it is settled, in the caller's thread."""
        for _ in range(count):
            self.pending = self.next_batch()
            self.settle(timeout)

    def acked(self):
        return sum(batch.state == 'acked' for batch in self.batches)

    def duplicates(self):
        return sum(batch.duplicate for batch in self.batches)


_EVENT = re.compile(LEDGER_LABEL + r'=([^,\s]+).* (?:amount=|message="m)(\d+)')


def _stored_numbers(series, events):
    """{agent: {number: how often it is stored}}; asserts that each has its own kind, time and value."""
    stored = {}
    for name, points in series.items():
        agent = re.search(LEDGER_LABEL + r'="([^"]+)"', name)
        if not agent:
            continue
        counts = stored.setdefault(agent.group(1), {})
        for when, value in points.items():
            number = when - BASE_MS
            assert number % 3 == 0 and value == Agent.value(number), f'{name} at {when} is {value}'
            counts[number] = 1
    for kind, when, line in events:
        found = _EVENT.search(line)
        if not found:
            continue
        number = int(found.group(2))
        assert kind == {1: 3, 2: 2}[number % 3] and when == BASE_MS + number, f'{kind} {when} {line}'
        counts = stored.setdefault(found.group(1), {})
        counts[number] = counts.get(number, 0) + 1
    return stored


def _is_tally(number):
    return number % 3 == 1


def _counted(contents):
    """{agent: [lines by 10 s, amounts by 10 s]} of the tallies that are stored as counts."""
    counted = {}
    for name, cells in getattr(contents, 'cells', {}).items():
        agent = re.search(LEDGER_LABEL + r'="([^"]+)"', name)
        if agent and name.startswith('tally_pay_'):
            sums = counted.setdefault(agent.group(1), [{}, {}])[name.startswith('tally_pay_amount_sum')]
            for (when, cell), value in cells.items():
                assert cell == 0, f'{name} has cell {cell}'
                sums[when] = value
    return counted


def _check_counted(agent, counted, present):
    """The sums are those of the batches that are there, to the unit: nothing lost, nothing twice."""
    lines, amounts = {}, {}
    for batch in present:
        for number in filter(_is_tally, range(batch.first, batch.first + batch.count)):
            when = (BASE_MS + number) // 10000 * 10000
            lines[when] = lines.get(when, 0) + 1
            amounts[when] = amounts.get(when, 0) + number
    assert counted == [lines, amounts], f'{agent.name}: tallies are counted {counted}, sent {[lines, amounts]}'


def check_ledger(contents, agents):
    """L: every acknowledged line is stored exactly once with its time and value, nothing unsent is there, and
    a batch of unknown outcome is there whole or not at all. contents: as dump() returns it. Returns the number
    of lines that were acknowledged."""
    stored, counted = _stored_numbers(*contents), _counted(contents)
    acked_lines = 0
    for agent in agents:
        counts, present = stored.pop(agent.name, {}), []
        sums = counted.pop(agent.name, None)  # tallies are judged by their sums, if they are counted
        assert not agent.faults, f'{agent.name}: {agent.faults[:3]}'
        for batch in agent.batches:
            numbers = [n for n in range(batch.first, batch.first + batch.count) if sums is None or not _is_tally(n)]
            have = [counts.pop(n, 0) for n in numbers]
            if batch.state == 'acked' if not have else any(have):
                present.append(batch)
            if batch.state == 'acked':
                assert have == [1] * len(have), f'{agent.name} seq {batch.seq} is acknowledged: stored {have}'
                acked_lines += batch.count
            elif batch.state == 'refused':
                assert not any(have), f'{agent.name} seq {batch.seq} is refused: stored {have}'
            elif batch.state == 'pushed':
                assert len(set(have)) <= 1, f'{agent.name} push {batch.seq} is there in part: {have}'
            else:
                assert have in ([0] * len(have), [1] * len(have)), \
                    f'{agent.name} seq {batch.seq} is unknown: stored {have}'
        if sums is not None:
            _check_counted(agent, sums, present)
        assert not counts, f'{agent.name}: never sent, yet stored: {sorted(counts)[:5]}'
    assert not stored and not counted, f'stored of nobody: {list(stored)[:5]} {list(counted)[:5]}'
    return acked_lines


def resident_bytes(pid):
    with open(f'/proc/{pid}/statm', encoding='ascii') as statm:
        return int(statm.read().split()[1]) * 4096


def soak():
    return bool(os.environ.get('SOAK'))


# ---- journal segments, as storage/FORMAT.md has them ----
SEGMENT_HEADER, RECORD_HEADER = 64, 32


def segments(data_dir):
    """Paths of the journal's segments, oldest first."""
    folder = os.path.join(data_dir, 'journal')
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith('.seg')]


def segment_records(path):
    """[(offset, length)] of the records in a segment, in order."""
    import struct
    found = []
    with open(path, 'rb') as segment:
        at = SEGMENT_HEADER
        while True:
            segment.seek(at)
            head = segment.read(RECORD_HEADER)
            if len(head) < RECORD_HEADER or head[:4] != b'tmr1':
                return found
            length = (RECORD_HEADER + struct.unpack_from('<I', head, 4)[0] + 7) // 8 * 8
            found.append((at, length))
            at += length


class Mount:
    """A file system of a given size: ext4 on a loop device, or tmpfs. unavailable: why there is none."""

    def __init__(self, folder, mib, kind='ext4', options=''):
        self.point, self.unavailable = os.path.join(folder, 'mount'), None
        os.makedirs(self.point, exist_ok=True)
        self.image = os.path.join(folder, 'image')
        if kind == 'ext4':
            with open(self.image, 'wb') as image:
                image.truncate(mib << 20)
            made = subprocess.run(['mkfs.ext4', '-q', '-F', '-m', '0', self.image], capture_output=True, text=True)
            if made.returncode:
                self.unavailable = f'mkfs.ext4: {made.stderr.strip()}'
                return
            mount = ['mount', '-o', 'loop' + options, self.image, self.point]
        else:
            mount = ['mount', '-t', 'tmpfs', '-o', f'size={mib}m' + options, 'none', self.point]
        run = subprocess.run(mount, capture_output=True, text=True)
        if run.returncode:
            self.unavailable = f'mounting is not permitted here: {run.stderr.strip()}'

    def free_bytes(self):
        info = os.statvfs(self.point)
        return info.f_bavail * info.f_frsize

    def fill(self, leave_bytes):
        """A ballast file that leaves so much free."""
        with open(os.path.join(self.point, 'ballast'), 'wb') as ballast:
            size, step = 0, 64 << 20
            while step >= 4096:
                want = min(step, self.free_bytes() - leave_bytes)
                try:
                    os.posix_fallocate(ballast.fileno(), size, max(1, want))
                    size += want
                except OSError:
                    step //= 2  # the file system needs some of it for itself
                if self.free_bytes() <= leave_bytes + 4096:
                    break
        return self

    def empty(self):
        os.unlink(os.path.join(self.point, 'ballast'))

    def remount(self, options):
        subprocess.run(['mount', '-o', 'remount,' + options, self.point], check=True)

    def close(self):
        subprocess.run(['umount', self.point], capture_output=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
