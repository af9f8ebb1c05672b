"""Lines of UTF-8 that no repair can change, and the repairs that need no thought: the fast side of `unicode`.

`scan` walks the segments of every row as ftfy cuts them (after each newline, or after so many code points) and notes those that something
could change, with the reason as flags: mojibake by the detector's automaton (BAD), an HTML entity (ENTITY), characters with a fixed
replacement (REPLACE, CR), a normal form that cannot be told from single characters (MAYBE). A segment that is not noted cannot change.
`rewrite` makes the replacements, decodes entities and composes pairs; scanned again, its outcome is proven or given up.
`splice` puts the new segments into the column. Tables: `curate.web.ftfy_tables`. Between non-ASCII characters the automaton rests: its
expressions are at most CONTEXT + 1 long, so that the last CONTEXT characters decide its state. Twin: ftfy itself, in
tests/kernels/test_unicode_lines.py. Price: 600 to 900 MB/s on ASCII, about 300 on other scripts.
"""

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.utf8 import code_at, width

REPLACE, MAYBE, COMPOSED, HARD, CR = 1, 2, 4, 8, 16
"""Flags of a code point: it has a replacement; it may compose with what is before it; it can be taken apart; only ftfy knows; a carriage return."""
BAD, ENTITY, ANGLE, FIX, UNSURE, ONLY_FTFY = 1, 2, 4, 8, 16, 32
"""Flags of a segment: mojibake; an entity, where entities are decoded; a `<` here or before; something to replace; normal form unknown; only
ftfy knows."""
CONTEXT = 6
_ANY, _START, _BAD = 0, 1, 2


def _ascii_kinds():
    kinds = np.full(256, 1, dtype=np.uint8)
    kinds[32:127] = 0
    kinds[9] = kinds[12] = 0
    kinds[38] = kinds[60] = 1
    return kinds


ASCII_KINDS = _ascii_kinds()
"""uint8[256]: 0 for bytes that mean nothing to the scan."""


@njit(nogil=True, cache=True)
def _fed(state, data, start, end, info, trans):
    """The automaton's state after the ASCII bytes [start, end)."""
    for k in range(start, end):
        state = np.int64(trans[state, info[data[k]] & 0xFF])
    return state


@njit(nogil=True, cache=True)
def _across(state, data, start, end, info, trans):
    """The same for any number of ASCII bytes: those in the middle cannot matter."""
    if end - start <= CONTEXT:
        return _fed(state, data, start, end, info, trans)
    state = _fed(state, data, start, start + CONTEXT, info, trans)
    return _fed(state if state == _BAD else _ANY, data, end - CONTEXT, end, info, trans)


@njit(nogil=True, cache=True)
def _entity(data, i, end):
    """The end of what ftfy takes for an entity at the `&` at i, &#?[0-9A-Za-z]{1,24};, or 0."""
    k = i + 1
    if k < end and data[k] == 35:
        k += 1
    first = k
    while k < end and k - first <= 24:
        b = data[k]
        if not ((48 <= b <= 57) or (65 <= b <= 90) or (97 <= b <= 122)):
            break
        k += 1
    return k + 1 if k < end and data[k] == 59 and 1 <= k - first <= 24 else 0


@njit(nogil=True, cache=True)
def _decoded(data, start, end, entity_keys, entity_codes):
    """The code point of the entity [start, end), or -1 where ftfy's answer is not plain: names beyond the table, odd numbers, `;` itself."""
    if data[start + 1] != 35:
        if end - start > 10:
            return -1
        key = np.uint64(0)
        for k in range(start + 1, end - 1):
            key = key << np.uint64(8) | np.uint64(data[k])
        entry = np.searchsorted(entity_keys, key)
        return np.int64(entity_codes[entry]) if entry < len(entity_keys) and entity_keys[entry] == key else -1
    k = start + 2
    hexadecimal = data[k] | 0x20 == 120
    k += hexadecimal
    if k == end - 1 or end - k > 8:
        return -1
    code = 0
    for at in range(k, end - 1):
        b = np.int64(data[at])
        if 48 <= b <= 57:
            code = code * (16 if hexadecimal else 10) + b - 48
        elif hexadecimal and 97 <= b | 0x20 <= 102:
            code = code * 16 + (b | 0x20) - 87
        else:
            return -1
    named = 32 <= code < 0x7F or 0xA0 <= code < 0xD800 or 0xE000 <= code < 0xFDD0 or 0xFDF0 <= code < 0xFFFE or 0x10000 <= code < 0x1FFFE
    return code if named and code != 59 else -1


@njit(nogil=True, cache=True)
def _unescaped(data, start, end, entity_keys, entity_codes, out, at):
    """Append the segment with its entities decoded; where the next one goes, or -1 where one of them is not plain."""
    i = start
    while i < end:
        if data[i] == 38:
            after = _entity(data, i, end)
            if after:
                code = _decoded(data, i, after, entity_keys, entity_codes)
                if code < 0:
                    return -1
                at = _put(out, at, code)
                i = after
                continue
        out[at] = data[i]
        at += 1
        i += 1
    return at


@njit(nogil=True, cache=True)
def _composes(pair_keys, first, second):
    """Index of the pair, or -1."""
    key = np.uint64(first) << np.uint64(32) | np.uint64(second)
    low, high = 0, len(pair_keys)
    while low < high:
        middle = (low + high) // 2
        if pair_keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low if low < len(pair_keys) and pair_keys[low] == key else -1


@njit(nogil=True, cache=True)
def _odd(word):
    """A set top bit in the first of eight bytes that is not from space to `~` without `&` and `<`; what stands above that bit means nothing."""
    amp, less = word ^ np.uint64(0x2626262626262626), word ^ np.uint64(0x3C3C3C3C3C3C3C3C)
    ones = np.uint64(0x0101010101010101)
    odd = word | (word - np.uint64(0x2020202020202020)) | (word + ones) | ((amp - ones) & ~amp) | ((less - ones) & ~less)
    return odd & np.uint64(0x8080808080808080)


@njit(nogil=True, cache=True)
def _past_ascii(data, words, i, stop, kinds):
    """The first byte in [i, stop) that means something to the scan, or stop."""
    while i < stop:
        at = i >> 3
        if at < len(words):
            before = (np.uint64(1) << np.uint64((i & 7) << 3)) - np.uint64(1)
            odd = _odd((words[at] & ~before) | (np.uint64(0x2020202020202020) & before))
            at += 1
            while odd == 0 and at < len(words) and at << 3 < stop:
                odd = _odd(words[at])
                at += 1
            i = at << 3
            if odd:
                first = odd & (~odd + np.uint64(1))
                i += np.int64(((first >> np.uint64(7)) * np.uint64(0x0001020304050607)) >> np.uint64(56)) - 8
            if i >= stop:
                return stop
        if kinds[data[i]]:
            return i
        i += 1
    return stop


@njit(nogil=True, cache=True)
def scan(offsets, data, by_line, longest, kinds, info, trans, pair_keys, rows, starts, ends, flags):
    """Note the segments that may change: row, start and end in data, flags (ENTITY only where no `<` stood before or in the segment).

    Not by_line: a row is one segment, noted whenever a flag other than ANGLE is up. Returns how many are noted. The four outputs need room
    for every segment: newlines + rows + bytes // longest. One function, because a call a line with nine arrays costs more than the line.
    """
    n = 0
    words = data[: len(data) // 8 * 8].view(np.uint64)
    for row in range(len(offsets) - 1):
        i, end = offsets[row], offsets[row + 1]
        start = fed = i
        stop = min(end, start + longest) if by_line else end
        state, found, starter, order, entities = _START, 0, -1, 0, True
        while start < end:
            if i < stop and kinds[data[i]] == 0:
                i = _past_ascii(data, words, i, stop, kinds)
            b = 10 if i >= stop else data[i]
            if b == 10:
                i += i < stop
                if i < stop and not by_line:
                    continue
                if fed > start and _fed(state, data, fed, min(i, fed + CONTEXT), info, trans) == _BAD:
                    found |= BAD
                if found:
                    if found & ANGLE:
                        entities = False
                    if by_line:
                        found = found & ~ENTITY | ANGLE if not entities else found
                    if found & ~ANGLE:
                        rows[n], starts[n], ends[n], flags[n] = row, start, i, found
                        n += 1
                start = fed = i
                stop = min(end, start + longest)
                state, found, starter, order = _START, 0, -1, 0
                continue
            if b < 0x80:
                if b == 38:
                    if _entity(data, i, stop):
                        found |= ENTITY
                elif b == 60:
                    found |= ANGLE
                else:
                    kind = info[b] >> 16
                    if kind & (REPLACE | CR):
                        found |= FIX
                    if kind & HARD:
                        found |= ONLY_FTFY
                i += 1
                continue
            code = code_at(data, i)
            facts = info[code]
            if i != fed:  # ASCII since the last character that the automaton saw
                starter, order = np.int64(data[i - 1]), 0
                state = _across(state, data, fed, i, info, trans)
            state = np.int64(trans[state, facts & 0xFF])
            ahead = width(b)
            i += ahead
            fed = i
            stop = min(end, stop + ahead - 1)
            if facts < 256:  # neither a mark nor marked
                starter, order = code, 0
                continue
            ccc, kind = (facts >> 8) & 0xFF, facts >> 16
            if kind & REPLACE:
                found |= FIX
            if kind & MAYBE and starter >= 0:
                if (info[starter] >> 16) & COMPOSED:
                    found |= UNSURE
                if _composes(pair_keys, starter, code) >= 0:
                    found |= FIX
            if ccc and order > ccc:
                found |= UNSURE
            order = ccc
            if ccc == 0:
                starter = code
    return n


@njit(nogil=True, cache=True)
def _put(out, at, code):
    """Write a code point as UTF-8; where the next one goes."""
    if code < 0x80:
        out[at] = code
        return at + 1
    if code < 0x800:
        out[at] = 0xC0 | code >> 6
        out[at + 1] = 0x80 | code & 0x3F
        return at + 2
    if code < 0x10000:
        out[at] = 0xE0 | code >> 12
        out[at + 1] = 0x80 | code >> 6 & 0x3F
        out[at + 2] = 0x80 | code & 0x3F
        return at + 3
    out[at] = 0xF0 | code >> 18
    out[at + 1] = 0x80 | code >> 12 & 0x3F
    out[at + 2] = 0x80 | code >> 6 & 0x3F
    out[at + 3] = 0x80 | code & 0x3F
    return at + 4


@njit(nogil=True, cache=True)
def _emit(out, at, code, held, info, pair_keys, pair_codes):
    """Append a code point, composed with the starter right before it where the two compose. held: int64[2], the starter and where it lies."""
    if (info[code] >> 16) & MAYBE and held[0] >= 0:
        pair = _composes(pair_keys, held[0], code)
        if pair >= 0:
            held[0] = pair_codes[pair]
            return _put(out, held[1], held[0])
    if (info[code] >> 8) & 0xFF:
        held[0] = -1  # a mark in between: what follows is left for others to judge
    else:
        held[0], held[1] = code, at
    return _put(out, at, code)


@njit(nogil=True, cache=True)
def _rewritten(data, start, end, info, map_codes, map_starts, map_text, pair_keys, pair_codes, out, at, held):
    """Append the segment with its replacements made; where the next one goes."""
    held[0] = -1
    i = start
    while i < end:
        b = data[i]
        code = code_at(data, i)
        i += width(b)
        kind = info[code] >> 16
        if kind & CR:
            if i < end and data[i] == 10:
                continue
            code = 10
        elif kind & REPLACE:
            entry = np.searchsorted(map_codes, code)
            for k in range(map_starts[entry], map_starts[entry + 1]):
                at = _emit(out, at, map_text[k], held, info, pair_keys, pair_codes)
            continue
        at = _emit(out, at, code, held, info, pair_keys, pair_codes)
    return at


@njit(nogil=True, cache=True)
def rewrite(data, starts, ends, flags, info, maps, pairs, entities, out, offsets):
    """Append to `out` the segments that only have something to FIX, or only entities to decode; of the others nothing.

    maps, pairs, entities: (map_codes, map_starts, map_text), (pair_keys, pair_codes), (entity_keys, entity_codes); offsets: int64[k + 1], filled.
    """
    at = 0
    held = np.empty(2, dtype=np.int64)
    for k in range(len(starts)):
        offsets[k] = at
        what = flags[k] & ~ANGLE
        if what == ENTITY:
            done = _unescaped(data, starts[k], ends[k], entities[0], entities[1], out, at)
            at = done if done >= 0 else at
        elif what & FIX and not what & (BAD | ENTITY | ONLY_FTFY):
            at = _rewritten(data, starts[k], ends[k], info, maps[0], maps[1], maps[2], pairs[0], pairs[1], out, at, held)
    offsets[len(starts)] = at


@njit(nogil=True, cache=True)
def splice(offsets, data, rows, starts, ends, pool, pool_starts, pool_ends, out, out_offsets):
    """out = the rows with segment k of row rows[k] replaced by pool[pool_starts[k]:pool_ends[k]]; segments ascend. Fills out_offsets."""
    at, k = 0, 0
    for row in range(len(offsets) - 1):
        out_offsets[row] = at
        done = offsets[row]
        while k < len(rows) and rows[k] == row:
            size = starts[k] - done
            out[at : at + size] = data[done : done + size]
            at += size
            size = pool_ends[k] - pool_starts[k]
            out[at : at + size] = pool[pool_starts[k] : pool_starts[k] + size]
            at += size
            done = ends[k]
            k += 1
        size = offsets[row + 1] - done
        out[at : at + size] = data[done : done + size]
        at += size
    out_offsets[len(offsets) - 1] = at
