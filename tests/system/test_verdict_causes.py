"""What a verdict is made of beside errors by page group: gauges, leaks, exceptions by release; and what the judges of
canaries are known to get wrong. On the real binaries."""
import json
import random

from test_verdicts import T, deployed, lines_of, push, verdict, when

CALM = {'product': (80, 1, 0), 'home': (20, 0, 1)}


def levels(metric, start, end, level, step=30, noise=0.02, pods=2, seed=1, labels=''):
    """A gauge of some pods with names of their own behind a deploy; level is a number or a function of the time."""
    chance, out = random.Random(f'{metric}{start}{seed}'), []
    for at in range(start, end, step):
        for pod in range(pods):
            value = level(at) if callable(level) else level
            out.append(f'{metric},service=cart,pod=p{start}x{pod}{labels} value={value * (1 + chance.gauss(0, noise)):.10g} '
                       f'{at}000000000')
    return out


def exceptions(start, end, step, release, kind='Broken', service='cart'):
    tag = f',release={release}' if release else ''
    return [f'exception,service={service},type={kind}{tag} message="x" {at}000000000' for at in range(start, end, step)]


def gauge_of(item, metric):
    [gauge] = [g for g in item['gauges'] if g['metric'] == metric]
    return gauge


def test_a_gauge_that_rises_is_bad(daemon):
    push(daemon, levels('cpu_usage', T - 3600, T, 0.3) + levels('cpu_usage', T, T + 3600, 0.9))
    push(daemon, levels('uptime_seconds', T - 3600, T, 80000) + levels('uptime_seconds', T, T + 3600, 100))
    deployed(daemon, '2', T, CALM, seconds=3600)
    [item] = verdict(daemon, 'service=cart')
    assert item['verdict'] == 'bad' and item['text'].startswith('bad: cpu_usage is 0.'), item['text']
    gauge = gauge_of(item, 'cpu_usage')
    assert gauge['effect'] > 10 and gauge['e_value'] > 1e6 and 0.29 < gauge['before'] < 0.31
    assert len(item['gauges']) == 1, 'an uptime tells of no fault'
    assert not any(row['at_fault'] for row in item['groups'])


def test_a_gauge_of_the_service_alone_is_enough(daemon):
    """No request at all: what there is to compare is compared."""
    push(daemon, levels('queue_length', T - 3600, T, 20) + levels('queue_length', T, T + 1800, 400))
    push(daemon, [f'deploy,service=cart version="2" {T}000000000'])
    [item] = verdict(daemon, 'service=cart')
    assert item['verdict'] == 'bad' and item['requests'] == 0 and item['updated'] == when(T + 1740)


def test_gauges_that_follow_the_traffic_are_not_blamed(daemon):
    """Thirty times the traffic, and the processor with it."""
    push(daemon, levels('cpu_usage', T - 3600, T, 0.02) + levels('cpu_usage', T, T + 3600, 0.6))
    deployed(daemon, '2', T, {'product': (2400, 30, 0), 'home': (600, 0, 30)}, seconds=3600)
    [item] = verdict(daemon, 'service=cart')
    assert item['verdict'] == 'ok' and gauge_of(item, 'cpu_usage')['after'] is None


def test_a_level_that_moved_last_week_too_is_no_news(daemon):
    week = T - 7 * 86400
    for start in (week, T):
        push(daemon, levels('queue_length', start - 3600, start, 20) + levels('queue_length', start, start + 3600, 60))
    deployed(daemon, '2', T, CALM, seconds=3600)
    [item] = verdict(daemon, 'service=cart')
    assert item['verdict'] == 'ok' and gauge_of(item, 'queue_length')['effect'] > 10
    # Something was going on then: it is not compared with.
    push(daemon, [f'marker,kind=incident,service=cart note="x" {week - 1800}000000000'])
    [item] = verdict(daemon, 'service=cart')
    assert item['verdict'] == 'bad' and item['last_week'] is False


def test_a_leak_is_found_with_the_time_to_its_limit(daemon):
    mib = 1 << 20
    push(daemon, levels('heap_used_bytes', T - 3600, T, 200 * mib, step=60, noise=0.005, pods=1))
    push(daemon, levels('heap_used_bytes', T, T + 8 * 3600 + 120, lambda at: (150 + 20 * (at - T) / 3600) * mib, step=60,
                        noise=0.005, pods=1))
    push(daemon, levels('heap_max_bytes', T - 3600, T + 3600, 512 * mib, step=300, noise=0, pods=1))
    deployed(daemon, '2', T, CALM, seconds=3600)
    [item] = verdict(daemon, 'service=cart')
    leak = gauge_of(item, 'heap_used_bytes')['leak']
    assert item['verdict'] == 'bad' and 'heap_used_bytes grows by' in item['text'] and 'its limit' in item['text']
    assert leak['found'] and leak['low'] < 20 * mib < leak['high'] and leak['limit'] == 512 * mib
    assert 8 < leak['hours_to_limit'] < 13 and leak['e_value'] > 1000
    assert item['final'] is True and item['updated'] >= when(T + 8 * 3600)


def test_exceptions_of_older_releases_are_not_blamed_on_a_deploy(daemon):
    """Pods of the release before still run, and fail; so do queues of events that come late."""
    push(daemon, [f'deploy,service=cart version="1" {T - 7200}000000000'])
    push(daemon, exceptions(T - 3600, T, 60, '1', 'Known'))
    deployed(daemon, '2', T, CALM, seconds=1200)
    push(daemon, exceptions(T + 60, T + 1200, 1, '1') + exceptions(T + 60, T + 1200, 2, 'cart@1'))
    old = verdict(daemon, 'service=cart&version=2')[0]
    assert old['verdict'] == 'bad', 'cart@1 was never seen before: it is nobody\'s'
    push(daemon, exceptions(T - 3000, T - 2900, 60, 'cart@1', 'Known'))
    old = verdict(daemon, 'service=cart&version=2')[0]
    assert old['verdict'] == 'ok' and old['new_exceptions'] == [], old['text']
    push(daemon, exceptions(T + 60, T + 1200, 1, 'cart@2', 'Fresh'))
    new = verdict(daemon, 'service=cart&version=2')[0]
    assert new['verdict'] == 'bad' and new['text'].startswith('bad: more exceptions') and len(new['new_exceptions']) == 1


def test_exceptions_that_vanished_are_listed(daemon):
    push(daemon, exceptions(T - 3600, T, 30, '1', 'Fixed') + exceptions(T - 3600, T, 30, '1', 'Stays'))
    deployed(daemon, '2', T, CALM, seconds=1200)
    push(daemon, exceptions(T, T + 1200, 30, '2', 'Stays'))
    [item] = verdict(daemon, 'service=cart')
    assert item['verdict'] == 'ok' and len(item['vanished_exceptions']) == 1 and item['new_exceptions'] == []
    code, body, _ = daemon.request('GET', f'/api/v1/exceptions/{item["vanished_exceptions"][0]}')
    assert code == 200 and json.loads(body)['data']['type'] == 'Fixed'


def test_late_events_count_to_the_time_they_bear(daemon):
    deployed(daemon, '2', T, CALM)
    before = verdict(daemon, 'service=cart')[0]
    assert before['verdict'] == 'ok'
    # The queue of an agent that was cut off: failures of the hour before, told behind the deploy.
    push(daemon, lines_of(T - 1800, T - 600, {'home': (0, 0, 30)}))
    late = verdict(daemon, 'service=cart')[0]
    assert late['verdict'] != 'bad' and late['requests'] == before['requests'] and late['updated'] == before['updated']
    [home] = [row for row in late['groups'] if (row['page_group'], row['class']) == ('home', '5xx')]
    assert home['before'] == {'n': 60 * 121 + 600, 'k': 60 + 600}
    # Failures behind it, told late, are its own.
    push(daemon, lines_of(T + 120, T + 500, {'home': (0, 0, 600)}))
    assert verdict(daemon, 'service=cart')[0]['verdict'] == 'bad'


def test_deploys_minutes_apart_are_judged_together(daemon):
    """The second one is held to the hour before both, and says so."""
    push(daemon, lines_of(T - 3600, T, CALM))
    push(daemon, [f'deploy,service=cart version="{v}" {at}000000000' for v, at in (('1', T), ('2', T + 300))])
    push(daemon, lines_of(T, T + 300, CALM) + lines_of(T + 300, T + 900, {'product': (80, 1, 0), 'home': (14, 6, 1)}))
    second, first = verdict(daemon, 'service=cart')
    assert (second['verdict'], second['overlaps']) == ('bad', True) and 'cannot be told apart' in second['text']
    assert (first['verdict'], first['overlaps']) != ('bad', True) and first['verdict'] in ('ok', 'insufficient_data')


def test_a_past_without_errors_is_a_past(daemon):
    push(daemon, lines_of(T - 3600, T, {'home': (50, 0, 0)}) + [f'deploy,service=cart version="1" {T}000000000'])
    push(daemon, lines_of(T, T + 600, {'home': (50, 0, 0)}))
    assert verdict(daemon, 'service=cart')[0]['verdict'] == 'ok'
    push(daemon, lines_of(T + 60, T + 600, {'home': (0, 0, 12)}))
    assert verdict(daemon, 'service=cart')[0]['verdict'] == 'bad'


def test_a_rate_next_to_zero_that_doubles_is_not_bad(daemon):
    """One error an hour, then three in ten minutes."""
    push(daemon, lines_of(T - 3600, T, {'home': (100, 0, 0)}) + lines_of(T - 1800, T - 1790, {'home': (0, 0, 1)}))
    push(daemon, [f'deploy,service=cart version="1" {T}000000000'] + lines_of(T, T + 600, {'home': (100, 0, 0)}))
    push(daemon, lines_of(T + 60, T + 180, {'home': (0, 0, 1)}))
    assert verdict(daemon, 'service=cart')[0]['verdict'] == 'ok'


def test_the_same_rate_in_bursts_is_not_bad(daemon):
    """60 errors in an hour, one a minute; then as many a minute on average, but all at once every ten."""
    push(daemon, lines_of(T - 3600, T, {'home': (100, 0, 0)}))
    for at in range(T - 3600, T, 300):
        push(daemon, lines_of(at, at + 10, {'home': (0, 0, 18 + 12 * (at // 300 % 2))}))
    push(daemon, [f'deploy,service=cart version="1" {T}000000000'] + lines_of(T, T + 1800, {'home': (100, 0, 0)}))
    for at in range(T, T + 1800, 600):
        push(daemon, lines_of(at + 300, at + 310, {'home': (0, 0, 48)}))
    assert verdict(daemon, 'service=cart')[0]['verdict'] != 'bad'


def test_next_to_no_traffic_says_nothing(daemon):
    for at in range(T - 3600, T + 600, 300):
        push(daemon, [f'http,service=cart,method=GET,status=200,page_group=home url="/",duration_ms=20 {at}000000000'])
    push(daemon, [f'deploy,service=cart version="1" {T}000000000'])
    push(daemon, [f'http,service=cart,method=GET,status=500,page_group=home url="/",duration_ms=20 {T + 60}000000000'])
    assert verdict(daemon, 'service=cart')[0]['verdict'] == 'insufficient_data'


def test_a_service_that_jumps_anyway_is_held_to_its_own_past(daemon):
    """Its errors come in hours of their own, each as high as a broken deploy's."""
    chance = random.Random(5)
    lines = []
    start = T - 7 * 86400
    for hour in range(start, T + 3600, 1800):
        wild = chance.random() < 0.3
        for at in range(hour, hour + 1800, 60):
            lines.append(f'http,service=cart,method=GET,status=200,page_group=home url="/",count=300i {at}000000000')
            lines.append(f'http,service=cart,method=GET,status=500,page_group=home url="/",count={9 if wild else 1}i {at}000000000')
    push(daemon, lines)
    push(daemon, [f'deploy,service=cart version="1" {T}000000000'])
    [item] = verdict(daemon, 'service=cart')
    assert item['self_check']['deploys'] >= 35 and item['self_check']['factor'] < 1
    jumps = [f'http,service=cart,method=GET,status=500,page_group=home url="/",count=8i {at}000000000'
             for at in range(T, T + 3600, 60)]
    push(daemon, jumps)
    assert verdict(daemon, 'service=cart')[0]['verdict'] != 'bad'
    push(daemon, [line.replace('count=8i', 'count=200i').replace('status=500', 'status=503') for line in jumps])
    assert verdict(daemon, 'service=cart')[0]['verdict'] == 'bad', 'an outright failure is seen all the same'
