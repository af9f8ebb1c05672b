"""Kernels beside the encoder: tokens of pieces to documents, and what a tokenizer's report counts. One pass each, nothing held."""

import numpy as np

from curate.kernels.compiled import njit


@njit(nogil=True, cache=True)
def join_pieces(tokens, ends, begins, boundary, out, n, out_ends):
    """Pieces of documents into out[n:]: the boundary token before each piece that begins one (bool), then the piece's tokens, which end at ends[i]
    in `tokens` (uint16 or uint32). out_ends[i] = end of piece i in out. Returns the end of the last."""
    k = 0
    for i in range(len(ends)):
        if begins[i]:
            out[n] = boundary
            n += 1
        length = ends[i] - k
        for j in range(length):
            out[n + j] = tokens[k + j]
        n, k = n + length, ends[i]
        out_ends[i] = n
    return n


@njit(nogil=True, cache=True)
def count_words(offsets, data, out):
    """out[i] (int64) = runs of bytes above the blank in data[offsets[i]:offsets[i + 1]]."""
    for i in range(len(out)):
        begin, end = offsets[i], offsets[i + 1]
        count = np.int64(begin < end and data[begin] > 0x20)
        for p in range(begin + 1, end):
            count += np.int64((data[p] > 0x20) & (data[p - 1] <= 0x20))
        out[i] = count


@njit(nogil=True, cache=True)
def note_used(tokens, used):
    """used[token] = True (bool) for every token."""
    for token in tokens:
        used[token] = True
