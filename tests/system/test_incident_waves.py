"""A wave of 404s without any deploy is an incident that says in which page group they are, and who asks. On the real binaries."""
import random
import re

from harness import Daemon, command
from test_detect import MINUTE_MS, SETTINGS, START_MS, push, settle, stamp
from test_incidents import incidents

WAVE, MINUTES, LONG = 8 * 1440, 8 * 1440 + 60, 20  # a week: of less its own past says too little
GROUPS = {'product': 600, 'home': 300, 'cart': 200}


def shop(group, agent):
    """Requests of visitors and crawlers a minute, 2 and 10 % of them 404; ten times as many of one kind in the wave."""
    rng = random.Random(5)
    for minute in range(MINUTES):
        at, lines = START_MS + minute * MINUTE_MS, []
        for of, requests in GROUPS.items():
            for who, share, missing in (('desktop', 1, 0.02), ('crawler', 0.3, 0.1)):
                bad = requests * share * missing
                if WAVE <= minute < WAVE + LONG and (of, who) == (group, agent):
                    bad *= 10
                for status, mean in (('200', requests * share), ('404', bad)):
                    count = max(1, round(rng.gauss(mean, mean ** 0.5)))
                    lines.append(f'http,service=shop,method=GET,status={status},page_group={of},agent={who} count={count}i {at + 20_000}')
        yield at, lines


def wave_of(group, agent):
    with Daemon(config=SETTINGS) as daemon:
        push(daemon, shop(group, agent))
        settle(daemon)
        found = [item for item in incidents(daemon) if item['start'] >= stamp(START_MS + (WAVE - 15) * MINUTE_MS)]
        for item in found:
            code, out, err = command('incidents', item['id'], '--server', 'http://' + daemon.http)
            assert code == 0 and re.search(rf'\nexcess +\d+ %  {{agent="{agent}"', out), out + err
        return found


def assert_says(item, group, agent):
    """Of the sum that is farthest off, which may be the group's or the whole service's."""
    said = {**item['excess'][0]['labels'], **item['causes'][0]['labels']}
    assert said.get('agent') == agent and said.get('page_group') == group, item
    assert item['excess'][0]['share'] > 0.8 and f'agent {agent}' in item['text'] and f'page_group {group}' in item['text']
    assert item['marker'] is None and item['score'] >= 60


def test_crawlers_that_meet_many_404s_are_named():
    [item] = wave_of('product', 'crawler')
    assert_says(item, 'product', 'crawler')


def test_visitors_that_meet_many_404s_are_named():
    [item] = wave_of('home', 'desktop')
    assert_says(item, 'home', 'desktop')
