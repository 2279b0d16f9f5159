"""The live total of a tally: six senders at 60,000 lines a second, killed in the midst, everything sent again, exact to
the unit throughout: CONTRACT 2 to 4. TALLY_ROUNDS and TALLY_SECONDS set how often and how long (soak: 20 x 600 s)."""
import json
import os
import random
import threading
import time
from urllib.parse import urlencode

from harness import SANITISED, Daemon, NanoError, Req, now_ms, soak

ROUNDS = int(os.environ.get('TALLY_ROUNDS', '20' if soak() else '3'))
SECONDS = float(os.environ.get('TALLY_SECONDS', '600' if soak() else '2'))
SENDERS, LINES = 6, 1000
RATE = 6000 if SANITISED else 60000
METHODS = ('card', 'paypal', 'invoice')


class Cash:
    """One sender. Its batches follow from (round, name, seq) alone, so that they are made again to be sent again."""

    def __init__(self, daemon, name, base_ms):
        self.daemon, self.name, self.base_ms = daemon, name, base_ms
        self.lock = threading.Lock()
        self.seq = self.sent = self.settled = 0  # the last two: sums of amount, of begun and of acknowledged batches
        self.lines = self.items = self.again = 0
        self.fault = None

    def batch(self, seq):
        """(message, sum of amount, sum of items): half are corrections, which `items` only has."""
        rng = random.Random(f'{self.name} {seq}')
        amounts = [rng.randrange(1, 100000) for _ in range(LINES)]
        sign = 1 - 2 * (seq % 2)
        text = '\n'.join(f'tally,name=payment,service=pay,method={METHODS[a % 3]},shop={self.name} amount={a}i,items={sign * (a % 7)}i '
                         f'{self.base_ms + seq * 37 + a % 1000}' for a in amounts)
        return f'#tm1 producer={self.name} epoch=1 seq={seq} precision=ms\n{text}'.encode(), sum(amounts), sign * sum(a % 7 for a in amounts)

    def deliver(self, link, message):
        while True:
            try:
                reply = link.ask(message)
            except NanoError:
                continue  # it was killed: nanomsg reaches the next one
            if reply['ok']:
                return reply
            assert 'retry_after_ms' in reply, reply
            time.sleep(reply['retry_after_ms'] / 1000)

    def run(self, seconds):
        begun, per_batch = time.monotonic(), SENDERS * LINES / RATE
        first = self.seq
        try:
            with Req(self.daemon.rep, timeout_ms=1000, resend_ms=200) as link:
                while time.monotonic() - begun < seconds:
                    self.seq += 1
                    message, amount, items = self.batch(self.seq)
                    with self.lock:
                        self.sent += amount
                    reply = self.deliver(link, message)
                    assert reply['duplicate'] or reply['accepted'] == LINES, reply
                    with self.lock:
                        self.settled += amount
                    self.lines, self.items = self.lines + LINES, self.items + items
                    time.sleep(max(0.0, begun + (self.seq - first) * per_batch - time.monotonic()))
                for seq in range(first + 1, self.seq + 1):
                    message, _, _ = self.batch(seq)
                    self.again += self.deliver(link, message)['duplicate']
        except Exception as fault:  # told by the test, in its thread
            self.fault = fault


def total(daemon, name, **query):
    status, answer, _ = daemon.request('GET', '/api/v1/counts?' + urlencode({'name': name, **query}), timeout=60)
    assert status == 200, answer
    items = json.loads(answer)['data']['items']
    return items[0]['points'][0][1] if items else 0


def look(daemon, senders):
    """What was acknowledged before the question is in the answer, and nothing that was not sent by its end."""
    def sum_of(which):
        values = []
        for sender in senders:
            with sender.lock:
                values.append(getattr(sender, which))
        return sum(values)
    settled = sum_of('settled')
    seen = total(daemon, 'tally_payment_amount_sum')
    assert settled <= seen <= sum_of('sent'), (settled, seen, sum_of('sent'))


def check(daemon, senders):
    assert total(daemon, 'tally_payment_amount_sum') == sum(s.settled for s in senders)
    assert total(daemon, 'tally_payment_total') == sum(s.lines for s in senders)
    assert total(daemon, 'tally_payment_items_sum') == sum(s.items for s in senders)
    for s in senders:
        assert total(daemon, 'tally_payment_amount_sum', **{'match[]': f'{{shop="{s.name}"}}'}) == s.settled


def test_the_live_total_is_exact_through_kills_and_resends():
    rng = random.Random(20261123)
    with Daemon(config={'storage': {'flush_interval': '500ms'}}) as daemon:
        daemon.pin_ports()
        senders = [Cash(daemon, f'shop{i}', now_ms() - 1800 * 1000) for i in range(SENDERS)]
        for round_ in range(ROUNDS):
            before = [s.seq for s in senders]
            threads = [threading.Thread(target=s.run, args=(SECONDS,)) for s in senders]
            for thread in threads:
                thread.start()
            kill_at = time.monotonic() + rng.uniform(0.2, 0.9) * SECONDS
            while time.monotonic() < kill_at:
                look(daemon, senders)
                time.sleep(0.1)
            daemon.kill()
            daemon.start(timeout=120)
            while any(thread.is_alive() for thread in threads):
                look(daemon, senders)
                time.sleep(0.1)
            assert not any(s.fault for s in senders), [s.fault for s in senders]
            assert all(s.seq > was for s, was in zip(senders, before))
            print(f'round {round_ + 1}: {sum(s.seq - was for s, was in zip(senders, before)) * LINES} lines in {SECONDS} s of sending')
            assert sum(s.again for s in senders) == sum(s.seq for s in senders), 'each batch that is sent again is known'
            check(daemon, senders)
        daemon.restart(timeout=120)
        check(daemon, senders)
