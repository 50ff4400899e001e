import pytest

from perovec_bayes.errors import StudyError
from perovec_bayes.workflow.batch.manifest import load_engine, load_manifest

HEAD = '[batch]\nname = "b"\n'
FITS = '[[fits]]\nstudy = "s.toml"\n'


def put(folder, text, name="batch.toml"):
    (folder / name).write_text(text)
    return folder / name


def test_a_manifest_with_defaults(tmp_path):
    found = load_manifest(put(tmp_path, HEAD + FITS))
    assert (found.batch.name, found.engine.kind, found.engine.threads) == ("b", "local", 1)
    assert found.engine.timeout_s is None
    assert found.folder == tmp_path
    assert len(found.origin.sha256) == 64


def test_units_of_the_engine(tmp_path):
    text = '[engine]\ntimeout = { value = 2, unit = "h" }\nmemory = "4 GB"\n'
    engine = load_engine(put(tmp_path, text))
    assert engine.timeout_s == 7200
    assert engine.memory_bytes == 4_000_000_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FITS, "batch: a required key is missing"),
        (HEAD, "fits: a required key is missing"),
        (HEAD + '[[fits]]\nname = "x"\n', "fits#1.study: no study file"),
        (HEAD + FITS + 'studdy = "x"\n', "fits#1.studdy: unknown key 'studdy'; did you mean"),
        (HEAD + FITS + '[engine]\nkind = "slurm"\n', "engine.workers: a cluster has to be told"),
        (HEAD + FITS + '[engine]\nqueue = "q"\n', "engine.queue: this belongs to a cluster"),
        (HEAD + FITS + '[engine]\nmemory = "much"\n', "engine.memory: not an amount of memory"),
        (HEAD + FITS + "[engine]\nworkers = 0\n", "expected a number not below 1, found 0"),
        (
            HEAD + FITS + '[engine]\ntimeout = { value = 1, unit = "V" }\n',
            "engine.timeout: unit 'V' has the wrong dimension",
        ),
        (
            HEAD + FITS + '[engine]\ntimeout = { value = 1, unit = "ms" }\n',
            "engine.timeout: no fit is so quick; expected at least 1 s, found 0.001 s",
        ),
        (HEAD + FITS + "[fits.grid]\nseed = []\n", "fits#1.grid.seed: the value is not allowed"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path, text, words):
    path = put(tmp_path, text)
    with pytest.raises(StudyError) as caught:
        load_manifest(path)
    line = caught.value.line()
    assert words in line
    assert line.startswith(f"{path}: ")
    assert "\n" not in line


def test_a_table_is_a_manifest(tmp_path):
    found = load_manifest(put(tmp_path, "name,study\na,s.toml\n", "series.csv"))
    assert found.batch.name == "series"
    assert found.fits[0].rows == "series.csv"
    with pytest.raises(StudyError, match="cannot be read"):
        load_manifest(tmp_path / "absent.csv")
