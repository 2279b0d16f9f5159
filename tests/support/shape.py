#!/usr/bin/env python3
"""Keeps the shape of the tree: sizes of files and functions, documented prototypes, no extern state.

Fails with one line for each place that breaks a rule. Needs universal-ctags.
"""
import json
import re
import subprocess
import sys

FILE_MAX, FUNCTION_MAX, FUNCTION_LONG, LONG_SHARE, P90_MAX, DOCUMENTED_MIN = 800, 100, 60, 0.04, 40, 0.90
TOP = {'Makefile', 'server', 'storage', 'scoring', 'plugins', 'reports', 'tests', 'README.md', 'LICENSE'}


# Hidden files that are the project's own. Other ones, set-ups of containers, paths of the machine that something was
# written on, hosts of packages: none belongs here.
HIDDEN = {'.ci', '.clang-format', '.clang-tidy', '.config', '.gitignore', '.npmrc'}
CONTAINER = re.compile(r'(docker-?compose|Dockerfile)', re.I)
FOREIGN_PATH = r'/(work|var/tmp)/'
OWN_HOST = 'https://registry.npmjs.org/'


def git_files(*patterns):
    out = subprocess.run(['git', 'ls-files', '--cached', '--others', '--exclude-standard', '--', *patterns],
                         capture_output=True, text=True, check=True).stdout
    return [f for f in out.splitlines() if f]


def tags(files, kinds):
    run = subprocess.run(['ctags', '--languages=C', '--langmap=C:.c.h', '--fields=+neSf', '--output-format=json',
                          '--c-kinds=' + kinds, '-f', '-', '-L', '-'],
                         input='\n'.join(files), capture_output=True, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def documented(lines, line):
    """A comment ends right above, or right above the block of prototypes this one stands in."""
    at = line - 2
    while at >= 0 and lines[at].strip():
        if lines[at].rstrip().endswith('*/'):
            return True
        at -= 1
    return '/*' in lines[line - 1]


def is_foreign(path):
    parts = path.split('/')
    return any(part.startswith('.') and part not in HIDDEN or CONTAINER.match(part) for part in parts)


def foreign():
    """What came along from a scaffold or a machine."""
    faults = [f'{path}: is of a scaffold, no part of the project' for path in git_files() if is_foreign(path)]
    found = subprocess.run(['git', 'grep', '--untracked', '-nIE', FOREIGN_PATH, '--', '*'], capture_output=True, text=True, check=False)
    faults += [f'{line[:160]}: names a path of a machine' for line in found.stdout.splitlines()]
    for path in git_files('*package-lock.json'):
        hosts = set(re.findall(r'"resolved": "([^"]*?//[^"/]*/)', open(path, encoding='utf-8').read())) - {OWN_HOST}
        faults += [f'{path}: takes packages from {host}; leave "resolved" out' for host in sorted(hosts)]
    return faults


def main():
    faults = foreign()
    sources = git_files('*.c', '*.h')
    code = [f for f in sources if not f.startswith('tests/')]
    for path in sorted({f.split('/')[0] for f in git_files()}):
        if path not in TOP and not path.startswith('.'):
            faults.append(f'{path}: does not belong at the top level')
    for path in sources:
        count = len(open(path, encoding='utf-8').read().splitlines())
        if path.endswith('.c') and count > FILE_MAX:
            faults.append(f'{path}: {count} lines, at most {FILE_MAX}')
    lengths = []
    for tag in tags([f for f in sources if f.endswith('.c')], 'f'):
        length = tag.get('end', tag['line']) - tag['line'] + 1
        if not tag['path'].startswith('tests/'):
            lengths.append(length)
        if length > FUNCTION_MAX:
            faults.append(f"{tag['path']}:{tag['line']}: {tag['name']} has {length} lines, at most {FUNCTION_MAX}")
    long = sum(length > FUNCTION_LONG for length in lengths)
    if long > LONG_SHARE * len(lengths):
        faults.append(f'{long} of {len(lengths)} functions are over {FUNCTION_LONG} lines, more than {LONG_SHARE:.0%}')
    p90 = sorted(lengths)[int(0.9 * len(lengths))] if lengths else 0
    if p90 > P90_MAX:
        faults.append(f'the 90th percentile of function lengths is {p90}, at most {P90_MAX}')
    prototypes = tags([f for f in code if f.endswith('.h')], 'p')
    texts = {}
    bare = []
    for tag in prototypes:
        lines = texts.setdefault(tag['path'], open(tag['path'], encoding='utf-8').read().splitlines())
        if not documented(lines, tag['line']):
            bare.append(f"{tag['path']}:{tag['line']}: {tag['name']} has no comment")
    if prototypes and len(bare) > (1 - DOCUMENTED_MIN) * len(prototypes):
        faults += bare
    for tag in tags([f for f in code if f.endswith('.h')], 'x'):
        if ' const ' not in open(tag['path'], encoding='utf-8').read().splitlines()[tag['line'] - 1]:
            faults.append(f"{tag['path']}:{tag['line']}: extern mutable variable {tag['name']}")
    for folder in sorted({f.rsplit('/', 1)[0] for f in code if '/' in f}):
        if not folder.endswith('examples') and f'{folder}/README.md' not in git_files('*README.md'):
            faults.append(f'{folder}: no README.md (what it owns, what it may include, where to start reading)')
    test_lines = sum(len(open(f, encoding='utf-8').read().splitlines())
                     for f in sources + git_files('tests/*.py') if f.startswith('tests/'))
    code_lines = sum(len(open(f, encoding='utf-8').read().splitlines()) for f in code)
    print(f'shape: {len(code)} files, {code_lines} lines, {len(lengths)} functions (p90 {p90}, {long} over '
          f'{FUNCTION_LONG}), {len(prototypes) - len(bare)} of {len(prototypes)} prototypes documented, '
          f'{test_lines} test lines')
    for fault in faults:
        print('shape:', fault)
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
