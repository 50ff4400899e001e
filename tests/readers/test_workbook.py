import io
import struct
import zipfile

import openpyxl
import pytest

from perovec_bayes.errors import DataError
from perovec_bayes.readers import Source, workbook
from perovec_bayes.readers.workbook import sheet_names, sheet_rows

ROWS = [("a", "b", None), (1, 2.5, "x"), (None, None, None), (3, None, None)]


def packed(path, change=lambda name, content: content, extra=()):
    """Return a workbook of ROWS whose parts have passed through `change`."""
    book = openpyxl.Workbook()
    book.active.title = "data"
    for row in ROWS:
        book.active.append(row)
    book.create_sheet("other")
    whole, result = io.BytesIO(), io.BytesIO()
    book.save(whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            new.writestr(part.filename, change(part.filename, old.read(part)))
        for name, content in extra:
            new.writestr(name, content)
    return Source(path, result.getvalue())


def test_rows_are_of_one_length(tmp_path):
    source = packed(tmp_path)
    assert sheet_names(source) == ["data", "other"]
    assert sheet_rows(source, "data") == ROWS
    assert sheet_rows(source, "other") == []


def test_a_wrong_statement_of_size_is_not_believed(tmp_path):
    source = packed(tmp_path, lambda name, content: content.replace(b'ref="A1:C4"', b'ref="A1"'))
    assert sheet_rows(source, "data") == ROWS


def test_entities_are_refused(tmp_path):
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    source = packed(
        tmp_path,
        lambda name, content: bomb + content if name.endswith("sheet1.xml") else content,
    )
    with pytest.raises(DataError, match="XML entities"):
        sheet_rows(source, "data")


def test_an_archive_that_unpacks_to_much_is_refused(tmp_path, monkeypatch):
    source = packed(tmp_path, extra=[("x.bin", b"\0" * 3_000_000)])
    assert len(source.raw) < 50_000
    monkeypatch.setattr(workbook, "MOST_UNPACKED", 2_000_000)
    with pytest.raises(DataError, match="at most 2 MB unpacked, found 3 MB"):
        sheet_rows(source, "data")


def test_a_sheet_that_hides_its_size_is_refused(tmp_path):
    source = packed(tmp_path)
    size = zipfile.ZipFile(io.BytesIO(source.raw)).getinfo("xl/worksheets/sheet1.xml").file_size
    told, small = struct.pack("<I", size), struct.pack("<I", size // 2)
    liar = Source(source.path, source.raw.replace(told, small))
    assert liar.raw != source.raw
    with pytest.raises(DataError, match="not a readable"):
        sheet_rows(liar, "data")


@pytest.mark.parametrize("row", [b"2000000", b"999999999999"])
def test_a_row_far_down_is_refused_soon(tmp_path, row):
    source = packed(
        tmp_path, lambda name, content: content.replace(b'<row r="4"', b'<row r="%s"' % row)
    )
    with pytest.raises(DataError, match="too large"):
        sheet_rows(source, "data")


@pytest.mark.parametrize("raw", [b"PK\x03\x04", b"PK\x03\x04" + b"x" * 99])
def test_damaged_archives_are_refused(tmp_path, raw):
    with pytest.raises(DataError, match="not a readable"):
        sheet_names(Source(tmp_path, raw))
