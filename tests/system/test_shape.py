"""The second line in the daemon: of one anomaly, when the course of its series was most like that (scoring/shape.h)."""
import datetime
import http.client
import math
import random
import re
import threading

import pytest

import test_detect
from harness import Daemon, command
from test_findings import ANOMALY, ask, listed, started

MINUTE_MS, DAY = 60_000, 1440
DAYS, BURST = 10, 24                      # days of history, minutes of a burst
SEEN, NOW = (DAYS - 8) * DAY + 900, (DAYS - 1) * DAY + 900  # a week before, at the same time of day; the last one


def at(minute):
    return test_detect.START_MS + minute * MINUTE_MS


def burst(minute, *begins):
    """How much is added by bursts that begin at these minutes: they rise and fall, 1 at most."""
    return sum(math.sin(math.pi * (minute - begin + 1) / (BURST + 1)) for begin in begins if begin <= minute < begin + BURST)


def history():
    """A batch a day: seen and unseen are gauges of the same curve; 500s and slow answers had their burst before, too."""
    rng = random.Random(4)
    for day in range(DAYS):
        lines = []
        for minute in range(day * DAY, min((day + 1) * DAY, NOW + BURST)):
            curve, again, once = math.sin(minute / DAY * 2 * math.pi), burst(minute, SEEN, NOW), burst(minute, NOW)
            for name, more in (('seen', again), ('unseen', once)):
                lines.append(f'{name},service=shop,pod=a value={100 + 20 * curve + rng.gauss(0, 1) + 60 * more:.3f} {at(minute) + 10_000}')
            good, bad = int(rng.gauss(300 + 100 * curve, 10)), max(0, int(rng.gauss(5 + 80 * again, 1.5)))
            for status, count in (('200', good), ('500', bad)):
                if count:
                    lines.append(f'http,service=shop,method=GET,status={status},page_group=cart '
                                 f'count={count}i,duration_ms={rng.gauss(50, 2) + 200 * once:.1f} {at(minute) + 20_000}')
        yield lines


@pytest.fixture(scope='module')
def shop():
    with Daemon(config=test_detect.SETTINGS) as daemon:
        for lines in history():
            for first in range(0, len(lines), 4000):
                test_detect.send(daemon, lines[first:first + 4000])
        test_detect.settle(daemon)
        yield daemon


def last_of(daemon, metric, **labels):
    """The newest anomaly of a metric within the last burst, as /anomalies/ID has it."""
    items = [item for item in listed(daemon, f'/anomalies?service=shop&from={at(NOW) / 1000}&to={at(NOW + BURST) / 1000}&limit=10000')
             if item['metric'] == metric and all(item['labels'].get(name, '') == value for name, value in labels.items())]
    newest = max(items, key=lambda item: item['time'])
    code, answer = ask(daemon, '/anomalies/' + newest['id'])
    assert code == 200 and {**newest, 'shape': answer['data']['shape']} == answer['data'], 'all else is as in the list'
    return answer['data']


def before(item):
    """How long before the anomaly the most similar course ended, in minutes."""
    return (ms(item['time']) - ms(item['shape']['nearest'])) / MINUTE_MS


def ms(text):
    return int(datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp() * 1000)


def explained(daemon, item):
    """The sentence on its past that the command prints; None without one."""
    code, out, err = command('anomalies', '--explain', item['id'], '--server', 'http://' + daemon.http)
    assert code == 0, err
    lines = out.split('\n')
    assert lines[1] == item['text']
    return lines[2] if lines[2].endswith(' from its nearest') else None


WEEK = 7 * DAY
SERIES = {'gauge': ('seen', {'pod': 'a'}), 'class': ('http_events_total', {'class': '5xx', 'page_group': ''}),
          'class of a page group': ('http_events_total', {'class': '5xx', 'page_group': 'cart'}),
          'ratio': ('http_error_ratio', {'class': '5xx', 'page_group': 'cart'})}


@pytest.mark.parametrize('name', SERIES)
def test_a_course_that_was_there_before_is_found(shop, name):
    metric, labels = SERIES[name]
    item = last_of(shop, metric, **labels)
    shape = item['shape']
    assert set(shape) == {'surprisal', 'distance', 'nearest', 'minutes', 'compared', 'from'}
    assert before(item) == WEEK and shape['distance'] < 2 and shape['minutes'] in (16, 32, 64, 128), shape
    assert shape['compared'] == 100 and ms(shape['from']) == at(0)
    assert re.match(f'the last {shape["minutes"]} minutes were (most )?like those until {shape["nearest"]}: ', explained(shop, item))


@pytest.mark.parametrize('metric', ['unseen', 'http_event_duration_seconds'])
def test_a_course_that_never_was_is_said_to_be_new(shop, metric):
    item = last_of(shop, metric)
    shape = item['shape']
    assert shape['surprisal'] > 3 and shape['distance'] > 10, shape
    assert explained(shop, item).startswith(f'never in 10 days like the last {shape["minutes"]} minutes: nearest are those until '
                                            f'{shape["nearest"]}, {shape["distance"]:.0f} usual steps apart, as not 1 stretch in 1000')


def test_nothing_is_said_where_the_data_is_gone(shop):
    item = last_of(shop, 'unseen')
    code, _, err = command('delete', 'unseen', '--server', 'http://' + shop.http)
    assert code == 0, err
    again = last_of(shop, 'unseen')
    assert again == {**item, 'shape': None} and explained(shop, again) is None


def own(number, **body):
    """An anomaly as it is kept, of a gauge that has data; with other fields in its body."""
    body = {'metric': 'cpu', 'labels': {'service': 'cart'}, 'text': 'x', 'parts': {'interval_ms': 60000}, **body}
    return {'kind': ANOMALY, 'id': number, 'time': at(2000), 'end': at(2001), 'service': 'cart', 'score': 50, 'body': body}


HOSTILE = [{'labels': 5}, {'labels': {'service': 7}}, {'labels': {'service': 'other'}}, {'labels': {}}, {'metric': None},
           {'metric': 'http_events_total'}, {'metric': 'http_events_total', 'labels': {'class': 'bad', 'service': 'cart'}},
           {'metric': 'http_events_total', 'labels': {'pod': 'a', 'service': 'cart'}}, {'metric': 'http_error_ratio', 'parts': {'whole': 1}},
           {'metric': 'http_event_duration_seconds'}, {'parts': {'interval_ms': 1e300}}, {'metric': 'x' * 60000}, {'metric': ''},
           {'labels': {f'l{i}': 'x' for i in range(200)}}, {'labels': {'__name__': 'cpu', 'service': 'cart'}}]


def test_bodies_of_any_kind_are_answered():
    """With what can be said, or without: as they are kept, and null."""
    shorter, longer, point = own(90), own(91), own(92)
    shorter['time'], shorter['end'] = at(500), at(501)
    longer['end'], point['end'] = at(2200), 0
    found = [own(1), own(2, parts={}), shorter, longer, point] + [own(100 + i, **body) for i, body in enumerate(HOSTILE)]
    with started(found, config=test_detect.SETTINGS) as daemon:
        rng = random.Random(2)
        test_detect.send(daemon, [f'cpu,service=cart value={rng.gauss(5, 1):.3f} {at(minute)}' for minute in range(2100)])
        for one in found:
            code, answer = ask(daemon, f'/anomalies/{one["id"]:016x}')
            assert code == 200, one
            shape = answer['data'].pop('shape')
            assert answer['data'] == {'id': f'{one["id"]:016x}', **one['body']}
            assert (shape is not None) == (one['id'] in (1, 2)), (one, shape)
            if shape:
                assert shape['compared'] == 100 and shape['from'] == '2025-12-01T00:00:00.000Z'


def test_a_past_that_is_more_than_a_query_may_read_takes_nothing_from_the_anomaly():
    with started([own(1)], config={**test_detect.SETTINGS, 'limits': {'query_max_samples': 1000}}) as daemon:
        test_detect.send(daemon, [f'cpu,service=cart value={minute % 7} {at(minute)}' for minute in range(2100)])
        assert ask(daemon, f'/anomalies/{1:016x}') == (200, {'status': 'success', 'data': {'id': f'{1:016x}', **own(1)['body'], 'shape': None}})


def test_the_daemon_stops_at_once_while_it_compares():
    with started([own(1)], config=test_detect.SETTINGS) as daemon:
        rng = random.Random(2)
        test_detect.send(daemon, [f'cpu,service=cart value={rng.gauss(5, 1):.3f} {at(minute)}' for minute in range(2100)])
        answers, halt = [], threading.Event()

        def ask_on():
            while not halt.is_set():
                try:
                    answers.append(ask(daemon, f'/anomalies/{1:016x}')[0])
                except (OSError, http.client.HTTPException, ValueError):
                    return  # it is gone
        threads = [threading.Thread(target=ask_on) for _ in range(8)]
        for thread in threads:
            thread.start()
        test_detect.wait_for(lambda: len(answers) > 20)
        assert daemon.terminate() == 0
        halt.set()
        for thread in threads:
            thread.join()
        assert set(answers) <= {200, 503}
