"""Drives the built plugin in headless Chromium against a daemon with the demo's data: plugins/grafana/harness/run.mjs.

    /usr/bin/python3 tests/grafana/browser.py [--shots DIR] [--only PATTERN]
    /usr/bin/python3 tests/grafana/browser.py --set 11.6.14     with the packages of another Grafana
    /usr/bin/python3 tests/grafana/browser.py --bench           a panel of 200 series over 30 days, timed
"""
import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time

import demo
from harness import ROOT, command, now_ms, wait_for

PLUGIN = os.path.join(ROOT, 'plugins', 'grafana')


def obey(word, daemon):
    """What the browser's side wants to happen to the daemon."""
    if word == 'stop':
        daemon.terminate()
    elif word == 'start':
        daemon.start()
    elif word == 'deploy':
        # a deploy whose requests fail from the first minute on: its verdict and an incident are told
        at = now_ms() // 1000 // 60 * 60
        lines = [f'deploy,service=pay,env=prod version="9.9.9" {at - 600}000']
        lines += [f'http,service=pay,env=prod,method=POST,status={status} url="/pay/card",count={count}i {second}000'
                  for second in range(at - 590, at + 30, 10) for status, count in ((200, 20), (500, 20))]
        assert daemon.write('\n'.join(lines), '/write?precision=ms')[0] == 204


def thirty_days(daemon, series=200, step_s=300):
    """Gauges of many pods, a sample every five minutes."""
    end = now_ms() // 1000 // 60 * 60
    for day in range(30):
        begin = end - (30 - day) * 86400
        lines = [f'load,service=cart,pod=p{pod} value={math.sin(at / 43200 * math.pi + pod) + pod:.3f} {at}000'
                 for at in range(begin, begin + 86400, step_s) for pod in range(series)]
        for first in range(0, len(lines), 10000):
            assert daemon.write('\n'.join(lines[first:first + 10000]), '/write?precision=ms')[0] == 204
    assert daemon.request('POST', '/api/v1/admin/flush', timeout=60)[0] == 200


def bench(with_node, more):
    with demo.Daemon(config=demo.CONFIG) as daemon:
        thirty_days(daemon)
        return subprocess.run(with_node + ['harness/bench.mjs', '--daemon', f'http://{daemon.http}'] + more, cwd=PLUGIN, check=False).returncode


def check(with_node, more):
    daemon, shop = demo.start(hours=8)
    with daemon:
        # what the bad deploy did is found: scoring is behind what was pushed by seconds
        wait_for(lambda: json.loads(daemon.request('GET', '/api/v1/incidents?service=cart')[1])['data']['items'], timeout=240)
        week = time.strftime('%G-W%V', time.gmtime())
        code, _, err = command('report', '--service', 'cart', '--week', week, '--server', f'http://{daemon.http}', timeout=120)
        assert code == 0, err
        process = subprocess.Popen(with_node + ['harness/run.mjs', '--daemon', f'http://{daemon.http}', '--end', f'{shop.end - 60}000'] + more, cwd=PLUGIN,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if line.startswith('@'):
                obey(line[1:].strip(), daemon)
                process.stdin.write('done\n')
                process.stdin.flush()
            else:
                print(line, end='', flush=True)
        return process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--set', dest='version')
    parser.add_argument('--bench', action='store_true')
    options, more = parser.parse_known_args()
    if not shutil.which(os.environ.get('CHROMIUM', 'chromium')):
        print('grafana: skipped in the browser: there is no chromium (apt-get install chromium)')
        return 0
    with_node = [os.path.join(PLUGIN, 'with-node'), 'node']
    build = ['harness/build.mjs']
    if options.version:
        folder = os.path.join(ROOT, 'build', 'grafana', 'sets', options.version)
        subprocess.run(with_node + ['harness/set.mjs', options.version, folder], cwd=PLUGIN, check=True)
        build += ['--set', folder]
        more += ['--out', os.path.join(folder, 'out')]
    subprocess.run(with_node + build, cwd=PLUGIN, check=True)
    return (bench if options.bench else check)(with_node, more)


if __name__ == '__main__':
    sys.exit(main())
