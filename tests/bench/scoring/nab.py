"""The scorer of the Numenta Anomaly Benchmark, written anew: windows, probation, sigmoid weights, three profiles.

A detection counts once per window, the earlier the more; every other one costs, the farther behind a window the more.
100 is a detection at the first instant of every window and nothing else, 0 is no detection at all.
"""
import bisect
import csv
import gzip
import json
import math
import os

from series import seconds

PROFILES = {'standard': (1.0, 0.11, 1.0), 'low FP': (1.0, 0.22, 1.0), 'low FN': (1.0, 0.11, 2.0)}


class File:
    def __init__(self, name, rows, windows):
        self.name = name
        self.samples = [(seconds(r[0]), float(r[1])) for r in rows]
        times = [t for t, _ in self.samples]
        self.windows = [(bisect.bisect_left(times, seconds(a)), bisect.bisect_right(times, seconds(b)) - 1)
                        for a, b in windows]
        self.probation = int(min(0.15 * len(rows), 0.15 * 5000))


def load(folder):
    with open(os.path.join(folder, 'labels/combined_windows.json')) as f:
        windows = json.load(f)
    files = []
    for name in sorted(windows):
        path = os.path.join(folder, 'data', name)
        opener = gzip.open if os.path.exists(path + '.gz') else open
        with opener(path + '.gz' if opener is gzip.open else path, 'rt') as f:
            files.append(File(name, list(csv.reader(f))[1:], windows[name]))
    return files


def sigmoid(x):
    return -1.0 if x > 3 else 2 / (1 + math.exp(5 * x)) - 1


def raw_score(file, detections, profile='standard'):
    """Not normalised: to be summed over files."""
    hit_weight, false_weight, miss_weight = PROFILES[profile]
    best = [None] * len(file.windows)
    total = 0.0
    for i in detections:
        if i < file.probation:
            continue
        k = bisect.bisect_right(file.windows, (i, math.inf)) - 1
        if k >= 0 and i <= file.windows[k][1]:
            left, right = file.windows[k]
            value = sigmoid(-(right - i + 1) / (right - left + 1)) / sigmoid(-1) * hit_weight
            best[k] = value if best[k] is None else max(best[k], value)
        elif k < 0:
            total -= false_weight
        else:
            left, right = file.windows[k]
            total += sigmoid((i - right) / max(1, right - left)) * false_weight
    return total + sum(-miss_weight if b is None else b for b in best)


def normal(total, windows, profile='standard'):
    hit_weight, _, miss_weight = PROFILES[profile]
    return 100 * (total + miss_weight * windows) / ((hit_weight + miss_weight) * windows)


def windowed_gaussian(file, size=6400, step=100):
    """The benchmark's own simplest detector: what it publishes for it checks this scorer."""
    window, buffer, out = [], [], []
    total = squares = 0.0
    for _, x in file.samples:
        score = 0.0
        if window:
            n = len(window)
            mean = total / n
            deviation = math.sqrt(max(0.0, squares / n - mean * mean)) or 1e-6
            score = 1 - 0.5 * math.erfc(abs(x - mean) / deviation / 1.4142)
        out.append(round(score, 12))  # as the result files have it
        if len(window) < size:
            window.append(x)
            total, squares = total + x, squares + x * x
            continue
        buffer.append(x)
        if len(buffer) == step:
            window = window[step:] + buffer
            buffer = []
            total, squares = sum(window), sum(v * v for v in window)
    return out
