"""Web and e-mail addresses in a run of text: names of hosts with a top-level domain, perhaps a scheme, a user, a port, a path.

The grammar is that of the pattern by which spaCy keeps addresses whole, without IPv4 hosts. Naive twin: tests/naive_text.py.
"""

from curate.kernels.compiled import njit
from curate.kernels.utf8 import ALPHA, UPPER, code_at, width


@njit(nogil=True, cache=True, inline="always")
def back(data, s, i):
    """Start of the character before byte i, not before s."""
    i -= 1
    while i > s and (data[i] & 0xC0) == 0x80:
        i -= 1
    return i


@njit(nogil=True, cache=True, inline="always")
def digit(byte):
    return byte >= 48 and byte <= 57


@njit(nogil=True, cache=True)
def _host_char(data, i):
    code = code_at(data, i)
    return digit(data[i]) or (code >= 65 and code <= 90) or (code >= 97 and code <= 122) or (code >= 0xA1 and code <= 0xFFFF)


@njit(nogil=True, cache=True)
def _is_host(data, s, e, classes):
    """Whether data[s:e] is labels and a top-level domain of small letters, then perhaps a port, then perhaps a path."""
    stop = s
    dot = -1
    label = s
    while stop < e and data[stop] != 58 and data[stop] != 47 and data[stop] != 63 and data[stop] != 35:
        if data[stop] == 46:
            if stop == label or not _host_char(data, label) or not _host_char(data, back(data, label, stop)):
                return False
            dot = stop
            label = stop + 1
        elif not (_host_char(data, stop) or data[stop] == 95 or data[stop] == 45):
            return False
        stop += width(data[stop])
    if dot < 0 or stop - label < 2:
        return False
    letters = 0
    i = label
    while i < stop:
        kind = classes[code_at(data, i)]
        if not kind & ALPHA or kind & UPPER:
            return False
        letters += 1
        i += width(data[i])
    if letters < 2 or letters > 63:
        return False
    if stop < e and data[stop] == 58:
        i = stop + 1
        while i < e and digit(data[i]):
            i += 1
        if i - stop - 1 < 2 or i - stop - 1 > 5:
            return False
        stop = i
    return stop == e or data[stop] == 47 or data[stop] == 63 or data[stop] == 35


@njit(nogil=True, cache=True)
def is_address(data, s, e, classes):
    """Whether data[s:e] is a web address (the scheme may be missing) or an e-mail address."""
    dots = False
    start = s
    for i in range(s, e):
        if data[i] == 46:
            dots = True
        if data[i] == 58 and i + 2 < e and data[i + 1] == 47 and data[i + 2] == 47 and start == s and i - s >= 2:
            start = i + 3
    if not dots:
        return False
    if _is_host(data, start, e, classes):
        return True
    for i in range(e - 2, start, -1):  # noqa: SIM110 (the same)
        if data[i] == 64 and _is_host(data, i + 1, e, classes):
            return True
    return False
