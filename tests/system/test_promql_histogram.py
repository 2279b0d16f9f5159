"""Stored histograms as PromQL sees them: three series each, cumulative counters, complete in le. CONTRACT 4."""
import pytest

import harness
from prometheus import Asker

BUCKETS = 573


@pytest.fixture(scope='module', name='asker')
def asker_fixture():
    """A daemon with 100 requests that took 1 to 100 ms, a minute ago."""
    with harness.Daemon() as daemon:
        at = (harness.now_ms() - 60_000) // 10_000 * 10_000
        lines = [f'http,service=shop,method=GET,status=200 url="/p",duration_ms={i + 1} {at + i}' for i in range(100)]
        status, body, _ = daemon.request('POST', '/write?precision=ms', '\n'.join(lines).encode())
        assert status == 204, body
        yield Asker(daemon.http)


def _value(asker, query):
    """The one value, or None."""
    document = asker.ask('query', query=query)[1]
    assert document['status'] == 'success', document
    result = document['data']['result']
    assert len(result) <= 1
    return float(result[0]['value'][1]) if result else None


def test_count_sum_and_buckets_are_exact(asker):
    assert _value(asker, 'http_event_duration_seconds_count{service="shop"}') == 100
    assert _value(asker, 'http_event_duration_seconds_sum') == pytest.approx(5.05, rel=1e-12)
    assert _value(asker, 'http_event_duration_seconds_bucket{le="+Inf"}') == 100
    assert _value(asker, 'http_events_total') == 100


def test_buckets_are_complete_and_only_grow(asker):
    assert _value(asker, 'count(http_event_duration_seconds_bucket)') == BUCKETS
    document = asker.ask('query', query='http_event_duration_seconds_bucket')[1]
    by_bound = sorted((float(s['metric']['le']), float(s['value'][1])) for s in document['data']['result'])
    counts = [count for _, count in by_bound]
    assert counts == sorted(counts) and counts[0] == 0 and counts[-1] == 100
    for bound, count in by_bound:
        assert count == (100 if bound == float('inf') else min(100, round(bound * 1e6) // 1000)), bound


def test_a_quantile_is_within_a_bucket(asker):
    for q in (0.1, 0.5, 0.9, 0.99):
        value = _value(asker, f'histogram_quantile({q}, http_event_duration_seconds_bucket)')
        assert abs(value - q / 10) <= 0.05 * q / 10 + 1e-3
    assert _value(asker, 'histogram_fraction(0, 0.0505, http_event_duration_seconds_bucket)') == pytest.approx(0.5, abs=0.02)


def test_the_stored_name_is_no_series(asker):
    assert _value(asker, 'count({__name__="http_event_duration_seconds"})') is None
    document = asker.ask('query', query='count by (__name__) ({__name__=~"http_event_duration.*"})')[1]
    assert {s['metric']['__name__']: s['value'][1] for s in document['data']['result']} == {
        'http_event_duration_seconds_bucket': str(BUCKETS), 'http_event_duration_seconds_count': '1',
        'http_event_duration_seconds_sum': '1'}


def test_a_range_starts_each_day_at_zero_and_stays(asker):
    now_s = harness.now_ms() // 1000
    document = asker.ask('query_range', query='sum(http_event_duration_seconds_count)', start=now_s - 300, end=now_s, step=10)[1]
    values = [float(v) for _, v in document['data']['result'][0]['values']]
    assert values[-1] == 100 and values == sorted(values) and set(values) <= {0.0, 100.0}
