"""`tidemark query` of expressions: CONTRACT 1; from a daemon and from its folder alike."""
import json

import pytest

from harness import Daemon, command, now_ms

AT = now_ms() // 60000 * 60000 - 600000


@pytest.fixture(scope='module')
def running(tmp_path_factory):
    """Ten minutes of two counters and a gauge, by 15 s."""
    with Daemon(data_dir=str(tmp_path_factory.mktemp('promql') / 'data')) as d:
        lines = [f'requests_total,service={s},pod=p{i} value={(n * 15) * (i + 1)} {AT + n * 15000}'
                 for n in range(41) for i, s in enumerate(('cart', 'shop'))]
        lines += [f'load,service=cart value={n} {AT + n * 15000}' for n in range(41)]
        assert d.write('\n'.join(lines), '/write?precision=ms')[0] == 204
        yield d


def both(running, *args):
    asked = command(*args, '--server', 'http://' + running.http)
    read = command(*args, '--data-dir', running.data_dir)
    assert asked == read, (asked, read)
    return asked


def data(running, *args):
    code, out, err = both(running, 'query', *args, '--json')
    assert (code, err) == (0, ''), err
    return json.loads(out)


END = str(AT // 1000 + 600)


def test_an_expression_is_evaluated_at_one_moment(running):
    answer = data(running, 'sum by (service) (rate(requests_total[5m]))', '--at', END)
    assert answer == {'resultType': 'vector', 'result': [
        {'metric': {'service': 'cart'}, 'value': [int(END), '1']}, {'metric': {'service': 'shop'}, 'value': [int(END), '2']}]}
    assert data(running, 'scalar(load) + 0.5', '--at', END) == {'resultType': 'scalar', 'result': [int(END), '40.5']}
    assert data(running, '"x"', '--at', END) == {'resultType': 'string', 'result': [int(END), 'x']}
    assert data(running, 'load[30s]', '--at', END)['result'][0]['values'] == [
        [int(END) - 30, '38'], [int(END) - 15, '39'], [int(END), '40']]


def test_a_vector_is_one_line_a_series(running):
    assert both(running, 'query', 'topk(2, requests_total)', '--at', END)[1].splitlines()[:2] == [
        '                  1200  requests_total{pod="p1",service="shop"}',
        '                   600  requests_total{pod="p0",service="cart"}']
    assert both(running, 'query', 'load * 2', '--at', END, '--csv')[1].splitlines()[0] == 'series,time,value'
    assert both(running, 'query', '1 + 1')[1] == '2\n'


def test_a_range_is_evaluated_at_its_steps(running):
    answer = data(running, 'load + 1', '--from', str(AT // 1000), '--to', END, '--step', '5m')
    assert answer == {'resultType': 'matrix', 'result': [
        {'metric': {'service': 'cart'}, 'values': [[int(END) - 600, '1'], [int(END) - 300, '21'], [int(END), '41']]}]}
    out = both(running, 'query', 'rate(requests_total[1m])', '--from', str(AT // 1000), '--to', END, '--step', '1m')[1]
    assert out.splitlines()[0] == '{pod="p0",service="cart"}' and 'min 1, mean 1, max 1' in out
    assert max(map(len, out.splitlines())) <= 100
    assert all(p[0] % 30 == 0 for p in data(running, 'vector(1)', '--from=-2h')['result'][0]['values'])


def test_a_selector_alone_lists_samples_unless_a_step_or_a_moment_is_asked_for(running):
    span = ['--from', str(AT // 1000), '--to', str(AT // 1000 + 60)]
    assert [v for _, v in data(running, 'load', *span)['result'][0]['values']] == ['0', '1', '2', '3']
    assert [v for _, v in data(running, 'load', *span, '--step', '30s')['result'][0]['values']] == ['0', '2', '4']
    assert data(running, 'load', '--at', END)['resultType'] == 'vector'


def test_a_range_is_drawn(running, tmp_path):
    span = ['--from', str(AT // 1000), '--to', END]
    assert 'load' in both(running, 'query', 'load', *span, '--plot')[1]
    assert both(running, 'query', 'rate(requests_total[1m])', *span, '--plot')[0] == 0
    picture = str(tmp_path / 'x.svg')
    assert both(running, 'query', 'sum(rate(requests_total[1m]))', *span, '--plot=' + picture)[0] == 0
    assert open(picture, encoding='utf-8').read(5) == '<?xml'


def test_a_fault_is_shown_where_it_is(running):
    code, out, err = both(running, 'query', 'sum(rate(x[5m])) + 2 3')
    assert (code, out) == (2, '')
    assert err.splitlines() == ['tidemark: 1:22: parse error: unexpected number "3"', '  sum(rate(x[5m])) + 2 3', ' ' * 23 + '^']
    err = both(running, 'query', 'sum(\n  "é" 2)')[2].splitlines()
    assert err[1:] == ['    "é" 2)', '        ^']
    long = ' + '.join(['metric'] * 40) + ' 5'
    lines = both(running, 'query', long)[2].splitlines()
    assert len(lines) == 3 and max(map(len, lines[1:])) <= 100 and lines[1][len(lines[2]) - 1] == '5'


@pytest.mark.parametrize('args, says', [
    (('load', '--at', 'now', '--step', '1m'), '--at asks for one moment'),
    (('load', '--at', 'now', '--plot'), 'one moment is no chart'),
    (('load + 1', '--tier', '5m'), 'needs a plain selector'),
    (('load', '--tier', '5m', '--step', '1m'), 'say nothing'),
    (('load[5m]', '--step', '1m'), 'range selector'),
    (('load', '--step', '0s'), 'longer than nothing'),
    (('load', '--from=-30d', '--step', '1s'), 'over 11,000 moments'),
    (('load', '--from', 'now', '--to=-1h', '--step', '1s'), 'is not before'),
    (('load', '--csv', '--json'), 'contradict'),
    (('load', '--by', 'x'), '--by needs --exact'),
    ((), 'one expression is needed'),
])
def test_what_makes_no_sense_is_said(running, args, says):
    code, out, err = both(running, 'query', *args)
    assert (code, out, err.count('\n')) == (2, '', 1) and says in err, err


def test_what_can_not_be_evaluated_fails(running):
    code, out, err = both(running, 'query', 'load + on () requests_total', '--at', END)
    assert (code, out) == (1, '') and 'many-to-many' in err, err
    assert both(running, 'query', 'nothing_there', '--at', END)[::2] == (0, (
        'tidemark: no series has a value at ' + err_time(int(END)) +
        ' UTC; --at sets the moment, `tidemark series` lists what there is\n'))


def err_time(seconds):
    import datetime
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S')


def test_a_plan_says_what_each_selector_read(running):
    words = ['explain', 'sum by (service) (rate(requests_total[5m])) / on (service) (load + 1)', '--at', END]
    for where in (['--server', 'http://' + running.http], ['--data-dir', running.data_dir]):
        code, out, err = command(*words, *where)
        lines = out.splitlines()
        assert (code, err) == (0, '') and max(map(len, lines)) <= 100, (out, err)
        assert lines[:4] == [
            'plan',
            '  operator     sum by (service) (rate(requests_total[5m])) / on (service) (load + 1)',
            '    aggregation  sum by (service) (rate(requests_total[5m]))',
            '      function     rate(requests_total[5m])']
        assert '2 of 2 series, 42 samples; select ' in out and '1 of 1 series, 21 samples; select ' in out
        assert [line.split()[0] for line in lines if line.startswith('  ')][-5:] == ['parse', 'select', 'read', 'evaluate', 'print']
        assert '63 samples read' in lines[-1]
        plan = json.loads(command(*words, *where, '--json')[1])
        assert plan['plan']['children'][0]['children'][0]['children'][0]['read']['samples'] == 42
        assert plan['expression'] == words[1] and set(plan['stats']['stages']) == {'parse', 'select', 'read', 'evaluate', 'print'}


def test_a_plan_of_a_range_and_of_nothing(running):
    out = command('explain', '1 + (time())', '--at', '0', '--data-dir', running.data_dir)[1]
    assert 'function     time()' in out and 'parentheses' not in out
    code, out, err = command('explain', 'max_over_time((load * 2)[2m:30s])', '--from', str(AT // 1000), '--to', END, '--step',
                             '5m', '--data-dir', running.data_dir)
    assert (code, err) == (0, '') and 'subquery     (load * 2)[2m:30s]' in out and '3 moments, 5 min 0 s apart' in out, out
    assert command('explain', 'sum(')[0::2] == (2, 'tidemark: 1:5: parse error: unclosed left parenthesis\n  sum(\n      ^\n')
    assert command('explain')[0] == 2 and command('explain', '1', '--at', '0', '--step', '1m')[0] == 2


def test_the_daemon_tells_how_it_worked_if_asked_for_all(running):
    answer = running.request('GET', f'/api/v1/query?query=load&time={END}&stats=all')
    stats = json.loads(answer[1])['data']['stats']
    read, = stats['selectors']
    assert (read['start'], read['end'], read['selected'], read['series'], read['samples'], read['tier'], read['rows']) == (
        0, 4, 1, 1, 21, 'raw', 0)
    assert stats['timings']['execTotalTime'] >= stats['timings']['evalTotalTime'] >= stats['stages']['parse'] > 0
    stats = json.loads(running.request('GET', f'/api/v1/query?query=load&time={END}&stats=1')[1])['data']['stats']
    assert 'selectors' not in stats and stats['samples']['totalQueryableSamples'] == 21
