"""Plain pointers to the first element of an array, for kernels of many small functions.

An array that goes to a function counts its references, each time an atomic instruction or two; where functions are called for every tag of a page that
was more than half of the time. A pointer counts nothing: whoever makes it must hold the array, and know its size.
"""

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def pointer(typing, array):
    """The array's first element as a pointer, which is indexed like the array (not from its end)."""

    def made(context, builder, signature, args):
        return context.make_array(array)(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), made


@intrinsic
def address(typing, there):
    """The address of a pointer, or of the first element of an array, as uintp."""

    def made(context, builder, signature, args):
        first = args[0] if isinstance(there, types.CPointer) else context.make_array(there)(context, builder, args[0]).data
        return builder.ptrtoint(first, cgutils.intp_t)

    return types.uintp(there), made


@intrinsic
def borrowed(typing, array):
    """The same array, without a claim to its memory: parts of it are taken without counting references."""

    def made(context, builder, signature, args):
        lent = context.make_array(array)(context, builder, args[0])
        lent.meminfo = cgutils.get_null_value(lent.meminfo.type)
        lent.parent = cgutils.get_null_value(lent.parent.type)
        return lent._getvalue()

    return array(array), made


@intrinsic
def shifted(typing, there, by):
    """The pointer so many elements on."""

    def made(context, builder, signature, args):
        return builder.gep(args[0], [args[1]])

    return there(there, by), made
