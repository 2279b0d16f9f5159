"""Exactly regular series from 1970-01-01 on, written as `0+10x100 stale _x3 5`, and what is asked of them, topic by topic: the
second comparison with Prometheus, of answers that a person can work out."""
from promql_peer import STALE

MINUTE = 60_000
HOUR = 60 * MINUTE
WORDS = {'NaN': float('nan'), 'Inf': float('inf'), '+Inf': float('inf'), '-Inf': float('-inf'), 'stale': STALE}

# step, then name and labels = points: `a+bxn` is a and n more, each b above the last; `axn` n + 1 times a; `_` a gap.
LOADS = (
    ('5m', '''
        requests job=api-server instance=0 group=production = 1+10x30
        requests job=api-server instance=1 group=production = 2+20x30
        requests job=api-server instance=0 group=canary = 3+30x30
        requests job=api-server instance=1 group=canary = 4+40x30
        requests job=app-server instance=0 group=production = 5+50x30
        requests job=app-server instance=1 group=production = 6+60x30
        requests job=app-server instance=0 group=canary = 7+70x30
        requests job=app-server instance=1 group=canary = 8+80x30
        requests_reset job=api-server instance=0 = 0+10x10 0+10x10 0+10x10
        requests_reset job=api-server instance=1 = 0+10x10 _x5 3+7x10 _ NaN 0+1x5
        requests_reset job=app-server instance=0 = 100-5x20 1000 1000 5
        cpu mode=user instance=0 dc=n = 0+1x30
        cpu mode=idle instance=0 dc=n = 0+9x30
        cpu mode=user instance=1 dc=s = 0+2x30
        cpu mode=idle instance=1 dc=s = 0+8x30
        vector_a l=x = 0+1x30
        vector_a l=y = 0-2x30
        vector_b l=x = 0+4x30
        vector_b l=y = 0+2x30
        node_role instance=0 role=prometheus job=node = 1x30
        node_var instance=0 job=node = 2x30
        node_cpu instance=0 mode=user job=node = 3+1x30
        node_cpu instance=1 mode=user job=node = 4x30
        node_cpu instance=0 mode=idle job=node = 8-1x30
        data test=two point=a = 0x30
        data test=two point=b = 1x30
        data test=uneven point=a = 0x30
        data test=uneven point=b = 1x30
        data test=uneven point=c = 4x30
        data test=nan point=a = NaNx30
        data test=nan point=b = 3x30
        data test=neg point=a = -1x30
        data test=neg point=b = -Infx30
        version version=6 instance=0 job=api = 6x30
        version version=7 instance=1 job=api = 7x30
        version version=6 instance=2 job=web = 6x30
        version version=other instance=3 job=web = 6.5x30
        twins src=a dst=a = 1x30
        twins src=b dst=a = 2x30
        no_label_but_this = 1x30
        empty_ones a=x b= = 1+1x30
        trig l=x = 10x30
        trig l=y = 20x30
        trig l=NaN = NaNx30
        steady = 1x30
        ends_first = 1x5 stale
        ends_twice = 1x5 stale _x3 2x5 stale
        ends_silently = 1x5
        not_a_number = NaNx10
        signed v=0 = 0.4x30
        signed v=1 = -0.5x30
        signed v=2 = 2.5x30
        signed v=3 = -0.0x30
        signed v=4 = -Infx30
        signed v=5 = 1e-300x30'''),
    ('1m', '''
        metric = 0+1x100
        ramp = 1 2 4 8 16 32 64 128 _x2 256 512
        jumps = 0 1 1 0 NaN NaN 1 Inf Inf -Inf 0 _ 0 1 2 3 2 1 0
        spread instance=a = 1 5 2 8 3 9 4
        spread instance=b = -1 -5 -2 -8 -3 -9 -4
        mixed_up instance=a = 4 NaN 2 1 NaN 7
        alone = _x7 42
        big = 1e300 1e300 1e300 -1e300 1e308 1e308'''),
    ('10s', '''
        fast job=a = 0+1x100 0+2x100
        fast job=b = 0+3x50 _x50 0+1x100
        level = 1x30 stale _x29 2x30'''),
    ('5m', '''
        hist_bucket le=0 start=positive = 0+0x30
        hist_bucket le=.1 start=positive = 0+5x30
        hist_bucket le=.2 start=positive = 0+7x30
        hist_bucket le=1e0 start=positive = 0+11x30
        hist_bucket le=+Inf start=positive = 0+12x30
        hist_bucket le=-.2 start=negative = 0+1x30
        hist_bucket le=-0.1 start=negative = 0+2x30
        hist_bucket le=0.3 start=negative = 0+2x30
        hist_bucket le=+Inf start=negative = 0+3x30
        hist_bucket le=1 start=no_top = 0+2x30
        hist_bucket le=2 start=no_top = 0+3x30
        hist_bucket le=1 start=fallen = 0+9x30
        hist_bucket le=2 start=fallen = 0+4x30
        hist_bucket le=5 start=fallen = 0+10x30
        hist_bucket le=+Inf start=fallen = 0+8x30
        hist_bucket le=+Inf start=top_only = 0+8x30
        hist_bucket le=1 start=empty = 0x30
        hist_bucket le=+Inf start=empty = 0x30
        hist_bucket le=1 start=same = 0+3x30
        hist_bucket le=1.0 start=same = 0+4x30
        hist_bucket le=+Inf start=same = 0+9x30
        hist_bucket le=word start=bad = 0+3x30
        hist_bucket start=without = 0+3x30
        latency_bucket job=a instance=1 le=0.1 = 0+1x30
        latency_bucket job=a instance=1 le=0.2 = 0+3x30
        latency_bucket job=a instance=1 le=+Inf = 0+4x30
        latency_bucket job=a instance=2 le=0.1 = 0+2x30
        latency_bucket job=a instance=2 le=0.2 = 0+4x30
        latency_bucket job=a instance=2 le=+Inf = 0+6x30'''),
)


def _points(word):
    """The values of one word."""
    if word in WORDS:
        return [WORDS[word]]
    many = 1
    if 'x' in word:
        word, times = word.rsplit('x', 1)
        many = int(times) + 1
    if word == '_':
        return [None] * max(1, many - 1)
    if word in WORDS:
        return [WORDS[word]] * many
    for sign in ('+', '-'):
        at = word.find(sign, 1)
        if at > 0 and word[at - 1] != 'e':
            first, by = float(word[:at]), float(word[at:])
            return [first + i * by for i in range(many)]
    return [float(word)] * many


def samples():
    """[(labels, [(time_ms, value)])], from time 0 on."""
    series = []
    for step, text in LOADS:
        step_ms = int(step[:-1]) * {'s': 1000, 'm': MINUTE}[step[-1]]
        for line in text.strip().split('\n'):
            head, tail = line.strip().split(' = ')
            name, *labels = head.split()
            labels = dict(label.split('=', 1) for label in labels)
            values = [value for word in tail.split() for value in _points(word)]
            series.append(({'__name__': name, **{n: v for n, v in labels.items() if v}},
                           [(i * step_ms, value) for i, value in enumerate(values) if value is not None]))
    return series


_AGGREGATORS = '''
SUM BY (group) (requests{job="api-server"})|sum by (group) (requests{job="api-server"})|SUM(requests) BY (job)
sum by (job, nothing)(requests)|sum without (instance) (requests{job="api-server"})|sum without (instance, job)(requests)
sum(requests) by ()|sum without ()(requests)|count without () (requests)|avg by (group) (requests{job="api-server"})
sum by (job) (requests) - count by (job) (requests)|sum(requests) by (job) + min(requests) by (job) + max(requests) by (job)
{__name__=~"requests", job="api-server"}|stddev(requests)|stdvar by (instance)(requests)|stdvar(data{test="two"})
stddev(data{test=~"nan|two"})|group by (job)(requests)|group without (job)(requests)|sum(data)|avg(data{test=~"nan|two"})
max(data{test="nan"})|min(data{test="nan"})|max by (test)(data)|min by (test)(data)|sum by (test)(data)|avg by (test)(data)
topk(3, requests)|bottomk(3, requests)|topk by (instance)(1, requests)|topk((scalar(vector(1) * 2)), requests{group=~"p.*"})
topk(3, data{test=~"nan|uneven"})|bottomk(2, data{test="nan"})|topk(0, requests)|topk(-1, requests)|topk(NaN, requests)|topk(1e19, requests)
bottomk without (instance, group)(1, requests)|sort(topk(2, requests))|count(topk(5000, requests))
count_values("version", version)|count_values(((("version"))), version)|count_values by (job, group)("job", version)
count_values without (instance)("version", version)|count_values by (job)("x", version)|count_values("x", data)|count_values("0bad", version)
quantile(0.8, data)|quantile by (test)(0.8, data)|quantile(-1, data)|quantile(2, data)|quantile(NaN, data)|quantile(0.8, nothing)
quantile without (point)((scalar(vector(0.8))), data)|quantile(scalar(nothing), data)|quantile by (point)(0.5, data{test!="nan"})
max_over_time((time() - max(requests) < 1000)[1h:5m] offset 5m)|avg(metric) without (x)|sum(label_replace(requests, "inst", "$1", "instance", "(.*)")) by (inst)'''

_COLLISIONS = '''
rate({__name__=~"vector_.",l="x"}[20m])|{__name__=~"vector_.",l="x"} * 2|abs({__name__=~"vector_.",l="x"})|-{__name__=~"vector_.",l="x"}
sum_over_time({__name__=~"vector_.",l="x"}[10m])|last_over_time({__name__=~"vector_.",l="x"}[10m])|ceil({__name__=~"node_.*",mode=""})
label_replace(twins, "src", "same", "", "")|label_join(twins, "src", "", "dst")|label_replace(twins, "src", "$1", "dst", "(.*)") + 1
histogram_quantile(0.5, {__name__=~"hist_bucket|latency_bucket"})|sum by (__name__)({__name__=~"vector_."})|count by (__name__)({job="node"})
sum without (l)({__name__=~"vector_."})|{__name__=~"vector_."} and on(l) vector_a|{l="x"} == {l="x"}|vector_a + {__name__="vector_a"}
label_replace({__name__=~"vector_."}, "__name__", "one", "", "")|label_replace(vector_a, "__name__", "", "", "")|timestamp({l="x"})
clamp_max({l="x"}, 3)|sort({l="x"})|{__name__=~"vector_.",l="x"} > bool 1|{__name__=~"vector_.",l="x"} > 1|time() - {l="x"}
minute({l="x"})|sum_over_time({l="x"}[10m:5m])|max by (l)({__name__=~"vector_."})|topk(1, {__name__=~"vector_."})|absent({l="x"})|absent({l="z"})'''

_FUNCTIONS = '''
resets(requests_reset[50m])|resets(requests_reset[5m])|resets(jumps[20m])|changes(requests_reset[50m])|changes(jumps[20m])|changes(not_a_number[20m])
increase(requests_reset[50m])|increase(requests_reset[100m])|increase(requests_reset[30m])|rate(requests_reset[50m])|rate(requests_reset[12m])
increase(metric[90s])|increase(metric[1m])|increase(metric[61s])|rate(metric[1m:10s])|increase(fast[50s])|increase(fast[100s])|rate(fast[20s])
irate(fast[50s])|irate(requests_reset[50m])|irate(metric[1m])|idelta(fast[50s])|idelta(requests_reset[50m])|delta(requests_reset[20m])|delta(ramp[5m])
delta(vector_a[15m])|delta(requests[7m])|increase(ramp[5m] offset 2m)|deriv(ramp[5m])|deriv(requests[50m])|deriv(jumps[20m])|deriv(steady[20m])|deriv(alone[5m])
predict_linear(metric[10m], 3600)|predict_linear(requests_reset[50m], 3600)|predict_linear(ramp[5m], -60)|predict_linear(steady[50m] offset 5m, 1)
predict_linear(metric[10m], scalar(metric))|holt_winters(requests[50m], 0.01, 0.1)|holt_winters(requests_reset[50m], 0.5, 0.5)|holt_winters(metric[1m], 0.5, 0.5)
holt_winters(metric[5m], 0, 0.5)|holt_winters(metric[5m], 0.5, 1)|holt_winters(ramp[10m], 0.9, 0.9)
label_replace(twins, "dst", "destination-value-$1", "src", "(.*)")|label_replace(twins, "dst", "value-$1", "src", "a")|label_replace(twins, "dst", "value-$1", "src", "(x)")
label_replace(twins, "dst", "value", "nothing", "(.*)")|label_replace(twins, "dst", "value", "nothing", "")|label_replace(twins, "src", "", "", "")
label_replace(twins, "~bad", "", "src", "(.*)")|label_replace(twins, "dst", "", "src", "(.*")|label_replace(twins, "new", "${2}$1", "src", "(.)(.*)")
label_join(twins, "dst", "-", "src", "dst", "nothing")|label_join(twins, "dst", ",")|label_join(twins, "~bad", ",", "src")|label_join(twins, "dst", ",", "~bad")
label_join(empty_ones, "a", "", "b")|label_join(empty_ones, "c", "-", "a", "b", "a")|vector(1)|vector(time())|scalar(requests)|scalar(metric)|scalar(nothing)
sort(requests)|sort_desc(requests)|sort(data{test=~"nan|two"})|sort_desc(data{test=~"nan|neg"})|sgn(signed)|abs(signed)|round(signed)|round(signed, 5)|round(signed, 0.1)
round(signed, NaN)|round(signed, 0)|ceil(signed)|floor(signed)|clamp(signed, -0.25, 0.75)|clamp(signed, 5, -5)|clamp(signed, NaN, 1)|clamp_min(signed, 0)|clamp_max(signed, 0)
clamp_max(signed, NaN)|clamp_min(signed, scalar(metric))|sqrt(signed)|exp(signed)|ln(signed)|log2(signed)|log10(signed)|-signed|+signed|absent(nothing)|absent(requests)
absent(nothing{a="b"})|absent(nothing{a="b",c!="d",e=~"f"})|absent(nothing{a="b",a="c"})|absent(sum(nothing{a="b"}))|absent(rate(nothing{a="b"}[5m]))|absent(nothing > 1)
absent({a="b"})|absent_over_time(nothing{a="b"}[5m])|absent_over_time(ends_first[5m])|absent_over_time(ends_first[30m])|absent_over_time(level{a="b"}[1m:10s])
absent_over_time(rate(nothing[5m])[5m:])|absent_over_time({a="b",c=~"d"}[5m])|present_over_time(ends_twice[5m])|present_over_time(jumps[1m])|present_over_time(nothing[1m])
avg_over_time(jumps[20m])|avg_over_time(big[10m])|sum_over_time(big[3m])|min_over_time(mixed_up[10m])|max_over_time(mixed_up[10m])|min_over_time(not_a_number[10m])
count_over_time(level[5m])|last_over_time(level[5m])|last_over_time(ends_twice[20m])|last_over_time(alone[1m])|stddev_over_time(spread[7m])|stdvar_over_time(mixed_up[10m])
stddev_over_time(steady[20m])|quantile_over_time(0.5, spread[7m])|quantile_over_time(NaN, spread[7m])|quantile_over_time(-1, spread[7m])|quantile_over_time(1.1, spread[7m])
quantile_over_time(0.2, mixed_up[10m])|quantile_over_time(scalar(metric) / 100, spread[7m])|timestamp(alone)|timestamp(metric)|timestamp(alone offset 1m)|timestamp(metric + 0)
timestamp(((metric)))|timestamp(sum(metric))|time()|pi()|minute()|hour()|month(vector(1136239445))|day_of_month(vector(-1))|day_of_year(metric * 86400 * 31)
year(metric * 86400 * 366)|days_in_month(vector(951868800))|days_in_month(metric * 2592000)|day_of_week(metric * 86400)|hour(vector(1e18))|minute(vector(NaN))
sin(trig)|cos(trig)|tan(trig)|asin(trig - 10.1)|acos(trig - 10.1)|atan(trig)|sinh(trig)|cosh(trig)|tanh(trig)|asinh(trig)|acosh(trig)|atanh(trig - 10.1)|rad(trig)|deg(trig)
trig atan2 20|trig{l="x"} atan2 on() trig{l="y"}|trig atan2 trig|trig atan2 ignoring(l) trig{l="y"}|10 atan2 20|10 atan2 NaN'''

_HISTOGRAMS = '''
histogram_quantile(0, hist_bucket)|histogram_quantile(0.25, hist_bucket)|histogram_quantile(0.5, hist_bucket)|histogram_quantile(0.75, hist_bucket)
histogram_quantile(1, hist_bucket)|histogram_quantile(1.01, hist_bucket)|histogram_quantile(-0.1, hist_bucket)|histogram_quantile(NaN, hist_bucket)
histogram_quantile(0.5, rate(hist_bucket[10m]))|histogram_quantile(0.9, rate(hist_bucket[5m]))|histogram_quantile(0.9, increase(hist_bucket[7m]))
histogram_quantile(0.3, sum by (le)(rate(latency_bucket[10m])))|histogram_quantile(0.5, sum by (job, le)(rate(latency_bucket[10m])))
histogram_quantile(0.5, sum by (job)(rate(latency_bucket[10m])))|histogram_quantile(scalar(metric) / 50, latency_bucket)|histogram_quantile(0.5, requests)
histogram_quantile(0.5, hist_bucket{le!="+Inf"})|histogram_quantile(0.99, hist_bucket{le=~"0|.1|[+]Inf"})|histogram_quantile(0.5, latency_bucket offset 20m)
histogram_quantile(0.2, hist_bucket * 0)|histogram_quantile(0.2, -hist_bucket)|histogram_quantile(0.5, sum(latency_bucket) by (le, instance) * NaN)
max by (start)(histogram_quantile(0.9, hist_bucket))|histogram_quantile(0.5, hist_bucket) > 0.1|absent(histogram_quantile(0.5, nothing))'''

_OPERATORS = '''
2 - sum by (job)(requests)|-2 ^ 2|-1 ^ 0.5|2 ^ 3 ^ 2|1000 / sum(requests)|sum(requests) % 7|-7 % 3|7 % -3|5.5 % 2.5|7 % 0|requests % 13|-requests % 13|0 / 0|1 / 0|-1 / 0
requests{job="api-server"} * on(instance, group) group_left requests{job="app-server"}|requests{group="canary"} and requests{instance="0"}
(requests{group="canary"} + 1) and requests{instance="0"}|(requests{group="canary"} + 1) and on(instance, job) requests{instance="0", group="production"}
(requests{group="canary"} + 1) and ignoring(group, job) requests{instance="0"}|requests{group="canary"} or requests{group="production"}
(requests{group="canary"} + 1) or requests{instance="1"}|(requests{group="canary"} + 1) or on(instance) (requests or cpu or vector_a)
(requests{group="canary"} + 1) or ignoring(l, group, job) (requests or cpu or vector_a)|requests{group="canary"} unless requests{instance="0"}
requests{group="canary"} unless on(job) requests{instance="0"}|requests{group="canary"} unless on(job, instance) requests{instance="0"}
requests{group="canary"} / requests{group="production"}|requests{group="canary"} unless ignoring(group, instance) requests{instance="0"}
requests{group="canary"} / ignoring(group) requests{group="production"}|requests AND ON (nothing) requests{instance="1"}|requests AND IGNORING (group) requests{instance="1"}
cpu{mode="user"} / on(instance, dc) cpu{mode="idle"}|cpu / on(instance) group_left cpu{mode="idle"}|cpu + on() cpu|cpu * on(dc) cpu|cpu > 20|cpu > bool 20|cpu == cpu|20 < cpu
cpu != bool cpu|1 > bool 2|1 == bool 1|NaN == bool NaN|NaN != bool NaN|data == data|data != data|data >= bool data|data < NaN|vector(NaN) != vector(NaN)|1 > 2|cpu > bool on(mode) cpu
node_var * on(instance) group_right node_role|node_role * on(instance) group_right(role) node_var|node_var * ignoring(role) group_right(role) node_role
node_cpu * ignoring(role, mode) group_left(role) node_role|node_cpu * on(instance) group_left(role) node_role|node_cpu / on(instance) group_left sum by (instance, job)(node_cpu)
sum by (mode, job)(node_cpu) / on(job) group_left sum by (job)(node_cpu)|sum(sum by (mode, job)(node_cpu) / on(job) group_left sum by (job)(node_cpu))
node_cpu / ignoring(mode) group_left(dummy) sum without (mode)(node_cpu)|node_cpu + on(dummy) group_left(foo) (node_var * 3)|node_cpu > on(job, instance) group_left(target) node_var
node_cpu / on(instance) node_var|node_var == on(instance) group_right node_role|node_role == bool on(instance) node_var|node_cpu + on(instance) group_left(mode) node_var
requests or vector(1)|vector(1) or requests|vector(1) and vector(1)|no_label_but_this + vector(1)|no_label_but_this and vector(1)|no_label_but_this + on() vector(1)
requests{instance="0"} + ignoring(group) requests|requests + on(instance) requests|requests * group_left requests|1 + 2 * 3 - 4 / 2|sum(requests) ^ 2 / 2|(1 + cpu) * (2 - cpu)
cpu > 5 < 50|cpu > 5 and cpu < 50 or cpu == 0|cpu unless cpu > 5|-cpu ^ 2|+cpu - -cpu|bool|cpu bool 1|cpu and 1|1 and cpu|cpu or on(instance) 1'''

_STALENESS = '''
ends_first|ends_twice|ends_silently|level|not_a_number|alone|count(ends_first)|count_over_time(ends_twice[10m])|rate(ends_first[20m])|sum_over_time(ends_twice[50m])
ends_first offset 10m|ends_twice offset -5m|ends_first or ends_silently|max_over_time(level[10s])|last_over_time(level[10s])|absent(ends_first)|absent(ends_silently)
ends_twice[20m]|level[2m]|level[10s] offset 30s|count_over_time(level[1m:10s])|ends_silently unless ends_first|timestamp(ends_silently)|resets(ends_twice[50m])|changes(level[20m])
sum(ends_first) or vector(0)|ends_first == 1|avg_over_time(ends_silently[5m])|ends_silently @ 1500|ends_silently @ 1799.999|ends_silently @ 1800|ends_first @ 1799.999|ends_first @ 1800'''

_TIMES = '''
metric @ 0|metric @ -1|metric @ 60|metric @ 60 offset 1m|metric offset 1m @ 60|metric @ start()|metric @ end()|metric @ 0.001|metric @ 59.999|metric offset -5m|metric offset 100y
metric[5m] @ 0|metric[1m]|metric[1m] @ 300|sum_over_time(metric[100s] @ 100)|sum_over_time(metric[100s] @ 100 offset 50s)|sum_over_time(metric[100s:25s] @ 300)|rate(metric[3m] @ 0)
sum_over_time(metric[100s:10s] @ 0)|sum_over_time(metric[100y])|count_over_time(metric[50y:1y])|max_over_time(metric[100s:10s] @ -100)|sum_over_time(metric[1m:10s] offset -1m)
metric[50s:10s]|metric[50s:10s] offset 3s|metric[1m:7s] @ 200|rate(fast[20m:5m])|rate(fast[1m:10s] offset 20s)|min_over_time(rate(fast[5m])[15m:1m])|sum_over_time((metric)[10m:3m])
sum_over_time(sum_over_time(metric[2m:1m])[4m:2m])|max_over_time(sum by (job)(fast)[5m:10s])|avg_over_time(time()[1m:1s])|sum_over_time(vector(1)[1h:30s])|metric[0s:1m]|metric[1m:]
deriv(sum(fast)[5m:30s])|quantile_over_time(0.9, fast[10m:30s] offset 1m)|(requests > 100)[30m:5m]|absent_over_time((level > 1)[2m:10s])|changes(sum(level)[20m:10s])|metric[5m] offset 2m @ 100
metric @ 1e20|metric @ NaN|metric @ Inf|metric offset 1e9|sum(metric @ end()) - sum(metric @ start())|metric[5m:1m] @ start()|year() @ 0|time() @ 0|metric @ 10 @ 20|metric offset 1m offset 2m'''


def by_topic():
    """(topic, queries)"""
    return [(topic, [query for line in text.strip().split('\n') for query in line.split('|')])
            for topic, text in (('aggregators', _AGGREGATORS), ('collisions', _COLLISIONS), ('functions', _FUNCTIONS),
                                ('histograms', _HISTOGRAMS), ('operators', _OPERATORS), ('staleness', _STALENESS), ('times', _TIMES))]


# (start, end, step) in ms: moments from the first of all on, and before it; ranges of short and long steps.
MOMENTS = [(0, None, None), (50 * MINUTE, None, None), (21 * MINUTE + 7, None, None), (-5 * MINUTE, None, None), (8 * HOUR, None, None),
           (0, 50 * MINUTE, 5 * MINUTE), (0, 20 * MINUTE, 10_000), (-10 * MINUTE, 3 * HOUR, 17 * MINUTE), (0, 5 * HOUR, HOUR)]
