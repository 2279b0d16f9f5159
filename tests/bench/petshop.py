#!/usr/bin/env python3
"""Does `tidemark diff` name the node at fault? PetShop (Hardt et al., amazon-science/petshop-root-cause-analysis, CC BY 4.0):
34 failures injected into a real microservice shop, 25 minutes of metrics each, and two days of normal operation.

PETSHOP_DIR=.../petshop tests/bench/petshop.py [--verbose]

Each failure goes into a daemon of its own as it is, moved in time to behind the two days; the window is from the five minutes
in which the alert was to the end, against the two days. A node counts as named by the rank of its first series among the nodes.
Parameters of scoring/window_diff.c were chosen on every second issue (half A); half B is what remains of it."""
import csv
import glob
import gzip
import json
import os
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'system'))
from harness import Daemon, now_ms  # noqa: E402

STEP = 300


def read(path):
    """[(node, metric, statistic)], [(time, [value or None])]"""
    with gzip.open(path, 'rt') as file:
        rows = list(csv.reader(file))
    keys = list(zip(rows[0][1:], rows[1][1:], rows[2][1:]))
    return keys, [(int(float(row[0])), [None if text in ('', 'nan') else float(text) for text in row[1:]]) for row in rows[4:]]


def escape(text):
    return text.replace('\\', '\\\\').replace(',', '\\,').replace(' ', '\\ ').replace('=', '\\=')


def lines_of(keys, rows, shift):
    for time, values in rows:
        for (node, metric, statistic), value in zip(keys, values):
            if value is not None:
                yield f'{metric}_{statistic},service=petshop,node={escape(node)} value={value!r} {(time + shift) * 1000000000}'


def push(daemon, lines):
    lines = list(lines)
    for i in range(0, len(lines), 5000):
        code, body, _ = daemon.write('\n'.join(lines[i:i + 5000]))
        assert code == 204, body


def ranking(daemon, window, against):
    query = urllib.parse.urlencode({'window': window, 'against': against, 'service': 'petshop', 'limit': 10000})
    code, body, _ = daemon.request('GET', '/api/v1/diff?' + query)
    assert code == 200, body
    nodes = []
    for item in json.loads(body)['data']['items']:
        if item['score'] > 0 and item['labels']['node'] not in nodes:
            nodes.append(item['labels']['node'])
    return nodes


def rank_of(issue, normal, folder):
    """The place of the node at fault among the nodes that are named, from 1; 0: it is not."""
    with open(os.path.join(issue, 'target.json'), encoding='utf-8') as file:
        target = json.load(file)
    keys, rows = read(os.path.join(issue, 'metrics.csv.gz'))
    end = now_ms() // 1000 // STEP * STEP - 86400
    first = rows[0][0]
    shift = end - first
    with Daemon(folder) as daemon:
        normal_keys, normal_rows = normal
        begin = end - 3600 - (normal_rows[-1][0] - normal_rows[0][0])
        push(daemon, lines_of(normal_keys, normal_rows, begin - normal_rows[0][0]))
        push(daemon, lines_of(keys, rows, shift))
        at = first + (target['target']['timestamp'] - first) // STEP * STEP + shift
        nodes = ranking(daemon, f'{at}..{rows[-1][0] + STEP + shift}', f'{begin}..{end - 3600 + STEP}')
    root = target['root_cause']['node']
    return (nodes.index(root) + 1 if root in nodes else 0), nodes[:3], root


def told(name, ranks):
    within = [sum(0 < rank <= k for rank in ranks) for k in (1, 3, 5)]
    print(f'{name:8} {len(ranks):3} issues: first {within[0]}, among three {within[1]} ({100 * within[1] / len(ranks):.0f} %), among five {within[2]}')


def main():
    base = os.environ.get('PETSHOP_DIR')
    if not base:
        sys.exit('PETSHOP_DIR: the folder of PetShop\'s data set, with high_traffic and low_traffic in it')
    import tempfile
    ranks = []
    for traffic in ('high_traffic', 'low_traffic'):
        normal = read(os.path.join(base, traffic, 'noissue', 'metrics.csv.gz'))
        for issue in sorted(glob.glob(os.path.join(base, traffic, '*', 'issue_*'))):
            with tempfile.TemporaryDirectory() as folder:
                rank, nodes, root = rank_of(issue, normal, folder)
            ranks.append(rank)
            if '--verbose' in sys.argv:
                print(f'{os.path.relpath(issue, base):28} {rank:3}  {root}: {nodes}', flush=True)
    told('all', ranks)
    told('half A', ranks[::2])
    told('half B', ranks[1::2])


if __name__ == '__main__':
    main()
