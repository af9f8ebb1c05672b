"""Slow twin of decontaminate: words by a regular expression over classes of characters, n-grams as tuples, every window tried."""

import math
import re
from collections import defaultdict

from naive_dedup import LETTERS, _letter, _written

from curate.kernels import fold

WORD = re.compile(r"A[mx]*|[9wm][9wmx]*")
ESCAPE = re.compile(r"\\[nrt]")


def words(text):
    """(folded word, start, end in bytes) of a text."""
    bare = ESCAPE.sub("  ", text)
    classes = "".join(" " if c == LETTERS[fold.DECIMAL] else c for c in map(_letter, bare))
    at = [0]
    for char in bare:
        at.append(at[-1] + len(char.encode()))
    return [("".join(_kept(c) for c in bare[m.start() : m.end()]), at[m.start()], at[m.end()]) for m in WORD.finditer(classes)]


def _kept(char):
    letter = _letter(char)
    if letter in (LETTERS[fold.DROPPED], LETTERS[fold.DIGIT]):
        return "" if letter == LETTERS[fold.DROPPED] else char
    # a mark behind a character of a script without spaces is not folded; such marks have no other form
    return _written(char)


def ngrams(found, n):
    return [tuple(found[i : i + n]) for i in range(len(found) - n + 1)]


def bare(text):
    return [word for word, _, _ in words(text)]


def find(items, text, config):
    """(item, start, end, n-grams found, answer) of every hit, by item and place. items: (benchmark, text, answer)."""
    texts = [bare(item) for _, item, _ in items]
    shared = defaultdict(set)
    for (benchmark, _, _), item in zip(items, texts, strict=True):
        if len(item) >= config.ngram:
            for gram in ngrams(item, config.ngram):
                shared[gram, benchmark].add(tuple(item))
    common = {gram for (gram, _), those in shared.items() if len(those) > config.max_items}
    found, hits = words(text), []
    for number, (item, (_, _, answer)) in enumerate(zip(texts, items, strict=True)):
        hits += [(number, *hit) for hit in _hits(item, bare(answer), found, common, config)]
    return hits


def _hits(item, answer, found, common, config):
    plain = [word for word, _, _ in found]
    long = len(item) >= config.ngram
    wanted = set(ngrams(item, config.ngram)) - common if long else {tuple(item)}
    if not wanted or (not long and (len(item) < config.min_words or (not answer and len(item) < config.min_words_alone))):
        return
    size = config.ngram if long else len(item)
    met = [i for i, gram in enumerate(ngrams(plain, size)) if gram in wanted]
    i = 0
    while i < len(met):
        near = [place for place in met[i:] if place < met[i] + 2 * len(item)] if long else [met[i]]
        grams = [tuple(plain[place : place + size]) for place in near]
        got = len(set(grams))
        near = near[: 1 + max(k for k, gram in enumerate(grams) if gram not in grams[:k])]  # what only repeats belongs to another copy
        last = near[-1] + size
        behind = plain[last : last + config.answer_words]
        said = (
            next((last + j + len(answer) for j, gram in enumerate(ngrams(behind, len(answer))) if list(gram) == answer), None)
            if answer
            else None
        )
        if (long and got < math.ceil(len(wanted) * config.min_overlap - 1e-9)) or (not long and answer and said is None):
            i += 1
            continue
        end = said if not long and answer else last
        yield found[met[i]][1], found[end - 1][2], got, None if not answer else said is not None
        i += len(near)
