"""WARC records that are as the standard has them, each the whole of its gzip member: one pass finds all that a row of documents needs.

A member is **plain** where it holds one record to the last byte, the lines of its two heads hold printable ASCII, none is folded, and
the record is of a type that is skipped, or an HTTP response over which nothing needs a closer look: the date in seconds, a status that is skipped or
2xx with HTML without a coding, or with a picture or book that says nothing of rights. Whatever is not plain gets the word LOOK and is read by
`curate.read.frames` and `curate.read.http`, which are also the naive twin: on plain members both give the same rows (tests/read/test_columns.py).
Price: about 1 ns a byte of the heads; bodies are looked at up to their first letter, those of pictures 64 bytes at a time. Slices and helpers are few,
because each costs compile time.
"""

import numpy as np

from curate.kernels.blocks import WIDTH as BLOCK
from curate.kernels.blocks import below, within
from curate.kernels.compiled import njit

LOOK, PAGE, SKIP = 0, 1, 2
SKIPS = ("warcinfo", "request", "metadata", "revisit", "continuation", "response_status", "response_empty", "response_mime", "dns")
"""Words of records that are no documents: code SKIP + place."""
MIMES = ("text/html", "application/xhtml+xml")

WORD, URL, URL_END, HOST_END, ID, ID_END, DATE, MICROS, STATUS, MIME, BODY, BODY_END, KEPT = range(13)
"""Columns of what `records` writes: all are bytes of `data`, but the word, microseconds since 1970, status, place in MIMES, and how many kept headers."""
WIDTH = 13
MAX_HEAD = 1 << 16
MAX_KEPT = 16
"""A response with more headers to keep is looked at by the twin."""

_TYPES = (*SKIPS[:5], "response")
_FIELDS = ("warc-type", "content-length", "warc-target-uri", "warc-record-id", "warc-date", "content-type")
_GENERIC = ("text/plain", "application/octet-stream", "application/unknown", "unknown/unknown", "*/*", "application/x-unknown-content-type")
_STARTS = ("http", "application/http", "tdm-")
_MEDIA_STARTS = ("image/", "application/pdf", "application/epub+zip")
_MARKS = ("<x:xmpmeta", "<rdf:rdf", "jumb", "xml:com.adobe.xmp", "pk", "%pdf")
"""One of them stands in every picture and book of which `curate.read.media` has anything to tell; the last two at its beginning."""
_READ = ("transfer-encoding", "content-encoding", "content-type")
_FORMS = ("WARC/0.0", "\r\n\r\n", "0000-00-00T00:00:00Z", "HTTP/0", ".txt", ".json", "dns:")
_FIELD, _TYPE, _MIME, _GENERAL, _HTTP, _APPLICATION, _TDM = map(np.int64, (0, 6, 12, 14, 20, 21, 22))
_MEDIA, _MARK, _BEGINNING, _FORM, _CODING, _CONTENT_TYPE = map(np.int64, (23, 26, 30, 32, 39, 41))
"""Where the groups of words begin. In forms a 0 stands for any digit, and case counts. Numbers of NumPy, since a function is compiled anew for each
constant of Python's that it is called with."""
_STATUS_SKIP, _EMPTY_SKIP, _MIME_SKIP, _DNS_SKIP = SKIP + 5, SKIP + 6, SKIP + 7, SKIP + 8


def words(keep):
    """(bytes, ends) of the words that `records` knows and the lower-case names of headers to keep, content-type first: word k is bytes[ends[k]:ends[k + 1]]."""
    others = sorted(set(keep) - {"content-type"})
    known = [word.encode() for word in (*_FIELDS, *_TYPES, *MIMES, *_GENERIC, *_STARTS, *_MEDIA_STARTS, *_MARKS, *_FORMS, *_READ, *others)]
    return np.frombuffer(b"".join(known), dtype=np.uint8).copy(), np.cumsum([0, *map(len, known)]).astype(np.int64)


@njit(nogil=True, cache=True)
def _like(data, at, end, word, ends, form):
    """Whether data[at:end] begins with the form."""
    size = ends[_FORM + form + 1] - ends[_FORM + form]
    if end - at < size:
        return False
    for j in range(size):
        wanted, byte = word[ends[_FORM + form] + j], data[at + j]
        if byte != wanted and (wanted != 48 or byte < 48 or byte > 57):
            return False
    return True


@njit(nogil=True, cache=True)
def _which(data, at, end, word, ends, first, last, whole):
    """Which of the words [first, last) data[at:end] is, or begins with where not `whole`, case aside; -1 for none."""
    for k in range(first, last):
        size = ends[k + 1] - ends[k]
        if end - at < size or (whole and end - at > size):
            continue
        j = 0
        while j < size:
            byte = data[at + j]
            if byte >= 65 and byte <= 90:
                byte += 32
            if byte != word[ends[k] + j]:
                break
            j += 1
        if j == size:
            return k
    return -1


@njit(nogil=True, cache=True)
def _bare(data, span):
    """Take the white space off both ends of span[0:2]."""
    while span[0] < span[1] and (data[span[0]] == 32 or data[span[0]] == 9):
        span[0] += 1
    while span[1] > span[0] and (data[span[1] - 1] == 32 or data[span[1] - 1] == 9):
        span[1] -= 1


@njit(nogil=True, cache=True)
def _end(data, at, end):
    """How long the line end at `at` is: CRLF 2, LF alone 1; 0 where none is, or a CR alone."""
    if at < end and data[at] == 10:
        return 1
    return 2 if at + 1 < end and data[at] == 13 and data[at + 1] == 10 else 0


@njit(nogil=True, cache=True)
def _line(data, at, end, name, value):
    """Read the line at `at`: the byte after it, or -1 where it is not plain. name, value: (first byte, end), the name empty where there is no colon."""
    i = at
    colon = -1
    while i < end and (data[i] == 9 or (data[i] >= 32 and data[i] <= 126)):
        if data[i] == 58 and colon < 0:
            colon = i
        i += 1
    size = _end(data, i, end)
    if size == 0 or (i > at and (data[at] == 32 or data[at] == 9)):
        return -1
    name[0] = name[1] = at
    if colon >= 0:
        name[1], value[0], value[1] = colon, colon + 1, i
        _bare(data, name)
        _bare(data, value)
    return i + size


@njit(nogil=True, cache=True)
def _number(data, at, end):
    """The number that data[at:end] writes, -1 where it is none of at most 15 digits."""
    if end <= at or end - at > 15:
        return -1
    value = 0
    for i in range(at, end):
        if data[i] < 48 or data[i] > 57:
            return -1
        value = value * 10 + data[i] - 48
    return value


@njit(nogil=True, cache=True)
def _micros(data, at, end, word, ends):
    """Microseconds since 1970 of `2024-02-03T04:05:06Z`; -1 where the text is not of that form, there is no such time, or it is earlier."""
    if end - at != 20 or not _like(data, at, end, word, ends, 2):
        return -1
    value = 0
    for i in range(at, end):
        if data[i] >= 48 and data[i] <= 57:
            value = value * 10 + data[i] - 48
    second, minute, hour = value % 100, value // 100 % 100, value // 10000 % 100
    day, month, year = value // 1000000 % 100, value // 100000000 % 100, value // 10000000000
    if second > 59 or minute > 59 or hour > 23 or month < 1 or month > 12 or day < 1 or year < 1970 or value < 19700101000000:
        return -1
    last = 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31
    if month == 2:
        last = 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    if day > last:
        return -1
    if month < 3:  # days from civil (Hinnant 2014): years begin in March
        year -= 1
        month += 12
    days = year * 365 + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000000


@njit(nogil=True, cache=True)
def _head(data, at, end, word, ends, name, value, found):
    """Read the WARC head; its end, or -1 where it is not plain. found: first byte and end of the value of each of the six fields, -1 where absent."""
    if not _like(data, at, end, word, ends, 0):
        return -1
    limit = min(end, at + MAX_HEAD)
    i = at + 8
    while i < limit and data[i] >= 48 and data[i] <= 57:
        i += 1
    while i < limit and (data[i] == 32 or data[i] == 9):
        i += 1
    for k in range(6):
        found[k, 0] = -1
    size = _end(data, i, limit)
    i = i + size if size > 0 else -1
    while i >= 0:
        size = _end(data, i, limit)
        if size > 0:
            return i + size
        i = _line(data, i, limit, name, value)
        k = _which(data, name[0], name[1], word, ends, _FIELD, _TYPE, True)
        if k >= 0 and found[k, 0] < 0:
            found[k, 0], found[k, 1] = value[0], value[1]
    return -1


@njit(nogil=True, cache=True)
def _status(data, at, end, word, ends):
    """The status that a line such as `HTTP/1.1 200 OK` names, -1 where it is no such line."""
    if not _like(data, at, end, word, ends, 3):
        return -1
    i = at + 6
    while i < end and ((data[i] >= 48 and data[i] <= 57) or (data[i] == 46 and i == at + 6)):
        i += 1
    space = i
    while i < end and (data[i] == 32 or data[i] == 9):
        i += 1
    if i == space or space == at + 7 or (space > at + 6 and data[at + 6] != 46) or i + 4 > end or _number(data, i + 3, i + 4) >= 0:
        return -1
    return _number(data, i, i + 3)


@njit(nogil=True, cache=True)
def _pair(data, at, first, second):
    """uint64: at which of 64 bytes this one and then that one stands."""
    return within(data, at, np.uint8(0), first, first) & within(data, at + 1, np.uint8(0), second, second)


@njit(nogil=True, cache=True)
def speaks(data, at, end, word, ends):
    """Whether a picture or book, data[at:end], has one of the marks without which nothing in it can speak of rights."""
    if _which(data, at, end, word, ends, _BEGINNING, _FORM, False) >= 0:
        return True
    less, x, r, j, u = np.uint8(60), np.uint8(120), np.uint8(114), np.uint8(106), np.uint8(117)
    i = at
    while i < end:
        bits, step = np.uint64(1), 1
        if i + BLOCK < len(data):
            bits, step = _pair(data, i, less, x) | _pair(data, i, less, r) | _pair(data, i, j, u), BLOCK
            bits |= _pair(data, i, np.uint8(88), np.uint8(77))
        while bits:
            if _which(data, i + below(bits), end, word, ends, _MARK, _BEGINNING, False) >= 0:
                return True
            bits &= bits - np.uint64(1)
        i += step
    return False


@njit(nogil=True, cache=True)
def _judged(data, word, ends, row, name, mime, mime_end, coded):
    """The word of a response by its status, its body and its type, in this order."""
    if row[STATUS] < 200 or row[STATUS] > 299:
        return _STATUS_SKIP
    i, end = row[BODY], row[BODY_END]
    while i < end and (data[i] == 32 or (data[i] >= 9 and data[i] <= 13)):
        i += 1
    if i == end:
        return _EMPTY_SKIP
    if mime < 0:
        return LOOK
    name[0] = name[1] = mime
    while name[1] < mime_end and data[name[1]] != 59 and data[name[1]] != 44:
        name[1] += 1
    _bare(data, name)
    if name[0] == name[1]:
        return LOOK
    k = _which(data, name[0], name[1], word, ends, _MIME, _HTTP, True)
    row[MIME] = k - _MIME
    if k < 0:
        media = _which(data, name[0], name[1], word, ends, _MEDIA, _MARK, False) >= 0
        return LOOK if media and (coded or speaks(data, row[BODY], end, word, ends)) else _MIME_SKIP
    return LOOK if coded or k >= _GENERAL else PAGE


@njit(nogil=True, cache=True)
def responses(data, word, ends, rows, kept):
    """Read the HTTP messages of the rows that have the word PAGE, which only those keep that are pages; returns how many rows of `kept` are used.

    As `records`, whose rows these are; kept: int64[pages * MAX_KEPT, 4], name and value of the pages' headers in order.
    """
    name = np.zeros(2, dtype=np.int64)
    value = np.zeros(2, dtype=np.int64)
    used = 0
    for m in range(len(rows)):
        row = rows[m]
        if row[WORD] != PAGE:
            continue
        at, end = row[BODY], row[BODY_END]
        row[WORD], row[STATUS] = LOOK, _status(data, at, end, word, ends)
        i = _line(data, at, end, name, value) if row[STATUS] >= 0 else -1
        mime = mime_end = -1
        coded = np.bool_(False)
        while i >= 0 and _end(data, i, end) == 0:
            i = _line(data, i, end, name, value)
            k = _which(data, name[0], name[1], word, ends, _CODING, len(ends) - 1, True) if i >= 0 else -1
            if i < 0 or (k < 0 and _which(data, name[0], name[1], word, ends, _TDM, _MEDIA, False) < 0):
                continue
            if k >= 0 and k < _CONTENT_TYPE:
                coded = True
                continue
            if row[KEPT] == MAX_KEPT:
                i = -1
                break
            if mime < 0 and k == _CONTENT_TYPE:
                mime, mime_end = value[0], value[1]
            at = used + row[KEPT]
            kept[at, 0], kept[at, 1], kept[at, 2], kept[at, 3] = name[0], name[1], value[0], value[1]
            row[KEPT] += 1
        if i < 0:
            continue
        row[BODY] = i + _end(data, i, end)
        row[WORD] = _judged(data, word, ends, row, name, mime, mime_end, coded)
        if row[WORD] == PAGE:
            used += row[KEPT]
    return used


@njit(nogil=True, cache=True)
def records(data, starts, limit, word, ends, rows):
    """Fill one row a member with what its WARC head says; of a response, which has the word PAGE now, BODY and BODY_END are those of the HTTP message.

    data: uint8[n]; starts: int64[members + 1]; limit: most bytes of content; word, ends: `words`; rows: int64[members, WIDTH], zeros.
    """
    name = np.zeros(2, dtype=np.int64)
    value = np.zeros(2, dtype=np.int64)
    found = np.zeros((6, 2), dtype=np.int64)
    for m in range(len(starts) - 1):
        row, end = rows[m], starts[m + 1] - 4
        start = _head(data, starts[m], end + 4, word, ends, name, value, found)
        if start < 0 or found[0, 0] < 0 or found[1, 0] < 0 or start > end:
            continue
        length = _number(data, found[1, 0], found[1, 1])
        if length < 0 or start + length != end or not _like(data, end, end + 4, word, ends, 1):
            continue
        k = _which(data, found[0, 0], found[0, 1], word, ends, _TYPE, _MIME, True)
        if k >= 0 and k < _MIME - 1:
            row[WORD] = SKIP + k - _TYPE
        if k != _MIME - 1 or length > limit or found[2, 0] < 0 or found[4, 0] < 0:
            continue
        for k in range(2, 4):  # old crawlers put angle brackets around URIs
            found[k, 0] += found[k, 1] > found[k, 0] >= 0 and data[found[k, 0]] == 60
            found[k, 1] -= found[k, 1] > found[k, 0] >= 0 and data[found[k, 1] - 1] == 62
        url, url_end = found[2, 0], found[2, 1]
        if _like(data, url, url_end, word, ends, 6):
            row[WORD] = _DNS_SKIP
        if _which(data, url, url_end, word, ends, _HTTP, _APPLICATION, False) < 0:
            continue
        if _like(data, url_end - 4, url_end, word, ends, 4) or _like(data, url_end - 5, url_end, word, ends, 5):
            continue  # it may be robots.txt or its kin
        if found[5, 0] >= 0 and _which(data, found[5, 0], found[5, 1], word, ends, _APPLICATION, _TDM, False) < 0:
            continue
        row[URL], row[URL_END], row[HOST_END], row[BODY], row[BODY_END] = url, url_end, url_end, start, end
        if found[3, 0] >= 0:
            row[ID], row[ID_END] = found[3, 0], found[3, 1]
        slashes = 0
        while url < url_end and slashes < 3:
            slashes += data[url] == 47
            url += 1
        row[HOST_END] = url - (slashes == 3)
        row[DATE], row[MICROS] = found[4, 0], _micros(data, found[4, 0], found[4, 1], word, ends)
        row[WORD] = LOOK if row[MICROS] < 0 else PAGE


@njit(nogil=True, cache=True)
def gather(data, at, end, offsets, out):
    """Copy data[at[i]:end[i]] to out[offsets[i]:]. at, end, offsets: int64[n]; out: uint8."""
    for i in range(len(at)):
        start, to = at[i], offsets[i]
        for j in range(end[i] - start):
            out[to + j] = data[start + j]


@njit(nogil=True, cache=True)
def write_keys(data, source, rows, floor, begins):
    """Write what a page's id is made from before its payload over the end of its heads, so that both are hashed in one piece.

    data: uint8, written; source: uint8[s], the length-prefixed source name; rows: rows of `records` that are PAGEs; floor: int64[n], bytes before these are not
    the record's own; begins: int64[n], out: where the piece begins, -1 where the heads are too short for it. The form is that of `schema.document_id`.
    """
    key = np.empty(1 << 17, dtype=np.uint8)
    sizes = np.zeros(3, dtype=np.int64)
    zone = (43, 48, 48, 58, 48, 48)  # +00:00
    for i in range(len(rows)):
        row = rows[i]
        sizes[0], sizes[1], sizes[2] = row[URL_END] - row[URL], 25, row[BODY_END] - row[BODY]
        length = len(source) + sizes[0] + 49
        begins[i] = row[BODY] - length
        if begins[i] < floor[i] or length > len(key):
            begins[i] = -1
            continue
        to = 0
        for j in range(len(source)):
            key[to + j] = source[j]
        to += len(source)
        for part in range(3):
            for j in range(8):
                key[to + j] = (sizes[part] >> (8 * j)) & 255
            to += 8
            start = row[URL] if part == 0 else row[DATE]
            for j in range(sizes[part] if part < 2 else 0):
                key[to + j] = zone[j - 19] if part == 1 and j >= 19 else data[start + j]
            to += sizes[part]
        for j in range(length):
            data[begins[i] + j] = key[j]
