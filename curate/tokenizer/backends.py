"""Three ways to turn pieces of text into ids: a kernel of ours, `gigatoken`, and `tokenizers`, which is the truth the others are held to.

A backend gets pieces that are cut already (`curate.tokenizer.encode`) and returns their ids without any special token: text that spells
one is text. They are built from a tokenizer.json without its special tokens, since `gigatoken` turns such text into special ids whatever
one asks.
"""

import json
import mmap
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from curate.arrow import Utf8
from curate.kernels import bpe_encode
from curate.kernels.pretoken_states import CHUNK
from curate.tokenizer import pretokenize
from curate.tokenizer.file import byte_characters, parse

MAX_PIECE_BYTES = 1 << 16
"""A longer document is encoded in pieces of at most this many bytes."""
RENEW_BYTES = 256 << 20
"""`gigatoken` keeps what it has seen; when that has come to so much it starts anew. Prose fills it in a gigabyte or more, made-up words in 40 MB."""
MEMORY_ROWS = (1 << 16, 1 << 21)
"""Rows of the kernel's memory of pre-tokens, at first and at most; half of them are used, and a row takes 48 bytes with what it points at:
100 MB at most."""
GROUP_BYTES = 1 << 22
"""So much text is given to a backend at once, but for a longer piece."""


class Backend(Protocol):
    """Ids of pieces that follow one another without a gap."""

    def encode(self, pieces: Utf8, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(ids one piece after another, unsigned; end of each piece in them); piece i is pieces.data[pieces.offsets[i]:ends[i]]. Good until the
        next call."""


class UnfitError(Exception):
    """A backend cannot serve this tokenizer; the message says why."""


def without_specials(tokenizer_json: bytes) -> dict[str, Any]:
    """The tokenizer with its special tokens no longer looked for in text. Added tokens that are not special, such as runs of blanks,
    stay."""
    whole = parse(tokenizer_json)
    whole["added_tokens"] = [token for token in whole.get("added_tokens") or [] if not token.get("special")]
    return whole | {"post_processor": None, "truncation": None, "padding": None}


class KernelBackend:
    """Byte-level BPE with one of our two patterns."""

    def __init__(self, tokenizer_json: bytes, dtype: str):
        whole = without_specials(tokenizer_json)
        model, self.dtype = whole["model"], np.dtype(dtype)
        pattern = pretokenize.from_json(whole.get("pre_tokenizer"))
        odd = [
            key
            for key in ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "ignore_merges")
            if model.get(key)
        ]
        if model.get("type", "BPE") != "BPE" or odd or pattern is None or whole.get("normalizer") or whole["added_tokens"]:
            raise UnfitError("it is not plain byte-level BPE with the pattern of GPT-2 or GPT-4")
        vocabulary: dict[str, int] = model["vocab"]
        pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in model.get("merges") or []]
        try:
            byte_ids = np.array([vocabulary[c] for c in byte_characters()], dtype=np.int32)
            ids = np.array([(vocabulary[a], vocabulary[b], vocabulary[a + b]) for a, b in pairs], dtype=np.int32).reshape(-1, 3).T.copy()
        except (KeyError, ValueError) as error:
            raise UnfitError(f"its vocabulary lacks {error}") from None
        self.splitter = pretokenize.splitter(pattern)
        self.merges = bpe_encode.merge_table(ids[0], ids[1], ids[2], byte_ids)
        self.memory, self.room = _memory(MEMORY_ROWS[0]), np.empty(0, dtype=self.dtype)
        symbols, before, after = np.empty((3, MAX_PIECE_BYTES), dtype=np.int32)
        heap, starts = np.empty(3 * MAX_PIECE_BYTES, dtype=np.uint64), np.empty(CHUNK + 16, dtype=np.int64)
        self.bench = bpe_encode.Bench(symbols, before, after, heap, starts)

    def encode(self, pieces: Utf8, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Backend`."""
        starts = pieces.offsets[:-1]
        total = int((ends - starts).sum())
        if len(self.room) < total + 4:
            self.room = np.empty(total + 4, dtype=self.dtype)
        row_ends = np.empty(len(starts), dtype=np.int64)
        end = bpe_encode.encode_rows(starts, ends, pieces.data, self.splitter, self.merges, self.memory, self.bench, self.room, row_ends, 0)
        self._grow()
        return self.room[:end], row_ends

    def _grow(self) -> None:
        old = self.memory
        if 8 * old.size[0] <= 3 * len(old.table) or len(old.table) >= MEMORY_ROWS[1]:
            return
        wider = _memory(2 * len(old.table))
        bpe_encode.refill(old, wider.table)
        for name in ("data", "tokens", "size"):
            getattr(wider, name)[: len(getattr(old, name))] = getattr(old, name)
        self.memory = wider


def _memory(rows: int) -> bpe_encode.Memory:
    """An empty memory; no row of its table lies in two cache lines."""
    raw = np.zeros(4 * rows + 8, dtype=np.uint64)
    table = raw[-raw.ctypes.data % 64 // 8 :][: 4 * rows].reshape(rows, 4)
    return bpe_encode.Memory(table, np.empty(8 * rows, np.uint8), np.empty(2 * rows, np.int32), np.zeros(3, np.int64))


class GigatokenBackend:
    """`gigatoken` (extra `fast`), on the calling thread."""

    def __init__(self, tokenizer_json: bytes, dtype: str):
        try:
            import gigatoken
        except ImportError as error:
            raise UnfitError(f"gigatoken is not installed ({error})") from None
        self.json, self.dtype = json.dumps(without_specials(tokenizer_json), ensure_ascii=False), np.dtype(dtype)
        self.room, self.held = np.empty(0, dtype=self.dtype), 0
        self.load = gigatoken.Tokenizer.from_json
        try:
            self.loaded = self.load(self.json)
        except Exception as error:  # whatever its Rust side says: it cannot serve
            raise UnfitError(f"gigatoken cannot load it ({error})") from None

    def encode(self, pieces: Utf8, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Backend`."""
        if len(ends) == 0:
            return np.empty(0, dtype=self.dtype), np.empty(0, dtype=np.int64)
        before = _resident_bytes()
        num, row_ends = self._encode(pieces, ends)
        self.held += _resident_bytes() - before if before else int(ends[-1] - pieces.offsets[0])
        if self.held > RENEW_BYTES:
            self.loaded, self.held = self.load(self.json), 0
        return self.room[:num], row_ends

    def _encode(self, pieces: Utf8, ends: np.ndarray) -> tuple[int, np.ndarray]:
        """(number of ids in the room, end of each piece in them); nothing else of what `gigatoken` returns is left."""
        layout = self.loaded.encode_batch(self._rows(pieces, ends), parallel=False).layout.to_ListOffsetArray64(True)
        ids = np.asarray(layout.content.data)
        if len(self.room) < len(ids):
            self.room = np.empty(len(ids) + len(ids) // 4, dtype=self.dtype)
        self.room[: len(ids)] = ids
        return len(ids), np.asarray(layout.offsets.data)[1:].astype(np.int64)

    @staticmethod
    def _rows(pieces: Utf8, ends: np.ndarray) -> Any:
        """The pieces as an awkward array over the same buffer."""
        import awkward

        start = pieces.offsets[0]
        offsets = np.concatenate(([0], ends - start))
        content = awkward.contents.NumpyArray(pieces.data[start : ends[-1]], parameters={"__array__": "byte"})
        rows = awkward.contents.ListOffsetArray(awkward.index.Index64(offsets), content, parameters={"__array__": "bytestring"})
        return awkward.Array(rows)


def _resident_bytes() -> int:
    """Memory that this process has touched; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb", buffering=0) as file:
            return int(file.read().split()[1]) * mmap.PAGESIZE
    except OSError:
        return 0


class TokenizersBackend:
    """`tokenizers`: any tokenizer, slowly; it makes a Python integer a token, piece by piece."""

    def __init__(self, tokenizer_json: bytes, dtype: str):
        from tokenizers import Tokenizer

        self.dtype = np.dtype(dtype)
        self.loaded = Tokenizer.from_str(json.dumps(without_specials(tokenizer_json), ensure_ascii=False))

    def encode(self, pieces: Utf8, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Backend`."""
        data = memoryview(pieces.data)  # type: ignore[arg-type]
        # one by one, on this thread: worker processes are what runs in parallel, and its thread pool does not survive a fork
        texts = (str(data[a:b], "utf-8") for a, b in zip(pieces.offsets[:-1], ends, strict=True))
        rows = [np.array(self.loaded.encode(text, add_special_tokens=False).ids, dtype=self.dtype) for text in texts]
        tokens = np.concatenate(rows) if rows else np.empty(0, dtype=self.dtype)
        return tokens, np.cumsum([len(row) for row in rows], dtype=np.int64)


BACKENDS: dict[str, type[KernelBackend] | type[GigatokenBackend] | type[TokenizersBackend]] = {
    "gigatoken": GigatokenBackend,
    "kernel": KernelBackend,
    "tokenizers": TokenizersBackend,
}
"""In order of preference."""


def differs(candidate: Backend, truth: Backend, texts: pa.Array) -> str | None:
    """None if both give the same ids to every text, else the first text on which they differ, shortened."""
    rows = pretokenize.present(texts)
    pieces, ends = Utf8(rows.offsets, rows.data, rows.valid), rows.offsets[1:]
    (left, left_ends), (right, right_ends) = candidate.encode(pieces, ends), truth.encode(pieces, ends)
    starts = [np.concatenate(([0], e[:-1])) for e in (left_ends, right_ends)]
    for i in range(len(ends)):
        if not np.array_equal(left[starts[0][i] : left_ends[i]], right[starts[1][i] : right_ends[i]]):
            return repr(texts[i].as_py()[:60])
    return None
