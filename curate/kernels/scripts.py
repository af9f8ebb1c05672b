"""Scripts: in which writing system most letters of a text stand, by ISO 15924 code.

The script of a letter is taken from its name in the running Python's Unicode database (`GREEK SMALL LETTER ALPHA`), which agrees with the Script
property for all letters of the scripts listed here (a test compares); letters of other scripts, and those common to several (ª, mathematical alphabets),
are not counted. Han and kana in one text are Japanese (`Jpan`) where at least one letter in twenty is kana. Naive twin: tests/naive_text.py.
"""

import sys
import unicodedata
from functools import lru_cache

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.utf8 import code_at, width

NAMES = {
    "LATIN": "Latn", "CYRILLIC": "Cyrl", "GREEK": "Grek", "COPTIC": "Copt", "ARABIC": "Arab", "HEBREW": "Hebr", "ARMENIAN": "Armn",
    "GEORGIAN": "Geor", "DEVANAGARI": "Deva", "BENGALI": "Beng", "GURMUKHI": "Guru", "GUJARATI": "Gujr", "ORIYA": "Orya", "TAMIL": "Taml",
    "TELUGU": "Telu", "KANNADA": "Knda", "MALAYALAM": "Mlym", "SINHALA": "Sinh", "THAI": "Thai", "LAO": "Laoo", "TIBETAN": "Tibt",
    "MYANMAR": "Mymr", "KHMER": "Khmr", "ETHIOPIC": "Ethi", "CHEROKEE": "Cher", "MONGOLIAN": "Mong", "HANGUL": "Hang", "CJK": "Hani",
    "HIRAGANA": "Hira", "HENTAIGANA": "Hira", "KATAKANA": "Kana", "BOPOMOFO": "Bopo", "YI": "Yiii", "SYRIAC": "Syrc", "THAANA": "Thaa", "NKO": "Nkoo",
    "TIFINAGH": "Tfng", "VAI": "Vaii", "JAVANESE": "Java", "BALINESE": "Bali", "SUNDANESE": "Sund", "LEPCHA": "Lepc", "LIMBU": "Limb",
    "ADLAM": "Adlm", "BUGINESE": "Bugi", "CHAKMA": "Cakm", "GOTHIC": "Goth", "RUNIC": "Runr", "OGHAM": "Ogam", "TAGALOG": "Tglg",
}  # fmt: skip
"""First word of a letter's name → its script."""
LONG = {
    "CANADIAN SYLLABICS": "Cans", "OL CHIKI": "Olck", "MEETEI MAYEK": "Mtei", "TAI LE": "Tale", "NEW TAI LUE": "Talu", "TAI THAM": "Lana",
    "TAI VIET": "Tavt", "HANIFI ROHINGYA": "Rohg", "SYLOTI NAGRI": "Sylo", "HALFWIDTH KATAKANA": "Kana", "FULLWIDTH LATIN": "Latn",
    "HALFWIDTH HANGUL": "Hang",
}  # fmt: skip
CODES = ("", *sorted({*NAMES.values(), *LONG.values()}))
"""Scripts by number; number 0 is of no letter that is counted."""
LATIN, HAN, HIRAGANA, KATAKANA = (CODES.index(code) for code in ("Latn", "Hani", "Hira", "Kana"))
JAPANESE = len(CODES)
"""The number of `Jpan`."""
KANA_SHARE = 20


@lru_cache(maxsize=1)
def scripts() -> np.ndarray:
    """uint8[0x110000]: the number of each letter's script. Built in a tenth of a second, once a process."""
    number = {code: n for n, code in enumerate(CODES)}
    table = np.zeros(sys.maxunicode + 1, dtype=np.uint8)
    for code in range(0x20000):
        char = chr(code)
        if unicodedata.category(char) not in ("Lu", "Ll", "Lt", "Lo"):
            continue
        name = unicodedata.name(char, "")
        first, _, rest = name.partition(" ")
        script = next((LONG[long] for long in LONG if name.startswith(long)), NAMES.get(first, ""))
        table[code] = number[script] if "EXTENDED" not in first and rest else 0
    for low, high in ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0x20000, 0x323B0)):
        table[low:high] = number["Hani"]
    table[0xAC00:0xD7A4] = number["Hang"]
    table.setflags(write=False)
    return table


@njit(nogil=True, cache=True)
def majority(starts, ends, data, table, out):
    """out[i]: the number of the script of most letters of data[starts[i]:ends[i]], the first of equals; JAPANESE; 0 where no letter counts."""
    counts = np.zeros(256, dtype=np.int64)
    for row in range(len(starts)):
        counts[:] = 0
        latin = 0
        i = starts[row]
        while i < ends[row]:
            byte = data[i]
            if byte < 0x80:
                letter = byte | 32
                latin += letter >= 97 and letter <= 122
                i += 1
            else:
                step = width(byte)
                if i + step <= ends[row]:
                    counts[table[code_at(data, i)]] += 1
                i += step
        counts[LATIN] += latin
        kana = counts[HIRAGANA] + counts[KATAKANA]
        if kana > 0 and kana * KANA_SHARE >= kana + counts[HAN]:
            counts[JAPANESE] = kana + counts[HAN]
        best = 0
        counts[0] = 0
        for script in range(1, JAPANESE + 1):
            if counts[script] > counts[best]:
                best = script
        if best in (HAN, HIRAGANA, KATAKANA):
            best = JAPANESE if counts[JAPANESE] > 0 else best
        out[row] = best
