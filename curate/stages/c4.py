"""C4: lines that are no prose leave, documents that are code or filler leave. After Raffel et al. 2020 (§2.2), as datatrove's filter has
it.

Line by line, in this order: a word too long; citation marks such as `[12]` and `[edit]` cut out; no end mark (off by default, as in
FineWeb); too few words (counted before citations were cut); then `lorem ipsum` removes the document, `javascript` the line, `{` the
document, a cookie or terms phrase the line. What stays is joined by newlines; blank lines go. The text of a document that leaves is not
changed. datatrove's defaults of 3 words and 5 sentences are those of the paper; the code that built C4 (TensorFlow Datasets, `mode: tfds`)
used 5 and 3, counted words after citations were cut, asked for an end mark, and took no apostrophe for one.
Words of a line stand between white space; in scripts without spaces each ideograph, run of kana and syllable is one, or what `words` says
(`curate/words.py`), so that a line of Chinese is not one long word, and 。 ends a sentence. `mode: tfds` and `words: spacy` know no such words.
Misses: the list of bad words, and line dedup over the corpus. Sentences end at terminal marks, so abbreviations count double.
Price: about 115 MB of text a second and core alone, 330 where another stage has scanned the text (`curate/scans.py`).

column         type   meaning
edits          int32  lines that were dropped or altered; 0 where the document leaves
lines_dropped  int64  lines with a word in them that were dropped
lorem_ipsum    int64  lines with `lorem ipsum`, up to the one that removes the document
curly_lines    int64  lines with `{`, likewise
num_sentences  int64  sentences in what stays; null where the document left before
"""

from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from curate import arrow, scans
from curate.kernels.c4_lines import clean_tfds_lines
from curate.kernels.c4_rules import COLUMNS, CURLY, CUT, EDITS, LEFT, LOREM, SENTENCES, TOKENS, anchors, clean_lines, line_maps
from curate.kernels.lines import LineRules, all_sentences
from curate.kernels.utf8 import classes
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base
from curate.words import ICU, Method

_NEEDLES = (b"lorem ipsum", b"javascript")
_POLICY = (b"terms of use", b"privacy policy", b"cookie policy", b"uses cookies", b"use of cookies", b"use cookies")

_TFDS = {"filter_no_terminal_punct": True, "min_words_per_line": 5, "min_sentences": 3}


class Config(Base):
    """The rules of C4 as datatrove has them; null switches a rule off."""

    mode: Literal["datatrove", "tfds"] = "datatrove"
    """`tfds`: as the code that built C4; its defaults are then filter_no_terminal_punct true, min_words_per_line 5, min_sentences 3."""

    words: Method = "english"
    """How words are found (`curate/words.py`): `english`, spaCy's rules, with ideographs and syllables in scripts without spaces; `spacy`, the rules alone;
    `uax29`, Unicode's boundaries; `icu`, with dictionaries: pip install 'curate[words]'."""
    filter_no_terminal_punct: bool = False
    """Drop lines that do not end in . ? ! or a quote; C4 did, FineWeb did not."""
    min_words_per_line: int | None = Field(default=3, ge=0)
    """Lines with fewer words are dropped."""
    max_word_chars: int | None = Field(default=1000, ge=1)
    """Lines with a longer word are dropped."""
    cut_citations: bool = True
    """Cut `[12]`, `[edit]` and `[citation needed]` out of lines."""
    drop_javascript: bool = True
    """Drop lines that mention javascript."""
    drop_policy: bool = True
    """Drop lines about cookies, privacy policies and terms of use."""
    max_lorem_ipsum: int | None = Field(default=0, ge=0)
    """More lines with `lorem ipsum`: the document leaves as `lorem_ipsum`."""
    max_curly_lines: int | None = Field(default=0, ge=0)
    """More lines with a curly bracket: the document leaves as `curly_bracket`."""
    min_sentences: int | None = Field(default=5, ge=0)
    """Fewer sentences in the lines that stay: `too_few_sentences`."""

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, said: Any) -> Any:
        return _TFDS | said if isinstance(said, dict) and said.get("mode") == "tfds" else said


@stage(
    version=2,
    reads=("text",),
    distributions=ICU,
    adds={
        "edits": pa.int32(),
        "lines_dropped": pa.int64(),
        "lorem_ipsum": pa.int64(),
        "curly_lines": pa.int64(),
        "num_sentences": pa.int64(),
    },
    rules=(
        Rule("lorem_ipsum", "lorem_ipsum", ">", "max_lorem_ipsum"),
        Rule("curly_bracket", "curly_lines", ">", "max_curly_lines"),
        Rule("too_few_sentences", "num_sentences", "<", "min_sentences"),
    ),
    replaces=("text",),
)
def c4(batch: pa.RecordBatch, config: Config) -> Columns:
    old = batch["text"]
    text = arrow.utf8(old)
    rows = batch.num_rows
    found = scans.words(old, config.words)
    made = np.empty(int(text.offsets[-1] - text.offsets[0]) + 1, dtype=np.uint8)
    offsets = np.zeros(rows + 1, dtype=np.int64)
    out = np.zeros((rows, COLUMNS), dtype=np.int64)
    if config.mode == "tfds":
        clean_tfds_lines(text.offsets, text.data, classes(), _rules(config), offsets, made, out)
        out[:, CUT] = 1
    else:
        clean_lines(
            text.offsets,
            text.data,
            found.firsts,
            found.lasts,
            found.starts,
            found.flags,
            classes(),
            anchors(_NEEDLES + _POLICY),
            line_maps(int(np.max(np.diff(text.offsets), initial=0))),
            _rules(config),
            offsets,
            made,
            out,
        )
    fresh = pa.LargeStringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(made))
    _count_again(fresh, out, config.words)
    sentences, tokens = out[:, SENTENCES], out[:, TOKENS]
    killed = _over(out[:, LOREM], config.max_lorem_ipsum) | _over(out[:, CURLY], config.max_curly_lines)
    leaves = killed | (np.zeros(rows, dtype=np.bool_) if config.min_sentences is None else sentences < config.min_sentences)
    stays = leaves | ~text.valid
    new = pc.if_else(pa.array(stays), old, fresh.cast(old.type)) if stays.any() else fresh.cast(old.type)
    scans.leave_tokens(new, np.where(leaves, found.lasts - found.firsts, tokens), config.words)
    return {
        "text": new,
        "edits": pa.array(np.where(leaves, 0, out[:, EDITS]).astype(np.int32), mask=~text.valid),
        "lines_dropped": pa.array(out[:, LEFT], mask=~text.valid),
        "lorem_ipsum": pa.array(out[:, LOREM], mask=~text.valid),
        "curly_lines": pa.array(out[:, CURLY], mask=~text.valid),
        "num_sentences": pa.array(sentences, mask=~text.valid | killed),
    }


def _count_again(fresh: pa.Array, out: np.ndarray, method: Method) -> None:
    """Sentences and tokens of the rows of which citations were cut, which may have joined what stood beside them."""
    cut = np.flatnonzero(out[:, CUT])
    if len(cut):
        found = scans.words(fresh.take(pa.array(cut)), method)
        sentences = np.zeros(len(cut), dtype=np.int64)
        all_sentences(found.flags, found.firsts, found.lasts, sentences)
        out[cut, SENTENCES], out[cut, TOKENS] = sentences, found.lasts - found.firsts


def _over(counts: np.ndarray, limit: int | None) -> np.ndarray:
    return np.zeros(len(counts), dtype=np.bool_) if limit is None else counts > limit


def _rules(config: Config) -> LineRules:
    needles = _NEEDLES + _POLICY
    drop = (2 if config.drop_javascript else 0) | (((1 << len(needles)) - 4) if config.drop_policy else 0)
    return LineRules(
        -1 if config.max_word_chars is None else config.max_word_chars,
        0 if config.min_words_per_line is None else config.min_words_per_line,
        config.filter_no_terminal_punct,
        config.cut_citations,
        -1 if config.max_lorem_ipsum is None else config.max_lorem_ipsum,
        -1 if config.max_curly_lines is None else config.max_curly_lines,
        drop,
        np.frombuffer(b"".join(needles), dtype=np.uint8),
        np.cumsum([0] + [len(n) for n in needles]),
    )
