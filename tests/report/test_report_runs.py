"""What the small files of a run folder say, whole and damaged."""

import json
import os
from datetime import UTC, datetime

import pytest

from perovec_bayes.errors import UnitError
from perovec_bayes.report.runs import Estimate, letters, read_run

K_SP = Estimate("K_sp[DCM]", "primary", "1", 1e-40, 0.0, 9.301e-38, 0.95, "upper")
S = Estimate("s", "primary", "mol/L", 2.38e-3, 1.76e-3, 3.18e-3, 0.89, "hdi")


def read(folder):
    return read_run(folder, folder.parent.resolve(), "key", "place")


def test_a_whole_run(put_run, tmp_path):
    run = read(put_run(tmp_path / "a", title="Züge <b>", seed=3, card="solubility"))
    assert (run.state, run.status, run.usable, run.comparable) == (
        "passed", "gate passed", True, True,
    )  # fmt: skip
    assert (run.name, run.title, run.card) == ("a", "Züge <b>", "solubility")
    assert run.created == datetime(2026, 1, 3, 12, tzinfo=UTC)
    assert (run.date, run.seconds, run.time) == ("2026-01-03 12:00", 30.0, "30.0 s")
    assert [each.name for each in run.primary] == ["E0", "K_sp[PC]", "K_sp[DCM]"]
    potential, _, limit = run.primary
    assert potential.unit == "mV"  # the unit for tables
    assert potential.median == pytest.approx(250, abs=1)
    assert potential.value.endswith(" mV")
    assert potential.words == "95 % equal-tailed"
    assert limit.value.startswith("≤ ")
    assert (limit.interval, limit.words) == ("", "95 % upper limit")
    assert run.intervals == "95 % equal-tailed"
    assert not run.notes


def test_a_summary_without_units_for_tables_is_shown_in_its_own(put_run, tmp_path):
    folder = put_run(tmp_path / "a")
    lines = (folder / "summary.csv").read_text().splitlines()
    cut = [line.rsplit(",", 1)[0] for line in lines]
    assert lines[0] == f"{cut[0]},display_unit"
    (folder / "summary.csv").write_text("\n".join(cut))
    potential = read(folder).primary[0]
    assert (potential.unit, potential.median) == ("V", pytest.approx(0.25, abs=1e-3))


def test_numbers_of_an_estimate():
    assert (K_SP.value, K_SP.interval) == ("≤ 9.31 × 10⁻³⁸", "")
    assert (S.value, S.interval, S.words) == (
        "0.00238 mol/L", "0.00176 to 0.00318", "89 % highest density",
    )  # fmt: skip
    cgs = S.within("mol/cm^3")
    assert (cgs.unit, cgs.median, cgs.high) == (
        "mol/cm^3", pytest.approx(2.38e-6), pytest.approx(3.18e-6),
    )  # fmt: skip
    with pytest.raises(UnitError):
        S.within("V")
    fixed = Estimate("n", "derived", "1", 2.0, 2.0, 2.0, 0.95, "eti")
    assert (fixed.value, fixed.interval) == ("2", "does not vary")


def test_a_failed_gate_and_a_further_mode_are_told(put_run, tmp_path):
    folder = put_run(tmp_path / "a", diverging=7)
    with (folder / "run.jsonl").open("a") as log:
        log.write(json.dumps({"event": "other mode", "where": "Another mode is at E0 = 3 V"}))
    run = read(folder)
    assert (run.state, run.usable, run.comparable) == ("failed", False, True)
    assert run.status == "GATE FAILED: do not publish"
    assert "7 of 1600 draws are divergent" in run.notes[0]
    assert run.notes[-1] == "Another mode is at E0 = 3 V"


def test_a_quick_answer_never_passes(put_run, tmp_path):
    folder = put_run(tmp_path / "a", approximation="Laplace approximation")
    log = (folder / "run.jsonl").read_text()
    assert '"passed": false' in log
    (folder / "run.jsonl").write_text(log.replace('"passed": false', '"passed": true'))
    run = read(folder)
    assert (run.state, run.usable, run.status) == ("quick", False, "quick answer: do not publish")


def _replace(name, text):
    return lambda folder: (folder / name).write_bytes(text)


DAMAGE = {
    "no record": (lambda f: (f / "provenance.json").unlink(), "provenance.json: there is no such"),
    "half a record": (_replace("provenance.json", b'{"created": "2026'), "not the record of a run"),
    "a list for a record": (_replace("provenance.json", b"[]"), "not the record of a run"),
    "deep JSON": (_replace("provenance.json", b"[" * 100_000), "not the record of a run"),
    "no summary": (lambda f: (f / "summary.csv").unlink(), "summary.csv: there is no such file"),
    "empty summary": (_replace("summary.csv", b""), "summary.csv: no quantities"),
    "half a summary": (_replace("summary.csv", b"quantity,role\nE0,primary\n"), "line 2 is not"),
    "other bytes": (_replace("summary.csv", b"\xff\xfe\x00"), "summary.csv: not a text in UTF-8"),
    "no result": (lambda f: (f / "posterior.nc").unlink(), "posterior.nc: there is no such file"),
    "no verdict": (_replace("run.jsonl", b'{"event": "start"}\n'), "no verdict"),
    "half a log": (_replace("run.jsonl", b'{"event": "gate"}\n{"ev'), "line 2 is not JSON"),
    "study": (_replace("study.toml", b"[study"), "study.toml: not valid TOML"),
    "a pipe": (lambda f: (f / "run.jsonl").unlink() or os.mkfifo(f / "run.jsonl"), "no such file"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_run_says_what_is_wrong(put_run, tmp_path, kind):
    damage, words = DAMAGE[kind]
    folder = put_run(tmp_path / "a")
    damage(folder)
    run = read(folder)
    assert (run.state, run.usable, run.comparable, run.name) == ("broken", False, False, "a")
    assert words in run.notes[0]


def test_nothing_is_read_outside_the_folder_of_runs(put_run, tmp_path):
    folder = put_run(tmp_path / "runs" / "a")
    (folder / "study.toml").rename(tmp_path / "secret.toml")
    (folder / "study.toml").symlink_to(tmp_path / "secret.toml")
    run = read(folder)
    assert run.notes == ("study.toml: a link that leads outside the folder",)
    (folder / "study.toml").unlink()
    (folder / "summary.csv").rename(folder / "kept")
    (folder / "summary.csv").symlink_to("kept")
    assert read(folder).state == "passed"  # a link within is a file like any other


def test_letters():
    assert list(letters([K_SP, S])) == ["A", "B"]
