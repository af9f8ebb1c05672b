"""The ways to words by name: each against its twin, rows of several scripts in one batch, what is counted, and what is missing."""

import sys

import naive_rules
import naive_text
import naive_words
import numpy as np
import pyarrow as pa
import pytest
from awkward_texts import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st
from test_word_breaks import MIXED

from curate import scans, words
from curate import stage as stages
from curate.kernels import scan as at
from curate.kernels.word_hash import hash_word
from curate.stages.c4 import Config as Lines
from curate.stages.c4 import c4
from curate.stages.gopher_quality import Config as Quality
from curate.stages.gopher_quality import gopher_quality

TWINS = {"english": naive_text.tokens, "spacy": naive_text.spacy, "uax29": naive_words.uax29}
PLAIN = st.sampled_from(["", "plain, isn't it?\n- a … b...", "#1 http://a.b/c\r\n• x", "a\u2028\u2029b ..."])
SCRIPTS = "我们来自中国。Hello 世界！\nวันนี้อากาศดี\nមិត្តភក្តិ ကျေးဇူး ສະບາຍດີ、ありがとうございます。"


def tokens(texts, method):
    found = words.scanned(pa.array(texts, pa.large_string()), method)
    spans = [range(*pair) for pair in zip(found.firsts.tolist(), found.lasts.tolist(), strict=True)]
    raw = [text.encode() for text in texts]
    return [[row[found.starts[t] : found.ends[t]].decode() for t in span] for row, span in zip(raw, spans, strict=True)], found


def check(texts, method):
    made, found = tokens(texts, method)
    for row, (text, tokens_of) in enumerate(zip(texts, made, strict=True)):
        span = range(found.firsts[row], found.lasts[row])
        assert tokens_of == TWINS[method](text)
        assert [int(found.hashes[t]) for t in span] == [hash_word(token) for token in tokens_of]
        cut = [naive_words.is_spaceless(token) for token in tokens_of] if method != "spacy" else []
        assert found.cut[row] == sum(cut)
        counted(text, tokens_of, found.counts[row])
        if method == "english":
            assert sum(int(found.flags[t] & at.FIRST) != 0 for t in span) == len(naive_words.line_words(text))


def counted(text, tokens_of, counts):
    lines = text.splitlines()
    solid = [token for token in tokens_of if any(c not in naive_text.PUNCTUATION for c in token)]
    assert counts[[at.TOKENS, at.WORDS, at.WORD_CHARS]].tolist() == [len(tokens_of), len(solid), sum(map(len, solid))]
    assert counts[at.ALPHA_WORDS] == sum(any(c.isalpha() for c in token) for token in tokens_of)
    assert counts[[at.CHARS, at.NEWLINES, at.LINES, at.HASHES]].tolist() == [len(text), text.count("\n"), len(lines), text.count("#")]
    assert counts[at.ELLIPSES] == text.count("...") + text.count("…")
    assert counts[at.BULLETS] == sum(line.lstrip().startswith(("•", "-")) for line in lines)
    assert counts[at.TRAILING] == sum(line.rstrip().endswith(("...", "…")) for line in lines)


@pytest.mark.parametrize("method", TWINS)
def test_each_is_its_twin(method):
    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.one_of(MIXED, PLAIN), max_size=4))
    def twins(texts):
        check(texts, method)

    twins()


@pytest.mark.parametrize("method", TWINS)
def test_awkward_texts(method):
    check([*filter(None, TEXTS), SCRIPTS], method)


@pytest.mark.parametrize("method", ["english", "uax29"])
def test_no_script_is_one_silent_word(method):
    for text in ("我们来自中国", "ありがとうございます東京都", "วันนี้อากาศดี", "ສະບາຍດີ", "មិត្តភក្តិ", "ကျေးဇူးတင်ပါတယ်"):
        (found,), _ = tokens([text], method)
        assert len(found) > 1
        assert "".join(found) == text


def test_icu_has_dictionaries():
    pytest.importorskip("icu4py")
    (found, plain), of = tokens(["研究生命起源👩‍👩‍👧 สวัสดีประเทศไทย", "can't stop"], "icu")
    assert found == ["研究", "生命", "起源", "👩‍👩‍👧", "สวัสดี", "ประเทศไทย"]
    assert plain == ["can't", "stop"]
    assert of.cut.tolist() == [5, 0]
    assert all(tokens([text], "icu") for text in TEXTS if text)


def test_icu_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "icu4py.breakers", None)
    with pytest.raises(words.StageError, match=r"words: expected icu4py for `icu`, got none installed; pip install 'curate\[words\]'"):
        words.scanned(pa.array(["a"]), "icu")


BROKEN = {
    "overlong": b"a \xc0\xaf b",
    "truncated": b"\xe4\xbd",
    "too large": b"\xf7\xbf\xbf\xbf",
    "surrogate": b"\xed\xa0\x80",
    "alone": b"\x80",
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("method", ["english", "uax29"])
def test_what_is_no_utf8_is_refused(name, method):
    raw = pa.array([b"fine", BROKEN[name]], pa.large_binary())
    text = pa.LargeStringArray.from_buffers(2, *raw.buffers()[1:])
    with pytest.raises(ValueError, match=r"words: expected UTF-8, got Invalid UTF8 sequence at string index 1; decode the text first"):
        words.scanned(text, method)


def test_a_column_tells_how_words_were_found():
    batch = pa.record_batch({"text": pa.array(["one two", "一二", None], pa.large_string())})
    for method, names in (("english", ["english", "english+syllables", None]), ("spacy", ["spacy", "spacy", None])):
        assert gopher_quality.measure(batch, Quality(words=method), "q")["q__words_by"].to_pylist() == names
    made = gopher_quality.measure(batch, Quality(words="uax29"), "q")
    assert made["q__num_words"].to_pylist() == [2, 2, None]
    assert made["q__words_by"].to_pylist() == ["uax29", "uax29+syllables", None]


def test_lines_of_chinese_are_prose_to_c4():
    text = "\n".join(f"这是第{n}句话，我们在这里写一些文字。" for n in "一二三四五六") + "\n短"
    batch = pa.record_batch({"text": pa.array([text, "字" * 2000 + "。" * 6], pa.large_string())})
    made = c4.measure(batch, Lines(), "c")
    assert made["c__num_sentences"].to_pylist()[0] == 6
    assert made["text"].to_pylist()[0] == text.removesuffix("\n短")
    assert made["c__lines_dropped"].to_pylist() == [1, 0]
    assert c4.measure(batch, Lines(words="spacy"), "c")["c__lines_dropped"].to_pylist() == [7, 1]


def test_two_methods_share_no_scan():
    shared, text = scans.Shared(), pa.array(["don't 一二", "plain"], pa.large_string())
    with shared.over(text, text, np.arange(2)):
        one, other, again = scans.words(text, "english"), scans.words(text, "uax29"), scans.words(text, "english")
    assert (one.lasts - one.firsts).tolist() == [4, 1]
    assert (other.lasts - other.firsts).tolist() == [3, 1]
    assert np.array_equal(one.starts, again.starts)


@pytest.mark.parametrize("name", ["dolma", "dclm", "length"])
def test_filters_that_split_at_spaces_take_other_words_too(name):
    stage = stages.load(name)
    texts = [*filter(None, TEXTS), SCRIPTS, "on\n字\n你好 read more...\nวันนี้ Sign-in"]
    made = stage.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), stage.config(words="uax29"), "s")
    for row, text in enumerate(texts):
        twin = {
            "dolma": lambda text: naive_rules.dolma(text, naive_words.uax29),
            "dclm": lambda text: naive_rules.dclm(text, False, naive_words.uax29, naive_words.letter_words),
            "length": lambda text: {"words": len([w for w in naive_words.uax29(text) if any(c not in naive_text.PUNCTUATION for c in w)])},
        }[name](text)
        for measure, value in twin.items():
            if measure != "text":
                assert made[f"s__{measure}"][row].as_py() == pytest.approx(value, abs=1.01e-4), (measure, text)
