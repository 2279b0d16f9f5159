"""Records answers of a real daemon with the demo's data for the plugin's tests, into plugins/grafana/src/test/golden.

    /usr/bin/python3 tests/grafana/record.py
"""
import json
import os
from urllib.parse import urlencode

import demo
from harness import ROOT, wait_for

OUT = os.path.join(ROOT, 'plugins', 'grafana', 'src', 'test', 'golden')


def main():
    daemon, shop = demo.start(hours=8)
    span = {'from': shop.end - 600, 'to': shop.end}
    wanted = {
        'counts': ('counts', {'name': 'http_events_total', 'by': 'status', 'service': 'cart', 'step': 60, **span}),
        'tally': ('counts', {'name': 'tally_payment_amount_sum', 'by': 'method', **span}),
        'events': ('events', {'service': 'cart', 'limit': 3, **span}),
        'exceptions': ('exceptions', {'service': 'cart', 'limit': 2}),
        'top': ('top', {'by': 'url', 'service': 'cart', 'status': '5xx', 'compare': 'previous', 'k': 3, **span}),
        'markers': ('markers', {'limit': 10}),
        'verdicts': ('verdicts', {'service': 'cart'}),
        'range': ('query_range', {'query': 'avg by (service) (cpu)', 'start': shop.end - 300, 'end': shop.end, 'step': 60}),
        'instant': ('query', {'query': 'count by (service) (cpu)', 'time': shop.end}),
        'incidents': ('incidents', {'from': shop.start, 'to': shop.end, 'limit': 1}),
        'anomalies': ('anomalies', {'from': shop.start, 'to': shop.end, 'limit': 3}),
    }
    os.makedirs(OUT, exist_ok=True)
    with daemon:
        wait_for(lambda: json.loads(daemon.request('GET', '/api/v1/incidents')[1])['data']['items'], timeout=120)
        for name, (path, params) in wanted.items():
            code, body, _ = daemon.request('GET', f'/api/v1/{path}?{urlencode(params)}')
            assert code == 200, body
            with open(os.path.join(OUT, name + '.json'), 'w', encoding='utf-8') as out:
                json.dump(json.loads(body), out, indent=1)
                out.write('\n')


if __name__ == '__main__':
    main()
