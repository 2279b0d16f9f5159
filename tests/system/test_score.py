"""`tidemark score`: the detector on files of one's own, without a daemon."""
import csv
import gzip
import io
import json
import os
import subprocess

from harness import COMMAND, ROOT

KPI = os.path.join(ROOT, 'tests/data/kpi/8723f0fb.csv.gz')


def score(*words, stdin=None, code=0):
    run = subprocess.run([COMMAND, 'score', *words], input=stdin, capture_output=True, timeout=120)
    assert run.returncode == code, run.stderr
    return run


def rows(*words, stdin=None):
    return list(csv.DictReader(io.StringIO(score(*words, stdin=stdin).stdout.decode())))


def series(count, burst=None, time=lambda i: 1700000000 + 60 * i):
    lines = ['timestamp,value']
    for i in range(count):
        value = 100 + i * 7919 % 13 + (500 if burst is not None and 0 <= i - burst < 5 else 0)
        lines.append('%s,%d' % (time(i), value))
    return ('\n'.join(lines) + '\n').encode()


def test_every_sample_gets_a_row_with_the_contracts_columns(tmp_path):
    path = tmp_path / 'a,b.csv'
    path.write_bytes(series(3000, burst=2500))
    out = score(str(path)).stdout.decode().splitlines()
    assert out[0] == 'file,timestamp,value,score,alert'
    table = rows(str(path))
    assert len(table) == 3000
    assert {r['file'] for r in table} == {str(path)}
    assert table[7]['timestamp'] == '1700000420' and table[7]['value'] == '101'
    assert all(float(r['score']) == 0 and r['alert'] == '0' for r in table[:100])
    assert all(0 <= float(r['score']) <= 100 for r in table)
    assert [i for i, r in enumerate(table) if r['alert'] == '1' and i >= 1500] == [2500]


def test_each_file_is_a_series_of_its_own(tmp_path):
    for name in ('one.csv', 'two.csv'):
        (tmp_path / name).write_bytes(series(1500, burst=1400))
    both = rows(str(tmp_path / 'one.csv'), str(tmp_path / 'two.csv'))
    assert [r['score'] for r in both[:1500]] == [r['score'] for r in both[1500:]]


def test_gzip_iso_times_and_standard_input_score_the_same(tmp_path):
    plain = series(1500, burst=1400)
    iso = series(1500, burst=1400, time=lambda i: '2023-11-%02dT%02d:%02d:20Z' %
                 (14 + (22 * 60 + 13 + i) // 1440, (22 * 60 + 13 + i) // 60 % 24, (13 + i) % 60))
    (tmp_path / 'iso.csv').write_bytes(iso)
    (tmp_path / 'packed.csv.gz').write_bytes(gzip.compress(plain))
    scores = [[r['score'] for r in table] for table in
              (rows('-', stdin=plain), rows(str(tmp_path / 'iso.csv')), rows(str(tmp_path / 'packed.csv.gz')))]
    assert scores[0] == scores[1] == scores[2]


def test_json_has_the_same_figures_and_reasons():
    plain = series(2600, burst=2500)
    table = rows('-', '--explain', stdin=plain)
    document = json.loads(score('-', '--json', '--explain', stdin=plain).stdout)
    assert document['next'] is None and len(document['items']) == 2600
    item = document['items'][2500]
    assert item['alert'] == 1 and item['time'] == '2023-11-16T15:53:20.000Z' and item['value'] == 608
    assert item['score'] == float(table[2500]['score'])
    assert 100 < item['expected'] < 112 and item['effect'] > 20
    assert item['text'].startswith('608, expected 1') and item['text'] == table[2500]['text']


def test_a_number_is_written_as_short_as_it_can_be():
    assert '"value":38.98,' in score('-', '--json', stdin=b'timestamp,value\n1700000000,38.98\n').stdout.decode()


def test_rows_that_cannot_be_read_are_left_out_and_counted():
    text = series(200).decode().replace('1700000420,101', '1700000420,').replace('1700000480,', 'yesterday,')
    run = score('-', stdin=text.encode())
    assert len(run.stdout.splitlines()) == 199
    assert b'2 rows of stdin were left out, the first: stdin:9:' in run.stderr


def test_what_is_no_series_is_refused(tmp_path):
    (tmp_path / 'x.csv').write_text('time,price\n1,2\n')
    assert b'timestamp,value' in score(str(tmp_path / 'x.csv'), code=1).stderr
    assert b'timestamp,value' in score('-', stdin=b'', code=1).stderr
    assert b'cannot read' in score(str(tmp_path / 'missing.csv'), code=1).stderr
    assert b'nab and operations' in score('-', '--profile', 'best', stdin=b'', code=2).stderr
    assert b'one of' in score('-', '--csv', '--json', stdin=b'', code=2).stderr
    score(code=2)


def test_real_incidents_score_higher_than_the_rest():
    with gzip.open(KPI, 'rt') as f:
        labels = [row[2] == '1' for row in list(csv.reader(f))[1:]]
    for profile in ('operations', 'nab'):
        scores = [float(r['score']) for r in rows(KPI, '--profile', profile)]
        assert len(scores) == len(labels)
        high = [bad for bad, s in zip(labels, scores) if s >= 45]
        assert sum(high) > 20 * sum(labels) / len(labels) * len(high)


def test_an_explained_alert_says_when_it_was_like_this_before():
    lines = series(2600, burst=2500).decode().split('\n')
    # the burst and what was before it, 1,001 minutes earlier too: what is added repeats every 13 minutes
    again = [f'{line.split(",")[0]},{lines[i + 1001].split(",")[1]}' if 1485 <= i < 1510 else line for i, line in enumerate(lines)]
    for text, unlike in ((lines, 'never in 42 hours like the last 16 minutes: nearest are those until '),
                         (again, 'the last 16 minutes were like those until 2023-11-15T23:12:20.000Z: ')):
        table = rows('-', '--explain', stdin='\n'.join(text).encode())
        item = json.loads(score('-', '--json', '--explain', stdin='\n'.join(text).encode()).stdout)['items'][2500]
        assert table[2500]['alert'] == '1' and unlike in table[2500]['text'], table[2500]
        assert item['nearest'] == table[2500]['nearest'] and item['unlike'] == float(table[2500]['unlike'])
        assert {r['nearest'] for r in table if r['alert'] == '0'} == {''}
