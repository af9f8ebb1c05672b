"""The two forms of a kernel: one for Python, one without wrappers for other kernels."""

from curate.kernels.compiled import njit


@njit(nogil=True)
def half(x):
    return x // 2


@njit(nogil=True)
def halvings(x):
    return 0 if x < 2 else 1 + halvings(half(x))


def test_kernels_call_the_form_without_wrappers_and_python_the_other():
    assert halvings(9) == 3
    assert not half.overloads, "half was compiled for Python, which has not called it"
    assert len(half.inner.overloads) == 1
    assert half(9) == 4  # would end the process, if it came to the form without wrappers


def test_the_cache_keeps_the_forms_apart():
    assert half.inner.py_func.__qualname__ != half.py_func.__qualname__
    assert half.inner.py_func.__code__ is half.py_func.__code__
