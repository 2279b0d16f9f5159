"""Counts of HTTP events against an independent recount of real logs, whatever the order of the replay and however
often the daemon is killed: CONTRACT 2 to 4. EVENTS_ROUNDS sets how many replays of each log there are."""
import glob
import gzip
import json
import os
import random
import re
from collections import Counter
from datetime import datetime
from urllib.parse import unquote_to_bytes, urlencode

import pytest

from harness import ROOT, Daemon, NanoError, Req, soak

LOGS = sorted(glob.glob(os.path.join(os.environ.get('EVENTS_LOGS', os.path.join(ROOT, 'tests', 'data', 'http')), '*.log.gz')))
ROUNDS = int(os.environ.get('EVENTS_ROUNDS', '20' if soak() else '1'))
ROW = re.compile(r'\S+ \S+ \S+ \[([^\]]+)\] "(\S+) (.*?)(?: HTTP/[0-9.]+)?" (\d{3}) (\d+|-)$')
# First match wins, so the order matters: a picture of a blog is a picture.
GROUPS = [('picture', r'\.(?:png|jpe?g|gif|ico)$'), ('style', r'\.(?:css|js)$'), ('blog', r'^/blog/'), ('shows', r'^/presentations/'),
          ('pages', r'^/(?:en|fr|de)/'), ('images', r'/images/'), ('home', r'^/$'), ('file', r'/files?/')]
MINUTE, DAY = 60, 86400
PRODUCERS, BATCH_LINES = 3, 250


class Row:
    """A request of a log, read here and not by the daemon."""
    __slots__ = ('second', 'method', 'url', 'status', 'size')

    def __init__(self, found):
        when, self.method, self.url, status, size = found.groups()
        self.second = int(datetime.strptime(when, '%d/%b/%Y:%H:%M:%S %z').timestamp())
        self.status, self.size = int(status), 0 if size == '-' else int(size)

    def line(self, service):
        url = self.url.replace('\\', '\\\\').replace('"', '\\"')
        return f'http,service={service},method={self.method},status={self.status} url="{url}",bytes={self.size}i {self.second}'

    def group(self):
        """The configured group, None if there is none."""
        path = re.sub(r'^[a-z]+://[^/]*', '', self.url).split('?')[0].split('#')[0]
        path = unquote_to_bytes(path).decode('latin-1') or '/'
        return next((name for name, pattern in GROUPS if re.search(pattern, path)), None)


def read_log(path):
    with gzip.open(path, 'rt', encoding='latin-1') as lines:
        return [Row(found) for found in map(ROW.match, (line.rstrip('\n') for line in lines)) if found]


def batches_of(rows, service, rng, order):
    """[[message, ...] of each producer], the rows dealt to them in the order asked for."""
    rows = list(rows)
    if order == 'shuffled':
        rng.shuffle(rows)
    elif order == 'backwards':
        rows.reverse()
    dealt = []
    for number in range(PRODUCERS):
        mine = rows[number::PRODUCERS]
        texts = ['\n'.join(row.line(service) for row in mine[at:at + BATCH_LINES]) for at in range(0, len(mine), BATCH_LINES)]
        dealt.append([f'#tm1 producer=p{number} epoch=1 seq={seq} precision=s\n{text}'.encode() for seq, text in enumerate(texts, 1)])
    return dealt


def deliver(daemon, link, message):
    """Until it is settled."""
    while True:
        try:
            reply = link.ask(message)
        except NanoError:
            assert daemon.alive()
            continue
        if reply['ok']:
            assert reply['rejected'] == 0, reply
            return reply
        assert 'retry_after_ms' in reply, reply


def replay(daemon, dealt, kills, rng):
    """Sends all batches in turns, kills the daemon so many times and sends a part again after each."""
    with Req(daemon.rep, timeout_ms=2000, resend_ms=200) as link:
        turns = [(number, seq) for seq in range(max(map(len, dealt))) for number in range(PRODUCERS) if seq < len(dealt[number])]
        stops = set(rng.sample(range(1, len(turns)), kills))
        for at, (number, seq) in enumerate(turns):
            if at in stops:
                if rng.random() < 0.5:
                    daemon.request('POST', '/api/v1/admin/flush', timeout=60)
                daemon.kill()
                daemon.start()
                for back, again in turns[max(0, at - 40):at]:
                    assert deliver(daemon, link, dealt[back][again])['duplicate']
            deliver(daemon, link, dealt[number][seq])


def ask(daemon, name, **query):
    pairs = [('name', name), ('limit', 10000)] + [(key.rstrip('_'), value) for key, value in query.items()]
    status, answer, _ = daemon.request('GET', '/api/v1/counts?' + urlencode(pairs), timeout=60)
    assert status == 200, answer
    data = json.loads(answer)['data']
    assert data['next'] is None
    return data['items']


def counted_by_minute(daemon, rows, service):
    """({(minute, group, status): count}, {(minute, status): count of learned groups}), asked day by day."""
    known = {name for name, _ in GROUPS}
    configured, learned = Counter(), Counter()
    for day in range(min(r.second for r in rows) // DAY, max(r.second for r in rows) // DAY + 1):
        for item in ask(daemon, 'http_events_total', service=service, by='page_group,status', step='1m', from_=day * DAY, to=(day + 1) * DAY):
            group, status = item['labels'].get('page_group'), int(item['labels']['status'])
            assert group, 'each of these lines has a URL'
            for second, count in item['points']:
                if count and group in known:
                    configured[second // MINUTE, group, status] += count
                elif count:
                    learned[second // MINUTE, status] += count
    return configured, learned


def check(daemon, rows, service):
    configured, learned = counted_by_minute(daemon, rows, service)
    assert configured == Counter((r.second // MINUTE, r.group(), r.status) for r in rows if r.group())
    assert learned == Counter((r.second // MINUTE, r.status) for r in rows if not r.group())
    sizes = Counter()
    for row in rows:
        sizes[row.group()] += row.size
    found = Counter()
    for item in ask(daemon, 'http_event_bytes_total', service=service, by='page_group'):
        group = item['labels']['page_group']
        found[group if group in dict(GROUPS) else None] += item['points'][0][1]
    assert found == +sizes


@pytest.mark.parametrize('order,kills', [('as logged', 0), ('shuffled', 3), ('backwards', 2)])
@pytest.mark.parametrize('path', LOGS, ids=[os.path.basename(path).split('.')[0] for path in LOGS])
def test_each_minute_counts_what_the_log_has(path, order, kills):
    """Configured groups one by one, learned ones in total: URLs of these are folded as they come."""
    rows, service = read_log(path), 'web'
    assert len(rows) > 1000 and len({r.group() for r in rows}) > 3
    config = {'storage': {'retention': {'raw': '100y', 'events': '100y'}, 'flush_interval': '200ms'},
              'services': [{'name': service, 'page_groups': [{'name': name, 'match': match} for name, match in GROUPS]}]}
    for round_ in range(ROUNDS if kills else 1):
        rng = random.Random(f'{path} {order} {round_}')
        with Daemon(config=config) as daemon:
            daemon.pin_ports()
            replay(daemon, batches_of(rows, service, rng, order), kills, rng)
            check(daemon, rows, service)
            assert daemon.request('POST', '/api/v1/admin/flush', timeout=60)[0] == 200
            daemon.restart()
            check(daemon, rows, service)


def test_there_are_logs():
    if not LOGS:
        pytest.skip('tests/data/http has no logs')
    assert LOGS
