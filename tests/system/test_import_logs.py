"""`tidemark import --format` of access logs on the real binaries: each good line is one event, once."""
import collections
import gzip
import json
import os
import re
import time

import pytest

from harness import ROOT, Daemon, command

REAL = os.path.join(ROOT, 'tests', 'data', 'http')
LINE = re.compile(rb'^\S+ \S+ \S+ \[[^]]+\] "(?:([A-Z]+) )?.*" (\d\d\d) (?:\d+|-)')
DAY_S = 86400


def clf(at, path, status=200, size=10):
    stamp = time.strftime('%d/%b/%Y:%H:%M:%S +0000', time.gmtime(at))
    return f'c0 - - [{stamp}] "GET {path} HTTP/1.1" {status} {size}'


def run(daemon, *args, **more):
    return command('import', '--to', daemon.rep, '--server', 'http://' + daemon.http, *args, **more)


def counts(daemon, by='status', match=''):
    """{labels: count} of everything stored, exactly."""
    code, out, err = command('query', '--exact', 'http_events_total' + match, '--by', by, '--from', '-60d', '--json',
                             '--server', 'http://' + daemon.http)
    assert code == 0, err
    return {tuple(item['labels'].get(name, '') for name in by.split(',')): sum(point[1] for point in item['points'])
            for item in json.loads(out)['items']}


@pytest.fixture(scope='module')
def keeper():
    with Daemon(config={'storage': {'retention': {'events': '60d', 'raw': '60d'}}}) as d:
        yield d


@pytest.mark.parametrize('name', ['hurence', 'semicomplete'])
def test_real_logs_are_counted_to_the_last_line(keeper, name):
    """What a script counts in the log is what the daemon counts, by method and status."""
    path = os.path.join(REAL, name + '.log.gz')
    expected = collections.Counter()
    with gzip.open(path) as log:
        for line in log:
            method, status = LINE.match(line).groups()
            expected[(method or b'').decode(), status.decode()] += 1
    code, out, err = run(keeper, '--format', 'clf', '--service', name, '--shift-weeks-to-yesterday', path)
    total = sum(expected.values())
    assert (code, err) == (0, '')
    assert out.startswith(f'imported {total:,} lines of 1 file: {total:,} events accepted, 0 refused, 0 malformed lines\n')
    assert counts(keeper, 'method,status', f'{{service="{name}"}}') == dict(expected)


def test_packed_and_unpacked_are_the_same_import(daemon, tmp_path):
    now = int(time.time())
    text = '\n'.join(clf(now - 500 + i, f'/p/{i}') for i in range(500)).encode() + b'\n'
    (tmp_path / 'a.log').write_bytes(text)
    (tmp_path / 'a.log.gz').write_bytes(gzip.compress(text[:1000]) + gzip.compress(text[1000:]))
    assert run(daemon, '--format', 'clf', '--service', 's', str(tmp_path / 'a.log'))[0] == 0
    data = json.loads(run(daemon, '--format', 'clf', '--service', 's', str(tmp_path / 'a.log.gz'), '--json')[1])
    assert (data['rows'], data['duplicate']) == (500, 500)
    assert counts(daemon) == {('200',): 500}
    data = json.loads(run(daemon, '--format', 'clf', '--service', 't', str(tmp_path / 'a.log.gz'), '--json')[1])
    assert data['duplicate'] == 0, 'other settings are another import'
    code, out, err = run(daemon, '--format', 'clf', '-', stdin=gzip.compress(text))
    assert (code, err) == (0, '') and out.startswith('imported 500 lines of 1 file: 500 events accepted')
    assert counts(daemon, 'service') == {('s',): 500, ('t',): 500, ('',): 500}


def test_a_damaged_or_cut_gzip_file_is_told(daemon, tmp_path):
    packed = gzip.compress(b'\n'.join(clf(int(time.time()), f'/p/{i * 7919 % 10007}').encode() for i in range(2000)))
    cut, damaged = tmp_path / 'cut.gz', tmp_path / 'damaged.gz'
    cut.write_bytes(packed[:-20])
    damaged.write_bytes(packed[:200] + bytes(100) + packed[300:])
    for path, reason in ((cut, 'the gzip data ends early'), (damaged, 'the gzip data is damaged')):
        code, out, err = run(daemon, '--format', 'clf', str(path))
        assert code == 1 and f'cannot read {path}: {reason}' in err


def test_malformed_lines_are_named_counted_and_left_out(daemon, tmp_path):
    now = int(time.time())
    path = tmp_path / 'access.log'
    path.write_text('\n'.join([clf(now, '/a'), '', 'garbage', clf(now, '/b', status=999), '   ', clf(now, '/c')]))
    code, out, err = run(daemon, '--format', 'clf', '--service', 's', str(path))
    assert code == 1 and out.startswith('imported 4 lines of 1 file: 2 events accepted, 0 refused, 2 malformed lines\n')
    assert err.splitlines()[0].startswith(f'{path}:3:8: no time in brackets')
    assert err.splitlines()[1].startswith(f'{path}:4:') and err.endswith('expected a status from 100 to 599\n')
    assert counts(daemon) == {('200',): 2}


def test_another_format_is_noticed_soon_and_a_bound_is_kept(daemon, tmp_path):
    path = tmp_path / 'access.log'
    path.write_text((clf(int(time.time()), '/a') + '\n') * 5000)
    code, out, err = run(daemon, '--format', 'combined', str(path))
    assert code == 1 and 'not one of the first 1000 lines is in the format combined; name another --format' in err
    code, out, err = run(daemon, '--format', 'combined', '--max-errors', '7', str(path))
    assert code == 1 and f'stopped at {path}:8: 8 rows are bad, more than --max-errors 7' in err


def test_a_line_without_end_is_one_malformed_line(daemon, tmp_path):
    path = tmp_path / 'access.log'
    path.write_bytes(b'x' * (3 << 20) + b'\n' + clf(int(time.time()), '/a').encode())
    code, out, err = run(daemon, '--format', 'clf', str(path))
    assert code == 1 and out.startswith('imported 2 lines of 1 file: 1 events accepted, 0 refused, 1 malformed lines\n')
    assert err.startswith(f'{path}:1:1048577: ')


def test_services_environments_and_tags(daemon, tmp_path):
    now = int(time.time())
    path = tmp_path / 'a.json'
    path.write_text('\n'.join(json.dumps(dict(request, msec=now, status=200)) for request in [
        {'request_uri': '/x', 'host': 'a.example', 'team': 'cart'}, {'request_uri': '/y', 'team': 'pay'},
        {'request_uri': '/z', 'host': 'b.example'}, {'request_uri': '/z', 'team': ['no', 'text']}]))
    code, _, err = run(daemon, '--format', 'nginx-json', '--service', 'shop', '--service-from', 'team', '--env', 'prod', '--tag',
                       'zone=eu west', '--tag', 'cache_tier=1', '--host-tag', str(path))
    assert (code, err) == (0, '')
    assert counts(daemon, 'service,env') == {('cart', 'prod'): 1, ('pay', 'prod'): 1, ('shop', 'prod'): 2}
    code, out, _ = command('events', '--server', 'http://' + daemon.http, '--from', '-1h', '--json')
    tags = [item['tags'] for item in json.loads(out)['items']]
    assert all((tag['zone'], tag['cache_tier']) == ('eu west', '1') for tag in tags)
    assert sorted(tag.get('host', '') for tag in tags) == ['', '', 'a.example', 'b.example']
    path.write_text('\n'.join(clf(now, url) for url in ['/blog/a?b', '/blog?x', '/', '//img/1', '*']))
    assert run(daemon, '--format', 'clf', '--service', 'root', '--service-from', 'path', '--env', 'p', str(path))[0] == 0
    assert counts(daemon, 'service', '{env="p"}') == {('blog',): 2, ('root',): 2, ('img',): 1}


def test_what_does_not_fit_together_is_refused_with_the_reason(tmp_path):
    for words, reason in [
            (['--format', 'iis'], '--format is one of csv|clf|combined|nginx-json|datastream2, not "iis"'),
            (['--format', 'clf', '--value', 'x'], '--value is for CSV'),
            (['--service', 'x', '--time', '1', '--value', '2'], '--service is for access logs'),
            (['--format', 'clf', '--service-from', 'host'], 'a clf log has no members; --service-from can only be path'),
            (['--format', 'clf', '--tag', 'x'], '--tag is NAME=VALUE'),
            (['--format', 'clf', '--tag', 'a-b=c'], '"a-b" is not a tag\'s name'),
            (['--format', 'clf', '--tag', 'status=7'], 'the tag status comes from the log'),
            (['--format', 'clf', '--tag', 'a=1', '--tag', 'a=2'], 'the tag a is given twice'),
            (['--format', 'clf', '--shift', '1w', '--shift-weeks-to-yesterday'], 'exclude each other')]:
        code, _, err = command('import', 'x.log', *words)
        assert code == 2 and reason in err, (words, err)


def test_weeks_move_a_log_to_end_yesterday_and_weekdays_stay(daemon, tmp_path):
    """Whatever day it ends on: it ends before today and within the last seven days, by whole weeks, nothing left out."""
    for age_days in list(range(15)) + [400]:
        newest = int(time.time()) - age_days * DAY_S
        path = tmp_path / 'a.log'
        path.write_text('\n'.join(clf(newest - i * 3600, '/a') for i in range(5)))
        data = json.loads(run(daemon, '--format', 'clf', '--dry-run', '--json', '--shift-weeks-to-yesterday', str(path))[1])
        today = time.time() // DAY_S * DAY_S
        assert data['shift_ms'] % (7 * DAY_S * 1000) == 0 and data['left_out'] == 0 and data['rows'] == 5
        assert today - 7 * DAY_S <= newest + data['shift_ms'] // 1000 < today
