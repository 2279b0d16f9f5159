"""Delivery of reports, against real servers on loopback: once for a receiver and revision, again until it is taken."""
import base64
import contextlib
import datetime
import email
import email.policy
import http.server
import json
import os
import random
import resource
import signal
import socket
import socketserver
import ssl
import subprocess
import threading
import time
import warnings

import pytest

from harness import BUILD, Daemon, command, wait_for

with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    import asyncore
    import smtpd

REPORT = os.path.join(BUILD, 'tidemark-report')
GENEROUS_S = 240
OWNER = '@결제팀 <!channel>'
HOSTILE = '</b><script>x</script> <!channel> *a* \\\\r\\\\nBcc: evil@example.org'
SENT, HANG = 'sent', 'hang'


def last_week():
    """(a zone in which no week begins soon or began just now, the week that is over there, its Monday in seconds)"""
    now = datetime.datetime.now(datetime.timezone.utc)
    hours = now.weekday() * 24 + now.hour
    ahead = 9 if hours < 2 or hours > 165 else 0
    local = now + datetime.timedelta(hours=ahead)
    monday = (local - datetime.timedelta(days=local.weekday() + 7)).replace(hour=0, minute=0, second=0, microsecond=0)
    year, week, _ = monday.isocalendar()
    return 'Asia/Seoul' if ahead else 'UTC', f'{year}-W{week:02d}', int(monday.timestamp()) - ahead * 3600


ZONE, WEEK, MONDAY = last_week()


class Hook:
    """A webhook's receiver: answers as `answers` says (the last one for ever), and keeps what it was sent."""

    def __init__(self, *answers, listening=True):
        self.answers, self.got, self.lock, self.release = list(answers) or [200], [], threading.Lock(), threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                outer.handle(self)

            def log_message(self, *_):
                pass
        # Bound and not yet listening: nobody else gets the port, and who connects is refused.
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler, bind_and_activate=False)
        self.server.daemon_threads = True
        self.server.server_bind()
        self.url = f'http://127.0.0.1:{self.server.server_port}/services/T0/secret'
        if listening:
            self.listen()

    def listen(self):
        self.server.server_activate()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handle(self, request):
        body = request.rfile.read(int(request.headers['Content-Length']))
        with self.lock:
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            self.got.append({'answer': answer, 'key': request.headers['Idempotency-Key'], 'path': request.path,
                             'type': request.headers['Content-Type'], 'body': json.loads(body)})
        if answer == HANG:
            self.release.wait()
            return
        with contextlib.suppress(OSError):
            request.send_response(answer)
            if answer == 302:
                request.send_header('Location', self.url)
            request.end_headers()
            request.wfile.write(b'\x1b[31mno\r\n' * (1 if answer < 500 else 50000))

    def taken(self):
        with self.lock:
            return [message for message in self.got if message['answer'] == 200]

    def close(self):
        self.release.set()
        if hasattr(self.server, '_BaseServer__is_shut_down') and self.server.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            self.server.shutdown()
        self.server.server_close()


class Post(smtpd.SMTPServer):
    """A mail server. An answer other than None is what it says to a whole mail."""

    def __init__(self):
        self.sockets, self.mails, self.answers = {}, [], {}
        super().__init__(('127.0.0.1', 0), None, map=self.sockets, decode_data=False)
        self.url = f'smtp://127.0.0.1:{self.socket.getsockname()[1]}'
        self.stopping = False
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self):
        while not self.stopping:
            asyncore.loop(timeout=0.05, count=1, map=self.sockets)

    def process_message(self, peer, mailfrom, rcpttos, data, **more):
        answers = self.answers.get(rcpttos[0], [None])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.mails.append((answer, mailfrom, rcpttos, data))
        return answer

    def taken(self, to):
        return [email.message_from_bytes(data, policy=email.policy.default)
                for answer, _, receivers, data in list(self.mails) if answer is None and receivers == [to]]

    def tries(self, to):
        return [data for _, _, receivers, data in list(self.mails) if receivers == [to]]

    def stop(self):
        self.stopping = True
        self.thread.join()
        asyncore.close_all(self.sockets)


class Locked:
    """A mail server that wants a name and a password."""

    def __init__(self, word):
        self.word, self.tried, self.mails, outer = word, [], [], self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, text):
                self.wfile.write(text.encode() + b'\r\n')

            def take_mail(self):
                self.say('354 go on')
                text = b''
                while not text.endswith(b'\r\n.\r\n'):
                    text += self.rfile.readline()
                outer.mails.append(text)
                self.say('250 taken')

            def handle(self):
                self.say('220 locked')
                is_open = False
                for line in self.rfile:
                    verb = line.split()[0].upper() if line.split() else b''
                    if verb == b'EHLO':
                        self.say('250-locked\r\n250 AUTH PLAIN')
                    elif verb == b'AUTH':
                        if len(line.split()) == 2:
                            self.say('334 ')
                            line = b'AUTH PLAIN ' + self.rfile.readline()
                        outer.tried.append(base64.b64decode(line.split()[2]))
                        is_open = outer.tried[-1] == b'\0me\0' + outer.word.encode()
                        self.say('235 in' if is_open else '535 out')
                    elif verb == b'QUIT':
                        self.say('221 bye')
                        return
                    elif not is_open:
                        self.say('530 who are you')
                    elif verb == b'DATA':
                        self.take_mail()
                    else:
                        self.say('250 well')
        self.server = socketserver.ThreadingTCPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.url = f'smtp://127.0.0.1:{self.server.server_address[1]}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def lines(service='shop', count=30, message='the pool is empty', at=MONDAY):
    name = service.replace(' ', '\\ ').replace(',', '\\,').replace('=', '\\=')
    yield f'http,service={name},method=GET,status=200 url="/a",count=1000i {at + 3600}000000000'
    for i in range(count):
        yield f'exception,service={name},type=Timeout message="{message}" {at + 7200 + 60 * i}000000000'


def push(daemon, *more, **words):
    code, body, _ = daemon.write('\n'.join(lines(*more, **words)))
    assert code == 204, body


def make(daemon):
    """The week's reports, by the daemon. Its own schedule may be at it."""
    def ask():
        code, body, _ = daemon.request('POST', f'/api/v1/admin/report?week={WEEK}', timeout=GENEROUS_S)
        assert code in (200, 409), body
        return code == 200 and json.loads(body)['data']
    return wait_for(ask, GENEROUS_S, 0.2)


def settings(receivers, post=None, **reports):
    mail = {'mail': {'server': post.url, 'from': 'tide@example.org'}} if post else {}
    return {'reports': {'timezone': ZONE, 'formats': ['md', 'json'], 'deliver': receivers, 'deliver_timeout': '1m', **mail,
                        **reports}}


def ledger(daemon):
    with open(f'{daemon.data_dir}/reports/.deliveries', encoding='utf-8') as file:
        return [json.loads(line) for line in file]


def states(daemon):
    last = {}
    for line in ledger(daemon):
        last[line['receiver'], line['report'], line['week']] = line['state']
    return list(last.values())


def deliver(daemon, receivers, url='', out=None, timeout_ms=60000, **more):
    """A pass, by the program itself."""
    document = {'url': url, 'timeout_ms': timeout_ms, 'receivers': [{'to': to} for to in receivers]}
    run = subprocess.run([REPORT, '--deliver', '--zone', ZONE, '--data-dir', daemon.data_dir, '--out',
                          out or f'{daemon.data_dir}/reports'], input=json.dumps(document), capture_output=True, text=True,
                         timeout=GENEROUS_S, **more)
    return json.loads(run.stdout) if run.returncode == 0 else run.stderr


def texts_of(message):
    """All texts of a webhook's message, as Slack would show them."""
    out = []

    def walk(value):
        if isinstance(value, dict):
            if value.get('type') in ('plain_text', 'mrkdwn'):
                out.append((value['type'], value['text']))
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)
    walk(message['blocks'])
    return out


class Scene:
    """One daemon, receivers of every kind, and what came of a report and its second revision."""

    def __init__(self):
        self.good, self.sick, self.gone = Hook(200), Hook(500, 503, 200), Hook(404)
        self.moved, self.down, self.own = Hook(302), Hook(200, listening=False), Hook(200)
        self.hooks = [self.good, self.sick, self.gone, self.moved, self.down, self.own]
        self.post = Post()
        self.post.answers = {'no@example.org': ['550 nobody of that name'], 'later@example.org': ['451 come again', None]}
        mails = ['mailto:ops@example.org', 'mailto:no@example.org', 'mailto:later@example.org']
        config = settings([hook.url for hook in self.hooks[:-1]] + mails, self.post, url='https://tide.example.org/x/')
        config['services'] = [{'name': 'shop', 'owner': OWNER}, {'name': 'pay 결제', 'owner': 'pay', 'deliver': [self.own.url]}]
        self.daemon = Daemon(config=config)

    def run(self):
        daemon = self.daemon.start()
        push(daemon, 'shop', message=HOSTILE)
        push(daemon, 'pay 결제', message='시간 초과 — 풀이 비었습니다')
        make(daemon)
        self.again = make(daemon)
        wait_for(lambda: len(self.sick.taken()) == 2 and len(self.post.taken('later@example.org')) == 2, GENEROUS_S)
        wait_for(lambda: self.post.taken('ops@example.org') and len(self.post.taken('ops@example.org')) == 2, GENEROUS_S)
        wait_for(lambda: 'waiting' in states(daemon), GENEROUS_S)
        self.down_before = len(self.down.got)
        self.down.listen()
        wait_for(lambda: len(self.down.taken()) == 2, GENEROUS_S)
        # Late data: another revision, of one service.
        push(daemon, 'shop', 12, message='another thing', at=MONDAY + 86400)
        make(daemon)
        # Three at each but the one of a single service.
        wait_for(lambda: [len(hook.got) for hook in (self.good, self.gone, self.moved)] == [3, 3, 3] and
                 [len(hook.taken()) for hook in (self.sick, self.down)] == [3, 3] and
                 [len(self.post.taken(name + '@example.org')) for name in ('ops', 'later')] == [3, 3] and
                 len(self.post.tries('no@example.org')) == 3, GENEROUS_S)
        return self

    def close(self):
        self.daemon.stop()
        self.post.stop()
        for hook in self.hooks:
            hook.close()


@pytest.fixture
def post():
    made = Post()
    yield made
    made.stop()


@pytest.fixture(scope='module')
def scene():
    made = Scene()
    try:
        yield made.run()
    finally:
        made.close()


def title(service, revision=1):
    return f'Weekly exception report: {service}, {WEEK}' + (f" (Revision {revision})" if revision > 1 else '')


def test_each_revision_is_sent_once_to_a_receiver(scene):
    assert [message['body']['blocks'][0]['text']['text'] for message in scene.good.got] == \
        [title('pay 결제'), title('shop'), title('shop', 2)]
    assert len({message['key'] for message in scene.good.got}) == 3
    assert {(message['path'], message['type']) for message in scene.good.got} == {('/services/T0/secret', 'application/json')}
    assert all(item['changed'] is False for item in scene.again['items'])


def test_a_receiver_of_one_service_gets_its_reports_alone(scene):
    assert [message['body']['blocks'][0]['text']['text'] for message in scene.own.got] == [title('pay 결제')]


def test_a_receiver_that_fails_is_tried_again_with_the_same_key(scene):
    assert [message['answer'] for message in scene.sick.got[:3]] == [500, 503, 200]
    assert {message['body']['blocks'][0]['text']['text'] for message in scene.sick.taken()} >= {title('pay 결제'), title('shop')}
    by_title = {}
    for message in scene.sick.got:
        by_title.setdefault(message['body']['text'], set()).add(message['key'])
    assert all(len(keys) == 1 for keys in by_title.values())


def test_a_receiver_that_was_down_gets_it_when_it_comes_back(scene):
    assert scene.down_before == 0
    assert sorted(message['body']['blocks'][0]['text']['text'] for message in scene.down.got) == \
        sorted([title('pay 결제'), title('shop'), title('shop', 2)])


def test_what_is_refused_is_not_sent_again(scene):
    assert [message['body']['blocks'][0]['text']['text'] for message in scene.gone.got] == \
        [title('pay 결제'), title('shop'), title('shop', 2)]


def test_redirects_are_not_followed(scene):
    assert len(scene.moved.got) == 3


def test_a_new_revision_comes_with_its_changes(scene):
    texts = [text for _, text in texts_of(scene.good.got[2]['body'])]
    changes = [text for text in texts if text.startswith('Changed since revision 1\n')]
    assert len(changes) == 1
    assert '- exceptions: 30 → 42\n' in changes[0]
    assert '- Timeout another thing: not listed unknown → new 12\n' in changes[0]
    assert not [text for _, text in texts_of(scene.good.got[1]['body']) if 'Changed' in text]


def test_the_summary_has_strip_actions_owner_and_link(scene):
    shop = scene.good.got[1]['body']
    texts = [text for _, text in texts_of(shop)]
    assert texts[1].startswith(f'Owner: {OWNER} · 2 of 168 hours with data')
    assert '*Requests*\n1,000' in texts and '*Exceptions*\n30' in texts
    actions = [text for text in texts if text.startswith('What to do first\n')]
    assert len(actions) == 1 and actions[0].startswith('What to do first\n1. ') and ' – 30 ' in actions[0]
    assert texts[-1] == (f'<https://tide.example.org/x/reports/shop/{WEEK}/exceptions_shop_{WEEK}.html'
                         '|Weekly exception report>')
    korean = [text for _, text in texts_of(scene.good.got[0]['body'])]
    assert any('시간 초과 — 풀이 비었습니다' in text for text in korean)
    assert korean[-1].startswith(f'<https://tide.example.org/x/reports/pay%2520%25EA%25B2%25B0%25EC%25A0%259C/{WEEK}/')
    path = korean[-1][1:].split('|')[0].removeprefix('https://tide.example.org/x')
    found = scene.daemon.request('GET', path.replace('.html', '.json'))
    assert found[0] == 200 and json.loads(found[1])['service'] == 'pay 결제'


def test_texts_from_outside_are_no_markup_in_a_webhook(scene):
    for message in scene.good.got:
        for kind, text in texts_of(message['body']):
            if kind == 'mrkdwn':
                assert '<!' not in text and 'script' not in text
        assert '<' not in message['body']['text']
    assert '&lt;!channel&gt;' in scene.good.got[1]['body']['text']


def test_mail_has_text_and_html_and_nothing_can_inject_a_header(scene):
    mails = scene.post.taken('ops@example.org')
    assert [mail['Subject'] for mail in mails] == [title('pay 결제'), title('shop'), title('shop', 2)]
    for mail in mails:
        assert sorted(set(mail.keys())) == sorted(['Date', 'From', 'To', 'Subject', 'Message-ID', 'Auto-Submitted',
                                                   'MIME-Version', 'Content-Type'])
        assert len(mail.keys()) == len(set(mail.keys()))
        assert (mail['From'], mail['To']) == ('tidemark <tide@example.org>', 'ops@example.org')
        assert mail['Message-ID'].endswith('@example.org>')
        assert [part.get_content_type() for part in mail.iter_parts()] == ['text/plain', 'text/html']
    text, page = (part.get_content() for part in mails[1].iter_parts())
    assert f'Owner: {OWNER} · ' in text and '\nWhat to do first\n1. ' in text and 'Bcc: evil@example.org' in text
    assert '<script' not in page and '&lt;script&gt;x&lt;/script&gt;' in page
    assert f'<a href="https://tide.example.org/x/reports/shop/{WEEK}/exceptions_shop_{WEEK}.html">' in page
    assert '시간 초과 — 풀이 비었습니다' in next(mails[0].iter_parts()).get_content()
    assert 'Changed since revision 1' in next(mails[2].iter_parts()).get_content()
    raw = [data for data in scene.post.tries('ops@example.org')][0]
    assert all(byte < 128 for byte in raw) and all(len(line) < 100 for line in raw.splitlines())


@pytest.mark.parametrize('formats', (['html', 'md', 'json'], ['md', 'json'], ['json']))
def test_mail_without_an_address_of_the_daemon_has_the_report_attached(post, formats):
    """The HTML, else the Markdown, byte by byte, beside the summary as text and HTML."""
    with Daemon(config={'reports': {**settings(['mailto:ops@example.org'], post)['reports'], 'formats': formats}}) as daemon:
        push(daemon, 'shop', message=HOSTILE)
        make(daemon)
        wait_for(lambda: post.taken('ops@example.org'), GENEROUS_S)
        mail = post.taken('ops@example.org')[0]
        extension = formats[0]
        parts = list(mail.walk())
        page = next(part for part in parts if part.get_content_type() == 'text/html').get_content()
        text = next(part for part in parts if part.get_content_type() == 'text/plain').get_content()
        assert 'href' not in page and 'What to do first' in page and 'What to do first' in text
        if extension == 'json':
            assert mail.get_content_type() == 'multipart/alternative' and 'attached' not in text + page
            return
        assert mail.get_content_type() == 'multipart/mixed' and 'attached' in text and 'attached' in page
        attached = list(mail.iter_attachments())[-1]
        assert attached.get_filename() == f'exceptions_shop_{WEEK}.{extension}'
        with open(f'{daemon.data_dir}/reports/shop/{WEEK}/exceptions_shop_{WEEK}.{extension}', 'rb') as file:
            assert attached.get_payload(decode=True) == file.read()


def test_mail_that_is_refused_is_not_sent_again_and_what_is_put_off_is(scene):
    assert len(scene.post.tries('no@example.org')) == 3
    later = scene.post.tries('later@example.org')
    assert len(later) == 4 and len(scene.post.taken('later@example.org')) == 3
    assert len({email.message_from_bytes(data)['Message-ID'] for data in later}) == 3


def test_no_secret_shows_in_a_log_or_the_ledger(scene):
    assert 'secret' not in scene.daemon.read_log()
    path = f'{scene.daemon.data_dir}/reports/.deliveries'
    with open(path, encoding='utf-8') as file:
        assert 'secret' not in file.read()
    assert os.stat(path).st_mode & 0o077 == 0
    assert scene.daemon.request('GET', '/reports/.deliveries')[0] == 404


def test_failures_are_counted_and_shown(scene):
    daemon = scene.daemon
    log = daemon.read_log()
    assert '\x1b' not in log
    assert f', {WEEK}, was not taken by http://127.0.0.1:' in log
    assert 'it is not sent again' in log and 'it is tried again' in log and ' on reports sent, ' in log
    # A pass is counted when it is over.
    wait_for(lambda: [daemon.metric('tidemark_report_deliveries_total', f'{{result="{how}"}}') for how in ('sent', 'failed')]
             == [16, 9], GENEROUS_S)
    assert daemon.metric('tidemark_report_deliveries_total', '{result="retry"}') >= 4
    reports = daemon.status()['reports']
    assert (reports['sent_total'], reports['failed_total']) == (16, 9) and reports['retries_total'] >= 4
    code, text, err = command('status', '--server', 'http://' + daemon.http)
    assert code == 0, err
    assert ' messages on reports sent' in text and ' refused' in text


def children(daemon):
    """Processes of delivery."""
    pids = subprocess.run(['pgrep', '-P', str(daemon.process.pid)], capture_output=True, text=True).stdout.split()
    return [pid for pid in pids if os.path.basename(os.readlink(f'/proc/{pid}/exe')) == 'tidemark-report']


def test_while_a_receiver_hangs_the_daemon_goes_on_and_no_command_line_has_its_address():
    stuck = Hook(HANG)
    with contextlib.closing(stuck), Daemon(config=settings([stuck.url], deliver_timeout='5m')) as daemon:
        push(daemon)
        make(daemon)
        wait_for(lambda: stuck.got, GENEROUS_S)
        words = [open(f'/proc/{pid}/cmdline', 'rb').read() for pid in children(daemon)]
        assert [b'--deliver' in line for line in words] == [True]
        assert b'secret' not in words[0] and b'127.0.0.1' not in words[0]
        push(daemon, count=7, message='late', at=MONDAY + 86400)
        assert make(daemon)['items'][0]['revision'] == 2
        assert daemon.request('GET', '/-/healthy')[0] == 200 and len(children(daemon)) == 1


def test_a_receiver_that_hangs_has_its_time_and_holds_up_no_other(stand, tmp_path):
    out, stuck, good = copy_of(stand, tmp_path), Hook(HANG), Hook(200)
    with contextlib.closing(stuck), contextlib.closing(good):
        told = deliver(stand, [stuck.url, good.url], out=out, timeout_ms=4000)
        assert len(stuck.got) == 1 and told['waiting'] >= 6
        assert 'timed out' in told['errors'][0]['error'] and not told['errors'][0]['final']
        wait_for(lambda: len({message['key'] for message in good.got}) == 6 or
                 deliver(stand, [stuck.url, good.url], out=out, timeout_ms=4000) and False, GENEROUS_S)


def test_a_message_that_was_on_its_way_at_kill_9_is_sent_once_more():
    hook = Hook(HANG, 200)
    with contextlib.closing(hook), Daemon(config=settings([hook.url])) as daemon:
        push(daemon)
        make(daemon)
        wait_for(lambda: hook.got, GENEROUS_S)
        daemon.kill()
        hook.release.set()
        daemon.start()
        wait_for(lambda: os.path.exists(f'{daemon.data_dir}/reports/.deliveries') and states(daemon) == ['sent'], GENEROUS_S)
        daemon.restart()
        assert deliver(daemon, [hook.url]) == {'sent': 0, 'failed': 0, 'waiting': 0, 'next': 0, 'errors': []}
        assert [message['answer'] for message in hook.got] == [HANG, 200]
        assert hook.got[0]['key'] == hook.got[1]['key'] and hook.got[0]['body'] == hook.got[1]['body']


def test_retries_go_on_after_a_restart_and_a_reload_brings_receivers():
    hook = Hook(200, listening=False)
    with contextlib.closing(hook), Daemon(config=settings([])) as daemon:
        push(daemon)
        make(daemon)
        daemon.settings['reports']['deliver'] = [hook.url]
        daemon.write_config()
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: os.path.exists(f'{daemon.data_dir}/reports/.deliveries') and states(daemon) == ['waiting'], GENEROUS_S)
        assert daemon.terminate() == 0
        hook.listen()
        daemon.start()
        wait_for(lambda: states(daemon) == ['sent'], GENEROUS_S)
        assert len(hook.got) == 1


@pytest.fixture(scope='module')
def stand():
    """A daemon's folder with reports of six services, delivered by hand."""
    with Daemon(config=settings([])) as daemon:
        for i in range(6):
            push(daemon, f'shop{i}')
        make(daemon)
        yield daemon


def copy_of(daemon, folder):
    subprocess.run(['cp', '-r', f'{daemon.data_dir}/reports/.', folder], check=True)
    return str(folder)


def test_killed_at_any_point_each_message_arrives_and_few_twice(stand, tmp_path):
    out, hook, kills = copy_of(stand, tmp_path), Hook(200), int(os.environ.get('KILLS', '8'))
    words = [REPORT, '--deliver', '--zone', ZONE, '--data-dir', stand.data_dir, '--out', out]
    document = json.dumps({'receivers': [{'to': hook.url}, {'to': hook.url + '2'}]}).encode()
    dice = random.Random(7)
    with contextlib.closing(hook):
        for _ in range(kills):
            process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            process.stdin.write(document)
            process.stdin.close()
            time.sleep(dice.uniform(0, 0.08))
            process.kill()
            process.wait()
        last = deliver(stand, [hook.url, hook.url + '2'], out=out)
        assert last['waiting'] == last['failed'] == 0
        keys = [message['key'] for message in hook.got]
        assert len(set(keys)) == 12 and len(keys) <= 12 + kills
        assert deliver(stand, [hook.url, hook.url + '2'], out=out)['sent'] == 0


def test_a_torn_and_a_damaged_line_cost_themselves_alone(stand, tmp_path):
    out, hook = copy_of(stand, tmp_path), Hook(200)
    with contextlib.closing(hook):
        assert deliver(stand, [hook.url], out=out)['sent'] == 6
        with open(f'{out}/.deliveries', 'rb+') as file:
            text = file.read().splitlines(keepends=True)
            assert len(text) == 12
            file.seek(0)
            file.truncate()
            file.write(b''.join(text[:10]) + b'\0rubbish\n' + text[10] + text[11][:40])
        # The last one is sent again: of it there is only that it was begun.
        assert deliver(stand, [hook.url], out=out)['sent'] == 1
        assert hook.got[-1]['key'] == hook.got[-2]['key']
        assert deliver(stand, [hook.url], out=out)['sent'] == 0


def test_what_cannot_be_noted_is_not_sent(stand, tmp_path):
    out, hook = copy_of(stand, tmp_path), Hook(200)

    def no_room():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    with contextlib.closing(hook):
        for _ in range(2):
            told = deliver(stand, [hook.url], out=out, preexec_fn=no_room, restore_signals=False)
            assert isinstance(told, str) and '.deliveries' in told, told
        assert hook.got == [] and os.path.getsize(f'{out}/.deliveries') == 0
        assert deliver(stand, [hook.url], out=out)['sent'] == 6


def test_only_the_last_week_is_sent_to_who_is_new(stand, tmp_path):
    out, hook = copy_of(stand, tmp_path), Hook(200)
    before = (datetime.datetime.fromtimestamp(MONDAY - 86400 * 4, datetime.timezone.utc)).isocalendar()
    subprocess.run([REPORT, '--data-dir', stand.data_dir, '--out', out, '--zone', ZONE, '--week',
                    f'{before[0]}-W{before[1]:02d}', '--service', 'shop1'], check=True, capture_output=True, timeout=GENEROUS_S)
    with contextlib.closing(hook):
        assert deliver(stand, [hook.url], out=out)['sent'] == 6
        assert all(WEEK in message['body']['text'] for message in hook.got)


def test_a_certificate_that_nobody_vouches_for_is_refused(stand, tmp_path):
    out = copy_of(stand, tmp_path / 'out')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', tmp_path / 'key', '-out',
                    tmp_path / 'cert', '-days', '1', '-subj', '/CN=127.0.0.1'], check=True, capture_output=True)
    hook = Hook(200, listening=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / 'cert', tmp_path / 'key')
    hook.server.socket = context.wrap_socket(hook.server.socket, server_side=True)
    hook.listen()
    with contextlib.closing(hook):
        told = deliver(stand, [hook.url.replace('http:', 'https:')], out=out)
        assert told['sent'] == 0 and told['waiting'] == 6 and 'certificate' in told['errors'][0]['error']
        assert hook.got == []


def test_the_password_is_read_for_each_mail_and_a_failed_login_is_tried_again(stand, tmp_path):
    out, server, secret = copy_of(stand, tmp_path / 'out'), Locked('right'), tmp_path / 'password'
    mail = {'server': server.url, 'from': 'tide@example.org', 'user': 'me', 'password_file': str(secret)}
    document = json.dumps({'mail': mail, 'receivers': [{'to': 'mailto:ops@example.org'}]})
    words = [REPORT, '--deliver', '--zone', ZONE, '--data-dir', stand.data_dir, '--out', out]

    def run():
        done = subprocess.run(words, input=document, capture_output=True, text=True, timeout=GENEROUS_S)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    with contextlib.closing(server):
        told = run()
        assert told['waiting'] == 6 and 'password_file' in told['errors'][0]['error'] and server.tried == []
        secret.write_text('wrong\n')
        told = wait_for(lambda: (now := run())['errors'] and now, GENEROUS_S, 0.5)
        assert told['waiting'] == 6 and not told['errors'][0]['final'] and server.tried == [b'\0me\0wrong']
        secret.write_text('right\n')
        assert wait_for(lambda: run()['sent'], GENEROUS_S, 0.5) == 6
        assert len(server.mails) == 6 and set(server.tried[1:]) == {b'\0me\0right'}
        with open(f'{out}/.deliveries', encoding='utf-8') as file:
            assert 'wrong' not in file.read()
