"""Sixty-four bytes at a time: which of them are of a kind, as the bits of one number, the first byte lowest.

A vector of 64 bytes is compared as a whole; what the machine has no single instruction for, the compiler takes apart. Bytes are read from a pointer or an
array (`pointers.py`) that nobody checks: the caller knows that `at + 64` (8 for `load8`) bytes are there.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

WIDTH = 64
_BYTE, _WORD = ir.IntType(8), ir.IntType(64)
_VECTOR = ir.VectorType(_BYTE, WIDTH)


def _first(context, builder, there, value):
    """The address of the first byte of an array or pointer."""
    return value if isinstance(there, types.CPointer) else context.make_array(there)(context, builder, value).data


def _load(context, builder, there, args, of):
    """Read a value of an LLVM type at a byte that need not be aligned."""
    place = builder.gep(_first(context, builder, there, args[0]), [args[1]])
    read = builder.load(builder.bitcast(place, of.as_pointer()))
    read.align = 1
    return read


def _splat(builder, value):
    one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH))


@intrinsic
def load8(typing, there, at):
    """Bytes at … at + 7 as one uint64, the first lowest."""

    def made(context, builder, signature, args):
        return _load(context, builder, there, args, _WORD)

    return types.uint64(there, types.int64), made


@intrinsic
def store8(typing, there, at, word):
    """Write a uint64 as bytes at … at + 7, the lowest first."""

    def made(context, builder, signature, args):
        place = builder.gep(_first(context, builder, there, args[0]), [args[1]])
        builder.store(args[2], builder.bitcast(place, _WORD.as_pointer())).align = 1
        return context.get_dummy_value()

    return types.void(there, types.int64, types.uint64), made


@intrinsic
def within(typing, there, at, fold, low, high):
    """uint64: which of 64 bytes, with the bits of `fold` set, lie between two bytes, both included (uint8)."""

    def made(context, builder, signature, args):
        data = builder.or_(_load(context, builder, there, args, _VECTOR), _splat(builder, args[2]))
        reach = _splat(builder, builder.sub(args[4], args[3]))
        return builder.bitcast(builder.icmp_unsigned("<=", builder.sub(data, _splat(builder, args[3])), reach), _WORD)

    return types.uint64(there, types.int64, types.uint8, types.uint8, types.uint8), made


@intrinsic
def ones(typing, bits):
    """How many bits are set."""

    def made(context, builder, signature, args):
        return builder.ctpop(args[0])

    return types.int64(types.uint64), made


@intrinsic
def below(typing, bits):
    """How many bits lie below the lowest that is set; 64 where none is."""

    def made(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), made
