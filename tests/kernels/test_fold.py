"""Classes and foldings of code points, and what datatrove's normalisation does to the same texts."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive_dedup import words

from curate.kernels import fold

SIMPLIFIED = {
    "Crème Brûlée, 1.234,56 €!": "creme brulee 0 0 €",
    "1|2|3": "0 0 0",
    "Version 3.4.5-beta": "version 0 0 beta",
    "ＡＢＣ １２３ Ünïcode…": "ａｂｃ 0 unicode",
    "İstanbul": "istanbul",
    "٣٫١٤ and 12,000,000": "0 and 0 0",
    "don't “quote” it's": "don t quote it s",
    "The quick brown fox jumps over the lazy dog, then 12 dogs sleep.": "the quick brown fox jumps over the lazy dog then 0 dogs sleep",
}
"""Texts and what datatrove's `simplify_text` makes of them, as far as we agree."""


@pytest.mark.parametrize("text", SIMPLIFIED)
def test_agrees_with_the_published_normalisation(text):
    assert " ".join(words(text)) == SIMPLIFIED[text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("हिन्दी में कुछ", ["हिन्दी", "में", "कुछ"]),  # vowel signs and virama stay
        ("한국어 문장", ["한국어", "문장"]),  # syllables stay composed
        ("ที่นี่", ["ที่", "นี่"]),  # no spaces: one word a letter, with its marks
        ("漢字かな", ["漢", "字", "か", "な"]),
        ("a\u00a0b\u200bc\td\ne", ["a", "b", "c", "d", "e"]),
        ("soft\u00adhyphen \ufeffbom", ["softhyphen", "bom"]),
        ("Straße ﬁne", ["strasse", "fine"]),
        ("عَرَبِيّ", ["عربي"]),
        ("v2.0beta 1,2,3", ["v0beta", "0", "0"]),
        ("", []),
        ("… — !", []),
    ],
)
def test_words_of_many_scripts(text, expected):
    assert words(text) == expected


@given(st.text(st.characters(max_codepoint=0x1FFFF, exclude_categories=("Cs", "Cn")), max_size=6))
def test_composed_and_decomposed_text_agree(text):
    composed = unicodedata.normalize("NFC", text)
    if any(0x1100 <= ord(c) <= 0x11FF or 0xAC00 <= ord(c) <= 0xD7A3 for c in composed + text):
        return  # Hangul is compared as it is written
    assert words(composed) == words(unicodedata.normalize("NFD", composed))


def test_tables_say_what_the_functions_say():
    tables = fold.tables()
    codes = np.random.RandomState(0).randint(0, 0x110000, 3000).tolist() + list(range(0x3100))
    for code in codes:
        if 0xD800 <= code < 0xE000 or unicodedata.category(chr(code)) == "Cn":
            continue
        assert tables.classes[code] == fold.kind(code), hex(code)
        if code < fold.FOLDED and fold.kind(code) in (fold.WORD, fold.MARK, fold.ALONE):
            written = tables.fold_data[tables.fold_at[code] : tables.fold_at[code + 1]].tobytes().decode()
            assert (written or chr(code)) == (fold.folded(code) or chr(code))


def test_the_copy_of_the_tables_is_the_tables(monkeypatch, tmp_path):
    """Built, read from the copy, and built again where the copy is broken."""
    monkeypatch.setenv("CURATE_CACHE", str(tmp_path))
    built = fold.build()
    for _ in range(2):
        for found, expected in zip(fold.tables.__wrapped__(), built, strict=True):
            assert np.array_equal(found, expected)
    copy = next(tmp_path.rglob("tables-*.npz"))
    copy.write_bytes(copy.read_bytes()[:1000])
    assert np.array_equal(fold.tables.__wrapped__().classes, built.classes)
