"""The detector as an automaton, the maps, and the walk over lines, each against ftfy and Python's own database."""

import json
import re
import sys
import unicodedata

import ftfy
import numpy as np
import pytest
from ftfy.badness import BADNESS_RE, MOJIBAKE_CATEGORIES
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels import unicode_lines as lines
from curate.stages.unicode import Config, Texts, repaired, repaired_texts
from curate.web.ftfy_tables import detector, tables

MOJIBAKE = sorted(set("".join(MOJIBAKE_CATEGORIES.values())) | set("aZ 1,.日é\u0416œÃÂ\t\xa0ГўВЂВ×²"))
MARKS = "\u0301\u0323\u0302\u0308\u3099\u09be\u093c\u05b0\u1161\u11a8"
STARTERS = "eêéカ\u09c7\u0928\u05d0\u1100가a <&;"
FIXABLE = "ﬁＡﾞ\u3000\u2028\r\n\x00\x1b\ufeff\u212b\u0958\u0344"
ENTITIES = [
    "&amp;",
    "&#39;",
    "&#x2019;",
    "&nbsp;",
    "&NTILDE;",
    "&#59;",
    "&#150;",
    "&#0;",
    "&bne;",
    "&nope;",
    "&#12ab;",
    "&lt;",
    "&amp;amp;",
    "&fjlig;",
]


def noted(text, form="NFC", by_line=True, longest=1_000_000):
    t = tables(form, False)
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    found = [np.empty(len(data) + 2, dtype=np.int64) for _ in range(4)]
    offsets = np.array([0, len(data)], dtype=np.int64)
    n = lines.scan(offsets, data, by_line, longest, lines.ASCII_KINDS, t.info, t.trans, t.pair_keys, *found)
    return [tuple(int(part[k]) for part in found[1:]) for k in range(n)]


@settings(max_examples=1500, deadline=None)
@given(st.text(st.sampled_from(MOJIBAKE), max_size=12))
def test_the_automaton_is_the_detector(text):
    classes, trans = detector()
    state = 1
    for char in text:
        state = trans[state, classes[ord(char)]]
    assert (state == 2) == bool(BADNESS_RE.search(text))


@settings(max_examples=800, deadline=None)
@given(st.lists(st.one_of(st.text(st.sampled_from(MOJIBAKE), max_size=4), st.text("abc ", max_size=20)), max_size=8).map("".join))
def test_the_walk_rests_on_ascii_and_misses_nothing(text):
    text = text.replace("\n", "")
    flags = noted(text, "none", by_line=False)[0][2] if noted(text, "none", by_line=False) else 0
    assert bool(flags & lines.BAD) == bool(BADNESS_RE.search(text))


@pytest.mark.parametrize("form", ["NFC", "NFKC", "NFD", "NFKD"])
def test_every_character_alone(form):
    info = tables(form, False).info
    for code in range(sys.maxunicode + 1):
        if 0xD800 <= code < 0xE000:
            continue
        facts = int(info[code])
        assert (facts >> 8) & 0xFF == unicodedata.combining(chr(code))
        if not (facts >> 16) & lines.REPLACE:
            assert unicodedata.is_normalized(form, chr(code)), hex(code)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@settings(max_examples=600, deadline=None)
@given(text=st.text(st.sampled_from(STARTERS + MARKS), max_size=8))
def test_a_line_that_is_not_noted_is_in_the_normal_form(form, text):
    if not noted(text, form):
        assert unicodedata.is_normalized(form, text)


@pytest.mark.parametrize("options", [{}, {"form": "NFKC"}, {"form": "NFD"}, {"form": "none"}, {"uncurl_quotes": True}])
@settings(max_examples=250, deadline=None)
@given(
    text=st.lists(
        st.one_of(st.text(st.sampled_from(STARTERS + MARKS + FIXABLE + "’“"), max_size=6), st.sampled_from(ENTITIES)), max_size=6
    ).map("".join)
)
def test_the_outcome_is_ftfys(options, text):
    theirs = {"uncurl_quotes": options.get("uncurl_quotes", False), "normalization": options.get("form", "NFC")}
    if theirs["normalization"] == "none":
        theirs["normalization"] = None
    assert repaired(text, Config(**options))[0] == ftfy.fix_text(text, **theirs)


def test_every_entity_that_ftfy_knows():
    text = (
        "\n".join(ftfy.chardata.HTML_ENTITIES)
        + "\n"
        + "\n".join(f"&#{n};" for n in (*range(300), 0xD7FF, 0xD800, 0xFDD0, 0xFFFE, 0x1FFFE, 0x110000))
    )
    text = text.replace("&lt;\n", "").replace("&LT;\n", "").replace("&#60;\n", "")
    assert repaired(text, Config())[0] == ftfy.fix_text(text, uncurl_quotes=False)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.sampled_from("aé\nÃ©ﬁ&;<"), max_size=12), max_size=6))
def test_a_column_is_its_rows(texts):
    raw = [t.encode() for t in texts]
    data = np.frombuffer(b"".join(raw), dtype=np.uint8)
    made, edits = repaired_texts(Texts(np.cumsum([0, *map(len, raw)]).astype(np.int64), data), Config())
    out = [made.data[a:b].tobytes().decode() for a, b in zip(made.offsets, made.offsets[1:], strict=False)]
    assert (out, edits.tolist()) == tuple(map(list, zip(*(repaired(t, Config()) for t in texts), strict=True))) if texts else out == []


def test_segments_end_after_so_many_code_points():
    text = "é" * 7 + "Ã©" + "x\n" + "a" * 6 + "ﬁ"
    by_nine = [text[a : a + 9] for a in (0, 9)]
    assert by_nine[0].endswith("Ã©")
    found = noted(text, longest=9)
    assert [text.encode()[a:b].decode() for a, b, _ in found] == ["é" * 7 + "Ã©", "aaaaaaﬁ"]
    assert [f for *_, f in found] == [lines.BAD, lines.FIX]


def test_long_lines_are_cut_as_ftfy_cuts_them():
    text = "é" + "a" * 999_998 + "Ã© schÃ¶n <\n&amp;"
    assert repaired(text, Config())[0] == ftfy.fix_text(text, uncurl_quotes=False)


def test_shared_texts(shared):
    import zstandard

    texts = []
    for case in ("in-the-wild", "negative", "synthetic", "known-failures"):
        texts += [c["original"] for c in json.loads((shared("encoding-ftfy") / f"{case}.json").read_text())]
    with zstandard.open(shared("lid-lingua-a") / "lid.tsv.zst", "rt", encoding="utf-8") as file:
        texts += file.read().split("\n")[::37]
    with zstandard.open(shared("encoding-unicode-normalization") / "NormalizationTest.txt.zst", "rt", encoding="utf-8") as file:
        columns = re.findall(r"^([0-9A-F ]+);([0-9A-F ]+);", file.read(), re.MULTILINE)[::3]
    texts += ["".join(chr(int(code, 16)) for code in column.split()) for row in columns for column in row]
    raw = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, raw)]).astype(np.int64)
    made, _ = repaired_texts(Texts(offsets, np.frombuffer(b"".join(raw), dtype=np.uint8)), Config())
    wrong = [
        text
        for text, a, b in zip(texts, made.offsets, made.offsets[1:], strict=False)
        if made.data[a:b].tobytes().decode() != ftfy.fix_text(text, uncurl_quotes=False)
    ]
    assert wrong == []


def test_an_expression_that_cannot_be_walked_is_refused(monkeypatch):
    import ftfy.badness

    from curate.web import ftfy_tables

    monkeypatch.setattr(ftfy.badness, "BADNESS_RE", re.compile("Ã+|Â"))
    with pytest.raises(ValueError, match=r"expected sets of characters in its detector, got MAX_REPEAT; install ftfy 6.3"):
        ftfy_tables._alternatives()
