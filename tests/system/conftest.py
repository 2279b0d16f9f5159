import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line('markers', 'smoke: a few seconds in all, for every commit')
    config.addinivalue_line('markers', 'soak: full counts, minutes to hours; run by make soak')


@pytest.fixture
def daemon():
    """A running daemon with default settings on free ports."""
    d = harness.Daemon()
    d.start()
    yield d
    d.stop()


@pytest.fixture
def faulty(tmp_path):
    """A daemon with the shim in it, and its plan."""
    faults = harness.Faults(str(tmp_path))
    with harness.Daemon(env=faults.env) as d:
        d.pin_ports()
        yield d, faults
