"""The tokens around a document: the recipe's `shards.boundary`, how rows come to have them, and the proof that they do.

    first   the boundary token before each text, none behind it: what `Encoder` gives
    last    behind each text, none before it
    both    `bos` before it (the boundary token where the recipe names none), the boundary token behind it

Whatever the policy, a document's tokens do not depend on its neighbours, and text that spells one of these tokens never makes it, so their number
in a corpus is known: that is what `check_around` holds rows to.
"""

import numpy as np

from curate.errors import ShardError

FIRST, LAST, BOTH = POLICIES = ("first", "last", "both")


def framed(offsets: np.ndarray, tokens: np.ndarray, before: int | None, behind: int | None) -> tuple[np.ndarray, np.ndarray]:
    """(offsets int64[n + 1], tokens) of documents under a policy, from those of `Encoder`, which has the boundary token first in each.

    Without `behind` they are returned as they are. A document without tokens (of a null text) stays one.
    """
    if behind is None:
        return offsets, tokens
    if before is None:  # all the same token: moving each behind its document is moving the whole by one
        return offsets, np.concatenate([tokens[1:], tokens[:1]])
    there = np.diff(offsets) > 0
    wider = offsets.copy()
    wider[1:] += np.cumsum(there)
    out = np.empty(int(wider[-1]), dtype=tokens.dtype)
    of_text = np.ones(len(out), dtype=np.bool_)
    of_text[wider[1:][there] - 1] = False
    out[of_text] = tokens
    out[wider[1:][there] - 1] = behind
    out[wider[:-1][there]] = before
    return wider, out


def bare(tokens: np.ndarray, before: int | None, behind: int | None) -> np.ndarray:
    """The tokens of a whole document without those around it; a view."""
    return tokens[before is not None : len(tokens) - (behind is not None)]


def check_around(
    offsets: np.ndarray, tokens: np.ndarray, piece: np.ndarray, pieces: np.ndarray, before: int | None, behind: int | None
) -> None:
    """ShardError unless each document has the tokens of the policy where they belong, and nowhere else; row i is piece[i] of pieces[i]."""
    starts, ends = piece == 0, piece + 1 == pieces
    found = np.zeros(len(piece), dtype=np.bool_)
    if before is not None:
        found = tokens[offsets[:-1]] == before if len(tokens) else found
        wrong = found != starts if before != behind else starts & ~found
        _refuse(wrong, piece, f"the boundary token {before} first in each document", "put it there, and on no later piece")
    if behind is not None:
        found = tokens[offsets[1:] - 1] == behind if len(tokens) else found
        _refuse(ends & ~found, piece, f"the boundary token {behind} last in each document", "put it there, on the last piece")
    for token in {before, behind} - {None}:
        expected = int(starts.sum()) * (token == before) + int(ends.sum()) * (token == behind)
        count = int(np.count_nonzero(tokens == token))
        if count != expected:
            each = "one" if before != behind else "two"
            raise ShardError(
                f"shard: expected {expected} boundary tokens, {each} a document, got {count}; encode special-token text as plain text"
            )


def _refuse(wrong: np.ndarray, piece: np.ndarray, expected: str, advice: str) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ShardError(f"shard row {row}: expected {expected}, got {piece[row]}; {advice}")
