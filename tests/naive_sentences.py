"""Slow twins of `curate/kernels/sentence_rules.py`: sentences by a regular expression, rules by plain string methods."""

import re
import unicodedata

from curate.kernels.fold import UNSPACED


def sentences(text):
    """[(start, end)] in characters."""
    found, first = [], 0
    for end in [*re.finditer(r"[.!?]+\s+", text), None]:
        stop = end.start() if end else len(text)
        if text[first:stop].strip():
            found.append((first, stop))
        first = end.end() if end else stop
    return found


def is_word(char):
    return char == "_" or char.isalpha() or unicodedata.category(char) == "Nd"


def words(sentence):
    """Words, about as UAX #29 has them."""
    found, open_ = [], False
    for i, char in enumerate(sentence):
        before, after = sentence[i - 1 : i] if i else "", sentence[i + 1 : i + 2]
        if unicodedata.category(char)[0] == "M":
            continue
        if is_word(char):
            single = any(low <= ord(char) <= high for low, high in UNSPACED)
            if single or not open_:
                found.append("")
            found[-1] += char
            open_ = not single
        elif open_:
            letters = char in ".:'’·" and before.isalpha() and after.isalpha()
            digits = char in ".,'’" and all(one and unicodedata.category(one) == "Nd" for one in (before, after))
            open_ = letters or digits
    return found


def bits(sentence, min_words, max_capitals, min_chars, max_chars, max_technical):
    """1 a list, 2 an odd length, 4 technical."""
    listed = words(sentence)
    capitals = sum(unicodedata.category(word[0]) == "Lu" for word in listed)
    technical = sum(char in "0123456789{}+/()>" for char in sentence)
    return (
        (len(listed) >= min_words and capitals > max_capitals * len(listed))
        + 2 * (len(sentence) < min_chars or len(sentence) > max_chars)
        + 4 * (technical > max_technical * len(sentence))
    )
