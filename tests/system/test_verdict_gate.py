"""The examples of a gate for a pipeline: the script is run, the job's file is read. On the real binaries."""
import os
import subprocess
import time

import yaml

from harness import COMMAND, ROOT
from test_verdicts import lines_of, push

EXAMPLES = os.path.join(ROOT, 'server', 'cli', 'examples')
GATE = os.path.join(EXAMPLES, 'verdict-gate.sh')
CALM, BROKEN = {'product': (80, 1, 0), 'home': (20, 0, 1)}, {'product': (80, 1, 0), 'home': (14, 6, 30)}


def gate(daemon, *words, command=GATE, **more):
    env = dict(os.environ, TIDEMARK=COMMAND, TIDEMARK_SERVER=f'http://{daemon.http}' if daemon else 'http://127.0.0.1:1', **more)
    done = subprocess.run([command, *words], capture_output=True, text=True, env=env, timeout=60, check=False, cwd=ROOT)
    return done.returncode, done.stdout + done.stderr


def told(daemon, after, seconds):
    """A deploy so long ago, which the pipeline told of when it began."""
    now = int(time.time()) // 10 * 10 - 900
    push(daemon, lines_of(now - 3600, now, CALM) + [f'deploy,service=cart,env=prod version="2" {now}000000000'])
    push(daemon, lines_of(now, now + seconds, after))


def with_env(lines):
    return [line.replace('http,service=cart', 'http,service=cart,env=prod') for line in lines]


def test_a_bad_deploy_is_rolled_back_at_once(daemon, tmp_path):
    now = int(time.time()) // 10 * 10 - 900
    push(daemon, with_env(lines_of(now - 3600, now, CALM) + lines_of(now, now + 600, BROKEN)))
    push(daemon, [f'deploy,service=cart,env=prod version="2" {now}000000000'])
    code, text = gate(daemon, 'cart', '2', 'prod', TOLD='1', ROLL_BACK=f'touch {tmp_path}/back')
    assert code == 1 and 'bad: 5xx in home' in text and 'rolling back' in text
    assert (tmp_path / 'back').exists()


def test_a_good_deploy_passes(daemon, tmp_path):
    told(daemon, CALM, 600)
    push(daemon, with_env(lines_of(int(time.time()) // 10 * 10 - 4500, int(time.time()) // 10 * 10 - 300, CALM)))
    code, text = gate(daemon, 'cart', '2', 'prod', TOLD='1', WAIT='1s', ROLL_BACK=f'touch {tmp_path}/back')
    assert code == 0 and text.startswith('ok:') and not (tmp_path / 'back').exists()


def test_the_gate_tells_of_the_deploy_itself(daemon):
    code, text = gate(daemon, 'cart', '3', WAIT='500ms')
    assert code == 0 and 'insufficient_data' in text
    assert gate(daemon, 'cart', '4', WAIT='500ms', ON_INSUFFICIENT='7')[0] == 7
    _, body, _ = daemon.request('GET', '/api/v1/markers?service=cart&kind=deploy')
    assert b'"version":"3"' in body and b'"version":"4"' in body


def test_who_cannot_be_asked_stops_no_deploy_unless_that_is_wished():
    assert gate(None, 'cart', '2')[0] == 0
    assert gate(None, 'cart', '2', TOLD='1', WAIT='1s')[0] == 0
    assert gate(None, 'cart', '2', ON_UNASKED='9')[0] == 9
    assert gate(None, 'cart')[0] == 2


def test_the_job_of_the_pipeline_runs_the_same_command(daemon):
    with open(os.path.join(EXAMPLES, 'gitlab-ci.yml'), encoding='utf-8') as file:
        pipeline = yaml.safe_load(file)
    job = pipeline['verdict']
    assert job['stage'] in pipeline['stages'] and job['needs'] == ['deploy'] and 'deploy' in pipeline
    [line] = job['script']
    assert os.path.samefile(os.path.join(ROOT, line.split()[0]), GATE)
    # As the runner does it, with the job's variables; there is no such deploy script here to roll back with.
    env = {**job['variables'], 'WAIT': '500ms', 'CI_PROJECT_NAME': 'cart', 'CI_COMMIT_TAG': '5'}
    code, text = gate(daemon, '-c', line, command='sh', **env)
    assert code == 0 and 'insufficient_data' in text
    _, body, _ = daemon.request('GET', '/api/v1/markers?service=cart&env=production')
    assert b'"version":"5"' in body
