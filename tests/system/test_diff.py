"""What differs in a window, on the real binaries: CONTRACT 5 and 9."""
import json
import os
import sys
import urllib.parse

from harness import command, now_ms

T = now_ms() // 3600000 * 3600 - 7200  # within the retention
WEEK = 7 * 86400
FIELDS = {'kind', 'labels', 'observed', 'normal', 'effect', 'score', 'text'}


def push(daemon, lines):
    for i in range(0, len(lines), 2000):
        code, body, _ = daemon.write('\n'.join(lines[i:i + 2000]))
        assert code == 204, body


def quiet(start, seconds, cpu=0.5):
    """A service on a normal day: two pods, two page groups with few errors, exceptions now and then."""
    out = []
    for at in range(start, start + seconds, 60):
        wobble = (at // 60 * 7919 % 11 - 5) / 100
        for pod in ('a', 'b'):
            out.append(f'cpu,service=cart,pod={pod} value={cpu + wobble} {at}000000000')
        for group in ('home', 'product'):
            out.append(f'http,service=cart,method=GET,status=200,page_group={group} url="/{group}",'
                       f'count={100 + at // 60 * 7 % 13}i,duration_ms=20 {at}000000000')
        if at % 600 == 0:
            out.append(f'http,service=cart,method=GET,status=500,page_group=home url="/home" {at}000000000')
            out.append(f'exception,service=cart,type=Old message="known" {at}000000000')
    return out


def failing(start, seconds):
    """The same with 40 failures a minute in one page group, a new exception, and one hot pod."""
    out = quiet(start, seconds)
    for at in range(start, start + seconds, 60):
        out.append(f'http,service=cart,method=GET,status=500,page_group=product url="/p",count=40i {at}000000000')
        out.append(f'exception,service=cart,type=New message="basket is gone",count=9i {at}000000000')
        out.append(f'cpu,service=cart,pod=b value=0.97 {at}000000000')
    return out


def diff(daemon, expect=200, **query):
    code, body, _ = daemon.request('GET', '/api/v1/diff?' + urllib.parse.urlencode(query))
    assert code == expect, body
    return json.loads(body)['data'] if expect == 200 else json.loads(body)


def labels_of(data, count):
    return [{k: v for k, v in item['labels'].items() if k in ('__name__', 'pod', 'status', 'page_group', 'type')}
            for item in data['items'][:count]]


WINDOW = f'{T}..{T + 1200}'


def test_what_failed_is_ranked_first_with_its_figures(daemon):
    for week in range(1, 5):
        push(daemon, quiet(T - week * WEEK, 1200))
    push(daemon, failing(T, 1200))
    data = diff(daemon, window=WINDOW, service='cart')
    assert len(data['against']) == 4 and data['text'].startswith('normal is the same time of 4 of the 4 weeks before')
    assert FIELDS <= set(data['items'][0])
    first = labels_of(data, 3)
    assert {'__name__': 'http_events_total', 'page_group': 'product', 'status': '500'} in first
    assert {'__name__': 'exception_events_total', 'type': 'New'} in first
    assert {'__name__': 'cpu', 'pod': 'b'} in first
    by_type = {item['labels'].get('type'): item for item in data['items'] if item['kind'] == 'exception'}
    assert by_type['New']['observed'] == 9 and by_type['New']['normal'] == 0
    assert by_type['New']['text'].startswith('9 a minute, normally none; ')
    assert by_type['Old']['score'] == 0 and by_type['Old']['text'].endswith('no difference that is sure')
    errors = [cause for cause in data['causes'] if cause['of'] == 'errors']
    assert errors[0]['labels'] == {'page_group': 'product'} and errors[0]['share'] > 0.9
    assert errors[0]['observed'] == 800
    scores = [item['score'] for item in data['items']]
    assert scores == sorted(scores, reverse=True) and data['next'] is None and data['series'] == len(scores)
    assert diff(daemon, window=WINDOW, service='cart') == data


def test_pages_of_it_are_the_whole(daemon):
    push(daemon, quiet(T - WEEK, 1200) + failing(T, 1200))
    whole = diff(daemon, window=WINDOW, service='cart')
    items, cursor = [], ''
    while cursor is not None:
        page = diff(daemon, window=WINDOW, service='cart', limit=3, cursor=cursor)
        items += page['items']
        cursor = page['next']
    assert items == whole['items'] and len(whole['against']) == 1


def test_weeks_with_an_event_or_an_incident_are_not_normal(daemon):
    push(daemon, failing(T - WEEK, 1200) + quiet(T - 2 * WEEK, 1200) + failing(T - 3 * WEEK, 1200) + failing(T, 1200))
    push(daemon, [f'marker,kind=incident,service=cart note="broken" {T - WEEK + 60}000000000',
                  f'marker,kind=event class="sale",end={T - 3 * WEEK + 60}000000000i {T - 3 * WEEK - 60}000000000'])
    data = diff(daemon, window=WINDOW, service='cart')
    assert [span['from'] for span in data['against']] == [diff(daemon, window=f'{T - 2 * WEEK}..{T - 2 * WEEK + 10}')['from']]
    assert 'not 1 week before: an event, maintenance, incident or rollback was marked' in data['text']
    assert 'not 4 weeks before: there is no data' in data['text']
    assert {'__name__': 'exception_events_total', 'type': 'New'} in labels_of(data, 3)


def test_without_weeks_it_is_the_day_before(daemon):
    push(daemon, quiet(T - 86400, 1200) + failing(T, 1200))
    data = diff(daemon, window=WINDOW, service='cart', against='normal')
    assert data['text'].startswith('normal is the same time of the day before; ') and len(data['against']) == 1
    assert {'__name__': 'cpu', 'pod': 'b'} in labels_of(data, 3)


def test_a_span_may_be_named_and_series_chosen(daemon):
    push(daemon, quiet(T - 3600, 3600) + failing(T, 1200))
    data = diff(daemon, window=WINDOW, against=f'{T - 3600}..{T}', **{'match[]': 'cpu'})
    assert labels_of(data, 9) == [{'__name__': 'cpu', 'pod': 'b'}, {'__name__': 'cpu', 'pod': 'a'}]
    assert data['text'] == 'normal is the span that was named'
    assert diff(daemon, window=WINDOW, service='other')['items'] == []


def test_what_is_asked_wrong_is_named(daemon):
    for query, word in (({}, 'window'), ({'window': 'x'}, 'window'), ({'window': '-1h..-2h'}, 'begin'),
                        ({'window': '-60d..now'}, '31 days'), ({'window': '-1h..now', 'against': 'week'}, 'against'),
                        ({'window': '-1h..now', 'limit': '0'}, 'limit')):
        assert word in diff(daemon, expect=400, **query)['error'], query


def test_the_command_shows_a_table_and_a_sentence(daemon):
    push(daemon, quiet(T - WEEK, 1200) + failing(T, 1200))
    code, out, err = command('diff', '--window', WINDOW, '--service', 'cart', '--server', 'http://' + daemon.http)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split() == ['score', 'observed', 'normal', 'effect', 'series']
    assert any('cpu{pod="b",service="cart"}' in line for line in lines[1:5])
    assert any(line.startswith('all of the excess of errors: {page_group="product"}') for line in lines)
    assert lines[-1].startswith('3 of 10 series differ surely; normal is the same time of 1 of the 4 weeks before')
    code, out, err = command('diff', '--window', WINDOW, '--service', 'cart', '--json', '--server', 'http://' + daemon.http)
    assert code == 0 and FIELDS <= set(json.loads(out)['items'][0])
    assert command('diff', '--server', 'http://' + daemon.http)[0] == 2


def test_the_node_at_fault_of_a_real_failure_is_among_the_first_three(tmp_path):
    """One of PetShop's, with five hours of normal operation (tests/data/petshop)."""
    here = os.path.dirname(__file__)
    sys.path.insert(0, os.path.join(here, '..', 'bench'))
    import petshop
    data = os.path.join(here, '..', 'data', 'petshop')
    rank, nodes, root = petshop.rank_of(os.path.join(data, 'issue'), petshop.read(os.path.join(data, 'noissue', 'metrics.csv.gz')),
                                        str(tmp_path))
    assert root == 'PetSearch_AWS::ECS::Fargate' and 1 <= rank <= 3, nodes
