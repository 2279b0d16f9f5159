"""FAULTS 17 and 2: backups of a busy daemon, restored and compared with the ledger; killed; no room."""
import json
import os
import threading
import time
from urllib.parse import urlencode

from harness import Agent, Daemon, Mount, check_ledger, command, dump, now_ms, soak, wait_for
from test_verify import sealed, write_days


def backup(daemon, dest):
    code, out, err = command('backup', dest, '--server', f'http://{daemon.http}', '--json', timeout=120)
    assert code == 0, out + err
    return json.loads(out)


def restore(source, target):
    code, out, err = command('backup', '--restore', source, '--data-dir', target, '--json', timeout=120)
    assert code == 0, out + err
    return json.loads(out)


def test_a_hot_backup_under_full_ingest_equals_the_ledger_up_to_its_mark(tmp_path):
    """FAULTS 17: agents at full speed; what was acknowledged before a backup began is in it, nothing unsent is, and each
    batch is there whole or not at all."""
    with Daemon() as daemon:
        daemon.pin_ports()
        write_days(daemon, 3)
        sealed(daemon, 2)
        agents = [Agent(daemon, f'a{n}', transport).start() for n, transport in enumerate(('rep', 'rep', 'http'))]
        time.sleep(1)
        for turn in range(3 if not soak() else 30):
            before = [batch for agent in agents for batch in agent.batches if batch.state == 'acked']
            made = backup(daemon, str(tmp_path / 'backups'))
            target = str(tmp_path / f'restored{turn}')
            restored = restore(made['to'], target)
            assert restored['damages'] == 0
            if turn % 2 == 0:
                assert daemon.request('POST', '/api/v1/admin/flush')[0] == 200
            check_up_to(dump(target), agents, before)
            code, out, _ = command('verify', '--data-dir', target)
            assert code == 0, out
        assert any(agent.slowest_ack_s < 5 for agent in agents)
        for agent in agents:
            agent.stop()
            agent.settle()
            agent.close()
        check_ledger(daemon.dump(), agents)


def check_up_to(contents, agents, before):
    """The ledger as of the backup: batches of `before` are there; later ones whole or not at all."""
    must = {id(batch) for batch in before}
    frozen = []
    for agent in agents:
        copy = Agent(agent.daemon, agent.name, agent.transport)
        for batch in list(agent.batches):
            twin = type(batch)(batch.seq, batch.first, batch.count)
            twin.state = 'acked' if id(batch) in must else 'unknown'
            copy.batches.append(twin)
        frozen.append(copy)
    check_ledger(contents, frozen)


def test_sealed_days_are_not_copied_again_and_a_restored_daemon_goes_on(tmp_path):
    with Daemon() as daemon:
        write_days(daemon, 5, 4000)
        sealed(daemon, 4)
        agent = Agent(daemon, 'a')
        agent.send(20)
        first = backup(daemon, str(tmp_path / 'backups'))
        second = backup(daemon, str(tmp_path / 'backups'))
        assert first['copied_bytes'] == first['bytes'] and second['copied_bytes'] < first['copied_bytes']
        agent.send(5)
        restored = restore(str(tmp_path / 'backups'), str(tmp_path / 'restored'))
        assert restored['from'] == second['to']
        with Daemon(data_dir=str(tmp_path / 'restored')) as other:
            agent.batches = agent.batches[:20]
            check_ledger(other.dump(), [agent])
            # The producer goes on there: what it sent before is known, what comes next is new.
            agent.close()
            agent.daemon = other
            agent.send(3)
            check_ledger(other.dump(), [agent])
        agent.close()


def test_a_daemon_killed_during_a_backup_leaves_no_half_one(tmp_path):
    """FAULTS 2: kill -9 at some moment of a backup: none that is not whole is taken for one, and the next is made."""
    dest = str(tmp_path / 'backups')
    with Daemon() as daemon:
        daemon.pin_ports()
        write_days(daemon, 4, 4000)
        agent = Agent(daemon, 'a')
        whole = 0
        for turn in range(8 if not soak() else 100):
            agent.send(3)
            thread = threading.Thread(target=lambda: command('backup', dest, '--server', f'http://{daemon.http}'))
            thread.start()
            time.sleep(0.013 * (turn % 8))
            daemon.kill()
            thread.join(60)
            daemon.start()
            assert not os.path.exists(os.path.join(daemon.data_dir, 'frozen'))
            names = [name for name in os.listdir(dest) if name[0] == '2'] if os.path.isdir(dest) else []
            for name in names:
                if name.endswith('.making'):
                    continue
                whole += 1
                assert os.path.exists(os.path.join(dest, name, 'BACKUP'))
            made = backup(daemon, dest)
            assert not any(name.endswith('.making') for name in os.listdir(dest))
            target = str(tmp_path / f'restored{turn}')
            restore(made['to'], target)
            check_ledger(dump(target), [agent])
        agent.close()


def test_a_full_target_is_told_and_the_daemon_goes_on(tmp_path):
    with Mount(str(tmp_path), 8, 'tmpfs') as mount, Daemon() as daemon:
        if mount.unavailable:
            import pytest
            pytest.skip(mount.unavailable)
        write_days(daemon, 3, 20000)
        mount.fill(100 << 10)
        dest = os.path.join(mount.point, 'backups')
        code, _, err = command('backup', dest, '--server', f'http://{daemon.http}')
        assert code == 1 and 'No space left' in err, err
        assert [name for name in os.listdir(dest) if name[0] == '2'] == []
        assert daemon.write('load,service=s value=2\n')[0] == 204
        wait_for(lambda: not os.path.exists(os.path.join(daemon.data_dir, 'frozen')))
        mount.empty()
        backup(daemon, dest)


def test_what_can_not_be_backed_up_is_told(tmp_path):
    with Daemon() as daemon:
        inside = os.path.join(daemon.data_dir, 'backups')
        code, _, err = command('backup', inside, '--server', f'http://{daemon.http}')
        assert code == 1 and 'inside the data folder' in err, err
        status, body, _ = daemon.request('POST', '/api/v1/admin/backup?to=relative')
        assert status == 400 and b'absolute' in body
        code, _, err = command('backup', str(tmp_path / 'b'), '--data-dir', daemon.data_dir)
        assert code == 1 and 'leave --data-dir out' in err
        code, _, err = command('backup')
        assert code == 2
        code, _, err = command('backup', '--restore', str(tmp_path), '--data-dir', str(tmp_path / 'x'))
        assert code == 1 and 'holds none' in err, err
        daemon.terminate()
        code, out, err = command('backup', str(tmp_path / 'b'), '--data-dir', daemon.data_dir)
        assert code == 0 and 'as of' in out, out + err


def test_rankings_of_days_that_went_and_learned_page_groups_come_along(tmp_path):
    """What `top` knows of days older than storage.retention.events is as kept as counts are; what was learned of URLs names
    the same groups behind a restore."""
    day = 86400 * 1000
    start = (now_ms() // day - 3) * day
    config = {'storage': {'retention': {'events': '14d'}}}

    def top(daemon, **more):
        query = {'from': start // 1000, 'to': start // 1000 + 86400, 'service': 'shop', **more}
        return json.loads(daemon.request('GET', '/api/v1/top?' + urlencode(query), timeout=60)[1])

    def raw(daemon):
        return json.loads(daemon.request('GET', '/api/v1/events?limit=1')[1])['data']['items']

    with Daemon(config=config) as daemon:
        lines = [f'http,service=shop,status={404 if i % 7 == 0 else 200},pop=p{i % 3} url="/a{i % 40}/b{i % 11}",count={i % 5 + 1}i '
                 f'{start + i * 70000}' for i in range(1200)]
        assert daemon.write('\n'.join(lines), '/write?precision=ms')[0] == 204
        assert daemon.request('POST', '/api/v1/admin/flush')[0] == 200
        asked = [dict(by=by, k=1000, **more) for by in ('url', 'page_group', 'status', 'pop') for more in ({}, {'status': '4xx'})]
        exact = [top(daemon, **more)['data'] for more in asked]
        assert all(data['exact'] and data['error'] == 0 for data in exact) and exact[0]['total'] == 3600
        explained = daemon.request('GET', '/api/v1/events/explain?service=shop&url=/a1/b2')[1]
        daemon.settings['storage']['retention']['events'] = '1d'
        daemon.write_config()
        assert daemon.request('POST', '/-/reload')[0] == 200
        assert daemon.write('up value=1')[0] == 204  # the files are looked after behind a flush
        assert daemon.request('POST', '/api/v1/admin/flush')[0] == 200
        wait_for(lambda: not raw(daemon), 90)
        assert [top(daemon, **more)['data'] for more in asked] == exact
        told = top(daemon, filter='url~"a1"')
        assert 'older than storage.retention.events' in told['warnings'][0] and told['data']['exact'] is False
        made = backup(daemon, str(tmp_path / 'backups'))
    assert restore(made['to'], str(tmp_path / 'restored'))['damages'] == 0
    assert command('verify', '--data-dir', str(tmp_path / 'restored'))[0] == 0
    with Daemon(config=config, data_dir=str(tmp_path / 'restored')) as daemon:
        assert [top(daemon, **more)['data'] for more in asked] == exact
        assert daemon.request('GET', '/api/v1/events/explain?service=shop&url=/a1/b2')[1] == explained
