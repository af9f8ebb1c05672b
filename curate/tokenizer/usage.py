"""How a tokenizer falls on a corpus: bytes a token and tokens a word by source, language and script, tokens never used, other tokenizers beside
it.

Counted while the corpus is encoded; sums of whole numbers, so that neither order nor partition changes them. Boundary tokens are not counted.
Words are runs of bytes above the blank, so tokens a word say nothing where words are not parted by blanks. The script of a document is that of
most of the letters in its first 1,024 bytes, by blocks of 64 code points. Other tokenizers see a share of the documents, chosen by their
shuffle key. Price: about 3 ns a byte.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from curate.kernels.token_rows import count_words, note_used
from curate.stage import DECIMALS
from curate.tokenizer import pretokenize
from curate.tokenizer.encode import Encoder

HEAD_BYTES = 1024
MEASURES = ("documents", "text_bytes", "words", "tokens")
MISSING = "(none)"
NUM_LISTED = 256
SCRIPTS: tuple[tuple[str, tuple[tuple[int, int], ...]], ...] = (
    ("Latin", ((0xC0, 0x27F), (0x1E00, 0x1EFF), (0x2C40, 0x2C7F), (0xA700, 0xA7FF))),
    ("Greek", ((0x380, 0x3FF), (0x1F00, 0x1FFF))),
    ("Cyrillic", ((0x400, 0x53F), (0x1C80, 0x1CBF), (0xA640, 0xA6BF))),
    ("Armenian", ((0x540, 0x57F),)),
    ("Hebrew", ((0x580, 0x5FF),)),
    ("Arabic", ((0x600, 0x6FF), (0x740, 0x77F), (0x880, 0x8FF), (0xFB40, 0xFDFF), (0xFE80, 0xFEFF))),
    ("Syriac", ((0x700, 0x73F),)),
    ("Devanagari", ((0x900, 0x97F),)),
    ("Bengali", ((0x980, 0x9FF),)),
    ("Gurmukhi", ((0xA00, 0xA7F),)),
    ("Gujarati", ((0xA80, 0xAFF),)),
    ("Oriya", ((0xB00, 0xB7F),)),
    ("Tamil", ((0xB80, 0xBFF),)),
    ("Telugu", ((0xC00, 0xC7F),)),
    ("Kannada", ((0xC80, 0xCFF),)),
    ("Malayalam", ((0xD00, 0xD7F),)),
    ("Sinhala", ((0xD80, 0xDFF),)),
    ("Thai", ((0xE00, 0xE7F),)),
    ("Lao", ((0xE80, 0xEFF),)),
    ("Tibetan", ((0xF00, 0xFFF),)),
    ("Myanmar", ((0x1000, 0x107F),)),
    ("Georgian", ((0x1080, 0x10FF),)),
    ("Hangul", ((0x1100, 0x11FF), (0x3140, 0x317F), (0xAC00, 0xD7BF))),
    ("Ethiopic", ((0x1200, 0x13BF),)),
    ("Khmer", ((0x1780, 0x17FF),)),
    ("Mongolian", ((0x1800, 0x18BF),)),
    ("Kana", ((0x3040, 0x30FF),)),
    ("Han", ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323FF))),
)
"""Blocks whose code points are mostly letters of one script (Unicode, Blocks.txt), rounded to multiples of 64."""

Sums = dict[str, dict[str, list[int]]]
"""Kind of group → value → MEASURES."""


@cache
def _blocks() -> np.ndarray:
    """uint8[0x110000 / 64]: 1 + place in SCRIPTS, or 0."""
    table = np.zeros(0x110000 >> 6, dtype=np.uint8)
    for number, (_, ranges) in enumerate(SCRIPTS, 1):
        for low, high in ranges:
            table[low >> 6 : (high >> 6) + 1] = number
    table.setflags(write=False)
    return table


class Usage:
    """Sums over the documents of one part; `used` notes every token that occurs."""

    def __init__(self, vocab_size: int, others: Mapping[str, Encoder] | None = None):
        self.sums: Sums = {}
        self.compared: dict[str, list[int]] = {}
        self.others = others or {}
        self._used = np.zeros(vocab_size, dtype=np.bool_)

    def add(self, texts: pa.Array, offsets: np.ndarray, tokens: np.ndarray, groups: Mapping[str, pa.Array], sampled: np.ndarray) -> None:
        """A batch as `Encoder.encode` gave it, the columns by which to tell documents apart, and bool[n]: which the others encode."""
        note_used(tokens, self._used)
        lengths = np.diff(offsets)
        valid = np.flatnonzero(lengths > 0)
        view = pretokenize.present(texts)
        counts = np.stack(
            [np.ones(len(valid), dtype=np.int64), np.diff(view.offsets), num_words(view.offsets, view.data), lengths[valid] - 1], axis=1
        )
        taken = {name: column.take(pa.array(valid)) for name, column in groups.items()}
        for name, column in (taken | {"script": pa.array(scripts(view.offsets, view.data))}).items():
            _group(self.sums.setdefault(name, {}), column, counts)
        self._compare(texts.take(pa.array(valid[sampled[valid]])), int(counts[sampled[valid], 3].sum()))

    def _compare(self, texts: pa.Array, own_tokens: int) -> None:
        if not self.others:
            return
        num_bytes = int(np.diff(pretokenize.present(texts).offsets).sum())
        found = {"": own_tokens} | {name: len(encoder.encode(texts)[1]) - len(texts) for name, encoder in self.others.items()}
        for name, num in found.items():
            sums = self.compared.setdefault(name, [0, 0, 0])
            self.compared[name] = [a + b for a, b in zip(sums, (len(texts), num_bytes, num), strict=True)]

    def facts(self) -> dict[str, Any]:
        """The sums as plain values, in the order of their names."""
        sums = {kind: dict(sorted(values.items())) for kind, values in sorted(self.sums.items())}
        return {"sums": sums, "compared": dict(sorted(self.compared.items()))}

    def used(self) -> bytes:
        """One bit a token, the first in the highest bit."""
        return np.packbits(self._used).tobytes()


def _group(sums: dict[str, list[int]], column: pa.Array, counts: np.ndarray) -> None:
    coded = column.cast(pa.string()).dictionary_encode("encode")
    codes, names = coded.indices.to_numpy(zero_copy_only=False), coded.dictionary.to_pylist()
    total = np.zeros((len(names), counts.shape[1]), dtype=np.int64)
    np.add.at(total, codes, counts)
    for name, row in zip(names, total.tolist(), strict=True):
        key = MISSING if name is None else name
        sums[key] = [a + b for a, b in zip(sums.get(key, [0] * len(row)), row, strict=True)]


def num_words(offsets: np.ndarray, data: np.ndarray) -> np.ndarray:
    """int64[n]: runs of bytes above the blank in every row."""
    out = np.empty(len(offsets) - 1, dtype=np.int64)
    count_words(offsets, data, out)
    return out


def scripts(offsets: np.ndarray, data: np.ndarray) -> list[str]:
    """The script of most letters in the head of every row; MISSING where there are none. Equally many: the first in SCRIPTS."""
    lengths = np.minimum(np.diff(offsets), HEAD_BYTES)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    at = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + np.repeat(offsets[:-1], lengths)
    lead = data[at].astype(np.int64)
    plain = ((lead | 0x20) >= 0x61) & ((lead | 0x20) <= 0x7A)
    number = plain.astype(np.int64)
    for low, high, mask, behind in ((0xC0, 0xE0, 0x1F, 0), (0xE0, 0xF0, 0x0F, 1), (0xF0, 0x100, 0x07, 2)):
        wide = np.flatnonzero((lead >= low) & (lead < high))
        block = lead[wide] & mask
        for step in range(1, behind + 1):
            block = (block << 6) | (data[at[wide] + step] & 0x3F)
        number[wide] = _blocks()[block]
    width = len(SCRIPTS) + 1
    counts = np.bincount(rows * width + number, minlength=width * len(lengths)).reshape(-1, width)[:, 1:]
    best = np.where(counts.any(axis=1), counts.argmax(axis=1), -1)
    return [MISSING if place < 0 else SCRIPTS[place][0] for place in best.tolist()]


def merge(sums: Sums, compared: dict[str, list[int]], facts: Mapping[str, Any]) -> None:
    """Add the facts of a part."""
    for kind, values in facts["sums"].items():
        _add(sums.setdefault(kind, {}), values)
    _add(compared, facts["compared"])


def report(sums: Sums, compared: Mapping[str, Sequence[int]], used: bytes, tokenizer_json: bytes) -> dict[str, Any]:
    """The sums of all parts, and the tokens that any of them used, as figures, for `tokenizer/usage.json`."""
    whole = [sum(column) for column in zip(*sums.get("script", {}).values(), strict=True)] or [0] * len(MEASURES)
    vocabulary: dict[int, str] = {}
    model = json.loads(tokenizer_json)
    names = model["model"]["vocab"]
    vocabulary |= {i: token for token, i in names.items()} if isinstance(names, dict) else {i: entry[0] for i, entry in enumerate(names)}
    special = {token["id"] for token in model.get("added_tokens") or [] if token.get("special")}
    bits = np.unpackbits(np.frombuffer(used, dtype=np.uint8))
    unused = [vocabulary[i] for i in sorted(vocabulary) if i not in special and (i >= len(bits) or not bits[i])]
    return {
        "all": _figures(whole),
        **{f"by_{kind}": {name: _figures(values) for name, values in _sorted(groups)} for kind, groups in sorted(sums.items())},
        "num_unused_tokens": len(unused),
        "unused_tokens": unused[:NUM_LISTED],
        "compared": [_compared(name, values) for name, values in sorted(compared.items())],
    }


def _add(into: dict[str, list[int]], values: Mapping[str, Sequence[int]]) -> None:
    for name, row in values.items():
        into[name] = [a + b for a, b in zip(into.get(name, [0] * len(row)), row, strict=True)]


def _sorted(groups: Mapping[str, list[int]]) -> list[tuple[str, list[int]]]:
    """Most text first."""
    return sorted(groups.items(), key=lambda item: (-item[1][1], item[0]))


def _figures(values: Sequence[int]) -> dict[str, Any]:
    found: dict[str, Any] = dict(zip(MEASURES, values, strict=True))
    found["bytes_per_token"] = round(found["text_bytes"] / found["tokens"], DECIMALS) if found["tokens"] else None
    found["tokens_per_word"] = round(found["tokens"] / found["words"], DECIMALS) if found["words"] else None
    return found


def _compared(name: str, values: Sequence[int]) -> dict[str, Any]:
    documents, text_bytes, tokens = values
    per_token = round(text_bytes / tokens, DECIMALS) if tokens else None
    return {
        "tokenizer": name or "this one",
        "documents": documents,
        "text_bytes": text_bytes,
        "tokens": tokens,
        "bytes_per_token": per_token,
    }
