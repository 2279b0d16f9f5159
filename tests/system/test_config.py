"""The configuration and a new user's mistakes: CONTRACT 1 and 6."""
import json
import os
import re
import signal
import subprocess

import pytest

from harness import BUILD, DAEMON, NN_PUSH, Daemon, Nano, NanoError, command, wait_for
from peers import ask, bearer, message, taken

NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
OFF = {'http': [], 'ingest_rep': [], 'ingest_pull': [], 'publish': []}


def tidemarkd(*args, cwd=None):
    run = subprocess.run([DAEMON, *args], capture_output=True, text=True, timeout=20, cwd=cwd)
    return run.returncode, run.stdout, run.stderr


def check(tmp_path, text):
    path = tmp_path / 'tidemark.yaml'
    path.write_text(text)
    code, out, err = tidemarkd('-c', str(path), '--check')
    assert err == ''
    return code, out.replace(str(path), 'FILE').splitlines()


def one_sentence(text):
    """Exactly one line that is not empty; returned without its end."""
    lines = text.splitlines()
    assert len(lines) == 1 and text.endswith('\n'), text
    assert 20 < len(lines[0]) < 400, text
    return lines[0]


def start_fails(daemon):
    """A daemon that can't start: exit 1, nothing on stdout, one sentence on stderr."""
    try:
        daemon.start(wait=False)
        assert daemon.process.wait(10) == 1
        assert daemon.process.stdout.read() == b''
        return one_sentence(daemon.read_log())
    finally:
        daemon.stop()


# ---- --check and --print-config ----
def test_check_prints_every_fault_with_line_and_column(tmp_path):
    """CONTRACT 1, 6: unknown keys, wrong types, values out of bounds: all of them, FILE:LINE:COLUMN: what, what to do."""
    code, lines = check(tmp_path, '\n'.join([
        'data_dr: x',
        'storage:',
        '  flush_interval: soon',
        '  min_free: -3',
        'listen:',
        '  http: 127.0.0.1:1',
        '  ingest_rep: [ws://127.0.0.1:1]',
        'log: {level: loud}',
        'limits: {max_message: 1KB}',
        'auth:',
        '  keys:',
        '  - {name: a, scopes: [write]}',
    ]))
    assert code == 1
    want = [(1, 1, 'unknown setting "data_dr"; did you mean "data_dir"?'),
            (3, 19, 'storage.flush_interval: "soon" is not a duration; write'),
            (4, 13, 'storage.min_free: '),
            (6, 9, 'listen.http: "127.0.0.1:1" is a single value where a list belongs; write [127.0.0.1:1]'),
            (7, 16, 'write tcp://host:port or ipc://path'),
            (8, 14, 'log.level: "loud" is not known here; write one of error, warning, info, debug'),
            (9, 23, 'limits.max_message: 1KB is out of bounds; choose a value from'),
            (12, 5, 'auth.keys: this key has no secret; add secret_file:'),
            (12, 24, 'auth.keys.scopes: "write" is no scope; write one of write:SERVICE, write:*, read, admin')]
    assert len(lines) == len(want), lines
    for line, (row, column, words) in zip(lines, want):
        assert line.startswith(f'FILE:{row}:{column}: ') and words in line, line


def test_the_daemon_refuses_what_check_refuses_on_stderr(tmp_path):
    """CONTRACT 1: the same faults end the start with exit 1."""
    path = tmp_path / 'bad.yaml'
    path.write_text('data_dr: x\nlog: {level: loud}\n')
    code, out, err = tidemarkd('-c', str(path))
    assert (code, out) == (1, '')
    assert err == tidemarkd('-c', str(path), '--check')[1] and err.count('\n') == 2


@pytest.mark.parametrize('text,place', [('listen: [1\n', r'FILE:\d+:\d+: not valid YAML: '),
                                        ('log:\n\tlevel: info\n', r'FILE:2:1: not valid YAML: .*tab.*indent it with spaces'),
                                        ('a: b: c\n', r'FILE:1:\d+: not valid YAML: '), ('- a\n', r'FILE:1:1: '), ('word\n', r'FILE:1:1: '),
                                        ('log: {level: info}\nlog: {level: info}\n', r'FILE:2:1: '),
                                        ('log: \x01\n', r'FILE:1:\d+: ')])
def test_wrong_yaml_is_told_in_one_sentence_with_its_place(tmp_path, text, place):
    """A new user's mistake: wrong YAML."""
    code, lines = check(tmp_path, text)
    assert code == 1 and len(lines) == 1, lines
    assert re.match(place, lines[0]), lines


def test_no_file_a_missing_one_and_an_empty_one(tmp_path):
    """CONTRACT 1: no -c: all defaults; -c naming a missing file: fault, exit 1."""
    assert tidemarkd('--check')[:2] == (0, 'defaults: ok\n')
    empty = tmp_path / 'empty.yaml'
    empty.write_text('')
    assert tidemarkd('-c', str(empty), '--check') == (0, f'{empty}: ok\n', '')
    missing = tmp_path / 'missing.yaml'
    code, out, err = tidemarkd('-c', str(missing))
    assert (code, out) == (1, '')
    assert f'{missing}: ' in one_sentence(err) and 'No such file' in err and 'name a readable file' in err
    assert tidemarkd('-c', str(missing), '--check')[0] == 1
    assert tidemarkd('-c', str(tmp_path), '--check')[0] == 1


def test_a_daemon_without_a_file_runs_on_defaults(tmp_path):
    """CONTRACT 1, 6: the defaults start a daemon in ./data; skipped where port 9700 is taken."""
    import socket
    for port in (9700, 9701, 9702, 9703):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(('127.0.0.1', port))
            except OSError:
                pytest.skip(f'port {port} is taken here')
    process = subprocess.Popen([DAEMON], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout.readline().decode() == (
            'ready http=127.0.0.1:9700 ingest_rep=tcp://127.0.0.1:9701,ipc://./data/run/ingest_rep '
            'ingest_pull=tcp://127.0.0.1:9702,ipc://./data/run/ingest_pull publish=tcp://127.0.0.1:9703\n')
        assert command('status')[0] == 0
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def test_print_config_reads_back_as_it_is(tmp_path):
    """CONTRACT 1: every setting with value, unit, bounds, default and text, as valid YAML."""
    code, text, err = tidemarkd('--print-config')
    assert (code, err) == (0, '')
    path = tmp_path / 'all.yaml'
    path.write_text(text)
    assert tidemarkd('-c', str(path), '--check')[0] == 0
    assert tidemarkd('-c', str(path), '--print-config')[1] == text
    for words in ('flush_interval: 1s', 'min_free: 1GiB', 'raw: 30d', 'max_series: 1000000', 'max_message: 1MiB',
                  'max_decompressed: 16MiB', 'max_future: 10m', 'service_from: [service, job, app]', 'level: info',
                  'insecure: false', 'http: [127.0.0.1:9700]', 'default 1s', 'restart', 'reload'):
        assert words in text, words


def test_a_daemon_runs_with_its_own_printed_config(tmp_path):
    """CONTRACT 1: the round trip through a daemon: its settings printed and read give the same daemon."""
    with Daemon(folder=str(tmp_path), config={'limits': {'max_series': 1234}, 'log': {'level': 'warning'}}) as d:
        printed = tidemarkd('-c', d.config_path, '--print-config')[1]
        assert d.terminate() == 0
        with open(d.config_path, 'w', encoding='utf-8') as out:
            out.write(printed)
        d.start()
        assert d.status()['series']['limit'] == 1234
        assert d.terminate() == 0


# ---- flags ----
@pytest.mark.parametrize('args,words', [(['--fast'], 'unknown option --fast'), (['fast'], 'unknown word "fast"'),
                                        (['-c'], '--config needs a value: --config FILE'),
                                        (['--check=1'], '--check takes no value')])
def test_a_wrong_flag_is_usage(args, words):
    """A new user's mistake: wrong flag: exit 2, one sentence, where to look."""
    code, out, err = tidemarkd(*args)
    assert (code, out) == (2, '')
    assert words in one_sentence(err) and ('tidemarkd --help' in err or 'takes no value' in err)


def test_help_and_version():
    """CONTRACT 1."""
    code, out, err = tidemarkd('--help')
    assert (code, err) == (0, '') and all(flag in out for flag in ('--config', '--check', '--print-config', '--version'))
    assert re.fullmatch(r'tidemarkd \d+\.\d+\.\d+\n', tidemarkd('--version')[1])


# ---- reload ----
@pytest.mark.parametrize('how', ['SIGHUP', 'HTTP'])
def test_a_reload_takes_a_good_file_and_refuses_a_bad_one_whole(how):
    """CONTRACT 1, 5: SIGHUP and /-/reload re-read the config; a bad one is refused whole, the old one stays."""
    with Daemon() as d:
        def reload():
            if how == 'HTTP':
                return d.request('POST', '/-/reload')
            done = d.metric('tidemark_config_reloads_total') + d.metric('tidemark_config_reloads_refused_total')
            d.process.send_signal(signal.SIGHUP)
            wait_for(lambda: d.metric('tidemark_config_reloads_total') +
                     d.metric('tidemark_config_reloads_refused_total') > done)
            return None
        line = 'cpu,a=' + 'b' * 100 + ' value=1'
        assert ask(d.rep, line) == taken(1)
        d.settings['limits'] = {'max_label_value': '64B', 'max_future': '1m'}
        d.settings['log'] = {'level': 'debug'}
        d.write_config()
        answer = reload()
        assert how != 'HTTP' or (answer[0], json.loads(answer[1])) == (200, {'status': 'success', 'data': None})
        assert 'config.reloaded' in d.read_log()
        assert 'limits.max_label_value (64)' in ask(d.rep, line.replace('cpu', 'mem'))['errors'][0]['reason']
        d.write_config(dict(d.settings, limits={'max_label_value': '1KiB', 'max_future': 'never'}, log={'level': 'error'}))
        answer = reload()
        if how == 'HTTP':
            body = json.loads(answer[1])
            assert (answer[0], body['errorType']) == (400, 'bad_data')
            assert re.search(r'tidemark\.yaml:\d+:\d+: limits\.max_future: "never" is not a duration', body['error']), body
            assert 'the old configuration stays' in body['error']
        log = d.read_log()
        assert re.search(r'config\.fault .*tidemark\.yaml:\d+:\d+: limits\.max_future', log) and 'config.refused' in log
        assert ask(d.rep, line.replace('cpu', 'mem'))['rejected'] == 1, 'no part of the bad file is taken'
        os.remove(d.config_path)
        reload()
        assert d.alive() and ask(d.rep, 'cpu value=1') == taken(1)
        assert d.metric('tidemark_config_reloads_refused_total') == 2


def test_a_reload_says_what_waits_for_a_restart():
    """CONTRACT 6: what can't be taken over by a running daemon is told with its reason, each time; the rest is taken."""
    with Daemon() as d:
        d.settings['listen']['http'] = ['127.0.0.1:1']
        d.settings['limits'] = {'max_label_value': '64B', 'max_message': '2MiB'}
        d.write_config()
        for _ in range(2):
            status, body, _ = d.request('POST', '/-/reload')
            warning, = json.loads(body)['warnings']
            assert status == 200 and 'listen.http (listeners are opened at the start), limits.max_message (' in warning
        said = re.findall(r'config\.needs_restart (.*) changed and take effect at the next start', d.read_log())
        assert len(said) == 2 and all(text in warning for text in said), said
        assert ask(d.rep, 'cpu,a=' + 'b' * 100 + ' value=1')['rejected'] == 1


def test_bounds_of_what_is_taken_in_are_taken_over_by_a_reload():
    with Daemon(config={'limits': {'max_series': 3}}) as d:
        def reload(**settings):
            d.settings.update(settings)
            d.write_config()
            status, body, _ = d.request('POST', '/-/reload')
            assert (status, json.loads(body)) == (200, {'status': 'success', 'data': None})
        lines = '\n'.join(f'cpu,a={i} value=1' for i in range(5))
        assert ask(d.rep, lines)['rejected'] == 2
        reload(limits={'max_series': 10, 'max_series_per_service': 4})
        answer = ask(d.rep, lines)
        assert (answer['accepted'], answer['rejected']) == (4, 1)
        assert 'limits.max_series_per_service of 4' in answer['errors'][0]['reason']
        assert d.status()['series']['limit'] == 10
        reload(limits={'max_series': 10}, storage={'min_free': '1024TiB'}, scoring={'memory': '64MiB', 'timezone': 'Asia/Seoul'})
        wait_for(lambda: ask(d.rep, 'cpu,a=1 value=1').get('error') == 'read_only')
        wait_for(lambda: 'scoring.timezone is Asia/Seoul now' in d.read_log())
        reload(storage={'min_free': 0})
        wait_for(lambda: ask(d.rep, 'cpu,a=1 value=1') == taken(1))


def test_a_reload_does_not_open_to_everybody_what_listens_beyond_loopback():
    """CONTRACT 3: the listener stays until a restart, so its keys do too."""
    key = {'name': 'k', 'secret': '0123456789abcdef-k', 'scopes': ['admin']}
    with Daemon(config={'auth': {'keys': [key]}, 'listen': {'http': ['0.0.0.0:0']}}) as d:
        d.settings['auth']['keys'] = []
        d.settings['listen']['http'] = ['127.0.0.1:0']
        d.write_config()
        status, body, _ = d.request('POST', '/-/reload', headers=bearer(key['secret']))
        assert status == 400 and 'stays open until a restart' in json.loads(body)['error']
        assert d.request('GET', '/metrics')[0] == 401
        d.settings['insecure'] = True  # it is said, so it is meant
        d.write_config()
        assert d.request('POST', '/-/reload', headers=bearer(key['secret']))[0] == 200
        assert d.request('GET', '/metrics')[0] == 200


def test_keys_can_be_changed_by_a_reload():
    """CONTRACT 6: a key that was taken out no longer opens anything."""
    key = {'name': 'k', 'secret': '0123456789abcdef-k', 'scopes': ['admin']}
    new = {'name': 'n', 'secret': '0123456789abcdef-n', 'scopes': ['admin']}
    with Daemon(config={'auth': {'keys': [key]}}) as d:
        d.settings['auth']['keys'] = [new]
        d.write_config()
        assert d.request('POST', '/-/reload', headers=bearer(key['secret']))[0] == 200
        assert d.request('GET', '/metrics', headers=bearer(key['secret']))[0] == 401
        assert d.request('GET', '/metrics', headers=bearer(new['secret']))[0] == 200
        assert ask(d.rep, message('cpu value=1', 'p', 1, 1, 'k', key['secret']))['error'] == 'unknown_key'
        assert ask(d.rep, message('cpu value=1', 'p', 1, 1, 'n', new['secret'])) == taken(1, seq=1)


# ---- a new user's mistakes ----
@pytest.mark.parametrize('setting', ['http', 'ingest_rep', 'ingest_pull', 'publish', 'ipc'])
def test_a_taken_port_is_told(daemon, setting):
    """A new user's mistake: port taken: which setting, which address, what to do."""
    if setting == 'ipc':
        daemon.settings['listen']['ingest_rep'] = [f'ipc://{daemon.folder}/run/rep']
        daemon.write_config()
        assert daemon.terminate() == 0
        daemon.start()
        setting = 'ingest_rep'
    address = daemon.addresses[setting][0]
    said = start_fails(Daemon(config={'listen': {setting: [address]}}))
    assert said.startswith(f'tidemarkd: listen.{setting}: cannot listen on {address}: Address already in use; '), said
    assert 'end ' in said and 'choose another' in said
    assert daemon.request('GET', '/-/healthy')[0] == 200, 'the one that runs is unharmed'
    if setting == 'ingest_rep':
        assert ask(address, 'cpu value=1') == taken(1)


def test_a_second_daemon_on_the_same_folder_is_told(daemon):
    """CONTRACT 6: one writer, by flock: who has it, and what to do."""
    said = start_fails(Daemon(data_dir=daemon.data_dir))
    assert f'another process (pid {daemon.process.pid}) writes to data folder {daemon.data_dir}' in said
    assert 'stop it or choose another data_dir' in said


def test_a_folder_that_is_not_writable_is_told(tmp_path):
    """A new user's mistake: folder not writable."""
    said = start_fails(Daemon(data_dir='/proc/tidemark'))
    assert '/proc/tidemark' in said and 'data_dir' in said and 'may write' in said
    there = tmp_path / 'file'
    there.write_text('')
    said = start_fails(Daemon(data_dir=str(there)))
    assert f'{there}: Not a directory' in said and 'data_dir' in said


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can become another user')
def test_a_folder_of_another_user_is_told(tmp_path):
    """A new user's mistake: folder not writable, with the rights of an ordinary user."""
    seen = tmp_path
    while seen != seen.parent and not seen.stat().st_mode & 1:
        seen.chmod(seen.stat().st_mode | 0o055)
        seen = seen.parent
    if subprocess.run([*NOBODY, 'test', '-x', DAEMON], check=False).returncode:
        pytest.skip(f'{BUILD} can not be seen by an ordinary user here')
    folder = tmp_path / 'config'
    folder.mkdir(mode=0o755)
    data = tmp_path / 'data'
    data.mkdir(mode=0o755)
    d = Daemon(folder=str(folder), data_dir=str(data), wrap=NOBODY)
    os.chmod(d.config_path, 0o644)
    said = start_fails(d)
    assert f'data folder {data}: Permission denied' in said and 'set data_dir to a folder that this user may write to' in said


def test_an_ipc_path_over_107_bytes_is_a_fault(tmp_path):
    """CONTRACT 6: also where the data folder makes it too long."""
    code, lines = check(tmp_path, f'listen: {{ingest_rep: ["ipc:///{"a" * 106}"]}}\n')
    assert (code, lines) == (0, ['FILE: ok'])
    code, lines = check(tmp_path, f'listen: {{ingest_rep: ["ipc:///{"a" * 107}"]}}\n')
    assert code == 1 and len(lines) == 1 and 'has 108 bytes; shorten it to 107' in lines[0]
    code, lines = check(tmp_path, f'data_dir: /{"a" * 100}\n')
    assert code == 1 and len(lines) == 2 and all('shorten' in line for line in lines), lines


@pytest.mark.parametrize('listen', ['http: ["0.0.0.0:0"]', 'http: ["[::]:0"]', 'ingest_rep: ["tcp://0.0.0.0:0"]',
                                    'ingest_pull: ["tcp://*:0"]', 'publish: ["tcp://192.0.2.1:0"]'])
def test_listening_beyond_loopback_needs_keys_or_insecure(tmp_path, listen):
    """CONTRACT 3, 6: any listener off loopback without keys is refused at start unless insecure: true."""
    text = f'listen: {{{listen}}}\n'
    code, lines = check(tmp_path, text)
    assert code == 1 and len(lines) == 1 and 'auth.keys is empty' in lines[0] and 'insecure: true' in lines[0], lines
    assert check(tmp_path, text + 'insecure: true\n')[0] == 0
    (tmp_path / 'secret').write_text('0123456789abcdef-secret\n')
    (tmp_path / 'secret').chmod(0o600)
    assert check(tmp_path, text + f'auth: {{keys: [{{name: a, secret_file: {tmp_path}/secret, scopes: [admin]}}]}}\n')[0] == 0


def test_insecure_really_listens_everywhere():
    """CONTRACT 3: insecure: true."""
    with Daemon(config={'listen': {'http': ['0.0.0.0:0']}, 'insecure': True}) as d:
        assert d.http.startswith('0.0.0.0:')
        assert d.request('GET', '/-/ready')[0] == 200


def test_a_wrong_secret_is_told(tmp_path):
    """A new user's mistake: wrong secret, by `tidemark push` and by curl."""
    key = {'name': 'cart', 'secret': '0123456789abcdef', 'scopes': ['write:*']}
    with Daemon(config={'auth': {'keys': [key]}}) as d:
        path = tmp_path / 'key'
        path.write_text('cart fedcba9876543210\n')
        path.chmod(0o600)
        code, _, err = command('push', '--to', d.rep, '--key-file', str(path), '-', stdin=b'cpu value=1\n')
        said = one_sentence(err)
        assert code == 1 and 'bad_signature' in said and "does not fit this key's secret" in said, said
        code, body, _ = d.write('cpu value=1', headers=bearer('fedcba9876543210'))
        assert code == 401 and 'Authorization: Bearer SECRET' in json.loads(body)['error']
        assert 'fedcba9876543210' not in d.read_log() and '0123456789abcdef' not in d.read_log()


def test_half_a_line_is_told(daemon):
    """A new user's mistake: half a line: which line, which column, what was expected."""
    code, body, _ = daemon.write('cpu,service=cart value=1\ncpu,service=cart val')
    (error,) = json.loads(body)['errors']
    assert code == 400 and error == {'line': 2, 'reason': "column 21: expected '=' behind the field's name, found the end of the line"}


def test_a_message_over_a_mebibyte_is_told(daemon, tmp_path):
    """A new user's mistake: a message over 1 MiB: by REQ, HTTP, and in the log for PUSH; the command cuts by itself."""
    big = b'#' * ((1 << 20) + 1)
    reply = ask(daemon.rep, big)
    assert reply == {'ok': False, 'error': 'too_large', 'message': 'the message is over limits.max_message; send smaller batches'}
    code, body, _ = daemon.write(big)
    assert code == 413 and 'over limits.max_message; send smaller batches' in json.loads(body)['error']
    with Nano(NN_PUSH, daemon.pull) as peer:
        peer.send(big)
        wait_for(lambda: 'the message is over limits.max_message; send smaller batches' in daemon.read_log())
    lines = tmp_path / 'lines'
    lines.write_bytes(b'cpu,service=cart value=1\n' * 60000)
    assert command('push', '--to', daemon.rep, '--batch', '1000000', str(lines))[0] == 0
    long = tmp_path / 'long'
    long.write_bytes(b'cpu value=1\n# ' + b'x' * (3 << 20) + b'\ncpu value=' + b'1' * (2 << 20) + b'\ncpu value=2\n')
    code, _, err = command('push', '--to', daemon.rep, str(long))
    assert code == 1 and f'{long}:3: ' in err, err


def test_everything_off_is_a_daemon_too():
    """CONTRACT 6: [] switches a listener off; with all of them off it still starts and stops cleanly."""
    with Daemon(config={'listen': OFF}) as d:
        assert d.ready_line == 'ready http= ingest_rep= ingest_pull= publish='
        assert d.terminate() == 0


def test_a_client_on_the_wrong_port_gets_no_false_answer(daemon):
    """A new user's mistake: REQ to the HTTP port, HTTP to the REQ port: no answer that looks right, nothing falls."""
    with pytest.raises(NanoError):
        ask('tcp://' + daemon.http, 'cpu value=1', timeout_ms=500)
    code, _, err = command('status', '--server', daemon.rep.replace('tcp', 'http'))
    assert code == 1 and 'tidemark' in err
    assert ask(daemon.rep, 'cpu value=1') == taken(1) and daemon.metric('tidemark_gate_restarts_total') == 0
