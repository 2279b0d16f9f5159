"""`tidemark push --follow` of access logs: the events are the log's lines exactly, over rotation by both ways, restart
and kill -9 at any point."""
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from urllib.parse import quote

import pytest

import harness
from harness import COMMAND, Daemon

PATIENCE_S = 90  # on a machine that does other things too
ROUNDS = 200 if harness.soak() else int(os.environ.get("SHIP_ROUNDS", "12"))
SEED = int(os.environ.get("SHIP_SEED", "4"))


def wait_for(condition):
    return harness.wait_for(condition, timeout=PATIENCE_S)


def clf(number, status=200):
    stamp = time.strftime('%d/%b/%Y:%H:%M:%S +0000', time.gmtime())
    return f'c0 - - [{stamp}] "GET /p/{number} HTTP/1.1" {status} 512\n'


class Log:
    """A growing access log; every line has a number of its own."""

    def __init__(self, folder, name='access.log'):
        self.path, self.lock, self.count, self.rotations = os.path.join(str(folder), name), threading.Lock(), 0, 0
        self.file = open(self.path, 'ab', buffering=0)
        self.running, self.thread = False, None

    def write(self, lines=1):
        with self.lock:
            self.file.write(''.join(clf(self.count + i) for i in range(lines)).encode())
            self.count += lines

    def _shift(self, keep):
        """access.log.1 becomes access.log.2, ...; what is beyond keep goes."""
        for i in range(keep, 0, -1):
            for ending in ('', '.gz'):
                old = f'{self.path}.{i}{ending}'
                if os.path.exists(old):
                    if i == keep:
                        os.remove(old)
                    else:
                        os.rename(old, f'{self.path}.{i + 1}{ending}')

    def rename(self, keep=9, late=0):
        """As logrotate does with create: the writer goes on in the old file for some lines."""
        with self.lock:
            self._shift(keep)
            os.rename(self.path, self.path + '.1')
            fresh = open(self.path, 'ab', buffering=0)
        if late:
            self.write(late)
        with self.lock:
            self.file.close()
            self.file = fresh
            self.rotations += 1

    def copytruncate(self, keep=9):
        """As logrotate does it, but that nothing is written between copy and cut: those lines nobody could save."""
        with self.lock:
            self._shift(keep)
            shutil.copyfile(self.path, self.path + '.1')
            os.truncate(self.path, 0)
            self.rotations += 1

    def compress(self, number=1):
        path = f'{self.path}.{number}'
        if os.path.exists(path):
            subprocess.run(['gzip', path], check=True)

    def run(self, pause_s=0.001, lines=7):
        def grow():
            while self.running:
                self.write(lines)
                time.sleep(pause_s)
        self.running, self.thread = True, threading.Thread(target=grow, daemon=True)
        self.thread.start()

    def stop(self):
        self.running = False
        if self.thread:
            self.thread.join()


class Shipper:
    def __init__(self, daemon, *paths, more=()):
        self.args = [COMMAND, 'push', '--follow', '--format', 'clf', '--service', 'shop', '--to', daemon.rep, *more, *paths]
        self.process, self.err = None, b''
        self.state = more[more.index('--state') + 1] if '--state' in more else (paths or [''])[0] + '.tidemark'

    def start(self):
        self.process = subprocess.Popen(self.args, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for(self._listens_to_sigterm)
        return self

    def _listens_to_sigterm(self):
        """Before that a signal ends it as it ends any program."""
        if self.process.poll() is not None:
            return True
        if not os.path.exists(self.state):
            return False
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as status:
            caught = next(line for line in status if line.startswith('SigCgt'))
        return int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1

    def kill(self):
        self.process.kill()
        self.err += self.process.communicate()[1]

    def stop(self):
        """SIGTERM; (exit code, stdout, stderr)."""
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=PATIENCE_S)
        self.err += err
        return self.process.returncode, out.decode(), err.decode()


def urls(daemon, service='shop'):
    """{url: how often} of all events."""
    found, cursor = collections.Counter(), ''
    while True:
        path = f'/api/v1/events?service={service}&from=-2h&limit=10000' + (f'&cursor={quote(cursor)}' if cursor else '')
        status, body, _ = daemon.request('GET', path, timeout=PATIENCE_S)
        data = json.loads(body)['data']
        assert status == 200
        found.update(item['url'] for item in data['items'])
        cursor = data['next']
        if not cursor:
            return found


def total(daemon):
    body = json.loads(daemon.request('GET', '/api/v1/counts?name=http_events_total&from=-2h')[1])
    return sum(point[1] for item in body['data']['items'] for point in item['points'])


def check(daemon, count):
    """Every line is an event, once."""
    wait_for(lambda: total(daemon) >= count)
    assert total(daemon) == count
    assert urls(daemon) == {f'/p/{i}': 1 for i in range(count)}


def test_a_growing_log_is_sent_and_state_lets_the_next_run_go_on(daemon, tmp_path):
    log = Log(tmp_path)
    log.write(1000)
    ship = Shipper(daemon, log.path).start()
    check(daemon, 1000)
    log.write(10)
    code, out, err = ship.stop()
    assert (code, err) == (0, '') and out == 'pushed 1010 lines: 1010 accepted, 0 refused\n'
    assert sorted(os.listdir(tmp_path)) == ['access.log', 'access.log.tidemark', 'access.log.tidemark.lock']
    log.write(5)
    code, out, err = Shipper(daemon, log.path).start().stop()
    assert code == 0 and out == 'pushed 5 lines: 5 accepted, 0 refused\n'
    check(daemon, 1015)


@pytest.mark.parametrize('way', ['rename', 'copytruncate'])
def test_rotation_under_load_loses_and_doubles_nothing(daemon, tmp_path, way):
    log = Log(tmp_path)
    ship = Shipper(daemon, log.path).start()
    log.run()
    for _ in range(8):
        time.sleep(0.15)
        getattr(log, way)()
    log.stop()
    assert ship.stop()[0] == 0
    check(daemon, log.count)
    assert ship.err == b''


def test_a_writer_that_goes_on_in_the_old_file_is_followed_there(daemon, tmp_path):
    log = Log(tmp_path)
    ship = Shipper(daemon, log.path).start()
    for _ in range(3):
        log.write(100)
        check(daemon, log.count)
        log.rename(late=50)
        time.sleep(0.5)
        log.write(10)
    check(daemon, log.count)
    assert ship.stop()[0] == 0 and ship.err == b''


@pytest.mark.parametrize('ways', ['rename', 'copytruncate', 'rename rename', 'copytruncate copytruncate', 'rename copytruncate',
                                  'copytruncate rename', 'rename gzip', 'copytruncate gzip', 'rename gzip rename rename'])
def test_what_was_rotated_while_nobody_looked_is_found(daemon, tmp_path, ways):
    log = Log(tmp_path)
    log.write(3000)
    log.rename()  # before the first start: none of ours
    first = log.count
    log.write(500)
    ship = Shipper(daemon, log.path).start()
    wait_for(lambda: total(daemon) == 500)
    ship.kill()
    for way in ways.split():
        log.write(200)
        time.sleep(0.01)  # the names' order is that of their times
        if way == 'gzip':
            log.compress()
        else:
            getattr(log, way)()
    log.write(40)
    ship.start()
    wait_for(lambda: total(daemon) >= log.count - first)
    time.sleep(0.5)
    assert ship.stop()[0] == 0 and ship.err == b''
    assert urls(daemon) == {f'/p/{i}': 1 for i in range(first, log.count)}


def test_a_log_that_was_cut_without_a_copy_goes_on_and_says_so(daemon, tmp_path):
    log = Log(tmp_path)
    log.write(100)
    ship = Shipper(daemon, log.path).start()
    check(daemon, 100)
    os.truncate(log.path, 0)
    log.write(3)
    check(daemon, 103)
    time.sleep(4)  # it is sought for 3 s
    assert ship.stop()[0] == 0
    assert ship.err.decode().startswith(f'tidemark: {log.path}: the file that was read to byte ')
    assert 'is gone, and no copy is found; what stood behind is lost\n' in ship.err.decode()


def test_a_file_removed_after_it_was_read_is_no_loss(daemon, tmp_path):
    log = Log(tmp_path)
    log.write(100)
    ship = Shipper(daemon, log.path).start()
    check(daemon, 100)
    log.rename()
    for count in (200, 300):  # the state of the second batch knows what was read before it
        log.write(100)
        check(daemon, count)
    ship.kill()
    os.remove(log.path + '.1')
    ship.start()
    time.sleep(4)  # it is sought for 3 s
    assert ship.stop()[0] == 0 and ship.err == b''
    check(daemon, 300)


def test_kill_9_at_any_point_with_rotations_counts_every_line_once(tmp_path):
    """Shipper and daemon are killed at random under load while the log is rotated by both ways, packed too."""
    rng = random.Random(SEED)
    log = Log(tmp_path)
    with Daemon() as daemon:
        daemon.pin_ports()
        ship = Shipper(daemon, log.path, more=['--batch', '200']).start()
        log.run()
        for i in range(ROUNDS):
            time.sleep(rng.uniform(0.01, 0.4))
            for what in rng.sample(['ship', 'daemon', 'rename', 'copytruncate', 'gzip'], rng.randint(1, 3)):
                if what == 'ship':
                    ship.kill()
                    if rng.random() < 0.5:
                        getattr(log, rng.choice(['rename', 'copytruncate']))(keep=20)
                        time.sleep(rng.uniform(0, 0.05))
                    ship.start()
                elif what == 'daemon':
                    daemon.restart()
                elif what == 'gzip':
                    log.compress()
                else:
                    getattr(log, what)(keep=20)
        log.stop()
        wait_for(lambda: total(daemon) >= log.count)
        code, out, err = ship.stop()
        print(f'seed {SEED}: {ROUNDS} rounds, {log.rotations} rotations, {log.count} lines')
        assert (code, ship.err) == (0, b'')
        check(daemon, log.count)


def test_every_instant_between_state_and_answer_is_safe(tmp_path):
    """Killed right after the state is written (the daemon stands still), and right after the answer: the state's batch is
    sent once more, under its number, even if the log is gone."""
    log = Log(tmp_path)
    with Daemon() as daemon:
        state = tmp_path / 'state'
        ship = Shipper(daemon, log.path, more=['--state', str(state)]).start()
        log.write(100)
        check(daemon, 100)
        ship.kill()  # acknowledged, and the state does not know
        code, out, _ = ship.start().stop()
        assert (code, out) == (0, 'pushed 100 lines: 100 accepted, 0 refused, 100 of them known already\n')
        ship.start()
        daemon.process.send_signal(signal.SIGSTOP)
        log.write(50)
        wait_for(lambda: b'/p/149"' in state.read_bytes())
        ship.kill()
        os.remove(log.path)
        daemon.process.send_signal(signal.SIGCONT)
        ship.start()
        check(daemon, 150)
        time.sleep(4)
        code, out, err = ship.stop()
        assert code == 0 and out.startswith('pushed 50 lines: 50 accepted, 0 refused')
        assert 'no copy is found; what stood behind is lost' in err


def test_malformed_lines_are_told_at_once_with_file_and_line(daemon, tmp_path):
    path = tmp_path / 'access.log'
    path.write_text(clf(0) + 'garbage\n\n' + clf(1, status=700) + clf(1))
    ship = Shipper(daemon, str(path)).start()
    check(daemon, 2)
    code, out, err = ship.stop()
    assert code == 1 and out == 'pushed 4 lines: 2 accepted, 2 refused\n'
    assert [line.split(': ')[0] for line in err.splitlines()] == [f'{path}:2:8', f'{path}:4:57']
    with open(path, 'a', encoding='utf-8') as more:
        more.write('x' * (3 << 20) + '\n' + clf(2))
    ship.start()
    check(daemon, 3)
    assert ship.stop()[2].startswith(f'{path}:6:1048577: the line has ')


def test_several_logs_share_a_state_and_a_missing_one_is_waited_for(daemon, tmp_path):
    logs = [Log(tmp_path, f'{name}.log') for name in 'ab']
    late = os.path.join(str(tmp_path), 'c.log')
    ship = Shipper(daemon, *(log.path for log in logs), late, more=['--state', str(tmp_path / 's')]).start()
    for log in logs:
        log.write(10)
    wait_for(lambda: total(daemon) == 20)
    ship.kill()
    logs.append(Log(tmp_path, 'c.log'))
    for log in logs:
        log.write(10)
    ship.start()
    wait_for(lambda: total(daemon) >= 50)
    assert ship.stop()[0] == 0
    assert urls(daemon) == {f'/p/{i}': 3 if i < 10 else 2 for i in range(20)}


def test_a_second_shipper_and_a_damaged_state_are_refused(daemon, tmp_path):
    log = Log(tmp_path)
    log.write(10)
    ship = Shipper(daemon, log.path).start()
    check(daemon, 10)
    twin = Shipper(daemon, log.path).start()
    assert twin.process.wait(PATIENCE_S) == 1
    assert b'another push follows with the state' in twin.process.stderr.read()
    assert ship.stop()[0] == 0
    state = log.path + '.tidemark'
    content = bytearray(open(state, 'rb').read())
    content[len(content) // 2] ^= 1
    open(state, 'wb').write(content)
    ship.start()
    assert ship.process.wait(PATIENCE_S) == 1
    assert b"can't be used: its checksum is wrong; removing it begins anew" in ship.process.stderr.read()


def test_over_http_and_packed(daemon, tmp_path):
    log = Log(tmp_path)
    log.write(5000)
    args = [COMMAND, 'push', '--follow', '--format', 'clf', '--service', 'shop', '--http', '--server', 'http://' + daemon.http,
            '--compress', log.path]
    ship = Shipper(daemon, log.path)
    ship.args = args
    ship.start()
    check(daemon, 5000)
    ship.kill()
    log.write(1)
    ship.args = [word for word in args if word != '--compress']
    ship.start()
    check(daemon, 5001)
    assert ship.stop()[0] == 0


def test_a_finished_log_and_standard_input_need_no_state(daemon, tmp_path):
    path = tmp_path / 'a.log'
    path.write_text(clf(0) + 'bad\n' + clf(1))
    code, out, err = harness.command('push', '--to', daemon.rep, '--format', 'clf', '--service', 'shop', str(path))
    assert code == 1 and out == 'pushed 3 lines: 2 accepted, 1 refused\n' and err.startswith(f'{path}:2:4: no time in brackets')
    code, out, _ = harness.command('push', '--to', daemon.rep, '--format', 'clf', '--service', 'shop', stdin=clf(2).encode())
    assert code == 0
    check(daemon, 3)
    assert not os.path.exists(str(path) + '.tidemark')
