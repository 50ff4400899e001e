import io

import openpyxl
import pytest

from perovec_bayes.errors import DataError

FILES = {
    "metadata, yaml": (b"curation:\n  a: b\nfigureDescription:\n  c: d\n", "metadata of echemdb"),
    "metadata, json": (b'{"resources": [{"x": {"figureDescription": 1}}]}', "metadata of echemdb"),
    "mps": (b"EC-Lab SETTING FILE\r\n", "settings or a log of EC-Lab"),
    "mps of today": (b"EC-LAB SETTING FILE\r\n", "settings or a log of EC-Lab"),
    "procspec": (b"PK\x03\x04" + bytes(26) + b"ps_291.xml", "a ProcSpec archive"),
    "grams": (b"\x80K\x00\x80@\x0e\x00\x00(" + bytes(20), "a binary GRAMS spectrum"),
    "sp": (b"PEPE2Dconstant interval DataSet" + bytes(9), "a binary PerkinElmer spectrum"),
    "isw": (b"\x00\x00\xff\xff\xff\xfe" + bytes(40), "a binary Zahner file"),
    "zahner": (b"ZAHNER polarization file\nSystem : MEA6\n", "a Zahner polarization file"),
    "hdf": (b"\x89HDF\r\n\x1a\n" + bytes(40), "an HDF5 or netCDF file"),
    "xls": (b"\xd0\xcf\x11\xe0" + bytes(40), "an old Office file"),
    "web page": (b"\r\n<!DOCTYPE html><html><table><tr><td>E", "a web page"),
    "table as xls": (b"\xef\xbb\xbf<TABLE border=1><tr><td>Time (s)", "a web page"),
    "xml spreadsheet": (
        b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>'
        b'<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
        "an XML spreadsheet",
    ),
    "archive": (b"\x1f\x8b\x08" + bytes(9), "an archive"),
    "binary": (bytes(range(256)) * 4 + bytes(200), "a binary file"),
    "binary with few zeros": (bytes(range(256)) * 20, "PAR M270"),
    "binary without zeros": (bytes(range(1, 256)) * 20, "a binary file"),
}


@pytest.mark.parametrize(("raw", "words"), FILES.values(), ids=FILES)
def test_what_is_not_read_says_how_to_export_it(tmp_path, fails, raw, words):
    path = tmp_path / "run.dat"
    path.write_bytes(raw)
    line = fails(DataError, [words, "not read here"], path)
    assert any(word in line for word in ("xport", "csv", "Unpack"))


def test_a_workbook_names_its_sheets(tmp_path, fails):
    book = openpyxl.Workbook()
    book.active.title = "50 mV s-1"
    raw = io.BytesIO()
    book.save(raw)
    path = tmp_path / "run.dat"
    path.write_bytes(raw.getvalue())
    fails(DataError, ["a workbook whose columns are not mapped", "'50 mV s-1'"], path)
