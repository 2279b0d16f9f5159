"""Verdicts of deploys, on the real binaries: CONTRACT 5, 7 and 9."""
import datetime
import json

from harness import command, now_ms

T = now_ms() // 3600000 * 3600 - 86400  # within the retention
FIELDS = {'marker', 'service', 'env', 'version', 'verdict', 'text', 'since', 'updated', 'requests', 'groups', 'new_exceptions'}
ROW = {'page_group', 'class', 'before', 'after', 'ratio', 'low', 'high', 'e_value', 'onset'}


def when(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.000Z')


def lines_of(start, end, groups, service='cart'):
    """Each page group: (ok, 404, 500), the good requests each 10 s, the others a minute, from 6 on spread over it."""
    out = []
    for at in range(start, end, 10):
        for group, counts in groups.items():
            for status, count in zip((200, 404, 500), counts):
                if status != 200:
                    count = count // 6 if count >= 6 else count if at % 60 == 0 else 0
                if count:
                    out.append(f'http,service={service},method=GET,status={status},page_group={group} '
                               f'url="/{group}",count={count}i,duration_ms=20 {at}000000000')
    return out


def push(daemon, lines):
    for i in range(0, len(lines), 2000):
        code, body, _ = daemon.write('\n'.join(lines[i:i + 2000]))
        assert code == 204, body


def deployed(daemon, version, at, after, seconds=600, service='cart'):
    """An hour of 10 requests a second with few errors, a deploy, and what is after it."""
    push(daemon, lines_of(at - 3600, at, {'product': (80, 1, 0), 'home': (20, 0, 1)}, service))
    push(daemon, [f'deploy,service={service} version="{version}" {at}000000000'])
    push(daemon, lines_of(at, at + seconds, after, service))


def verdict(daemon, query):
    code, body, _ = daemon.request('GET', f'/api/v1/verdicts?{query}')
    assert code == 200, body
    return json.loads(body)['data']['items']


def run(daemon, *words):
    return command('verdict', *words, '--server', 'http://' + daemon.http)


def test_a_broken_page_group_is_named_first(daemon):
    deployed(daemon, '2', T, {'product': (80, 1, 0), 'home': (14, 6, 1)})
    [item] = verdict(daemon, 'service=cart&version=2')
    assert FIELDS <= set(item) and ROW <= set(item['groups'][0])
    assert item['verdict'] == 'bad' and item['text'].startswith('bad: 4xx in home')
    first = item['groups'][0]
    assert (first['page_group'], first['class'], first['at_fault']) == ('home', '4xx', True)
    assert first['before'] == {'n': 7260, 'k': 0} and first['after'] == {'n': 910, 'k': 60}
    assert first['e_value'] > 1000 and first['low'] < first['ratio'] < first['high'] and first['low'] > 1
    assert when(T) <= first['onset'] < when(T + 180)
    assert [row for row in item['groups'] if row['at_fault']] == [first]
    assert item['requests'] == 60 * 94 + 10 * 8
    assert item['since'] == when(T) and item['updated'] == when(T + 600)


def test_a_deploy_that_changed_nothing_is_ok(daemon):
    deployed(daemon, '3', T, {'product': (80, 1, 0), 'home': (20, 0, 1)})
    [item] = verdict(daemon, 'service=cart')
    assert item['verdict'] == 'ok', item
    assert not any(row['at_fault'] for row in item['groups'])
    assert verdict(daemon, f'marker={item["marker"]}') == [item]


def test_too_little_is_insufficient(daemon):
    """Four minutes after, and no baseline at all."""
    deployed(daemon, '4', T, {'product': (80, 1, 0), 'home': (20, 0, 1)}, seconds=240)
    assert verdict(daemon, 'service=cart')[0]['verdict'] == 'insufficient_data'
    push(daemon, [f'deploy,service=new version="1" {T}000000000'] + lines_of(T, T + 600, {'home': (10, 0, 90)}, 'new'))
    [item] = verdict(daemon, 'service=new')
    assert item['verdict'] == 'insufficient_data' and item['requests'] > 1000
    assert item['text'].startswith(f"insufficient_data: {item['requests']} requests since, no request before to compare with; ")
    code, out, err = run(daemon, '--service', 'new', '--version', '1')
    assert (code, err) == (4, '') and out.split('\n')[0] == item['text']
    assert 'nothing before to compare with' in out and 'e+06' not in out and 'e-06' not in out


def test_a_surge_is_not_bad(daemon):
    deployed(daemon, '5', T, {'product': (2400, 30, 0), 'home': (600, 0, 30)})
    assert verdict(daemon, 'service=cart')[0]['verdict'] == 'ok'


def test_a_second_deploy_is_not_blamed_for_the_first(daemon):
    deployed(daemon, '6', T, {'product': (80, 1, 0), 'home': (14, 6, 1)}, seconds=1200)
    push(daemon, [f'deploy,service=cart version="7" {T + 1200}000000000'])
    push(daemon, lines_of(T + 1200, T + 2400, {'product': (80, 1, 0), 'home': (14, 6, 1)}))
    second, first = verdict(daemon, 'service=cart')
    assert (first['version'], first['verdict']) == ('6', 'bad')
    assert second['version'] == '7' and second['verdict'] != 'bad', second


def test_the_verdict_is_the_same_after_a_kill(daemon):
    deployed(daemon, '8', T, {'product': (80, 1, 0), 'home': (14, 6, 1)})
    before = verdict(daemon, 'service=cart')
    daemon.kill()
    daemon.start()
    assert verdict(daemon, 'service=cart') == before


def test_new_exceptions_of_the_deploy_are_listed(daemon):
    push(daemon, [f'exception,service=cart,type=Old message="x" {T - 100}000000000'])
    deployed(daemon, '9', T, {'product': (80, 1, 0)})
    push(daemon, [f'exception,service=cart,type=New message="y" {T + 100}000000000'])
    [item] = verdict(daemon, 'service=cart')
    code, body, _ = daemon.request('GET', f'/api/v1/exceptions/{item["new_exceptions"][0]}')
    assert code == 200 and json.loads(body)['data']['type'] == 'New' and len(item['new_exceptions']) == 1


def test_what_is_asked_wrongly_is_refused(daemon):
    assert daemon.request('GET', '/api/v1/verdicts?marker=0123456789abcdef')[0] == 404
    assert daemon.request('GET', '/api/v1/verdicts?limit=0')[0] == 400
    assert daemon.request('GET', '/api/v1/verdicts?from=nonsense')[0] == 400
    assert verdict(daemon, 'service=nobody') == []


def test_the_gate_says_it_by_its_exit_code(daemon):
    deployed(daemon, 'bad', T, {'product': (80, 1, 0), 'home': (14, 6, 1)})
    deployed(daemon, 'ok', T, {'product': (80, 1, 0), 'home': (20, 0, 1)}, service='shop')
    push(daemon, [f'deploy,service=thin version="thin" {T}000000000'])
    for service, version, code in (('cart', 'bad', 1), ('shop', 'ok', 0), ('thin', 'thin', 4), ('cart', 'none', 5)):
        assert run(daemon, '--service', service, '--version', version)[0] == code, version
    assert run(daemon, '--service', 'cart', '--version', 'bad', '--wait', '10m')[0] == 1, 'at once'
    assert run(daemon, '--service', 'shop', '--version', 'ok', '--wait', '500ms')[0] == 0
    assert run(daemon, '--service', 'cart')[0] == 2
    assert run(daemon, '--service', 'cart', '--version', '')[0] == 2, 'a variable that is not set'
    assert run(daemon, '--service', '', '--version', 'bad')[0] == 2
    assert run(daemon, '--service', 'cart', '--version', 'bad', '--wait', 'soon')[0] == 2
    assert command('verdict', '--service', 'cart', '--version', 'bad', '--server', 'http://127.0.0.1:1')[0] == 5
    code, out, _ = run(daemon, '--service', 'cart', '--version', 'bad', '--json')
    assert code == 1 and json.loads(out)['verdict'] == 'bad'
    assert 'home' in run(daemon, '--service', 'cart', '--version', 'bad')[1]
