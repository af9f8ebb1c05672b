"""Kernels with the compiler off, in this process: what NUMBA_DISABLE_JIT=1 makes of them, without its start. Compiled code that reads behind an array or
wraps a number by chance agrees with its twin by chance; plain Python raises."""

import contextlib
import sys

import numpy as np
from numba.core.dispatcher import Dispatcher


def _bytes(there, at, number):
    if at < 0 or at + number > len(there):
        raise IndexError(f"bytes {at} to {at + number} of {len(there)}")
    return there[int(at) : int(at) + number]


def _load8(there, at):
    return np.uint64(int.from_bytes(_bytes(there, at, 8).tobytes(), "little"))


def _store8(there, at, word):
    _bytes(there, at, 8)[:] = np.frombuffer(int(word).to_bytes(8, "little"), dtype=np.uint8)


def _within(there, at, fold, low, high):
    folded = _bytes(there, at, 64) | np.uint8(fold)
    return np.uint64(int.from_bytes(np.packbits((folded >= low) & (folded <= high), bitorder="little").tobytes(), "little"))


INTRINSICS = {
    "pointer": lambda array: array.reshape(-1),
    "borrowed": lambda array: array,
    "load8": _load8,
    "store8": _store8,
    "within": _within,
    "ones": lambda bits: int(bits).bit_count(),
    "below": lambda bits: (int(bits) & -int(bits)).bit_length() - 1 if bits else 64,
}
"""What stands for a pointer is the array itself, in which a place that is not there raises IndexError; and what reads many bytes at once."""


@contextlib.contextmanager
def compiler_off():
    """Every function that numba compiled is its Python in all modules that are imported."""
    changed = []
    for name, module in list(sys.modules.items()):
        if name.startswith("curate."):
            for key, value in list(vars(module).items()):
                python = INTRINSICS.get(key) if key in INTRINSICS else value.py_func if isinstance(value, Dispatcher) else None
                if python is not None:
                    changed.append((module, key, value))
                    setattr(module, key, python)
    try:
        with np.errstate(over="ignore"):
            yield
    finally:
        for module, key, value in changed:
            setattr(module, key, value)
