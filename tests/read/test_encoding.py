"""Decoding: marks, labels, replacement; nothing raises."""

import codecs
import pkgutil
from encodings import aliases

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.read.encoding import charset, codec, decoded, utf8_safe


@pytest.mark.parametrize(
    ("data", "label", "text"),
    [
        ("ü".encode(), None, "ü"),
        ("ü".encode(), "utf-8", "ü"),
        (codecs.BOM_UTF8 + "ü".encode(), "latin-1", "ü"),
        ("ü".encode("utf-16"), None, "ü"),
        (codecs.BOM_UTF16_BE + "ü".encode("utf-16-be"), "utf-8", "ü"),
        (b"\x93q\x94", "ISO-8859-1", "“q”"),
        (b"\x93q\x94", "us-ascii", "“q”"),
        ("中".encode("gb18030"), "gb2312", "中"),
        ("日本".encode("cp932"), "Shift_JIS", "日本"),
        ("Привет".encode("koi8-r"), "koi8-r", "Привет"),
        (b"\xc3(\xff", None, "\ufffd(\ufffd"),
        (b"a+AGE-", "utf-7", "a+AGE-"),
        (b"\\u0041", "unicode_escape", "\\u0041"),
        (b"abc", "no-such-charset", "abc"),
        (b"abc", "nul\x00", "abc"),
    ],
)
def test_marks_labels_and_replacement(data, label, text):
    assert decoded(data, label) == text


@pytest.mark.parametrize(
    ("content_type", "label"),
    [
        ("text/html; charset=UTF-8", "UTF-8"),
        ("text/html;Charset = 'x-sjis'", "x-sjis"),
        ('a; charset="k"', "k"),
        ("text/html", None),
        (None, None),
    ],
)
def test_the_charset_parameter(content_type, label):
    assert charset(content_type) == label


@settings(deadline=None)
@given(
    st.binary(max_size=60),
    st.sampled_from(sorted(set(aliases.aliases) | {m.name for m in pkgutil.iter_modules(__import__("encodings").__path__)})),
)
def test_no_bytes_under_no_label_raise_and_the_result_is_valid_utf8(data, label):
    decoded(data, label).encode()


def test_codecs_that_transform_are_never_taken():
    assert [codec(name) for name in ("zlib", "base64", "rot13", "idna", "punycode", "undefined", "utf-7")] == [None] * 7


@settings(deadline=None)
@given(st.text(st.characters()))
def test_text_is_made_safe_for_utf8(text):
    safe = utf8_safe(text)
    safe.encode()
    assert safe == text or any(0xD800 <= ord(c) <= 0xDFFF for c in text)
