import os
import subprocess
import sys

import pytest

from perovec_bayes.inference.threads import FLAGS, VARIABLE, flags_kept, threads

COUNT = """
import os, psutil
import jax.numpy as jnp, jax
import perovec_bayes.inference.bridge
before = psutil.Process().num_threads()
jnp.ones(3) + 1
print(jax.local_device_count(), psutil.Process().num_threads() - before, os.environ["XLA_FLAGS"])
"""


@pytest.mark.parametrize("stated", ["3", "", "0", "x"])
def test_the_environment_bounds_the_threads(monkeypatch, stated):
    monkeypatch.setenv(VARIABLE, stated)
    assert threads() == (3 if stated == "3" else os.cpu_count())


@pytest.mark.parametrize("stated", ["--xla_cpu_multi_thread_eigen=false", None])
def test_flags_that_an_import_changes_are_put_back(monkeypatch, stated):
    if stated is None:
        monkeypatch.delenv(FLAGS, raising=False)
    else:
        monkeypatch.setenv(FLAGS, stated)
    with flags_kept():
        os.environ[FLAGS] = "--xla_force_host_platform_device_count=100"
    assert os.environ.get(FLAGS) == stated


def test_a_fit_of_one_thread_is_not_given_a_hundred():
    """Importing PyMC's module for JAX asks for a hundred devices, each with its thread."""
    bounded = {FLAGS: "--xla_cpu_multi_thread_eigen=false", "NPROC": "1"}
    told = subprocess.run(
        [sys.executable, "-c", COUNT],
        env=os.environ | bounded,
        capture_output=True,
        text=True,
        check=True,
    )
    devices, started, flags = told.stdout.split()
    assert devices == "1"
    assert int(started) < 10
    assert flags == bounded[FLAGS]
