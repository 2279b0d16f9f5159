"""Drives the built plugin in headless Chromium against a daemon with the demo's data: plugins/grafana/harness/run.mjs.

    /usr/bin/python3 tests/grafana/browser.py [--shots DIR]
"""
import os
import shutil
import subprocess
import sys
import time

import demo
from harness import ROOT, command, now_ms

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


def main():
    if not shutil.which(os.environ.get('CHROMIUM', 'chromium')):
        print('grafana: skipped in the browser: there is no chromium (apt-get install chromium)')
        return 0
    with_node = [os.path.join(PLUGIN, 'with-node'), 'node']
    subprocess.run(with_node + ['harness/build.mjs'], cwd=PLUGIN, check=True)
    daemon, _ = demo.start(hours=8)
    with daemon:
        week = time.strftime('%G-W%V', time.gmtime())
        code, _, err = command('report', '--service', 'cart', '--week', week, '--server', f'http://{daemon.http}', timeout=120)
        assert code == 0, err
        process = subprocess.Popen(with_node + ['harness/run.mjs', '--daemon', f'http://{daemon.http}'] + sys.argv[1:], cwd=PLUGIN,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if line.startswith('@'):
                obey(line[1:].strip(), daemon)
                process.stdin.write('done\n')
                process.stdin.flush()
            else:
                print(line, end='', flush=True)
        return process.wait()


if __name__ == '__main__':
    sys.exit(main())
