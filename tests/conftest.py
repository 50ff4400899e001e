"""A small ICP study, and one finished run of it, for the tests of workflow and command."""

from __future__ import annotations

import contextlib
import io
from typing import NamedTuple

import pytest

ICP = """\
sample,element,solute,solvent,replicate,value,unit,sd,dilution,lod
A,Pb,CsPbBr3,PC,1,52.1,ug/L,,100,5
A,Pb,CsPbBr3,PC,2,51.1,ug/L,,100,5
B,Pb,CsPbBr3,PC,1,56.1,ug/L,,100,5
C,Pb,CsPbBr3,DCM,1,ND,ug/L,,1,50
"""
STUDY = """\
[study]
name = "tiny"
title = "A tiny table"
card = "solubility"
seed = 7
[[data]]
technique = "icp"
file = "icp.csv"
[fixed.s_m]
value = 0.02
unit = "1"
reason = "keeps the test short"
[fixed.s_p]
value = 0.05
unit = "1"
reason = "keeps the test short"
[sampler]
chains = 2
draws = 1500
tune = 500
"""
SHORT = ("draws = 1500\ntune = 500", "draws = 60\ntune = 100")
"""Too few draws for the gate."""


def put_study(folder, *changes, icp=ICP, name="study.toml"):
    """Write a study, with `old, new` replacements, and its data; return its path."""
    text = STUDY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "icp.csv").write_text(icp)
    (folder / name).write_text(text)
    return folder / name


@pytest.fixture
def put(tmp_path):
    """Write a study with its data into the temporary folder."""
    return lambda *changes, **options: put_study(tmp_path, *changes, **options)


@pytest.fixture(scope="session")
def put_into():
    """Write a study with its data into any folder."""
    return put_study


@pytest.fixture
def short():
    """The change to a study that makes it quick, and the gate fail."""
    return SHORT


class Finished(NamedTuple):
    """A run through the command."""

    code: int
    stdout: str
    stderr: str
    folder: object


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """One real run that passes the gate."""
    from perovec_bayes.cli import main  # noqa: PLC0415 - only what asks for it pays for the import

    base = tmp_path_factory.mktemp("finished")
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main(["fit", str(put_study(base)), "--out", str(base / "out")])
    return Finished(code, stdout.getvalue(), stderr.getvalue(), base / "out" / "tiny")


@pytest.fixture(scope="session")
def make_result():
    """Make a small result without a sampler."""
    from made_runs import made_tree  # noqa: PLC0415

    return made_tree


@pytest.fixture(scope="session")
def put_run():
    """Write a run folder without a sampler."""
    from made_runs import put_run_folder  # noqa: PLC0415

    return put_run_folder
