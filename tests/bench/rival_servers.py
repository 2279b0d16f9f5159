"""The stores that `make bench-rivals` runs side by side: tidemark and three of Debian's, each on loopback in a folder of
its own, ended by its own pid."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'system'))
import harness  # noqa: E402
import measure  # noqa: E402

SETTLE = os.path.join(harness.BUILD, 'tests', 'bench', 'bench_settle')


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def get(url, data=None, timeout=60):
    request = urllib.request.Request(url, data=data, method='POST' if data is not None else 'GET')
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.read()


class Rival:
    """One foreign server. name, kind (of lines), path (to post to), ready (path that answers once it serves)."""
    name = kind = path = ready = promise = package = ''
    settle_paths = ()
    settle_wait_s = 1

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix=f'tm-rival-{self.name}-', dir=os.environ.get('BENCH_DIR'))
        self.data_dir = os.path.join(self.folder, 'data')
        self.port, self.process, self.more_ports = free_port(), None, [free_port()]
        os.mkdir(self.data_dir)

    def command(self):
        raise NotImplementedError

    def url(self, path):
        return f'http://127.0.0.1:{self.port}{path}'

    def pids(self):
        return [self.process.pid]

    def start(self):
        """Returns the seconds until it is ready."""
        began = time.monotonic()
        with open(os.path.join(self.folder, 'log'), 'ab') as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.folder)
        while time.monotonic() < began + 120:
            try:
                get(self.url(self.ready), timeout=5)
                self.prepare()
                return time.monotonic() - began
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if self.process.poll() is not None:
                    raise SystemExit(f'{self.name} ended: see {self.folder}/log') from None
                time.sleep(0.01)
        raise SystemExit(f'{self.name} is not ready after 120 s: see {self.folder}/log')

    def prepare(self):
        """After each start, before lines are sent."""

    def settle(self):
        """Makes it write what it holds and waits until it rests. False: it did not in time."""
        for path in self.settle_paths:
            get(self.url(path))
        time.sleep(self.settle_wait_s)
        return measure.wait_quiet(self.pids)

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def remove(self):
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


class Victoria(Rival):
    name, kind, path, ready, package = 'victoria-metrics', 'influx', '/write?precision=ms', '/health', 'victoria-metrics'
    promise = 'in memory; on disk seconds later'
    settle_paths = ('/internal/force_flush', '/internal/force_merge')

    def command(self):
        return ['victoria-metrics', f'-storageDataPath={self.data_dir}', f'-httpListenAddr=127.0.0.1:{self.port}',
                '-retentionPeriod=100y', '-influxSkipSingleField', '-search.maxUniqueTimeseries=2000000',
                '-loggerLevel=WARN']


class Prometheus(Rival):
    name, kind, path, ready, package = 'prometheus', 'prom', '/api/v1/write', '/-/ready', 'prometheus'
    promise = 'written to its log, not synced'
    settle_wait_s = 5

    def command(self):
        config = os.path.join(self.folder, 'prometheus.yml')
        with open(config, 'w', encoding='ascii') as out:
            out.write('global:\n  scrape_interval: 1h\n')
        return ['prometheus', f'--config.file={config}', f'--storage.tsdb.path={self.data_dir}',
                f'--web.listen-address=127.0.0.1:{self.port}', '--web.enable-remote-write-receiver', '--log.level=warn']


class Influx(Rival):
    name, kind, path, ready, package = 'influxdb', 'influx', '/write?db=bench&precision=ms', '/ping', 'influxdb'
    promise = 'written and synced'
    settle_wait_s = 32  # its cache is written 10 s after the last line, compacted 20 s after

    def command(self):
        config = os.path.join(self.folder, 'influx.conf')
        with open(config, 'w', encoding='ascii') as out:
            out.write(f'''reporting-disabled = true
bind-address = "127.0.0.1:{self.more_ports[0]}"
[meta]
  dir = "{self.data_dir}/meta"
[data]
  dir = "{self.data_dir}/data"
  wal-dir = "{self.data_dir}/wal"
  max-series-per-database = 0
  max-values-per-tag = 0
  query-log-enabled = false
  cache-snapshot-write-cold-duration = "10s"
  compact-full-write-cold-duration = "20s"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{self.port}"
  log-enabled = false
[logging]
  level = "warn"
''')
        return ['influxd', '-config', config]

    def prepare(self):
        get(self.url('/query?q=CREATE%20DATABASE%20bench'), data=b'')


class Tidemark:
    """The daemon of this tree; its gates count too."""
    name, kind, path = 'tidemark', 'influx', '/write?precision=ms'
    promise = 'written and synced'

    def __init__(self, **config):
        self.folder = tempfile.mkdtemp(prefix='tm-rival-tidemark-', dir=os.environ.get('BENCH_DIR'))
        self.config = {'limits': {'max_series': 2000000, 'max_series_per_service': 2000000}, **config}
        self.daemon = harness.Daemon(folder=self.folder, config=self.config)
        self.data_dir = self.daemon.data_dir

    @property
    def port(self):
        return int(self.daemon.http.rsplit(':', 1)[1])

    def pids(self):
        return [self.daemon.process.pid] + self.daemon.gates()

    def start(self):
        self.daemon.start(timeout=120)
        return self.daemon.ready_s

    def settle(self):
        status, body, _ = self.daemon.request('POST', '/api/v1/admin/flush', timeout=300)
        if status != 200:
            raise SystemExit(f'flush failed: {body!r}')
        return measure.wait_quiet(self.pids)

    def stop(self, how=signal.SIGTERM):
        if self.daemon.process and self.daemon.process.poll() is None:
            self.daemon.terminate(60) if how == signal.SIGTERM else self.daemon.kill()

    def days_later(self):
        """What the stopped folder comes to when its days are over; what that costs."""
        out = subprocess.run([SETTLE, self.data_dir, '50'], capture_output=True, text=True, check=True).stdout
        return json.loads(out)

    def remove(self):
        self.daemon.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


RIVALS = (Victoria, Prometheus, Influx)


def missing():
    """Packages of rivals that are not installed."""
    programs = {'victoria-metrics': 'victoria-metrics', 'prometheus': 'prometheus', 'influxdb': 'influxd'}
    return [rival.package for rival in RIVALS if not shutil.which(programs[rival.package])]


def versions():
    """{package: version} as Debian has them."""
    out = {}
    for rival in RIVALS:
        run = subprocess.run(['dpkg-query', '-W', '-f=${Version}', rival.package], capture_output=True, text=True)
        out[rival.name] = run.stdout or 'not from a package'
    return out
