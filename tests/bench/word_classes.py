"""Make the file of word classes anew: `python -m tests.bench.word_classes`. Needs `regex`, of which the version of Unicode is that of the table.

Each line is a class and its ranges, in base 36: how many code points lie between a range and the one before, and, behind a plus, how many it holds
beyond its first.
"""

import importlib.metadata
from pathlib import Path

import regex

from curate.kernels import word_classes

FILE = Path(word_classes.__file__).with_suffix(".txt")
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
FOLLOWING = "\u3005\u303b\u0e2f\u0e30\u0e32\u0e33\u0e45\u0e46\u0eaf\u0eb0\u0eb2\u0eb3\u0ebd\u0ec6\u17d7\uaa70"
"""Letters that stay with the one before: repetition marks (々 〻 ๆ ໆ ៗ ꩰ), abbreviation marks (ฯ ຯ), vowels behind their consonant (Thai, Lao)."""
LONG = "\u30fc\uff70"
JOINER = "\u17d2\u1039\u1a60"
"""Coeng, the virama of Burmese, sakot."""
KILLER = "\u0e4c\u0e4e\u0ecc\u103a\u17cd\u17d1\u1a7a"
"""Thanthakhat, yamakkan, cancellation mark, asat, toandakhiat, viriam, ra haam."""


def matching(pattern):
    found = regex.compile(pattern, regex.V1)
    return {code for code in range(0x110000) if found.match(chr(code))}


def base36(number):
    out = ""
    while True:
        number, digit = divmod(number, 36)
        out = DIGITS[digit] + out
        if not number:
            return out


def written(codes):
    """Ranges of code points, as the file has them."""
    out, at, ordered = [], 0, sorted(codes)
    i = 0
    while i < len(ordered):
        first = last = ordered[i]
        while i + 1 < len(ordered) and ordered[i + 1] == last + 1:
            i, last = i + 1, last + 1
        out.append(base36(first - at) + (f"+{base36(last - first)}" if last > first else ""))
        at, i = last + 1, i + 1
    return " ".join(out)


def spaceless():
    """What stands in scripts without spaces, by class."""
    following, long, joiner, killer = (set(map(ord, each)) for each in (FOLLOWING, LONG, JOINER, KILLER))
    complex_letters = matching(r"[\p{LB=SA}&&\p{WB=Other}&&\p{L}]") - following
    leading = matching(r"\p{Logical_Order_Exception}") & complex_letters
    return {
        "Han": matching(r"\p{Ideographic}") & matching(r"\p{Script=Han}"),
        "Hiragana": matching(r"[\p{Script=Hiragana}&&\p{L}]"),
        "Katakana_letter": matching(r"\p{WB=Katakana}") - long,
        "Long": long,
        "Base": complex_letters - leading,
        "Leading": leading,
        "Following": following,
        "Joiner": joiner,
        "Killer": killer,
    }


def main():
    classes = {name: matching(rf"\p{{WB={name}}}") for name in word_classes._BREAKS}
    classes |= {"Extended_Pictographic": matching(r"\p{Extended_Pictographic}")} | spaceless()
    head = f"Unicode {word_classes.UNICODE}, by regex {importlib.metadata.version('regex')}; made by tests/bench/word_classes.py"
    FILE.write_text("\n".join([head, *(f"{name} {written(classes[name])}" for name in word_classes.NAMES)]) + "\n", encoding="ascii")
    print(f"{FILE.name}: {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
