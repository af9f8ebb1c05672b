"""Places in a text where personal data or secrets may stand, in one scan over its bytes; what they are is decided by whoever looks closer.

It must miss nothing that the patterns would find in a whole text: tests/stages/test_pii.py looks with them everywhere and compares.
"""

import numpy as np

from curate.kernels.compiled import njit

AT, DIGITS, COLONS, IBAN, TOKEN, KEY, VALUE, NAMED = range(8)
"""Kinds: a commercial at; a run of digits with separators; hexadecimal groups with colons; two letters and two digits; the beginning of a known token;
`-----BEGIN`; a long value behind `=`, `:` or a quote; a short one in quotes, or from `=` to the line's end, whose name ends as names of secrets do."""
MIN_DIGITS, MIN_SECRET = 7, 16
MIN_NAMED, MAX_NAMED = 4, 64
"""Bytes of a short value."""
DIGIT, LETTER, HEX, GAP, TOKENS = 1, 2, 4, 8, 16


def table() -> np.ndarray:
    """uint8[256]: the class bits of each byte: digit; letter or underscore; hexadecimal; separator of digits; in tokens and values. Only ASCII has any, so
    that a number may stand right behind a Chinese character or a dash."""
    bits = np.zeros(256, dtype=np.uint8)
    for byte in range(128):
        char = chr(byte)
        bits[byte] = (
            (DIGIT if char.isdigit() else 0)
            | (LETTER if char.isalpha() or char == "_" else 0)
            | (HEX if char in "0123456789abcdefABCDEF" else 0)
            | (GAP if char in " ()-./" else 0)
            | (TOKENS if char.isalnum() or char in "_-+/=." else 0)
        )
    return bits


def prefixes() -> np.ndarray:
    """bool[65536]: by two bytes, whether a token of a known service begins so."""
    known = np.zeros(65536, dtype=np.bool_)
    for pair in ("AK", "AS", "gh", "gi", "gl", "xo", "xa", "sk", "rk", "pk", "AI", "ey", "SG", "np", "py", "hf", "do", "sh", "ya", "EA"):
        known[ord(pair[0]) << 8 | ord(pair[1])] = True
    return known


@njit(nogil=True, cache=True)
def _digits(data, i, e, bits):
    """(end, digits, full stops) of the run of digits and separators that begins at i; separators at its end do not belong to it."""
    end = i
    found = 0
    stops = 0
    gaps = 0
    while i < e and gaps <= 3:
        if bits[data[i]] & DIGIT:
            found += 1
            gaps = 0
            end = i + 1
        elif bits[data[i]] & GAP:
            gaps += 1
            stops += data[i] == 46
        else:
            break
        i += 1
    return end, found, stops


@njit(nogil=True, cache=True)
def _colons(data, s, i, e, bits):
    """(start, end) of hexadecimal groups around the colon at i that may be an IPv6 address, else (i, i)."""
    start = i
    while start > s and i - start < 5 and bits[data[start - 1]] & HEX:
        start -= 1
    end = i
    colons = 0
    double = False
    while end < e and end - start < 46 and (data[end] == 58 or bits[data[end]] & HEX or data[end] == 46):
        if data[end] == 58:
            colons += 1
            double = double or (end > s and data[end - 1] == 58)
        end += 1
    while end > i and data[end - 1] == 46:
        end -= 1
    outside = (start > s and (bits[data[start - 1]] & (LETTER | DIGIT) or data[start - 1] == 58)) or (end < e and bits[data[end]] & LETTER)
    if outside or colons > 7 or not (colons == 7 or (double and colons >= 2)):
        return i, i
    return start, end


@njit(nogil=True, cache=True)
def _value(data, i, e, bits):
    """(start, end) of a long value of letters and digits behind the sign at i, a space and a quote; empty where there is none."""
    i += 1
    while i < e and (data[i] == 32 or data[i] == 34 or data[i] == 39 or data[i] == 62):
        i += 1
    start = i
    digits = 0
    letters = 0
    while i < e and bits[data[i]] & TOKENS and data[i] != 61:  # a sign begins a value of its own, so that no byte is looked at often
        digits += (bits[data[i]] & DIGIT) != 0
        letters += (bits[data[i]] & LETTER) != 0
        i += 1
    if i < e and data[i] == 61:  # padding
        i += 2 if i + 1 < e and data[i + 1] == 61 else 1
    if i - start >= MIN_SECRET and digits >= 1 and letters >= 2:
        return start, i
    return start, start


@njit(nogil=True, cache=True)
def _named(data, s, i, e):
    """(start, end) of a short value behind the sign at i whose name ends in -rd, -wd, -se, -et, -en or -ey; empty where there is none."""
    j = i - 1
    while j >= s and i - j < 7 and (data[j] == 32 or data[j] == 34 or data[j] == 39 or data[j] == 93 or data[j] == 58):
        j -= 1
    if j - 2 < s:
        return i, i
    last, before = data[j] | 32, data[j - 1] | 32
    if not (
        (last == 100 and (before == 114 or before == 119))
        or (last == 101 and before == 115)
        or ((last == 116 or last == 110 or last == 121) and before == 101)
    ):
        return i, i
    start = i + 1
    if start < e and data[start] == 62:
        start += 1
    while start < e and start - i < 5 and data[start] == 32:
        start += 1
    if start >= e:
        return i, i
    quote = data[start]
    if quote == 34 or quote == 39:
        end = start + 1
        while end < e and end - start <= MAX_NAMED + 1 and data[end] != quote and data[end] > 32:
            end += 1
        if end < e and data[end] == quote and MIN_NAMED < end - start <= MAX_NAMED + 1:
            return start + 1, end
    elif data[i] == 61 and start - i <= 2 and i - j <= 2:
        end = start
        while end < e and end - start <= MAX_NAMED and data[end] > 32:
            end += 1
        if MIN_NAMED <= end - start <= MAX_NAMED and (end == e or data[end] == 10 or data[end] == 13):
            return start, end
    return i, i


@njit(nogil=True, cache=True)
def scan(offsets, data, bits, known, out):
    """out int64[k, 4]: (row, kind, start, end) in order of start within a row; returns how many there are, written or not."""
    count = 0
    for row in range(len(offsets) - 1):
        s, e = offsets[row], offsets[row + 1]
        i = s
        while i < e:
            byte = data[i]
            kind = -1
            start, end, after = i, i + 1, i + 1
            fresh = i == s or not bits[data[i - 1]] & (LETTER | DIGIT)
            if bits[byte] & DIGIT:
                stop, found, stops = _digits(data, i, e, bits)
                if fresh and (found >= MIN_DIGITS or stops >= 3):
                    kind, end = DIGITS, stop
                    while start > s and i - start < 2 and (data[start - 1] == 43 or data[start - 1] == 40):
                        start -= 1
                after = max(stop, i + 1)
            elif bits[byte] & LETTER:
                after = i + 1
                while after < e and bits[data[after]] & (LETTER | DIGIT):
                    after += 1
                if fresh and i + 4 < e and bits[data[i + 2]] & DIGIT and bits[data[i + 3]] & DIGIT and after - i >= 4:
                    kind, end = IBAN, min(e, i + 64)
                elif fresh and after - i >= 2 and known[np.int64(byte) << 8 | np.int64(data[i + 1])]:
                    end = i
                    while end < e and end - i < MIN_SECRET and bits[data[end]] & TOKENS:
                        end += 1
                    if end - i == MIN_SECRET:
                        kind = TOKEN
            elif byte == 64:
                kind = AT
            elif byte == 58 or byte == 61:
                if byte == 58:
                    start, end = _colons(data, s, i, e, bits)
                    if end > start:
                        kind, after = COLONS, end
                if kind < 0:
                    start, end = _value(data, i, e, bits)
                    if end > start:
                        kind = VALUE
                    else:
                        start, end = _named(data, s, i, e)
                        if end > start:
                            kind = NAMED
            elif byte == 45 and i + 10 < e and data[i + 1] == 45 and data[i + 4] == 45 and data[i + 5] == 66 and data[i + 9] == 78:
                kind = KEY
            if kind >= 0:
                if count < len(out):
                    out[count, 0], out[count, 1], out[count, 2], out[count, 3] = row, kind, start, end
                count += 1
            i = after
    return count
