"""What scoring found, on the real binaries: CONTRACT 3, 5, 7 and 9."""
import json
import os
import re
import socket
import subprocess

import pytest

import test_detect
from harness import BUILD, COMMAND, NN_SUB, Daemon, Nano, command, now_ms, wait_for
from peers import bearer

FINDINGS = os.path.join(BUILD, 'tests', 'tools', 'findings')
ANOMALY, INCIDENT, VERDICT, CLOSING, FEEDBACK = range(5)
SECRETS = {name: f'0123456789abcdef-{name}' for name in ('cart', 'ro', 'admin')}
SCOPES = {'cart': ['write:cart', 'read'], 'ro': ['read'], 'admin': ['admin']}
KEYS = {'auth': {'keys': [{'name': name, 'secret': SECRETS[name], 'scopes': SCOPES[name]} for name in SECRETS]}}


def store(daemon, findings, flush=False):
    """Puts findings into the daemon's folder while it does not run: dicts of kind, id, time and body."""
    lines = [f"{f['kind']}\t{f['id']:016x}\t{f['time']}\t{f.get('end', 0)}\t{f.get('score', 0)}\t{f.get('service', '')}\t"
             f"{f.get('env', '')}\t{json.dumps(f.get('body', {}))}\n" for f in findings]
    run = subprocess.run([FINDINGS, daemon.data_dir] + ['flush'] * flush, input=''.join(lines), text=True, capture_output=True)
    assert run.returncode == 0, run.stderr


def started(findings, flush=False, config=None):
    daemon = Daemon(config=config)
    store(daemon, findings, flush)
    return daemon.start()


def ask(daemon, path, method='GET', body=None, headers=None):
    code, answer, _ = daemon.request(method, '/api/v1' + path, body if body is None else json.dumps(body), headers=headers)
    return code, json.loads(answer)


def listed(daemon, path):
    code, answer = ask(daemon, path)
    assert code == 200, answer
    return answer['data']['items']


def anomaly(number, time, **more):
    return {'kind': ANOMALY, 'id': number, 'time': time, 'score': 50, 'service': 'cart', 'body': {'n': number, 'score': 50}, **more}


def ids(items):
    return [int(item['id'], 16) for item in items]


@pytest.mark.parametrize('flush', [False, True], ids=['journal', 'files'])
def test_anomalies_are_listed_chosen_and_paged(flush):
    """CONTRACT 5 and 9: newest first, the last day unless told, each filter, a cursor, one by its id."""
    now = now_ms()
    found = [anomaly(1, now - 36 * 3600000), anomaly(2, now - 60000, score=70), anomaly(3, now - 60000, service='shop'),
             anomaly(4, now - 30000, env='prod'), anomaly(5, now - 20000, service='shop', env='prod', score=20)]
    with started(found, flush) as daemon:
        assert ids(listed(daemon, '/anomalies')) == [5, 4, 3, 2]
        assert ids(listed(daemon, '/anomalies?from=-3d')) == [5, 4, 3, 2, 1]
        assert ids(listed(daemon, '/anomalies?to=-1d')) == [1]
        assert ids(listed(daemon, '/anomalies?service=shop')) == [5, 3]
        assert ids(listed(daemon, '/anomalies?service=shop&env=prod')) == [5]
        assert ids(listed(daemon, '/anomalies?min_score=50')) == [4, 3, 2]
        assert ids(listed(daemon, '/anomalies?min_score=70')) == [2]
        got, cursor = [], ''
        while cursor is not None:
            data = ask(daemon, f'/anomalies?from=-3d&limit=2&cursor={cursor}')[1]['data']
            got.append(ids(data['items']))
            cursor = data['next']
        assert got == [[5, 4], [3, 2], [1]]
        assert ask(daemon, '/anomalies/' + '0' * 15 + '2')[1]['data'] == {'id': '0' * 15 + '2', 'n': 2, 'score': 50, 'shape': None}
        assert ask(daemon, '/anomalies/' + '0' * 15 + '9')[0] == 404
        assert ask(daemon, '/anomalies/x')[0] == 404
        for bad in ('min_score=101', 'min_score=x', 'limit=0', 'limit=10001', 'cursor=x', 'from=never'):
            assert ask(daemon, '/anomalies?' + bad)[0] == 400, bad
        assert listed(daemon, '/incidents') == []


def incident(number, time, **more):
    return {'kind': INCIDENT, 'id': number, 'time': time, 'score': 65, 'service': 'cart', 'body': {'text': 'slow', 'score': 65}, **more}


def test_incidents_reach_into_a_span_and_are_open_or_closed():
    """An open one reaches into all that is behind its start; a closed one as far as its end."""
    now, hour = now_ms(), 3600000
    with started([incident(1, now - 50 * hour), incident(2, now - 40 * hour, end=now - 30 * hour),
                  incident(3, now - 30 * hour, end=now - hour), incident(4, now - hour)]) as daemon:
        assert ids(listed(daemon, '/incidents')) == [4, 3, 1]
        assert ids(listed(daemon, '/incidents?state=open')) == [4, 1]
        assert ids(listed(daemon, '/incidents?state=closed')) == [3]
        assert ids(listed(daemon, '/incidents?from=-60h&to=-45h')) == [1]
        assert ask(daemon, '/incidents?state=new')[0] == 400


def feedback(daemon, number, body, name=None):
    return ask(daemon, f'/incidents/{number:016x}/feedback', 'POST', body, bearer(SECRETS[name]) if name else None)


def words(item):
    return [(said['feedback'], said['note']) for said in item['feedback']]


def test_feedback_is_part_of_the_incident_for_good():
    """Kept over kills and flushes, and while the incident itself is told anew; the last one counts and stands last."""
    now = now_ms()
    with started([incident(7, now - 60000), incident(8, now - 60000)]) as daemon:
        assert feedback(daemon, 7, {'feedback': 'noise'})[0] == 200
        code, answer = feedback(daemon, 7, {'feedback': 'useful', 'note': 'it was "real"'})
        assert code == 200 and words(answer['data']) == [('noise', ''), ('useful', 'it was "real"')]
        assert set(answer['data']['feedback'][0]) == {'id', 'incident', 'feedback', 'note', 'time'}
        daemon.kill()
        store(daemon, [incident(7, now - 60000, end=now, body={'text': 'over'})], flush=True)
        daemon.start()
        assert feedback(daemon, 8, {'feedback': 'expected'})[0] == 200
        for _ in range(2):
            items = {item['id'][-1]: item for item in listed(daemon, '/incidents')}
            assert words(items['7']) == [('noise', ''), ('useful', 'it was "real"')] and items['7']['text'] == 'over'
            assert words(items['8']) == [('expected', '')]
            assert ask(daemon, '/incidents/' + items['7']['id'])[1]['data'] == items['7']
            assert daemon.request('POST', '/api/v1/admin/flush')[0] == 200
            daemon.restart()
        for bad in ({}, {'feedback': 'bad'}, {'feedback': 'noise', 'note': 5}, {'feedback': 'noise', 'note': 'x' * 5000}, []):
            assert feedback(daemon, 7, bad)[0] == 400, bad
        assert feedback(daemon, 9, {'feedback': 'noise'})[0] == 404


def test_feedback_needs_to_write_the_service():
    now = now_ms()
    with started([incident(7, now), incident(8, now, service='shop')], config=KEYS) as daemon:
        assert feedback(daemon, 7, {'feedback': 'noise'})[0] == 401
        assert feedback(daemon, 7, {'feedback': 'noise'}, 'ro')[0] == 403
        assert feedback(daemon, 8, {'feedback': 'noise'}, 'cart')[0] == 403
        assert feedback(daemon, 7, {'feedback': 'noise'}, 'cart')[0] == 200
        assert feedback(daemon, 8, {'feedback': 'noise'}, 'admin')[0] == 200
        assert daemon.request('GET', '/api/v1/anomalies')[0] == daemon.request('GET', '/api/v1/stream')[0] == 401


class Follower:
    """A raw client of /api/v1/stream."""

    def __init__(self, daemon, topics='', headers=''):
        host, port = daemon.http.rsplit(':', 1)
        self.conn = socket.create_connection((host, int(port)), timeout=10)
        self.conn.sendall(f'GET /api/v1/stream?topics={topics} HTTP/1.1\r\nHost: x\r\n{headers}\r\n'.encode())
        self.text = b''

    def until(self, wanted):
        """Reads on until wanted stands in what came; all of it so far."""
        while wanted.encode() not in self.text:
            piece = self.conn.recv(65536)
            assert piece, f'the stream ended: {self.text[-500:]}'
            self.text += piece
        return self.text.decode()

    def rest(self):
        """All to the end of the connection."""
        while piece := self.conn.recv(65536):
            self.text += piece
        return self.text.decode()

    def close(self):
        self.conn.close()


def events(text):
    """(event, id, data) of what a stream sent, without its chunks' lengths."""
    body = re.sub(r'\r\n[0-9a-fA-F]+\r\n', '', text.split('\r\n\r\n', 1)[1]).replace('\r\n', '')
    out = []
    for block in body.split('\n\n'):
        fields = dict(line.split(': ', 1) for line in block.split('\n') if ': ' in line and not line.startswith(':'))
        if 'data' in fields:
            out.append((fields['event'], int(fields['id']), json.loads(fields['data'])))
    return out


def test_what_changes_is_told_live_by_topic():
    """CONTRACT 3 and 5: PUB and the stream tell the same; a topic takes itself and what is under it."""
    now = now_ms()
    with started([incident(7, now), incident(8, now, service='shop'), incident(9, now, service='a b/ö')]) as daemon:
        with Nano(NN_SUB, daemon.publish) as sub:
            cart, every, other = Follower(daemon, 'incident.cart'), Follower(daemon, 'anomaly,incident'), Follower(daemon, 'verdict')
            for follower in (cart, every, other):
                assert 'HTTP/1.1 200' in follower.until('retry: 3000')
            assert 'content-type: text/event-stream' in cart.until('retry: 3000').lower()
            assert sub.recv().startswith(b'status ')
            for number, note in ((8, 'one'), (7, 'two\nlines'), (9, 'three')):
                assert feedback(daemon, number, {'feedback': 'noise', 'note': note})[0] == 200
            told = events(every.until('"three"'))
            assert [(event, int(item['id'], 16)) for event, _, item in told] == [('incident', 8), ('incident', 7), ('incident', 9)]
            assert [ids for _, ids, _ in told] == sorted({ids for _, ids, _ in told}), 'ids grow'
            assert words(told[1][2]) == [('noise', 'two\nlines')]
            assert [int(item['id'], 16) for _, _, item in events(cart.until('"two'))] == [7]
            assert events(other.text.decode()) == []
            topics = {}
            while len(topics) < 3:
                topic, data = sub.recv().split(b' ', 1)
                if topic != b'status':
                    topics[topic.decode()] = json.loads(data)['id']
            assert topics == {f'incident.{name}': f'{number:016x}' for name, number in
                              (('shop', 8), ('cart', 7), ('a%20b%2F%C3%B6', 9))}
            assert daemon.terminate() == 0
            for follower in (cart, every, other):
                assert follower.rest().endswith('0\r\n\r\n'), 'the stream ends whole'
                follower.close()


def test_a_stream_can_be_read_with_curl():
    with started([incident(7, now_ms())]) as daemon:
        curl = subprocess.Popen(['curl', '-sN', f'http://{daemon.http}/api/v1/stream?topics=incident'], stdout=subprocess.PIPE, text=True)
        assert [curl.stdout.readline() for _ in range(3)] == [': tidemark\n', 'retry: 3000\n', '\n']
        assert feedback(daemon, 7, {'feedback': 'useful'})[0] == 200
        assert curl.stdout.readline() == 'event: incident\n'
        assert curl.stdout.readline().startswith('id: ')
        assert words(json.loads(curl.stdout.readline().removeprefix('data: '))) == [('useful', '')]
        assert daemon.terminate() == 0
        assert curl.wait(10) == 0


def test_a_client_that_does_not_read_is_dropped_and_counted():
    """The others, and whoever writes, do not notice it."""
    with started([incident(7, now_ms())]) as daemon:
        slow, quick = Follower(daemon, 'incident'), Follower(daemon, 'incident')
        slow.conn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for follower in (slow, quick):
            follower.until('retry: 3000')
        for number in range(120):
            assert feedback(daemon, 7, {'feedback': 'noise', 'note': f'{number} ' + 'x' * 4000})[0] == 200
            quick.until(f'"note":"{number} ')
            quick.text = b''
        assert daemon.metric('tidemark_stream_clients_dropped_total') == 1
        slow.close()
        assert daemon.status()['state'] == 'ready'


def test_clients_are_bounded_and_hostile_ones_do_no_harm():
    with started([incident(7, now_ms())]) as daemon:
        followers = [Follower(daemon, 'incident') for _ in range(64)]
        for follower in followers:
            follower.until('retry: 3000')
        code, _, headers = daemon.request('GET', '/api/v1/stream')
        assert code == 503 and headers['retry-after'] == '10'
        for follower in followers[1:]:
            follower.close()
        wait_for(lambda: daemon.request('HEAD', '/api/v1/stream')[0] == 200)
        assert daemon.request('GET', '/api/v1/stream?topics=' + ','.join(['incident'] * 33))[0] == 400
        status, body, _ = daemon.request('GET', '/api/v1/stream?topics=incidents')
        assert status == 400 and 'anomaly, incident, verdict or status' in json.loads(body)['error']
        assert daemon.request('GET', '/api/v1/stream?topics=,')[0] == 400
        assert daemon.request('POST', '/api/v1/stream')[0] == 405
        assert feedback(daemon, 7, {'feedback': 'noise'})[0] == 200
        assert len(events(followers[0].until('"noise"'))) == 1
        assert daemon.terminate() == 0


def explained(number, time):
    """An anomaly as scoring writes it; 15.1 = 20 (log10(16 / 3) + log10(64 min / 1 h)), as before there is a past."""
    parts = {'version': 1, 'families': {'density': 2.5, 'burst': 0}, 'gate': 1, 'raw': 1.0, 'interval_ms': 60000,
             'calibration': {'blocks': 5, 'counts': {'4': 5}}}
    return anomaly(number, time, score=15.1, service='cart', env='prod', body={
        'time': '2026-11-23T10:00:00.000Z', 'service': 'cart', 'env': 'prod', 'metric': 'http_errors', 'labels': {'page_group': 'p'},
        'score': 15.1, 'observed': 412, 'expected': 38, 'spread': 11, 'effect': 34, 'return_period_h': 5.7,
        'text': '412 a minute in http_errors, expected 38 \u00b1 11\u001b', 'parts': parts})


def test_the_command_lists_and_explains_anomalies():
    """CONTRACT 1: a line each; --explain shows the sentence, every part, and the score made again from them."""
    with started([explained(5, now_ms() - 1000), anomaly(6, now_ms() - 500)]) as daemon:
        server = ('--server', 'http://' + daemon.http)
        code, out, err = command('anomalies', '--service', 'cart', '--env', 'prod', *server)
        assert code == 0 and err == ''
        assert out == ('0000000000000005   15.1  2026-11-23T10:00:00.000Z  cart@prod  '
                       '412 a minute in http_errors, expected 38 \u00b1 11\\x1b\n')
        none = 'tidemark: there are no such anomalies of the last day; --from -7d looks further back\n'
        assert command('anomalies', '--min-score', '90', *server) == (0, '', none)
        assert command('anomalies', '--min-score', '90', '--from', '-7d', *server) == (0, '', 'tidemark: there are no such anomalies\n')
        assert command('anomalies', '--min-score', 'x', *server)[0] == 2
        assert ids(json.loads(command('anomalies', '--json', '--limit', '1', *server)[1])['items']) == [6]
        code, out, _ = command('anomalies', '--explain', '0000000000000005', *server)
        lines = out.split('\n')
        assert code == 0 and lines[1].startswith('412 a minute')
        assert '  observed                    412' in lines and '  parts.families.density      2.5' in lines, out
        assert 'recomputed from these parts: score 15.1 (stored 15.1)' in lines
        assert json.loads(command('anomalies', '--explain', '0000000000000005', '--json', *server)[1])['parts']['raw'] == 1
        assert command('anomalies', '--explain', 'x', *server)[0] == 2
        assert command('anomalies', '--explain', '0000000000000009', *server)[0] == 1


def test_the_command_shows_incidents_and_takes_feedback():
    now = now_ms()
    body = {'service': 'cart', 'env': 'prod', 'start': '2026-11-23T10:00:00.000Z', 'end': None, 'state': 'open', 'score': 71.25, 'peak': 80,
            'text': '12 of 40 series of cart', 'causes': [{'labels': {'page_group': 'product'}, 'share': 0.96}],
            'onset': [{'metric': 'http_errors', 'labels': {'status': '500'}, 'time': '2026-11-23T10:00:00.000Z'}],
            'marker': '00000000000000aa', 'anomalies': 12}
    with started([incident(7, now, score=71.25, body=body)]) as daemon:
        server = ('--server', 'http://' + daemon.http)
        line = '0000000000000007  open   71.2  2026-11-23T10:00:00.000Z  cart@prod  12 of 40 series of cart\n'
        assert command('incidents', '--state', 'open', *server) == (0, line, '')
        code, out, _ = command('incidents', '--feedback', 'noise', '--note', 'load test', '0000000000000007', *server)
        assert code == 0 and re.search(r'\nfeedback  \S+Z  noise: load test\n$', out), out
        assert command('incidents', '0000000000000007', *server)[1] == out
        assert out.startswith(line + 'cause      96 %  {page_group="product"}\n'
                              'onset     2026-11-23T10:00:00.000Z  http_errors{status="500"}\n'
                              'marker    00000000000000aa\nanomalies 12\n'), out
        assert words(json.loads(command('incidents', '0000000000000007', '--json', *server)[1])) == [('noise', 'load test')]
        assert command('incidents', '--feedback', 'bad', '0000000000000007', *server)[0] == 2
        assert command('incidents', '--feedback', 'noise', *server)[0] == 2
        assert command('incidents', 'x', *server)[0] == 2


def test_the_command_follows_live_over_a_restart():
    with started([incident(7, now_ms(), body={'text': 'slow', 'score': 65, 'service': 'a b', 'env': 'x'}, service='a b')]) as daemon:
        daemon.pin_ports()
        server = ('--server', 'http://' + daemon.http)
        run = subprocess.Popen([COMMAND, 'incidents', '--follow', '--json', '--service', 'a b', '--env', 'x', *server],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        other = subprocess.Popen([COMMAND, 'incidents', '--follow', '--min-score', '70', *server], stdout=subprocess.PIPE, text=True)
        try:
            for note in ('one', 'two'):
                wait_for(lambda: followers(daemon) == 2, timeout=20)
                assert feedback(daemon, 7, {'feedback': 'useful', 'note': note})[0] == 200
                assert words(json.loads(run.stdout.readline()))[-1] == ('useful', note)
                if note == 'one':
                    assert daemon.terminate() == 0
                    daemon.start()
            assert 'the stream ended' in run.stderr.readline()
        finally:
            for process in (run, other):
                process.kill()
                process.wait()
        assert other.stdout.read() == '', 'its score is below what was asked for'
        assert command('incidents', '--follow', '--server', 'http://127.0.0.1:1')[0] == 1


def followers(daemon):
    return daemon.metric('tidemark_stream_clients')


def test_findings_are_in_backups_and_verified(tmp_path):
    """CONTRACT 1: what is in the journal and what is in the files; replaced, said of, all of it."""
    now = now_ms()
    with started([incident(7, now - 60000), anomaly(1, now - 60000), anomaly(2, now - 50000)], flush=True) as daemon:
        assert feedback(daemon, 7, {'feedback': 'noise', 'note': 'x'})[0] == 200
        server = ('--server', 'http://' + daemon.http)
        paths = '/anomalies', '/incidents'
        before = [listed(daemon, path) for path in paths]
        assert [len(items) for items in before] == [2, 1]
        code, out, err = command('backup', str(tmp_path / 'backups'), '--json', *server)
        assert code == 0, err
        code, _, err = command('backup', '--restore', str(tmp_path / 'backups'), '--data-dir', str(tmp_path / 'restored'), '--json')
        assert code == 0, err
        code, out, err = command('verify', '--data-dir', str(tmp_path / 'restored'))
        assert code == 0, out + err
        with Daemon(data_dir=str(tmp_path / 'restored')) as other:
            assert [listed(other, path) for path in paths] == before


def test_a_score_of_the_daemon_is_made_again_from_its_parts():
    """Issue 6: every score, to 0.1, from what is stored of it; the sentence has the figures."""
    with Daemon(config=test_detect.SETTINGS) as daemon:
        test_detect.push(daemon, test_detect.history(6, fault_at=330))
        test_detect.settle(daemon)
        items = listed(daemon, '/anomalies?from=2025-11-01T00:00:00Z&limit=10000')
        assert len(items) > 5 and all(item['score'] >= 20 for item in items)
        worst = max(items, key=lambda item: item['score'])
        for item in items[:10] + [worst]:
            code, out, err = command('anomalies', '--explain', item['id'], '--server', 'http://' + daemon.http)
            assert code == 0, err
            again = re.search(r'\nrecomputed from these parts: score ([\d.]+) \(stored ([\d.]+)\)\n$', out)
            assert again and again[1] == again[2] == f"{item['score']:.1f}", out
            assert out.split('\n')[1] == item['text']
