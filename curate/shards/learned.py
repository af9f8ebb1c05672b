"""What is learned of a dialogue: spans of its tokens, and the rejected answer of a preference. Columns of shards that are not of kind `text`.

    learned    large_list<uint32>          start, end, start, end, … in tokens of the row, rising, none empty, none overlapping
    rejected   large_list<uint16|uint32>   kind preference: the tokens of the rejected answer; empty on pieces after the first

Of a preference, tokens before the first learned one are the prompt of both answers.
"""

import numpy as np

from curate.errors import ShardError

Lists = tuple[np.ndarray, np.ndarray]
"""(offsets int64[n + 1], values) of a list column."""


def check_learned(learned: Lists, lengths: np.ndarray) -> None:
    """ShardError unless every row's spans are pairs, rising, not empty and within its tokens (lengths int64[n])."""
    offsets, ends = learned[0], learned[1].astype(np.int64)
    sizes = np.diff(offsets)
    row = np.repeat(np.arange(len(sizes)), sizes)
    same = np.zeros(len(ends), dtype=bool)
    same[1:] = row[1:] == row[:-1]
    odd = (np.arange(len(ends)) - offsets[:-1][row]) % 2 == 1
    before = np.concatenate([[0], ends[:-1]])
    bad = (same & odd & (ends <= before)) | (same & ~odd & (ends < before)) | (ends > lengths[row])
    if (sizes % 2).any():
        at = int(np.flatnonzero(sizes % 2)[0])
        raise ShardError(f"shard row {at}: expected start and end of each learned span, got {sizes[at]} numbers; write pairs")
    if bad.any():
        at = int(row[np.flatnonzero(bad)[0]])
        got = ends[offsets[at] : offsets[at + 1]].tolist()
        raise ShardError(f"shard row {at}: expected rising spans within {lengths[at]} tokens, got {got[:8]}; count in tokens of the row")


def check_rejected(rejected: Lists, piece: np.ndarray, vocab_size: int, eos_id: int) -> None:
    """ShardError unless every first piece has a rejected answer of known tokens, and no other piece one."""
    offsets, tokens = rejected
    wrong = (np.diff(offsets) > 0) != (piece == 0)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ShardError(
            f"shard row {at}: expected a rejected answer on first pieces only, got {np.diff(offsets)[at]} tokens on piece {piece[at]}"
        )
    if len(tokens) and (int(tokens.max()) >= vocab_size or (tokens == eos_id).any()):
        raise ShardError(f"shard: expected rejected answers of ids below {vocab_size} without {eos_id}, got others; encode them as turns")


def by_row(span_offsets: np.ndarray, spans: np.ndarray, document: np.ndarray, piece: np.ndarray, max_tokens: int) -> Lists:
    """The spans of documents as lists of rows: spans[span_offsets[d]:span_offsets[d + 1]] (int64[k, 2]) are document d's, row j is piece[j] of
    document[j], and every piece but a document's last has max_tokens."""
    of = np.repeat(np.arange(len(span_offsets) - 1), np.diff(span_offsets))
    first, last = spans[:, 0] // max_tokens, (spans[:, 1] - 1) // max_tokens
    each = np.repeat(np.arange(len(spans)), last - first + 1)
    number = np.arange(len(each)) - np.repeat(np.cumsum(last - first + 1) - (last - first + 1), last - first + 1) + first[each]
    start = np.maximum(spans[each, 0] - number * max_tokens, 0)
    end = np.minimum(spans[each, 1] - number * max_tokens, max_tokens)
    base = np.zeros(len(span_offsets), dtype=np.int64)
    base[document[piece == 0]] = np.flatnonzero(piece == 0)
    offsets = np.zeros(len(document) + 1, dtype=np.int64)
    np.add.at(offsets, base[of[each]] + number + 1, 2)
    return np.cumsum(offsets), np.stack([start, end], axis=1).ravel().astype(np.uint32)
