"""A few seconds that show the daemon whole: start, each way in, what is stored, stop, start again."""
import re

import pytest

from harness import NN_PUSH, Daemon, Nano, Req, command, now_ms, wait_for
from peers import message, parse_metrics, taken

pytestmark = pytest.mark.smoke
ADDRESS = r'tcp://127\.0\.0\.1:[1-9][0-9]*'


def test_the_ready_line_is_to_the_letter(daemon):
    """CONTRACT 1: one line on stdout once every listener is bound, with the ports that were picked for 0."""
    assert re.fullmatch(rf'ready http=127\.0\.0\.1:[1-9][0-9]* ingest_rep={ADDRESS} ingest_pull={ADDRESS} '
                        rf'publish={ADDRESS}', daemon.ready_line), daemon.ready_line
    daemon.terminate()
    assert daemon.process.stdout.read() == b'', 'stdout has the ready line and nothing else'


def test_each_way_in_stores_and_survives_a_clean_stop(tmp_path):
    """CONTRACT 1, 3, 5: REQ, PUSH, HTTP and `tidemark push` are stored; SIGTERM exits 0; a restart has the data."""
    at = now_ms() - 5000
    with Daemon() as d:
        with Req(d.rep) as peer:
            assert peer.ask(message(f'smoke,way=req value=1 {at}', 'smoke', 1, 7, more=' precision=ms')) == taken(1, seq=7)
        with Nano(NN_PUSH, d.pull) as peer:
            peer.send(f'smoke,way=push value=2 {at}000000'.encode())
            wait_for(lambda: d.status()['ingest']['samples_total'] == 2)
        assert d.write(f'smoke,way=http value=3 {at}', '/write?precision=ms')[:2] == (204, b'')
        lines = tmp_path / 'lines'
        lines.write_text(f'smoke,way=cli value=4 {at}\n')
        code, out, err = command('push', '--to', d.rep, '--precision', 'ms', str(lines))
        assert (code, out, err) == (0, 'pushed 1 lines: 1 accepted, 0 refused\n', '')
        status = d.status()
        assert status['state'] == 'ready' and status['trouble'] is None
        assert (status['ingest']['samples_total'], status['ingest']['lines_refused_total']) == (4, 0)
        values, types = parse_metrics(d.request('GET', '/metrics')[1].decode())
        assert types['tidemark_series'] == 'gauge' and values[('tidemark_series', '')] == 4
        assert command('status', '--server', 'http://' + d.http)[0] == 0
        assert d.terminate() == 0
        want = {f'smoke{{way="{way}"}}': {at: float(i + 1)} for i, way in enumerate(('req', 'push', 'http', 'cli'))}
        assert d.dump()[0] == want
        d.start()
        assert d.status()['series']['count'] == 4
        with Req(d.rep) as peer:
            assert peer.ask(message(f'smoke,way=req value=1 {at}', 'smoke', 1, 7, more=' precision=ms')) == \
                taken(0, duplicate=True, seq=7)
        assert d.terminate() == 0
        assert d.dump()[0] == want
