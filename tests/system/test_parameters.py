"""Each endpoint of events, rankings, counts, exceptions and markers with parameters that are wrong: 400, and a sentence that names the
parameter. CONTRACT 5 and 9."""
import json
from urllib.parse import urlencode

import pytest

from harness import Daemon

SPANS = [('from', 'yesterday'), ('from', '2026-13-01T00:00:00Z'), ('to', '-1parsec'), ('to', 'nan')]
PAGES = [('limit', '0'), ('limit', '-1'), ('limit', '10001'), ('limit', 'many'), ('cursor', 'no cursor')]
CHOICES = [('status', '4x'), ('status', '4xxx'), ('status', '-404'), ('status', 'teapot'), ('filter', 'status='), ('filter', '(a=b'),
           ('filter', 'nonsense'), ('filter', 'url=~"("')]
WRONG = {
    '/api/v1/events': SPANS + PAGES + CHOICES,
    '/api/v1/top': SPANS + CHOICES + [
        ('by', 'bytes'), ('by', 'duration_ms'), ('by', 'a b'), ('by', 'tag.'), ('k', '0'), ('k', '10001'), ('k', 'ten'), ('k', '-1'),
        ('compare', 'yesterday'), ('compare', '-2h'), ('compare', '-1h..-2h'), ('compare', '..'), ('compare', 'x..now')],
    '/api/v1/counts': SPANS + PAGES + [
        ('step', '0'), ('step', '-10'), ('step', '15s'), ('step', 'often'), ('by', 'a b'), ('by', 'a,,b'), ('by', ','.join('abcdefghijklmnopq')),
        ('match[]', 'x{'), ('match[]', 'http_events_total{status=~"("}'), ('match[]', '{status!="404"}'),
        ('name', 'http_event_duration_seconds')],
    '/api/v1/exceptions': SPANS + PAGES + [('state', 'broken'), ('state', 'New')],
    '/api/v1/markers': SPANS + PAGES + [('kind', 'party')],
    '/api/v1/reports': PAGES + [('week', '2026-47'), ('week', 'now')],
    '/api/v1/events/explain': [('url', None)],
    '/api/v1/export': SPANS + [('tier', '2h'), ('match[]', 'x{')],
}
BODIES = {
    'POST /api/v1/markers': [
        ('kind', {}), ('kind', {'kind': 'party'}), ('kind', {'kind': 5}), ('version', {'kind': 'deploy', 'service': 's'}),
        ('time', {'kind': 'event', 'time': 'noon'}), ('time', {'kind': 'event', 'time': []}), ('end', {'kind': 'event', 'time': 2000, 'end': 1000}),
        ('service', {'kind': 'event', 'service': 7}), ('service', {'kind': 'event', 'service': 'x' * 5000}),
        ('colour', {'kind': 'event', 'colour': 'red'}), ('note', {'kind': 'event', 'note': 'x' * 5000}), ('JSON', 'text'), ('JSON', [])],
    'PATCH /api/v1/markers/%s': [('field', {}), ('kind', {'kind': None}), ('id', {'id': 'x'}), ('time', {'time': None}), ('JSON', 3)],
    'POST /api/v1/exceptions/%s': [
        ('action', {}), ('action', {'action': 'explode'}), ('action', {'action': 1}), ('into', {'action': 'merge'}),
        ('into', {'action': 'merge', 'into': 'zzz'}), ('into', {'action': 'merge', 'into': '0123456789abcdef'}), ('JSON', None)],
}


@pytest.fixture(scope='module')
def daemon():
    with Daemon() as d:
        assert d.write('exception,service=shop,type=E message="boom"\nmarker,kind=event,service=shop class="c"\n'
                       'http,service=shop,method=GET,status=404 url="/p/1"')[0] == 204
        yield d


def refused(answer, word):
    told = json.loads(answer)
    assert told['status'] == 'error' and told['errorType'] == 'bad_data', answer
    assert word in told['error'] and len(told['error']) < 400 and '\n' not in told['error'], told['error']


@pytest.mark.parametrize('path', WRONG)
def test_a_wrong_parameter_is_named(daemon, path):
    base = {'match[]': '{__name__!=""}'} if path.endswith('export') else {}
    if path.endswith('explain'):
        base = {'service': 'shop'}
    for name, value in WRONG[path]:
        pairs = {**base, **({name: value} if value is not None else {})}
        status, answer, _ = daemon.request('GET', path + '?' + urlencode(pairs))
        assert status == 400, (path, name, value, answer)
        refused(answer, name if value is None else f'"{name}"')


def test_an_end_before_its_begin_is_refused(daemon):
    for path in ('events', 'top', 'counts', 'exceptions', 'markers', 'export'):
        status, answer, _ = daemon.request('GET', f'/api/v1/{path}?' + urlencode({'from': '-1h', 'to': '-2h', 'match[]': '{__name__!=""}'}))
        assert status == 400, (path, answer)
        refused(answer, '"to"')


@pytest.mark.parametrize('request_line', BODIES)
def test_a_wrong_field_of_a_body_is_named(daemon, request_line):
    method, path = request_line.split()
    kind = path.split('/')[3]
    if '%s' in path:
        path %= json.loads(daemon.request('GET', f'/api/v1/{kind}?service=shop')[1])['data']['items'][0]['id']
    for word, body in BODIES[request_line]:
        status, answer, _ = daemon.request(method, path, body=json.dumps(body))
        assert status == 400, (request_line, body, answer)
        refused(answer, word)
    status, answer, _ = daemon.request(method, path, body='{"action":')
    assert status == 400
    refused(answer, 'line 1, column')


def test_what_is_not_there_is_404_and_a_wrong_method_405(daemon):
    for path in ('exceptions/0123456789abcdef', 'exceptions/x', 'markers/0123456789abcdef', 'markers/x'):
        status, answer, _ = daemon.request('GET', '/api/v1/' + path)
        assert status == 404 and json.loads(answer)['errorType'] == 'not_found', (path, answer)
    for method, path in (('DELETE', 'exceptions/x'), ('PUT', 'markers'), ('DELETE', 'top'), ('PATCH', 'counts'), ('POST', 'markers/x')):
        assert daemon.request(method, '/api/v1/' + path)[0] == 405, (method, path)


def test_empty_parameters_mean_all(daemon):
    for path, names in (('events', 'service status from to filter limit cursor'), ('top', 'service status filter from to k compare by'),
                        ('counts', 'name service from to step by limit cursor'), ('exceptions', 'service from to state limit cursor'),
                        ('markers', 'service env version kind from to limit cursor')):
        status, answer, _ = daemon.request('GET', f'/api/v1/{path}?' + urlencode({name: '' for name in names.split()}))
        assert status == 200 and len(json.loads(answer)['data']['items']) >= 1, (path, answer)
