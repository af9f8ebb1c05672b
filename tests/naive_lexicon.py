"""Slow twin of `curate/kernels/lexicon.py`: every place of a text tried against every word."""

import unicodedata

from curate.kernels.fold import UNSPACED


def fold(char):
    small = char.casefold()
    return small if len(small) == 1 else char.lower()[0]


def compared(word):
    return " ".join("".join(map(fold, word)).split())


def category(char):
    return unicodedata.category(char)


def joins(char):
    return char == "_" or char.isalpha() or category(char) == "Nd" or category(char)[0] == "M"


def alone(char):
    return any(low <= ord(char) <= high for low, high in UNSPACED)


def free(edge, neighbour):
    return not joins(neighbour) or alone(edge) or alone(neighbour)


def stop(text, start, word):
    """Where `word` that begins at character `start` ends, or None."""
    i = start
    for char in word:
        if char == " ":
            if i == len(text) or not text[i].isspace():
                return None
            while i < len(text) and text[i].isspace():
                i += 1
        elif i < len(text) and not text[i].isspace() and fold(text[i]) == char:
            i += 1
        else:
            return None
    return i


def occurrences(text, words, whole=True):
    """{(start, end, word)}, in characters."""
    found = set()
    for word in {compared(w) for w in words} - {""}:
        for start in range(len(text)):
            end = stop(text, start, word)
            if end is None:
                continue
            left = start == 0 or free(text[start], text[start - 1])
            right = end == len(text) or (category(text[end])[0] != "M" and free(text[end - 1], text[end]))
            if not whole or (left and right):
                found.add((start, end, word))
    return found
