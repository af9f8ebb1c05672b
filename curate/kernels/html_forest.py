"""Boosted trees over blocks that stand in lanes: every node of a tree is compared for 64 blocks at once, and no branch is taken.

A tree is a full one of DEPTH levels over bytes (`html_bytes.py`); a shallower one is filled up. From the leaves to the root each node chooses, lane
by lane, between what its children chose: 63 comparisons and 63 choices of vectors, fewer than the walks of 64 blocks take steps, and with nothing
to wait for (the idea of QuickScorer, Lucchese et al. 2015, in full trees). Leaves are integers, so that their sum has no order.
Price: 1.3 ns a tree and block with AVX-512.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from curate.kernels.compiled import njit
from curate.kernels.html_bytes import LANES, turned
from curate.kernels.html_trees import logistic
from curate.kernels.pointers import pointer, shifted

DEPTH = 6
INNER, LEAVES = 2**DEPTH - 1, 2**DEPTH
"""A tree has at most so many levels."""
UNIT = 10_000
"""Leaves are int16, 1e-4 of log-odds."""
_BYTE, _SHORT, _INT, _LONG = (ir.IntType(bits) for bits in (8, 16, 32, 64))


def _spread(builder, word, kind):
    """A vector of LANES numbers of a kind with the same in each lane, from a word of 32 bits that repeats it: a broadcast of a word from memory is a
    load and no more, one of a byte is a load and a shuffle."""
    size = LANES * kind.width // 32
    words = ir.VectorType(_INT, size)
    first = builder.insert_element(ir.Constant(words, ir.Undefined), word, ir.Constant(_INT, 0))
    each = builder.shuffle_vector(first, ir.Constant(words, ir.Undefined), ir.Constant(ir.VectorType(_INT, size), [0] * size))
    return builder.bitcast(each, ir.VectorType(kind, LANES))


def _vector(builder, kind, there):
    """The address of LANES numbers, whatever it is a multiple of."""
    return builder.bitcast(there, ir.VectorType(kind, LANES).as_pointer())


@intrinsic
def _add_leaves(typing, lanes, offset, bound, value, totals):
    """Adds to totals int32[LANES] the leaves of one tree that the lanes reach. lanes: bytes of a group; offset int32, bound uint32 [INNER]: a lane goes
    right at node i where its byte at offset[i] is above bound[i]; value uint32[LEAVES]; all of them pointers."""

    def made(context, builder, signature, args):
        lanes, offset, bound, value, totals = args

        def loaded(base, at):
            return builder.load(builder.gep(base, [ir.Constant(_LONG, at)]))

        def chosen(node):
            if node >= INNER:
                return _spread(builder, loaded(value, node - INNER), _SHORT)
            low, high = chosen(2 * node + 1), chosen(2 * node + 2)
            row = builder.gep(lanes, [builder.sext(loaded(offset, node), _LONG)])
            found = builder.load(_vector(builder, _BYTE, row), align=1)
            return builder.select(builder.icmp_unsigned(">", found, _spread(builder, loaded(bound, node), _BYTE)), high, low)

        there = _vector(builder, _INT, totals)
        leaves = builder.sext(chosen(0), ir.VectorType(_INT, LANES))
        builder.store(builder.add(builder.load(there, align=4), leaves), there, align=4)
        return context.get_dummy_value()

    return types.void(lanes, offset, bound, value, totals), made


def repeated(numbers):
    """uint32: the bits of uint8 or int16 numbers, four or two times side by side."""
    return numbers.view(f"u{numbers.itemsize}").astype(np.uint32) * np.uint32(0x01010101 if numbers.itemsize == 1 else 0x00010001)


@njit(nogil=True, cache=True)
def judge(cells, rows, offset, bound, value, p):
    """p[b] = probability (of ONE) that block b is content, for the blocks b in rows (int32).

    cells: uint8[blocks, features], at least LANES features. offset int32[trees, INNER] (feature times LANES), bound uint32[trees, INNER]: the children of
    node i are 2i + 1, taken where the feature is not above the bound, and 2i + 2; value uint32[trees, LEAVES], int16 in units of UNIT: both as `repeated`.
    """
    n, width, trees = len(rows), np.int64(cells.shape[1]), len(offset)
    table, places, totals = np.empty((width, LANES), np.uint8), np.empty(LANES, np.int64), np.empty(LANES, np.int32)
    x, o, t, v, group, total = pointer(cells), pointer(offset), pointer(bound), pointer(value), pointer(table), pointer(totals)
    for first in range(0, n, LANES):
        last = min(first + LANES, n)
        turned(x, width, rows, first, last, places, group)
        totals[:] = 0
        for tree in range(trees):
            inner = tree * INNER
            _add_leaves(group, shifted(o, inner), shifted(t, inner), shifted(v, tree * LEAVES), total)
        for at in range(first, last):
            p[rows[at]] = logistic(totals[at - first] / UNIT)
