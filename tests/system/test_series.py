"""`tidemark series`, and `tidemark query` from a running daemon: CONTRACT 1, 5 and 9."""
import json

import pytest

from harness import Daemon, command, now_ms

AT = now_ms() - 60000


@pytest.fixture(scope='module')
def running(tmp_path_factory):
    """A daemon with 12 series of cart, 3 of shop, one of nobody."""
    with Daemon(data_dir=str(tmp_path_factory.mktemp('series') / 'data')) as d:
        lines = [f'cpu,service=cart,pod=p{i} value={i} {AT}\ncpu,service=cart,pod=p{i} value={i}.5 {AT + 1000}' for i in range(12)]
        lines += [f'mem_bytes,service=shop,pod=p{i} value=1 {AT}' for i in range(3)] + [f'lone value=1 {AT}']
        assert d.write('\n'.join(lines), '/write?precision=ms')[0] == 204
        yield d


def both(running, *args):
    """The same from the daemon and from its folder."""
    asked = command(*args, '--server', 'http://' + running.http)
    read = command(*args, '--data-dir', running.data_dir)
    assert asked == read, (asked, read)
    return asked


def test_series_are_listed_by_selector(running):
    code, out, err = both(running, 'series')
    assert (code, err) == (0, '') and len(out.splitlines()) == 16 and 'lone' in out.splitlines()
    assert both(running, 'series', 'mem_bytes{pod!="p0"}', 'lone')[1].splitlines() == [
        'lone', 'mem_bytes{pod="p1",service="shop"}', 'mem_bytes{pod="p2",service="shop"}']
    assert json.loads(both(running, 'series', 'cpu{pod="p3"}', '--json')[1]) == [
        {'__name__': 'cpu', 'pod': 'p3', 'service': 'cart'}]
    assert json.loads(both(running, 'series', 'none', '--json')[1]) == []
    assert both(running, 'series', 'none')[::2] == (0, 'tidemark: there are no such series\n')


def test_a_long_list_is_cut_with_a_note(running):
    out = both(running, 'series', 'cpu', '--limit', '2')[1].splitlines()
    assert len(out) == 3 and out[2] == '... and more; --limit 0 shows all'
    assert len(both(running, 'series', 'cpu', '--limit', '12')[1].splitlines()) == 12
    assert len(both(running, 'series', '--limit', '0')[1].splitlines()) == 16


def test_counts_come_worst_first(running):
    assert both(running, 'series', '--by', 'service')[1] == (
        '      series  service\n          12  cart\n           3  shop\n           1  (none)\n')
    assert both(running, 'series', '--by', 'label')[1].splitlines()[:2] == ['      values  label', '          12  pod']
    assert json.loads(both(running, 'series', '--by', 'metric', '--json', '--limit', '2')[1]) == [
        {'name': 'cpu', 'value': 12}, {'name': 'mem_bytes', 'value': 3}]


def test_query_gives_the_same_from_the_daemon_as_from_the_folder(running):
    for more in (['--json'], ['--format', 'csv'], ['--limit', '1'], ['--limit', '0']):
        code, out, err = both(running, 'query', '{service="cart"}', '--from', str(AT / 1000 - 60), '--to', str(AT / 1000 + 60), *more)
        assert (code, err) == (0, '') and 'p11' in out
    data = json.loads(both(running, 'query', 'cpu{pod="p7"}', '--from', str(AT / 1000), '--to', str(AT / 1000 + 2), '--json')[1])
    assert data['result'] == [{'metric': {'__name__': 'cpu', 'pod': 'p7', 'service': 'cart'},
                               'values': [[AT / 1000, '7'], [AT / 1000 + 1, '7.5']]}]
    span = ['--from', str(AT // 1000 - 60), '--to', str(AT // 1000 + 60)]
    out = both(running, 'query', 'cpu', *span, '--plot')[1]
    assert '(10 of 12 series)' in out


def test_tiers_show_one_field_of_each_bucket(running):
    """CONTRACT 1: --tier; the same from the daemon as from the folder."""
    words = ['query', 'cpu{pod="p7"}', '--from', '-1h', '--to', '+1h', '--json']
    bucket = AT // 300000 * 300
    both_in_one = AT // 300000 == (AT + 1000) // 300000
    for field, value in (('avg', '7.25'), ('min', '7'), ('max', '7.5'), ('last', '7.5'), ('sum', '14.5'), ('count', '2')):
        result = json.loads(both(running, *words, '--tier', '5m', '--of', field)[1])['result']
        if both_in_one:
            assert result[0]['values'] == [[bucket, value]], field
    span = ['--from', str(AT // 3600000 * 3600), '--to', '+1h']
    assert len(json.loads(both(running, 'query', 'cpu{pod="p7"}', '--json', '--tier', '1h', *span)[1])['result'][0]['values']) in (1, 2)


@pytest.mark.parametrize('args, says', [
    (('series', 'x{'), 'parse error'),
    (('series', '--by', 'pod'), '--by is metric, label or service'),
    (('series', 'x', '--by', 'label'), 'leave out the selector'),
    (('series', '--limit', 'x'), '--limit'),
    (('query', 'x', '--of', 'max'), '--of needs --tier'),
    (('query', 'x', '--tier', '5m', '--of', 'p99'), '--of is avg'),
])
def test_mistakes_are_one_sentence_and_exit_2(running, args, says):
    for more in (['--server', 'http://' + running.http], ['--data-dir', running.data_dir]):
        code, out, err = command(*args, *more)
        assert (code, err.count('\n')) == (2, 1) and says in err, (code, out, err)
    assert command(*args, '--server', 'http://' + running.http, '--data-dir', running.data_dir)[0] == 2


def test_a_daemon_or_folder_that_is_not_there_is_exit_1(tmp_path):
    for more in (['--server', 'http://127.0.0.1:1'], ['--data-dir', str(tmp_path / 'none')]):
        code, out, err = command('series', *more)
        assert (code, out, err.count('\n')) == (1, '', 1)
