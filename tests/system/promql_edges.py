"""More questions for the comparison with Prometheus: moments, extremes, boundaries, matching, by kind of construct."""
from promql_cases import LENGTH, START, STEP

START_S = START // 1000
BIG = 9.988465674311579e307
INF, NAN = float('inf'), float('nan')

_POINTS = {'low': (-BIG, -BIG, -BIG), 'high': (BIG, BIG, BIG), 'both': (BIG, -BIG, 1.0, -1.0), 'inf': (INF, 2.0, 1.0),
           'against': (INF, -INF, 5.0), 'nan': (NAN, 2.0, 1.0), 'all_nan': (NAN, NAN), 'under': (-INF, NAN, 3.0),
           'zeros': (0.0, -0.0), 'tiny': (5e-324, 1e-308, 2.5e-308), 'alike': (7.5, 7.5, 7.5)}
_WORDS = ['Käse/ß', 'a.b', 'axb', 'aaa', 'A1_z', 'two words', '', 'ΣΊΣΥΦΟΣ', '(x)', '1.10.0']


def samples():
    """[(labels, [(time_ms, value)])]; none of these labels stands in other series."""
    times = range(START, START + LENGTH, STEP)
    series = [({'__name__': 'extreme', 'test': test, 'point': str(p)}, [(t, value) for t in times])
              for test, points in _POINTS.items() for p, value in enumerate(points)]
    swing = {'cancel': (1.0, 1e100, 1.0, -1e100), 'offset': (1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16),
             'fraction': (1.5990505637277868,) * 4, 'edge': (INF, 1.0, -INF, NAN), 'pairs': (BIG, BIG, -BIG, -BIG),
             'resets': (0.0, 1.0, 3.0, 0.0), 'below': (-1.0, -3.0, 2.0, -0.0)}
    series += [({'__name__': 'swing', 'way': way}, [(t, values[i % 4]) for i, t in enumerate(times)])
               for way, values in swing.items()]
    series += [({'__name__': 'words', 'text': text, 'n': str(n)}, [(t, float(n)) for t in times])
               for n, text in enumerate(_WORDS)]
    series.append(({'__name__': 'alone'}, [(START + 1_200_000, 42.0)]))
    series.append(({'__name__': 'pair'}, [(START + 1_200_000, 1.0), (START + 1_260_000, 3.0)]))
    series += [({'__name__': 'part_of', 'side': side, 'place': place}, [(t, value) for t in times])
               for side, place, value in (('l', 'a', 1.0), ('l', 'b', 2.0), ('r', 'a', 10.0), ('r', 'c', 30.0))]
    return series


def _at():
    """`@`, offsets, subqueries in subqueries: which moment each part is evaluated at."""
    early, late = START_S + 600, START_S + 3000
    out = []
    for at in (str(early), f'{early}.5', f'{late}', 'start()', 'end()', '-100', '0', '1e9', f'{START_S + 599.999:.3f}'):
        out += [f'temperature @ {at}', f'timestamp(jittered @ {at})', f'sum(small @ {at})', f'small @ {at} offset 90s',
                f'small offset 90s @ {at}', f'rate(http_requests[2m] @ {at})', f'sum_over_time(small[100s:7s] @ {at})',
                f'minute(dates @ {at})', f'absent_over_time(ending[1m] @ {at})', f'count_over_time((small @ {at})[1m:9s])']
    out += [f'timestamp(timestamp(jittered @ {early}))', f'sum_over_time(timestamp(timestamp(jittered))[100s:10s] @ {late})',
            f'timestamp(sum_over_time(small[1m:10s] @ {early}))', 'timestamp(timestamp(alone))', 'timestamp(vector(1) offset 5m)',
            f'small @ {early} + small', f'small @ {early} == small @ {late}', f'small @ start() - small @ end()',
            f'sum_over_time(sum_over_time(sum_over_time(small[100s] @ {early})[100s:25s] @ {early - 50})[3s:1s] @ {late})',
            f'sum_over_time(sum_over_time(small[100s:10s])[100s:25s] @ {late})', f'sum_over_time(sum_over_time(small[100s:10s] @ {late})[100s:25s])',
            f'sum_over_time(minute(dates @ {early})[100s:10s])', f'sum_over_time(time()[100s:10s] @ {late})', 'sum_over_time(time()[100s:10s] offset 47s)',
            f'sum_over_time(timestamp(small @ {early})[30s:10s] offset 20s)', f'sum_over_time(time()[100s:10s] @ {late} offset 11s)',
            f'rate(http_requests[5m:25s] @ {late} offset 1m)', f'rate(http_requests[5m] offset 1m @ {late})', 'rate(http_requests[5m] offset -5m)',
            'sum_over_time(small[2m:30s] offset -1m)', 'count_over_time(small[2m:1m])', 'count_over_time(small[119s:1m])', 'count_over_time(small[61s:60s])',
            'rate((http_requests{group=~"pro.*"} > 100)[5m:])', 'max_over_time((time() - max(small))[5m:15s] offset 5m)', 'min_over_time(rate(http_requests[2m])[10m:45s])',
            'avg_over_time(sum by (job)(http_requests)[3m:20s])', 'quantile_over_time(0.25, (small + 1)[5m:11s])', 'stddev_over_time(vector(time())[5m:13s])',
            'deriv(time()[5m:7s])', 'changes((small > 1)[5m:15s])', 'last_over_time((small < 2)[1m:10s])', 'absent_over_time((small > 100)[1m:10s])',
            f'absent(small @ -100)', f'small[1m] @ {early}', f'small[1m:10s] @ {early}', 'small[1m:10s] offset 10s', 'small[1m:]', '(small > 1)[1m:10s]']
    return out


def _boundaries():
    """A sample looked back at, and windows, by the millisecond; both ends of a window belong to it."""
    at = START_S + 1200
    out = []
    for shift in ('0', '0.001', '299.999', '300', '300.001', '-0.001'):
        moment = f'{at + float(shift):.3f}'
        out += [f'alone @ {moment}', f'timestamp(alone @ {moment})', f'count_over_time(alone[5m] @ {moment})',
                f'last_over_time(alone[1ms] @ {moment})', f'sum(alone @ {moment}) or vector(-1)']
    for moment in (at + 60, at + 60.001, at + 120, at + 90):
        out += [f'{f}(pair[{w}] @ {moment})' for f in ('rate', 'increase', 'delta', 'irate', 'idelta', 'deriv', 'count_over_time')
                for w in ('1m', '61s', '59s', '2m', '10m')]
    out += [f'predict_linear(pair[2m], {t})' for t in (0, -70, 60, 1e9)]
    return out


def _extremes():
    """Sums that overflow, infinities, NaN, signed zeros, cancelling and nearly equal values."""
    out = [f'{a} by (test)(extreme)' for a in ('sum', 'avg', 'min', 'max', 'count', 'stddev', 'stdvar', 'group')]
    out += [f'quantile by (test)({q}, extreme)' for q in ('0', '0.3', '0.5', '1', '-0.1', '1.1', 'NaN')]
    out += [f'{a}(extreme{{test=~"inf|nan|alike"}})' for a in ('min', 'max', 'sum', 'avg')]
    out += [f'{k} by (test)({n}, extreme{{test=~"inf|alike|low|nan"}})' for k in ('topk', 'bottomk') for n in (0, 3, 5)]
    out += ['count_values("v", extreme)', 'count_values by (test)("v", extreme)', 'count_values without (point)("test", extreme)',
            'extreme == extreme', 'extreme != extreme', 'extreme > bool 0', 'extreme * 2', 'extreme + 1e308', '1 / extreme', '1 / extreme{test="zeros"}',
            'extreme % 3', '3 % extreme', 'extreme ^ 0', 'extreme ^ 0.5', '0 ^ extreme', 'extreme atan2 extreme', 'sgn(extreme)', 'abs(extreme)',
            'ceil(extreme)', 'floor(extreme)', 'round(extreme)', 'round(extreme, 1e-3)', 'sqrt(extreme)', 'clamp(extreme, -1, 1)', 'clamp_min(extreme, NaN)',
            'sort(extreme{test="inf"})', 'scalar(extreme{test="inf", point="0"})', 'vector(scalar(extreme))', '-extreme{test="zeros"}', 'ln(extreme{test!="tiny"})',
            'exp(extreme)', 'hour(extreme{test=~"alike|nan|zeros"})', 'changes(swing{way="edge"}[2m])']
    for f in ('sum', 'avg', 'min', 'max', 'count', 'stddev', 'stdvar', 'last', 'present'):
        out += [f'{f}_over_time(swing[{w}])' for w in ('45s', '46s', '1m', '5m', '15s')]
    out += [f'quantile_over_time({q}, swing[{w}])' for q in ('0', '0.5', '0.9', '1') for w in ('1m', '5m')]
    for f in ('rate', 'increase', 'delta', 'irate', 'idelta', 'changes', 'resets', 'deriv'):
        out += [f'{f}(swing{{way=~"{way}"}}[{w}])' for way in ('offset|fraction|resets|below', 'edge') for w in ('45s', '1m', '2m', '5m')]
    out += ['predict_linear(swing{way=~"offset|resets"}[5m], 100)', 'holt_winters(swing{way=~"offset|resets|fraction"}[5m], 0.01, 0.1)',
            'holt_winters(swing{way=~"offset|resets"}[15s], 0.5, 0.5)', 'holt_winters(swing[1m], 1, 0.5)', 'holt_winters(swing[1m], 0.5, 0)']
    return out


def _matching():
    """Operators between vectors: which sides meet, which labels stay, what is refused."""
    left, right = 'part_of{side="l"}', 'part_of{side="r"}'
    out = []
    for op in ('+', '/', '>', '<= bool', '==', 'and', 'or', 'unless', 'atan2'):
        out += [f'{left} {op} {m} {right}' for m in ('', 'on(place)', 'ignoring(side)', 'on()', 'on(nothing)', 'ignoring(place)', 'ignoring(place, side)')]
    for op in ('*', '>', '!= bool'):
        out += [f'{left} {op} {m} {right}' for m in ('on(place) group_left', 'on(place) group_right', 'on(place) group_left(side)', 'on(place) group_right(side)',
                                                      'ignoring(side) group_left', 'ignoring(side) group_right(nothing)', 'on() group_left(place)')]
        out += [f'part_of {op} on(place) group_left(side) {right}', f'{right} {op} on(place) group_right part_of', f'part_of {op} on(side) group_left(place) {left}',
                f'{left} {op} on(place) group_left(__name__) label_replace({right}, "__name__", "else", "", "")']
    out += [f'{left} and on(place) {right} or {left} * 2', f'{left} or {right} unless {left}', f'{left} unless on(place) {right} and {left}',
            f'{left} + on(place) {right} * on(place) {left}', f'2 * {left} ^ 2 ^ 0.5', f'-{left} ^ 2', f'{left} - -{left}', f'{left} == on(place) ({right} / 10)',
            f'{left} > on(place) group_left {right} - 100', 'sum(part_of) by (side) / on() group_left sum(part_of)', 'sum by (side)(part_of) + ignoring(side) group_left count(part_of)',
            'part_of and on() (time() > 0)', 'part_of and on() vector(1)', 'part_of unless on() vector(1)', 'part_of or on(side) vector(1)', 'vector(1) or on() part_of',
            'vector(1) + on() sum(part_of)', 'part_of * on(side, place) part_of', 'part_of + ignoring() part_of', 'part_of % on(side, place) group_left() part_of',
            'count by (place)(part_of) == 1', 'count without (side)(part_of) > bool 1', 'sum without (side)(part_of) + on(place) group_right part_of',
            'label_replace(part_of, "place", "a", "", "")', 'sum(label_replace(part_of, "place", "a", "", ""))', 'label_join(part_of, "place", "", "side", "nothing")',
            'label_join(part_of, "__name__", "_", "side", "place")', 'label_replace(part_of, "side", "", "side", "l|r") ', 'label_replace(part_of, "new", "$2$1", "place", "((.))")',
            'label_replace(part_of, "new", "${1}x${nothing}", "place", "(.)")', 'label_replace(part_of, "new", "$1", "place", "a")', 'label_replace(part_of, "", "x", "place", "a")',
            'label_replace(part_of, "__tmp", "$$1", "place", "(.*)")', 'absent(part_of{side="l", place="z"})', 'absent(part_of{side=~"z", place="z", place="y"})', 'absent(-part_of{side="z"})']
    return out


def _matchers():
    """What a pattern is, and what it takes: anchored, ASCII classes, no lookaround."""
    good = ['K.se.*', 'K..se.*', r'K\\wse.*', r'\\w+', r'\\W+', r'\\pL+', r'\\p{Greek}+', r'(?i)käse/ß', r'(?i)a.B', r'(?i:A)[.x]b', 'a[.]b', r'a\\.b', 'a.b', '', '.+', '.*', '.?', '^aaa$',
            '^', 'a{3}', 'a{2}', 'a{2,}', 'a+?', '(a|b)+', '(?:aa)a', '(?P<n>a)+', r'\\Qa.b\\E', r'\\(x\\)', r'[^a-z]+', '[[:alpha:]]+', '[[:^alpha:]]+', r'\\D+', r'\\d+\\.\\d+.*', r'.*\\s.*',
            r'\\x61+', r'\\x{61}xb', 'two words', 'two|words', 'aaa|a.b|', '|aaa', r'(?s).+', r'(?U)a+', r'(?i)σίσυφος', 'a.b|K.*|1.*', r'(?-s).+', r'\\Aaaa\\z', r'a\\b.*', r'.*\\B', '[a-c]{3}', r'[\\d.]+']
    bad = ['(?=a)', '(?!a).*', r'(a)\\1', '(a', 'a)', '[a', '*a', 'a**', r'\\', '(?<=a)b', 'a{2,1}', r'\\8', r'[z-a]', r'\\p{Nothing}', '(?P<n', '(?z)a', r'\\C']
    return [f'words{{text=~"{p}"}}' for p in good + bad] + [f'words{{text!~"{p}"}}' for p in good[:20]] + [
        'words{text=""}', 'words{text!=""}', 'words{text="a.b",n!="2"}', 'words{text=~"a.b",text!="axb"}', 'words{text!="a.b",text!="axb",n=~"[0-4]"}',
        'words{nothing=~".*"}', 'words{nothing=~".+"}', 'words{nothing!~".+"}', 'words{nothing!=""}', '{__name__=~"word.",n="1"}', '{__name__=~"w.*",text=~"a.*"}',
        '{__name__!~"words|temp.*",n="1"}', "words{text='a.b'}", 'words{text=`a.b`}', 'words{text="a\\x2eb"}', 'words{text="K\\u00e4se/ß"}', 'words{text="\\141.b",}', '{}', '{text=""}', '{text=~".*"}', '{n=~""}']


def _literals():
    """Numbers, strings, durations, precedence."""
    return ['12.34e6', '12.34e+6', '12.34e-6', '1+1', '1-1', '1 - -1', '.2', '+0.2', '-0.2e-6', '+Inf', '-inf', '+nan', 'inf', '2.', '-1 / 0', '0 / 0', '1 % 0', '0x10', '0X1f', '017', '1e', '1..2', '0x', '1_000', 'infinity',
            '1h', "'a\\'b'", '`a\\b`', '"\\u00e4\\101\\x41"', '"\\z"', '2 + 3 * 4 ^ 2 % 5', '2 ^ 3 ^ 0.5', '-2 ^ 2', '2 ^ -1', '1 + 2 == bool 3', '1 == bool 1 == bool 1', '1 < 2', '1 <= bool 2 > bool 0', '- - 1', '+-+1',
            '4 atan2 2 ^ 2', '4 atan2 2 * 2', '2 * 4 atan2 2', '1 + 2 and 3', 'vector(1) and vector(2) or vector(3) unless vector(4)', 'vector(1) == 1 or vector(2)', 'vector(2) > bool 1 + 1', 'small[90]', 'small[1m30s]', 'small[1h30]',
            'small[0s]', 'small[-1m]', 'small[1.5m]', 'small[1d1w]', 'small[1m1h]', 'small[1w1d1h1m1s1ms] offset 1w1d1h1m', 'small offset 1', 'small offset - 1m', 'small offset 1m offset 1m', 'small @ 1 @ 2', 'small @ foo', 'small @ NaN', 'small @ Inf',
            'sum(small) @ 1', '(small) @ 1', 'sum(small) offset 1m', 'vector(1)[5m]', '1[5m:1m]', 'small[5m:1m:1m]', 'small[5m:0s]', 'small[:1m]', 'rate(small[5m])[5m:1m][5m:1m]', 'sum by (n, ) (small)', 'sum by (,) (small)', 'sum by n (small)',
            'sum(small, small)', 'sum()', 'topk(small)', 'topk("a", small)', 'quantile(small, 1)', 'count_values(1, small)', 'count_values(small)', 'sum by (n) (small) by (n)', 'by', 'sum', 'bool', 'offset', 'group_left', 'start()', 'end()', 'inf{n="1"}',
            'on', 'small + on(n) group_left(n) small', 'small and on(n) group_left small', 'small and bool small', 'small + bool small', '1 + on(n) 2', 'small + on(n) 1', 'small > on(n) bool small', 'clamp(small, 1)', 'clamp(small, 1, 2, 3)', 'round()',
            'round(small, 1, 2)', 'time(1)', 'vector(small)', 'scalar(1)', 'label_join(small, "x")', 'label_replace(small, "x", "y")', 'absent(1)', 'absent(small[1m])', 'rate(small, 1)', 'histogram_quantile(small)', 'day_of_week(1)', 'nothing_such(small)',
            'sum(small) by (n', 'small{', 'small{n}', 'small{n=1}', 'small{n=="1"}', 'small{"n"}', 'small}', 'small)', '# only a comment', 'small # comment', 'small{n="1",,}', 'small{,}', '{n!="1"}', '{n=~".*"}', '{n!~"x"}', 'small{__name__="x"}', '']


def by_hand():
    """All of them."""
    return _at() + _boundaries() + _extremes() + _matching() + _matchers() + _literals()
