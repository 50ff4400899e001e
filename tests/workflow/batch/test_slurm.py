"""A batch on a real SLURM on the loopback interface: minutes, run by hand."""

import subprocess
import sys
import time

import local_slurm
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(local_slurm.missing()), reason=f"not installed: {', '.join(local_slurm.missing())}"
    ),
]
FITS = 20
MANIFEST = f"""\
[batch]
name = "slurm"
quick = true
[[fits]]
study = "study.toml"
[fits.grid]
seed = {list(range(1, FITS + 1))}
"""
ENGINE = """\
[engine]
kind = "slurm"
workers = 2
workers_per_job = {per_job}
memory = "2 GB"
walltime = "00:30:00"
interface = "lo"
directives = ["--output=job-%j.txt"]
"""
COMMAND = "import sys; from perovec_bayes.cli import main; sys.exit(main(sys.argv[1:]))"
PATIENCE_S = 900


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    with local_slurm.slurm(tmp_path_factory.mktemp("slurm")) as found:
        yield found


def test_jobs_that_are_refused_end_the_run(environment, put_into, tmp_path):
    put_into(tmp_path)
    (tmp_path / "batch.toml").write_text(MANIFEST)
    engine = ENGINE.format(per_job=1).replace("2 GB", "2 PB")
    (tmp_path / "cluster.toml").write_text(engine)
    words = ["batch", "batch.toml", "--out", str(tmp_path / "out"), "--engine", "cluster.toml"]
    found = subprocess.run(
        [sys.executable, "-c", COMMAND, *words],
        cwd=tmp_path, env=environment, text=True, capture_output=True,
        timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert found.returncode == 2, found.stderr
    assert "the jobs cannot be started" in found.stderr
    assert "Memory specification can not be satisfied" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("per_job", [1, 2])
def test_a_batch_that_loses_a_job_is_finished(environment, put_into, tmp_path, per_job):
    put_into(tmp_path)
    (tmp_path / "batch.toml").write_text(MANIFEST)
    (tmp_path / "cluster.toml").write_text(ENGINE.format(per_job=per_job))
    out = tmp_path / "out"
    words = ["batch", "batch.toml", "--out", str(out), "--engine", "cluster.toml"]
    driver = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words],
        cwd=tmp_path, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip

    def jobs():
        command = ["squeue", "--noheader", "--states=RUNNING", "--format=%A"]
        found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return found.stdout.split()

    def done():
        return {p.name for p in (out / "fits").glob("*") if not p.name.startswith(".")}

    begun = time.monotonic()
    while len(done()) < 2 and driver.poll() is None:
        assert time.monotonic() - begun < PATIENCE_S
        time.sleep(0.2)
    assert driver.poll() is None, driver.communicate()
    first = jobs()
    assert len(first) == 2 // per_job
    subprocess.run(["scancel", "--signal=KILL", first[0]], env=environment, check=True)
    before = len(done())
    assert before < FITS
    stdout, stderr = driver.communicate(timeout=PATIENCE_S)
    assert driver.returncode == 5, stderr  # a quick answer does not pass the gate
    assert f"{FITS} fits: 0 without a result, {FITS} not passed" in stdout
    assert f"job {first[0]} has ended" in (out / "batch.log").read_text()
    begun_jobs = len(list(tmp_path.glob("job-*.txt")))
    assert begun_jobs == len(first) + 1, "one new job for the lost one"
    assert "Traceback" not in stderr
    assert done() == {f"tiny-seed{seed}" for seed in range(1, FITS + 1)}
    assert not list((out / "fits").glob(".*"))
    while jobs():  # none outlives the driver
        assert time.monotonic() - begun < PATIENCE_S
        time.sleep(0.5)
