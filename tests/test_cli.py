import csv
import json
import os
import signal
import subprocess
import sys
from importlib.metadata import version

import pytest

from perovec_bayes.cli import main, progress
from perovec_bayes.inference import storage
from perovec_bayes.inference.result import Predictor
from perovec_bayes.inference.sample import sample

CV_STUDY = """\
[study]
name = "couple"
card = "redox_couple"
[[data]]
technique = "cv"
file = "cv.csv"
format = "delimited"
columns.time = { name = "t", unit = "s" }
columns.potential = { name = "E", unit = "mV" }
columns.current = { name = "I", unit = "uA" }
[data.meta]
reference = "Ag/AgCl"
current_sign = "anodic_positive"
"""
CV = "t,E,I\n0,0,1\n1,50,2\n2,100,3\n3,50,2\n4,0,1\n"
PRIOR = """\
[priors.{name}]
distribution = "lognormal"
median = 1e-4
sd_ln = 7.0
unit = "{unit}"
reason = "a test"
"""


@pytest.fixture
def run(capsys):
    """Run the command; return exit code, stdout and stderr."""

    def call(*argv):
        code = main([str(word) for word in argv])
        return code, *capsys.readouterr()

    return call


def put_cv(folder, old="", new="", cv=CV):
    assert old in CV_STUDY
    (folder / "cv.csv").write_text(cv)
    path = folder / "study.toml"
    path.write_text(CV_STUDY.replace(old, new) if old else CV_STUDY)
    return path


def icp(put, old, new):
    study = put()
    table = study.parent / "icp.csv"
    assert old in table.read_text()
    table.write_text(table.read_text().replace(old, new, 1))
    return study


def extended(put, text):
    study = put()
    study.write_text(study.read_text() + text)
    return study


BAD = {
    "missing data file": (3, "no file for data set", lambda p, f: p(("icp.csv", "other.csv"))),
    "empty data file": (3, "the file is empty", lambda p, f: p(icp="")),
    "missing column": (3, "no column 'solvent'", lambda p, f: p(
        ("icp.csv", "narrow.csv"), ("[fixed.s_m]", 'format = "icp_table"\n[fixed.s_m]')) and
        _narrow(f)),
    "text in a number": (3, "not a number", lambda p, f: icp(p, "51.1", "abc")),
    "negative": (3, "not positive", lambda p, f: icp(p, "51.1", "-51.1")),
    "NaN in a CV": (3, "line 3", lambda p, f: put_cv(f, cv=CV.replace("50,2", "nan,2"))),
    "repeated time": (3, "repeated", lambda p, f: put_cv(f, cv=CV.replace("2,100", "1,100"))),
    "no reference": (3, "reference", lambda p, f: put_cv(f, 'reference = "Ag/AgCl"\n', "")),
    "wrong technique": (3, "another technique", lambda p, f: put_cv(
        f, 'technique = "cv"', 'technique = "cv"', cv=CV) and _swapped(f)),
    "wrong unit": (2, "data#1, columns.potential.unit", lambda p, f: put_cv(f, '"mV"', '"s"')),
    "unknown prior": (2, "did you mean 's_p'", lambda p, f: extended(
        p, PRIOR.format(name="s_q", unit="1"))),
    "prior in a wrong unit": (2, "priors.s.unit", lambda p, f: extended(
        p, PRIOR.format(name="s", unit="V"))),
    "data that the card wants": (2, "requires data of technique 'cv'", lambda p, f: put_cv(
        f, 'technique = "cv"', 'technique = "icp"')),
    "unknown card": (2, "unknown card", lambda p, f: p(('"solubility"', '"solubilty"'))),
    "missing study": (2, "does not exist", lambda p, f: f / "nowhere.toml"),
    "not TOML": (2, "not valid TOML", lambda p, f: p(("[study]", "[study"))),
    "no dilution": (2, "gives no hypotheses", lambda p, f: icp(p, ",100,5", ",,5")),
    "idle dilution": (2, "dilution#1.where", lambda p, f: extended(
        p, '[[dilution]]\nwhere = { solvent = "PC" }\nname = "a"\nweight = 1.0\nfactor = 1.0\n'
        'sd_ln = 0.1\nreason = "a test"\n')),
    "reader option": (2, "reader_options", lambda p, f: p(
        ('file = "icp.csv"', 'file = "icp.csv"\nreader_options.meta = 1'))),
    "unknown meta": (2, "data#1, meta", lambda p, f: p(
        ('file = "icp.csv"', 'file = "icp.csv"\nmeta.aera = 1'))),
}  # fmt: skip


def _narrow(folder):
    """Write a table without the column of the solvents."""
    (folder / "narrow.csv").write_text(
        "sample,element,solute,replicate,value,unit\nA,Pb,CsPbBr3,1,5,ug/L\n"
    )
    return folder / "study.toml"


def _swapped(folder):
    """Change the CV file for a table of concentrations."""
    (folder / "cv.csv").write_text(
        "sample,element,solute,solvent,replicate,value,unit\nA,Pb,CsPbBr3,PC,1,5,ug/L\n"
    )
    path = folder / "study.toml"
    head = path.read_text().split("format =")[0]
    path.write_text(head + '[data.meta]\nsolvent = "PC"\n')
    return path


@pytest.mark.parametrize(("code", "words", "make"), BAD.values(), ids=BAD.keys())
def test_a_mistake_is_one_line_and_leaves_nothing(run, put, tmp_path, code, words, make):
    out = tmp_path / "made" / "out"
    found, stdout, stderr = run("fit", make(put, tmp_path), "--out", out)
    assert stderr.startswith("perovec: error: ")
    assert stderr.count("\n") == 1
    assert words in stderr
    assert (found, stdout) == (code, "")
    assert not out.parent.exists()


def test_a_run_is_never_overwritten_by_accident(run, put, tmp_path):
    (tmp_path / "out" / "tiny").mkdir(parents=True)
    code, _, stderr = run("fit", put(), "--out", tmp_path / "out")
    assert code == 2
    assert "exists already. Use --overwrite" in stderr
    assert stderr.count("\n") == 1
    code, _, stderr = run("fit", put(), "--out", tmp_path / "out", "--overwrite")
    assert code == 2
    assert "not a folder of results" in stderr
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["tiny"]


def test_an_out_that_cannot_be_a_folder(run, put, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "perovec_bayes.workflow.fit.sample", lambda *_, **__: pytest.fail("sampled")
    )
    (tmp_path / "file").write_text("")
    code, _, stderr = run("fit", put(), "--out", tmp_path / "file")
    assert (code, stderr.count("\n")) == (2, 1)
    assert "cannot be written" in stderr


def test_interrupted(run, put, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("perovec_bayes.workflow.fit.sample", interrupted)
    code, _, stderr = run("fit", put(), "--out", tmp_path / "out")
    assert code == 130
    assert stderr == "perovec: error: interrupted; nothing was left behind\n"
    assert not (tmp_path / "out").exists()


def test_a_sampler_that_swallows_an_interrupt_makes_no_result(run, put, tmp_path, monkeypatch):
    def swallows(*args, **settings):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            return sample(*args, **{**settings, "draws": 10, "tune": 20})

    monkeypatch.setattr("perovec_bayes.workflow.fit.sample", swallows)
    assert run("fit", put(), "--out", tmp_path / "out")[0] == 130
    assert not (tmp_path / "out").exists()


def test_terminated(run, put, tmp_path, monkeypatch):
    def terminated(*_, **__):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("perovec_bayes.workflow.fit.sample", terminated)
    before = signal.getsignal(signal.SIGTERM)
    assert run("fit", put(), "--out", tmp_path / "out")[0] == 130
    assert signal.getsignal(signal.SIGTERM) is before
    assert not (tmp_path / "out").exists()


def test_a_run_that_passes(finished):
    assert finished.code == 0
    lines = finished.stdout.splitlines()
    assert lines[0].startswith(str(finished.folder))
    assert lines[1] == "diagnostics gate: passed"
    table = "\n".join(lines[2:])
    assert "s[CsPbBr3, PC]" in table
    assert "95 % equal-tailed" in table
    assert any("s[CsPbBr3, DCM]" in line and "≤" in line for line in lines)
    assert "/study.toml: sampling" in finished.stderr
    assert "Warning" not in finished.stderr


def test_of_several_studies_the_good_one_is_kept(run, put, short, tmp_path):
    bad = put(('"icp.csv"', '"none.csv"'), ('"tiny"', '"bad"'), name="bad.toml")
    out = tmp_path / "out"
    code, stdout, stderr = run("fit", bad, put(short), "--out", out)
    assert code == 4
    assert [line for line in stderr.splitlines() if "error" in line][1:] == [
        "perovec: error: 1 of 2 studies failed"
    ]
    assert [p.name for p in out.iterdir()] == ["tiny"]
    assert (out / "tiny" / "report.html").is_file()
    assert "diagnostics gate: FAILED" in stdout


def test_a_failed_gate_and_overwriting(run, put, short, tmp_path):
    out = tmp_path / "out"
    study = put(short)
    assert run("fit", study, "--out", out)[0] == 5
    first = json.loads((out / "tiny" / "provenance.json").read_text())
    (out / "tiny" / "note.txt").write_text("mine")
    code, stdout, _ = run("fit", study, "--out", out, "--overwrite")
    assert code == 5
    assert "bulk ESS" in stdout
    second = json.loads((out / "tiny" / "provenance.json").read_text())
    assert (first["seed"], first["data"]) == (second["seed"], second["data"])
    assert [p.name for p in out.iterdir()] == ["tiny"]
    assert not (out / "tiny" / "note.txt").exists()
    assert storage.load(out / "tiny")["posterior"].sizes["draw"] == 60


def test_a_quick_answer_says_what_it_is_everywhere(run, put, tmp_path):
    label = "Laplace approximation, not a posterior sample"
    code, stdout, _ = run("fit", put(), "--out", tmp_path / "out", "--quick")
    assert code == 5
    assert stdout.splitlines()[1] == f"diagnostics gate: {label}"
    assert "sample before you publish" in stdout
    assert "s[CsPbBr3, PC]" in stdout
    folder = tmp_path / "out" / "tiny-quick"
    assert [p.name for p in folder.parent.iterdir()] == ["tiny-quick"]
    with (folder / "summary.csv").open(newline="") as stream:
        assert {row["method"] for row in csv.DictReader(stream)} == {label}
    record = json.loads((folder / "provenance.json").read_text())
    assert record["command"] == "perovec fit study.toml --quick"
    assert record["sampler"]["backend"] == label
    events = [json.loads(line)["event"] for line in (folder / "run.jsonl").read_text().splitlines()]
    assert events[3:5] == ["approximated", "gate"]
    page = tmp_path / "again.html"
    assert run("report", folder, "--out", page)[0] == 0
    for each in (page, folder / "report.html"):
        assert f"{label}: do not publish" in each.read_text(encoding="utf-8")


def test_report_again(run, finished, tmp_path):
    page = tmp_path / "again.html"
    assert run("report", finished.folder, "--out", page)[0] == 0
    assert "A tiny table" in page.read_text(encoding="utf-8")
    assert run("report", finished.folder / "posterior.nc", "--out", page)[0] == 0
    code, _, stderr = run("report", tmp_path)
    assert (code, stderr.count("\n")) == (3, 1)
    code, _, stderr = run("report", finished.folder, "--out", tmp_path / "none" / "a.html")
    assert (code, stderr.count("\n")) == (2, 1)


def test_report_into_a_folder(run, finished, tmp_path):
    out = tmp_path / "paper"
    code, stdout, _ = run("report", finished.folder, "--out", out)
    assert (code, stdout.strip()) == (0, str(out / "report.html"))
    assert sorted(path.name for path in out.iterdir()) == [
        "figures",
        "methods.md",
        "provenance.json",
        "references.bib",
        "report.html",
        "report.pdf",
        "tables",
    ]
    assert (out / "report.html").read_bytes() == (finished.folder / "report.html").read_bytes()
    assert (out / "report.pdf").read_bytes() == (finished.folder / "report.pdf").read_bytes()
    code, _, stderr = run("report", finished.folder, "--out", out)
    assert (code, stderr.count("\n")) == (2, 1)
    assert "--overwrite" in stderr


def test_a_report_replaces_no_run_and_no_foreign_folder(run, finished, tmp_path):
    before = sorted(finished.folder.iterdir())
    code, _, stderr = run("report", finished.folder, "--out", finished.folder, "--overwrite")
    assert (code, stderr.count("\n")) == (2, 1)
    assert "run folder" in stderr
    assert sorted(finished.folder.iterdir()) == before
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "figures").write_text("my own")
    code, _, stderr = run("report", finished.folder, "--out", mine, "--overwrite")
    assert (code, stderr.count("\n")) == (2, 1)
    assert (mine / "figures").read_text() == "my own"
    alone = tmp_path / "posterior.nc"
    alone.write_bytes((finished.folder / "posterior.nc").read_bytes())
    code, _, stderr = run("report", alone)
    assert (code, stderr.count("\n")) == (2, 1)
    assert not (tmp_path / "report.html").exists()


def test_check(run, put):
    code, stdout, stderr = run("check", put())
    assert (code, stderr) == (0, "")
    assert "study tiny, card solubility: 5 free parameters" in stdout
    assert "4 values, 1 below a detection limit" in stdout
    assert "prior expects (95 %)" in stdout


def test_read(run, put, tmp_path):
    table = put().parent / "icp.csv"
    code, stdout, _ = run("read", table, "--save", tmp_path / "icp.nc")
    assert code == 0
    assert "ICP-OES" in stdout
    assert (tmp_path / "icp.nc").is_file()
    assert run("read", table, "--as", "icp_table")[0] == 0
    assert run("read", table, "--as", "mpt")[0] == 2
    assert run("read", table, "--save", tmp_path / "icp.csv")[0] == 2
    assert run("read", tmp_path / "none")[0] == 3


def test_read_with_settings(run, tmp_path):
    table = tmp_path / "cv.txt"
    table.write_text("Ewe/V\t<I>/mA\n" + "".join(f"{k / 100}\t{k * k}\n" for k in range(40)))
    code, _, stderr = run("read", table)
    assert code == 2
    assert "State scan_rate" in stderr
    rate = "scan_rate = { value = 50, unit = 'mV/s' }"
    code, stdout, _ = run("read", table, "--set", rate, "--set", "meta.reference = 'SCE'")
    assert code == 0
    assert "biologic_txt" in stdout
    assert "0.05 V/s" in stdout
    assert "SCE" in stdout
    code, _, stderr = run("read", table, "--set", "scan_rate is 50")
    assert (code, stderr.count("\n")) == (2, 1)
    assert "--set: not understood" in stderr
    assert run("read", table, "--set", "format = 'nova'")[0] == 2


def spectrum_file(path, scale, clock="17:36:35"):
    top = f"SpectraSuite Data File\nDate: Mon Jan 14 {clock} CET 2008\n>>>>>Begin Data<<<<<\n"
    rows = "".join(f"{400 + k}\t{scale * (100 + k):.1f}\n" for k in range(40))
    path.write_text(f"{top}{rows}>>>>>End Data<<<<<\n")


def test_read_takes_all_options_of_spectra(run, tmp_path):
    folder = tmp_path / "spectra"
    folder.mkdir()
    for k in range(3):
        spectrum_file(folder / f"film {k}.txt", 8 - k, f"17:36:{35 + k}")
    spectrum_file(folder / "lamp.txt", 10)
    spectrum_file(folder / "dark.txt", 0)
    words = [
        "quantity = 'intensity'",
        "signal_unit = 'counts'",
        "reference = 'lamp.txt'",
        "dark = 'dark.txt'",
        "wavelength_range = [410, 430]",
        "decimal = '.'",
        "encoding = 'latin-1'",
        "meta.clock_offset = { value = -2, unit = 's' }",
    ]
    settings = [word for line in words for word in ("--set", line)]
    code, stdout, _ = run("read", folder / "film*.txt", *settings)
    assert code == 0
    assert "optical density" in stdout
    assert "21, 410 to 430 nm" in stdout
    assert "absorbance     0.09691 to 0.2218" in stdout
    assert "2 s, from -2 s" in stdout
    for times in ("name_time = 'film {time:min}.txt'", "frame_interval.value = 60"):
        more = ["--set", "frame_interval.unit = 's'"] if "interval" in times else []
        code, stdout, _ = run("read", folder / "film*.txt", *settings, "--set", times, *more)
        assert (code, "120 s, from -2 s" in stdout) == (0, True)
    ratio = ["quantity = 'transmittance'", "signal_unit = '1'", "to_absorbance = true"]
    settings = [word for line in ratio for word in ("--set", line)]
    spectrum_file(tmp_path / "one.txt", 0.001)
    assert "absorbance [1]" in run("read", tmp_path / "one.txt", *settings)[1]
    assert run("read", folder, "--plot", tmp_path / "a.bmp")[0] == 2
    picture = tmp_path / "a.png"
    assert run("read", folder / "film*.txt", "--plot", picture)[0] == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    (folder / "film 2.txt").write_text("nothing")
    code, _, stderr = run("read", folder / "film*.txt")
    assert (code, stderr.count("\n")) == (3, 1)
    assert "film 2.txt" in stderr


def test_cards_and_version(run):
    code, stdout, _ = run("cards")
    assert code == 0
    assert "\nsolubility          Solubility limits" in stdout
    code, stdout, _ = run("--version")
    assert (code, stdout.strip()) == (0, version("perovec_bayes"))


def test_check_of_a_model_that_fails_everywhere(run, put, monkeypatch):
    class Broken(Predictor):
        def __call__(self, points, rng):
            return super().__call__(points, rng) * float("nan")

    monkeypatch.setattr("perovec_bayes.workflow.check.Predictor", Broken)
    code, stdout, _ = run("check", put())
    assert code == 2
    assert stdout.endswith("no finite value within the prior.\n")


@pytest.mark.parametrize(
    "argv",
    [("fit",), ("fit", "a.toml"), ("fot",), ("cards", "--wrong"), ("simulate", "a", "--seed", "x")],
)
def test_wrong_usage(run, argv):
    code, _, stderr = run(*argv)
    assert code == 2
    assert stderr.startswith("perovec: error: ")
    assert stderr.count("\n") == 1


def test_the_installed_command(tmp_path):
    code = "import sys; from perovec_bayes.cli import main; sys.exit(main())"
    argv = [sys.executable, "-c", code, "read", str(tmp_path / "none.csv")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1


def test_help_is_quick():
    code = (
        "import sys; from perovec_bayes.cli import main; main(['--help']); "
        "sys.exit(bool({'jax', 'pymc', 'xarray'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_progress_lines_are_few(capsys):
    now = iter([0.0, 1.0, 2.0, 3.0, 8.5, 9.0, 9.1])
    tell = progress.lines("a", clock=lambda: next(now))
    for phase, share in [
        ("reading", 0),
        ("optimum", 0),
        ("sampling", 0),
        ("sampling", 0.2),
        ("sampling", 0.7),
        ("sampling", 0.8),
        ("results", 0),
    ]:
        tell(phase, share)
    assert capsys.readouterr().err.splitlines() == [
        "perovec: a: optimum 0 %",
        "perovec: a: sampling 0 %",
        "perovec: a: sampling 70 %",
    ]


def test_a_bar_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress.show_progress("a") as tell:
        tell("sampling", 0.5)
    assert "sampling" in capsys.readouterr().err


def test_summary_of_a_run(finished):
    with (finished.folder / "summary.csv").open(newline="") as stream:
        rows = {row["quantity"]: row for row in csv.DictReader(stream)}
    assert rows["s[CsPbBr3, PC]"]["unit"] == "mol/cm^3"
    assert rows["s[CsPbBr3, DCM]"]["interval_kind"] == "upper"
    assert {row["method"] for row in rows.values()} == {"posterior sample"}


def test_schema_is_printed_and_written(run, tmp_path):
    code, out, err = run("schema")
    assert (code, err) == (0, "")
    assert set(json.loads(out)["properties"]) >= {"study", "data", "priors"}
    path = tmp_path / "card.schema.json"
    assert run("schema", "card", "--out", path) == (0, f"{path}\n", "")
    assert "parameters" in json.loads(path.read_text("utf-8"))["properties"]
    assert run("schema", "--card", "redox_couple", "--out", path)[0] == 0
    narrow = json.loads(path.read_text("utf-8"))
    assert "k0" in narrow["properties"]["priors"]["properties"]


def test_what_is_no_schema(run, tmp_path):
    assert run("schema", "--card", "redox")[0] == 2
    code, _, err = run("schema", "card", "--card", "redox_couple")
    assert (code, err.count("\n")) == (2, 1)
    code, _, err = run("schema", "--out", tmp_path / "schema.txt")
    assert (code, err.count("\n")) == (2, 1)
    assert "ends in '.json'" in err
    code, _, err = run("schema", "--out", tmp_path / "no" / "schema.json")
    assert (code, err.count("\n")) == (2, 1)
    assert list(tmp_path.iterdir()) == []
