"""`njit` of kernels: what other kernels call is compiled without the doors through which Python comes in.

For every signature numba compiles, beside the function, a wrapper that unpacks Python's arguments and one for C, and it optimises them again with each
function that calls it: a fifth of the first run. Here a function has two forms, each compiled when it is first asked for: one that Python calls, and one
without wrappers that kernels call.
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numba
from numba import types
from numba.core.registry import CPUDispatcher

from curate.collector import uncollected


class Kernel(CPUDispatcher):  # type: ignore[misc]
    """A compiled function; for kernels its name stands for its form without wrappers."""

    inner: CPUDispatcher
    _type: types.Dispatcher

    @property
    def _numba_type_(self) -> types.Dispatcher:
        return self._type

    def compile(self, signature: Any) -> Any:
        """As numba does, with the collector of cycles held off: it would look through the compiler's trees for a fifth of the time."""
        with uncollected():
            return super().compile(signature)


_njit: Any = numba.njit  # its annotations do not know all that it takes


def njit(**options: Any) -> Callable[[Callable], Any]:
    """`numba.njit`, with the same options."""
    if options.get("inline") == "always":  # never compiled by itself
        return _njit(**options)

    def compiled(function: Callable) -> Any:
        kernel = _njit(**options)(function)
        if kernel is not function:  # NUMBA_DISABLE_JIT gives the function back
            inner = _njit(**options, no_cpython_wrapper=True, no_cfunc_wrapper=True)(_renamed(function))
            kernel.__class__ = Kernel
            kernel.inner = inner
            kernel._type = types.Dispatcher(inner)  # which holds it by a weak reference
            kernel.typingctx._remove_global(kernel)
            kernel.typingctx.insert_global(kernel, kernel._type)
        return kernel

    return compiled


def _renamed(function: Any) -> Callable:
    """The function under another name, so that the cache keeps its two forms apart."""
    copy = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    copy.__module__, copy.__qualname__ = function.__module__, f"{function.__qualname__}.inner"
    return copy
