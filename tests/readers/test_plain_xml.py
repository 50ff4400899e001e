import pytest

from perovec_bayes.errors import DataError
from perovec_bayes.readers import plain_xml
from perovec_bayes.readers.plain_xml import parse

LAUGHS = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'


def test_elements_attributes_and_text():
    root = parse("f", b'<a xmlns="x" xmlns:r="y"><r:b k="1">t&lt;\xc2\xb5</r:b><b k="2"/></a>')
    assert root.tag == "a"
    assert [(b.tag, b.get("k"), b.text) for b in root] == [("b", "1", "t<µ"), ("b", "2", None)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "document",
    [
        LAUGHS,
        "<!DOCTYPE a><a/>",
        '<!DOCTYPE a SYSTEM "other.dtd"><a/>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "secret.txt">]><a>&x;</a>',
        '<!DOCTYPE a [<!ENTITY % x SYSTEM "secret.txt"> %x;]><a/>',
    ],
)
def test_whatever_declares_is_refused(document, encoding):
    with pytest.raises(DataError, match="document type or entities"):
        parse("f", document.encode(encoding))


@pytest.mark.parametrize(
    "raw", [b"", b"<a>", b"<a></b>", b"<a>&nothing;</a>", b"\xff\xfe<", b"<a/><a/>", b"<a k=1/>"]
)
def test_what_is_no_xml_is_refused(raw):
    with pytest.raises(DataError, match="XML that cannot be read"):
        parse("f", raw)


def test_an_encoding_that_is_not_known_is_refused():
    with pytest.raises(DataError, match="XML that cannot be read"):
        parse("f", b'<?xml version="1.0" encoding="klingon"?><a/>')


def test_limits_of_size_depth_and_number(monkeypatch):
    deep = b"<a>" * 100_000
    with pytest.raises(DataError, match="200 deep"):
        parse("f", deep)
    monkeypatch.setattr(plain_xml, "MOST_ELEMENTS", 10)
    assert len(parse("f", b"<a>" + b"<b/>" * 9 + b"</a>")) == 9
    with pytest.raises(DataError, match="at most 10 elements"):
        parse("f", b"<a>" + b"<b/>" * 10 + b"</a>")
    monkeypatch.setattr(plain_xml, "MOST_BYTES", 1_000_000)
    with pytest.raises(DataError, match="at most 1 MB"):
        parse("f", b"<a>" + b" " * 1_000_000 + b"</a>")
