"""`tidemark query` on the real binaries: CONTRACT 1 and 9."""
import csv
import fcntl
import http.server
import io
import json
import os
import pty
import re
import struct
import subprocess
import termios
import threading

import pytest

from harness import COMMAND, Daemon, command, now_ms

AT = (now_ms() - 1800 * 1000) // 1000 * 1000


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A data folder at rest: cpu of two pods, one sample a second for 10 minutes, and odd values."""
    with Daemon(data_dir=str(tmp_path_factory.mktemp('query') / 'data')) as d:
        lines = [f'cpu,service=cart,pod={pod} value={i % 60 + add} {AT + i * 1000}'
                 for pod, add in (('a', 0), ('b', 0.25)) for i in range(600)]
        lines += [f'odd,text=say\\ "hi"\\,\\ é value=1e-7 {AT + 1}', f'odd,text=say\\ "hi"\\,\\ é value=0.1 {AT + 2}']
        assert d.write('\n'.join(lines), '/write?precision=ms')[0] == 204
        assert d.terminate() == 0
        yield d.data_dir


def query(folder, *args, **more):
    return command('query', '--data-dir', folder, *args, **more)


# ---- what is printed ----
def test_a_table_shows_the_newest_samples_of_each_series_and_sums_up_the_rest(folder):
    code, out, err = query(folder, 'cpu', '--limit', '2')
    assert (code, err) == (0, '')
    lines = out.splitlines()
    assert lines[0] == 'cpu{pod="a",service="cart"}'
    assert re.fullmatch(r'  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d +58', lines[1]) and lines[2].endswith(' 59')
    assert lines[3] == '  600 samples, min 0, mean 29.5, max 59; 598 earlier not shown (--limit 0 shows all)'
    assert lines[4] == '' and lines[5] == 'cpu{pod="b",service="cart"}' and lines[6].endswith(' 58.25')
    assert lines[-1] == '2 series, 1,200 samples; times are UTC' and len(lines) == 11
    assert len(query(folder, 'cpu{pod="a"}')[1].splitlines()) == 1 + 20 + 1
    assert len(query(folder, 'cpu{pod="a"}', '--limit', '0')[1].splitlines()) == 1 + 600 + 1


def test_json_is_one_matrix_with_every_sample(folder):
    code, out, err = query(folder, 'cpu', '--json')
    data = json.loads(out)
    assert (code, err, data['resultType']) == (0, '', 'matrix')
    assert [series['metric'] for series in data['result']] == [
        {'__name__': 'cpu', 'pod': pod, 'service': 'cart'} for pod in 'ab']
    assert data['result'][1]['values'] == [[AT // 1000 + i, repr(i % 60 + 0.25)] for i in range(600)]
    assert json.loads(query(folder, 'odd', '--json')[1])['result'] == [
        {'metric': {'__name__': 'odd', 'text': 'say "hi", é'}, 'values': [[(AT + 1) / 1000, '1e-07'], [(AT + 2) / 1000, '0.1']]}]
    assert json.loads(query(folder, 'none', '--json')[1]) == {'resultType': 'matrix', 'result': []}
    assert query(folder, 'cpu', '--format', 'json')[1] == out


def test_csv_is_read_back_by_a_csv_reader(folder):
    rows = list(csv.reader(io.StringIO(query(folder, 'odd', '--format', 'csv')[1])))
    assert rows[0] == ['series', 'time', 'value'] and len(rows) == 3
    assert rows[1][0] == 'odd{text="say \\"hi\\", é"}' and rows[2][2] == '0.1'
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.001Z', rows[1][1])


def test_from_and_to_are_half_open(folder):
    """CONTRACT 9: RFC 3339, unix seconds with decimals, relative to now."""
    def count(*args):
        return sum(len(series['values']) for series in json.loads(query(folder, 'cpu{pod="a"}', '--json', *args)[1])['result'])
    start = AT // 1000
    assert count('--from', str(start), '--to', str(start + 10)) == 10
    assert count('--from', f'{start}.001', '--to', f'{start + 10}.001') == 10
    assert count('--from', '-1d', '--to', 'now') == 600
    assert count('--from', '1970-01-01', '--to', '1971-01-01T00:00:00Z') == 0
    assert count() == 600


def test_nothing_found_is_said_and_is_no_failure(folder):
    code, out, err = query(folder, 'none')
    assert (code, out) == (0, '') and err.count('\n') == 1
    assert re.fullmatch(r'tidemark: none has no samples from .* to .* UTC; --from and --to set the span, '
                        r'`tidemark series` lists what there is\n', err)


def test_control_characters_of_labels_do_not_reach_the_terminal(tmp_path):
    with Daemon(data_dir=str(tmp_path / 'data')) as d:
        assert d.write(f'cpu,pod=\x1b[2Jx value=1 {AT}', '/write?precision=ms')[0] == 204
        for more in ((), ('--format', 'csv'), ('--plot',)):
            out = query(d.data_dir, 'cpu', *more)[1]
            assert '\x1b' not in out and ('x1b' in out or '?' in out), out


@pytest.mark.parametrize('args, says', [
    ((), 'one selector is needed'),
    (('a', 'b'), 'one selector is needed'),
    (('cpu{',), 'parse error'),
    (('cpu', '--from', 'yesterday'), '--from: "yesterday" is not a time'),
    (('cpu', '--from', '-1h', '--to', '-2h'), 'is not before'),
    (('cpu', '--format', 'xml'), '--format is table, csv or json'),
    (('cpu', '--json', '--format', 'csv'), 'contradict'),
    (('cpu', '--tier', '2m'), '--tier is raw, 5m or 1h'),
    (('cpu', '--limit', '-1'), '--limit'),
    (('cpu', '--plot=chart.gif'), 'must end in .png or .svg'),
    (('cpu', '--plot', '--json'), 'leave out'),
    (('cpu', '--server', 'http://127.0.0.1:1'), 'leave out one'),
])
def test_mistakes_are_one_sentence_and_exit_2(folder, args, says):
    code, out, err = query(folder, *args)
    assert code == 2 and says in err and err.count('\n') == 1 and out in ('', '{"resultType":"matrix","result":['), (code, out, err)


def test_a_folder_that_is_not_there_is_exit_1(tmp_path):
    code, out, err = query(str(tmp_path / 'none'), 'cpu')
    assert (code, out, err.count('\n')) == (1, '', 1) and str(tmp_path / 'none') in err


# ---- charts ----
def png_size(data):
    assert data[:8] == b'\x89PNG\r\n\x1a\n'
    return struct.unpack('>II', data[16:24])


def test_plot_writes_a_png_of_1200_by_600_and_an_svg(folder, tmp_path):
    for name in ('chart.png', "it's.svg"):
        path = str(tmp_path / name)
        code, out, err = query(folder, 'cpu', f'--plot={path}')
        assert (code, out, err) == (0, f'{path}: 1200 x 600, 2 series, 1,200 samples\n', '')
    assert png_size((tmp_path / 'chart.png').read_bytes()) == (1200, 600)
    svg = (tmp_path / "it's.svg").read_text()
    assert svg.startswith('<?xml') and 'cpu{service=' in svg and svg.rstrip().endswith('</svg>')


def test_plot_without_a_terminal_is_80_by_24_and_plain(folder):
    code, out, err = query(folder, 'cpu', '--plot')
    assert (code, err) == (0, '') and '\x1b' not in out
    lines = out.splitlines()
    assert len(lines) <= 23 and max(map(len, lines)) <= 79 and 'cpu{service="cart"}' in out
    assert query(folder, 'cpu', '--plot=dumb')[1] == out


def test_plot_fits_the_terminal_and_has_colours_there(folder):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 30, 100, 0, 0))
    env = {name: value for name, value in os.environ.items() if name != 'NO_COLOR'}
    run = subprocess.Popen([COMMAND, 'query', '--data-dir', folder, 'cpu', '--plot'], stdout=theirs, env=env)
    os.close(theirs)
    out = b''
    try:
        while piece := os.read(ours, 65536):
            out += piece
    except OSError:
        pass
    os.close(ours)
    assert run.wait(20) == 0
    plain = re.sub(r'\x1b\[[0-9;]*m', '', out.decode()).splitlines()
    assert b'\x1b[' in out and len(plain) in (28, 29) and 90 <= max(map(len, plain)) <= 99


def test_a_missing_gnuplot_is_named_with_what_to_do(folder, tmp_path):
    code, out, err = query(folder, 'cpu', f'--plot={tmp_path}/x.png', env={'PATH': str(tmp_path)})
    assert (code, out, err.count('\n')) == (1, '', 1)
    assert 'Gnuplot is not installed' in err and 'gnuplot-nox' in err and not os.path.exists(tmp_path / 'x.png')


def test_a_failing_gnuplot_is_told_with_its_words(folder, tmp_path):
    fake = tmp_path / 'gnuplot'
    fake.write_text('#!/bin/sh\necho "no such terminal" >&2\nexit 3\n')
    fake.chmod(0o755)
    code, out, err = query(folder, 'cpu', '--plot', env={'PATH': f'{tmp_path}:/usr/bin:/bin'})
    assert (code, err) == (1, 'tidemark: Gnuplot could not draw this: no such terminal\n')
    assert query(folder, 'cpu', '--plot=/none/x.png')[::2] == (1, 'tidemark: cannot write /none/x.png: No such file or directory\n')


# ---- what the daemon sends ----
class Scripted(http.server.BaseHTTPRequestHandler):
    """Answers with what the test has put into the server, in small pieces."""

    def do_GET(self):
        self.server.seen = self.path, self.headers.get('Authorization')
        status, body = self.server.answer
        self.send_response(status)
        self.end_headers()
        for at in range(0, len(body), 7):
            self.wfile.write(body[at:at + 7])

    def log_message(self, *_):
        pass


@pytest.fixture
def scripted():
    server = http.server.HTTPServer(('127.0.0.1', 0), Scripted)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    server.url = f'http://127.0.0.1:{server.server_port}'
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_export_is_read_piece_by_piece(scripted):
    scripted.answer = 200, (b'{"metric":{"__name__":"cpu","pod":"a"},"times":[1000,2500],"values":["1","2.5"]}\n'
                            b'{"metric":{"__name__":"cpu","pod":"a"},"times":[3000],"values":["NaN"]}\n\n'
                            b'{"metric":{"__name__":"cpu","pod":"b"},"times":[1000],"values":["+Inf"]}\n')
    code, out, err = command('query', 'cpu{pod=~"a|b"}', '--json', '--server', scripted.url, '--from', '1', '--to', '4.5')
    assert (code, err) == (0, '')
    assert json.loads(out)['result'] == [
        {'metric': {'__name__': 'cpu', 'pod': 'a'}, 'values': [[1, '1'], [2.5, '2.5'], [3, 'NaN']]},
        {'metric': {'__name__': 'cpu', 'pod': 'b'}, 'values': [[1, '+Inf']]}]
    assert scripted.seen == ('/api/v1/export?match[]=cpu%7Bpod%3D~%22a%7Cb%22%7D&from=1.000&to=4.500&tier=raw', None)


@pytest.mark.parametrize('status, body, code, says', [
    (200, b'{"metric":{"a":"b"},"times":[1],"values":["1"]}', 1, 'it ends within a line'),
    (200, b'{"metric":{"a":"b"},"times":[1,2],"values":["1"]}\n', 1, 'do not stand in it'),
    (200, b'{"metric":{"a":"b"},"times":[1],"values":["x"]}\n', 1, 'is no number'),
    (200, b'<html>\n', 1, 'the export that came is damaged'),
    (400, b'{"status":"error","errorType":"bad_data","error":"1:3: parse error: no"}', 2, '1:3: parse error: no'),
    (401, b'{"status":"error","error":"a key is needed"}', 1, 'a key is needed'),
    (404, b'not here', 1, 'HTTP status 404'),
])
def test_a_wrong_answer_is_told_in_one_sentence(scripted, status, body, code, says):
    scripted.answer = status, body
    done = command('query', 'cpu', '--server', scripted.url, '--format', 'csv')
    assert done[0] == code and says in done[2] and done[2].count('\n') == 1


def test_the_key_is_sent_and_a_daemon_out_of_reach_is_named(scripted, tmp_path):
    key = tmp_path / 'key'
    key.write_text('reader 0123456789abcdef\n')
    key.chmod(0o600)
    scripted.answer = 200, b''
    assert command('query', 'cpu', '--key-file', str(key), env={'TIDEMARK_SERVER': scripted.url})[0] == 0
    assert scripted.seen[1] == 'Bearer 0123456789abcdef'
    code, _, err = command('query', 'cpu', '--server', 'http://127.0.0.1:1')
    assert code == 1 and 'could not reach tidemarkd at http://127.0.0.1:1' in err and err.count('\n') == 1
