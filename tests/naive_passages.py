"""Slow twins of passage_dedup and its kernels: dictionaries of all windows, lines and paragraphs, and a mask of bytes."""

import re

BLANKS = b" \t\n\v\f\r"


def symbols(data, words):
    """(start, end) of every symbol of a text: its bytes, or its words as kernels/passages.py has them."""
    if not words:
        return [(i, i + 1) for i in range(len(data))]
    return [m.span() for m in re.finditer(rb"[\xe0-\xff][\x80-\xbf]*|[^ \t\n\v\f\r\xe0-\xff]+", data)]


def windows(data, length, words):
    """(start, end) of every window."""
    found = symbols(data, words)
    return [(found[i][0], found[i + length - 1][1]) for i in range(len(found) - length + 1)]


def units(data, paragraphs, min_bytes):
    """(start, end) of every line or paragraph that is long enough, without the white space around it."""
    pattern = rb"\n[ \t\v\f\r]*(?:\n|\Z)" if paragraphs else rb"\n"
    found, at = [], 0
    for piece in re.split(b"(" + pattern + b")", data):
        bare = piece.strip(BLANKS)
        if len(bare) >= max(1, min_bytes):
            start = at + piece.index(bare)
            found.append((start, start + len(bare)))
        at += len(piece)
    return found


def repeated(texts, find, copies="first", scopes=None):
    """For every text, in the order of documents: a mask of the bytes that some window, line or paragraph gives to be cut."""
    scopes = scopes or ["corpus"] * len(texts)
    places = {}
    for at, data in enumerate(texts):
        for start, end in find(data):
            places.setdefault((scopes[at], data[start:end]), []).append((at, start, end))
    masks = [bytearray(len(data)) for data in texts]
    for found in places.values():
        for number, (at, start, end) in enumerate(found):
            if copies == "none":
                low = start if len(found) > 1 else end
            elif found[0][0] < at:
                low = start
            elif number:
                low = max(start, found[number - 1][2])
            else:
                low = end
            masks[at][low:end] = b"\1" * max(0, end - low)
    return masks


def spans(mask):
    """(start, end) of the runs of a mask."""
    return [m.span() for m in re.finditer(b"\1+", bytes(mask))]


def between_characters(data, found):
    """Spans with their ends moved inwards to where characters begin."""
    out = []
    for start, end in found:
        while start < end and data[start] & 0xC0 == 0x80:
            start += 1
        while end > start and end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        if end > start:
            out.append((start, end))
    return out


def with_what_follows(data, found):
    """Spans with the white space behind them up to the next line or paragraph."""
    out = []
    for start, end in found:
        rest = data[end:]
        blank = rest[: len(rest) - len(rest.lstrip(BLANKS))]
        out.append((start, len(data) if len(blank) == len(rest) else end + blank.rfind(b"\n") + 1))
    return out


def without(data, found):
    """The text without the spans."""
    kept, at = [], 0
    for start, end in found:
        kept.append(data[at:start])
        at = end
    return b"".join([*kept, data[at:]])
