"""One scan of a text for all stages that stand on it, without their knowing of each other.

A stage asks `words` for the tokens and counts of its text column. Alone it gets them made; in the engine a walk holds one `Shared` a batch, which remembers
them for the text as it is: a stage after it, of the same rows or of fewer, finds them. A text that was replaced is another text and is scanned
anew; a stage that replaces it and knows the number of its tokens may leave that with `leave_tokens`. Nothing outlives the batch,
and a scan larger than MOST_BYTES is not kept.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import pyarrow as pa

from curate.words import Method, Words, scanned

MOST_BYTES = 1 << 28


class Shared:
    """What is known of the text of one batch; row numbers are the batch's."""

    def __init__(self) -> None:
        self._text: pa.Array | None = None
        self._view: pa.Array | None = None
        self._rows = np.empty(0, dtype=np.int64)
        self._words: dict[Method, Words] = {}
        self._tokens: tuple[Method, np.ndarray] | None = None
        self._left: tuple[pa.Array, np.ndarray, Method] | None = None

    @contextmanager
    def over(self, text: pa.Array, view: pa.Array, rows: np.ndarray) -> Iterator[None]:
        """While a stage measures `view`, the given rows of the batch's text."""
        if self._text is None or not _same(self._text, text):
            self._text, self._words, self._tokens = text, {}, None
        self._view, self._rows, self._left = view, rows, None
        token = _SHARED.set(self)
        try:
            yield
        finally:
            _SHARED.reset(token)

    def replaced(self, made: pa.Array, rows: np.ndarray, text: pa.Array) -> None:
        """The batch's text is now `text`, in which `made` stands at the given rows."""
        left = self._left
        self._text, self._words, self._tokens, self._left = text, {}, None, None
        if left is not None and _same(left[0], made):
            tokens = np.full(len(text), -1, dtype=np.int64)
            tokens[rows] = left[1]
            self._tokens = left[2], tokens

    def words(self, array: pa.Array, method: Method) -> Words:
        """The words of a column, remembered where it is the one that is measured."""
        if self._view is None or not _same(self._view, array):
            return scanned(array, method)
        known = self._words.get(method)
        if known is not None and np.all(known.firsts[self._rows] >= 0):
            return known.of(self._rows)
        made = scanned(array, method)
        self._words.pop(method, None)
        if sum(part.nbytes for known in (made, *self._words.values()) for part in known) <= MOST_BYTES:
            self._words[method] = self._spread(made)
        return made

    def _spread(self, made: Words) -> Words:
        """The words of the measured rows, at their places in the batch; firsts of other rows are −1."""
        length = len(self._text) if self._text is not None else 0
        firsts, lasts = np.full(length, -1, dtype=np.int64), np.full(length, -1, dtype=np.int64)
        counts, cut = np.zeros((length, made.counts.shape[1]), dtype=np.int64), np.zeros(length, dtype=np.int64)
        firsts[self._rows], lasts[self._rows], counts[self._rows], cut[self._rows] = made.firsts, made.lasts, made.counts, made.cut
        return made._replace(firsts=firsts, lasts=lasts, counts=counts, cut=cut)

    def num_tokens(self, array: pa.Array, method: Method) -> np.ndarray | None:
        """How many tokens each row has, where a stage left that."""
        if self._tokens is None or self._tokens[0] != method or self._view is None or not _same(self._view, array):
            return None
        found = self._tokens[1][self._rows]
        return found if np.all(found >= 0) else None

    def leave(self, array: pa.Array, tokens: np.ndarray, method: Method) -> None:
        """Remember the numbers of tokens of a text that a stage is about to return."""
        self._left = array, tokens, method


_SHARED: ContextVar[Shared | None] = ContextVar("shared", default=None)


def words(array: pa.Array, method: Method = "english") -> Words:
    """The tokens and counts of a string column by a method of `curate/words.py`; made once for the stages of a segment that stand on it. A row of 4 GiB or
    more: ValueError."""
    shared = _SHARED.get()
    return scanned(array, method) if shared is None else shared.words(array, method)


def num_tokens(array: pa.Array, method: Method = "english") -> np.ndarray:
    """int64[rows]: how many tokens each row has."""
    shared = _SHARED.get()
    known = None if shared is None else shared.num_tokens(array, method)
    if known is not None:
        return known
    found = words(array, method)
    return found.lasts - found.firsts


def leave_tokens(array: pa.Array, tokens: np.ndarray, method: Method = "english") -> None:
    """Say how many tokens the rows of a text have that this stage returns (int64[rows])."""
    shared = _SHARED.get()
    if shared is not None:
        shared.leave(array, tokens, method)


def _same(one: pa.Array, other: pa.Array) -> bool:
    """Whether two arrays are one piece of memory. Both are held, so an address cannot have been given to another."""
    return one is other or (
        len(one) == len(other) and one.offset == other.offset and one.type == other.type and _places(one) == _places(other)
    )


def _places(array: pa.Array) -> list[int | None]:
    return [None if buffer is None else buffer.address for buffer in array.buffers()]
