"""Labelled series, and the stream of them through bench_scoring."""
import bisect
import csv
import datetime
import glob
import gzip
import os
import subprocess


def seconds(text):
    try:
        return float(text)
    except ValueError:
        when = datetime.datetime.fromisoformat(text.replace('Z', '').replace('T', ' '))
        return when.replace(tzinfo=datetime.timezone.utc).timestamp()


class Labelled:
    """timestamp,value,label with a header; rows without a value are left out."""

    def __init__(self, path):
        with gzip.open(path, 'rt') as f:
            rows = [r for r in list(csv.reader(f))[1:] if r[1] != '']
        self.name = os.path.basename(path)
        self.samples = [(seconds(r[0]), float(r[1])) for r in rows]
        self.days = (self.samples[-1][0] - self.samples[0][0]) / 86400
        self.events = []  # first and last sample of each labelled run
        for i, row in enumerate(rows):
            if float(row[2]) and self.events and self.events[-1][1] == i - 1:
                self.events[-1][1] = i
            elif float(row[2]):
                self.events.append([i, i])


def load(folder):
    return [Labelled(path) for path in sorted(glob.glob(os.path.join(folder, '**/*.csv.gz'), recursive=True))]


class Row:
    """What bench_scoring says of one sample."""
    __slots__ = ('index', 'score', 'alert', 'raw', 'effect', 'families')

    def __init__(self, words):
        self.index, self.score, self.alert = int(words[0]), float(words[1]), words[2] == '1'
        self.raw, self.effect, self.families = float(words[3]), float(words[4]), [float(w) for w in words[5:]]


def score(program, profile, seed, files):
    """{name: [Row]}, and CPU microseconds a sample."""
    text = ''.join('F %s\n' % f.name + ''.join('%.3f,%.17g\n' % s for s in f.samples) for f in files)
    run = subprocess.run([program, profile, str(seed)], input=text, capture_output=True, text=True, check=True)
    rows, current = {}, None
    for line in run.stdout.splitlines():
        if line[0] == 'F':
            current = rows[line[2:]] = []
        else:
            current.append(Row(line.split()))
    return rows, float(run.stderr.split()[1])


LEARNED = 100 + 15 * 64  # samples until a series has a calibration of its own


def is_near_event(file, index):
    """Within an event, or up to 64 samples behind or before it."""
    k = bisect.bisect_right(file.events, [index + 64, index + 64])
    return any(e[1] + 64 >= index for e in file.events[max(0, k - 3):k])


def quiet_blocks(file, first):
    """Blocks of 64 samples that are not near an event, and how many hours one lasts by the usual distance."""
    distances = sorted(b[0] - a[0] for a, b in zip(file.samples, file.samples[1:]))
    count = sum(not is_near_event(file, i) for i in range(first, len(file.samples)))
    return count / 64, 64 * distances[len(distances) // 2] / 3600


def rolling_z(file, size=1000):
    """(index, size of the deviation from the last `size` samples in their standard deviations)."""
    total = squares = 0.0
    out = []
    for i, (_, x) in enumerate(file.samples):
        n = min(i, size)
        if n >= 100:
            mean = total / n
            deviation = max(0.0, squares / n - mean * mean) ** 0.5
            deviation = max(deviation, 0.01 * (max(0.0, squares) / n) ** 0.5, 1e-9)  # constant stretches are no reason to shout
            out.append((i, abs(x - mean) / deviation))
        total, squares = total + x, squares + x * x
        if i >= size:
            old = file.samples[i - size][1]
            total, squares = total - old, squares - old * old
    return out


def found_and_false(file, indices):
    """Events with a sample of `indices` from 2 before to 10 after; of the other samples, runs with gaps up to 10."""
    hits, false, last, k = set(), 0, -100, 0
    for i in indices:
        while k < len(file.events) and file.events[k][1] + 10 < i:
            k += 1
        inside = False
        for j in range(k, len(file.events)):
            if file.events[j][0] - 2 > i:
                break
            if i <= file.events[j][1] + 10:
                hits.add(j)
                inside = True
        if not inside:
            false += i - last > 10
            last = i
    return len(hits), false


def recall(files, values, rates):
    """values: {name: [(index, value)]}. For each rate of false alerts per series-day the share of events found at the
    best threshold that keeps to it, and that threshold."""
    days = sum(f.days for f in files)
    events = sum(len(f.events) for f in files)
    every = sorted(v for f in files for _, v in values[f.name])
    # finer towards the top, where few false alerts are
    marks = sorted({every[int(len(every) * (1 - 10 ** (-k / 40)))] for k in range(16, 220)
                    if int(len(every) * (1 - 10 ** (-k / 40))) < len(every)})
    best = [(0.0, 0.0)] * len(rates)
    for mark in reversed(marks):
        counts = [found_and_false(f, [i for i, v in values[f.name] if v >= mark]) for f in files]
        found = sum(c[0] for c in counts) / events
        false = sum(c[1] for c in counts) / days
        for r, rate in enumerate(rates):
            if false <= rate and found > best[r][0]:
                best[r] = (found, mark)
        if false > 3 * max(rates):
            break
    return events, best
