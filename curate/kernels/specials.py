"""What the token rules look things up in: marks by code point, special cases by hash, units.

The special cases are English contractions, abbreviations and times of day; each either stays whole or is cut once. The rules that use them
are in `words.py`.
"""

import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from curate.kernels.utf8 import classes
from curate.kernels.word_hash import hash_word

FRONT, BACK, QUOTE, PUNCT, CURRENCY, ICON, HYPHEN, COLON = (np.uint8(1 << bit) for bit in range(8))
"""Bits of `marks()`: comes off the front, off the back; quote, punctuation, currency, symbol; cuts between letters (hyphens; `:<>=/`)."""

_PUNCT = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪"
_QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉\u2329\u232a⟦⟧"
_CURRENCY = "$£€¥฿₽﷼₴₠₡₢₣₤₥₦₧₨₩₪₫€₭₮₯₰₱₲₳₴₵₸₹₺₻₼₾₿"
_UNITS = """km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s km/h mph hPa Pa mbar mb MB kb KB gb GB tb TB
    T G M K %"""
_VERBS = """ca can could do does did had may might must need ought sha should wo would is are was were have has dare ai"""
_ABBREVIATIONS = """Mt. Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. Jan. Jul. Jun. Kan. Kans. Ky. La. Mar.
    Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. S.C. Sep. Sept. Tenn. Va. Wash. Wis. Adm. Bros.
    Co. Corp. Dr. Gen. Gov. Inc. Jr. Ltd. Md. Messrs. Mo. Mont. Mr. Mrs. Ms. Ph.D. Prof. Rep. Rev. Sen. St. vs. v.s. v. e.g. E.g. E.G.
    i.e. I.e. I.E. a.m. p.m. D.C. B.C. A.D. U.S. Oreg. R.I. :) :-) :( :-( ;) ;-) :D :-D :P :-P :p :/ :-/ :o :O :| ): 8) '' ’’ and/or <3
    :3 ^_^ -_- o_o O_O xD XD :x :X
    's n't 'm 're 've 'll 'd"""
MAX_SPECIAL = 16
"""Bytes of the longest special case."""
SLOTS = 2048


class Tables(NamedTuple):
    """What the token kernels look things up in."""

    classes: np.ndarray
    marks: np.ndarray
    special_keys: np.ndarray
    special_cuts: np.ndarray
    units: np.ndarray
    """Hashes, and a zero behind the last."""


@lru_cache(maxsize=1)
def tables() -> Tables:
    """The tables of the token kernels, built once a process."""
    marks = np.zeros(0x110000, dtype=np.uint8)
    for bit, chars in (
        (FRONT | BACK | PUNCT, _PUNCT),
        (FRONT | BACK | QUOTE, _QUOTES),
        (FRONT | CURRENCY, _CURRENCY),
        (FRONT, "§%=—–"),
        (BACK, "—–"),
        (HYPHEN, "-–—~"),
        (COLON, ":<>=/"),
    ):
        for char in chars:
            marks[ord(char)] |= bit
    for code in range(0xA0, 0x1FB00):
        if unicodedata.category(chr(code)) == "So":
            marks[code] |= FRONT | BACK | ICON
    keys, cuts = _special_table()
    units = np.array([*sorted(map(hash_word, _UNITS.split())), 0], dtype=np.uint64)
    return Tables(classes(), marks, keys, cuts, units)


def specials() -> dict[str, tuple[int, ...]]:
    """Runs that are special → where they are cut, in bytes; () where they stay whole."""
    found: dict[str, tuple[int, ...]] = dict.fromkeys(_ABBREVIATIONS.split(), ())
    found |= {f"{letter}.": () for letter in "abcdefghijklmnopqrstuvwxyzäöü"}
    for apostrophe in ("'", "’"):
        for pronoun in ("i", "you", "he", "she", "it", "we", "they", "who", "what", "when", "where", "why", "how", "there", "that"):
            for tail in ("m", "re", "ve", "ll", "d", "s"):
                if tail != "m" or pronoun == "i":
                    _both_cases(found, pronoun, apostrophe + tail)
        for verb in _VERBS.split():
            _both_cases(found, verb, f"n{apostrophe}t")
        for verb in ("could", "might", "must", "should", "would"):
            _both_cases(found, verb, apostrophe + "ve")
        _both_cases(found, "let", apostrophe + "s")
        _both_cases(found, "y" + apostrophe, "all")
    for verb in ("ca", "could", "do", "does", "did", "had", "might", "must", "should", "wo", "would", "is", "are", "was", "have", "has"):
        _both_cases(found, verb, "nt")
    for pronoun, tails in (("i", "m ve d"), ("you", "re ve ll d"), ("we", "ve d"), ("they", "re ve ll d"), ("he", "s d"), ("she", "s ll")):
        for tail in tails.split():
            _both_cases(found, pronoun, tail)
    for head, tail in (("can", "not"), ("gon", "na"), ("got", "ta")):
        _both_cases(found, head, tail)
    for hour in range(1, 13):
        for half in ("am", "a.m.", "pm", "p.m."):
            found[f"{hour}{half}"] = (len(str(hour)),)
    return found


def _both_cases(found: dict[str, tuple[int, ...]], head: str, tail: str) -> None:
    for start in (head, head.capitalize()):
        found[start + tail] = (len(start.encode()),)


def _special_table() -> tuple[np.ndarray, np.ndarray]:
    """Open-addressing table of hashes of words: keys uint64 (0 is empty), cuts int8 (0: whole)."""
    keys = np.zeros(SLOTS, dtype=np.uint64)
    cuts = np.zeros(SLOTS, dtype=np.int8)
    for word, cut in sorted(specials().items()):
        key = hash_word(word)
        slot = key & (SLOTS - 1)
        while keys[slot]:
            slot = (slot + 1) & (SLOTS - 1)
        keys[slot], cuts[slot] = key, cut[0] if cut else 0
    return keys, cuts
