"""PromQL beside the Prometheus of Debian, over regular series that begin at 1970-01-01: what another's collection of questions,
with its series loaded there, would find."""
import pytest

import harness
import promql_loads as loads
import remote_write
from prometheus import Prometheus
from promql_peer import Memory, Server, is_242
from test_promql import TOOL, compare

SAMPLES = loads.samples()
LASTING = {'storage': {'retention': {'raw': '100y'}}}

pytestmark = pytest.mark.skipif(not is_242(), reason='there is no Prometheus 2.42 here')


@pytest.fixture(scope='module', name='theirs')
def theirs_fixture():
    with Prometheus() as prometheus:
        server = Server(prometheus.address)
        server.push(SAMPLES)
        yield server


@pytest.fixture(scope='module', name='ours', params=['memory', 'daemon', 'flushed'])
def ours_fixture(request):
    """As in test_promql; the daemon gets the series backwards, so that each request is older than the one before."""
    if request.param == 'memory':
        with Memory(TOOL) as memory:
            memory.push(SAMPLES)
            yield memory
        return
    with harness.Daemon(config=LASTING) as daemon:
        server = Server(daemon.http)
        for labels, samples in SAMPLES:
            half = len(samples) // 2
            server.push([(labels, samples[half:])])
            server.push([(labels, samples[:half])])
        if request.param == 'flushed':
            assert daemon.request('POST', '/api/v1/admin/flush', timeout=60)[0] == 200
        yield server


@pytest.mark.parametrize('topic,queries', loads.by_topic(), ids=[topic for topic, _ in loads.by_topic()])
def test_regular_series_from_1970_on(theirs, ours, topic, queries):
    assert len(queries) > 20, topic
    compare(theirs, ours, queries, lambda _: loads.MOMENTS)


def test_times_before_1970_are_refused_and_the_sentence_says_why():
    """What could not be stored is not acknowledged; the request's other samples are taken."""
    with harness.Daemon(config=LASTING) as daemon:
        status, body, _ = remote_write.write(daemon, remote_write.series({'__name__': 'm'}, [(-1, 1.0), (0, 2.0)]))
        assert status == 400 and b'before 1970-01-01' in body, body
        asked = Server(daemon.http).ask('m[1h]', 0)
        assert asked['data']['result'] == [{'metric': {'__name__': 'm'}, 'values': [[0, '2']]}]
