"""The real Prometheus of Debian, on a free port of its own, to compare with. Tests that use it are skipped where it isn't."""
import http.client
import json
import shutil
import socket
import subprocess
import tempfile
from urllib.parse import urlencode

import pytest

from harness import wait_for

PROGRAM = shutil.which('prometheus')
FORM = {'Content-Type': 'application/x-www-form-urlencoded'}

needed = pytest.mark.skipif(PROGRAM is None, reason='there is no prometheus here: apt-get install prometheus')


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Asker:
    """Forms to one HTTP server over a connection that stays."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=30)

    def ask(self, path, **params):
        """(status, document)"""
        self.connection.request('POST', '/api/v1/' + path, urlencode(params), FORM)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())

    def close(self):
        self.connection.close()


class Prometheus:
    """It takes remote write; it scrapes nothing."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix='tm_prometheus_')
        with open(self.folder + '/p.yml', 'w') as f:
            f.write('global: {}\n')
        self.address = '127.0.0.1:%d' % free_port()
        self.process = subprocess.Popen(
            [PROGRAM, '--config.file=' + self.folder + '/p.yml', '--storage.tsdb.path=' + self.folder + '/data',
             '--web.listen-address=' + self.address, '--web.enable-remote-write-receiver',
             '--storage.tsdb.retention.time=100y', '--log.level=error'], stderr=subprocess.DEVNULL)
        wait_for(self.is_ready, timeout=30, every=0.1)
        return self

    def is_ready(self):
        try:
            return Asker(self.address).ask('query', query='1')[0] == 200
        except (OSError, ValueError):
            return False

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)
