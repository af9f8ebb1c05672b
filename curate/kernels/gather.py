"""Pieces of memory, wherever they lie, one after the other: rows of lists that stand in many buffers are moved once, as the bytes they are."""

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from curate.kernels.compiled import njit
from curate.kernels.pointers import address


@intrinsic
def _copy(typing, to, start, size):
    """`size` bytes from one address to another."""

    def made(context, builder, signature, args):
        into, source = (builder.inttoptr(arg, cgutils.voidptr_t) for arg in args[:2])
        cgutils.raw_memcpy(builder, into, source, args[2], 1)
        return context.get_dummy_value()

    return types.void(types.uintp, types.uintp, types.intp), made


@njit(nogil=True, cache=True)
def gather(starts, sizes, out):
    """Copy sizes[i] (int64) bytes from the address starts[i] (uint64), for all i in order, to out (uint8). Whoever calls holds what lies there."""
    to = address(out)
    for i in range(len(starts)):
        _copy(to, starts[i], sizes[i])
        to += types.uintp(sizes[i])
