"""Weekly reports, on the real binaries: every number is counted again from what was sent (CONTRACT 8)."""
import collections
import csv
import datetime
import glob
import gzip
import hashlib
import html
import io
import json
import math
import os
import re
import signal
import subprocess
import time
import urllib.parse
import zoneinfo

import pytest

from harness import BUILD, ROOT, Daemon, command, now_ms

REPORT = os.path.join(BUILD, 'tidemark-report')
FINDINGS = os.path.join(BUILD, 'tests', 'tools', 'findings')
LOG = os.path.join(ROOT, 'tests/data/http/hurence.log.gz')
SCHEMA = os.path.join(ROOT, 'reports/report.schema.json')
WEEK_S = 7 * 86400
KEEP = {'storage': {'retention': {'events': '80d', 'raw': '80d'}}}
LINE = re.compile(r'\S+ \S+ \S+ \[([^\]]+)\] "([^"]*)" (\d{3}) ')


@pytest.fixture
def daemon():
    with Daemon(config=KEEP) as running:
        yield running


def escape(text):
    return re.sub(r'([,= ])', r'\\\1', text)


def real_requests():
    """(seconds, status, page group) of the log, moved by whole weeks to end in a week that is over."""
    out = []
    with gzip.open(LOG, 'rt', encoding='ascii') as lines:
        for line in lines:
            found = LINE.match(line)
            at = datetime.datetime.strptime(found.group(1), '%d/%b/%Y:%H:%M:%S %z').timestamp()
            path = (found.group(2).split() + ['', ''])[1].split('?')[0]
            group = re.sub(r'\W', '_', path.strip('/').split('/')[0])[:20]
            out.append((int(at), int(found.group(3)), group or 'home'))
    last = max(at for at, _, _ in out)
    # Its last day is a Sunday: behind it the week is over.
    shift = int((now_ms() / 1000 - 2 * 86400 - last) // WEEK_S) * WEEK_S
    return [(at + shift, status, group) for at, status, group in out]


class Sent:
    """What was pushed, and what must come of it."""

    def __init__(self):
        self.requests, self.exceptions, self.deploys = real_requests(), [], []
        end = max(at for at, _, _ in self.requests)
        self.middle = end - 3 * 86400
        for day in range(13):
            for i in range(3 + day):
                self.exceptions.append((end - (13 - day) * 86400 + i * 700, 'TimeoutError', 'the pool is empty', 2))
        for i in range(25):
            self.exceptions.append((self.middle + i * 60, 'KeyError', f'basket {1000 + i} is gone', 1))
        self.deploys.append((self.middle - 3605, '1.8.3'))

    def lines(self, service='shop'):
        for at, status, group in self.requests:
            yield (f'http,service={service},method=GET,status={status},page_group={escape(group)} '
                   f'url="/{group}",duration_ms={10 + status % 7} {at}000000000')
        for at, kind, message, count in self.exceptions:
            yield (f'exception,service={service},type={kind},release=1.8.3 message="{message}",'
                   f'stack="at Shop.pay(Shop.java:10)",count={count}i {at}000000000')
        for at, version in self.deploys:
            yield f'deploy,service={service} version="{version}",by="ci" {at}000000000'


def push(daemon, lines):
    lines = list(lines)
    for i in range(0, len(lines), 3000):
        code, body, _ = daemon.write('\n'.join(lines[i:i + 3000]))
        assert code == 204, body


def week_of(seconds, zone):
    year, week, _ = datetime.datetime.fromtimestamp(seconds, zone).isocalendar()
    return f'{year}-W{week:02d}'


def span_of(week, zone):
    """The local week, in seconds."""
    year, number = int(week[:4]), int(week[6:])
    monday = datetime.date.fromisocalendar(year, number, 1)

    def midnight(day):
        return int(datetime.datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())
    return midnight(monday), midnight(monday + datetime.timedelta(days=7))


def make(data_dir, out, *words, good=True):
    run = subprocess.run([REPORT, '--data-dir', data_dir, '--out', out, *words], capture_output=True, text=True,
                         timeout=120)
    if good:
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)
    return run.returncode, run.stderr


def path_of(out, service, week, extension):
    return f'{out}/{service}/{week}/exceptions_{service}_{week}.{extension}'


def read(*where):
    with open(path_of(*where), 'rb') as file:
        return file.read()


def report_of(out, service, week):
    return json.loads(read(out, service, week, 'json'))


# ---- a validator for the part of JSON Schema that the schema uses ----

TYPES = {'string': str, 'object': dict, 'array': list, 'boolean': bool}


def is_type(value, name):
    if name == 'null':
        return value is None
    if name in ('number', 'integer'):
        return not isinstance(value, bool) and isinstance(value, (int, float)) and (name == 'number' or value == int(value))
    return isinstance(value, TYPES[name])


def validate(value, schema, root, where='$'):
    if '$ref' in schema:
        for part in schema['$ref'].split('/')[1:]:
            root_part = root if part == '$defs' else None
            schema = root['$defs'] if root_part else schema[part]
    known = {'type', 'properties', 'required', 'additionalProperties', 'items', 'enum', 'const', 'minimum', 'maximum',
             'pattern', 'minItems', 'maxItems', '$schema', 'title', 'description', '$defs'}
    assert set(schema) <= known, f'{where}: the validator does not know {set(schema) - known}'
    if 'const' in schema:
        assert value == schema['const'], where
    if 'enum' in schema:
        assert value in schema['enum'], f'{where}: {value!r}'
    if 'type' in schema:
        names = schema['type'] if isinstance(schema['type'], list) else [schema['type']]
        assert any(is_type(value, name) for name in names), f'{where}: {value!r} is no {names}'
    if isinstance(value, str) and 'pattern' in schema:
        assert re.search(schema['pattern'], value), f'{where}: {value!r}'
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        assert schema.get('minimum', value) <= value <= schema.get('maximum', value), f'{where}: {value}'
    if isinstance(value, list):
        assert schema.get('minItems', 0) <= len(value) <= schema.get('maxItems', len(value)), where
        for i, item in enumerate(value):
            validate(item, schema['items'], root, f'{where}[{i}]')
    if isinstance(value, dict):
        assert set(schema['required']) <= set(value), f'{where}: {set(schema["required"]) - set(value)}'
        assert set(value) <= set(schema['properties']), f'{where}: {set(value) - set(schema["properties"])}'
        for name, item in value.items():
            validate(item, schema['properties'][name], root, f'{where}.{name}')


# ---- the recount ----

def recount(sent, report, zone):
    start, end = span_of(report['week'], zone)
    before, _ = span_of(week_of(start - 86400, zone), zone)

    def inside(at):
        return start <= at < end

    def last(at):
        return before <= at < start

    strip = report['strip']
    requests = [r for r in sent.requests if inside(r[0])]
    old = [r for r in sent.requests if last(r[0])]
    classes = collections.Counter(status // 100 for _, status, _ in requests)
    thrown = sum(e[3] for e in sent.exceptions if inside(e[0]))
    assert strip['requests']['now'] == len(requests)
    assert strip['exceptions']['now'] == thrown
    assert math.isclose(strip['exceptions_per_10k']['now'], thrown / len(requests) * 1e4)
    assert math.isclose(strip['client_errors_percent']['now'], 100 * classes[4] / len(requests))
    assert strip['server_errors_percent']['now'] == 100 * classes[5] / len(requests)
    # last week counts as a measure where half of its hours are there
    if len({(at - before) // 3600 for at, _, _ in old}) * 2 >= (start - before) // 3600:
        assert strip['requests']['last_week'] == len(old)
        assert strip['exceptions']['last_week'] == sum(e[3] for e in sent.exceptions if last(e[0]))

    groups, olds, firsts, lasts = collections.Counter(), collections.Counter(), {}, {}
    for at, name, count in ([(at, f'HTTP {status} {group}', 1) for at, status, group in sent.requests if status >= 400] +
                            [(at, kind, count) for at, kind, _, count in sent.exceptions]):
        groups[name] += count if inside(at) else 0
        olds[name] += count if last(at) else 0
        if at < end:
            firsts[name], lasts[name] = min(at, firsts.get(name, at)), max(at, lasts.get(name, at))
    items = {item['message'] if item['kind'] == 'request' else item['type']: (name, item)
             for name, list_ in report['lists'].items() for item in list_}
    assert sum(len(list_) for list_ in report['lists'].values()) == len(items), 'a group stands in two lists'
    total = sum(groups.values())
    assert report['total'] == total
    seen = {name for name, count in groups.items() if count}
    assert seen <= set(items)
    assert all(name == 'resolved' for key, (name, _) in items.items() if key not in seen)
    for name in seen:
        place, item = items[name]
        assert (item['count'], item['last_week']) == (groups[name], olds[name]), name
        assert item['weeks'][-2:] == [olds[name], groups[name]]
        assert math.isclose(item['share'], groups[name] / total)
        assert math.isclose(item['per_10k'], groups[name] / len(requests) * 1e4)
        assert item['first'] == stamp(firsts[name])
        if max(at for at, *_ in sent.requests + sent.exceptions) < end:
            assert item['last'] == stamp(lasts[name])
        assert (place == 'new') == (firsts[name] >= start), name
    assert strip['groups']['now'] == len(seen)
    assert strip['new']['now'] == len(report['lists']['new']) == sum(firsts[n] >= start for n in seen)

    assert len(report['hours']) == (end - start) // 3600
    heat = collections.Counter()
    for i, hour in enumerate(report['hours']):
        from_, to = start + i * 3600, start + (i + 1) * 3600
        mine = [status for at, status, _ in requests if from_ <= at < to]
        errors = sum(e[3] for e in sent.exceptions if from_ <= e[0] < to)
        failures = sum(status >= 400 for status in mine) + errors
        assert hour['start'] == stamp(from_)
        assert hour['requests'] == len(mine)
        assert hour['classes'] == [sum(status // 100 == c for status in mine) for c in range(1, 6)]
        assert hour['failures'] == (failures if mine or errors else None)
        if mine:
            durations = sorted(10 + status % 7 for status in mine)
            for q, told in zip((0.5, 0.9, 0.99), hour['latency_ms']):
                exact = durations[math.ceil(q * len(durations)) - 1]
                assert exact <= told * 1.0001 <= exact * 1.0501
        if mine or errors:
            local = datetime.datetime.fromtimestamp(from_, zone)
            heat[local.weekday(), local.hour] += failures
    for day in range(7):
        for hour in range(24):
            assert (report['heat'][day][hour] or 0) == heat[day, hour]
    assert report['trend'][-1] == {'week': report['week'], 'exceptions': thrown, 'requests': len(requests),
                                   'failures': total}
    empty = sum(h['failures'] is None for h in report['hours'])
    assert report['quality']['hours_seen'] == len(report['hours']) - empty

    for deploy, (at, version) in zip(report['deploys'], [d for d in sent.deploys if inside(d[0])], strict=True):
        cell = at // 10 * 10
        assert (deploy['version'], deploy['time'], deploy['by']) == (version, stamp(at), 'ci')
        for side, from_, to in (('before', cell - 3600, cell), ('after', cell, cell + 3600)):
            mine = [status for t, status, _ in sent.requests if from_ <= t < to]
            errors = sum(e[3] for e in sent.exceptions if from_ <= e[0] < to)
            assert deploy[f'{side}_n'] == len(mine)
            assert deploy[f'{side}_k'] == sum(status >= 400 for status in mine) + errors


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.000Z')


def test_every_number_equals_a_recount_of_what_was_sent(daemon, tmp_path):
    sent = Sent()
    push(daemon, sent.lines())
    schema = json.load(open(SCHEMA, encoding='utf-8'))
    end = max(at for at, _, _ in sent.requests)
    for name, language in (('UTC', 'en'), ('Asia/Seoul', 'ko'), ('America/New_York', 'en')):
        zone, out = zoneinfo.ZoneInfo(name), str(tmp_path / name.replace('/', '_'))
        for at in (end, end - WEEK_S):
            week = week_of(at, zone)
            made = make(daemon.data_dir, out, '--week', week, '--zone', name, '--language', language)
            assert [item['service'] for item in made['items']] == ['shop']
            report = report_of(out, 'shop', week)
            validate(report, schema, schema)
            recount(sent, report, zone)
            check_renderings(out, week, report)


def check_renderings(out, week, report):
    rows = [row for row in csv.DictReader(io.StringIO(read(out, 'shop', week, 'csv').decode(), newline=''))
            if row['list'] != 'incident']
    items = [item for list_ in report['lists'].values() for item in list_]
    assert [(row['id'], int(row['count'])) for row in rows] == [(item['id'], item['count']) for item in items]
    page, markdown = read(out, 'shop', week, 'html').decode(), read(out, 'shop', week, 'md').decode()
    for text in (page, markdown):
        assert f"{int(report['strip']['requests']['now']):,}" in text
        for item in items[:1]:
            assert f"{item['count']:,}" in text
    assert len(page) < 2 << 20
    for outside in ('<script', 'http://', 'https://', '<link rel="stylesheet"', '@import', 'url('):
        assert outside not in page


def gauge_of(pod, week, minute):
    """Of pods 3 and 7 it is higher in the incident of the last week."""
    return 50 + (pod * 31 + week * 17 + minute * 7) % 11 / 10 + (4 * pod if week == 0 and pod in (3, 7) and minute >= 30 else 0)


def test_an_incident_ranks_all_series_as_diff_does(daemon, tmp_path):
    """Over gauges, counters and counts of the service: the same figures as /api/v1/diff has for the window, and as were sent."""
    utc = datetime.timezone.utc
    monday, end = span_of(week_of(now_ms() / 1000 - 7 * 86400, utc), utc)
    start, lines = monday + 2 * 86400 + 12 * 3600, []
    for week in range(5):
        for at in range(monday - week * WEEK_S, end - week * WEEK_S, 3600):
            lines.append(f'http,service=shop,method=GET,status=200,page_group=home url="/" {at}000000000')
        for minute in range(60):
            at = start - week * WEEK_S + (minute - 30) * 60
            lines += [f'load,service=shop,pod=p{pod} value={gauge_of(pod, week, minute)} {at}000000000' for pod in range(10)]
            slow = 400 if week == 0 and minute >= 30 else 20
            lines.append(f'http,service=shop,method=GET,status=200,page_group=cart url="/c",duration_ms={slow} {at}000000000')
            lines.append(f'queue,service=other value={minute} {at}000000000')
    push(daemon, lines)
    week = week_of(start, utc)
    query = urllib.parse.urlencode({'window': f'{start}..{start + 1800}', 'service': 'shop'})
    items = json.loads(daemon.request('GET', '/api/v1/diff?' + query)[1])['data']['items']
    daemon.terminate()
    found = f'1\t{7:016x}\t{start * 1000}\t{(start + 1800) * 1000}\t70\tshop\t\t{{"text":"it broke"}}\n'
    assert subprocess.run([FINDINGS, daemon.data_dir], input=found, text=True, capture_output=True).returncode == 0
    for language in ('en', 'ko'):
        out = str(tmp_path / language)
        make(daemon.data_dir, out, '--week', week, '--service', 'shop', '--language', language)
        report = report_of(out, 'shop', week)
        schema = json.load(open(SCHEMA, encoding='utf-8'))
        validate(report, schema, schema)
        incident, = report['incidents']
        assert (incident['base_weeks'], incident['series_from'], incident['series_to']) == (4, stamp(start), stamp(start + 1800))
        assert incident['series_all'] == incident['series_looked'] == len(items) == 13
        told = {item['labels'].get('pod', item['labels'].get('page_group', '')) + item['labels']['__name__']: item for item in items}
        assert 0 < len(incident['series']) <= 5
        for series, item in zip(incident['series'], items):
            name, labels = series['what'].rstrip('}').split('{')
            labels = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            assert told[labels.get('pod', labels.get('page_group', '')) + name] is item
            for key in ('observed', 'normal', 'effect', 'score'):
                assert math.isclose(series[key], item[key], rel_tol=1e-4, abs_tol=0.006), (key, series, item)
        assert [s['what'] for s in incident['series'] if s['what'].startswith('load')] == ['load{pod="p7"}', 'load{pod="p3"}']
        for series in incident['series']:
            if series['what'] == 'load{pod="p7"}':
                assert series['level'] == 'mean'
                assert math.isclose(series['observed'], sum(gauge_of(7, 0, m) for m in range(30, 60)) / 30)
                assert math.isclose(series['normal'], sum(gauge_of(7, w, m) for w in range(1, 5) for m in range(30, 60)) / 120)
        rows = list(csv.DictReader(io.StringIO(read(out, 'shop', week, 'csv').decode(), newline='')))
        assert [row['message'] for row in rows if row['list'] == 'incident'] == [s['what'] for s in incident['series']]
        for extension in ('html', 'md'):
            text = html.unescape(read(out, 'shop', week, extension).decode()).replace('\\', '')
            assert all(series['what'] in text for series in incident['series'])
            assert ('시계열 13개' if language == 'ko' else 'Of 13 series of the service') in text


def test_the_same_data_gives_the_same_bytes_and_late_data_a_revision(daemon, tmp_path):
    sent = Sent()
    push(daemon, sent.lines())
    week = week_of(sent.middle, datetime.timezone.utc)
    first, second = str(tmp_path / 'a'), str(tmp_path / 'b')
    daemon.terminate()  # else scoring goes on, and finds more
    assert make(daemon.data_dir, first, '--week', week)['items'][0]['changed'] is True
    assert make(daemon.data_dir, first, '--week', week)['items'][0]['changed'] is False
    make(daemon.data_dir, second, '--week', week)
    ledger = json.load(open(f'{first}/shop/{week}/ledger.json', encoding='utf-8'))
    for entry in ledger['revisions'][-1]['files']:
        name = entry['name']
        content = open(f'{first}/shop/{week}/{name}', 'rb').read()
        assert content == open(f'{second}/shop/{week}/{name}', 'rb').read()
        assert (entry['sha256'], entry['bytes']) == (hashlib.sha256(content).hexdigest(), len(content))
    old = read(first, 'shop', week, 'html')
    daemon.restart()
    push(daemon, [f'exception,service=shop,type=Late message="late",count=7i {sent.middle}000000000'])
    made = make(daemon.data_dir, first, '--week', week)['items'][0]
    assert (made['changed'], made['revision']) == (True, 2)
    assert open(f'{first}/shop/{week}/rev/1/exceptions_shop_{week}.html', 'rb').read() == old
    changes = open(f'{first}/shop/{week}/rev/1/changes.md', encoding='utf-8').read()
    assert '- Late late: not listed unknown → new 7\n' in changes
    assert report_of(first, 'shop', week)['lists']['new'][0]['count'] >= 7


def test_the_daemon_makes_lists_and_serves_reports(daemon):
    sent = Sent()
    push(daemon, sent.lines())
    push(daemon, [f'exception,service={service},type=Boom message="x" {sent.middle}000000000' for service in ('pay,env=prod', 'my\\ shop')])
    week = week_of(sent.middle, datetime.timezone.utc)
    code, out, err = command('report', '--week', week, '--server', 'http://' + daemon.http, '--json')
    assert code == 0, err
    assert [item['path'] for item in json.loads(out)['items']] == [f'my%20shop/{week}', f'pay@prod/{week}', f'shop/{week}']
    items = json.loads(daemon.request('GET', '/api/v1/reports')[1])['data']['items']
    assert [(item['report'], item['week'], item['revision']) for item in items] == [
        ('my%20shop', week, 1), ('pay@prod', week, 1), ('shop', week, 1)]
    page = json.loads(daemon.request('GET', '/api/v1/reports?limit=1')[1])['data']
    rest = json.loads(daemon.request('GET', f'/api/v1/reports?limit=1&cursor={urllib.parse.quote(page["next"])}')[1])['data']
    assert [page['items'][0], rest['items'][0]] == items[:2] and rest['next'] == f'{week}/pay@prod'
    for query, found in (('service=pay', items[1:2]), ('service=my%20shop', items[:1]), ('service=sho', []), ('service=', items),
                         ('week=2026-W01', []), ('week=', items), (f'cursor={urllib.parse.quote(rest["next"])}', items[2:])):
        assert json.loads(daemon.request('GET', f'/api/v1/reports?{query}')[1])['data'] == {'items': found, 'next': None}, query
    for item in items:
        for file in item['files']:
            code, body, headers = daemon.request('GET', item['path'] + urllib.parse.quote(file['name']))
            assert code == 200 and hashlib.sha256(body).hexdigest() == file['sha256']
            if file['name'].endswith('.html'):
                assert headers['content-type'].startswith('text/html')
                assert "default-src 'none'" in headers['content-security-policy']
    assert daemon.request('GET', f'/reports/index/{week}.html')[0] == 200
    assert daemon.request('GET', '/reports/shop/index.html')[0] == 200
    assert b'2026-W' in daemon.request('GET', '/reports/')[1] or week.encode() in daemon.request('GET', '/reports/')[1]
    os.symlink('/etc/passwd', f'{daemon.data_dir}/reports/shop/{week}/x.html')
    for path in ('..', '../tidemark.yaml', '%2e%2e/tidemark.yaml', '..%2ftidemark.yaml', 'shop/../../tidemark.yaml',
                 '.lock', 'shop', f'shop/{week}', f'shop/{week}/', f'shop//{week}/', 'shop/%00.html', f'shop/{week}/x.html',
                 f'shop/{week}/nothing.html', 'x' * 300):
        assert daemon.request('GET', '/reports/' + path)[0] == 404, path
    for words, said in ((['--week', '2026-W60'], '"2026-W60" is no ISO week: write one such as 2026-W47'),
                        (['--from', 'soon'], '"soon" is not a time'),
                        (['--language', 'ko'], '--language goes with --data-dir only'),
                        (['--zone', 'UTC'], '--zone goes with --data-dir only')):
        code, out, err = command('report', *words, '--server', 'http://' + daemon.http)
        assert (code, out) == (2, '') and err.startswith('tidemark: ' + said) and err.count('\n') == 1, err
    code, body, _ = daemon.request('POST', '/api/v1/admin/report?week=2026-W60')
    assert code == 400 and json.loads(body)['errorType'] == 'bad_data'
    assert command('report', '--service', 'nobody', '--week', week, '--server', 'http://' + daemon.http)[0] == 1


def test_a_report_on_a_part_of_the_week_leaves_the_weeks_as_it_is(daemon, tmp_path):
    sent = Sent()
    push(daemon, sent.lines())
    week = week_of(sent.middle, datetime.timezone.utc)
    server = ('--server', 'http://' + daemon.http)
    assert command('report', '--week', week, '--service', 'shop', *server)[0] == 0
    before = {name: read(f'{daemon.data_dir}/reports', 'shop', week, name) for name in ('html', 'json')}
    listed = json.loads(daemon.request('GET', '/api/v1/reports')[1])['data']
    span = [datetime.datetime.fromtimestamp(sent.middle + s, datetime.timezone.utc) for s in (-3600, 3600)]
    words = ('--service', 'shop', '--from', span[0].isoformat(), '--to', span[1].isoformat())
    below = '@spans/' + '-'.join(f'{t:%Y%m%dT%H%M%SZ}' for t in span)
    for revision in (False, True):
        code, out, err = command('report', *words, '--week', week, '--json', *server)
        assert code == 0, err
        item, = json.loads(out)['items']
        assert (item['path'], item['revision']) == (f'{below}/shop/{week}', 1) and item['changed'] is not revision
    made = report_of(f'{daemon.data_dir}/reports/{below}', 'shop', week)
    assert made['custom'] is True
    for name in ('html', 'json'):
        assert read(f'{daemon.data_dir}/reports', 'shop', week, name) == before[name]
        path = f'/reports/{below}/shop/{week}/exceptions_shop_{week}.{name}'
        assert daemon.request('GET', path)[:2] == (200, read(f'{daemon.data_dir}/reports/{below}', 'shop', week, name))
    assert json.loads(daemon.request('GET', '/api/v1/reports')[1])['data'] == listed
    assert not os.path.exists(f'{daemon.data_dir}/reports/shop/{week}/rev')
    out = str(tmp_path / 'new')  # on a folder, too, into one that is not there yet
    assert make(daemon.data_dir, out, '--week', week, *words)['items'][0]['path'] == f'{below}/shop/{week}'
    assert os.listdir(out) == ['@spans']


def test_hostile_names_stay_in_their_folder_and_are_no_markup(daemon, tmp_path):
    at = int(now_ms() / 1000) - 8 * 86400
    names = ['../../up', '.hidden', '<b>x</b>', '=cmd()', 'a/b@c', '\u202eevil', '주문']
    push(daemon, [f'exception,service={escape(name)},type={escape(name)} message="<script>alert(1)</script> {name}" '
                  f'{at}000000000' for name in names])
    week, out = week_of(at, datetime.timezone.utc), str(tmp_path / 'out')
    made = make(daemon.data_dir, out, '--week', week)['items']
    assert sorted(item['service'] for item in made) == sorted(names)
    assert sorted(os.listdir(tmp_path)) == ['out']
    for item in made:
        folder = f'{out}/{item["path"]}'
        page = open(glob.glob(glob.escape(folder) + '/*.html')[0], encoding='utf-8').read()
        assert '<script' not in page and '<b>' not in page and '\u202e' not in page
        rows = list(csv.reader(open(glob.glob(glob.escape(folder) + '/*.csv')[0], encoding='utf-8', newline='')))
        assert len(rows) == 2 and len(rows[0]) == len(rows[1])
        assert not any(cell.startswith(('=', '+', '@')) for cell in rows[1])
        assert json.load(open(glob.glob(glob.escape(folder) + '/*[0-9].json')[0], encoding='utf-8'))['service'] == item['service']
    index = open(f'{out}/index/{week}.html', encoding='utf-8').read()
    assert '<b>' not in index and '\u202e' not in index
    assert all('..' not in link[3:].replace('%252F..%252F', '') for link in re.findall('href="([^"]*)"', index))


def test_a_missed_run_is_made_once(daemon, tmp_path):
    at, out = int(now_ms() / 1000), str(tmp_path / 'out')
    push(daemon, [f'exception,service=shop,type=T message="x" {t}000000000' for t in (at - 7 * 86400, at - 1)])
    due = datetime.datetime.fromtimestamp(at - 60, datetime.timezone.utc).strftime('%a %H:%M')
    made = make(daemon.data_dir, out, '--due', due)
    assert len(made['items']) == 1 and made['week'] == week_of(at - 60 - 7 * 86400, datetime.timezone.utc)
    assert at * 1000 < made['next'] <= (at + 7 * 86400) * 1000
    assert make(daemon.data_dir, out, '--due', due)['items'] == []


def test_a_folder_without_data_has_no_reports_and_a_wrong_word_is_told(daemon, tmp_path):
    out = str(tmp_path / 'out')
    assert make(daemon.data_dir, out, '--week', '2026-W01')['items'] == []
    assert not os.path.exists(out)
    for words in (['--week', '2026-W60'], ['--week', '2199-W01'], ['--zone', 'Mars/Base'], ['--language', 'xx'], ['--formats', 'pdf'],
                  ['--due', 'Someday'], ['--from', '2026-01-01', '--to', '2026-02-01'], ['more']):
        code, err = make(daemon.data_dir, out, *words, good=False)
        assert code == 2 and err.startswith('tidemark-report: '), words


def test_a_week_without_data_says_so_and_a_clean_one_says_0(daemon, tmp_path):
    at, out = int(now_ms() / 1000), str(tmp_path / 'out')
    push(daemon, [f'http,service=shop,method=GET,status=200 url="/",count=9i {t}000000000'
                  for t in range(at - 21 * 86400, at - 14 * 86400, 1800)])
    silent, clean = (week_of(at - days * 86400, datetime.timezone.utc) for days in (7, 17))
    make(daemon.data_dir, out, '--week', silent)
    make(daemon.data_dir, out, '--week', clean)
    assert report_of(out, 'shop', silent)['quality']['has_data'] is False
    assert 'NO DATA' in read(out, 'shop', silent, 'html').decode()
    report = report_of(out, 'shop', clean)
    assert report['total'] == 0 and report['strip']['exceptions']['now'] == 0
    assert 'Clean week: 0 exceptions' in read(out, 'shop', clean, 'md').decode()


def test_a_kill_at_any_point_leaves_a_whole_set(daemon, tmp_path):
    sent = Sent()
    push(daemon, sent.lines())
    week, out = week_of(sent.middle, datetime.timezone.utc), str(tmp_path / 'out')
    make(daemon.data_dir, out, '--week', week)
    for i in range(int(os.environ.get('KILLS', '60')) // 4):
        push(daemon, [f'exception,service=shop,type=Kill message="k" {sent.middle + i}000000000'])
        run = subprocess.Popen([REPORT, '--data-dir', daemon.data_dir, '--out', out, '--week', week],
                               stdout=subprocess.DEVNULL)
        time.sleep(0.02 * i)
        run.send_signal(signal.SIGKILL)
        run.wait()
        ledger = json.load(open(f'{out}/shop/{week}/ledger.json', encoding='utf-8'))
        for entry in ledger['revisions'][-1]['files']:
            content = open(f'{out}/shop/{week}/{entry["name"]}', 'rb').read()
            assert hashlib.sha256(content).hexdigest() == entry['sha256']
    make(daemon.data_dir, out, '--week', week)
    assert not glob.glob(f'{out}/*/.new*')
