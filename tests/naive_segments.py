"""Cutting a text into segments, slowly and plainly: the twin of curate/kernels/segments.py."""

import re

WHITE = " \t\n\v\f\r"
WIDE = "。！？।"
CLOSERS = "\"')]»’”」』）"
FENCE = re.compile(r"(```|~~~)")
HEADING = re.compile(r"#{1,6}(?=[ \t\n\v\f\r]|$)(?!#)")
STOP = re.compile(f"[.!?…{WIDE}][{re.escape(CLOSERS)}]*$")
WIDE_STOP = re.compile(f"[{WIDE}][{re.escape(CLOSERS)}]*$")


def indent(text, at):
    return at - (text.rfind("\n", 0, at) + 1)


def places(text, headings):
    """(character, level) of all places where a text without white space around it may be cut, in order."""
    found, fenced = [], bool(FENCE.match(text))
    for word in re.finditer(rf"([^{WHITE}]+)([{WHITE}]*)", text):
        for at in range(word.start() + 1, word.end(1)):
            if WIDE_STOP.search(text[word.start() : at]) and text[at] not in WIDE + CLOSERS:
                found.append((at, 1))
        after, newlines = word.end(), word[2].count("\n")
        if word[2]:
            level = 1 if newlines or STOP.search(word[1]) else 0
            if newlines and not fenced:
                level = 3 if newlines > 1 else 2
                level = 4 if headings and HEADING.match(text, after) and indent(text, after) <= 3 else level
            found.append((word.end(1), level))
        if newlines and FENCE.match(text, after) and indent(text, after) <= 3:
            fenced = not fenced
    return found


def segments(text, max_chars, headings):
    """(start, end) in characters of the segments; none where the text stays whole."""
    if len(text) <= max_chars or not text.strip(WHITE):
        return []
    end, low = len(text.rstrip(WHITE)), len(text) - len(text.lstrip(WHITE))
    all_places = [(low + at, level) for at, level in places(text[low:end], headings)]
    start, cut = low - indent(text, low) * (indent(text, low) < max_chars), []
    while end - start > max_chars:
        near = [(level, at) for at, level in all_places if start < at <= start + max_chars]
        at = max(near)[1] if near else start + max_chars
        cut.append((start, at))
        start = at + len(text[at:]) - len(text[at:].lstrip(WHITE))
        if "\n" in text[at:start] and indent(text, start) < max_chars:
            start -= indent(text, start)
    return [*cut, (start, end)]
