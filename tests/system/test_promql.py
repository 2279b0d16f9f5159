"""PromQL against the Prometheus of Debian: the same samples, the same questions, the same answers."""
import math
import os
import random
import re

import pytest

import harness
import promql_cases as cases
import promql_edges as edges
from prometheus import Prometheus
from promql_peer import Memory, Server, is_242

TOOL = os.path.join(harness.BUILD, 'tests', 'tools', 'promql')
SAMPLES = cases.samples(1) + edges.samples()
GENERATED = int(os.environ.get('PROMQL_COUNT', '800'))
SHOWN = 12

pytestmark = pytest.mark.skipif(not is_242(), reason='there is no Prometheus 2.42 here')


@pytest.fixture(scope='module', name='theirs')
def theirs_fixture():
    """Prometheus with the samples."""
    with Prometheus() as prometheus:
        server = Server(prometheus.address)
        server.push(SAMPLES)
        yield server


@pytest.fixture(scope='module', name='ours', params=['memory', 'daemon', 'flushed'])
def ours_fixture(request):
    """The evaluation alone, over memory; or the daemon with its store, in memory or in files."""
    if request.param == 'memory':
        with Memory(TOOL) as memory:
            memory.push(SAMPLES)
            yield memory
    else:
        with harness.Daemon(config={'storage': {'retention': {'raw': '100y'}}}) as daemon:
            server = Server(daemon.http)
            server.push(SAMPLES)
            if request.param == 'flushed':
                assert daemon.request('POST', '/api/v1/admin/flush', timeout=60)[0] == 200
            yield server


def _same_value(a, b):
    x, y = float(a), float(b)
    if math.isnan(x) or math.isnan(y):
        return math.isnan(x) and math.isnan(y)
    return x == y or abs(x - y) <= 1e-9 * max(abs(x), abs(y)) + 1e-300


def _same_points(a, b):
    return len(a) == len(b) and all(p[0] == q[0] and _same_value(p[1], q[1]) for p, q in zip(a, b))


def _by_labels(result):
    table = {}
    for item in result:
        key = tuple(sorted(item['metric'].items()))
        assert key not in table, f'{key} stands twice'
        table[key] = item.get('values') or [item['value']]
    return table


def _difference(theirs, ours, ordered):
    """None, or what differs."""
    if theirs['status'] != ours['status']:
        return 'status'
    if theirs['status'] == 'error':
        return None if theirs['errorType'] == ours['errorType'] else 'errorType'
    theirs, ours = theirs['data'], ours['data']
    if theirs['resultType'] != ours['resultType']:
        return 'resultType'
    if theirs['resultType'] == 'scalar':
        return None if _same_points([theirs['result']], [ours['result']]) else 'value'
    if theirs['resultType'] == 'string':
        return None if theirs['result'][1] == ours['result'][1] else 'text'
    if ordered and [i['metric'] for i in theirs['result']] != [i['metric'] for i in ours['result']]:
        return 'order'
    a, b = _by_labels(theirs['result']), _by_labels(ours['result'])
    if a.keys() != b.keys():
        return f'series: {len(a)} and {len(b)}'
    bad = [key for key in a if not _same_points(a[key], b[key])]
    return f'values of {dict(bad[0])}' if bad else None


def _moments():
    """(start, end, step) in ms: instants, one between samples, and ranges."""
    start = cases.START
    return [(start + 20 * cases.MINUTE, None, None), (start + 37 * cases.MINUTE + 7123, None, None),
            (start - 2 * cases.MINUTE, start + 70 * cases.MINUTE, 97_000)]


def compare(theirs, ours, queries, moments_of):
    """Asks both all queries at all moments of each; where the order is told, it is compared too."""
    faults, count = [], 0
    for query in queries:
        for moment in moments_of(query):
            a, b = theirs.ask(query, *moment), ours.ask(query, *moment)
            count += 1
            # By value, of values that differ; a range is always in the order of labels.
            ordered = moment[2] is not None or re.match(r'sort(_desc)?\(temperature|(top|bottom)k\(', query)
            fault = _difference(a, b, ordered)
            if fault:
                faults.append(f'{query}\n  at {moment}: {fault}\n  theirs {str(a)[:600]}\n  ours   {str(b)[:600]}')
    print(f'{count} questions')
    assert not faults, f'{len(faults)} of {count} differ:\n' + '\n'.join(faults[:SHOWN])


def test_each_function_operator_and_edge_gives_what_prometheus_gives(theirs, ours):
    compare(theirs, ours, cases.by_hand(), lambda _: _moments())


def test_each_edge_gives_what_prometheus_gives(theirs, ours):
    """`@` and subqueries in each other, boundaries to the millisecond, extremes, matching, patterns, literals."""
    compare(theirs, ours, edges.by_hand(), lambda _: _moments())


def test_generated_queries_give_what_prometheus_gives(theirs, ours):
    seed = int(os.environ.get('PROMQL_SEED', '1'))
    print(f'PROMQL_SEED={seed} PROMQL_COUNT={GENERATED}')
    grammar = cases.Grammar(seed)
    chosen = random.Random(seed)
    queries = [grammar.query(chosen.randrange(1, 4)) for _ in range(GENERATED)]
    compare(theirs, ours, queries, lambda _: [chosen.choice(_moments()), _moments()[2]])
