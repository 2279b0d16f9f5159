"""Scoring in the daemon: old data pushed in order is scored as live data would be, at any speed and over kills."""
import json
import math
import os
import random
import re
import socket
import threading
import time

import pytest

from harness import NN_SUB, Daemon, Nano, command

START_MS = 1_764_547_200_000  # 2025-12-01T00:00Z
MINUTE_MS = 60_000
SETTINGS = {'storage': {'min_free': '1MiB', 'retention': {'raw': '3650d'}}}


def wait_for(what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return
        time.sleep(0.1)
    raise AssertionError('it did not come to that')


def history(hours, fault_at=None, seed=1, shape=None):
    """Minutes of lines: requests of two groups, a gauge and a counter; errors rise tenfold at fault_at (minutes)."""
    rng = random.Random(seed)
    total = 0
    for minute in range(hours * 60):
        lines = []
        at = START_MS + minute * MINUTE_MS
        day = 1 + 0.5 * math.sin(minute / 1440 * 2 * math.pi)
        for group in ('product', 'cart'):
            n = int(rng.gauss(300 * day, 15))
            bad = max(0, int(rng.gauss(0.01 * n, 1.5)))
            if fault_at is not None and group == 'cart' and minute >= fault_at:
                bad = n // 3
            for status, count in (('200', n - bad), ('500', bad)):
                if count:
                    lines.append(f'http,service=shop,method=GET,status={status},page_group={group} count={count}i {at + 20_000}')
        total += max(0, int(rng.gauss(50, 5)))
        lines.append(f'cpu,service=shop,pod=a value={rng.gauss(0.4, 0.02):.4f} {at + 10_000}')
        lines.append(f'jobs_total,service=shop value={total}i {at + 30_000}')
        yield at, lines


def push(daemon, minutes, every=30):
    """In order, some minutes a batch."""
    batch = []
    for i, (_, lines) in enumerate(minutes):
        batch += lines
        if i % every == every - 1:
            send(daemon, batch)
            batch = []
    send(daemon, batch)


def send(daemon, lines):
    if lines:
        status, body, _ = daemon.write('\n'.join(lines), '/write?precision=ms')
        assert status == 204, body


def settle(daemon):
    """Until all that can be closed is closed."""
    last = [None]

    def still():
        scoring = daemon.status()['scoring']
        state = (scoring['minutes_total'], scoring['lag_s'], scoring['services_behind'])
        done = last[0] == state and scoring['lag_s'] == 0 and scoring['services_behind'] == 0 and scoring['services'] > 0
        last[0] = state
        time.sleep(1.1)
        return done
    wait_for(still, 120)


def found(daemon):
    """What is stored: anomalies by id, anomaly_score samples by labels and time."""
    query = 'from=2025-11-01T00:00:00Z&to=2026-02-01T00:00:00Z&limit=10000&min_score=20'
    items = json.loads(daemon.request('GET', f'/api/v1/anomalies?{query}')[1])['data']['items']
    text = daemon.request('GET', '/api/v1/export?match[]=anomaly_score&from=2025-11-01T00:00:00Z'
                          '&to=2026-02-01T00:00:00Z')[1].decode()
    samples = {}
    for line in text.splitlines():
        one = json.loads(line)
        for when, value in zip(one['times'], one['values']):
            if float(value) >= 20:
                samples[json.dumps(one['metric'], sort_keys=True), when] = round(float(value), 6)
    return {item['id']: item for item in items}, samples


@pytest.fixture
def daemon():
    with Daemon(config=SETTINGS) as d:
        yield d


HOURS, FAULT = 40, 39 * 60


def test_a_fault_in_pushed_history_is_an_anomaly_with_its_parts(daemon):
    push(daemon, history(HOURS, fault_at=FAULT))
    settle(daemon)
    items, samples = found(daemon)
    assert len(items) == len(samples)
    begin = START_MS + FAULT * MINUTE_MS
    errors = [item for item in items.values() if item['labels'].get('page_group') == 'cart'
              and item['labels'].get('class') == '5xx' and item['metric'] == 'http_events_total']
    first = min((item for item in errors if item['score'] >= 60), key=lambda item: item['time'])
    assert first['time'] == time.strftime('%Y-%m-%dT%H:%M:%S.000Z', time.gmtime(begin / 1000))
    assert first['service'] == 'shop' and first['observed'] > 3 * first['expected']
    assert ' errors a minute, expected ' in first['text'] and '±' in first['text']
    assert first['marker'] is None and first['markers'] == []
    assert first['return_period_h'] == pytest.approx(10 ** (first['score'] / 20), rel=1e-3) or first['score'] == 100
    ratios = [item for item in items.values() if item['metric'] == 'http_error_ratio' and item['time'] >= first['time']]
    assert ratios and all(item['parts']['whole'] > 0 for item in ratios)
    # of before the fault, few: each series stands out by itself once in 10 hours
    before = [item for item in items.values() if item['time'] < first['time'] and not item['learning']]
    assert len(before) < 24 * 24


def test_the_sentence_says_what_was_deployed_before_and_where_the_excess_is(daemon):
    """Issue 6: figures, the time of day, the nearest marker, and the labels that have the excess."""
    begin = START_MS + FAULT * MINUTE_MS
    send(daemon, [f'deploy,service=shop version="1.8.2" {begin - 1_800_000}', f'deploy,service=shop version="1.8.3" {begin - 42_000}',
                  f'deploy,service=cart version="7" {begin - 5_000}', f'deploy,service=shop version="1.8.4" {begin + 300_000}'])
    push(daemon, history(HOURS, fault_at=FAULT))
    settle(daemon)
    items = [item for item in found(daemon)[0].values() if item['began'] == stamp(begin) and item['score'] >= 40]
    whole = [item for item in items if item['labels'] == {'class': '5xx', 'service': 'shop'}]
    counted = min((item for item in whole if item['metric'] == 'http_events_total'), key=lambda item: item['time'])
    assert re.match(r'\d+ errors a minute, expected [\d.]+ ± [\d.]+ for 15:00 over 39 hours; began 42 s after deploy shop 1.8.3; '
                    r'(all|9\d %) of the excess in page group cart; so unusual once in \d+ \w+', counted['text']), counted['text']
    assert counted['markers'][0]['before_s'] == 42 and counted['markers'][0]['what'] == '1.8.3'
    assert counted['marker'] == counted['markers'][0]['id']
    assert counted['causes'][0]['labels'] == {'page_group': 'cart'} and counted['causes'][0]['share'] > 0.9
    ratio = min((item for item in whole if item['metric'] == 'http_error_ratio'), key=lambda item: item['time'])
    assert re.match(r'[\d.]+ % of requests failed \(\d+ of \d+ with 5xx\), expected [\d.]+ % ± [\d.]+ % for 15:0\d over 39 hours; '
                    r'began 42 s after deploy shop 1.8.3; ', ratio['text']), ratio['text']
    assert ratio['causes'][0]['labels'] == {'page_group': 'cart'}
    code, out, err = command('anomalies', '--explain', counted['id'], '--server', 'http://' + daemon.http)
    assert code == 0 and out.split('\n')[1] == counted['text'], out + err
    one = json.loads(daemon.request('GET', '/api/v1/anomalies/' + counted['id'])[1])['data']
    assert one['text'] == counted['text'] and one['causes'] == counted['causes']


def stamp(at_ms):
    return time.strftime('%Y-%m-%dT%H:%M:%S.000Z', time.gmtime(at_ms / 1000))


def recompute(item):
    """The score from what is stored beside it (scoring/calibration.h, first.h)."""
    parts = item['parts']
    weight = {'density': 1 / 12, 'seasonal_drift': 1 / 12, 'level_change': 1 / 12, 'step': 0.5, 'far_value': 0.25}
    raw = parts['gate'] * sum(weight.get(name, 0) * value for name, value in parts['families'].items())
    assert raw == pytest.approx(parts['raw'], abs=1e-9)
    counts = [parts['calibration']['counts'].get(str(i), 0) for i in range(64)]
    n = parts['calibration']['blocks']
    if n < 15:
        blocks = math.log10(16 / 3) * raw if raw <= 1 else math.log10(16 / 3) + (raw - 1) / (0.3 * math.log(10))
    else:
        k, count, excess, edge = max(3, 0.2 * n), 0, 0.0, 64
        while edge > 0 and count < k:
            edge -= 1
            excess += count + 0.5 * counts[edge]
            count += counts[edge]
        u, b = edge * 0.125, (excess * 0.125 + 3) / (count + 10)
        place = min(63, int(raw / 0.125))
        above = counts[place] * min(1, max(0, place + 1 - raw / 0.125)) + sum(counts[place + 1:])
        share = (1 + 0.7 * (above if raw <= u else count)) / (n + 1) * math.exp(min(0, (u - raw) / b))
        blocks = -math.log10(min(64, -math.log1p(-share))) if share < 1 else -math.log10(64)
    hours = blocks + math.log10(parts['interval_ms'] * 64 / 3.6e6)
    hours = min(hours, math.log10(max(1, parts.get('most_h', 1e12))))
    return min(100, max(0, 20 * hours))


def test_a_score_can_be_recomputed_from_its_parts(daemon):
    push(daemon, history(HOURS, fault_at=FAULT))
    settle(daemon)
    items, _ = found(daemon)
    assert len(items) > 100
    for item in items.values():
        assert recompute(item) == pytest.approx(item['score'], abs=0.1)


def test_scores_over_kills_in_the_middle_of_a_replay_equal_those_without(daemon):
    rng = random.Random(7)
    push(daemon, history(HOURS, fault_at=FAULT))
    settle(daemon)
    expected = found(daemon)
    with Daemon(config=SETTINGS) as killed:
        batches = [lines for _, lines in history(HOURS, fault_at=FAULT)]
        kills = sorted(rng.sample(range(200, len(batches), 30), 4))
        for at in range(0, len(batches), 30):
            send(killed, [line for lines in batches[at:at + 30] for line in lines])
            if kills and at >= kills[0]:
                kills.pop(0)
                time.sleep(rng.uniform(0, 2.5))
                killed.restart()
        settle(killed)
        items, samples = found(killed)
        assert samples == expected[1]
        assert items.keys() == expected[0].keys()
        for key, item in items.items():
            assert item['score'] == pytest.approx(expected[0][key]['score'], abs=1e-6)
        assert killed.terminate() == 0


def test_series_that_were_excluded_are_learned_from_what_is_stored_when_they_no_longer_are():
    with Daemon(config=dict(SETTINGS, scoring={'exclude': ['{service=~".+"}']})) as daemon:
        push(daemon, history(HOURS))
        settle(daemon)
        assert daemon.status()['scoring']['scored'] == 0
        assert daemon.terminate() == 0
        daemon.settings = dict(daemon.settings, scoring={})
        daemon.write_config()
        daemon.start()
        settle(daemon)
        assert daemon.status()['scoring']['scored'] == 24
        assert daemon.status()['scoring']['learned_percent'] == 100


def test_a_reload_chooses_other_series(daemon):
    """Those that are no longer chosen give their states back; those that are again learn from what is stored."""
    def scored():
        return daemon.status()['scoring']['scored']
    push(daemon, history(6))
    settle(daemon)
    assert scored() == 24
    for exclude, left in (['{service=~".+"}'], 0), (['cpu', 'jobs_total'], 22), ([], 24):
        daemon.settings = dict(daemon.settings, scoring={'exclude': exclude})
        daemon.write_config()
        assert daemon.request('POST', '/-/reload')[0] == 200
        wait_for(lambda: scored() == left)


def with_one_incident(daemon):
    """Five days of history, a fault in the last hour; the incident that it is."""
    hours = 120  # a service must have a past before one minute of it can be an incident
    push(daemon, history(hours, fault_at=(hours - 1) * 60))
    settle(daemon)
    path = '/api/v1/incidents?from=2025-11-01T00:00:00Z&to=2026-02-01T00:00:00Z'
    items = json.loads(daemon.request('GET', path)[1])['data']['items']
    begin = time.strftime('%Y-%m-%dT%H:%M', time.gmtime((START_MS + (hours - 1) * 60 * MINUTE_MS) / 1000))
    ours = [item for item in items if item['start'] >= begin]
    assert len(ours) == 1, [(item['start'], item['score'], item['text']) for item in items]
    return ours[0]


def kept(folder):
    """The files of scoring's states."""
    place = os.path.join(folder, 'scoring')
    return {name: open(os.path.join(place, name), 'rb').read() for name in os.listdir(place) if not name.endswith('.new')}


def test_a_fault_in_one_group_of_pages_is_one_incident_and_what_was_learned_is_in_backups(daemon, tmp_path):
    ours = with_one_incident(daemon)
    assert ours['service'] == 'shop' and ours['score'] >= 60
    assert ours['onset'][0]['labels']['page_group'] == 'cart', ours['onset']
    # A word about it is kept at once, and a part of the states with it.
    assert daemon.request('POST', f'/api/v1/incidents/{ours["id"]}/feedback', json.dumps({'feedback': 'useful'}))[0] == 200
    wait_for(lambda: len(kept(daemon.data_dir)) >= 4)
    code, out, err = command('backup', str(tmp_path / 'backups'), '--json', '--server', 'http://' + daemon.http)
    assert code == 0, err
    made, target = json.loads(out)['to'], str(tmp_path / 'restored')
    assert kept(made).keys() == {'began', 'zone', 'incidents', '00'}
    code, _, err = command('backup', '--restore', made, '--data-dir', target, '--json')
    assert code == 0, err
    assert kept(target) == kept(made)
    assert command('verify', '--data-dir', target)[0] == 0
    before = found(daemon)
    with Daemon(data_dir=target, config=SETTINGS) as other:
        settle(other)
        assert other.metric('tidemark_scoring_states_lost_total') == 0
        assert found(other) == before and len(before[0]) > 5


class Stream:
    """A client of the stream of anomalies that reads as fast as it can, or not at all."""

    def __init__(self, daemon, reads):
        host, port = daemon.http.rsplit(':', 1)
        self.conn = socket.socket()
        self.conn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096 if not reads else 1 << 20)
        self.conn.settimeout(120)
        self.conn.connect((host, int(port)))
        self.conn.sendall(b'GET /api/v1/stream?topics=anomaly HTTP/1.1\r\nHost: x\r\n\r\n')
        self.text = self.conn.recv(4096)
        self.thread = threading.Thread(target=self.read, daemon=True)
        if reads:
            self.thread.start()

    def read(self):
        try:
            while piece := self.conn.recv(1 << 20):
                self.text += piece
        except OSError:
            pass

    def ids(self):
        """Of all that came; chunks may end anywhere."""
        body = re.sub(rb'\r\n[0-9a-fA-F]+\r\n', b'', self.text)
        return {one.decode() for one in re.findall(rb'"id":"([0-9a-f]{16})"', body)}

    def close(self):
        self.conn.shutdown(socket.SHUT_RDWR)
        self.conn.close()


def spikes(pods, minutes):
    """Gauges that are far off now and then: minutes of lines, from the 17th hour on."""
    rng = random.Random(3)
    for minute in range(minutes):
        at = START_MS + minute * MINUTE_MS + 10_000
        yield at, [f'load,service=busy,pod=p{pod} value='
                   f'{rng.gauss(100, 3) + (rng.uniform(60, 300) if minute > 1020 and rng.random() < 0.05 else 0):.3f} {at}' for pod in range(pods)]


def test_streams_of_scores_to_readers_that_stop_hurt_nobody(daemon):
    """FAULTS 25: beside clients of the stream and of PUB that read nothing, all is taken and answered, and who reads gets
    every score, as soon as its minute is closed. (That such a client is dropped at its bound: test_findings.py.)"""
    slow = [Stream(daemon, False) for _ in range(24)]
    deaf = [Nano(NN_SUB, daemon.publish) for _ in range(8)]
    quick = Stream(daemon, True)
    every, answered = 60, 0
    minutes = list(spikes(40, 36 * 60))
    for i in range(0, len(minutes), every):
        send(daemon, [line for _, lines in minutes[i:i + every] for line in lines])
        answered += daemon.request('GET', '/-/healthy')[0] == 200
    settle(daemon)
    items, _ = found(daemon)
    assert answered == len(minutes) // every and len(items) > 500
    wait_for(lambda: set(items) <= quick.ids())
    assert daemon.metric('tidemark_stream_clients') == len(slow) + 1
    # A live minute: from the data that closes it to the reader.
    at = START_MS + len(minutes) * MINUTE_MS
    send(daemon, [f'load,service=busy,pod=p0 value=5000 {at + 10_000}'])
    before = time.monotonic()
    send(daemon, [f'load,service=busy,pod=p0 value=100 {at + 80_000}'])
    wait_for(lambda: b'5000 in load, expected' in re.sub(rb'\r\n[0-9a-fA-F]+\r\n', b'', quick.text))
    print(f'closed minute to published anomaly: {time.monotonic() - before:.2f} s')
    for client in slow + deaf + [quick]:
        client.close()
    assert daemon.terminate() == 0
