#!/usr/bin/env python3
"""Events: rate and processor time of HTTP events with page groups, histograms and raw buffer; of tallies; a search of
ten million events. Part of make bench; alone: `python3 tests/bench/events.py [ingest|groups|tally|scan|size]...`. QUICK=0: in full."""
import glob
import json
import os
import subprocess
import sys
import tempfile
import time
from urllib.parse import urlencode

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'system'))
import harness  # noqa: E402
from measure import Watch, cpu_seconds, disk_bytes  # noqa: E402

QUICK = os.environ.get('QUICK', '1') != '0'
LOGS = os.environ.get('EVENTS_LOGS', os.path.join(harness.ROOT, 'tests', 'data', 'http'))
DAY_MS = 86400 * 1000
# As server/cli/bench_series.c has them.
SERVICES = ('cart checkout payment catalog search pricing inventory shipping tax promo coupon loyalty recommend review wishlist account '
            'auth session profile address order order-history returns refund fraud risk email sms push notify media image-resize cms '
            'banner ads geo store-locator gift-card subscription billing ledger invoice warehouse picking carrier tracking chat support '
            'edge-gateway graphql').split()
PAGES = ('home category search-results product-detail cart checkout-address checkout-payment checkout-confirm login register account '
         'orders returns wishlist gift landing blog help api-public api-mobile').split()
SHAPES = ('^/{}/', '/{}/[0-9]+$', '^/(?:[a-z]{{2}}/)?{}/')


def say(name, value, goal, unit=''):
    print(f'  {name:<58} {value:>10.3f} {unit:<8} {goal}')
    sys.stdout.flush()


def shops():
    """A thousand patterns: twenty for each of fifty services."""
    return [{'name': service, 'page_groups': [{'name': page, 'match': SHAPES[i % 3].format(page)} for i, page in enumerate(PAGES)]}
            for service in SERVICES]


def start(**config):
    folder = tempfile.mkdtemp(prefix='tm-bench-', dir=os.environ.get('BENCH_DIR'))
    d = harness.Daemon(folder=folder, config=config)
    d.own_folder = True
    return d.start()


def load(d, *args):
    """(report, CPU seconds of daemon and gates until all is in files, peak MiB)"""
    pids = [d.process.pid] + d.gates()
    watch = Watch(lambda: pids)
    before = cpu_seconds(pids)
    run = subprocess.run([harness.COMMAND, 'bench', '--json', '--to', d.rep, *args], capture_output=True, text=True, timeout=1800)
    if run.returncode != 0:
        raise SystemExit(f'bench {" ".join(args)} failed: {run.stderr}')
    assert d.request('POST', '/api/v1/admin/flush', timeout=600)[0] == 200
    out = json.loads(run.stdout)
    return out.get('data', out), cpu_seconds(pids) - before, watch.end()[0]


def ask(d, path, **query):
    begun = time.monotonic()
    status, answer, _ = d.request('GET', f'/api/v1/{path}?' + urlencode(query), timeout=600)
    took = time.monotonic() - begun
    assert status == 200, answer
    return json.loads(answer)['data'], took


def tell_load(what, report, cpu, peak, goals):
    millions = report['samples'] / 1e6
    say(f'{what}: durable events per second', report['samples_per_s'], goals[0], '/s')
    say(f'{what}: CPU seconds per million, to the last file', cpu / millions, goals[1])
    say(f'{what}: the generator\'s, beside it', report['cpu_seconds'] / millions, '')
    say(f'{what}: ack p99; peak of summed RssAnon {peak:.0f} MiB', report['ack_p99_ms'], '', 'ms')


def ingest():
    """Over nanomsg, with fdatasync: 1,000 configured patterns, then none."""
    seconds = '8' if QUICK else '60'
    for what, services in (('1,000 patterns', shops()), ('learned groups', [])):
        d = start(services=services)
        try:
            report, cpu, peak = load(d, '--events', '--senders', '4', '--series', '2000', '--seconds', seconds)
            tell_load(what, report, cpu, peak, ('goal >= 300000', 'goal <= 3'))
            counted = ask(d, 'counts', name='http_events_total')[0]['items'][0]['points'][0][1]
            say(f'{what}: counted less acknowledged', counted - report['samples'], 'goal 0')
            say(f'{what}: bytes an event kept raw, not sealed', disk_bytes(os.path.join(d.data_dir, 'events')) / report['samples'], '')
        finally:
            d.stop()


def groups():
    """A thousand patterns of one service over a million different URLs, nothing cached, one core."""
    run = subprocess.run([os.path.join(harness.BUILD, 'tests', 'bench', 'bench_page_groups')], capture_output=True, text=True, check=True)
    for line in run.stdout.splitlines():
        print('  ' + line)
    say('1,000 patterns, a million URLs, cold: events/s a core', float(run.stdout.splitlines()[0].split()[6]), 'goal >= 300000', '/s')


def tally():
    """Payments of six senders; the sum is exact."""
    d = start()
    try:
        report, cpu, peak = load(d, '--tally', '--senders', '6', '--series', '300', '--seconds', '5' if QUICK else '60')
        tell_load('tallies', report, cpu, peak, ('goal >= 60000', ''))
        amount = ask(d, 'counts', name='tally_payment_amount_sum')[0]['items'][0]['points'][0][1]
        say('tallies: sum less what was acknowledged', amount - report['amount'], 'goal 0')
    finally:
        d.stop()


def scan():
    """Ten million events of one day, of which a filter leaves none or few; read twice before."""
    base = int(time.time() * 1000) // DAY_MS * DAY_MS - DAY_MS
    d = start(services=shops())
    try:
        report, _, _ = load(d, '--events', '--senders', '4', '--series', '2000', '--steps', '5000', '--base-ms', str(base))
        for text in ('url=~"/nothing/" status>=500', 'url~"/nothing/"', 'duration_ms>1000', 'url=~"/99[0-9]+x$"'):
            took = sorted(ask(d, 'events', filter=text, **{'from': '-3d'})[1] for _ in range(5))[2]
            say(f'{report["samples"] / 1e6:.0f} M events, {text}', took, 'goal <= 1', 's')
        say('top 10 URLs of all of them', sorted(ask(d, 'top', by='url', k='10', **{'from': '-3d'})[1] for _ in range(3))[1], '', 's')
    finally:
        d.stop()


def size():
    """Real logs as they are, and with all their days' requests within one."""
    program = os.path.join(harness.BUILD, 'tests', 'bench', 'bench_events')
    for path in sorted(glob.glob(os.path.join(LOGS, '*.log.gz'))):
        text = subprocess.run(['zcat', path], capture_output=True, check=True).stdout
        for what, args in (('one flush', ['1']), ('a flush every 2,000', ['1', '2000']), ('in one day, a flush every 2,000', ['1', '2000', 'squeeze'])):
            out = json.loads(subprocess.run([program, *args], input=text, capture_output=True, check=True).stdout)
            say(f'{os.path.basename(path).split(".")[0][:20]}, {what}: bytes an event', out['bytes_an_event'], 'goal <= 12')


ALL = {'ingest': ingest, 'groups': groups, 'tally': tally, 'scan': scan, 'size': size}


def main(names):
    for name in names or ALL:
        print(f'events: {name}')
        ALL[name]()


if __name__ == '__main__':
    main(sys.argv[1:])
