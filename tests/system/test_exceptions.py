"""Groups of exceptions, on the real binaries: CONTRACT 1, 2, 5 and 9."""
import json

from harness import Daemon, command, now_ms
from peers import bearer

FIELDS = {'id', 'service', 'env', 'type', 'message', 'state', 'count', 'first', 'last', 'releases', 'stack', 'labels'}
HOUR = 3600000


def ask(daemon, method, path, body=None, headers=None):
    code, answer, _ = daemon.request(method, '/api/v1/exceptions' + path, body if body is None else json.dumps(body), headers=headers)
    return code, json.loads(answer)


def listed(daemon, query=''):
    code, answer = ask(daemon, 'GET', query)
    assert code == 200, answer
    return answer['data']['items']


def tell(daemon, message, at, service='cart', kind='NPE', release='1', more='', headers=None):
    line = f'exception,service={service},type={kind},release={release}{more} message="{message}",stack="at a.b(C.java:{at % 97})" {at}000000'
    assert daemon.write(line, headers=headers)[0] == 204


def test_volatile_ids_make_one_group_with_every_field(daemon):
    at = now_ms() - HOUR
    for n in range(20):
        tell(daemon, f'no item {n * 7919}', at + n, release=str(1 + n % 2), more=f',pod=p{n % 3}')
    tell(daemon, 'other', at, service='shop', kind='OOM')
    group, = listed(daemon, '?service=cart')
    assert FIELDS <= set(group)
    assert (group['count'], group['type'], group['state'], group['message']) == (20, 'NPE', 'new', f'no item {19 * 7919}')
    assert sorted((r['release'], r['count']) for r in group['releases']) == [('1', 10), ('2', 10)]
    assert sorted((label['name'], label['value'], label['count']) for label in group['labels']) == [('pod', 'p0', 7), ('pod', 'p1', 7), ('pod', 'p2', 6)]
    assert sum(count for _, count in ask(daemon, 'GET', '/' + group['id'])[1]['data']['hours']) == 20
    assert len(listed(daemon)) == 2 and listed(daemon, '?state=resolved') == [] and len(listed(daemon, '?limit=1')) == 1


def test_groups_and_edits_outlive_kills_and_flushes_exactly_once(daemon):
    at = now_ms() - HOUR
    for n, kind in enumerate('ABC'):
        tell(daemon, 'x', at + n, kind=kind)
    ids = {g['type']: g['id'] for g in listed(daemon)}
    assert ask(daemon, 'POST', '/' + ids['A'], {'action': 'resolve'})[1]['data']['state'] == 'resolved'
    assert ask(daemon, 'POST', '/' + ids['B'], {'action': 'merge', 'into': ids['C']})[1]['data']['members'] == [ids['B']]
    expected = {'A': ('resolved', 1), 'C': ('new', 2)}
    for n in range(4):
        if n == 1:
            assert daemon.request('POST', '/api/v1/admin/flush')[0] == 200
        daemon.kill()
        daemon.start()
        assert {g['type']: (g['state'], g['count']) for g in listed(daemon)} == expected
        tell(daemon, 'x', at + 10 + n, kind='B')
        expected['C'] = ('new', 3 + n)
    assert ask(daemon, 'POST', '/' + ids['B'], {'action': 'split'})[1]['data']['count'] == 5
    assert ask(daemon, 'POST', '/' + ids['A'], {'action': 'reopen'})[1]['data']['state'] == 'new'


def test_a_list_is_paged_newest_first(daemon):
    at = now_ms() - HOUR
    for n in range(11):
        tell(daemon, 'x', at + n % 4, kind=f'T{n}')
    everything = listed(daemon)
    paged, cursor = [], ''
    while cursor is not None:
        data = ask(daemon, 'GET', f'?limit=3&cursor={cursor}')[1]['data']
        paged, cursor = paged + data['items'], data['next']
    assert paged == everything and len(paged) == 11
    assert [g['last'] for g in paged] == sorted((g['last'] for g in paged), reverse=True)
    assert len(listed(daemon, f'?from={(at + 3) / 1000}')) == 2 and listed(daemon, f'?to={at / 1000}') == []


def test_what_is_wrong_is_told(daemon):
    tell(daemon, 'x', now_ms() - HOUR)
    id_ = listed(daemon)[0]['id']
    for query, text in (('?state=odd', '"state"'), ('?limit=0', 'from 1'), ('?cursor=x', '"cursor"'), ('?from=soon', 'soon')):
        code, answer = ask(daemon, 'GET', query)
        assert code == 400 and text in answer['error']
    for body, text in (({}, 'action must be'), ({'action': 'frob'}, 'action must be'), ({'action': 'merge'}, 'into is missing'), ([], 'JSON object'),
                       ({'action': 'merge', 'into': id_}, 'one group already'), ({'action': 'merge', 'into': '0' * 15 + '1'}, 'no group'),
                       ({'action': 'split'}, 'no part of another')):
        code, answer = ask(daemon, 'POST', '/' + id_, body)
        assert code == 400 and text in answer['error'], answer
    assert ask(daemon, 'GET', '/' + '0' * 16)[0] == 404 and ask(daemon, 'POST', '/x', {'action': 'resolve'})[0] == 404


def test_changes_need_the_scope_of_their_service():
    keys = [{'name': n, 'secret': f'0123456789abcdef-{n}', 'scopes': s} for n, s in (('cart', ['write:cart']), ('shop', ['write:shop']), ('ro', ['read']))]
    with Daemon(config={'auth': {'keys': keys}}) as daemon:
        head = {k['name']: bearer(k['secret']) for k in keys}
        tell(daemon, 'x', now_ms() - HOUR, headers=head['cart'])
        id_ = ask(daemon, 'GET', '', headers=head['ro'])[1]['data']['items'][0]['id']
        assert [ask(daemon, 'POST', '/' + id_, {'action': 'resolve'}, head[n])[0] for n in ('ro', 'shop', 'cart')] == [403, 403, 200]


def test_the_command_does_what_the_paths_do(daemon):
    for n, kind in enumerate('AB'):
        tell(daemon, 'x', now_ms() - HOUR + n, kind=kind)
    server = ('--server', 'http://' + daemon.http)
    code, out, err = command('exceptions', '--json', *server)
    b, a = json.loads(out)['items']
    assert (code, err, a['type']) == (0, '', 'A')
    assert command('exceptions', '--state', 'new', *server)[1].count('\n') == 2
    code, out, _ = command('exceptions', 'resolve', a['id'], *server)
    assert code == 0 and 'resolved' in out
    assert command('exceptions', 'merge', a['id'], '--into', b['id'], *server)[0] == 0
    assert json.loads(command('exceptions', b['id'], '--json', *server)[1])['members'] == [a['id']]
    assert 'at a.b' in command('exceptions', b['id'], *server)[1]
    assert command('exceptions', 'split', a['id'], *server)[0] == 0
    for wrong in (('frob',), ('frob', a['id']), ('resolve',), ('merge', a['id'])):
        assert command('exceptions', *wrong, *server)[0] == 2, wrong
