"""Words: boundaries and counts. Two definitions, both over UTF-8 bytes.

*Split words* are runs between white space (`str.split`). *Tokens* follow the rules that spaCy's blank English tokenizer applies to most
text (datatrove ≥ 0.4 counts with it): at white space first, then punctuation comes off the front and the back of each run, contractions
come off the end (`do n't`, `it 's`), and some marks cut inside (`well-known`, `a/b`, `end.Start`). Not done here, and therefore
different from spaCy: its table of English exceptions (`Mr.`, `e.g.` keep their full stop only by the general rule; `cannot` stays
whole), web addresses and e-mail addresses as one token (only a run that begins with a scheme or `www.` is), emoticons, units after
numbers (`5km`). Naive twin: tests/naive_text.py. Price: about 100 MB/s for tokens.
"""

import numpy as np
from numba import njit

from curate.kernels.utf8 import SPACE, code_at, width

PREFIX, SUFFIX, HYPHEN, INFIX, QUOTE = (np.uint8(1 << bit) for bit in range(5))
_PREFIXES = (
    "§%=—–+…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪'\"”“`‘´’‚„»«「」『』（）〔〕【】《》〈〉⟦⟧$£€¥฿₽﷼₴₠₡₢₣₤₥₦₧₨₩₪₫₭₮₯₰₱₲₳₵₶₷₸₹₺₻₼₾₿"
)
_SUFFIXES = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪'\"”“`‘´’‚„»«「」『』（）〔〕【】《》〈〉⟦⟧—–"
_HYPHENS = "-–—~"
_QUOTES = "'\"”“`‘´’‚„»«"


def marks() -> np.ndarray:
    """uint8[0x110000]: what a code point may do in a run: come off the front, off the back, cut between letters, cut within, be a quote."""
    import unicodedata

    table = np.zeros(0x110000, dtype=np.uint8)
    for bit, chars in ((PREFIX, _PREFIXES), (SUFFIX, _SUFFIXES), (HYPHEN, _HYPHENS), (INFIX, ":<>=/"), (QUOTE, _QUOTES)):
        for char in chars:
            table[ord(char)] |= bit
    for code in range(0x80, 0x1FB00):
        if unicodedata.category(chr(code)) == "So":  # pictures and other symbols stand alone
            table[code] |= PREFIX | SUFFIX
    table.setflags(write=False)
    return table


@njit(nogil=True, cache=True)
def count_split(offsets, data, classes, out):
    """out[row] = number of words that `str.split()` finds."""
    for row in range(len(offsets) - 1):
        total = 0
        inside = False
        i = offsets[row]
        end = offsets[row + 1]
        while i < end:
            space = (classes[code_at(data, i)] & SPACE) != 0
            total += inside is False and space is False
            inside = space is False
            i += width(data[i])
        out[row] = total
