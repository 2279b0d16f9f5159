"""Who answers PromQL in the comparison: Debian's Prometheus, the daemon, and the evaluation over samples in memory."""
import json
import subprocess

import remote_write
from prometheus import PROGRAM, Asker

STALE = 'stale'
STALE_BITS = (0x7ff0000000000002,)


def is_242():
    """Is Prometheus there, and of the version that is the measure?"""
    if not PROGRAM:
        return False
    told = subprocess.run([PROGRAM, '--version'], capture_output=True, text=True, check=False)
    return 'version 2.42' in told.stdout + told.stderr


def _bits(samples):
    return [(time_ms, STALE_BITS if value == STALE else value) for time_ms, value in samples]


class Server:
    """Prometheus or the daemon, over HTTP alone."""

    def __init__(self, address):
        self.asker = Asker(address)

    def push(self, series):
        """[(labels, [(time_ms, value)])], sent in order of time, since Prometheus takes no other."""
        times = sorted({t for _, samples in series for t, _ in samples})
        for at in range(0, len(times), 50):
            first, last = times[at], times[min(at + 49, len(times) - 1)]
            part = [(labels, [s for s in samples if first <= s[0] <= last]) for labels, samples in series]
            body = b''.join(remote_write.series(labels, _bits(samples)) for labels, samples in part if samples)
            self.asker.connection.request('POST', '/api/v1/write', remote_write.snappy(body), remote_write.HEADERS)
            answer = self.asker.connection.getresponse()
            text = answer.read()
            assert answer.status == 204, text

    def ask(self, query, start, end=None, step=None):
        """The API's document; times and step in ms; without step an instant query."""
        if step:
            return self.asker.ask('query_range', query=query, start=f'{start / 1000:.3f}', end=f'{end / 1000:.3f}',
                                  step=f'{step / 1000:.3f}')[1]
        return self.asker.ask('query', query=query, time=f'{start / 1000:.3f}')[1]


class Memory:
    """The same questions to our evaluation, over the same samples in memory; a context."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(30) == 0

    def push(self, series):
        """As Server.push."""
        lines = []
        for labels, samples in series:
            lines.append('s' + ''.join(f'\t{name}={value}' for name, value in labels.items()))
            lines += [f'p {t} {value if value == STALE else repr(value)}' for t, value in samples]
        self.process.stdin.write(('\n'.join(lines) + '\n').encode())

    def ask(self, query, start, end=None, step=None):
        """As Server.ask."""
        assert '\n' not in query
        self.process.stdin.write(f'q {start} {end or start} {step or 0} {query}\n'.encode())
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f'the evaluation died of {query}'
        return json.loads(line)
