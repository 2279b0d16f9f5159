"""Deploys and other markers, on the real binaries: CONTRACT 1, 2, 5 and 9."""
import json
import re

import pytest

from harness import Daemon, command, now_ms
from peers import bearer

SECRETS = {name: f'0123456789abcdef-{name}' for name in ('cart', 'ro', 'admin')}
SCOPES = {'cart': 'write:cart', 'ro': 'read', 'admin': 'admin'}
KEYS = {'auth': {'keys': [{'name': name, 'secret': SECRETS[name], 'scopes': [SCOPES[name], 'read'] if name == 'cart' else [SCOPES[name]]}
                          for name in SECRETS]}}
FIELDS = {'id', 'kind', 'service', 'env', 'version', 'class', 'time', 'end', 'by', 'note'}


def ask(daemon, method, path, body=None, headers=None):
    code, answer, _ = daemon.request(method, '/api/v1/markers' + path, body if body is None else json.dumps(body), headers=headers)
    return code, json.loads(answer)


def listed(daemon, query=''):
    code, answer = ask(daemon, 'GET', query)
    assert code == 200, answer
    return answer['data']['items']


def words(items):
    return [f"{m['kind']} {m['service']} {m['version']}".strip() for m in items]


def test_markers_of_lines_are_listed_with_every_field(daemon):
    """CONTRACT 2 and 9: the two ways to write one, a span in the sender's precision, newest first."""
    code, _, _ = daemon.write('deploy,service=cart,env=prod version="1.8.3",by="ci" 1764000000000000000\n'
                              'marker,kind=event,service=shop class="black-friday",end=1764086400000000000i,note="a \\"b\\"" 1764000001000000000')
    assert code == 204
    sale, deploy = listed(daemon)
    assert set(sale) == set(deploy) == FIELDS
    assert {**deploy, 'id': 0} == {'id': 0, 'kind': 'deploy', 'service': 'cart', 'env': 'prod', 'version': '1.8.3', 'class': '',
                                   'time': '2025-11-24T16:00:00.000Z', 'end': None, 'by': 'ci', 'note': ''}
    assert (sale['time'], sale['end'], sale['note']) == ('2025-11-24T16:00:01.000Z', '2025-11-25T16:00:00.000Z', 'a "b"')
    assert re.fullmatch('[0-9a-f]{16}', sale['id'])
    assert daemon.write('marker,kind=event end=5i 1764000000000000000')[0] == 400, 'its end lies before its time'


def test_a_deploy_is_idempotent_by_whatever_way(daemon):
    """CONTRACT: service, env, version and time say which deploy it is."""
    assert daemon.write('deploy,service=cart version="2",by="line" 1764000000000000000')[0] == 204
    body = {'kind': 'deploy', 'service': 'cart', 'version': '2', 'time': '2025-11-24T16:00:00Z', 'by': 'http'}
    code, answer = ask(daemon, 'POST', '', body)
    assert code == 200 and answer['data']['by'] == 'line', 'the first one stays'
    assert len(listed(daemon)) == 1
    assert ask(daemon, 'POST', '', {**body, 'env': 'prod'})[1]['data']['id'] != answer['data']['id']
    assert len(listed(daemon)) == 2


def test_corrections_and_deletes_are_durable_when_answered(daemon):
    """Killed right behind the answer, with and without a flush before."""
    ids = [ask(daemon, 'POST', '', {'kind': 'deploy', 'service': 'cart', 'version': str(v), 'time': 1764000000 + v})[1]['data']['id']
           for v in range(4)]
    assert daemon.request('POST', '/api/v1/admin/flush')[0] == 200
    code, answer = ask(daemon, 'PATCH', '/' + ids[0], {'note': 'slow', 'end': '2025-11-24T17:00:00Z', 'service': 'shop'})
    assert code == 200 and (answer['data']['note'], answer['data']['service'], answer['data']['version']) == ('slow', 'shop', '0')
    assert ask(daemon, 'DELETE', '/' + ids[1]) == (200, {'status': 'success', 'data': {'id': ids[1]}})
    expected = ['deploy cart 3', 'deploy cart 2', 'deploy shop 0']
    for _ in range(2):
        daemon.kill()
        daemon.start()
        assert words(listed(daemon)) == expected
        assert daemon.write('deploy,service=cart version="0" 1764000000000000000')[0] == 204, 'told again: it stays corrected'
        assert words(listed(daemon)) == expected
        assert daemon.request('POST', '/api/v1/admin/flush')[0] == 200
    assert ask(daemon, 'PATCH', '/' + ids[0], {'end': None, 'note': None})[1]['data']['end'] is None
    assert ask(daemon, 'GET', '/' + ids[0])[1]['data']['note'] == ''
    assert ask(daemon, 'GET', '/' + ids[1])[0] == 404


def test_a_list_is_chosen_and_paged(daemon):
    """CONTRACT 9: from, to, limit, cursor; empty filters mean all."""
    for n in range(25):
        assert ask(daemon, 'POST', '', {'kind': 'deploy' if n % 2 else 'config', 'service': 'shop' if n % 5 else 'cart', 'env': 'prod' if n % 3 else '',
                                        'version': str(n), 'time': 1764000000 + n % 7})[0] == 200
    everything = listed(daemon)
    assert len(everything) == 25 and [m['time'] for m in everything] == sorted((m['time'] for m in everything), reverse=True)
    paged, cursor = [], ''
    while cursor is not None:
        data = ask(daemon, 'GET', f'?limit=4&cursor={cursor}')[1]['data']
        assert len(data['items']) <= 4
        paged, cursor = paged + data['items'], data['next']
    assert paged == everything
    assert len(listed(daemon, '?service=cart')) == 5 and len(listed(daemon, '?service=&kind=&env=')) == 25
    assert len(listed(daemon, '?kind=deploy&service=shop&env=prod')) == sum(1 for n in range(25) if n % 2 and n % 5 and n % 3)
    assert {m['time'] for m in listed(daemon, '?from=1764000002&to=1764000004')} == {'2025-11-24T16:00:02.000Z', '2025-11-24T16:00:03.000Z'}
    assert words(listed(daemon, '?version=24')) == ['config shop 24']


@pytest.mark.parametrize('method,path,body,text', [
    ('GET', '?limit=0', None, 'from 1 to 10000'), ('GET', '?limit=10001', None, 'from 1 to 10000'), ('GET', '?limit=x', None, 'no whole number'),
    ('GET', '?cursor=x', None, '"cursor"'), ('GET', '?kind=party', None, '"kind"'), ('GET', '?from=soon', None, 'cannot parse "soon"'),
    ('GET', '?from=5&to=4', None, 'before from'), ('POST', '', {}, 'kind is missing'), ('POST', '', [], 'JSON object'),
    ('POST', '', {'kind': 'party'}, 'kind must be'), ('POST', '', {'kind': 'deploy'}, 'needs its version'),
    ('POST', '', {'kind': 'event', 'colour': 'red'}, '"colour" is no field'), ('POST', '', {'kind': 'event', 'note': 5}, 'note must be a text'),
    ('POST', '', {'kind': 'event', 'time': 'soon'}, 'time:'), ('POST', '', {'kind': 'event', 'time': True}, 'time must be a time'),
    ('POST', '', {'kind': 'event', 'time': 10, 'end': 10}, 'behind the time'), ('POST', '', {'kind': 'event', 'note': 'x' * 4097}, '4097 bytes'),
    ('POST', '', {'kind': 'event', 'env': 'x' * 1025}, 'max_label_value'), ('POST', '', {'kind': 'event', 'time': 1e300}, 'time'),
])
def test_what_is_wrong_is_told(daemon, method, path, body, text):
    code, answer = ask(daemon, method, path, body)
    assert (code, answer['status'], answer['errorType']) == (400, 'error', 'bad_data') and text in answer['error'], answer
    assert listed(daemon) == []


def test_bodies_that_are_no_json_and_ids_that_are_none(daemon):
    for body in ('', '{', '{"kind":"event","kind":"config"}', '\xff', '{"kind":"ev\\u0000ent"}', '[' * 3000, 'null', '"x"'):
        code, answer, _ = daemon.request('POST', '/api/v1/markers', body.encode('latin-1'))
        assert code == 400 and 'JSON object' in json.loads(answer)['error'], body
    for path in ('/0000000000000000', '/x', '/00000000000000000', '/ABCDEF0123456789'):
        for method, body in (('GET', None), ('PATCH', {'note': ''}), ('DELETE', None)):
            assert ask(daemon, method, path, body)[0] == 404
    id_ = ask(daemon, 'POST', '', {'kind': 'event', 'time': 5, 'end': 6})[1]['data']['id']
    for body, text in (({}, 'names no field'), ({'time': 7}, 'behind the time'), ({'kind': 'deploy'}, 'version')):
        code, answer = ask(daemon, 'PATCH', '/' + id_, body)
        assert code == 400 and text in answer['error']


def test_changes_need_the_scope_of_their_service():
    """CONTRACT 5 and 6: write:SERVICE, or admin; reading needs read."""
    with Daemon(config=KEYS) as daemon:
        body = {'kind': 'deploy', 'service': 'cart', 'version': '1', 'time': 5}
        assert ask(daemon, 'POST', '', body)[0] == 401
        assert ask(daemon, 'POST', '', body, bearer(SECRETS['ro']))[0] == 403
        code, answer = ask(daemon, 'POST', '', {**body, 'service': 'shop'}, bearer(SECRETS['cart']))
        assert (code, answer['errorType']) == (403, 'forbidden') and 'shop' in answer['error']
        id_ = ask(daemon, 'POST', '', body, bearer(SECRETS['cart']))[1]['data']['id']
        assert ask(daemon, 'PATCH', '/' + id_, {'service': 'shop'}, bearer(SECRETS['cart']))[0] == 403
        assert ask(daemon, 'PATCH', '/' + id_, {'service': 'shop'}, bearer(SECRETS['admin']))[0] == 200
        assert ask(daemon, 'DELETE', '/' + id_, headers=bearer(SECRETS['cart']))[0] == 403
        assert ask(daemon, 'GET', '', headers=bearer(SECRETS['ro']))[1]['data']['items'][0]['service'] == 'shop'
        assert ask(daemon, 'DELETE', '/' + id_, headers=bearer(SECRETS['admin']))[0] == 200


def run(daemon, *args):
    return command(*args, '--server', 'http://' + daemon.http)


def test_the_commands_do_what_the_paths_do(daemon):
    """CONTRACT 1: deploy, marker list, add, correct, delete; --json is the data of section 9."""
    args = ('deploy', '--service', 'cart', '--version', '1.8.3', '--env', 'prod', '--time', '2025-11-24T16:00:00Z', '--by', 'ci')
    code, out, err = run(daemon, *args)
    assert (code, err) == (0, '') and '2025-11-24T16:00:00.000Z  deploy  cart@prod  1.8.3  by ci' in out
    assert run(daemon, *args)[0] == 0 and len(listed(daemon)) == 1
    code, out, _ = run(daemon, 'marker', 'add', '--kind', 'event', '--service', 'shop', '--class', 'sale', '--time', '5', '--end', '60', '--json')
    sale = json.loads(out)
    assert code == 0 and (sale['class'], sale['end']) == ('sale', '1970-01-01T00:01:00.000Z')
    code, out, _ = run(daemon, 'marker', 'correct', sale['id'], '--end', 'none', '--note', 'over')
    assert code == 0 and 'over' in out and ' to ' not in out
    assert words(json.loads(run(daemon, 'marker', 'list', '--json')[1])['items']) == ['deploy cart 1.8.3', 'event shop']
    code, out, _ = run(daemon, 'marker', 'list', '--service', 'shop')
    assert code == 0 and out.count('\n') == 1 and sale['id'] in out
    assert json.loads(run(daemon, 'marker', 'list', '--limit', '1', '--json')[1])['next']
    assert run(daemon, 'marker', 'delete', sale['id'])[1] == f"deleted {sale['id']}\n"
    code, out, err = run(daemon, 'marker', 'delete', sale['id'])
    assert code == 1 and out == '' and 'no marker of this id' in err
    for wrong in (('deploy',), ('deploy', '--service', 'x'), ('marker',), ('marker', 'frob'), ('marker', 'delete'), ('marker', 'delete', 'xyz'),
                  ('marker', 'add'), ('marker', 'list', '--kind', 'party'), ('marker', 'list', '--limit', '0')):
        code, out, err = run(daemon, *wrong)
        assert (code, out) == (2, '') and err.startswith('tidemark: '), (wrong, err)
