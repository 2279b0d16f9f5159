"""An anomaly of one series says whether it is alone among those of its metric, and what they have in common. On the real binaries."""
import json
import random

from harness import Daemon, command
from test_detect import MINUTE_MS, SETTINGS, START_MS, found, push, settle, stamp

MINUTES, ALONE, ZONE = 30 * 60, 26 * 60, 28 * 60
PODS = 24


def fleet():
    """A queue's depth in 24 pods of three zones: pod 5 is off by itself, two hours later all of zone eu-2 are."""
    rng = random.Random(3)
    for minute in range(MINUTES):
        lines = []
        for pod in range(PODS):
            value = rng.gauss(100, 2)
            if (minute == ALONE and pod == 5) or (minute == ZONE and pod // 8 == 2):
                value += 400
            lines.append(f'queue_depth,service=cart,zone=eu-{pod // 8},pod=p{pod} value={value:.3f} '
                         f'{START_MS + minute * MINUTE_MS + 10_000}')
        yield START_MS + minute * MINUTE_MS, lines


def test_an_anomaly_says_whether_its_siblings_moved_likewise():
    with Daemon(config=SETTINGS) as daemon:
        push(daemon, fleet())
        settle(daemon)
        items = [item for item in found(daemon)[0].values() if item['score'] >= 60]
        [alone] = [item for item in items if item['time'] == stamp(START_MS + ALONE * MINUTE_MS)]
        assert '; only pod p5 of 24 series; ' in alone['text']
        assert alone['causes'] == [{'labels': {'pod': 'p5'}, 'share': 1}] and alone['siblings'] == {'series': 24, 'moved': 1}
        together = [item for item in items if item['time'] == stamp(START_MS + ZONE * MINUTE_MS)]
        assert sorted(item['labels']['pod'] for item in together) == sorted(f'p{pod}' for pod in range(16, 24))
        for item in together:
            assert '; 8 of 24 series moved likewise, all in zone eu-2; ' in item['text']
            assert item['causes'] == [{'labels': {'zone': 'eu-2'}, 'share': 1}]
        code, out, err = command('anomalies', '--explain', together[0]['id'], '--server', 'http://' + daemon.http)
        assert code == 0 and out.split('\n')[1] == together[0]['text'], out + err
        one = json.loads(daemon.request('GET', '/api/v1/anomalies/' + alone['id'])[1])['data']
        assert one['siblings'] == alone['siblings']
