r"""Pre-tokens: the pieces of text inside which BPE merges; counted over a batch without an object a word.

`gpt2` is the pattern of GPT-2 (Radford et al. 2019, openai/gpt-2 encoder.py), `gpt4` that of cl100k_base (openai/tiktoken), in which
contractions have any case, digits come in threes and line ends stay with what is before them. Both equal what `tokenizers` does
with `ByteLevel(use_regex=True)`, and with `Split(Regex(GPT4_REGEX))` before `ByteLevel(use_regex=False)`. Price: 800 MB/s a core for GPT-2,
230 for GPT-4.
"""

import itertools
from collections import Counter
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from curate.arrow import Utf8, utf8
from curate.kernels import pretoken_flags, pretoken_states, pretokens
from curate.tokenizer.unicode_classes import classes

Pattern = Literal["gpt2", "gpt4"]
PATTERNS: tuple[Pattern, ...] = ("gpt2", "gpt4")

GPT2_REGEX = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
GPT4_REGEX = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


@cache
def splitter(pattern: Pattern) -> pretoken_flags.Splitter:
    """The pattern as the kernels run it."""
    bits = pretoken_flags.bits(classes()) if pattern == "gpt2" else np.empty(0, dtype=np.uint8)
    bits.setflags(write=False)
    return pretoken_flags.Splitter(pretoken_states.automaton(classes(), pattern == "gpt4"), bits)


class Counted(NamedTuple):
    """Distinct pre-tokens and how often each stands in the texts."""

    offsets: np.ndarray
    """int64[n + 1]: pre-token i is data[offsets[i]:offsets[i + 1]]."""
    data: np.ndarray
    """uint8."""
    counts: np.ndarray
    """int64[n]."""
    num_documents: int
    text_bytes: int
    """UTF-8 bytes of all texts."""
    capped_bytes: int
    """Bytes beyond `max_chars`, not counted."""
    num_long: int
    long_bytes: int
    """Pre-tokens longer than `max_bytes`, not counted, and their bytes."""


def count(texts: pa.Array, pattern: str, max_bytes: int, max_chars: int | None = None) -> Counted:
    """Count the pre-tokens of a (large_)string array; null is no document. `max_chars` reads only so many code points of each.

    `pattern`: gpt2, gpt4 or a regular expression, which `tokenizers` runs.
    """
    text = present(texts)
    starts, ends = text.offsets[:-1], text.offsets[1:]
    if max_chars is not None:
        ends = np.empty_like(starts)
        pretokens.cap_ends(text.offsets, text.data, max_chars, ends)
    text_bytes = int(text.offsets[-1] - text.offsets[0])
    capped = int((text.offsets[1:] - ends).sum())
    if pattern not in PATTERNS:
        return _count_matches(text.data, starts, ends, pattern, max_bytes)._replace(text_bytes=text_bytes, capped_bytes=capped)
    rows, num_long, long_bytes = pretokens.count_pretokens(starts, ends, text.data, splitter(pattern), max_bytes)
    offsets = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(rows[:, 3], out=offsets[1:])
    data = np.empty(offsets[-1], dtype=np.uint8)
    pretokens.gather(text.data, rows, offsets, data)
    counts = rows[:, 2].astype(np.int64)
    return Counted(offsets, data, counts, len(starts), text_bytes, capped, int(num_long), int(long_bytes))


def _count_matches(data: np.ndarray, starts: np.ndarray, ends: np.ndarray, expression: str, max_bytes: int) -> Counted:
    """As `count`, by the library: an object a pre-token."""
    from tokenizers import Regex
    from tokenizers.pre_tokenizers import Split

    cutter = Split(Regex(expression), behavior="isolated")
    counter: Counter[str] = Counter()
    for start, end in zip(starts, ends, strict=True):
        counter.update(piece for piece, _ in cutter.pre_tokenize_str(data[start:end].tobytes().decode()))
    words = {piece.encode(): num for piece, num in counter.items()}
    long = {piece: num for piece, num in words.items() if len(piece) > max_bytes}
    kept = [piece for piece in words if piece not in long]
    offsets = np.cumsum([0, *map(len, kept)], dtype=np.int64)
    counts = np.array([words[piece] for piece in kept], dtype=np.int64)
    long_bytes = sum(len(piece) * num for piece, num in long.items())
    return Counted(offsets, np.frombuffer(b"".join(kept), dtype=np.uint8), counts, len(starts), 0, 0, sum(long.values()), long_bytes)


def checked(expression: str) -> str:
    """The regular expression, if `tokenizers` can read it; ValueError says what is wrong."""
    from tokenizers import Regex

    try:
        Regex(expression)
    except Exception as error:
        raise ValueError(f"pattern.regex: expected a regular expression of Oniguruma, got {expression!r} ({error})") from None
    return expression


def present(texts: pa.Array) -> Utf8:
    """Views of the rows that are not null; `valid` is about the rows of `texts`."""
    valid = utf8(texts).valid
    rows = utf8(texts if valid.all() else texts.drop_null())
    return Utf8(rows.offsets.copy(), rows.data, valid)  # own offsets, since kernels compile anew for read-only ones


def split(text: str, pattern: Pattern) -> list[str]:
    """The pre-tokens of one text, for people and tests."""
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    starts = np.empty(len(data) + 16, dtype=np.int64)
    num = pretoken_flags.split_row(data, 0, len(data), splitter(pattern), pretoken_flags.make_room(), starts)
    return [data[a:b].tobytes().decode() for a, b in itertools.pairwise(starts[: num + 1].tolist())]


def as_json(pattern: str) -> dict[str, Any]:
    """The `pre_tokenizer` entry of a tokenizer.json; a pattern that is not one of ours is a regular expression."""
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": pattern == "gpt2"}
    if pattern == "gpt2":
        return level
    expression = GPT4_REGEX if pattern == "gpt4" else pattern
    split = {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [split, level]}


def from_json(entry: dict[str, Any] | None) -> Pattern | None:
    """The pattern that a `pre_tokenizer` entry means; None where it is neither of ours. `trim_offsets` does not touch ids."""
    for pattern in PATTERNS:
        if entry is not None and _without_offsets(entry) == _without_offsets(as_json(pattern)):
            return pattern
    return None


def _without_offsets(entry: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {"use_regex": True} if entry.get("type") == "ByteLevel" else {}
    kept |= {k: v for k, v in entry.items() if k != "trim_offsets"}
    if isinstance(kept.get("pretokenizers"), list):
        kept["pretokenizers"] = [_without_offsets(e) for e in kept["pretokenizers"]]
    return kept
