"""Words: boundaries and counts. Two definitions, both over UTF-8 bytes.

*Split words* are runs between white space (`str.split`). *Tokens* follow the rules of spaCy's blank English tokenizer, with which
datatrove ≥ 0.4 counts: white space first; then, around each run, punctuation comes off front and back until nothing more does or the
rest is a special case (`do n't`, `it 's`, `Mr.`); web addresses and e-mail addresses stay whole; some marks cut inside (`well-known`,
`a/b`, `end.Start`). Different from spaCy: its table of exceptions is larger (emoticons, spelling variants, `'cause`), its letters are a
list of scripts where these are all of Unicode's, IPv4 hosts with a port are cut, and units after numbers are the Latin ones. Naive
twin: tests/naive_text.py. Price: about 40 MB/s for tokens, 400 MB/s for split words.
"""

import numpy as np

from curate.kernels.addresses import back as _back
from curate.kernels.addresses import digit as _digit
from curate.kernels.addresses import is_address as _is_address
from curate.kernels.compiled import njit
from curate.kernels.specials import BACK, COLON, CURRENCY, FRONT, HYPHEN, ICON, MAX_SPECIAL, PUNCT, QUOTE, SLOTS
from curate.kernels.utf8 import ALPHA, LOWER, SPACE, UPPER, code_at, width
from curate.kernels.word_hash import hash_of


@njit(nogil=True, cache=True)
def count_split(offsets, data, classes, out):
    """out[row] = number of words that `str.split()` finds."""
    for row in range(len(offsets) - 1):
        total = 0
        inside = False
        i = offsets[row]
        while i < offsets[row + 1]:
            solid = (classes[code_at(data, i)] & SPACE) == 0
            if solid and not inside:
                total += 1
            inside = solid
            i += width(data[i])
        out[row] = total


@njit(nogil=True, cache=True)
def looked_up(data, s, e, size, keys, cuts):
    """-1: data[s:e], of `size` bytes that may be read, is no special case; 0: it is one and stays whole; k: it is one and is cut after k bytes."""
    if e - s < 2 or e - s > MAX_SPECIAL:
        return np.int64(-1)
    key = hash_of(data, s, e, size)
    slot = np.int64(key & np.uint64(SLOTS - 1))
    while keys[slot] != np.uint64(0) and keys[slot] != key:
        slot = (slot + 1) & (SLOTS - 1)
    return np.int64(cuts[slot]) if keys[slot] == key else np.int64(-1)


@njit(nogil=True, cache=True, inline="always")
def _letter(byte):
    return (byte >= 97 and byte <= 122) or (byte >= 65 and byte <= 90)


@njit(nogil=True, cache=True, inline="always")
def _dots(data, s, e):
    """Full stops in a row from byte s."""
    n = 0
    while s + n < e and data[s + n] == 46:
        n += 1
    return n


@njit(nogil=True, cache=True)
def _front(data, s, e, marks):
    """Bytes that come off the front of data[s:e]."""
    b = data[s]
    if b == 46:
        n = _dots(data, s, e)
        return n if n > 1 else 0
    if b == 43:  # + unless a digit follows
        return 0 if s + 1 < e and _digit(data[s + 1]) else 1
    if b == 85 and s + 2 < e and data[s + 1] == 83 and data[s + 2] == 36:  # US$
        return 3
    if (b == 65 or b == 67) and s + 1 < e and data[s + 1] == 36:  # A$ C$
        return 2
    return width(b) if marks[code_at(data, s)] & FRONT else 0


@njit(nogil=True, cache=True)
def _tail(data, s, e, size, classes, marks, units):
    """Bytes that come off the back of data[s:e]; the longest rule that fits."""
    last = _back(data, s, e)
    code = code_at(data, last)
    if code == 46:
        return _stop(data, s, e, classes, marks)
    if code == 115 or code == 83:  # 's
        if last - 1 >= s and data[last - 1] == 39:
            return 2
        if last - 3 >= s and data[last - 3] == 0xE2 and data[last - 2] == 0x80 and data[last - 1] == 0x99:
            return 4
    i = last  # a unit after a digit
    for _ in range(4):
        if i <= s:
            break
        if _digit(data[i - 1]):
            if _unit(data, i, e, size, units):
                return e - i
            break
        i = _back(data, s, i)
    before = last > s and _digit(data[last - 1])
    if (code == 43 or marks[code] & CURRENCY) and before:
        return e - last
    return e - last if marks[code] & BACK else 0


@njit(nogil=True, cache=True)
def _unit(data, s, e, size, units):
    if not _letter(data[s]) and data[s] != 37 and data[s] < 0x80:
        return False
    key = hash_of(data, s, e, size)
    k = 0
    while units[k] != np.uint64(0) and units[k] != key:
        k += 1
    return units[k] == key


@njit(nogil=True, cache=True)
def _stop(data, s, e, classes, marks):
    """The same for a run that ends in a full stop: two or more of them, or one after a digit, a small letter, a mark or two capitals."""
    n = 1
    while e - n > s and data[e - n - 1] == 46:
        n += 1
    if n > 1:
        return n
    if e - 1 <= s:
        return 0
    at = _back(data, s, e - 1)
    code = code_at(data, at)
    kind = classes[code]
    if _digit(data[at]) or code == 37 or code == 0xB2 or code == 45 or code == 43 or marks[code] & (PUNCT | QUOTE):
        return 1
    if kind & ALPHA and not kind & UPPER:
        return 1
    if kind & ALPHA and not kind & LOWER and at > s:
        kind = classes[code_at(data, _back(data, s, at))]
        return 1 if kind & ALPHA and not kind & LOWER else 0
    return 0


@njit(nogil=True, cache=True)
def _cut(data, s, i, e, classes, marks):
    """Bytes of the mark at byte i that cuts data[s:e] inside, or 0."""
    code = code_at(data, i)
    if code == 46:
        n = _dots(data, i, e)
        if n > 1:
            return n
    mark = marks[code]
    if code == 0x2026 or mark & ICON:
        return width(data[i])
    after = i + width(data[i])
    if i == s or after >= e:
        return 0
    left = code_at(data, _back(data, s, i))
    right = code_at(data, after)
    left_kind, right_kind = classes[left], classes[right]
    left_digit, right_digit = left < 128 and _digit(left), right < 128 and _digit(right)
    if (code == 43 or code == 45 or code == 42 or code == 94) and left_digit and (right_digit or right == 45):
        return 1
    if code == 46:
        small = (left_kind & ALPHA and not left_kind & UPPER) or marks[left] & QUOTE
        capital = (right_kind & ALPHA and not right_kind & LOWER) or marks[right] & QUOTE
        return 1 if small and capital else 0
    if code == 44:
        return 1 if left_kind & ALPHA and right_kind & ALPHA else 0
    if not (left_kind & ALPHA or left_digit):
        return 0
    if mark & HYPHEN:
        n = i
        if code == 45 or code == 0x2014:  # up to three hyphens or two long dashes are one mark
            for _ in range(3 if code == 45 else 2):
                if n < e and code_at(data, n) == code:
                    n += width(data[n])
        else:
            n = after
        return n - i if n < e and classes[code_at(data, n)] & ALPHA else 0
    return after - i if mark & COLON and right_kind & ALPHA else 0


@njit(nogil=True, cache=True)
def _inside(data, s, e, n, classes, marks, starts, ends):
    """Write the tokens of data[s:e], cut at the marks inside it, from place n on; returns the next place."""
    begin = s
    i = s
    while i < e:
        plain = _letter(data[i]) or _digit(data[i]) or (data[i] >= 0x80 and classes[code_at(data, i)] & ALPHA)
        size = 0 if plain else _cut(data, s, i, e, classes, marks)
        if size == 0 or i == begin:
            i += size if size else width(data[i])
            continue
        starts[n], ends[n] = begin, i
        starts[n + 1], ends[n + 1] = i, i + size
        n += 2
        i += size
        begin = i
    if begin < e:
        starts[n], ends[n] = begin, e
        n += 1
    return n


@njit(nogil=True, cache=True)
def run_tokens(data, s, e, size, n, classes, marks, keys, cuts, units, starts, ends, top):
    """Write the tokens of one run without white space from place n on; returns the next place. Suffixes wait at the far end of the
    arrays, before place `top`. All but numbers may be arrays or pointers; `size` bytes of data may be read."""
    waiting = 0
    cut = -1
    while s < e:
        cut = looked_up(data, s, e, size, keys, cuts)
        if cut >= 0:
            break
        front = _front(data, s, e, marks)
        if front and s + front < e and looked_up(data, s + front, e, size, keys, cuts) >= 0:
            starts[n], ends[n] = s, s + front
            n += 1
            s += front
            continue
        back = _tail(data, s + front, e, size, classes, marks, units) if s + front < e else 0
        if front == 0 and back == 0:
            break
        if back and looked_up(data, s, e - back, size, keys, cuts) >= 0:
            front = 0
        if front:
            starts[n], ends[n] = s, s + front
            n += 1
            s += front
        if back:
            waiting += 1
            starts[top - waiting], ends[top - waiting] = e - back, e
            e -= back
    if s < e:
        if cut > 0:
            starts[n], ends[n] = s, s + cut
            starts[n + 1], ends[n + 1] = s + cut, e
            n += 2
        elif cut == 0 or _is_address(data, s, e, classes):
            starts[n], ends[n] = s, e
            n += 1
        else:
            n = _inside(data, s, e, n, classes, marks, starts, ends)
    while waiting:
        starts[n], ends[n] = starts[top - waiting], ends[top - waiting]
        n += 1
        waiting -= 1
    return n
