"""Verification, and days that end the daemon: told, set aside, the rest serves."""
import json
import os
import signal
import time

from harness import BASE_MS, Agent, Daemon, check_ledger, command, dump, wait_for

DAY_MS = 86400000


def days_of(daemon):
    raw = os.path.join(daemon.data_dir, 'raw')
    return sorted(os.listdir(raw)) if os.path.isdir(raw) else []


def write_days(daemon, days, points=400):
    """So many days before today get samples; flushed, so that they are partitions."""
    for day in range(1, days + 1):
        start = BASE_MS - day * DAY_MS
        lines = [f'load,service=s,host=h{i % 20} value={i + day} {(start + i * 1000) * 1000000}' for i in range(points)]
        for at in range(0, points, 4000):
            assert daemon.write('\n'.join(lines[at:at + 4000]) + '\n')[0] == 204
    assert daemon.request('POST', '/api/v1/admin/flush')[0] == 200


def sealed(daemon, count):
    """Waits until so many days are sealed; their names."""
    def look():
        names = [name for name in days_of(daemon)
                 if '.' not in name and os.path.exists(os.path.join(daemon.data_dir, 'raw', name, 'pages'))]
        return names if len(names) >= count else None
    return wait_for(look, 30)


def test_verify_beside_a_daemon_by_command_and_by_request():
    """`tidemark verify` finds a busy folder sound: on the folder, and through the daemon."""
    with Daemon() as daemon:
        agent = Agent(daemon, 'a').start()
        write_days(daemon, 3)
        sealed(daemon, 2)

        def verified():
            """Each look finds it sound; one at a day that is just being replaced leaves that out."""
            code, out, err = command('verify', '--data-dir', daemon.data_dir, '--json')
            assert code == 0, out + err
            data = json.loads(out)
            assert data['sound'] is True and data['damages'] == 0, data
            return data['partitions'] >= 3 and data['samples'] >= 1200
        for _ in range(3):
            wait_for(verified, 60)
        code, out, err = command('verify', '--server', f'http://{daemon.http}')
        assert code == 0 and 'sound' in out, out + err
        status, body, _ = daemon.request('POST', '/api/v1/admin/verify', timeout=60)
        assert status == 200 and json.loads(body)['data']['sound'] is True
        status, body, _ = daemon.request('GET', '/api/v1/admin/verify')
        assert json.loads(body)['data']['state'] == 'done'
        agent.close()
        check_ledger(daemon.dump(), [agent])


def test_a_damaged_day_is_told_and_the_exit_code_is_one():
    with Daemon() as daemon:
        write_days(daemon, 3)
        day = sealed(daemon, 2)[0]
        assert daemon.terminate() == 0
        path = os.path.join(daemon.data_dir, 'raw', day, 'data.mdb')
        with open(path, 'r+b') as data:
            data.seek(os.path.getsize(path) // 2)
            data.write(b'\xff' * 64)
        code, out, _ = command('verify', '--data-dir', daemon.data_dir)
        assert code == 1 and f'raw/{day}: ' in out and 'DAMAGED' in out
        daemon.start()
        code, out, err = command('verify', '--server', f'http://{daemon.http}', '--json')
        assert code == 1 and json.loads(out)['sound'] is False, out + err


def test_a_day_that_ends_the_daemon_is_set_aside_after_two_deaths():
    """A partition that ends the process by a signal whenever it is read (cut behind the map that LMDB made) is
    quarantined after two deaths; everything else serves, verify says so, and the day can be put back."""
    with Daemon() as daemon:
        daemon.pin_ports()
        write_days(daemon, 4)
        names = sealed(daemon, 3)
        daemon.terminate()
        victim = names[1]
        path = os.path.join(daemon.data_dir, 'raw', victim, 'data.mdb')
        with open(path, 'rb') as data:
            whole = data.read()
        # What the daemon notes when it dies inside a partition: two lives ended so.
        os.truncate(path, 4096 * 3)
        note_deaths(daemon.data_dir, f'raw/{victim}', 2)
        daemon.start()
        assert f'{victim}.quarantine' in days_of(daemon) and victim not in days_of(daemon)
        wait_for(lambda: 'partition.quarantined' in daemon.read_log())
        assert daemon.write('load,service=s value=1\n')[0] == 204
        series, _ = daemon.dump()
        times = [when for points in series.values() for when in points]
        assert not any(day_name(when) == victim for when in times)
        assert {day_name(when) for when in times} >= set(names) - {victim}
        code, out, _ = command('verify', '--data-dir', daemon.data_dir)
        assert code == 1 and f'raw/{victim}.quarantine: was set aside' in out
        assert warnings_of(daemon, victim) == [True] * 6
        assert daemon.request('POST', '/api/v1/admin/flush')[0] == 200  # the figure is of the last look at the files
        wait_for(lambda: b'tidemark_quarantined_partitions 1' in raw(daemon.request('GET', '/metrics')[1]))
        daemon.terminate()
        # Put back, as storage/check/README.md tells.
        aside = os.path.join(daemon.data_dir, 'raw', victim + '.quarantine')
        with open(os.path.join(aside, 'data.mdb'), 'wb') as data:
            data.write(whole)
        os.rename(aside, os.path.join(daemon.data_dir, 'raw', victim))
        daemon.start()
        series, _ = daemon.dump()
        assert any(day_name(when) == victim for points in series.values() for when in points)
        code, out, _ = command('verify', '--data-dir', daemon.data_dir)
        assert code == 0, out
        assert warnings_of(daemon, victim) == [False] * 6


def test_what_was_set_aside_of_counts_and_events_is_told_by_all_that_read_them():
    """A quarantined day of counts is a warning in counts, series, cardinality and raw queries, one of events in
    events and top: over HTTP, by the command line and, where it works without a daemon, on the folder."""
    with Daemon() as daemon:
        daemon.pin_ports()
        day = time.strftime('%Y-%m-%d', time.gmtime(time.time() - 2 * 86400))
        noon = (int(time.time()) // 86400 - 2) * 86400 + 43200
        assert daemon.write(f'http,service=shop,method=GET,status=404 url="/a" {noon}000000000\n')[0] == 204
        assert daemon.request('POST', '/api/v1/admin/flush')[0] == 200
        for victims in ((), ('counts',), ('counts', 'events'), ()):
            daemon.terminate()
            for tier in ('counts', 'events'):
                path = os.path.join(daemon.data_dir, tier, day)
                if tier in victims and os.path.exists(path):
                    os.rename(path, path + '.quarantine')
                elif tier not in victims and os.path.exists(path + '.quarantine'):
                    os.rename(path + '.quarantine', path)
            daemon.start()
            for tier, told in gaps_told(daemon, day, noon):
                assert told == (tier in victims), (tier, victims)


def gaps_told(daemon, day, noon):
    """Per way to read: the tier it reads, and whether it tells that the day was set aside."""
    span = f'from={noon - 86400}&to={noon + 86400}'
    paths = (('counts', f'counts?{span}'), ('events', f'events?{span}'), ('events', f'top?{span}'),
             ('events', f'top?from={noon + 86400}&to={noon + 2 * 86400}&compare={noon - 86400}..{noon}'),
             ('counts', f'query?query=http_events_total&time={noon}'),
             ('counts', f'query?query=rate(http_events_total[2d])&time={noon + 86400}'),
             ('counts', f'query_range?query=sum(http_events_total)&step=3600&start={noon - 3600}&end={noon}'),
             (None, f'query?query=http_events_total&time={noon + 86400}'),
             ('counts', 'series?match[]=up'), ('counts', 'labels'), ('counts', 'status/tsdb'))
    for tier, path in paths:
        status, body = daemon.request('GET', '/api/v1/' + path)[:2]
        assert status == 200, body
        warnings = json.loads(body).get('warnings', [])
        yield tier, any(f'{tier}/{day}.quarantine' in text for text in warnings)
        assert json.loads(raw(daemon.request('GET', '/api/v1/counts?from=0&to=1')[1])).get('warnings') is None
    where = ('--from', str(noon - 86400), '--to', str(noon + 86400))
    commands = (('counts', ('query', 'http_events_total', '--exact', *where), True),
                ('counts', ('query', 'http_events_total', *where), True),
                ('counts', ('series',), True), ('counts', ('series', '--by', 'metric'), True),
                ('events', ('events', *where), False), ('events', ('top', *where), False))
    for tier, words, is_offline in commands:
        for source in ((('--data-dir', daemon.data_dir),) if is_offline else ()) + (('--server', f'http://{daemon.http}'),):
            code, _, err = command(*words, *source)
            assert code == 0, err
            yield tier, f'{tier}/{day}.quarantine' in err


def raw(body):
    return body if isinstance(body, bytes) else body.encode()


def warnings_of(daemon, victim):
    """Whether each way to read tells that a day was set aside."""
    import urllib.parse
    selector = urllib.parse.quote('load{host="h1"}')
    _, lines, _ = daemon.request('GET', f'/api/v1/export?match[]={selector}&from=0')
    _, names, _ = daemon.request('GET', '/api/v1/labels')
    told = [json.loads(text) for text in raw(lines).split(b'\n') if text]
    found = [any(one.get('status') == 'warning' and victim in one['warnings'][0] for one in told),
             victim in ' '.join(json.loads(names).get('warnings', []))]
    for where in (('--server', f'http://{daemon.http}'), ('--data-dir', daemon.data_dir)):
        code, out, err = command('query', 'load{host="h1"}', '--from', '0', '--json', *where)
        assert code == 0, err
        found += [f'{victim}.quarantine' in err, victim in ' '.join(json.loads(out).get('warnings', []))]
    return found


def day_name(when):
    import datetime
    return datetime.datetime.fromtimestamp(when / 1000, datetime.timezone.utc).strftime('%Y-%m-%d')


def note_deaths(data_dir, label, deaths):
    """A slot of the file `reading`, as storage/partition/README.md has it."""
    import struct
    path = os.path.join(data_dir, 'reading')
    with open(path, 'r+b') as notes:
        content = notes.read()
        for slot in range(256):
            if content[slot * 48:slot * 48 + 1] == b'\0':
                notes.seek(slot * 48)
                notes.write(label.encode().ljust(40, b'\0') + struct.pack('<II', 0, deaths))
                return
    raise AssertionError('no free slot')


def test_a_day_cut_under_a_running_daemon_costs_two_restarts_at_most():
    """The file of an open day shrinks under the daemon's map: reading or writing it raises SIGBUS. The daemon is
    started again as a service manager would; after at most two deaths it stays up, without that day or with it."""
    with Daemon() as daemon:
        daemon.pin_ports()
        agent = Agent(daemon, 'a')
        agent.send(3)
        write_days(daemon, 2, 4000)
        day = [name for name in days_of(daemon)
               if not os.path.exists(os.path.join(daemon.data_dir, 'raw', name, 'pages'))]
        victim = sorted(day)[-1]
        path = os.path.join(daemon.data_dir, 'raw', victim, 'data.mdb')
        os.truncate(path, 4096 * 2)
        deaths = 0
        for _ in range(6):
            try:
                if not daemon.alive():
                    deaths += 1
                    daemon.log.close()
                    daemon.start()
                daemon.write('load,service=s,host=h1 value=1\n')
                status = daemon.request('POST', '/api/v1/admin/flush')[0]
                if status == 200 and daemon.alive():
                    break
            except (OSError, ValueError, AssertionError):
                wait_for(lambda: not daemon.alive(), 10)
                assert daemon.process.returncode in (-signal.SIGBUS, -signal.SIGSEGV, -signal.SIGABRT, 1)
        assert daemon.alive() and deaths <= 2
        assert daemon.write('load,service=s value=2\n')[0] == 204
        agent.close()


def test_a_damaged_index_is_told_with_the_commands_to_run():
    with Daemon() as daemon:
        write_days(daemon, 2)
        assert daemon.terminate() == 0
        path = os.path.join(daemon.data_dir, 'index', 'data.mdb')
        size = os.path.getsize(path)
        with open(path, 'r+b') as data:
            for page in range(2, size // 4096):
                data.seek(page * 4096)
                data.write(b'\0' * 4096)
        daemon.start(wait=False)
        assert daemon.process.wait(20) == 1
        text = daemon.read_log()
        assert 'tidemark verify --data-dir' in text and 'tidemark backup --restore' in text
        code, out, _ = command('verify', '--data-dir', daemon.data_dir)
        assert code == 1 and 'index: ' in out


def test_a_check_that_is_under_way_is_answered_at_shutdown():
    with Daemon() as daemon:
        write_days(daemon, 2)
        status, _, _ = daemon.request('POST', '/api/v1/admin/verify?wait=no')
        assert status == 202
        assert daemon.terminate() == 0
        assert dump(daemon.data_dir)[0]
