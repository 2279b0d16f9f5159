"""The `tidemark` command and the client examples, on the real binaries: CONTRACT 1 and 3."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from harness import BUILD, COMMAND, ROOT, SANITIZER_FLAGS, Daemon, command, now_ms, wait_for
from peers import ask, message, taken

EXAMPLES = os.path.join(ROOT, 'server', 'client', 'examples')
SECRET = '0123456789abcdef-cart'


def series_of(daemon):
    if daemon.alive():
        assert daemon.terminate() == 0
    return daemon.dump()[0]


def key_file(tmp_path, text, mode=0o600):
    path = tmp_path / 'key'
    path.write_text(text)
    path.chmod(mode)
    return str(path)


# ---- push ----
def test_push_sends_files_and_standard_input(daemon, tmp_path):
    """CONTRACT 1: exit 0 when every line is durable; the summary on stdout, nothing on stderr."""
    at = now_ms() - 5000
    for name in 'ab':
        (tmp_path / name).write_text(f'{name} value=1 {at}000000\n# words\n\n{name} value=2 {at + 1}000000\n')
    done = command('push', '--to', daemon.rep, str(tmp_path / 'a'), '-', str(tmp_path / 'b'), stdin=f'c value=3 {at}000000'.encode())
    assert done == (0, 'pushed 5 lines: 5 accepted, 0 refused\n', '')
    assert command('push', '--to', daemon.rep, stdin=b'')[:2] == (0, 'pushed 0 lines: 0 accepted, 0 refused\n')
    assert command('push', '--to', daemon.rep, '--quiet', stdin=b'd value=1\n') == (0, '', '')
    daemon.kill()
    series = daemon.dump()[0]
    assert series['a{}'] == series['b{}'] == {at: 1.0, at + 1: 2.0}
    assert series['c{}'] == {at: 3.0} and len(series['d{}']) == 1


def test_refused_lines_are_named_with_file_and_line(daemon, tmp_path):
    """CONTRACT 2: the number of the line in its own file, over files and batches; the rest is taken; exit 1."""
    first, second = tmp_path / 'first', tmp_path / 'second'
    first.write_text('a value=1\nbad\n# words\nb value=x\nc value=1')
    second.write_text('\n'.join(['d value=1'] * 9 + ['', 'half,']))
    code, out, err = command('push', '--to', daemon.rep, '--batch', '3', str(first), str(second))
    assert (code, out) == (1, 'pushed 14 lines: 11 accepted, 3 refused\n')
    assert [line.split(': ')[0] for line in err.splitlines()] == [f'{first}:2', f'{first}:4', f'{second}:11']
    code, out, err = command('push', '--json', '--to', daemon.rep, str(first))
    data = json.loads(out)
    assert (code, err, data['lines'], data['accepted'], data['refused']) == (1, '', 4, 2, 2)
    assert data['errors'][0] == {'file': str(first), 'line': 2, 'reason': 'column 4: expected a space and then field=value'}
    code, out, err = command('push', '--to', daemon.rep, stdin=b'ok value=1\ncpu,service=cart val')
    assert (code, out) == (1, 'pushed 2 lines: 1 accepted, 1 refused\n')
    assert err == "stdin:2: column 21: expected '=' behind the field's name, found the end of the line\n"


def test_push_over_http_and_compressed(daemon):
    """CONTRACT 5: --http sends to POST /write."""
    lines = b'h,service=a value=1\n' * 3000
    for more in (['--http', '--server', 'http://' + daemon.http], ['--to', daemon.rep, '--compress']):
        assert command('push', *more, stdin=lines)[:2] == (0, 'pushed 3000 lines: 3000 accepted, 0 refused\n')
    code, _, err = command('push', '--http', '--server', 'http://' + daemon.http, stdin=b'bad\n')
    assert code == 1 and err.startswith('stdin:1: ')
    bytes_in = daemon.metric('tidemark_ingest_bytes_total')
    assert bytes_in < 2 * len(lines)


def test_push_reads_prometheus_text(daemon):
    """CONTRACT 2: samples of the text format become fields named value."""
    at = now_ms() - 1000
    text = f'# HELP x words\n# TYPE x counter\nx{{a="b",service="s"}} 1.5 {at}\ny 2 {at}\nz NaN\nw{{ 3\n'
    code, out, err = command('push', '--to', daemon.rep, '--format', 'prometheus', stdin=text.encode())
    assert (code, out) == (1, 'pushed 4 lines: 2 accepted, 2 refused\n')
    assert [line.split(': ')[0] for line in err.splitlines()] == ['stdin:5', 'stdin:6']
    assert series_of(daemon) == {'x{a="b",service="s"}': {at: 1.5}, 'y{}': {at: 2.0}}


def test_push_signs_with_its_key_file(tmp_path):
    """CONTRACT 3, 6: --key-file; one that others can read, or of the wrong form, is refused before anything is sent."""
    keys = {'auth': {'keys': [{'name': 'cart', 'secret': SECRET, 'scopes': ['write:cart', 'read']}]}}
    with Daemon(config=keys) as d:
        good = key_file(tmp_path, f'cart {SECRET}\n')
        lines = b'cpu,service=cart value=1\ncpu,service=shop value=1\n'
        for more in (['--to', d.rep], ['--http', '--server', 'http://' + d.http]):
            code, out, err = command('push', *more, '--key-file', good, stdin=lines)
            assert (code, out) == (1, 'pushed 2 lines: 1 accepted, 1 refused\n'), (out, err)
            assert err == 'stdin:2: key cart may not write service "shop"; ask for the scope write:shop\n'
        assert command('status', '--server', 'http://' + d.http, '--key-file', good)[0] == 0
        code, _, err = command('status', '--server', 'http://' + d.http)
        assert code == 1 and 'key' in err and err.count('\n') == 1
        code, _, err = command('push', '--to', d.rep, stdin=lines)
        assert code == 1 and err.startswith('stdin:1: forbidden: this daemon has keys configured')
        code, _, err = command('push', '--to', d.rep, '--key-file', key_file(tmp_path, f'cart {SECRET}\n', 0o644), stdin=lines)
        assert code == 1 and 'can be read by others; run `chmod 600' in err
        code, _, err = command('push', '--to', d.rep, '--key-file', key_file(tmp_path, 'cart\n'), stdin=lines)
        assert code == 1 and '`NAME SECRET` on one line' in err
        code, _, err = command('push', '--to', d.rep, '--key-file', str(tmp_path / 'none'), stdin=lines)
        assert code == 1 and 'cannot read the key file' in err
        ps = command('push', '--help')[1]
        assert SECRET not in ps and SECRET not in d.read_log()


def test_a_spool_keeps_batches_while_the_daemon_is_down_and_sends_them_once(daemon, tmp_path):
    """CONTRACT 3: spool, then the daemon is back: everything once, in order, exit 0."""
    at = now_ms() - 5000
    spool = ['--to', daemon.rep, '--spool', str(tmp_path / 'spool'), '--producer', 'agent', '--give-up', '1']
    daemon.pin_ports()
    assert command('push', *spool, stdin=f'cpu value=1 {at}000000\ntally,name=x amount=1i {at}000000\n'.encode())[0] == 0
    assert daemon.terminate() == 0
    code, out, err = command('push', *spool, stdin=f'cpu value=2 {at + 1}000000\ntally,name=x amount=2i {at}000000\n'.encode())
    assert code == 1 and 'kept in the spool' in out and 'is tidemarkd running and reachable?' in err and daemon.rep in err
    daemon.start()
    code, out, err = command('push', *spool, stdin=f'cpu value=3 {at + 2}000000\n'.encode())
    assert (code, err) == (0, ''), (out, err)
    assert not [name for name in os.listdir(tmp_path / 'spool') if name.endswith('.batch')]
    assert daemon.terminate() == 0
    contents = daemon.dump()
    assert contents == ({'cpu{}': {at: 1.0, at + 1: 2.0, at + 2: 3.0}}, [])
    slot = (at - at % 10000, 0)
    assert contents.cells == {'tally_x_total{}': {slot: 2}, 'tally_x_amount_sum{}': {slot: 3}}


def test_push_waits_for_a_daemon_that_comes_back(daemon):
    """CONTRACT 3: a batch without an answer is sent again under the same number."""
    daemon.pin_ports()
    daemon.kill()
    push = subprocess.Popen([COMMAND, 'push', '--to', daemon.rep, '-'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    push.stdin.write(b'cpu value=1\n')
    push.stdin.close()
    time.sleep(0.5)
    assert push.poll() is None
    daemon.start()
    assert push.wait(30) == 0 and push.stdout.read() == b'pushed 1 lines: 1 accepted, 0 refused\n'


def test_follow_goes_on_over_appends_and_rotation(daemon, tmp_path):
    """CONTRACT 1: --follow: what is new is sent each second; a rotated file is read to its end, then the new one."""
    at, path = now_ms() - 60000, tmp_path / 'log'
    path.write_text(f'cpu value=0 {at}000000\n')
    push = subprocess.Popen([COMMAND, 'push', '--to', daemon.rep, '--follow', str(path)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    try:
        def stored(count):
            wait_for(lambda: daemon.status()['ingest']['samples_total'] == count, timeout=15)
        stored(1)
        with path.open('a') as log:
            log.write(f'cpu value=1 {at + 1}000000\ncpu value=2 ')
            log.flush()
            stored(2)
            log.write(f'{at + 2}000000\n')
            log.flush()
            stored(3)
            os.rename(path, tmp_path / 'log.1')
            log.write(f'cpu value=3 {at + 3}000000\n')
        path.write_text(f'cpu value=4 {at + 4}000000\n')
        stored(5)
        push.send_signal(signal.SIGINT)
        assert push.wait(15) == 0, push.stderr.read()
        assert push.stdout.read() == b'pushed 5 lines: 5 accepted, 0 refused\n'
    finally:
        push.kill()
        push.wait()
    assert series_of(daemon) == {'cpu{}': {at + i: float(i) for i in range(5)}}


# ---- status ----
def test_status_shows_one_screen_or_one_document(daemon):
    """CONTRACT 1, 9: --json prints one JSON document, the data of the endpoint."""
    ask(daemon.rep, 'cpu,service=cart value=1\nbad')
    server = 'http://' + daemon.http
    code, out, err = command('status', '--server', server)
    assert (code, err) == (0, '') and len(out.splitlines()) < 25
    for words in ('ready', '1 lines refused', 'journal', 'cart', daemon.rep):
        assert words in out, out
    code, out, err = command('status', '--json', '--server', server)
    assert (code, err) == (0, '')
    assert json.loads(out)['ingest']['lines_total'] == 2
    assert command('status', '--json', env={'TIDEMARK_SERVER': server})[0] == 0


def test_status_of_a_daemon_that_does_not_answer_is_one_sentence():
    """CONTRACT 1: exit 1; where it asked, and what to do."""
    code, out, err = command('status', '--server', 'http://127.0.0.1:1')
    assert (code, out) == (1, '') and err.count('\n') == 1
    assert 'http://127.0.0.1:1' in err and 'is it running?' in err and '--server' in err


# ---- bench ----
@pytest.mark.parametrize('way', ['nanomsg', 'http'])
def test_every_entry_of_the_ledger_is_in_the_store(daemon, tmp_path, way):
    """CONTRACT 3: what bench was told is durable is there after kill -9, and known under its number."""
    ledger = tmp_path / 'ledger'
    to = ['--to', daemon.rep] if way == 'nanomsg' else ['--http', '--server', 'http://' + daemon.http]
    code, out, err = command('bench', *to, '--series', '100', '--steps', '30', '--batch', '500', '--senders', '2', '--json',
                             '--producer', 'bn', '--ledger', str(ledger))
    assert (code, err) == (0, '')
    data = json.loads(out)
    assert (data['samples'], data['rejected'], data['unacknowledged']) == (3000, 0, 0)
    daemon.restart()
    entries = [line.split() for line in ledger.read_text().splitlines()]
    assert sum(int(entry[3]) for entry in entries) == 3000 and len(entries) == data['batches']
    last = {}
    for producer, epoch, seq, _, _ in entries:
        last[producer] = max(int(seq), last.get(producer, 0))
    for producer, epoch, seq, _, _ in entries:
        reply = ask(daemon.rep, message('other value=1', producer, epoch, seq))
        if int(seq) < last[producer]:
            assert reply == taken(0, duplicate=True, seq=int(seq))
        else:
            assert reply['error'] == 'seq_conflict'
    series = series_of(daemon)
    assert sum(len(points) for points in series.values()) == 3000 and len(series) == 100


# ---- usage ----
@pytest.mark.parametrize('args,words', [
    ([], 'usage: tidemark COMMAND'), (['psh'], 'did you mean `tidemark push`?'), (['frobnicate'], '`tidemark --help` lists them'),
    (['push', '--tto', 'x'], 'did you mean --to?'), (['push', '-x'], 'options are written --name'), (['push', '--to'], '--to needs a value'),
    (['push', '--batch', '0', '-'], 'whole number from 1'), (['push', '--format', 'csv', '-'], 'line|prometheus|clf'),
    (['push', '--precision', 'h', '-'], 'precision'), (['push', '--to', 'ws://127.0.0.1:1', '-'], 'give tcp://HOST:PORT or ipc://PATH'),
    (['push', '--spool', 'x', '-'], '--spool needs --producer'), (['push', '--http', '--to', 'tcp://127.0.0.1:1', '-'], 'leave out --to'),
    (['push', '--follow', '-'], '--follow needs names of files'), (['push', '--json=1'], '--json takes no value'),
    (['status', 'x'], 'takes no operand'), (['status', '--server', 'localhost'], 'must begin with http://'),
    (['bench', '--workload', 'x'], 'workload'), (['bench', '--series', '-1'], '--series'),
], ids=lambda value: ' '.join(value)[:30] if isinstance(value, list) else None)
def test_wrong_usage_exits_2_and_says_what_to_do(args, words):
    """CONTRACT 1: errors on stderr, exit 2 for usage; one sentence."""
    code, out, err = command(*args, stdin=b'')
    assert (code, out) == (2, ''), (code, out, err)
    assert words in err, err
    assert not args or err.count('\n') == 1 and err.startswith('tidemark: ')


@pytest.mark.parametrize('name', ['push', 'status', 'bench'])
def test_each_subcommand_has_help(name):
    """CONTRACT 1: each subcommand: --help, --json, --server, --key-file."""
    code, out, err = command(name, '--help')
    assert (code, err) == (0, '')
    assert all(flag in out for flag in ('--help', '--json', '--server', '--key-file', 'TIDEMARK_SERVER'))
    assert all(len(line) <= 80 for line in out.splitlines())


def test_an_unreadable_file_is_one_sentence(daemon, tmp_path):
    """CONTRACT 1: exit 1, which file and why."""
    code, _, err = command('push', '--to', daemon.rep, str(tmp_path / 'none'))
    assert code == 1 and err == f'tidemark: cannot read {tmp_path}/none: No such file or directory\n'
    assert command('push', '--to', daemon.rep, str(tmp_path))[0] == 1


# ---- examples ----
def run_example(argv, daemon, env=None):
    before = daemon.status()['ingest']
    run = subprocess.run(argv, capture_output=True, text=True, timeout=30, env=dict(os.environ, **(env or {})))
    assert run.returncode == 0 and re.search('acknowledged: 2 lines', run.stdout), (run.stdout, run.stderr)
    after = daemon.status()['ingest']
    assert (after['samples_total'] - before['samples_total'], after['events_total'] - before['events_total']) == (1, 1)


@pytest.mark.parametrize('tool,name', [('/usr/bin/python3', 'push.py'), ('node', 'push.js'), ('sh', 'push.sh')])
def test_the_http_examples_run(daemon, tool, name):
    """CONTRACT 5: URL as the only argument, exit 0 when acknowledged, 1 when not, 2 for wrong usage."""
    needs = [tool] + (['curl'] if name == 'push.sh' else [])
    if not all(shutil.which(need) for need in needs):
        pytest.skip(f'{needs} are not all here')
    path = os.path.join(EXAMPLES, name)
    run_example([tool, path, 'http://' + daemon.http], daemon)
    assert subprocess.run([tool, path], capture_output=True, timeout=30).returncode == 2


@pytest.mark.parametrize('tool,name,binding', [('perl', 'push.pl', ['-e', 'use NanoMsg::Raw']),
                                               ('node', 'push_nanomsg.js', ['-e', 'require("nanomsg")'])])
def test_the_nanomsg_examples_run(daemon, tool, name, binding):
    """The languages that have a nanomsg binding in Debian or npm push by REQ."""
    if not shutil.which(tool) or subprocess.run([tool, *binding], capture_output=True).returncode:
        pytest.skip(f"{tool}'s nanomsg binding is not here")
    path = os.path.join(EXAMPLES, name)
    run_example([tool, path, daemon.rep], daemon)
    assert subprocess.run([tool, path], capture_output=True, timeout=30).returncode == 2


@pytest.mark.parametrize('how', ['shared', 'static'])
def test_the_c_example_builds_and_runs(daemon, tmp_path, how):
    """CONTRACT 1: libtidemark, shared and static, with its header alone; tcp and ipc."""
    program = str(tmp_path / 'push')
    flags = ['-L', BUILD, '-ltidemark'] if how == 'shared' else \
        [os.path.join(BUILD, 'libtidemark.a'), '-lnanomsg', '-lzstd', '-lsodium', '-ljansson', '-lm', '-lxxhash', '-lpthread']
    env = {}
    if how == 'shared':
        os.symlink(os.path.join(BUILD, 'libtidemark.so'), tmp_path / 'libtidemark.so.0')
        env['LD_LIBRARY_PATH'] = str(tmp_path)
    shutil.copy(os.path.join(ROOT, 'server', 'client', 'tidemark.h'), tmp_path)
    built = subprocess.run(['cc', '-Wall', '-Werror', '-I', str(tmp_path), os.path.join(EXAMPLES, 'push.c'), '-o', program] + flags + SANITIZER_FLAGS,
                           capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    run_example([program, daemon.rep], daemon, env)
    assert subprocess.run([program], capture_output=True, env=dict(os.environ, **env)).returncode == 2
