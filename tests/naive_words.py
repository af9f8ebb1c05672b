"""Slow twins of the words of curate/words.py: the boundaries of UAX #29 are those that the package `regex` finds, which was written elsewhere; what a script
without spaces is, and which of its boundaries are none, is said here in patterns."""

import itertools

import regex

MARK = r"[\p{WB=Extend}\p{WB=Format}\p{WB=ZWJ}]"
REPEATS = "々〻ๆໆៗꩰฯຯะาำๅະາຳຽ"
LEADING = r"\p{Logical_Order_Exception}"
SYLLABIC = rf"[[\p{{LB=SA}}&&\p{{WB=Other}}&&\p{{L}}]--[{REPEATS}]]"
BASE = f"[{SYLLABIC}--{LEADING}]"
HIRAGANA = r"[\p{Script=Hiragana}&&\p{L}]"
KATAKANA = r"\p{WB=Katakana}"
LONG = "[ーｰ]"
LETTER = rf"[[\p{{Script=Han}}&&\p{{Ideographic}}]||{HIRAGANA}||{KATAKANA}||{SYLLABIC}||[{REPEATS}]]"
JOINER = "[\u17d2\u1039\u1a60]"
KILLER = "[\u0e4c\u0e4e\u0ecc\u103a\u17cd\u17d1\u1a7a]"
TAIL = rf"[{SYLLABIC}||[{REPEATS}]]"
BOUNDARY = regex.compile(r"(?w)\b", regex.V1)
NONE = regex.compile(
    rf"""(?<={LETTER}{MARK}*)(?=[{REPEATS}])
    |(?<={HIRAGANA}{MARK}*(?:{LONG}{MARK}*)*)(?=[{HIRAGANA}||{LONG}])
    |(?<=[{LEADING}&&{SYLLABIC}]{MARK}*)(?={BASE})
    |(?<={TAIL}{MARK}*{JOINER})(?={BASE})
    |(?<={TAIL}{MARK}*)(?={BASE}{KILLER})""",
    regex.V1 | regex.X,
)
PIECES = regex.compile(rf"{LETTER}|[^{LETTER}]+", regex.V1 | regex.S)


def default(text):
    """Words by UAX #29 as it stands."""
    return [word for word in BOUNDARY.split(text) if word]


def joined(text):
    """The same with hiragana and syllables in one."""
    bounds = {match.start() for match in BOUNDARY.finditer(text)} - {match.start() for match in NONE.finditer(text)}
    cuts = sorted(bounds | {0, len(text)})
    return [text[a:b] for a, b in itertools.pairwise(cuts)]


def uax29(text):
    """Words by the method of that name."""
    return [word.lstrip() for word in joined(text) if word.strip()]


def is_spaceless(word):
    """Whether it begins with a letter of a script without spaces."""
    return regex.match(LETTER, word, regex.V1) is not None


def pieces(run):
    """(part, whether it is a word of a script without spaces) of a run without white space."""
    out = []
    while run:
        cut = len(joined(run)[0]) if is_spaceless(run) else regex.match(rf"[^{LETTER}]+", run, regex.V1 | regex.S).end()
        out.append((run[:cut], is_spaceless(run)))
        run = run[cut:]
    return out


def line_words(line):
    """Words of a line as C4 counts them: runs without white space, cut before each word of a script without spaces."""
    out = []
    for run in line.split():
        for number, (part, spaceless) in enumerate(pieces(run)):
            if number == 0 or spaceless:
                out.append(part)
            else:
                out[-1] += part
    return out


def letter_words(line):
    """Runs without white space, cut before each letter of a script without spaces."""
    return [part for run in line.split() for part in regex.findall(rf"{LETTER}[^{LETTER}]*|[^{LETTER}]+", run, regex.V1 | regex.S)]
