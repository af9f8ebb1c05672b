"""Twins of the kernels over words, run without the compiler: the same answers, and nothing read that is not there."""

import naive_text
import naive_words
import numpy as np
import pyarrow as pa
import pytest
from awkward_texts import TEXTS
from compiler_off import compiler_off
from hypothesis import given, settings
from test_word_breaks import MIXED

from curate import stage as stages
from curate import words

SHORT = [text for text in TEXTS if text is not None and len(text) < 300]
TWINS = {"english": naive_text.tokens, "uax29": naive_words.uax29}


def tokens(texts, method):
    found = words.scanned(pa.array(texts, pa.large_string()), method)
    spans = [range(*pair) for pair in zip(found.firsts.tolist(), found.lasts.tolist(), strict=True)]
    raw = [text.encode() for text in texts]
    made = [[row[found.starts[t] : found.ends[t]].decode() for t in span] for row, span in zip(raw, spans, strict=True)]
    used = int(np.max(found.lasts, initial=0))
    return made, [*(part[:used].tolist() for part in found[2:6]), found.counts.tolist(), found.cut.tolist()]


@pytest.mark.parametrize("method", TWINS)
def test_the_same_without_the_compiler(method):
    compiled = tokens(SHORT, method)
    with compiler_off():
        plain = tokens(SHORT, method)
    assert plain == compiled
    assert plain[0] == [TWINS[method](text) for text in SHORT]


@pytest.mark.parametrize("method", TWINS)
def test_any_text(method):
    @settings(max_examples=15, deadline=None)
    @given(MIXED)
    def twin(text):
        with compiler_off():
            assert tokens([text, "a b"], method)[0] == [TWINS[method](text), ["a", "b"]]

    twin()


FILTERS = ("gopher_quality", "gopher_repetition", "c4", "fineweb", "dolma", "dclm", "length")


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter(name):
    batch = pa.record_batch({"text": pa.array([*SHORT, None], pa.large_string())})
    stage = stages.load(name)
    compiled = stage.measure(batch, stage.config(), "s")
    with compiler_off():
        plain = stage.measure(batch, stage.config(), "s")
    assert {column: array.to_pylist() for column, array in plain.items()} == {
        column: array.to_pylist() for column, array in compiled.items()
    }
