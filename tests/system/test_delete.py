"""Deleting by matcher, on the real binaries: CONTRACT 1, 5 and 9."""
import json
from urllib.parse import quote

import pytest

from harness import Daemon, command, now_ms
from peers import bearer

DAY = 86400000
SECRETS = {name: f'0123456789abcdef-{name}' for name in ('all', 'ro', 'admin')}
KEYS = {'auth': {'keys': [{'name': name, 'secret': SECRETS[name], 'scopes': [scope]} for name, scope in
                          (('all', 'write:*'), ('ro', 'read'), ('admin', 'admin'))]}}


def delete(daemon, *selectors, headers=None, **more):
    query = '&'.join([f'match[]={quote(s, safe="")}' for s in selectors] + [f'{k}={quote(str(v))}' for k, v in more.items()])
    code, body, _ = daemon.request('POST', '/api/v1/admin/delete?' + query, headers=headers)
    return code, json.loads(body)


def fill(daemon, at):
    lines = [f'{name},host={host} value={day + 1} {at - day * DAY}000000' for name in ('cpu', 'mem') for host in 'ab' for day in range(3)]
    assert daemon.write('\n'.join(lines))[0] == 204


def counts(daemon):
    return {series: len(samples) for series, samples in daemon.dump()[0].items() if samples}


ALL = {f'{name}{{host="{host}"}}': 3 for name in ('cpu', 'mem') for host in 'ab'}


def test_what_was_deleted_is_gone_at_once_and_after_a_kill(daemon):
    """CONTRACT 5: an answer is a promise; another process sees it too."""
    fill(daemon, now_ms())
    assert counts(daemon) == ALL
    code, answer = delete(daemon, 'cpu{host="a"}', 'mem{host=~"b.*"}')
    assert code == 200 and answer['status'] == 'success' and answer['data']['series'] == 2 and answer['data']['id'] > 0
    left = {'cpu{host="b"}': 3, 'mem{host="a"}': 3}
    assert counts(daemon) == left
    daemon.kill()
    assert counts(daemon) == left
    daemon.start()
    assert counts(daemon) == left
    assert daemon.write(f'cpu,host=a value=9 {now_ms()}000000')[0] == 204
    assert counts(daemon) == {**left, 'cpu{host="a"}': 1}


def test_a_span_is_half_open_and_relative_times_are_taken(daemon):
    """CONTRACT 9: from, to."""
    at = now_ms()
    fill(daemon, at)
    assert delete(daemon, 'cpu', to='-1d12h')[1]['data']['series'] == 2
    assert counts(daemon)['cpu{host="a"}'] == 2
    assert delete(daemon, 'cpu{host="a"}', **{'from': at / 1000, 'to': (at + 1) / 1000})[0] == 200
    assert list(daemon.dump()[0]['cpu{host="a"}']) == [at - DAY]
    assert counts(daemon)['mem{host="a"}'] == 3


def test_requests_that_are_not_meant_or_not_right_delete_nothing(daemon):
    """A bad selector is told with its position; what takes every series must be meant."""
    fill(daemon, now_ms())
    for selectors, more, words in (
            ((), {}, 'match[] is missing'), (('cpu{',), {}, '1:'), (('cpu{host="a"',), {}, 'parse error'),
            (('{}',), {}, 'at least one non-empty matcher'), (('',), {}, '1:1'),
            (('{__name__=~".+"}',), {}, 'takes every series'), (('{host!=""}',), {'from': '-1h'}, 'takes every series'),
            (('{host!="zz",host=~".+"}',), {'to': 'now'}, 'takes every series'),
            (('cpu',), {'from': 'now', 'to': '-1h'}, 'it is before from'), (('cpu',), {'from': 'soon'}, 'cannot parse "soon"'),
            (('cpu',) * 65, {}, 'at most 64'), (('{host=~"("}',), {}, '1:')):
        code, answer = delete(daemon, *selectors, **more)
        assert (code, answer['errorType']) == (400, 'bad_data') and words in answer['error'], (selectors, answer)
    assert delete(daemon, 'cpu', **{'from': 'now', 'to': 'now'})[0] == 400, 'an empty span'
    assert delete(daemon, 'nothing')[1]['data'] == {'id': 0, 'series': 0}
    assert counts(daemon) == ALL
    assert daemon.request('GET', '/api/v1/admin/delete?match[]=cpu')[0] == 405
    assert delete(daemon, '{__name__=~".+"}', **{'from': '-2d12h', 'to': '-1d'})[0] == 200
    assert set(counts(daemon).values()) == {1}, 'a span on both sides is meant: two of three days went'
    assert delete(daemon, '{__name__=~".+"}', all=1)[1]['data']['series'] == 4
    assert counts(daemon) == {}


def test_only_admins_delete():
    with Daemon(config=KEYS) as daemon:
        assert daemon.write('cpu value=1', headers=bearer(SECRETS['all']))[0] == 204
        for key, code in (('ro', 403), ('all', 403), ('admin', 200)):
            assert delete(daemon, 'cpu', headers=bearer(SECRETS[key]))[0] == code, key
        assert delete(daemon, 'cpu')[0] == 401


def test_the_command_deletes(daemon):
    """CONTRACT 1: exit 0, one line; 2 for what is not meant; --json prints the data."""
    server = ('--server', 'http://' + daemon.http)
    fill(daemon, now_ms())
    assert command('delete', *server, 'cpu{host="a"}') == (0, 'deleted from 1 series\n', '')
    code, out, err = command('delete', *server, '--json', 'cpu', 'mem{host="b"}', '--from', '-1h')
    assert (code, err, json.loads(out)['series']) == (0, '', 3)
    assert counts(daemon) == {'cpu{host="b"}': 2, 'mem{host="a"}': 3, 'mem{host="b"}': 2}
    for words, said in ((('{__name__=~".+"}',), '--all'), (('cpu{',), 'parse error'), ((), 'which series?'),
                        (('cpu', '--to', 'soon'), 'cannot parse "soon"')):
        code, out, err = command('delete', *server, *words)
        assert (code, out) == (2, '') and said in err and err.count('\n') == 1, (words, err)
    assert command('delete', '--server', 'http://127.0.0.1:9', 'cpu')[0] == 1
    assert command('delete', *server, '{__name__=~".+"}', '--all')[0] == 0
    assert counts(daemon) == {}


@pytest.mark.parametrize('end', ['kill', 'terminate'])
def test_an_end_in_the_middle_leaves_all_or_nothing(daemon, end):
    """Whoever got no answer finds all of it or nothing; the daemon's end is not held up."""
    import threading
    fill(daemon, now_ms())
    answers = []

    def ask():
        try:
            answers.append(delete(daemon, 'cpu')[0])
        except OSError:
            answers.append(None)
    thread = threading.Thread(target=ask)
    thread.start()
    getattr(daemon, end)()
    thread.join()
    left = counts(daemon)
    assert left in (ALL, {series: n for series, n in ALL.items() if series.startswith('mem')})
    assert answers != [200] or 'cpu{host="a"}' not in left
    daemon.start()
    assert counts(daemon) == left


def exact(daemon, service, **more):
    query = '&'.join(f'{k}={v}' for k, v in {'name': 'http_events_total', 'service': service, **more}.items())
    return sum(points[0][1] for points in (item['points'] for item in json.loads(daemon.request('GET', '/api/v1/counts?' + query)[1])['data']['items']))


def test_counts_go_with_the_series_and_what_is_counted_later_stays(daemon):
    """CONTRACT 4 and 5: cells of 10 s that begin in the span go, exactly; the other service's and later ones do not."""
    base = (now_ms() // 60000 - 5) * 60
    lines = [f'http,service={service},method=GET,status=200 url="/" {base + i * 10 + 3}000000000' for service in ('shop', 'blog') for i in range(6)]
    assert daemon.write('\n'.join(lines))[0] == 204
    assert exact(daemon, 'shop') == 6
    code, answer = delete(daemon, '{__name__=~"http_event.*",service="shop"}', **{'from': base + 15, 'to': base + 45})
    assert code == 200 and answer['data']['series'] >= 1
    for _ in range(2):
        assert exact(daemon, 'shop') == 3 and exact(daemon, 'blog') == 6
        assert exact(daemon, 'shop', **{'from': base + 15, 'to': base + 45}) == 0
        daemon.kill()
        daemon.start()
    assert daemon.write(f'http,service=shop,method=GET,status=200 url="/" {base + 23}000000000')[0] == 204
    assert exact(daemon, 'shop') == 4
