"""Deploys of services that are made of a real access log, clean and faulty ones, through the real daemon.

Each service draws its requests from the log (page group and status together), Poisson in time with minutes that vary;
latencies, exceptions, heap and processor are drawn beside it. Clean ones: calm, with thirty times the traffic, minutes
after another deploy. Faulty ones: 404s in one page group, 5xx, latency, exceptions, leaks. VERDICT_DEPLOYS=600 for more."""
import collections
import gzip
import json
import math
import os
import random

from harness import ROOT, SANITISED, now_ms

T = now_ms() // 3600000 * 3600 - 86400
DEPLOYS = int(os.environ.get('VERDICT_DEPLOYS', '15' if SANITISED else '60'))
FAULTS = ('404', '5xx', 'latency', 'exceptions', 'leak')
BEFORE, AFTER, LEAK = 3600, 1200, 8 * 3600 + 300
MIB = 1 << 20


def read_log():
    """(page group, status) of each request; groups are first folders, rare ones together."""
    out = []
    with gzip.open(os.path.join(ROOT, 'tests', 'data', 'http', 'hurence.log.gz'), 'rt', encoding='ascii') as log:
        for line in log:
            parts = line.split('"')
            if len(parts) < 3:
                continue
            words, status = parts[1].split(), parts[2].split()[0]
            if len(words) > 1 and status.isdigit():
                folder = words[1].split('?')[0].split('/')[1:2]
                out.append((folder[0] if folder and folder[0] else 'home', int(status)))
    often = {group for group, _ in collections.Counter(group for group, _ in out).most_common(15)}
    return [(''.join(c if c.isalnum() else '-' for c in group) if group in often else 'other', status) for group, status in out]


def poisson(chance, mean):
    if mean > 30:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, chance.random()
    while product > limit:
        product *= chance.random()
        count += 1
    return count


class Service:
    """One deploy at self.at; fault None: a clean one."""

    def __init__(self, number, log, usual, fault=None, surge=1, overlaps=False):
        self.chance = random.Random(1000 + number)
        self.name, self.log, self.fault, self.surge, self.overlaps = f's{number}', log, fault, surge, overlaps
        self.at = T + number % 60 * 10
        self.rate = self.chance.choice((3, 6, 12)) if surge == 1 else 1
        self.median_ms = self.chance.uniform(20, 200)
        self.group = self.chance.choice(usual)
        self.size = {'404': self.chance.uniform(0.25, 0.6), '5xx': self.chance.uniform(0.02, 0.2),
                     'latency': self.chance.uniform(2, 4), 'exceptions': self.chance.uniform(8, 30),
                     'leak': self.chance.uniform(20, 60)}.get(fault, 0)

    def request(self, group, status, fails):
        if fails and self.fault == '404' and group == self.group and self.chance.random() < self.size:
            return 404
        if fails and self.fault == '5xx' and self.chance.random() < self.size:
            return 500
        return status

    def tick(self, at, fails, out):
        busy = self.rate * (self.surge if at >= self.at else 1) * self.minute
        n = poisson(self.chance, 10 * busy)
        slow = self.median_ms * (self.size if fails and self.fault == 'latency' else 1)
        for group, status in self.chance.choices(self.log, k=n):
            status = self.request(group, status, fails)
            out.append(f'http,service={self.name},method=GET,status={status},page_group={group} '
                       f'url="/{group}",duration_ms={slow * math.exp(self.chance.gauss(0, 0.7)):.3f} {at}000000000')
        thrown = poisson(self.chance, n * 0.002 * (self.size if fails and self.fault == 'exceptions' else 1))
        if thrown:
            out.append(f'exception,service={self.name},type=Timeout message="x",count={thrown}i {at}000000000')

    def gauges(self, out):
        end = self.at + (LEAK if self.fault == 'leak' else AFTER)
        off = 0
        for at in range(self.at - BEFORE, end, 60):
            off = 0.8 * off + self.chance.gauss(0, 3)
            grown = self.size * (at - self.at) / 3600 if self.fault == 'leak' and at >= self.at else 0
            out.append(f'heap_used_bytes,service={self.name} value={(200 + off + grown) * MIB:.0f} {at}000000000')
            busy = self.surge if at >= self.at else 1
            out.append(f'cpu_usage,service={self.name} value={busy * (0.02 + self.chance.gauss(0, 0.002)):.5f} {at}000000000')
        out.append(f'heap_limit_bytes,service={self.name} value={900 * MIB} {self.at}000000000')

    def lines(self):
        out = [f'deploy,service={self.name} version="2" {self.at}000000000']
        if self.overlaps:
            out.append(f'deploy,service={self.name} version="1" {self.at - 300}000000000')
        for at in range(self.at - BEFORE, self.at + AFTER, 10):
            if at % 60 == 0 or at == self.at - BEFORE:
                self.minute = math.exp(self.chance.gauss(0, 0.1))
            self.tick(at, at >= self.at, out)
        self.gauges(out)
        return out


def plan(count, log):
    """Two thirds are clean; of these a fifth with a surge, a fifth shortly behind another deploy."""
    seen = collections.Counter(group for group, _ in log)
    failed = collections.Counter(group for group, status in log if status >= 400)
    # Where a fault can be seen: some traffic, and what is asked for is mostly there.
    usual = sorted(group for group, n in seen.items() if n > len(log) * 0.03 and failed[group] < n * 0.2)
    for number in range(count):
        if number % 3 == 2:
            yield Service(number, log, usual, fault=FAULTS[number // 3 % len(FAULTS)])
        else:
            yield Service(number, log, usual, surge=30 if number % 15 in (3, 4) else 1, overlaps=number % 15 in (6, 7))


def judge(daemon, service):
    lines = service.lines()
    for i in range(0, len(lines), 5000):
        code, body, _ = daemon.write('\n'.join(lines[i:i + 5000]))
        assert code == 204, body
    code, body, _ = daemon.request('GET', f'/api/v1/verdicts?service={service.name}&version=2')
    assert code == 200, body
    [item] = json.loads(body)['data']['items']
    return item


def seconds_to_bad(item):
    def of(text):
        return int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])
    return (of(item['bad_at']) - of(item['since'])) % 86400 if item['bad_at'] else None


def test_faulty_deploys_are_called_bad_and_clean_ones_are_not(daemon):
    log = read_log()
    assert len(log) > 28000
    wrong, missed, first, named, times = [], [], [], [], []
    counts = collections.Counter()
    for service in plan(DEPLOYS, log):
        item = judge(daemon, service)
        counts['faulty' if service.fault else 'clean'] += 1
        counts[service.fault, item['verdict']] += 1
        if service.fault and item['verdict'] != 'bad':
            missed.append((service.name, service.fault, service.size, item['text']))
        elif not service.fault and item['verdict'] == 'bad':
            wrong.append((service.name, service.surge, service.overlaps, item['text']))
        elif not service.fault and any(row['at_fault'] for row in item['groups']):
            named.append((service.name, item['groups'][0]))
        if service.fault == '404':
            first.append(item['groups'][0]['page_group'] == service.group)
        if service.fault not in (None, 'leak') and item['bad_at']:
            times.append(seconds_to_bad(item))
    times.sort()
    print(f'{dict(counts)}; bad after {times[len(times) // 2]} s (median), {times[-1]} s at most; right group first '
          f'{sum(first)} of {len(first)}; missed {missed}; wrong {wrong}; named {named}')
    assert len(wrong) * 100 <= counts['clean'], wrong
    assert len(named) * 100 <= counts['clean'], named
    assert len(missed) * 20 <= counts['faulty'], missed
    assert sum(first) * 20 >= len(first) * 19
