"""What README.md tells people to type does what it says, on a daemon of its own."""
import os
import re
import shlex
import struct
import subprocess
import time

import pytest

from harness import COMMAND, ROOT, Daemon, command, wait_for

TEXT = open(os.path.join(ROOT, 'README.md'), encoding='utf-8').read()


def typed(subcommand):
    """The words of each `tidemark SUBCOMMAND` line of the README."""
    joined = re.sub(r'\\\n\s*', '', TEXT)
    lines = re.findall(rf'^    build/release/tidemark ({subcommand} .*)$', joined, re.M)
    assert lines, subcommand
    return [shlex.split(line, comments=True) for line in lines]


@pytest.fixture(scope='module')
def loaded(tmp_path_factory):
    """A daemon with an hour of cpu, and an empty folder to work in."""
    with Daemon() as d:
        now = int(time.time())
        lines = '\n'.join(f'cpu,service=cart,pod=a1 value={i % 9} {now - i * 60}' for i in range(60))
        assert d.write(lines, '/write?precision=s')[0] == 204
        yield d, str(tmp_path_factory.mktemp('readme'))


def run(loaded, words, *more):
    daemon, folder = loaded
    done = subprocess.run([COMMAND, *words, *more], capture_output=True, cwd=folder, timeout=60,
                          env=dict(os.environ, TIDEMARK_SERVER='http://' + daemon.http))
    assert (done.returncode, done.stderr) == (0, b''), (words, done)
    return done.stdout.decode()


def test_queries_and_charts(loaded):
    outputs = [run(loaded, words) for words in typed('query')[:3]]
    assert outputs[0].startswith('cpu{pod="a1",service="cart"}\n') and '60 samples' in outputs[0]
    assert 'cpu' in outputs[1] and len(outputs[1].splitlines()) <= 23
    assert outputs[2] == 'cpu.png: 1200 x 600, 1 series, 60 samples\n' and os.path.exists(os.path.join(loaded[1], 'cpu.png'))


def test_series_by_label(loaded):
    for words in typed('series'):
        assert 'service' in run(loaded, words)


def test_import_of_real_data(loaded):
    daemon, folder = loaded
    packed, name = re.search(r'^    gzip -dc (\S+) > (\S+)$', TEXT, re.M).groups()
    with open(os.path.join(folder, name), 'wb') as out:
        subprocess.run(['gzip', '-dc', os.path.join(ROOT, packed)], stdout=out, check=True)
    table, log = typed('import')
    assert ' 0 refused, 0 bad rows\n' in run(loaded, table, '--to', daemon.rep)
    log[1] = os.path.join(ROOT, log[1])
    said = run(loaded, log, '--to', daemon.rep)
    assert said.startswith('imported 10,000 lines of 1 file: 10,000 events accepted, 0 refused, 0 malformed lines\n')
    assert 'load{service="shop"}' in command('series', 'load', '--server', 'http://' + daemon.http)[1]


def test_a_log_is_followed(loaded):
    daemon, folder = loaded
    words, = typed('push --follow')
    stamp = time.strftime('%d/%b/%Y:%H:%M:%S +0000', time.gmtime())
    with open(os.path.join(folder, 'access.log'), 'w', encoding='utf-8') as log:
        log.write(f'::1 - - [{stamp}] "GET /followed HTTP/1.1" 200 7 "-" "curl/8"\n')
    words[words.index('/var/log/nginx/access.log')] = os.path.join(folder, 'access.log')
    shipper = subprocess.Popen([COMMAND, *words, '--to', daemon.rep], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    events = [COMMAND, 'events', '--service', 'shop', '--from', '-1h', '--server', 'http://' + daemon.http]
    wait_for(lambda: b'200 GET /followed  shop@prod' in subprocess.run(events, capture_output=True, timeout=60).stdout)
    shipper.terminate()
    assert shipper.communicate()[1] == b'' and shipper.returncode == 0


def test_what_it_says_of_requests_failures_and_releases(loaded):
    daemon, _ = loaded
    assert daemon.write(re.search(r'^    http,.*(?:\n    .*)*', TEXT, re.M).group().replace('    ', ''))[0] == 204
    assert '/p/1' in run(loaded, typed('top')[0])
    shown, explained = (run(loaded, words) for words in typed('events'))
    assert '404 GET /p/1  shop' in shown and '/p/{n}' in explained
    assert '{page_group="/p/{n}",status="404"}' in run(loaded, typed('query --exact')[0])
    assert 'basket is gone' in run(loaded, typed('exceptions')[0])
    run(loaded, typed('deploy')[0])
    assert '1.8.4  by ci' in run(loaded, ['marker', 'list'])


def test_what_it_says_of_deploys_anomalies_and_incidents(loaded):
    daemon, folder = loaded
    run(loaded, ['deploy', '--service', 'cart', '--version', '1.8.4', '--time', '-1h'])
    gate = typed('verdict')[0]
    asked = subprocess.run([COMMAND, *gate[:gate.index('--wait')], '--server', 'http://' + daemon.http], capture_output=True, timeout=60)
    assert asked.returncode == 4 and asked.stdout.startswith(b'insufficient'), asked
    line = next(line for line in TEXT.splitlines() if 'roll-back.sh' in line).replace('--wait 10m', '--wait 10ms')
    with open(os.path.join(folder, 'roll-back.sh'), 'w', encoding='utf-8') as script:
        script.write('#!/bin/sh\ntouch rolled-back\n')
    os.chmod(script.name, 0o755)
    for program, rolls in ((COMMAND, False), ('false', True)):
        command_line = line.replace('build/release/tidemark', program)
        subprocess.run(['sh', '-c', command_line], cwd=folder, timeout=60, check=False, capture_output=True,
                       env=dict(os.environ, TIDEMARK_SERVER='http://' + daemon.http))
        assert os.path.exists(os.path.join(folder, 'rolled-back')) == rolls, command_line
    for words in typed('anomalies') + typed('incidents') + typed('diff'):
        done = subprocess.run([COMMAND, *words, '--server', 'http://' + daemon.http], capture_output=True, timeout=60)
        assert done.returncode == 0, done


def test_verify_backup_and_delete(loaded, tmp_path):
    verify, = re.findall(r'build/release/tidemark (verify)\b', TEXT)
    assert 'sound' in run(loaded, [verify])
    backup = shlex.split(re.search(r'build/release/tidemark (backup \S+)', TEXT).group(1))
    assert str(tmp_path) in run(loaded, [backup[0], str(tmp_path / 'backups')])
    run(loaded, shlex.split(re.search(r'`tidemark (delete .*)` hides', TEXT).group(1)))


def test_every_file_and_picture_it_names_is_there():
    for path in re.findall(r'\]\(([^):]+)\)', TEXT) + re.findall(r'`((?:server|storage|tests)/[A-Za-z0-9_./-]+)`', TEXT):
        assert os.path.exists(os.path.join(ROOT, path)), path
    for name, size in ('links', (1200, 600)), ('report', (1280, 1060)):
        picture = open(os.path.join(ROOT, 'tests', 'demo', name + '.png'), 'rb').read()
        assert struct.unpack('>II', picture[16:24]) == size and len(picture) < 100000, name


def test_each_fault_has_tests():
    """tests/FAULTS.md: cases 1 to 30, and each test it names is there."""
    rows = [line.split('|') for line in open(os.path.join(ROOT, 'tests', 'FAULTS.md'), encoding='utf-8') if line.startswith('| ')]
    cases = [row for row in rows if row[1].strip().isdigit()]
    assert [int(row[1]) for row in cases] == list(range(1, 31))
    for row in cases:
        named = re.findall(r'`(\w+)/(\w+)::(\w+)`', row[4])
        assert named or '`tests/fuzz`' in row[4], row[1]
        for folder, file, name in named:
            path = f'system/test_{file}.py' if folder == 'system' else f'unit/{folder}/test_{file}.c'
            text = open(os.path.join(ROOT, 'tests', path), encoding='utf-8').read()
            assert (f'def test_{name}(' if folder == 'system' else f'{name}(void **state)') in text, (path, name)
