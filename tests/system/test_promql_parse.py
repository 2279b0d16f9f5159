"""PromQL's text, beside the real Prometheus 2.42: what is taken, how it is printed, and what is said of the rest.

The expressions come from a seed that is printed; PROMQL_SEED and PROMQL_COUNT set it and how many there are."""
import os
import random
import re

import pytest

import prometheus
from harness import Daemon
from prometheus import Asker, Prometheus
from promql_texts import Writer

SEED = int(os.environ.get('PROMQL_SEED', random.SystemRandom().randrange(1 << 30)))
COUNT = int(os.environ.get('PROMQL_COUNT', '4000'))


@pytest.fixture(scope='module')
def both():
    with Daemon() as daemon, Prometheus() as theirs:
        yield Asker(daemon.http), Asker(theirs.address)


def answer(asker, text):
    """What format_query says: (taken, printed or message)."""
    _, document = asker.ask('format_query', query=text)
    if document['status'] == 'success':
        return True, document['data']
    assert document['errorType'] == 'bad_data', document
    return False, document['error'].removeprefix('invalid parameter "query": ')


def is_known(ours, theirs):
    """The places where we differ on purpose (server/promql/README.md)."""
    took, said = ours
    took_theirs, said_theirs = theirs
    if not took and not took_theirs and 'error parsing regexp' in said and 'error parsing regexp' in said_theirs:
        return True  # another engine's words
    if not took_theirs and 'unexpected string' in said_theirs and re.search('label matching|grouping opts', said_theirs):
        return True  # names in quotes, as later versions have
    if not took and 'expected \':\'' in said:
        return True  # a letter is no colon
    if took and took_theirs and re.search(r'ignoring \(\) group_(left|right) ', said):
        return True  # ours keeps what it means
    if not took and len(said) >= 300:
        return said_theirs.startswith(said[:300])  # cut to fit
    return False


def as_ours(theirs):
    took, said = theirs
    # It knows no name for @ in messages; and +Inf ^ x would be read as +(Inf ^ x).
    return took, said.replace('+Inf ^', 'Inf ^') if took else re.sub(r'"<Item \d+>" ', '', said)


@prometheus.needed
def test_expressions_are_taken_printed_and_refused_as_prometheus_does(both):
    print(f'PROMQL_SEED={SEED}')
    ours, theirs = both
    writer = Writer(random.Random(SEED))
    different = []
    taken = 0
    for _ in range(COUNT):
        text = writer.next()
        mine, other = answer(ours, text), as_ours(answer(theirs, text))
        taken += mine[0]
        if mine != other and not is_known(mine, other):
            different.append((text, mine, other))
    assert not different, different[:3]
    assert COUNT / 4 < taken < COUNT * 3 / 4


@prometheus.needed
@pytest.mark.parametrize('text', [
    'histogram_quantile(0.99, sum by (le, service_name_that_is_long) (rate(http_request_duration_seconds_bucket{job="x"}[5m])))',
    'sum(rate(a_very_long_metric_name_that_goes_on_and_on{label="value",other="another value"}[5m])) by (x)'
    ' / on (x) group_left (y) -(topk(5, a_very_long_metric_name_that_goes_on_and_on{label="value"}[1h:5m] offset 5m))',
    'max_over_time((sum by (aaaaaaaaaaaaaaaaaaaaa) (bbbbbbbbbbbbbbbbbbbbbbbbbbb) + sum by (ccccccccccccccccccccc) (dddddddddddd))[1h:])',
    'label_replace(up{instance="a very long value, so that the line is split in the middle"}, "a", "$1", "instance", "(.*)") > 1',
])
def test_long_expressions_are_split_alike(both, text):
    ours, theirs = both
    assert answer(ours, text) == answer(theirs, text)
