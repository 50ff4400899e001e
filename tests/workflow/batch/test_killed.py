"""Batches that are killed, interrupted, or use too much: minutes, run by hand."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import xarray as xr

pytestmark = pytest.mark.slow
MANIFEST = """\
[batch]
name = "killed"
quick = {quick}
[engine]
workers = {workers}
{engine}
[[fits]]
study = "study.toml"
[fits.grid]
seed = {seeds}
[fits.set]
{sampler}
[[fits]]
name = "bad"
study = "study.toml"
files = {{ icp = "empty.csv" }}
"""
COMMAND = "import sys; from perovec_bayes.cli import main; sys.exit(main(sys.argv[1:]))"
PATIENCE_S = 900
TOGETHER = "together = 4"
SAMPLER = """\
"sampler.backend" = "blackjax"
"sampler.chains" = 2
"sampler.draws" = 100
"sampler.tune" = 100
"""


@pytest.fixture
def place(tmp_path, put_into):
    """Write a study and a manifest; return a function that starts the batch in a process."""
    put_into(tmp_path)
    (tmp_path / "empty.csv").write_text("")

    def start(out, seeds, workers=1, engine=""):
        text = MANIFEST.format(
            seeds=list(range(1, seeds + 1)),
            workers=workers,
            engine=engine,
            quick="false" if engine == TOGETHER else "true",
            sampler=SAMPLER if engine == TOGETHER else "",
        )
        (tmp_path / "batch.toml").write_text(text)
        words = ["batch", str(tmp_path / "batch.toml"), "--out", str(tmp_path / out)]
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return start


def family(process):
    """Return the process and all that it has started, those of Python's bookkeeping left out."""
    try:
        parent = psutil.Process(process.pid)
        found = [parent, *parent.children(recursive=True)]
        return [p for p in found if "resource_tracker" not in " ".join(p.cmdline())]
    except psutil.NoSuchProcess:
        return []


def ended(process):
    stdout, stderr = process.communicate(timeout=PATIENCE_S)
    return process.returncode, stdout, stderr


def draws(out, name):
    with xr.open_datatree(out / "fits" / name / "posterior.nc", engine="h5netcdf") as tree:
        return tree["posterior"].to_dataset().load()


def until(condition, seconds=PATIENCE_S):
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, "waited too long"
        time.sleep(0.05)


def done(out):
    return {p.name for p in (out / "fits").glob("*") if not p.name.startswith(".")}


@pytest.mark.parametrize(("seeds", "most", "engine"), [(30, 50, ""), (12, 15, TOGETHER)])
def test_random_kills_lose_nothing(place, tmp_path, seeds, most, engine):
    """Driver and workers are killed at random; the result is that of an undisturbed batch."""
    rng = random.Random(20261123)
    code, _, stderr = ended(place("calm", seeds, engine=engine))
    assert code == 4, stderr
    names = {f"tiny-seed{seed}" for seed in range(1, seeds + 1)}
    assert done(tmp_path / "calm") == names
    out = tmp_path / "wild"
    process, kills = place("wild", seeds, engine=engine), 0
    while kills < most:
        until(lambda driver=process: driver.poll() is not None or len(family(driver)) > 1)
        time.sleep(rng.uniform(0.0, 20.0))  # in the imports, in a fit, in its writes
        victims = family(process)
        if victims:
            victim = victims[0] if kills % 2 else rng.choice(victims)
            victim.kill()
            kills += 1
            if victim.pid == process.pid:
                process.wait()
                left = psutil.wait_procs(victims[1:], timeout=30)[1]
                assert not left, "workers outlive the driver"
        if process.poll() is not None:
            _, stderr = process.communicate()
            assert process.returncode in (4, -signal.SIGKILL), stderr
            process = place("wild", seeds, engine=engine)
        for name in done(out):
            assert (out / "fits" / name / "fit.json").is_file()
            assert np.isfinite(draws(out, name)["s"]).all()
    code, _, stderr = ended(process)
    assert code in (4, -signal.SIGKILL), stderr
    code, stdout, stderr = ended(place("wild", seeds, engine=engine))
    assert code == 4, stderr
    assert f"{seeds + 1} fits: 1 without a result, {seeds} not passed" in stdout
    assert done(out) == names
    assert not list((out / "fits").glob(".*"))
    for name in names:
        xr.testing.assert_identical(draws(out, name), draws(tmp_path / "calm", name))


def test_ctrl_c_leaves_whole_fits_and_code_130(place, tmp_path):
    out = tmp_path / "out"
    process = place("out", 30)
    until(lambda: len(done(out)) >= 2 or process.poll() is not None)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    code, _, stderr = ended(process)
    assert code == 130, stderr
    assert "interrupted; what is done is kept" in stderr
    assert "Traceback" not in stderr
    assert 2 <= len(done(out)) < 30
    assert not list((out / "fits").glob(".*"))
    assert "interrupted" in (out / "batch.log").read_text()


def test_too_long_and_too_large_fits_are_stopped(place, tmp_path):
    code, stdout, stderr = ended(place("long", 1, engine='timeout = { value = 1, unit = "s" }'))
    assert code == 4, stderr
    assert "tiny: timeout: it took more than 1 s" in stdout
    assert "bad: data: " in stdout or "bad: timeout: " in stdout
    code, stdout, stderr = ended(place("large", 1, engine='memory = "450 MB"'))
    assert code == 4, stderr
    assert "tiny: memory: it took " in stdout
    assert "allowed are 450 (engine.memory)" in stdout
    code, stdout, stderr = ended(place("large", 1, engine='memory = "4 GB"'))
    assert code == 4, stderr
    assert "2 fits: 1 without a result, 1 not passed" in stdout


def test_worn_out_workers_are_replaced(place, tmp_path):
    code, stdout, stderr = ended(place("worn", 4, engine="fits_per_worker = 2"))
    assert code == 4, stderr
    assert "Traceback" not in stderr
    assert "5 fits: 1 without a result, 4 not passed" in stdout
    starts = [
        json.loads((tmp_path / "worn" / "fits" / name / "run.jsonl").read_text().splitlines()[0])
        for name in sorted(done(tmp_path / "worn"))
    ]
    assert len(starts) == 4
    assert np.isfinite(
        [draws(tmp_path / "worn", f"tiny-seed{k}")["s"].mean() for k in (1, 4)]
    ).all()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB, and what makes it larger."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=3m", "perovec-test", str(folder)],
        capture_output=True, check=False,
    )  # fmt: skip
    if not made or made.returncode:
        pytest.skip("no right to mount a small file system")
    larger = [mount, "-o", "remount,size=1g", str(folder)]
    yield folder, lambda: subprocess.run(larger, check=True)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_corrupts_nothing(place, small_disk):
    folder, enlarge = small_disk
    out, seeds = folder / "out", 6
    code, _, stderr = ended(place("disk/out", seeds))
    assert code == 2, stderr
    assert "No space left" in stderr
    whole = done(out)
    assert len(whole) < seeds
    for name in whole:
        assert np.isfinite(draws(out, name)["s"]).all()
    enlarge()
    code, stdout, stderr = ended(place("disk/out", seeds))
    assert code == 4, stderr
    assert f"{seeds + 1} fits: 1 without a result, {seeds} not passed" in stdout
    assert done(out) == {f"tiny-seed{seed}" for seed in range(1, seeds + 1)}
    assert not list((out / "fits").glob(".*"))
