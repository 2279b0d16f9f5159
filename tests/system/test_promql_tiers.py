"""PromQL where raw samples are no longer kept: rollups stand for them, and the answer says so."""
import json
import os
import urllib.parse

import pytest

from harness import Daemon, command, now_ms, wait_for

MINUTE, HOUR, DAY = 60, 3600, 86400
TODAY = now_ms() // 1000 // DAY * DAY
OLD = TODAY - 10 * DAY
SPAN = (OLD, OLD + 10 * HOUR)
WINDOWS = ('1h', '2h', '30m')
SAME = ('sum', 'count', 'min', 'max', 'avg', 'last', 'present')


def write(daemon, start, hours):
    """A counter and a gauge, a sample a minute, never on the edge of a window."""
    lines = []
    for i in range(hours * 60):
        at = (start + i * MINUTE + 7) * 1000
        lines += [f'jobs_total,service=cart value={i} {at}', f'level,service=cart value={i * 37 % 101 - 40} {at}']
    assert daemon.write('\n'.join(lines), '/write?precision=ms')[0] == 204


def ask(daemon, query, start=SPAN[0] + HOUR, end=SPAN[1], step=HOUR):
    words = urllib.parse.urlencode({'query': query, 'start': start, 'end': end, 'step': step, 'stats': 'all'})
    status, body, _ = daemon.request('GET', '/api/v1/query_range?' + words)
    assert status == 200, body
    return json.loads(body)


def values(document):
    result = document['data']['result']
    return {int(t): float(v) for t, v in result[0]['values']} if result else {}


@pytest.fixture(scope='module')
def aged(tmp_path_factory):
    """A daemon whose raw samples of an old day were dropped, and what it answered before."""
    config = {'storage': {'retention': {'raw': '30d'}, 'flush_interval': '200ms'}}
    with Daemon(data_dir=str(tmp_path_factory.mktemp('tiers') / 'data'), config=config) as d:
        write(d, OLD, 12)
        write(d, TODAY - 2 * DAY, 4)
        assert d.request('POST', '/api/v1/admin/flush', timeout=60)[0] == 200
        wait_for(lambda: d.metric('tidemark_rolled_days_total') == 2, timeout=90)
        d.before = {(f, w): ask(d, f'{f}_over_time(level[{w}])') for f in SAME for w in WINDOWS}
        assert all('warnings' not in answer for answer in d.before.values())
        d.settings['storage']['retention'] = {'raw': '5d'}
        d.write_config()
        d.request('POST', '/-/reload')
        wait_for(lambda: len(os.listdir(os.path.join(d.data_dir, 'raw'))) == 1, timeout=90)
        yield d


@pytest.mark.parametrize('window', WINDOWS)
@pytest.mark.parametrize('function', SAME)
def test_functions_of_whole_rows_answer_as_samples_did(aged, function, window):
    after = ask(aged, f'{function}_over_time(level[{window}])')
    before = values(aged.before[function, window])
    assert len(before) == 10 and values(after) == pytest.approx(before, rel=1e-12)


def test_an_increase_is_that_of_the_rows(aged):
    hours = values(ask(aged, 'increase(jobs_total[1h])'))
    assert hours == {SPAN[0] + i * HOUR: 59 if i == 1 else 60 for i in range(1, 11)}
    rates = values(ask(aged, 'sum(rate(jobs_total[30m]))'))
    assert rates == {SPAN[0] + i * HOUR: pytest.approx(30 / 1800) for i in range(1, 11)}
    narrow = values(ask(aged, 'increase(jobs_total[1m])'))
    assert narrow == {SPAN[0] + i * HOUR: pytest.approx(1) for i in range(1, 11)}


def test_the_answer_says_that_rollups_stand_for_samples(aged):
    answer = ask(aged, 'sum_over_time(level[1h])')
    day = wait_for(lambda: answer['warnings'])[0]
    assert day.startswith('samples before ') and 'rollups of 5 minutes or an hour stand for them' in day
    read, = answer['data']['stats']['selectors']
    assert (read['tier'], read['samples'] > 0, read['rows'] > 0) == ('1h', True, True)
    assert ask(aged, 'sum_over_time(level[30m])')['data']['stats']['selectors'][0]['tier'] == '5m'
    recent = ask(aged, 'sum_over_time(level[30m])', TODAY - 2 * DAY + HOUR, TODAY - 2 * DAY + 4 * HOUR)
    assert 'warnings' not in recent and recent['data']['stats']['selectors'][0]['tier'] == 'raw'


def test_a_selector_has_the_last_value_of_a_row(aged):
    answer = values(ask(aged, 'jobs_total', SPAN[0] + HOUR, SPAN[0] + 2 * HOUR, 5 * MINUTE))
    assert answer == {SPAN[0] + HOUR + i * 300: 59 + i * 5 for i in range(13)}
    assert values(ask(aged, 'jobs_total', OLD + 13 * HOUR, OLD + 14 * HOUR, 5 * MINUTE)) == {}
    assert values(ask(aged, 'changes(jobs_total[1h])')) == {SPAN[0] + i * HOUR: 11 for i in range(1, 11)}


def test_a_window_may_reach_from_rows_into_samples(aged):
    answer = values(ask(aged, 'count_over_time(level[20d])', TODAY - DAY, TODAY - DAY, HOUR))
    assert answer == {TODAY - DAY: 16 * 60}


def test_the_command_line_says_it_too(aged):
    words = ['--at', str(SPAN[1])]
    for where in (['--server', 'http://' + aged.http], ['--data-dir', aged.data_dir]):
        code, out, err = command('query', 'avg_over_time(level[1h])', *words, *where)
        assert code == 0 and 'rollups of 5 minutes or an hour' in err and '{service="cart"}' in out
        code, out, err = command('explain', 'avg_over_time(level[1h])', *words, *where)
        assert code == 0 and 'rows of 1h' in out and max(map(len, out.splitlines())) <= 100, out
