"""What a hostile file could try: code, entities, other files, unbounded growth."""

import ast
import os
import sys
import threading
from pathlib import Path

import instrument_samples as samples
import pytest
from test_instruments_fuzz import SEEDS, seed
from test_readers_fuzz import SEEDS as OTHERS
from test_workbook import packed

import perovec_bayes
from perovec_bayes.errors import DataError, PerovecError
from perovec_bayes.readers import READERS, base, read

PACKAGE = Path(perovec_bayes.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
NEVER_CALLED = {"eval", "exec", "compile", "__import__"}
NEVER_IMPORTED = {"pickle", "marshal", "shelve", "dill", "joblib", "yaml", "lxml", "xml.dom"}
RUNS_PROGRAMS = {"subprocess", "os.system", "os.popen"}
SECRET = "the secret of another file"
opened: list[str] = []
watching = False


def watch(event, arguments):
    """Note every file that is opened and every connection, while `watching`."""
    if watching and event in ("open", "socket.connect", "os.system", "subprocess.Popen"):
        opened.append(str(arguments[0]))


sys.addaudithook(watch)


@pytest.fixture
def touched():
    """Return a function that runs another and returns the files that were opened meanwhile."""

    def run(function, *args, **kwargs):
        global watching  # noqa: PLW0603 - an audit hook cannot be taken away
        opened.clear()
        watching = True
        try:
            function(*args, **kwargs)
        except PerovecError as error:
            opened.append(f"error: {error}")
        finally:
            watching = False
        own = (str(Path(os.__file__).parent), str(PACKAGE), sys.prefix, sys.base_prefix)
        system = ("/sys/", "/proc/")  # libraries ask how many processors there are
        return [name for name in opened if not name.startswith((*own, *system))]

    return run


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_nothing_in_a_file_is_executed(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in NEVER_CALLED, f"line {node.lineno}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            named = [alias.name for alias in node.names]
            from_ = [getattr(node, "module", None) or ""]
            assert not NEVER_IMPORTED & {*named, *from_}, f"line {node.lineno}"
            if "readers" in path.parts:
                assert not RUNS_PROGRAMS & {*named, *from_}, f"line {node.lineno}"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is False, f"line {node.value.lineno}"


def test_the_watch_sees_a_file(tmp_path, touched):
    other = tmp_path / "other.txt"
    other.write_text(SECRET)
    assert touched(other.read_text) == [str(other)]


@pytest.mark.parametrize("name", SEEDS)
def test_a_spectrum_opens_no_other_file(name, tmp_path, touched):
    format, raw, options = seed(name)
    path = tmp_path / "a.dat"
    path.write_bytes(raw)
    found = {name for name in touched(read, path, format, **options) if "error: " not in name}
    assert found == {str(path)}


@pytest.mark.parametrize("name", sorted(set(OTHERS) - {"echemdb"}))
def test_a_voltammogram_opens_no_other_file(name, tmp_path, touched):
    raw, meta, options = OTHERS[name]
    path = tmp_path / "a.dat"
    path.write_bytes(raw)
    assert set(touched(read, path, name, meta=meta, **options)) == {str(path)}


def test_entities_open_no_other_file(tmp_path, touched):
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    entity = f'<!DOCTYPE x [<!ENTITY s SYSTEM "{secret}">]>'
    spe = tmp_path / "a.spe"
    spe.write_bytes(samples.lightfield_spe(top=entity))
    book = tmp_path / "a.xlsx"
    book.write_bytes(
        packed(
            tmp_path,
            lambda name, content: entity.encode() + content if "sheet1" in name else content,
        ).raw
    )
    columns = {
        "time": {"index": 1, "unit": "s"},
        "potential": {"index": 2, "unit": "V"},
        "current": {"index": 3, "unit": "A"},
    }
    layout = {"columns": columns, "sheet": "data", "meta": {"current_sign": "anodic_positive"}}
    for path, format, options in (
        (spe, "princeton_spe", {}),
        (book, "delimited", layout),
    ):
        found = touched(read, path, format, **options)
        assert str(secret) not in found
        assert any(line.startswith("error: ") and "entities" in line for line in found)
        assert not any(SECRET in line for line in found)


@pytest.mark.parametrize("size", [1001, 0])
def test_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch, size):
    monkeypatch.setattr(base, "LARGEST", 1000)
    path = tmp_path / "a.txt"
    if size:
        path.write_bytes(b"1" * size)
    else:
        path = Path("/dev/zero")
        if not path.exists():
            pytest.skip("no /dev/zero: a device without end cannot be read")
    with pytest.raises(DataError, match=r"the file is too large; expected at most 0 MB"):
        read(path)


def test_a_pipe_is_read(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes with names on this system")
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(samples.spectra_table(),), daemon=True)
    writer.start()
    ds = read(path, quantity="absorbance", signal_unit="1")
    writer.join()
    assert ds.sizes["time"] == 4


def test_every_format_is_watched():
    formats = {format for format, *_ in SEEDS.values()} | set(OTHERS)
    assert set(READERS) - formats == {"biologic_mpr"}  # needs another package to be read at all
