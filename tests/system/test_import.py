"""`tidemark import` on the real binaries: CONTRACT 1 and 3."""
import gzip
import json
import os
import signal
import subprocess
import time

import pytest

from harness import COMMAND, ROOT, Daemon, command, now_ms, wait_for

KPI = os.path.join(ROOT, 'tests', 'data', 'kpi')
WEEK_S = 7 * 86400


def table(path, rows, header='time,value'):
    path.write_text('\n'.join(([header] if header else []) + rows) + '\n')
    return str(path)


def run(daemon, *args, **more):
    return command('import', '--to', daemon.rep, '--time', 'time', '--value', 'value', *args, **more)


def samples(daemon):
    return daemon.status()['ingest']['samples_total']


def stored(daemon):
    assert daemon.terminate() == 0
    return daemon.dump()[0]


def test_rows_become_samples_with_labels_from_columns_constants_and_the_file(daemon, tmp_path):
    at = now_ms() // 1000 - 600
    path = table(tmp_path / 'shop.csv', [f'{at},1.5,a,7', f'{at + 60},2.5,"b, c",', f'{at + 120},,a,9'], 'time,value,pod,errors')
    code, out, err = run(daemon, path, '--value', 'errors=failed_total', '--label', 'pod=pod', '--label-const', 'env=prod',
                         '--label-file', 'service')
    assert (code, err) == (0, '') and out.startswith('imported 3 rows of 1 file: 4 samples accepted, 0 refused, 0 bad rows\n')
    at *= 1000
    assert stored(daemon) == {
        'value{env="prod",pod="a",service="shop"}': {at: 1.5}, 'value{env="prod",pod="b, c",service="shop"}': {at + 60000: 2.5},
        'failed_total{env="prod",pod="a",service="shop"}': {at: 7.0, at + 120000: 9.0}}


def test_standard_input_without_a_header_and_with_another_delimiter(daemon):
    code, out, err = command('import', '-', '--to', daemon.rep, '--no-header', '--time', '2', '--value', '1', '--metric', 'm',
                             '--delimiter', 'tab', stdin=f'1\t{now_ms()}\n\n2\t{now_ms() - 1000}\n'.encode())
    assert (code, err) == (0, '') and out.startswith('imported 2 rows of 1 file: 2 samples accepted')
    assert list(stored(daemon)) == ['m{}']


def test_bad_rows_are_named_by_file_line_and_column_and_the_others_taken(daemon, tmp_path):
    at = now_ms() // 1000
    path = table(tmp_path / 'bad.csv', [f'{at},x', f'{at},1', 'never,1', f'"{at}"x,1', f'{at}', f'{at - 1},2'])
    code, out, err = run(daemon, path)
    assert code == 1 and out.startswith('imported 6 rows of 1 file: 2 samples accepted, 0 refused, 4 bad rows\n')
    places = [line.split(': ')[0] for line in err.splitlines()]
    assert places == [f'{path}:2:{len(str(at)) + 2}', f'{path}:4:1', f'{path}:5:{len(str(at)) + 3}', f'{path}:6:1']
    data = json.loads(run(daemon, path, '--json', '--again')[1])
    assert (data['rows'], data['accepted'], data['bad_rows'], data['refused']) == (6, 2, 4, 0)
    assert data['errors'][0]['file'] == path and (data['errors'][0]['line'], data['errors'][0]['column']) == (2, len(str(at)) + 2)
    code, out, err = run(daemon, '-', stdin=b'time,value\nnever,1\n')
    assert err.startswith('stdin:2:1: ')


def test_too_many_bad_rows_end_it_and_what_was_good_is_kept(daemon, tmp_path):
    at = now_ms() // 1000
    path = table(tmp_path / 'bad.csv', [f'{at},1'] + ['never,1'] * 5 + [f'{at},2'])
    code, out, err = run(daemon, path, '--max-errors', '2')
    assert code == 1 and f'stopped at {path}:5: 3 rows are bad, more than --max-errors 2' in err
    assert out.startswith('imported 4 rows of 1 file: 1 samples accepted, 0 refused, 3 bad rows\n')


def test_rows_older_than_the_retention_are_refused_with_what_to_do(daemon, tmp_path):
    path = table(tmp_path / 'old.csv', [f'{1500000000 + i},1' for i in range(50)])
    code, out, err = run(daemon, path)
    assert code == 1 and '50 refused' in out and 'beyond the retention of 30.0 days' in err
    assert 'raise it in the daemon\'s configuration, or move the times with --shift' in err and err.count('\n') <= 5


def test_a_second_run_delivers_nothing_twice_and_again_sends_anew(daemon, tmp_path):
    at = now_ms() // 1000 - 1000
    path = table(tmp_path / 'a.csv', [f'{at + i},{i}' for i in range(1000)])
    assert run(daemon, path, '--batch', '100')[0] == 0
    before = samples(daemon)
    data = json.loads(run(daemon, path, '--batch', '100', '--json')[1])
    assert (data['duplicate'], data['accepted'], samples(daemon)) == (1000, 1000, before)
    assert 'delivered by an earlier run' in run(daemon, path, '--batch', '100')[1]
    data = json.loads(run(daemon, path, '--batch', '100', '--json', '--label-const', 'a=b')[1])
    assert data['duplicate'] == 0, 'other settings are another import'
    data = json.loads(run(daemon, path, '--batch', '100', '--json', '--again')[1])
    assert data['duplicate'] == 0
    assert stored(daemon)['value{}'] == {(at + i) * 1000: float(i) for i in range(1000)}


def test_an_interrupted_import_goes_on_where_it_was(daemon, tmp_path):
    """Killed between two batches: what was acknowledged is a duplicate in the second run, nothing is missing."""
    at = now_ms() // 1000 - 200000
    path = table(tmp_path / 'a.csv', [f'{at + i},{i}' for i in range(200000)])
    args = [COMMAND, 'import', path, '--to', daemon.rep, '--time', 'time', '--value', 'value', '--batch', '50']
    first = subprocess.Popen(args, stdout=subprocess.DEVNULL)
    wait_for(lambda: samples(daemon) > 500, every=0.001)
    first.send_signal(signal.SIGKILL)
    first.wait()
    done = samples(daemon)
    data = json.loads(run(daemon, path, '--json', '--batch', '50')[1])
    assert data['accepted'] == 200000 and data['duplicate'] >= 450 and data['duplicate'] <= done + 50
    assert samples(daemon) == 200000
    assert len(stored(daemon)['value{}']) == 200000


def test_times_move_to_an_end_or_by_whole_weeks(daemon, tmp_path):
    path = table(tmp_path / 'old.csv', [f'{1500000000 + i * 86400},{i}' for i in range(10)])
    now = now_ms() // 1000
    data = json.loads(run(daemon, path, '--json', '--end-at', str(now - 60))[1])
    assert data['accepted'] == 10 and data['shift_ms'] == (now - 60 - 1500000000 - 9 * 86400) * 1000
    code, out, _ = run(daemon, path, '--json', '--metric', 'w', '--replay-until', str(now))
    data = json.loads(out)
    weeks = data['shift_ms'] // 1000 // WEEK_S
    assert code == 0 and data['shift_ms'] == weeks * WEEK_S * 1000 and data['refused'] == 0
    times = [1500000000 + i * 86400 + weeks * WEEK_S for i in range(10)]
    assert times[-1] >= now > times[-1] - WEEK_S
    assert (data['left_out'], data['accepted']) == (sum(t >= now for t in times), sum(t < now for t in times))
    data = json.loads(run(daemon, path, '--json', '--dry-run', '--shift', '-1w')[1])
    assert data['shift_ms'] == -WEEK_S * 1000


def test_a_dry_run_shows_lines_and_sends_nothing(daemon, tmp_path):
    path = table(tmp_path / 'a.csv', [f'{1764000000 + i},{i}' for i in range(100)])
    code, out, err = run(daemon, path, '--dry-run', '--label-const', 'a=b')
    lines = out.splitlines()
    assert (code, err) == (0, '') and lines[0] == 'value,a=b value=0 1764000000000'
    assert lines[5].startswith('would import 100 rows of 1 file: 100 samples to send')
    assert samples(daemon) == 0


def test_real_kpis_arrive_whole(tmp_path):
    """Three KPIs of four weeks, over HTTP and nanomsg: every row that is not left out is there."""
    paths = []
    for name in sorted(os.listdir(KPI)):
        if name.endswith('.csv.gz'):
            paths.append(str(tmp_path / name[:-3]))
            with gzip.open(os.path.join(KPI, name)) as packed, open(paths[-1], 'wb') as out:
                out.write(packed.read())
    assert len(paths) == 3
    with Daemon() as d:
        for more in (['--to', d.rep], ['--http', '--server', 'http://' + d.http, '--metric', 'other']):
            code, out, err = command('import', *paths, '--time', 'timestamp', '--value', 'value', '--label-file', 'kpi',
                                     '--replay-until', 'now', '--json', *more)
            data = json.loads(out)
            assert (code, err, data['refused'], data['bad_rows']) == (0, '', 0, 0)
            assert data['accepted'] == data['rows'] - data['left_out'] and data['left_out'] < data['rows'] / 4 + 1000
        code, out, _ = command('query', 'other{kpi="8723f0fb"}', '--data-dir', d.data_dir, '--from', '-28d', '--json')
        values = json.loads(out)['result'][0]['values']
        assert len(values) > 30000 and values[-1][0] > time.time() - 4000


@pytest.mark.parametrize('args, says', [
    ((), 'name a CSV file'),
    (('FILE', '--value', 'value'), '--time COLUMN'),
    (('FILE', '--time', 'time'), '--value COLUMN'),
    (('FILE', '--time', 'tim', '--value', 'value'), 'did you mean "time"?'),
    (('FILE', '--time', '7', '--value', 'value'), 'there is no column "7"'),
    (('FILE', '--time', 'time', '--value', 'value', '--no-header'), 'a column is a number'),
    (('FILE', '--time', 'time', '--value', 'value=1x'), "is not a metric's name"),
    (('FILE', '--time', 'time', '--value', 'value', '--label', 'a'), '--label is NAME=COLUMN'),
    (('FILE', '--time', 'time', '--value', 'value', '--label', '1=time'), "is not a label's name"),
    (('FILE', '--time', 'time', '--value', 'value', '--label', 'a=time', '--label-const', 'a=b'), 'given twice'),
    (('FILE', '--time', 'time', '--value', 'value', '--delimiter', '::'), '--delimiter is one character'),
    (('FILE', '--time', 'time', '--value', 'value', '--time-format', 'unix'), '--time-format is auto'),
    (('FILE', '--time', 'time', '--value', 'value', '--shift', 'x'), '--shift: "x" is not a duration'),
    (('FILE', '--time', 'time', '--value', 'value', '--end-at', 'x'), '--end-at: "x" is not a time'),
    (('FILE', '--time', 'time', '--value', 'value', '--shift', '1w', '--end-at', 'now'), 'exclude each other'),
    (('-', '--time', 'time', '--value', 'value', '--end-at', 'now'), 'save standard input to a file'),
    (('FILE', '--time', 'time', '--value', 'value', '--http', '--to', 'tcp://127.0.0.1:1'), 'leave out --to'),
])
def test_mistakes_are_one_sentence_and_exit_2(tmp_path, args, says):
    path = table(tmp_path / 'a.csv', ['1,2'])
    code, out, err = command('import', *[path if word == 'FILE' else word for word in args])
    assert (code, out, err.count('\n')) == (2, '', 1) and says in err, (code, out, err)


def test_files_that_cant_be_read_and_daemons_that_do_not_answer_are_exit_1(tmp_path):
    words = ['--time', 'time', '--value', 'value', '--give-up', '1']
    code, out, err = command('import', str(tmp_path / 'none.csv'), *words)
    assert (code, out) == (1, '') and 'cannot read' in err and 'none.csv' in err
    path = table(tmp_path / 'a.csv', [f'{now_ms()},1'])
    code, out, err = command('import', path, '--to', 'tcp://127.0.0.1:1', *words)
    assert code == 1 and 'not acknowledged' in out and 'is tidemarkd running and reachable?' in err
