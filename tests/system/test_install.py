"""make install: what it puts where, that others can build with it, and that systemd takes the unit."""
import os
import re
import shutil
import subprocess

import pytest

from harness import BUILD, ROOT, SANITIZER_FLAGS

EXAMPLE = os.path.join(ROOT, 'server', 'client', 'examples', 'push.c')
UNIT = 'lib/systemd/system/tidemark.service'
EXPOSURE_MAX = 15  # tenths, as systemd-analyze's threshold has them: 1.5 of 10


def install(dest):
    run = subprocess.run(['make', '-s', 'install', f'BUILD={os.path.basename(BUILD)}', f'DESTDIR={dest}', 'PREFIX=/usr'],
                         cwd=ROOT, capture_output=True, text=True, env={k: v for k, v in os.environ.items() if k != 'MAKEFLAGS'})
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture(scope='module')
def dest(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp('install'))
    install(folder)
    return folder


def test_each_file_is_in_its_place(dest):
    """CONTRACT 1: programs, library, header, pkg-config file, manual, completion; the unit and a configuration to edit."""
    modes = {}
    for folder, _, files in os.walk(dest):
        for name in files:
            path = os.path.join(folder, name)
            modes[os.path.relpath(path, dest)] = 'link' if os.path.islink(path) else oct(os.stat(path).st_mode & 0o777)
    assert modes.pop('etc/tidemark/tidemark.yaml')
    assert modes.pop('usr/lib/pkgconfig/tidemark.pc') and modes.pop(UNIT)
    manual = {path: modes.pop(path) for path in sorted(modes) if path.startswith('usr/share/')}
    assert set(manual.values()) == {'0o644'}
    for path in ('man/man1/tidemark.1', 'man/man1/tidemark-push.1', 'man/man5/tidemark.yaml.5', 'man/man8/tidemarkd.8',
                 'bash-completion/completions/tidemark', 'bash-completion/completions/tidemarkd'):
        assert f'usr/share/{path}' in manual
    assert modes == {'usr/bin/tidemarkd': '0o755', 'usr/bin/tidemark': '0o755',
                     'usr/bin/tidemark-report': '0o755', 'usr/include/tidemark.h': '0o644',
                     'usr/lib/libtidemark.a': '0o644', 'usr/lib/libtidemark.so.0': '0o755', 'usr/lib/libtidemark.so': 'link'}
    for name in (UNIT, 'usr/lib/pkgconfig/tidemark.pc'):
        with open(os.path.join(dest, name), encoding='utf-8') as text:
            assert not re.search('@[A-Z]+@', text.read()), name


def test_the_installed_configuration_is_valid_and_kept_at_the_next_install(dest, tmp_path):
    """Installing again never takes away what was configured."""
    config = os.path.join(dest, 'etc/tidemark/tidemark.yaml')
    daemon = os.path.join(dest, 'usr/bin/tidemarkd')
    run = subprocess.run([daemon, '--check', '-c', config], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    with open(config, 'a', encoding='utf-8') as text:
        text.write('# mine\n')
    install(dest)
    with open(config, encoding='utf-8') as text:
        assert text.read().endswith('# mine\n')


def pkg_config(dest, *what):
    env = dict(os.environ, PKG_CONFIG_PATH=os.path.join(dest, 'usr/lib/pkgconfig'), PKG_CONFIG_SYSROOT_DIR=dest,
               PKG_CONFIG_ALLOW_SYSTEM_CFLAGS='1', PKG_CONFIG_ALLOW_SYSTEM_LIBS='1')
    run = subprocess.run(['pkg-config', *what, 'tidemark'], capture_output=True, text=True, env=env)
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


@pytest.mark.parametrize('how', ['shared', 'static'])
def test_pkg_config_builds_the_example(dest, daemon, tmp_path, how):
    """CONTRACT 1: a C program with what pkg-config says, against the shared and the static library."""
    program = str(tmp_path / 'push')
    flags = pkg_config(dest, '--cflags', '--libs') if how == 'shared' else \
        [flag.replace('-ltidemark', '-l:libtidemark.a') for flag in pkg_config(dest, '--static', '--cflags', '--libs')]
    built = subprocess.run(['cc', '-Wall', '-Werror', EXAMPLE, '-o', program] + flags + SANITIZER_FLAGS,
                           capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    env = dict(os.environ, **({'LD_LIBRARY_PATH': os.path.join(dest, 'usr/lib')} if how == 'shared' else {}))
    linked = subprocess.run(['ldd', program], capture_output=True, text=True, env=env).stdout
    assert ('libtidemark.so.0' in linked) == (how == 'shared'), linked
    run = subprocess.run([program, daemon.rep], capture_output=True, text=True, timeout=20, env=env)
    assert (run.returncode, run.stdout) == (0, 'acknowledged: 2 lines\n'), run.stderr


@pytest.mark.skipif(not shutil.which('systemd-analyze'), reason='systemd-analyze is not installed')
def test_systemd_takes_the_unit_and_finds_it_confined(dest, tmp_path):
    """The unit has no fault that systemd knows of, and its exposure stays under its bound."""
    unit = str(tmp_path / 'tidemark.service')
    with open(os.path.join(dest, UNIT), encoding='utf-8') as text, open(unit, 'w', encoding='utf-8') as out:
        out.write(text.read().replace('/usr/bin/tidemarkd', os.path.join(dest, 'usr/bin/tidemarkd')))
    run = subprocess.run(['systemd-analyze', 'verify', unit], capture_output=True, text=True)
    faults = [line for line in (run.stdout + run.stderr).splitlines() if 'tidemark' in line]
    assert run.returncode == 0 and not faults, run.stdout + run.stderr
    run = subprocess.run(['systemd-analyze', 'security', '--offline=yes', f'--threshold={EXPOSURE_MAX}', unit],
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
