"""The features of blocks as bytes, in lanes: what trees compare.

A feature is cut into 256 steps that keep its order, fixed by its name and not by data: counts and shares in sixteen steps to the octave (a float
cut after four bits of its mantissa), signed ones in eight or sixteen steps on either side of 128, probabilities in even steps. To be judged, sixty-four
blocks are turned to stand side by side, feature after feature, so that one comparison is made for all of them at once (`html_forest.py`).
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from curate.kernels.compiled import njit
from curate.kernels.html_names import NAMES
from curate.kernels.html_trees import NAMES_OF_CONTEXT, ONE
from curate.kernels.pointers import pointer, shifted

LANES = 64
"""Blocks that are judged at once."""
AT_ONCE = 32
"""Features that are cut, and turned with those of as many blocks, at once."""
_INT, _LONG, _BYTES = ir.IntType(32), ir.IntType(64), ir.VectorType(ir.IntType(8), AT_ONCE)
_MAGIC = 2.0**23
"""Floats from here on are whole numbers: the bits above those of this one count them."""
_BIAS = 127


def _steps(octave: int, least: int, zero: int = 0) -> tuple[float, float, int, int, int]:
    """2^octave steps to the octave from 2^least on; zero: the byte of 0."""
    return 1.0, 0.0, 23 - octave, ((_BIAS + least) << octave) - 1, zero


def _even(whole: float) -> tuple[float, float, int, int, int]:
    """255 even steps from 0 to the whole."""
    return 255.0 / whole, _MAGIC, 0, int(np.float32(_MAGIC).view(np.int32)), 0


SCALES = {
    "count": _steps(4, 0),
    "large": _steps(4, 4),
    "share": _steps(4, -11),
    "signed": _steps(3, 0, 128),
    "score": _steps(4, -5, 128),
    "even": _even(1.0),
    "tag": _even(255.0),
    "p": _even(float(ONE)),
}
"""Factor, summand, bits of the float that are dropped, the step that counts as 0, and the byte of 0, by kind of feature."""
_SIGNED = ("blocks_to_h1", "units_from_h1", "top_distance")
_LARGE = ("page_units", "page_long_units", "page_body_runs", "section_units", "above1_units", "above2_units", "above3_units")
_SHARES = ("share", "density", "title_cover", "chars_per_unit", "commas", "enders", "digits", "capitals", "letters", "section_links")
_PAGE_SHARES = ("section_long", "page_headings", "page_items", "page_body_found")
_P_OF_BLOCKS = ("p", "p_best", "p_group_best", "p_section_best")
_P_COUNTS = ("p_from_sure", "p_to_sure", "p_run_low", "p_run_high", "p_expected_units")


def scale_of(name: str) -> str:
    """The kind of a feature: a key of SCALES."""
    if name in _P_OF_BLOCKS or name.startswith("p_near"):
        return "p"
    if name.startswith("p_"):
        return "count" if name in _P_COUNTS else "even"
    if name.startswith("class_") or name.endswith("_class"):
        return "score"
    if name == "tag" or name.endswith("_tag"):
        return "tag"
    if name in _SIGNED:
        return "signed"
    if name.endswith(_SHARES) or name in _PAGE_SHARES or name.startswith("mean_"):
        return "share"
    return "large" if name in _LARGE else "count"


def scales(names: list[str]) -> tuple[np.ndarray, ...]:
    """(factor, summand float32; bits dropped, step of 0, byte of 0 int32) by feature."""
    rows = list(zip(*(SCALES[scale_of(name)] for name in names), strict=True))
    return tuple(np.array(row, np.float32 if at < 2 else np.int32) for at, row in enumerate(rows))


WIDTH = len(NAMES) + AT_ONCE
"""Features of a block with their context, filled up so that the context is cut by itself."""
OF_BLOCKS = scales([*NAMES, *NAMES_OF_CONTEXT, *([""] * (AT_ONCE - len(NAMES_OF_CONTEXT)))])


@intrinsic
def _cut(typing, x, factor, summand, dropped, least, zero, to):
    """Writes the bytes of AT_ONCE features, one after the other; all are pointers."""

    def made(context, builder, signature, args):
        floats, whole = ir.VectorType(ir.FloatType(), AT_ONCE), ir.VectorType(_INT, AT_ONCE)
        x, factor, summand = (builder.load(builder.bitcast(at, floats.as_pointer()), align=4) for at in args[:3])
        dropped, least, zero = (builder.load(builder.bitcast(at, whole.as_pointer()), align=4) for at in args[3:6])
        none, most = ir.Constant(whole, [0] * AT_ONCE), ir.Constant(whole, [255] * AT_ONCE)

        def limited(value, low, high):
            value = builder.select(builder.icmp_signed("<", value, low), low, value)
            return builder.select(builder.icmp_signed(">", value, high), high, value)

        bits = builder.bitcast(builder.fadd(builder.fmul(x, factor), summand), whole)
        size = builder.lshr(builder.and_(bits, ir.Constant(whole, [0x7FFFFFFF] * AT_ONCE)), dropped)
        size = limited(builder.sub(size, least), none, most)
        step = builder.select(builder.icmp_signed("<", bits, none), builder.sub(zero, size), builder.add(zero, size))
        found = builder.trunc(limited(step, none, most), _BYTES)
        builder.store(found, builder.bitcast(args[6], _BYTES.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(x, factor, summand, dropped, least, zero, to), made


@intrinsic
def _turn(typing, cells, places, to):
    """Writes AT_ONCE columns of AT_ONCE bytes, of rows that begin at the int64 places, one after the other; five rounds of interleaving the upper half of
    the rows with the lower one."""

    def made(context, builder, signature, args):
        def at(base, by):
            return builder.bitcast(builder.gep(base, [by]), _BYTES.as_pointer())

        def interleaved(one, other, first):
            order = [each for k in range(first, first + AT_ONCE // 2) for each in (k, AT_ONCE + k)]
            return builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(_INT, AT_ONCE), order))

        starts = [builder.load(builder.gep(args[1], [ir.Constant(_LONG, row)])) for row in range(AT_ONCE)]
        held = [builder.load(at(args[0], start), align=1) for start in starts]
        for _ in range(AT_ONCE.bit_length() - 1):
            pairs = zip(held[: AT_ONCE // 2], held[AT_ONCE // 2 :], strict=True)
            held = [interleaved(one, other, first) for one, other in pairs for first in (0, AT_ONCE // 2)]
        for column, found in enumerate(held):
            builder.store(found, at(args[2], ir.Constant(_LONG, column * LANES)), align=1)
        return context.get_dummy_value()

    return types.void(cells, places, to), made


@njit(nogil=True, cache=True)
def packed(made, rows, first, last, factor, summand, dropped, least, zero, cells):
    """Cuts the features first … last - 1, at least AT_ONCE of them up to `last`, of so many rows of made float32[rows, features] into cells
    uint8[rows, features]. The other arrays: see `scales`."""
    width = made.shape[1]
    x, to = pointer(made), pointer(cells)
    f, s, d, m, z = pointer(factor), pointer(summand), pointer(dropped), pointer(least), pointer(zero)
    for column in range(first, last, AT_ONCE):
        at = np.int64(max(0, min(column, last - AT_ONCE)))
        for b in range(rows):
            here = b * width + at
            _cut(shifted(x, here), shifted(f, at), shifted(s, at), shifted(d, at), shifted(m, at), shifted(z, at), shifted(to, here))


@njit(nogil=True, cache=True, inline="always")
def turned(cells, width, rows, first, last, places, lanes):
    """Turns the rows rows[first:last] of cells, at most LANES of them, into lanes uint8[features, LANES]; both are pointers. places: int64[LANES], for use
    here. Lanes without a row have the last one, or what they had."""
    for lane in range(LANES):
        places[lane] = np.int64(rows[min(first + lane, last - 1)]) * width
    for lane in range(0, min(LANES, last - first), AT_ONCE):
        for column in range(0, width, AT_ONCE):
            at = np.int64(min(column, width - AT_ONCE))
            _turn(shifted(cells, at), shifted(pointer(places), lane), shifted(lanes, at * LANES + lane))
