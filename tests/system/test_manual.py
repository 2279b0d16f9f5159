"""The manual and the completion say what --help says: every option, and nothing else."""
import os
import re
import shlex
import shutil
import subprocess

import pytest
import yaml

from harness import BUILD, ROOT

COLUMNS = 80
SECTIONS = ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'EXIT STATUS', 'SEE ALSO']


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def help_of(program, *words):
    return run(os.path.join(BUILD, program), *words, '--help')


COMMANDS = re.findall(r'^  ([a-z]+) ', help_of('tidemark'), re.M)
PAGES = {f'man1/tidemark-{name}.1': ('tidemark', name) for name in COMMANDS}
PAGES.update({'man8/tidemarkd.8': ('tidemarkd',), 'man8/tidemark-report.8': ('tidemark-report',)})


def options_in_help(text):
    return re.findall(r'^  (?:-[a-z], )?--([a-z-]+)', text, re.M)


@pytest.fixture(scope='module')
def manual():
    """The folder that `make manual` writes."""
    env = {k: v for k, v in os.environ.items() if k != 'MAKEFLAGS'}
    done = subprocess.run(['make', '-s', 'manual', f'BUILD={os.path.basename(BUILD)}'], cwd=ROOT, capture_output=True,
                          text=True, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return os.path.join(BUILD, 'manual')


def page(manual, name):
    with open(os.path.join(manual, name), encoding='utf-8') as file:
        return file.read()


def plain(roff):
    """Without fonts and escapes."""
    for escape, char in ((r'\-', '-'), (r'\(aq', "'"), (r'\(ga', '`'), (r'\(ha', '^'), (r'\(ti', '~'), (r'\&', ''), (r'\:', '')):
        roff = roff.replace(escape, char)
    return re.sub(r'\\f[BIR]', '', roff).replace('\\e', '\\')


def offered(manual, program, *words, cwd=None):
    """What bash offers behind `program words...`; the last word is the one being typed."""
    script = f'source {shlex.quote(os.path.join(manual, "completions", program))} && ' \
             f'COMP_WORDS=({shlex.join([program, *words])}) COMP_CWORD={len(words)} && ' \
             f'{"_" + program.replace("-", "_")} && printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(['bash', '-uc', script], capture_output=True, text=True, cwd=cwd)
    assert (done.returncode, done.stderr) == (0, ''), done.stderr
    return [line for line in done.stdout.split('\n') if line]


def test_there_is_a_page_for_each_program_and_command(manual):
    found = sorted(os.path.relpath(os.path.join(folder, name), manual)
                   for folder, _, names in os.walk(manual) for name in names)
    assert len(COMMANDS) > 20
    assert found == sorted([*PAGES, 'man1/tidemark.1', 'man5/tidemark.yaml.5'] +
                           [f'completions/{program}' for program in ('tidemark', 'tidemarkd', 'tidemark-report')])


@pytest.mark.parametrize('name', PAGES)
def test_page_and_completion_have_the_options_of_help_and_no_others(manual, name):
    """One table gives all three."""
    text = help_of(*PAGES[name])
    in_help = options_in_help(text)
    roff = plain(page(manual, name))
    assert len(in_help) > 3 and len(set(in_help)) == len(in_help)
    assert re.findall(r'^\.TP\n(?:-[a-z], )?--([a-z-]+)', roff, re.M) == in_help
    assert offered(manual, *PAGES[name], '--') == [f'--{option}' for option in in_help]
    assert re.findall(r'^\.SH (.*)$', roff, re.M)[:4] == SECTIONS[:4] and all(f'.SH {s}\n' in roff for s in SECTIONS)
    for argument, default in re.findall(r'^  --(\S+ \S+) .*\(default (\S+)\)$', text, re.M):
        assert f'--{argument}\n' in roff and f'(default {default})' in roff


def test_the_overview_lists_every_command(manual):
    roff = plain(page(manual, 'man1/tidemark.1'))
    assert re.findall(r'^tidemark-([a-z]+)\(1\)$', roff, re.M) == COMMANDS
    assert re.findall(r'^\.TP\n--([a-z-]+)', roff, re.M) == ['server', 'key-file', 'json', 'help', 'version']
    assert offered(manual, 'tidemark', '') == [*COMMANDS, '--help', '--version']
    assert offered(manual, 'tidemark', 'ex') == ['explain', 'exceptions']


def settings(tree, path=''):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from settings(value, f'{path}{key}.')
        else:
            yield path + key


def test_the_configuration_page_has_every_setting_in_its_order(manual):
    printed = run(os.path.join(BUILD, 'tidemarkd'), '--print-config')
    roff = plain(page(manual, 'man5/tidemark.yaml.5'))
    terms, depth = ([], []), 0
    for line, after in zip(roff.split('\n'), roff.split('\n')[1:]):
        depth += (line == '.RS') - (line == '.RE')
        if line == '.TP' and re.fullmatch('[a-z_.0-9]+', after):
            terms[depth > 0].append(after)
    assert terms[0] == list(settings(yaml.safe_load(printed)))
    assert terms[1] == re.findall('^ *# {3,}([a-z_]+): ', printed, re.M) and 'secret_file' in terms[1]
    assert 'duration, 1h to 100y; default 30d; reload.' in roff


def test_the_example_of_the_configuration_is_valid(manual, tmp_path):
    example = plain(page(manual, 'man5/tidemark.yaml.5')).split('.SH EXAMPLES\n.PP\n.EX\n')[1].split('.EE\n')[0]
    config, secret = tmp_path / 'tidemark.yaml', tmp_path / 'ci.secret'
    config.write_text(example, encoding='utf-8')
    secret.write_text('0123456789abcdef0123\n', encoding='utf-8')
    secret.chmod(0o600)
    run(os.path.join(BUILD, 'tidemarkd'), '--check', '-c', str(config))


@pytest.mark.parametrize('command', COMMANDS)
def test_every_example_is_written_with_the_options_that_there_are(manual, command):
    """An example that the program would refuse is worse than none."""
    text = help_of('tidemark', command)
    options = dict(re.findall(r'^  --([a-z-]+) ?(\S*)', text, re.M))
    examples = re.search(r'^examples:\n((?:  .*\n)+)', text, re.M).group(1).splitlines()
    assert plain(page(manual, f'man1/tidemark-{command}.1')).count('\n'.join(line[2:] for line in examples)) == 1
    for line in examples:
        words = shlex.split(line)
        words = words[words.index('tidemark'):]
        assert words[1] == command, line
        for word, value in zip(words[2:], words[3:] + ['']):
            if word in ('|', '||', '>'):
                break
            name, _, given = word[2:].partition('=')
            if not word.startswith('--'):
                continue
            assert name in options, line
            choice = options[name].split('|')
            if len(choice) > 1 and not any(c.isupper() for c in options[name]):
                assert (given or value) in choice, line


@pytest.mark.skipif(not shutil.which('groff'), reason='groff is not installed')
def test_groff_has_nothing_to_warn_of_and_lines_fit(manual):
    for name in [*PAGES, 'man1/tidemark.1', 'man5/tidemark.yaml.5']:
        done = subprocess.run(['groff', '-man', '-ww', '-Tutf8', '-P-cbou', f'-rLL={COLUMNS - 2}n', os.path.join(manual, name)],
                              capture_output=True, text=True, encoding='utf-8')
        assert (done.returncode, done.stderr) == (0, ''), name
        long = [line for line in done.stdout.splitlines() if len(line) > COLUMNS]
        assert not long, (name, long)
        assert '\\' not in done.stdout, name


CASES = [
    (['push', '--format', ''], ['line', 'prometheus', 'clf', 'combined', 'nginx-json', 'datastream2']),
    (['push', '--format', 'c'], ['clf', 'combined']),
    (['push', '--format', '=', 'c'], ['clf', 'combined']),
    (['push', '--format', '='], ['line', 'prometheus', 'clf', 'combined', 'nginx-json', 'datastream2']),
    (['push', '--format=c'], ['--format=clf', '--format=combined']),
    (['push', '--pre'], ['--precision']),
    (['push', '--service', ''], []),
    (['push', '--service', 'shop', '--e'], ['--env']),
    (['push', ''], ['a log', 'b.lp', 'folder']),
    (['push', 'a'], ['a log']),
    (['push', '--spool', ''], ['folder']),
    (['push', '--compress', 'b'], ['b.lp']),
    (['backup', ''], ['folder']),
    (['status', '--watch', '--j'], ['--json']),
    (['marker', ''], ['list', 'add', 'correct', 'delete', 'expected']),
    (['marker', '--kind', 'm'], ['maintenance']),
    (['marker', 'list', '--v'], ['--version']),
    (['exceptions', 're'], ['resolve', 'reopen']),
    (['top', '--compare', ''], ['previous', 'week']),
    (['query', '--key-file', 'b'], ['b.lp']),
    (['frobnicate', '--'], []),
]


@pytest.mark.parametrize('words,wanted', CASES)
def test_bash_offers_what_fits(manual, tmp_path, words, wanted):
    (tmp_path / 'folder').mkdir()
    for name in ('a log', 'b.lp'):
        (tmp_path / name).write_text('', encoding='utf-8')
    found = offered(manual, 'tidemark', *words, cwd=tmp_path)
    assert sorted(found) == sorted(wanted)


def test_operands_are_offered_once_and_then_the_options(manual):
    assert offered(manual, 'tidemark', 'marker', 'list', '')[:2] == ['--kind', '--service']
    assert offered(manual, 'tidemark', 'query', '')[:2] == ['--at', '--from']


def test_the_other_programs_are_completed_too(manual, tmp_path):
    (tmp_path / 'x.yaml').write_text('', encoding='utf-8')
    assert offered(manual, 'tidemarkd', '-c', '', cwd=tmp_path) == ['x.yaml']
    assert offered(manual, 'tidemarkd', '--config', 'x', cwd=tmp_path) == ['x.yaml']
    assert offered(manual, 'tidemark-report', '--language', '') == ['en', 'ko']
    assert offered(manual, 'tidemark-report', '--language', 'ko', '--o') == ['--out', '--owner']
