"""Where a page may speak of its licence or of machines, found without a parser: a skipping search, then one walk over the tags before it.

`candidates` looks for five-letter pieces of the telling words at bytes 0, 3 and 5 of every eight: one of a piece's three trigrams must stand
there, and a table of 32,768 says which do (five bits a letter, so that both cases are one). It notes the tags that hold them: `<meta>` with a
telling word, any tag with `license`, `creativecommons` or `opendatacommons`, scripts of JSON-LD that say `license`, RSL. `elements` walks the
tags from the start of the page to the last candidate with a stack of open elements, so that tags in comments and scripts are told from real
ones and each real one knows its ancestors.
Misses: what the tree builder would move (tables, misnested formatting), licence words behind a `>` in quotes. Price: `candidates` about
1.5 GB/s, `elements` about 600 MB/s of what it walks. Twin: the DOM, in tests/naive_claims.py.
"""

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.growing import longer
from curate.kernels.pointers import borrowed

MAX_TAG = 4096
"""Bytes of a tag that are looked at."""
MAX_DEPTH = 256
MAX_ELEMENTS = 512
"""Tags looked at on one page."""
_PIECES = (b"<meta", b"licen", b"ommon", b"d+jso", b"l+xml")
_META_WORDS = [
    b"=robots",
    b"tdm-",
    b"noai",
    b"noimageai",
    b"noml",
    b"x-robots",
    b"t-usage",
    b"t-signal",
    b"-extended",
    b"rights",
    b"licen",
    b"copyright",
]
_META_WORDS += [bot + end for bot in (b"bot", b"bots") for end in (b'"', b"'", b" ", b"/", b">")]
_VOID = b"area base br col embed hr img input link meta param source track wbr".split()
_RAW = b"script style textarea title xmp iframe noembed noframes".split()
_IN_HEAD = b"title meta link script style base noscript template head".split()
_HASH = np.uint64(0x100000001B3)


def _trigrams():
    table = np.zeros(32768, dtype=np.bool_)
    for piece in _PIECES:
        for at in range(3):
            a, b, c = piece[at : at + 3]
            table[(c & 31) << 10 | (b & 31) << 5 | a & 31] = True
    return table


def _openings():
    table = np.zeros(65536, dtype=np.bool_)
    for word in _META_WORDS:
        for a in {word[0], word[:1].upper()[0]}:
            for b in {word[1], word[1:2].upper()[0]}:
                table[a << 8 | b] = True
    return table


def _padded(words):
    out = np.zeros((len(words), 16), dtype=np.uint8)
    for row, word in enumerate(words):
        out[row, : len(word)] = np.frombuffer(word, dtype=np.uint8)
    return out


def _hash(name):
    value = 14695981039346656037
    for byte in name:
        value = (value ^ byte) * 0x100000001B3 % (1 << 64)
    return value


TRIGRAMS, PIECES, OPENINGS, META_WORDS = _trigrams(), _padded(_PIECES), _openings(), _padded(_META_WORDS)
VOID, RAW, IN_HEAD = (np.array(sorted(map(_hash, names)), dtype=np.uint64) for names in (_VOID, _RAW, _IN_HEAD))
LI, UL, OL, HEAD, BODY = (np.uint64(_hash(name)) for name in (b"li", b"ul", b"ol", b"head", b"body"))


@njit(nogil=True, cache=True, inline="always")
def _low(b):
    return b | 0x20 if 65 <= b <= 90 else b


@njit(nogil=True, cache=True)
def _is(data, at, end, word):
    """Whether the zero-padded lower-case word stands at `at`."""
    for k in range(len(word)):
        if word[k] == 0:
            return True
        if at + k >= end or _low(data[at + k]) != word[k]:
            return False
    return True


@njit(nogil=True, cache=True)
def _tag_end(data, at, end):
    """The byte after the `>` that ends the tag at `at`, quotes respected; `end` if there is none."""
    i = at + 1
    after_equals = False
    while i < end:
        b = data[i]
        if b == 62:
            return i + 1
        if after_equals and (b == 34 or b == 39):
            i += 1
            while i < end and data[i] != b:
                i += 1
        after_equals = b == 61 or (after_equals and (b == 32 or 9 <= b <= 13))
        i += 1
    return end


@njit(nogil=True, cache=True)
def _enclosing(data, at):
    """The `<` of the tag that `at` lies in, or -1; behind a `>` in quotes it is not found."""
    for k in range(at, max(-1, at - MAX_TAG), -1):
        b = data[k]
        if b == 60:
            return k
        if b == 62:
            return -1
    return -1


@njit(nogil=True, cache=True)
def _telling(data, start, end, openings, words):
    """Whether one of the words stands in [start, end)."""
    for i in range(start, end - 1):
        if openings[np.int64(data[i]) << 8 | data[i + 1]]:
            for word in range(len(words)):
                if _is(data, i, end, words[word]):
                    return True
    return False


@njit(nogil=True, cache=True, inline="always")
def _piece_at(data, i, n, pieces):
    """(start, number) of the piece that the trigram at i is part of, or (-1, -1)."""
    for at in range(max(0, i - 2), i + 1):
        first = _low(data[at])
        for piece in range(len(pieces)):
            if first == pieces[piece, 0] and _is(data, at, n, pieces[piece]):
                return at, piece
    return -1, -1


@njit(nogil=True, cache=True, inline="always")
def _key(word, shift):
    t = (word >> np.uint64(shift)) & np.uint64(0x1F1F1F)
    return (t & np.uint64(0x1F)) | (t >> np.uint64(3) & np.uint64(0x3E0)) | (t >> np.uint64(6) & np.uint64(0x7C00))


@njit(nogil=True, cache=True, inline="always")
def _suspects(data, trigrams, out):
    """Bytes at which a trigram of a piece stands, among bytes 0, 3 and 5 of every eight and all of the last few; returns how many."""
    n, found = len(data), 0
    words = data[: n // 8 * 8].view(np.uint64)
    for k in range(len(words)):
        word = words[k]
        first, second, third = trigrams[_key(word, 0)], trigrams[_key(word, 24)], trigrams[_key(word, 40)]
        if first | second | third:
            if found + 3 > len(out):
                return found
            if first:
                out[found] = 8 * k
                found += 1
            if second:
                out[found] = 8 * k + 3
                found += 1
            if third:
                out[found] = 8 * k + 5
                found += 1
    for i in range(max(0, len(words) * 8 - 2), n - 2):
        if found < len(out):
            out[found] = i
            found += 1
    return found


@njit(nogil=True, cache=True, inline="always")
def candidates(data, trigrams, pieces, openings, words, starts):
    """Starts of the tags that may tell something, nearly ascending, repeats possible; returns how many (at most len(starts))."""
    n, count, script = len(data), 0, -1
    suspects = np.empty(3 * (n // 8) + 16, dtype=np.int64)
    for k in range(_suspects(data, trigrams, suspects)):
        i = suspects[k]
        at, piece = _piece_at(data, i, n, pieces)
        if at < 0:
            continue
        start = -1
        if piece == 0:
            after = data[at + 5] if at + 5 < n else 0
            if (after == 32 or 9 <= after <= 13 or after == 47) and _telling(
                data, at, _tag_end(data, at, min(n, at + MAX_TAG)), openings, words
            ):
                start = at
        elif piece == 2 and not (at + 9 < n and data[at + 5] | 0x20 == 115 and data[at + 6] == 46):
            continue  # common, but not commons.org
        else:
            if piece == 1 and script >= 0:  # linked data that speaks of a licence
                starts[count] = script
                count, script = count + 1, -1
                if count == len(starts):
                    break
            start = _enclosing(data, at)
            if start >= 0:
                first, second = _low(data[start + 1]), _low(data[min(n - 1, start + 2)])
                if piece == 3:
                    script = start if first == 115 and second == 99 else -1
                    start = -1
                elif not 97 <= first <= 122 or (first == 109 and second == 101) or (piece < 3 and first == 115 and second == 99):
                    start = -1  # no tag; a <meta>, which is found by its name; the address of a script
        if start >= 0 and (count == 0 or starts[count - 1] != start):
            starts[count] = start
            count += 1
            if count == len(starts):
                break
    return count


@njit(nogil=True, cache=True)
def _name(data, at, end):
    """(hash, end) of the lower-case tag name at `at`."""
    value = np.uint64(14695981039346656037)
    while at < end:
        b = data[at]
        if b == 62 or b == 47 or b == 32 or 9 <= b <= 13:
            break
        value = (value ^ np.uint64(_low(b))) * _HASH
        at += 1
    return value, at


@njit(nogil=True, cache=True)
def _among(names, value):
    found = False
    for at in range(len(names)):
        found |= names[at] == value
    return found


@njit(nogil=True, cache=True)
def _raw_end(data, at, end, name):
    """Where the raw text that begins at `at` ends: the `<` of its end tag."""
    while at + 1 < end:
        if data[at] == 60 and data[at + 1] == 47:
            found, _ = _name(data, at + 2, end)
            if found == name:
                return at
        at += 1
    return end


@njit(nogil=True, cache=True)
def _comment_end(data, at, end):
    for k in range(at + 4, end - 2):
        if data[k] == 45 and data[k + 1] == 45 and data[k + 2] == 62:
            return k + 3
    return end


@njit(nogil=True, cache=True)
def _opened(names, depth, name, in_head):
    """The depth after the end tags that an opening tag implies: an item ends the item before it, a body or its content ends the head."""
    if name == LI:
        for k in range(depth - 1, -1, -1):
            if names[k] == UL or names[k] == OL:
                break
            if names[k] == LI:
                return k
    elif depth and names[depth - 1] == HEAD and not _among(in_head, name):
        return depth - 1
    return depth


@njit(nogil=True, cache=True, inline="always")
def elements(data, wanted, void, raw, in_head, depths, ancestors):
    """For each wanted tag start (ascending): depths[k] = number of its ancestors, -1 where it is no element; ancestors[k] = their starts.

    ancestors: int64[n, MAX_DEPTH], outermost first; elements deeper than MAX_DEPTH have the first MAX_DEPTH.
    """
    names = np.empty(MAX_DEPTH, dtype=np.uint64)
    places = np.empty(MAX_DEPTH, dtype=np.int64)
    depth, beyond, k, i, n = 0, 0, 0, 0, len(data)
    depths[:] = -1
    while i < n and k < len(wanted):
        if data[i] != 60 or i + 1 >= n:
            i += 1
            continue
        while k < len(wanted) and wanted[k] < i:
            k += 1
        b = data[i + 1]
        if b == 33 and i + 3 < n and data[i + 2] == 45 and data[i + 3] == 45:
            i = _comment_end(data, i, n)
        elif b == 47:
            name, at = _name(data, i + 2, n)
            i = _tag_end(data, at - 1, n)
            if beyond:
                beyond -= 1
                continue
            for d in range(depth - 1, -1, -1):
                if names[d] == name:
                    depth = d
                    break
        elif 97 <= _low(b) <= 122:
            name, at = _name(data, i + 1, n)
            depth = _opened(names, depth, name, in_head)
            if k < len(wanted) and wanted[k] == i:
                depths[k] = depth
                ancestors[k, :depth] = places[:depth]
                k += 1
            after = _tag_end(data, at - 1, n)
            if _among(raw, name):
                after = _raw_end(data, after, n, name)
            elif not _among(void, name):
                if depth < MAX_DEPTH:
                    names[depth], places[depth] = name, i
                    depth += 1
                else:
                    beyond += 1
            i = after
        elif b == 33 or b == 63:
            i = _tag_end(data, i, n)
        else:
            i += 1


@njit(nogil=True, cache=True)
def _ascending(starts, count):
    """Sorts starts[:count], which nearly are, and drops repeats; returns how many are left."""
    left = 0
    for k in range(count):
        start, at = starts[k], left
        while at > 0 and starts[at - 1] > start:
            at -= 1
        if at > 0 and starts[at - 1] == start:
            continue
        for i in range(left, at, -1):
            starts[i] = starts[i - 1]
        starts[at] = start
        left += 1
    return left


@njit(nogil=True, cache=True)
def of_column(data, spans, trigrams, pieces, openings, words, void, raw, in_head):
    """The telling elements of the pages data[spans[k, 0]:spans[k, 1]]: (int64[elements, 3]: page, start, number of ancestors or -1 where it is no element;
    int64: starts of the ancestors of one after the other). In the order of pages, at most MAX_ELEMENTS of each."""
    starts, depths = np.empty(MAX_ELEMENTS, np.int64), np.empty(MAX_ELEMENTS, np.int64)
    ancestors = np.empty((MAX_ELEMENTS, MAX_DEPTH), np.int64)
    found, above, size, used = np.empty(768, np.int64), np.empty(1024, np.int64), 0, 0
    for k in range(len(spans)):
        page = borrowed(data)[spans[k, 0] : spans[k, 1]]
        count = _ascending(starts, candidates(page, trigrams, pieces, openings, words, starts))
        if count:
            elements(page, starts[:count], void, raw, in_head, depths[:count], ancestors)
        found = longer(found, size, size + 3 * count)
        for at in range(count):
            depth = max(0, depths[at])
            above = longer(above, used, used + depth)
            for i in range(depth):
                above[used + i] = ancestors[at, i]
            found[size], found[size + 1], found[size + 2] = k, starts[at], depths[at]
            size, used = size + 3, used + depth
    return found[:size].reshape(-1, 3), above[:used]
