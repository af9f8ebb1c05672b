"""What a block inherits from the elements above it: scores of class words, counts of landmarks, word lists. Part of `html_features.py`.

Elements stand in document order, parents before children, so that one pass from the first to the last hands everything down.
"""

import numpy as np

from curate.kernels import html_tables as ht
from curate.kernels.compiled import njit
from curate.kernels.html_attributes import FNV
from curate.kernels.pointers import borrowed

LANDMARKS = "article main nav aside header footer form figure blockquote button table li".split()  # noqa: SIM905
WORD_LISTS = {
    "comment": "comment comments commentlist respond disqus reply replies",
    "related": "related recommended recommendations similar more popular trending recent latest also next prev previous read teaser teasers",
    "share": "share sharing social follow facebook twitter tweet sharedaddy addtoany buttons",
    "meta": "meta byline author date time timestamp tags tag categories category published info breadcrumb breadcrumbs",
    "ad": "ad ads advert advertisement sponsor sponsored promo promotion newsletter subscribe subscription signup cta cookie consent gdpr popup modal banner",
    "nav": "nav navigation menu navbar topbar sidebar widget widgets pagination pager skip footer header masthead copyright legal",
    "body": "article content entry post story body text main prose richtext markdown copy description wysiwyg rte",
    "forum": "forum thread topic message messages answer answers question post postbody posts",
    "item": "item items card cards tile product products grid list listing price prices result results row",
}
"""Class and id words with a meaning of their own; most are English, since most class names are. Roles and `itemprop` are hashed with another seed: they
are in no list, and count by their scores."""
OWN, LEAST, MOST, DECAYED, NEAREST, LANDMARK = 0, 1, 2, 3, 4, 5
LISTED = LANDMARK + len(LANDMARKS)
WITHIN = LISTED + len(WORD_LISTS)
INHERITED = WITHIN + 1
NAMES_OF_INHERITED = [
    *("class_own", "class_least", "class_most", "class_decayed", "class_nearest"),
    *(f"in_{name}" for name in LANDMARKS),
    *(f"words_{name}" for name in WORD_LISTS),
    "hidden",
]
_DECAY = np.float32(0.7)
_MOST_UNITS = 0.85


def _landmarks() -> np.ndarray:
    found = np.full(len(ht.TAGS), -1, np.int32)
    for at, name in enumerate(LANDMARKS):
        found[ht.ID[name]] = at
    return found


def _bucket(word: str, seed: int = 0) -> int:
    key = 14695981039346656037 ^ seed
    for byte in word.encode():
        key = ((key ^ byte) * 1099511628211) & 0xFFFFFFFFFFFFFFFF
    return (key ^ (key >> 16) ^ (key >> 32) ^ (key >> 48)) & 0xFFFF


def _listed() -> np.ndarray:
    """int32[65536]: one bit for each word list that the token is in."""
    found = np.zeros(65536, np.int32)
    for at, words in enumerate(WORD_LISTS.values()):
        for word in words.split():
            found[_bucket(word)] |= 1 << at
    return found


LANDMARK_OF = _landmarks()
LISTS_OF = _listed()


@njit(nogil=True, cache=True, inline="always")
def _own(page, element, scores):
    """(score, word lists) of an element's own tokens; the score is their sum, within ±6."""
    score, lists = np.float32(0), 0
    row = page.elements[element]
    for at in range(row[ht.TOKENS], row[ht.TOKENS_END]):
        token = page.tokens[at]
        score += scores[token]
        lists |= LISTS_OF[token]
    return min(max(score, np.float32(-6)), np.float32(6)), lists


@njit(nogil=True, cache=True)
def inherited(page, scores, sums, made):
    """Fills made float32[elements, INHERITED]. scores: float32[65536], log-odds of content by token; sums: int64[blocks + 1], units
    before each block. Tokens of an element that holds over 85 % of the page are left out: they speak of the whole page."""
    made = borrowed(made)
    total = sums[page.state[ht.NUM_BLOCKS]]
    made[0] = 0
    for element in range(1, page.state[ht.NUM_ELEMENTS]):
        row, above = page.elements[element], made[page.elements[element, ht.PARENT]]
        here = made[element]
        here[:] = above
        score, lists = np.float32(0), 0
        if sums[row[ht.LAST]] - sums[row[ht.FIRST]] <= _MOST_UNITS * total:
            score, lists = _own(page, element, scores)
        here[OWN] = score
        here[LEAST] = min(above[LEAST], score)
        here[MOST] = max(above[MOST], score)
        here[DECAYED] = above[DECAYED] * _DECAY + score
        if score != 0:
            here[NEAREST] = score
        landmark = LANDMARK_OF[row[ht.TAG]]
        if landmark >= 0:
            here[LANDMARK + landmark] += 1
        for at in range(WITHIN - LISTED):
            if lists & (1 << at):
                here[LISTED + at] += 1
        here[WITHIN] = max(here[WITHIN], np.float32(row[ht.HIDDEN]))


@njit(nogil=True, cache=True)
def signature(page, element):
    """Hash of tag and classes of an element and of its parent."""
    key = FNV
    for _ in range(2):
        row = page.elements[element]
        key = (key ^ np.uint64(row[ht.TAG])) * np.uint64(1099511628211)
        key = (key ^ np.uint64(row[ht.SIGNATURE])) * np.uint64(1099511628211)
        element = row[ht.PARENT]
    return key | np.uint64(1)


@njit(nogil=True, cache=True)
def grouped(keys, groups):
    """groups[i] = number of the group of keys[i] (uint64, not 0), in order of first appearance; returns how many there are."""
    n = len(keys)
    size = 16
    while size < 2 * n:
        size *= 2
    slots = np.zeros(size, np.uint64)
    number = np.zeros(size, np.int32)
    count = 0
    for i in range(n):
        key = keys[i]
        slot = (key ^ (key >> np.uint64(29))) & np.uint64(size - 1)
        while slots[slot] != np.uint64(0) and slots[slot] != key:
            slot = (slot + np.uint64(1)) & np.uint64(size - 1)
        if slots[slot] == np.uint64(0):
            slots[slot] = key
            number[slot] = count
            count += 1
        groups[i] = number[slot]
    return count
