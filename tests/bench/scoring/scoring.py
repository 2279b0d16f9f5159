#!/usr/bin/env python3
"""How good are the scores: NAB, and events found against false alerts on two labelled sets of production series.

NAB_DIR, KPI_DIR and CLOUD_DIR name the folders; what is not named is left out. NAB_DIR has data/, labels/, config/ and
results/ of numenta/NAB; the others hold *.csv.gz with timestamp,value,label. SEEDS=11,12 takes fewer seeds.
"""
import json
import math
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import nab  # noqa: E402
import series  # noqa: E402

PROGRAM = os.environ.get('BENCH_SCORING', 'build/release/tests/bench/bench_scoring')
SEEDS = [int(s) for s in os.environ.get('SEEDS', '11,12,13,14,15').split(',')]
WEIGHTS = [0.25, 0.25, 0.25, 0.125, 0.125]
FIXED = 0.82
THRESHOLDS = [round(0.5 + 0.04 * k, 2) for k in range(20)]
SPLITS = 50


def raw_of(row, weights, full_effect):
    mean = sum(w * f for w, f in zip(weights, row.families)) / sum(weights)
    return mean * min(1.0, row.effect / full_effect)


def policy(values, threshold, dearer=0.3, fades=7500):
    """As opens_by_raw in scoring/first_decide.c: [(index, raw)] to the indices at which incidents open."""
    fresh = frequent = 0.0
    opened, at, out = None, 0, []
    for i, raw in values:
        if raw < threshold:
            continue
        fresh *= (1 - 1 / 100) ** (i - at)
        frequent *= (1 - 1 / fades) ** (i - at)
        at = i
        if raw < threshold + fresh + dearer * frequent or (opened is not None and i - opened < 80):
            continue
        opened, fresh, frequent = i, max(0.5, raw - threshold), frequent + 1
        out.append(i)
    return out


def halves(count, seed=1):
    order = random.Random(seed)
    for _ in range(SPLITS):
        names = list(range(count))
        order.shuffle(names)
        yield names[:count // 2], names[count // 2:]


def across(files, table):
    """Mean over splits: the choice (key of table, {choice: [score by file]}) made on one half, scored on the other."""
    windows = sum(len(f.windows) for f in files)
    scores = []
    for a, b in halves(len(files)):
        total = 0.0
        for learn, judge in ((a, b), (b, a)):
            choice = max(table, key=lambda c: sum(table[c][i] for i in learn))
            total += sum(table[choice][i] for i in judge)
        scores.append(nab.normal(total, windows))
    return sum(scores) / len(scores), min(scores), max(scores)


def check_scorer(folder, files):
    """The benchmark's windowed Gaussian at its published threshold against its published score."""
    with open(os.path.join(folder, 'config/thresholds.json')) as f:
        threshold = json.load(f)['windowedGaussian']['standard']['threshold']
    with open(os.path.join(folder, 'results/final_results.json')) as f:
        published = json.load(f)
    windows = sum(len(f.windows) for f in files)
    found = [[i for i, s in enumerate(nab.windowed_gaussian(f)) if s >= threshold] for f in files]
    for profile, name in (('standard', 'standard'), ('low FP', 'reward_low_FP_rate'), ('low FN', 'reward_low_FN_rate')):
        total = sum(nab.raw_score(f, d, profile) for f, d in zip(files, found))
        print('  windowed Gaussian, %s: %.4f by this scorer, %.4f published' %
              (profile, nab.normal(total, windows, profile), published['windowedGaussian'][name]))
    for name in ('ARTime', 'numenta', 'contextOSE', 'htmjava', 'randomCutForest'):
        print('  published %-22s' % name + ', '.join('%s %.1f' % (p.replace('reward_', ''), s)
                                                   for p, s in sorted(published[name].items(), reverse=True)))


def nested(files, rows):
    """Weights, effect, policy and threshold all chosen on one half, out of 60 drawn at random."""
    draw = random.Random(5)
    table = {}
    for n in range(60):
        weights = [draw.choice((0, 0.5, 1, 2)) for _ in WEIGHTS]
        effect, dearer = draw.choice((2, 3, 4, 6)), draw.choice((0.1, 0.2, 0.3, 0.4))
        fades = draw.choice((2500, 5000, 7500, 10000))
        if sum(weights) == 0:
            continue
        for threshold in (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.3):
            table[n, threshold] = [
                nab.raw_score(f, policy([(r.index, raw_of(r, weights, effect)) for r in rows[f.name]], threshold,
                                        dearer, fades)) for f in files]
    return across(files, table)


def mean_range(values):
    return '%.2f (%.1f..%.1f)' % (sum(values) / len(values), min(values), max(values))


def bench_nab(folder):
    files = nab.load(folder)
    windows = sum(len(f.windows) for f in files)
    print('NAB: %d series, %d windows, seeds %s' % (len(files), windows, SEEDS))
    check_scorer(folder, files)
    fixed, folds, cost = {p: [] for p in nab.PROFILES}, [], []
    for seed in SEEDS:
        rows, us = series.score(PROGRAM, 'nab', seed, files)
        cost.append(us)
        alerts = {f.name: [r.index for r in rows[f.name] if r.alert] for f in files}
        values = {f.name: [(r.index, r.raw) for r in rows[f.name]] for f in files}
        for profile in fixed:
            total = sum(nab.raw_score(f, alerts[f.name], profile) for f in files)
            fixed[profile].append(nab.normal(total, windows, profile))
        table = {t: [nab.raw_score(f, policy(values[f.name], t)) for f in files] for t in THRESHOLDS}
        own = nab.normal(sum(table[FIXED]), windows)
        if abs(own - fixed['standard'][-1]) > 0.5:
            print('  the policy here and in the detector differ: %.2f, %.2f' % (own, fixed['standard'][-1]))
        folds.append(across(files, table)[0])
        if seed == SEEDS[0]:
            first = rows
    for profile, scores in fixed.items():
        print('  threshold fixed, %-9s %s' % (profile + ':', mean_range(scores)))
    print('  threshold chosen on the other half: %s' % mean_range(folds))
    print('  all chosen on the other half (seed %d): %.2f (splits %.1f..%.1f)' % ((SEEDS[0],) + nested(files, first)))
    print('  %.2f us a sample' % (sum(cost) / len(cost)))


def bench_events(title, folder, rates):
    files = series.load(folder)
    rows, us = series.score(PROGRAM, 'operations', 11, files)
    lines = {
        'score 0..100': {f.name: [(r.index, r.score) for r in rows[f.name]] for f in files},
        'raw score': {f.name: [(r.index, r.raw) for r in rows[f.name]] for f in files},
        'rolling z, 1,000 samples': {f.name: series.rolling_z(f) for f in files},
    }
    print('%s: %d series, %.0f series-days, %.2f us a sample; events found at %s false alerts per series-day' %
          (title, len(files), sum(f.days for f in files), us, '/'.join(map(str, rates))))
    for name, values in lines.items():
        events, best = series.recall(files, values, rates)
        print('  %-26s %d events: ' % (name, events) + '  '.join('%.2f (at %.4g)' % b for b in best))
    calibration(files, rows)


def calibration(files, rows):
    """Blocks of 64 samples outside labelled events that reach a score, over how many its return period promises: of
    events that come by themselves once in a period, a block of b hours has one with probability 1 - e^(-b/period)."""
    for score in (20, 30, 40, 50, 60):
        observed = [0.0, 0.0]
        expected = [0.0, 0.0]
        for n, f in enumerate(files):
            first = series.LEARNED
            if len(f.samples) <= first:
                continue
            blocks, hours = series.quiet_blocks(f, first)
            expected[n % 2] += blocks * -math.expm1(-hours / 10 ** (score / 20))
            observed[n % 2] += len({r.index // 64 for r in rows[f.name] if r.score >= score and r.index >= first
                                    and not series.is_near_event(f, r.index)})
        print('  score %d, once in %.0f h: %d blocks seen, %.1f expected, ratio %.2f (every second series %s)' %
              (score, 10 ** (score / 20), sum(observed), sum(expected), sum(observed) / max(sum(expected), 1e-9),
               ', '.join('%.2f' % (o / max(e, 1e-9)) for o, e in zip(observed, expected))))


def main():
    if 'NAB_DIR' in os.environ:
        bench_nab(os.environ['NAB_DIR'])
    if 'KPI_DIR' in os.environ:
        bench_events('AIOps 2018 KPI', os.environ['KPI_DIR'], (0.05, 0.1, 0.2, 0.4))
    if 'CLOUD_DIR' in os.environ:
        bench_events('Cloud monitoring', os.environ['CLOUD_DIR'], (0.01, 0.02, 0.04, 0.08))
    if not {'NAB_DIR', 'KPI_DIR', 'CLOUD_DIR'} & set(os.environ):
        print('name NAB_DIR, KPI_DIR or CLOUD_DIR: see tests/bench/scoring/scoring.py')


if __name__ == '__main__':
    main()
