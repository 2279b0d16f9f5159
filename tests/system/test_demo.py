"""`make demo` shows what it promises, in a time and a width that people read."""
import os
import re
import subprocess
import sys

import harness
from harness import ROOT

sys.path.insert(0, os.path.join(ROOT, 'tests', 'demo'))
import inject  # noqa: E402


def test_the_demo_runs_and_reads_well(tmp_path):
    harness.needs_release('the demo is built as a release')
    done = subprocess.run([os.path.join(ROOT, 'tests', 'demo', 'demo.sh')], capture_output=True, cwd=ROOT, timeout=300,
                          env=dict(os.environ, TMPDIR=str(tmp_path)))
    text = done.stdout.decode()
    assert done.returncode == 0, (text[-2000:], done.stderr)
    assert [int(number) for number in re.findall(r'^(\d+)\. ', text, re.M)] == list(range(1, 13))
    # What is wider is an address or a path that must not be broken.
    assert [line for line in text.split('\n') if len(line) > 120] == []
    assert 'acknowledged: 1000001 samples, 4 events\n  stored:       1000001 samples, 3 of' in text
    accepted = re.findall(r'^imported ([0-9,]+) lines of 1 file: ([0-9,]+) events accepted, 0 refused, 0 malformed lines$', text, re.M)
    assert accepted == [(count, count) for count in ('10,216', '10,000')]
    pushed, = re.findall(r'^pushed (\d{6}) lines: (\d+) accepted, 0 refused$', text, re.M)
    assert pushed[0] == pushed[1]
    assert re.findall(r'truth: (\w+)   exit code: (\d)', text) == [('ok', '0'), ('bad', '1'), ('ok', '0')]
    assert '4xx in article' in text, 'the group at fault is named'
    assert len(re.findall(r'^[0-9a-f]{16}  closed ', text, re.M)) == 2, 'the database that hangs and the broken links, nothing else'
    assert 'shop: deploy 2.4.1 is bad: ' in text and 'class 5xx' in text
    assert re.search(r'^shop/\d{4}-W\d\d  revision \d', text, re.M)
    assert '**Bad deploy**' in text and '**New failure** DatabaseTimeout' in text
    assert 'lines written: 28400; events stored: 28400\n' in text
    assert os.listdir(tmp_path) == [], 'it leaves nothing behind'


def test_the_demo_asks_for_all_of_its_log_on_any_day_of_the_week():
    log = list(inject.read_log(os.path.join(ROOT, 'tests', 'data', 'http', 'hurence.log.gz')))
    script = open(os.path.join(ROOT, 'tests', 'demo', 'demo.sh'), encoding='utf-8').read()
    reach, = {int(days) for days in re.findall(r'--from -(\d+)d', script)}
    monday = 1795392000  # 2026-11-23 00:00 UTC
    for half_day in range(14):
        now = monday + half_day * 43200
        moved = inject.move(log, now)
        assert now - reach * 86400 < moved[0][0]
        assert moved[-1][0] < now // 86400 * 86400
