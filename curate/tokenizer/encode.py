"""From text to token ids, Arrow in and numpy out.

Every document begins with the boundary token, once; its text never makes a special token, whatever it spells. A document longer than 64
KiB is encoded in pieces, cut where the tokenizer would cut anyway, so that neither 100 MB in one document nor one endless word can blow
up; only a pre-token longer than 64 KiB is cut inside, which all backends do alike.

`Encoder` takes the fastest backend that gives the ids of `tokenizers` on a probe: `gigatoken` where it is installed, the kernel of ours
for byte-level BPE with the pattern of GPT-2 or GPT-4, else `tokenizers` itself; `backend` and `passed_over` say which and why.
tests/bench/bench_tokenizer.py measures them.
"""

import itertools
import logging
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from curate.arrow import Utf8
from curate.errors import ShardError
from curate.kernels import pretokens
from curate.kernels.token_rows import join_pieces
from curate.tokenizer import pretokenize
from curate.tokenizer.backends import BACKENDS, GROUP_BYTES, MAX_PIECE_BYTES, Backend, TokenizersBackend, UnfitError, differs
from curate.tokenizer.file import Facts, parse, read, unwritten
from curate.tokenizer.probe import _Dice, probe_texts
from curate.tokenizer.unicode_classes import classes

log = logging.getLogger(__name__)

MAX_SEAMLESS_BYTES = 1 << 22
"""How long a piece grows where no cut is found that changes nothing, with a pattern that is not one of ours."""
SEAM_BYTES = 256
"""How much text on both sides of a cut is encoded to see that the cut changes nothing, where the pattern is not one of ours."""


class _Loaded(NamedTuple):
    facts: Facts
    backend: Backend
    name: str
    passed_over: dict[str, str]


class Encoder:
    """Encodes texts with one tokenizer; crosses a process boundary as the bytes of its file.

    `tokenizer_json`: the bytes of a tokenizer.json. `end`: the token between documents, where it has an unusual name. `backend`: kernel,
    gigatoken or tokenizers, to insist on one. ShardError where the file is no tokenizer, has no such token, or the wanted backend does
    not give the same ids.
    """

    def __init__(self, tokenizer_json: bytes, end: str | None = None, backend: str | None = None):
        self._made_from = (tokenizer_json, end, backend)
        self.facts, self._backend, self.backend, self.passed_over = _load(tokenizer_json, end, backend)
        self.vocab_size = self.facts.vocab_size
        self.eos_token, self.eos_id = self.facts.end, self.facts.end_id
        self.dtype = np.dtype(self.facts.dtype)

    def __reduce__(self) -> tuple[type["Encoder"], tuple[bytes, str | None, str | None]]:
        return Encoder, self._made_from

    def encode(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """(offsets int64[n + 1], tokens uint16 or uint32) of a (large_)string array: document i is tokens[offsets[i]:offsets[i + 1]].

        Its first token is the boundary token. A null text has no tokens; an empty one has the boundary token only.
        """
        rows = pretokenize.present(texts)
        pieces, ends, last = self._pieces(rows)
        tokens, piece_ends = self._encoded(pieces, ends, last)
        lengths = np.zeros(len(texts), dtype=np.int64)
        lengths[rows.valid] = np.diff(piece_ends[last - 1], prepend=0)
        offsets = np.zeros(len(texts) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return offsets, tokens

    def _encoded(self, pieces: Utf8, ends: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(tokens of all documents, end of each piece in them). Some megabytes at a time, so that what the backend works in stays in the cache and is
        not asked of the system anew; beside that there is nothing but the tokens."""
        starts = pieces.offsets[:-1]
        sums = np.cumsum(ends - starts)
        total = int(sums[-1]) if len(sums) else 0
        begins = np.zeros(len(ends), dtype=np.bool_)
        begins[np.concatenate(([0], last[:-1]))[: len(last)]] = True
        edges = np.unique(np.append(np.searchsorted(sums, np.arange(0, total, GROUP_BYTES)), len(sums)))
        out, out_ends, n = np.empty(0, dtype=self.dtype), np.empty(len(ends), dtype=np.int64), 0
        for low, high in itertools.pairwise([0, *edges.tolist()]):
            group = Utf8(pieces.offsets[low : high + 1], pieces.data, pieces.valid)
            tokens, their_ends = self._backend.encode(group, ends[low:high])
            room = n + len(tokens) + high - low
            if room > len(out):  # as much as it will be, by what it is so far; what is not used is never touched
                done, out = out[:n], np.empty(max(room, int(room / max(1, sums[high - 1]) * total * 1.02)), dtype=self.dtype)
                out[:n] = done
            n = join_pieces(tokens, their_ends, begins[low:high], self.eos_id, out, n, out_ends[low:high])
        return out[:n], out_ends

    def _pieces(self, rows: Utf8) -> tuple[Utf8, np.ndarray, np.ndarray]:
        """(pieces, their ends, number of pieces up to and with each document)."""
        starts, ends = rows.offsets[:-1], rows.offsets[1:]
        if not (ends - starts > MAX_PIECE_BYTES).any():
            return rows, ends, np.arange(1, len(ends) + 1)
        long = np.flatnonzero(ends - starts > MAX_PIECE_BYTES)
        cuts = [self._cut(rows.data, int(starts[i]), int(ends[i])) for i in long]
        counts = np.ones(len(ends), dtype=np.int64)
        counts[long] = [len(cut) for cut in cuts]
        last = np.cumsum(counts)
        all_ends = np.empty(last[-1], dtype=np.int64)
        all_ends[last - 1] = ends
        for i, cut in zip(long, cuts, strict=True):
            all_ends[last[i] - len(cut) : last[i]] = cut
        begins = np.concatenate(([0], all_ends))
        begins[np.concatenate(([0], last[:-1]))] = starts
        return Utf8(begins, rows.data, rows.valid), all_ends, last

    def _cut(self, data: np.ndarray, start: int, end: int) -> np.ndarray:
        """Ends of the pieces of one long document."""
        if self.facts.pattern is not None:
            # two pieces in a row are together longer than the limit, but for the rest of a cut word
            out = np.empty(4 * ((end - start) // MAX_PIECE_BYTES) + 8, dtype=np.int64)
            splitter = pretokenize.splitter(self.facts.pattern)
            return out[: pretokens.cut_ends(data, start, end, classes(), splitter, MAX_PIECE_BYTES, out)].copy()
        return np.array(cut_unknown(data[start:end], lambda text: self._ids(text))) + start

    def _ids(self, text: bytes) -> np.ndarray:
        piece = Utf8(np.array([0, len(text)]), np.frombuffer(text, dtype=np.uint8), np.ones(1, dtype=np.bool_))
        return self._backend.encode(piece, piece.offsets[1:])[0].copy()


def cut_unknown(data: np.ndarray, ids: Callable[[bytes], np.ndarray], max_seamless: int = MAX_SEAMLESS_BYTES) -> list[int]:
    """Ends of pieces for a pattern that is not ours: cut before a blank where the ids on both sides show no seam, at the first such place
    beyond half of MAX_PIECE_BYTES, looked for in windows; where there is none within `max_seamless`, between characters."""
    cuts: list[int] = []
    start = 0
    while len(data) - start > MAX_PIECE_BYTES:
        cut, low = None, start + MAX_PIECE_BYTES // 2
        while cut is None and low < min(start + max_seamless, len(data) - 1):
            high = min(low + MAX_PIECE_BYTES // 2, len(data) - 1)
            blanks = low + np.flatnonzero((data[low + 1 : high] == pretokens.BLANK) & (data[low : high - 1] > pretokens.BLANK)) + 1
            cut = next((int(at) for at in blanks[::-1][:8] if _seamless(data, int(at), ids)), None)
            low = high
        if cut is None:
            if len(data) - start <= max_seamless:
                break
            cut = _character_start(data, start + max_seamless)
        cuts.append(cut)
        start = cut
    return [*cuts, len(data)]


def _seamless(data: np.ndarray, at: int, ids: Callable[[bytes], np.ndarray]) -> bool:
    low, high = (_character_start(data, min(max(at + d, 0), len(data))) for d in (-SEAM_BYTES, SEAM_BYTES))
    left, right = data[low:at].tobytes(), data[at:high].tobytes()
    return np.array_equal(ids(left + right), np.concatenate((ids(left), ids(right))))


def _character_start(data: np.ndarray, at: int) -> int:
    while 0 < at < len(data) and data[at] & 0xC0 == 0x80:
        at -= 1
    return at


@lru_cache(maxsize=8)
def _load(tokenizer_json: bytes, end: str | None, wanted: str | None) -> _Loaded:
    """The tokenizer with the first backend that fits it and agrees with `tokenizers`."""
    facts = read(tokenizer_json, end)
    if wanted is not None and wanted not in BACKENDS:
        raise ShardError(f"encoder: expected a backend of {sorted(BACKENDS)}, got {wanted!r}; leave it out to take the fastest")
    truth = TokenizersBackend(tokenizer_json, facts.dtype)
    _refuse_injection(facts, truth)
    texts = pa.array([*probe_texts(), *_vocabulary_texts(tokenizer_json)], pa.large_string())
    passed_over: dict[str, str] = {}
    for name in [wanted] if wanted else BACKENDS:
        if name == "tokenizers":
            return _Loaded(facts, truth, name, passed_over)
        try:
            backend = BACKENDS[name](tokenizer_json, facts.dtype)
        except UnfitError as reason:
            passed_over[name] = str(reason)
            continue
        wrong = differs(backend, truth, texts)
        if wrong is None:
            if passed_over:
                log.info("encoding with %s; passed over: %s", name, passed_over)
            return _Loaded(facts, backend, name, passed_over)
        passed_over[name] = f"its ids differ from those of tokenizers on {wrong}"
        log.warning("not encoding with %s: %s", name, passed_over[name])
    raise ShardError(
        f"encoder: expected backend {wanted} to give the ids of tokenizers, got: {passed_over[str(wanted)]}; leave out `backend`"
    )


def _refuse_injection(facts: Facts, truth: Backend) -> None:
    """ShardError if text that spells a special token makes it, as vocabularies do that hold it as a word."""
    special = np.array(sorted({*facts.special_ids.values()} - {facts.unknown_id}))
    for text in facts.special_ids:
        data = np.frombuffer(text.encode(), dtype=np.uint8)
        ids, _ = truth.encode(Utf8(np.array([0, len(data)]), data, np.ones(1, dtype=np.bool_)), np.array([len(data)]))
        if np.isin(ids, special).any():
            raise ShardError(
                f"tokenizer: expected text that spells the special token {text!r} to be encoded as text, got ids {ids.tolist()[:8]}; "
                "take the token out of the model's vocabulary"
            )


def _vocabulary_texts(tokenizer_json: bytes) -> list[str]:
    """256 texts made of tokens of this very vocabulary, so that the probe reaches merges which the fixed texts do not."""
    names = [token for token in parse(tokenizer_json)["model"]["vocab"] if isinstance(token, str)]
    dice = _Dice(len(names))
    picked = ([names[dice.below(len(names))] for _ in range(12)] for _ in range(256 if names else 0))
    return [b"".join(unwritten(name) or b"" for name in names).decode("utf-8", "replace") for names in picked]
