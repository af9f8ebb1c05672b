"""Classes of code points, nesting and needles, each against Python or its twin."""

import sys
import unicodedata

import naive_text
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels import lines, utf8
from curate.kernels.nesting import TAG_BYTES, TAG_ENDS, nesting


def column(texts):
    raw = [t.encode() for t in texts]
    return np.cumsum([0, *map(len, raw)]).astype(np.int64), np.frombuffer(b"".join(raw), dtype=np.uint8)


def test_classes_of_every_code_point():
    table = utf8.classes()
    for code in range(sys.maxunicode + 1):
        if 0x40000 < code < 0xE0000:
            continue
        char, kind = chr(code), int(table[code])
        category = unicodedata.category(char)
        assert bool(kind & utf8.SPACE) == char.isspace()
        assert bool(kind & utf8.ALPHA) == char.isalpha()
        assert bool(kind & utf8.DIGIT) == (category == "Nd")
        assert bool(kind & utf8.MARK) == (category[0] == "M")
        assert bool(kind & utf8.PUNCT) == (category[0] == "P")
        assert bool(kind & utf8.UPPER) == (category == "Lu")
        assert bool(kind & utf8.LOWER) == (category == "Ll")
    breaks = [code for code in range(0x3000) if table[code] & utf8.BREAK]
    assert breaks == [code for code in range(0x3000) if len(f"a{chr(code)}b".splitlines()) == 2]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_decoding(text):
    _, data = column([text])
    i, found = 0, []
    while i < len(data):
        found.append(chr(utf8.code_at(data, i)))
        i += utf8.width(data[i])
    assert "".join(found) == text
    assert utf8.count_chars(data, 0, len(data)) == len(text)


TAGS = st.sampled_from(
    [
        b"<div>",
        b"</div>",
        b"<div class=a>",
        b"<ul>",
        b"</ul>",
        b"<ol/>",
        b"<article\n>",
        b"<divx>",
        b"<",
        b"</",
        b"<p>",
        b"text",
        b"<di",
        b"<ul",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(TAGS, max_size=20).map(b"".join))
def test_nesting(page):
    assert nesting(np.frombuffer(page, dtype=np.uint8), TAG_BYTES, TAG_ENDS) == naive_text.nesting(page)


NEEDLES = (b"lorem ipsum", b"use cookies", b"aab")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["Lorem ", "IPSUM", "use ", "Coo\u212aies", "a", "b", "é", "İ", "ſ"]), max_size=8).map("".join))
def test_needles(text):
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    found = lines.find_any(data, 0, len(data), np.frombuffer(b"".join(NEEDLES), dtype=np.uint8), np.cumsum([0] + [len(n) for n in NEEDLES]))
    assert found == sum(1 << i for i, needle in enumerate(NEEDLES) if needle.decode() in text.lower())
