"""Sharing a scan changes nothing but its cost: same columns without it, one scan a text, nothing of another text."""

import itertools

import naive_text
import numpy as np
import pyarrow as pa
import pytest
from test_every_stage import documents

from curate import scans
from curate import stage as stages
from curate.engine.steps import StageCall, Walk
from curate.ledger import Balance

NAMES = ["".join(parts) for parts in itertools.product("bdfgklm", "aeiou", "nprst", ("at", "em"))]


def prose(number, lines):
    """So many lines that repeat nothing."""
    words = iter(NAMES[7 * number :])
    return "\n".join(
        f"The {next(words)} of {next(words)} to {next(words)} that {next(words)} and {next(words)}, {next(words)}." for _ in range(lines)
    )


TEXTS = [
    *(prose(i, 9) for i in range(6)),
    "too short",
    None,
    "\n".join([prose(1, 1)] * 9),
    prose(3, 9) + "\na menu\ncited [12] here [edit] once.\nand Java[1]script goes",
    prose(3, 9) + "\na { b c d e",
    "",
]
ORDER = ("gopher_repetition", "gopher_quality", "c4", "fineweb", "gopher_quality")


@pytest.fixture
def scanned(monkeypatch):
    """Rows of every scan that is made."""
    made, real = [], scans.scanned
    monkeypatch.setattr(scans, "scanned", lambda array, method: made.append(len(array)) or real(array, method))
    return made


def walked(measure_all, shared=True, order=ORDER):
    walk = Walk(documents(TEXTS), Balance(), measure_all=measure_all)
    for number, name in enumerate(order):
        call = StageCall(step=f"s{number}", stage=stages.load(name), config=stages.load(name).config())
        if not shared:
            walk._shared = scans.Shared()
        walk.run(call)
    return walk.batch


@pytest.mark.parametrize("measure_all", [True, False])
def test_the_same_columns_without_it(measure_all, monkeypatch):
    whole = walked(measure_all)
    monkeypatch.setattr(scans, "MOST_BYTES", 0)
    monkeypatch.setattr(scans, "leave_tokens", lambda array, tokens, method: None)
    assert whole.equals(walked(measure_all, shared=False))


def test_one_scan_for_all_that_stand_on_a_text(scanned):
    walked(measure_all=True, order=("gopher_repetition", "gopher_quality", "c4"))
    assert scanned == [len(TEXTS), 1]  # all rows once, and the row of which citations were cut


def test_fewer_rows_need_no_other_scan(scanned):
    batch = walked(measure_all=False, order=("gopher_quality", "gopher_repetition", "c4", "fineweb"))
    assert scanned == [len(TEXTS), 1]
    assert 0 < batch["s3__num_lines"].null_count < len(TEXTS)


def test_another_text_is_another_scan(scanned):
    batch = walked(measure_all=True)
    assert scanned == [len(TEXTS), 1, len(TEXTS)]
    quality = stages.load("gopher_quality")
    after = quality.measure(pa.record_batch({"text": batch["text"]}), quality.config(), "s4")
    assert all(after[name].equals(batch[name]) for name in after)


def test_a_stage_alone_shares_nothing(scanned):
    text = pa.array(TEXTS, pa.large_string())
    one, other = scans.words(text), scans.words(text)
    assert scanned == [len(TEXTS)] * 2
    assert np.array_equal(one.counts, other.counts)


def test_what_is_too_large_is_not_kept(scanned, monkeypatch):
    monkeypatch.setattr(scans, "MOST_BYTES", 10)
    walked(measure_all=True, order=("gopher_repetition", "gopher_quality"))
    assert scanned == [len(TEXTS)] * 2


ODD = {
    "one word": ("x", 2_000_000, ""),
    "one line": ("word, ", 200_000, ""),
    "combining marks": ("\u0301", 50_000, ""),
    "controls": ("a\x00b \x00\x00 ", 20_000, ""),
    "right to left": ("\u200f\u05e9\u05dc\u05d5\u05dd abc \u0645\u0631\u062d\u0628\u0627 ", 10_000, ""),
    "emoji": ("\U0001f469\u200d\U0001f469\u200d\U0001f467 ", 10_000, ""),
    "no words": ("\n", 200_000, ""),
    "ends in a mark": ("a \u00e9\u0301 ", 1_000, "\u0301"),
}
"""What is repeated, how often, and what stands behind."""


@pytest.mark.parametrize("name", ODD)
def test_long_and_odd_texts_go_through_all_four(name):
    part, times, end = ODD[name]
    walk = Walk(documents([part * times + end, "after it"]), Balance(), measure_all=True)
    for step in ORDER[:4]:
        walk.run(StageCall(step=step, stage=stages.load(step), config=stages.load(step).config()))
    solid = [sum(any(c not in naive_text.PUNCTUATION for c in token) for token in naive_text.tokens(text)) for text in (part, end)]
    words = solid[0] * times + solid[1] if part[-1].isspace() else 1
    assert walk.batch["gopher_quality__num_words"].to_pylist() == [words, 2]
    assert walk.failed.tolist() == [None, None]
