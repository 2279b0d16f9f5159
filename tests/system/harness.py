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
DUMP = os.path.join(ROOT, 'build', 'release', 'tests', 'tools', 'dump')
SHIM_IO = os.path.join(ROOT, 'build', 'release', 'tests', 'fault', 'shim_io.so')

_nn = ctypes.CDLL(ctypes.util.find_library('nanomsg') or 'libnanomsg.so.5', use_errno=True)
_nn.nn_strerror.restype = ctypes.c_char_p
AF_SP, AF_SP_RAW = 1, 2
NN_SUB, NN_REQ, NN_PUSH = 2 * 16 + 1, 3 * 16 + 0, 5 * 16 + 0
NN_SNDTIMEO, NN_RCVTIMEO, NN_RECONNECT_IVL, NN_RCVMAXSIZE = 4, 5, 6, 16
NN_REQ_RESEND_IVL, NN_SUB_SUBSCRIBE = 1, 1
NN_MSG = ctypes.c_size_t(-1).value


class NanoError(Exception):
    pass


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

    def terminate(self, timeout=30):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        self.log.close()
        return code

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


def dump(data_dir):
    run = subprocess.run([DUMP, data_dir], capture_output=True)
    assert run.returncode == 0, run.stderr.decode()
    series, events = {}, []
    for line in run.stdout.decode('utf-8', 'surrogateescape').splitlines():
        parts = line.split('\t')
        if parts[0] == 's':
            at = series.setdefault(parts[1], {})
            when = int(parts[2])
            assert when not in at, f'{parts[1]} has time {when} twice'
            at[when] = float.fromhex(parts[3])
        else:
            events.append((int(parts[1]), int(parts[2]), '\t'.join(parts[3:])))
    return series, events


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
    WRITE, SYNC, ALLOCATE, MALLOC, OPEN, FULL = 1, 2, 4, 8, 16, 32

    def __init__(self, folder):
        import mmap
        self.path = os.path.join(folder, 'faults')
        with open(self.path, 'wb') as out:
            out.write(b'\0' * 4096)
        self.file = open(self.path, 'r+b')
        self.map = mmap.mmap(self.file.fileno(), 4096)
        self.env = {'LD_PRELOAD': SHIM_IO, 'TM_FAULT_MAP': self.path}

    def plan(self, ops, error=0, skip=0, count=-1, path=''):
        """From now on: let skip matching calls pass, then fail count of them (-1: all) with this errno."""
        import struct
        self.map[0:4] = struct.pack('<i', 0)
        self.map[64:64 + 256] = path.encode().ljust(256, b'\0')
        self.map[4:24] = struct.pack('<iiiii', error, skip, count, 0, 0)
        self.map[0:4] = struct.pack('<i', ops)

    def off(self):
        import struct
        self.map[0:4] = struct.pack('<i', 0)

    def counts(self):
        """(calls that matched, calls that were made to fail)"""
        import struct
        return struct.unpack('<ii', self.map[16:24])
