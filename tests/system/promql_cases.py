"""What PromQL is asked in the comparison with Prometheus: samples, queries by hand, queries by a grammar."""
import random

from promql_peer import STALE

START = 1_700_000_400_000  # a multiple of all steps below
MINUTE = 60_000
LENGTH = 60 * MINUTE
STEP = 15_000


def _counter(rng, per_step, resets=0.0, gap=None):
    value, out = rng.randrange(100), []
    for i in range(LENGTH // STEP):
        value = rng.randrange(3) if rng.random() < resets else value + rng.randrange(per_step + 1)
        if not gap or not gap[0] <= i < gap[1]:
            out.append((START + i * STEP, float(value)))
    return out


def _gauge(rng, odd=0.0, jitter=0):
    out = []
    for i in range(LENGTH // STEP):
        value = round(rng.gauss(50, 30), 3)
        if rng.random() < odd:
            value = rng.choice([float('nan'), float('inf'), -float('inf'), 0.0, -0.0, 1e300, -1e-300])
        out.append((START + i * STEP + (rng.randrange(jitter) if jitter else 0), value))
    return out


def _requests(rng):
    series = []
    for job in ('api', 'web'):
        for instance in ('0', '1', '2'):
            for group in ('canary', 'production'):
                labels = {'__name__': 'http_requests', 'job': job, 'instance': instance, 'group': group}
                series.append((labels, _counter(rng, 40, 0.02 if instance == '1' else 0,
                                                (60, 100) if instance == '2' else None)))
            labels = {'__name__': 'errors_total', 'job': job, 'instance': instance}
            series.append((labels, _counter(rng, 5)))
    return series


def _histograms(rng):
    series = []
    bounds = ['0.1', '0.5', '1', '2.5', '10', '+Inf']
    for name in ('latency_bucket', 'other_bucket'):
        for job in ('api', 'web'):
            totals = [0] * len(bounds)
            columns = [[] for _ in bounds]
            for i in range(LENGTH // STEP):
                for b in range(len(bounds)):
                    totals[b] += rng.randrange(6)
                for b in range(len(bounds)):
                    broken = 2 if rng.random() < 0.03 else 0
                    columns[b].append((START + i * STEP, float(max(0, sum(totals[:b + 1]) - broken))))
            for bound, column in zip(bounds, columns):
                series.append(({'__name__': name, 'job': job, 'le': bound}, column))
    series.append(({'__name__': 'latency_bucket', 'job': 'api', 'le': 'odd'}, _counter(rng, 4)))
    series.append(({'__name__': 'open_bucket', 'le': '1'}, _counter(rng, 4)))
    series.append(({'__name__': 'negative_bucket', 'le': '-1'}, _counter(rng, 4)))
    series.append(({'__name__': 'negative_bucket', 'le': '+Inf'}, [(t, v + 1000) for t, v in _counter(rng, 4)]))
    return series


def samples(seed):
    """[(labels, [(time_ms, value)])]"""
    rng = random.Random(seed)
    series = _requests(rng) + _histograms(rng)
    for instance in ('0', '1', '2', '3'):
        series.append(({'__name__': 'temperature', 'instance': instance, 'room': 'r' + instance}, _gauge(rng)))
        series.append(({'__name__': 'odd', 'instance': instance}, _gauge(rng, 0.15)))
        series.append(({'__name__': 'jittered', 'instance': instance, 'path': f'/a/b-{instance}.html'},
                       _gauge(rng, 0, 9000)))
    series.append(({'__name__': 'constant', 'kind': 'x'}, [(t, 5.0) for t, _ in _gauge(rng)]))
    series.append(({'__name__': 'info', 'instance': '0', 'version': '1.0', 'job': 'api'},
                   [(t, 1.0) for t, _ in _gauge(rng)]))
    series.append(({'__name__': 'info', 'instance': '1', 'version': '1.1', 'job': 'web'},
                   [(t, 1.0) for t, _ in _gauge(rng)]))
    series.append(({'__name__': 'small', 'n': '1'}, [(t, float(i % 5)) for i, (t, _) in enumerate(_gauge(rng))]))
    series.append(({'__name__': 'small', 'n': '2'}, [(t, float(i % 3)) for i, (t, _) in enumerate(_gauge(rng))]))
    series.append(({'__name__': 'single'}, [(START + 10 * MINUTE, 42.0)]))
    series.append(({'__name__': 'dates'}, [(START + i * MINUTE, float(i * 31_556_952 - 900_000_000))
                                           for i in range(60)]))
    ends = _gauge(rng)
    ends[80] = (ends[80][0], STALE)
    ends[81:120] = []
    ends[140:] = [(ends[-1][0], STALE)]
    series.append(({'__name__': 'ending', 'instance': '0'}, ends))
    # One series that goes on under another name: they meet when the name is dropped, and never overlap.
    gauge = _gauge(rng)
    series.append(({'__name__': 'first_half', 'x': 'y'}, gauge[:60] + [(gauge[60][0], STALE)]))
    series.append(({'__name__': 'second_half', 'x': 'y'}, gauge[90:]))
    return series


OVER_TIME = ['avg_over_time', 'min_over_time', 'max_over_time', 'sum_over_time', 'count_over_time',
             'stddev_over_time', 'stdvar_over_time', 'last_over_time', 'present_over_time',
             'absent_over_time', 'rate', 'increase', 'delta', 'irate', 'idelta', 'deriv', 'changes', 'resets']
MATH = ['abs', 'ceil', 'floor', 'exp', 'ln', 'log2', 'log10', 'sqrt', 'sgn', 'acos', 'acosh', 'asin', 'asinh',
        'atan', 'atanh', 'cos', 'cosh', 'sin', 'sinh', 'tan', 'tanh', 'deg', 'rad', 'round', 'timestamp']
# The last digit may differ: by the library, by the order in which series are added up. So nothing that magnifies it
# goes around an aggregation or these.
INEXACT = {'exp', 'ln', 'log2', 'log10', 'acos', 'acosh', 'asin', 'asinh', 'atan', 'atanh', 'cos', 'cosh', 'sin', 'sinh',
           'tan', 'tanh', 'deg', 'rad'}
DATES = ['day_of_month', 'day_of_week', 'day_of_year', 'days_in_month', 'hour', 'minute', 'month', 'year']
EXACT = [f for f in MATH if f not in INEXACT] + DATES
AGGREGATES = ['sum', 'avg', 'min', 'max', 'count', 'stddev', 'stdvar', 'group']
ARITHMETIC = ['+', '-', '*', '/', '%', '^', 'atan2']
STEADY = ['+', '*', '/', 'atan2', '-']
COMPARISON = ['==', '!=', '<', '>', '<=', '>=']
METRICS = ['http_requests', 'errors_total', 'temperature', 'odd', 'jittered', 'constant', 'small', 'ending',
           'single', 'info', 'nothing', 'first_half', 'second_half']


def by_hand():
    """Queries for each function, operator and edge."""
    out = list(_OTHERS)
    for metric in METRICS:
        out.append(metric)
        out += [f'{f}({metric}[5m])' for f in OVER_TIME]
        out += [f'{f}({metric}[40s])' for f in ('rate', 'irate', 'delta', 'changes', 'avg_over_time')]
        out += [f'{a}({metric})' for a in AGGREGATES]
    out += [f'{f}(odd)' for f in MATH] + [f'{f}(small - 1)' for f in MATH]
    out += [f'{f}(dates)' for f in DATES] + [f'{f}()' for f in DATES] + [f'{f}(odd)' for f in DATES]
    for op in ARITHMETIC + COMPARISON:
        out += [f'odd {op} 2', f'2 {op} odd', f'temperature {op} on(instance) odd', f'small {op} small',
                f'http_requests {op} on(job, instance) group_left errors_total',
                f'errors_total {op} on(job, instance) group_right http_requests',
                f'{{__name__=~"first_half|second_half"}} {op} 3']
    for op in COMPARISON:
        out += [f'odd {op} bool 2', f'2 {op} bool 3', f'temperature {op} bool on(instance) odd',
                f'small {op} bool small', f'2 {op} odd', f'50 {op} bool temperature']
    for op in ARITHMETIC:
        out += [f'2 {op} 3', f'NaN {op} 1', f'Inf {op} -Inf', f'0 {op} 0', f'-7 {op} 3']
    for grouping in ('', ' by (job)', ' without (job)', ' by (job, instance)', ' by ()', ' without ()',
                     ' by (__name__)', ' by (nothing)', ' without (instance, group)'):
        out += [f'{a}{grouping} (http_requests)' for a in AGGREGATES]
        out += [f'topk{grouping} (2, temperature)', f'bottomk{grouping} (2, temperature)',
                f'quantile{grouping} (0.3, http_requests)', f'count_values{grouping} ("v", small)']
    return out


_OTHERS = [
    '1', '-1', '"text"', 'time()', 'pi()', 'vector(1)', 'vector(time())', 'scalar(single)', 'scalar(temperature)',
    '-temperature', '+temperature', '-{__name__=~"temperature|odd"}', '--temperature', '-1 ^ 2', '2 ^ 3 ^ 2',
    'temperature[5m]', 'temperature[1m] offset 3m', 'ending[10m]', 'odd[1m]', '(temperature[2m])', 'temperature[2m:30s]',
    'temperature offset 5m', 'temperature offset -5m', f'temperature @ {START // 1000 + 600}', 'temperature @ start()',
    'temperature @ end()', f'temperature @ {START // 1000 + 600} offset 2m', f'rate(http_requests[5m] @ {START // 1000 + 1200})',
    'rate(http_requests[5m] offset 3m)', 'rate(http_requests[5m] @ end())', 'sum_over_time(small[5m:] @ start() offset 1m)',
    f'timestamp(temperature @ {START // 1000 + 607})', f'timestamp(temperature @ {START // 1000 + 607} offset 1m)',
    'timestamp(temperature offset 1m)', 'timestamp(jittered)', 'timestamp(-jittered)', 'timestamp((jittered))',
    'predict_linear(temperature[5m], 600)',
    'predict_linear(jittered[10m], -3600)', 'predict_linear(odd[5m], 60)', 'deriv(odd[5m])', 'deriv(constant[5m])',
    'holt_winters(temperature[5m], 0.5, 0.1)', 'holt_winters(temperature[5m], 0, 0.1)',
    'holt_winters(temperature[5m], 0.1, 1)', 'holt_winters(nothing[5m], 2, 1)', 'holt_winters(single[20m], 2, 1)',
    'quantile_over_time(0.9, temperature[5m])', 'quantile_over_time(-1, temperature[5m])',
    'quantile_over_time(2, temperature[5m])', 'quantile_over_time(NaN, temperature[5m])', 'quantile_over_time(0.5, odd[5m])',
    'quantile_over_time(scalar(small{n="1"}) / 5, temperature[5m])',
    'histogram_quantile(0.9, latency_bucket)', 'histogram_quantile(0.5, rate(latency_bucket[5m]))',
    'histogram_quantile(0.99, sum by (le) (rate(latency_bucket[5m])))', 'histogram_quantile(0.9, open_bucket)',
    'histogram_quantile(0.1, negative_bucket)', 'histogram_quantile(0.99, negative_bucket)',
    'histogram_quantile(-1, latency_bucket)', 'histogram_quantile(2, latency_bucket)', 'histogram_quantile(NaN, latency_bucket)',
    'histogram_quantile(0.5, {__name__=~"latency_bucket|other_bucket"})', 'histogram_quantile(0.5, temperature)',
    'histogram_quantile(0, latency_bucket)', 'histogram_quantile(1, latency_bucket)',
    'histogram_quantile(0.5, rate({__name__=~"latency_bucket|other_bucket"}[5m]))',
    'histogram_quantile(scalar(small{n="1"}) / 4, latency_bucket)', 'histogram_count(latency_bucket)', 'histogram_sum(odd)',
    'absent(nothing)', 'absent(temperature)', 'absent(nothing{a="b", c=~"d", e!="f"})', 'absent(nothing{a="b", a="c"})',
    'absent(nothing{a="b", a=~"c"})', 'absent(nothing{a=~"c", a="b"})', 'absent(sum(nothing))', 'absent((nothing{x="y"}))', 'absent(ending)',
    'absent_over_time(nothing{a="b", c=~"d"}[5m])', 'absent_over_time(ending[2m])', 'absent_over_time(temperature[1m])',
    'absent_over_time(nothing{x="y"}[5m:1m])', 'absent_over_time(rate(nothing[5m])[5m:])', 'absent(rate(nothing{a="b"}[5m]))',
    'sort(temperature)', 'sort_desc(temperature)', 'sort(odd)', 'sort_desc(odd)', 'sort_desc(sum by (instance)(temperature))',
    'clamp(odd, 0, 10)', 'clamp(odd, 10, 0)', 'clamp_min(odd, 3)', 'clamp_max(odd, 3)', 'clamp_max(odd, NaN)', 'clamp(odd, NaN, 3)',
    'clamp_min(odd, Inf)', 'clamp_max(odd, -Inf)', 'clamp_min(odd, scalar(nothing))',
    'round(odd, 0.3)', 'round(temperature, 10)', 'round(odd, 0)', 'round(-2.5 * constant)',
    'label_replace(temperature, "x", "$1-$2", "room", "(.)(.*)")', 'label_replace(temperature, "x", "${a}y$$", "room", "(?P<a>.*)")',
    'label_replace(temperature, "room", "", "room", ".*")', 'label_replace(temperature, "x", "v", "nothing", "")',
    'label_replace(temperature, "x", "v", "nothing", ".+")', 'label_replace(temperature, "instance", "same", "instance", ".*")',
    'label_replace(temperature, "__name__", "new", "room", ".*")', 'label_replace(jittered, "x", "$1", "path", ".*?([a-z]+)-.*")',
    'label_replace(jittered, "x", "$1", "path", "(/a)")', 'label_replace(jittered, "x", "$1x $9", "path", "(.*)")',
    'label_replace(jittered, "x-y", "$1", "path", "(.*)")', 'label_replace(jittered, "x", "$1", "path", "(.*")',
    'label_replace(nothing, "x", "$1", "path", "(.*")', 'label_replace(jittered, "x", "$0", "path", "(?i)/A/(?:B).*")',
    'label_replace(jittered, "x", "$1|$2", "path", "(/a)?(/.*)")', 'label_replace(jittered, "x", "$01", "path", "(.*)")',
    'label_replace({__name__=~"first_half|second_half"}, "__name__", "both", "x", ".*")',
    'label_join(http_requests, "x", "-", "job", "instance", "nothing")', 'label_join(http_requests, "job", "", "nothing")',
    'label_join(http_requests, "x", ",")', 'label_join(http_requests, "x y", ",", "job")', 'label_join(http_requests, "x", ",", "a b")',
    'label_join(http_requests, "instance", "-", "job")', 'sum by (x) (label_join(http_requests, "x", "-", "job", "group"))',
    'topk(0, temperature)', 'topk(-1, temperature)', 'topk(100, temperature)', 'topk(NaN, temperature)', 'topk(Inf, temperature)',
    'topk(1e30, nothing)', 'topk(scalar(small{n="1"}), temperature)', 'bottomk(3, temperature)', 'topk(3, temperature)', 'topk(1.9, temperature)',
    'quantile(0.5, odd)', 'quantile(-1, temperature)', 'quantile(2, temperature)', 'quantile(NaN, temperature)',
    'count_values("v", temperature)', 'count_values("instance", odd)', 'count_values("bad name", odd)', 'count_values by (n) ("n", small)',
    'count_values without (n) ("n", small)', 'count_values without (instance) ("x", odd)', 'count_values("__name__", small)',
    'count_values("v", http_requests * 1e20)', 'count_values("v", vector(1e-9))', 'count_values("v", vector(-1.5e-7))', 'count_values("v", vector(1.5e22))',
    'temperature and odd', 'temperature and on(instance) odd', 'temperature and on() odd', 'temperature and ignoring(room) odd',
    'temperature or on(instance) odd', 'temperature or odd', 'temperature unless on(instance) (odd > 50)', 'temperature unless odd',
    'temperature > 50 or on(instance) temperature * 2', 'ending or temperature', 'ending or on() temperature', 'temperature or on() vector(0)',
    '(temperature > 60) or on() vector(0)', 'nothing or vector(0)', 'vector(0) or nothing', 'nothing and temperature', 'temperature unless nothing',
    'first_half or second_half', '{__name__=~"first_half|second_half"}', 'abs({__name__=~"first_half|second_half"})',
    'abs({__name__=~"temperature|odd"})', 'abs({instance="0", room=""})', 'rate({__name__=~"first_half|second_half"}[5m])',
    'last_over_time({__name__=~"first_half|second_half"}[5m])', 'rate({job="api", instance="0"}[5m])', '-{__name__=~"first_half|second_half"}',
    '{__name__=~"first_half|second_half"} * 2', '{__name__=~"first_half|second_half"} > 2', '{__name__=~"first_half|second_half"} > bool 2',
    'http_requests / http_requests', 'http_requests / errors_total', 'http_requests / ignoring(group) errors_total',
    'http_requests / ignoring(group) group_left errors_total', 'errors_total / ignoring(group) group_right http_requests',
    'errors_total * on(job, instance) group_left(version) info', 'http_requests * on(job, instance) group_left(version) info',
    'info * on(job, instance) group_right(version) http_requests', 'http_requests * on(job) group_left(instance) info',
    'http_requests * on(instance) group_left(__name__) info', 'http_requests > on(job, instance) group_left(version) info',
    'http_requests > bool on(job, instance) group_left(__name__) info', 'http_requests * on() group_left info', 'http_requests * on() info',
    'http_requests + on(job) errors_total', 'errors_total + on(instance, job) http_requests', 'http_requests == on(group) errors_total',
    'nothing + on(group) http_requests', 'http_requests + on(group) nothing', 'small + ignoring(n) small', 'small > ignoring(n) constant',
    'sum(small) / count(small)', 'sum(temperature) + sum(odd)', 'sum by (job)(rate(http_requests[5m])) / sum by (job)(rate(errors_total[5m]))',
    'sum without (instance) (rate(http_requests[1m]))', 'max(temperature) - min(temperature)', 'avg by (job) (http_requests) > 500',
    'sum_over_time(small[5m:1m])', 'sum_over_time(small[5m:7s])', 'avg_over_time(rate(http_requests[1m])[5m:30s])', 'rate(sum_over_time(small[1m])[5m:15s])',
    'max_over_time(sum(temperature)[10m:1m] offset 2m)', 'sum_over_time(time()[5m:1m])' , 'sum_over_time(vector(time())[5m:1m])', 'count_over_time(temperature[5m:])',
    'last_over_time(temperature[5m:1m])', 'rate(http_requests[10m:20s] offset 1m)', f'rate(http_requests[10m:20s] @ {START // 1000 + 2000})',
    f'sum_over_time((small @ {START // 1000 + 600})[5m:1m])', f'sum_over_time(small[5m:1m] @ {START // 1000 + 600} offset 1m)',
    'sum_over_time((small offset 1m)[5m:1m])', 'min_over_time(sum_over_time(small[1m:10s])[5m:30s])', 'quantile_over_time(0.5, temperature[5m:20s])',
    'holt_winters(temperature[5m:20s], 0.3, 0.3)', 'predict_linear(temperature[5m:20s], 60)', 'deriv(temperature[5m:20s])', 'irate(http_requests[5m:20s])',
    'time() - temperature', 'time() % 100', 'scalar(small{n="1"}) + 1', 'temperature * scalar(small{n="1"})', 'vector(scalar(temperature))',
    'scalar(nothing) > bool 1', '1 == bool 1', 'NaN == bool NaN', '1 > bool NaN', 'Inf', 'NaN', '-Inf', '0x1F', '1e3', '5 % 0', '-5 % 3', '5 % -3', '0/0', '1/0', '-1/0',
    'temperature{instance!="0"}', 'temperature{instance=~"0|1"}', 'temperature{instance!~"0|1"}', 'temperature{instance=""}', 'temperature{nothing=""}',
    '{instance="0"}', '{__name__="small"}', '{__name__!="small", n="1"}', 'temperature{room=~"r[12]"}',
    'year(vector(1e18))', 'year(vector(NaN))', 'month(vector(-1))', 'hour(vector(-1))', 'day_of_week(vector(-86401))', 'minute(vector(1e9))', 'days_in_month(vector(951782400))',
    'days_in_month(vector(4107542400))', 'day_of_year(vector(951782400))', 'rate(temperature)', 'sum(temperature[5m])', 'temperature[5m] + 1', 'foo(1)', 'sum(', 'temperature offset',
    'temperature == temperature == temperature', '1 and 2', 'abs(1)', 'temperature[5m][5m]', '"a" + 1', 'rate(http_requests[5m])[5m]',
    'sum(temperature) by (instance) > on() group_left vector(1)', 'topk(1, topk(3, temperature))', 'sum(topk(2, temperature))', 'sort(topk(3, temperature))',
    'avg(odd)', 'stddev(odd)', 'stdvar by (instance) (odd)', 'min(odd)', 'max(odd)', 'group(nothing)', 'count(nothing)', 'sum(nothing)', 'sum(single)', 'single', 'changes(odd[10m])',
    'resets(odd[10m])', 'avg_over_time(odd[3m])', 'sum_over_time(odd[3m])', 'stddev_over_time(odd[3m])', 'min_over_time(odd[1m])', 'max_over_time(odd[1m])', 'rate(odd[5m])', 'delta(odd[2m])', 'idelta(odd[2m])', 'irate(odd[2m])',
    'increase(http_requests{instance="2"}[15m])', 'increase(http_requests[16s])', 'increase(http_requests[31s])', 'rate(jittered[47s])', 'delta(jittered[3m])',
]


class Grammar:
    """Queries at random: vectors, mostly, of a bounded depth."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def _duration(self):
        return self.rng.choice(['30s', '1m', '2m', '5m', '7m30s', '15m'])

    def _shift(self):
        kind = self.rng.random()
        if kind < 0.8:
            return ''
        if kind < 0.88:
            return f' offset {self.rng.choice(["30s", "3m", "-2m"])}'
        at = self.rng.choice(['start()', 'end()', str(START // 1000 + self.rng.randrange(3600))])
        return f' @ {at}' + (f' offset {self.rng.choice(["30s", "-1m"])}' if kind > 0.96 else '')

    def _selector(self):
        matchers = self.rng.choice(['', '', '', '{instance="0"}', '{instance!="1"}', '{instance=~"0|2"}',
                                    '{job="api"}', '{nothing=""}'])
        return self.rng.choice(METRICS) + matchers

    def _range(self, depth):
        if depth > 0 and self.rng.random() < 0.3:
            step = self.rng.choice(['', '15s', '20s', '1m'])
            return f'({self.vector(depth - 1)})[{self._duration()}:{step}]{self._shift()}'
        return f'{self._selector()}[{self._duration()}]{self._shift()}'

    def scalar(self, depth):
        """A scalar."""
        kind = self.rng.random()
        if depth > 0 and kind < 0.15:
            return f'scalar({self.vector(depth - 1)})'
        if depth > 0 and kind < 0.25:
            return f'({self.scalar(depth - 1)} {self.rng.choice(STEADY)} {self.scalar(depth - 1)})'
        return self.rng.choice(['0', '1', '2', '0.5', '-3', '10', '60', f'(time() - {START // 1000})', 'pi()', 'Inf', 'NaN'])

    def _grouping(self):
        names = self.rng.sample(['job', 'instance', 'group', 'n', 'room'], self.rng.randrange(3))
        return self.rng.choice(['', f' by ({", ".join(names)})', f' without ({", ".join(names)})'])

    def _matching(self, both):
        names = ', '.join(self.rng.sample(['job', 'instance', 'group'], self.rng.randrange(1, 3)))
        text = self.rng.choice(['', '', f' on({names})', f' ignoring({names})'])
        if text and both and self.rng.random() < 0.5:
            text += self.rng.choice([' group_left', ' group_right', ' group_left(version)', ' group_right(job)'])
        return text

    def _binary(self, depth):
        left, right = self.vector(depth - 1), self.vector(depth - 1)
        kind = self.rng.random()
        if kind < 0.25:
            return f'({left}) {self.rng.choice(["and", "or", "unless"])}{self._matching(False)} ({right})'
        if kind < 0.45:
            return f'({left}) {self.rng.choice(STEADY)} {self.scalar(depth - 1)}'
        is_bool = self.rng.choice(['', ' bool'])
        if kind < 0.6:
            return f'{self.scalar(depth - 1)} {self.rng.choice(COMPARISON)}{is_bool} ({left})'
        if kind < 0.8:
            return f'({left}) {self.rng.choice(STEADY)}{self._matching(True)} ({right})'
        return f'({left}) {self.rng.choice(COMPARISON)}{is_bool}{self._matching(True)} ({right})'

    def query(self, depth):
        """An expression to ask."""
        if self.rng.random() < 0.1:
            return f'{self.rng.choice(sorted(INEXACT))}({self.vector(0)})'
        return self.vector(depth)

    def vector(self, depth):
        """An instant vector."""
        if depth <= 0:
            return self._selector() + self._shift()
        kind = self.rng.random()
        if kind < 0.25:
            return f'{self.rng.choice(OVER_TIME)}({self._range(depth - 1)})'
        if kind < 0.3:
            return f'quantile_over_time({self.rng.choice(["0", "0.3", "1", "2", "NaN"])}, {self._range(depth - 1)})'
        if kind < 0.5:
            return f'{self.rng.choice(AGGREGATES)}{self._grouping()} ({self.vector(depth - 1)})'
        if kind < 0.55:
            return f'quantile{self._grouping()} ({self.rng.choice(["0", "0.25", "0.9"])}, {self.vector(depth - 1)})'
        if kind < 0.65:
            return f'{self.rng.choice(["abs", "sqrt", "timestamp"])}({self.vector(depth - 1)})' \
                if self.rng.random() < 0.5 else f'{self.rng.choice(EXACT)}({self.vector(0)})'
        if kind < 0.68:
            return f'-({self.vector(depth - 1)})'
        if kind < 0.71:
            return f'absent({self.vector(depth - 1)})'
        if kind < 0.74:
            return (f'label_replace({self.vector(depth - 1)}, "{self.rng.choice(["x", "job", "instance"])}", '
                    f'"$1", "{self.rng.choice(["instance", "group"])}", "(.).*")')
        if kind < 0.77:
            return f'clamp({self.vector(depth - 1)}, {self.scalar(0)}, {self.scalar(0)})'
        return self._binary(depth)
