"""What the command line says to a person: of wrong words, of a daemon that is not there, of an empty answer."""
import json

import pytest

from harness import Daemon, command

ID = '8f14e45fceea167a'
ASKING = [['status'], ['query', 'cpu'], ['query', 'sum(cpu)'], ['query', 'cpu', '--exact'], ['explain', 'cpu'], ['series'],
          ['events'], ['top'], ['anomalies'], ['anomalies', '--follow'], ['anomalies', '--explain', ID], ['incidents'],
          ['incidents', ID], ['diff', '--window', '-1h..now'], ['report'], ['verify'], ['exceptions'], ['marker', 'list'],
          ['marker', 'expected', ID], ['deploy', '--service', 'a', '--version', '1'], ['delete', 'cpu'], ['backup', 'x']]
EMPTY = [(['query', 'cpu'], 'has no samples from'), (['query', 'sum(cpu)'], 'no series has a value at'),
         (['series'], 'there are no series yet'), (['series', 'cpu'], 'there are no such series'),
         (['series', '--by', 'label'], 'there are no series yet'), (['events'], 'no event is there; --from and --to set the span'),
         (['top'], 'no event is there; --from and --to set the span'), (['anomalies'], '--from -7d looks further back'),
         (['incidents', '--from', '-1h'], 'there are no such incidents'), (['exceptions'], 'there are no such groups'),
         (['marker', 'list'], 'there are no such markers'), (['diff', '--window', '-1h..now'], 'no series has data in the window')]
WRONG = [(['events', '--from', 'nonsense'], '--from: cannot parse "nonsense"'), (['events', '--filter', 'status=='], '--filter: column 8'),
         (['exceptions', '--state', 'foo'], '--state: it is new, '), (['incidents', '--state', 'foo'], '--state: it is open or closed'),
         (['marker', 'list', '--kind', 'foo'], '--kind: it is deploy, '), (['top', '--k', '0'], '--k: it must be in 1 to'),
         (['anomalies', '--min-score', '200'], '--min-score: it is a number from 0 to 100'),
         (['diff', '--window', 'now..-1h'], '--window: its begin is not before its end'),
         (['diff', '--window', '-1h..now', '--match', 'x{'], '--match: 1:3: parse error'),
         (['series', 'x y{'], '"x y{" is no selector like cpu{service="cart"}: 1:3: '), (['delete', 'cpu', '{a='], '"{a=" is no selector'),
         (['verdict', '--service', 'a', '--version', '1', '--wait', 'x'], '--wait: "x" is not a duration'),
         (['verdict', '--service', 'a', '--version', ''], 'which deploy? For example'),
         (['marker', 'correct', ID], 'say what is to be other'), (['marker', 'expected'], '`marker expected ID`'),
         (['report', '--week', '2026-47'], '"2026-47" is no ISO week'),
         (['exceptions', 'merge', ID], '`exceptions merge ID --into ID`')]
UNKNOWN = [(['marker', 'delete', ID], '`tidemark marker list` lists them'), (['exceptions', ID], '`tidemark exceptions` lists them'),
           (['incidents', ID], '`tidemark incidents` lists them'), (['anomalies', '--explain', ID], '`tidemark anomalies` lists them'),
           (['marker', 'expected', ID], '`tidemark marker list --kind event` lists them')]


def told(daemon, words):
    code, out, err = command(*words, '--server', f'http://{daemon.http}')
    return code, out, err


@pytest.mark.parametrize('words', ASKING, ids=' '.join)
def test_a_daemon_that_is_not_there_is_one_sentence(words):
    server = 'http://127.0.0.1:1'
    code, out, err = command(*words, '--server', server)
    assert (code, out) == (1, '')
    assert err == f'tidemark: could not reach tidemarkd at {server}: Connection refused; is it running? start it with ' \
                  '`tidemarkd`, or name another address with --server\n'


def test_a_missing_key_is_told_with_its_option():
    key = {'name': 'r', 'secret': 'a secret of a reader', 'scopes': ['read']}
    with Daemon(config={'auth': {'keys': [key]}}) as daemon:
        for words in ASKING:
            code, out, err = told(daemon, words)
            assert (code, out) == (1, ''), (words, out, err)
            assert 'name your key with --key-file FILE' in err and err.count('\n') == 1, (words, err)


def test_an_empty_answer_says_so_on_stderr_and_succeeds(daemon):
    for words, part in EMPTY:
        code, out, err = told(daemon, words)
        assert (code, out) == (0, ''), (words, out, err)
        assert err.startswith('tidemark: ') and part in err and err.count('\n') == 1, (words, err)


def test_a_wrong_value_is_told_with_its_option(daemon):
    for words, part in WRONG:
        code, out, err = told(daemon, words)
        assert (code, out) == (2, ''), (words, out, err)
        assert err.startswith('tidemark: ') and part in err and err.count('\n') == 1, (words, err)
        assert 'invalid parameter' not in err


def test_a_document_has_the_numbers_that_the_daemon_has(daemon):
    """--json: the `data` of the answer, its numbers not made longer."""
    lines = '\n'.join(f'http,service=s,method=GET,status=200 url="/{i % 3}",duration_ms={i}.7' for i in range(9))
    assert daemon.write(lines)[0] == 204
    code, out, _ = told(daemon, ['top', '--json'])
    data = json.loads(daemon.request('GET', '/api/v1/top')[1])['data']
    assert code == 0 and json.loads(out)['items'] == data['items'] and '"share": 0.333333,\n' in out
    code, out, _ = told(daemon, ['events', '--limit', '1', '--json'])
    data = json.loads(daemon.request('GET', '/api/v1/events?limit=1')[1])['data']
    assert code == 0 and json.loads(out) == data and '.7\n' in out


def test_an_unknown_id_is_told_with_the_command_that_lists_them(daemon):
    for words, part in UNKNOWN:
        code, out, err = told(daemon, words)
        assert (code, out) == (1, ''), (words, out, err)
        assert part in err and 'GET ' not in err and err.count('\n') == 1, (words, err)
