"""A daemon with a shop's data in it, for the Grafana plugin's tests: six hours that end now, the same for the same seed.

Alone it starts one, prints its address, and ends with its standard input:
    /usr/bin/python3 tests/grafana/demo.py [--hours 6]
"""
import argparse
import math
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'system'))
from harness import Daemon, now_ms  # noqa: E402

STEP_S = 30
GROUPS = {'shop': ('home', 'product', 'search'), 'cart': ('basket', 'checkout'), 'pay': ('card', 'invoice')}
PATHS = {'home': '/', 'product': '/p/%d', 'search': '/search?q=%d', 'basket': '/basket', 'checkout': '/checkout/%d',
         'card': '/pay/card', 'invoice': '/pay/invoice/%d'}
CONFIG = {
    'storage': {'retention': {'raw': '60d', 'events': '60d'}},
    'services': [{'name': name, 'owner': f'team-{name}', 'page_groups': [
        {'name': group, 'match': '^' + PATHS[group].split('%')[0].replace('?', '\\?') + ('$' if group == 'home' else '')}
        for group in groups]} for name, groups in GROUPS.items()],
}


class Shop:
    """start and end in unix seconds, the deploys, and all lines."""

    def __init__(self, seed=7, hours=6, end=None):
        self.rng = random.Random(seed)
        self.end = (end or now_ms() // 1000) // 60 * 60
        self.start = self.end - hours * 3600
        self.bad = self.end - hours * 3600 // 4 // 60 * 60
        self.lines = []
        for at in range(self.start, self.end, STEP_S):
            self.traffic(at)
            self.metrics(at)
            self.failures(at)
        self.markers(hours)

    def put(self, line, at):
        self.lines.append(f'{line} {at}000')

    def level(self, at):
        return 1 + 0.4 * math.sin((at % 86400) / 86400 * 2 * math.pi)

    def traffic(self, at):
        for service, groups in GROUPS.items():
            for group in groups:
                good = int(self.level(at) * self.rng.uniform(20, 30))
                broken = service == 'cart' and at >= self.bad  # far beyond what six hours of noise can do: an incident, whatever the minute
                for status, count in ((200, good), (404, self.rng.choice((0, 0, 1))),
                                      (500, self.rng.randrange(8, 16) if broken else self.rng.choice((0,) * 30 + (1,)))):
                    if count:
                        path = PATHS[group] % self.rng.randrange(40) if '%' in PATHS[group] else PATHS[group]
                        took = self.rng.lognormvariate(4 + broken * 1.2, 0.15)
                        self.put(f'http,service={service},env=prod,method={"POST" if group in ("checkout", "card") else "GET"},'
                                 f'status={status},cache={self.rng.choice(("hit", "miss"))} url="{path}",bytes={self.rng.randrange(200, 9000)}i,'
                                 f'duration_ms={took:.1f},user_agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",count={count}i', at)

    def metrics(self, at):
        for service in GROUPS:
            for pod in range(2):
                busy = 0.3 * self.level(at) + self.rng.gauss(0, 0.02) + (0.5 if service == 'cart' and at >= self.bad else 0)
                self.put(f'cpu,service={service},env=prod,pod={service}-{pod} value={busy:.4f}', at)
                self.put(f'heap_bytes,service={service},env=prod,pod={service}-{pod} value={int(2e8 * (1 + busy))}', at)

    def failures(self, at):
        if self.rng.random() < 0.05:
            self.put('exception,service=shop,env=prod,type=TimeoutError,release=3.1.0 message="search took over 2000 ms",'
                     'stack="at search(query.js:12)\\nat handle(app.js:40)"', at)
        if at >= self.bad:
            self.put(f'exception,service=cart,env=prod,type=NullPointerException,release=1.8.4 message="basket {self.rng.randrange(9999)} is gone",'
                     f'stack="at Basket.total(Basket.java:71)\\nat Checkout.run(Checkout.java:20)",count={self.rng.randrange(1, 4)}i', at)
        for method in ('card', 'invoice'):
            self.put(f'tally,name=payment,service=pay,env=prod,method={method} amount={self.rng.randrange(900, 90000)}i,items={self.rng.randrange(1, 5)}i', at)

    def markers(self, hours):
        for service, version, at, by in (('shop', '3.1.0', self.start + hours * 600, 'ci'), ('cart', '1.8.3', self.start + hours * 1200, 'ci'),
                                         ('cart', '1.8.4', self.bad, 'ci')):
            self.put(f'deploy,service={service},env=prod version="{version}",by="{by}"', at)
        self.put(f'marker,kind=event,service=shop class="black-friday",end={(self.end + 7200) * 1000}i,note="doors open at noon"', self.end - 1800)
        self.put(f'marker,kind=maintenance,service=pay end={(self.start + 5400) * 1000}i,note="card gateway"', self.start + 3600)

    def push(self, daemon):
        for at in range(0, len(self.lines), 2000):
            code, body, _ = daemon.write('\n'.join(self.lines[at:at + 2000]), '/write?precision=ms')
            assert code == 204, body


def start(hours=6, seed=7):
    """A daemon and what was pushed to it."""
    daemon = Daemon(config=CONFIG)
    daemon.start()
    daemon.pin_ports()
    shop = Shop(seed, hours)
    shop.push(daemon)
    return daemon, shop


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--hours', type=int, default=6)
    daemon, _ = start(parser.parse_args().hours)
    with daemon:
        print(f'http://{daemon.http}', flush=True)
        for command in sys.stdin:
            if command.strip() == 'stop':
                daemon.terminate()
            elif command.strip() == 'start':
                daemon.start()
            print('done', flush=True)


if __name__ == '__main__':
    main()
