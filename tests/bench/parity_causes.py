"""Why two tools decide differently about a text: by the words that both find, the first of them that differ, and what kind of difference it is."""

import re
from difflib import SequenceMatcher

import pyarrow as pa

from curate.words import scanned

SHOWN = 3
WINDOW = 20_000
"""Words that are compared."""


def our_words(text):
    """The tokens of our scan, as text."""
    data = text.encode()
    found = scanned(pa.array([text], pa.large_string()), "spacy")
    first, last = int(found.firsts[0]), int(found.lasts[0])
    return [data[a:b].decode() for a, b in zip(found.starts[first:last].tolist(), found.ends[first:last].tolist(), strict=True)]


def differences(mine, theirs):
    """[(our words, their words)] of each place where two lists of words differ."""
    matcher = SequenceMatcher(None, mine[:WINDOW], theirs[:WINDOW], autojunk=False)
    return [(mine[a:b], theirs[c:d]) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"]


def kind(mine, theirs):
    """What sort of place it is."""
    whole = "".join(theirs) or "".join(mine)
    if "".join(mine) != "".join(theirs):
        return "the text itself"
    if re.search(r"://|www\.|@|\.(com|org|net)\b", whole):
        return "an address"
    if re.search(r"\d", whole):
        return "a number with its unit or sign"
    if re.search(r"['’]", whole):
        return "a contraction"
    if re.search(r"\w\.", whole):
        return "an abbreviation, or a full stop within a word"
    if not re.search(r"\w", whole):
        return "a run of marks (an emoticon)"
    return "a mark within a word"


def told(words):
    return " ".join(f"`{word}`" for word in words).replace("|", "\\|") or "nothing"


def cause(text, theirs, value):
    """One cell: why. theirs: their words; value: what we measured, rounded."""
    found = differences(our_words(text), theirs)
    if not found:
        return f"same words; our measure is rounded to 1e-4 before it is judged ({value})"
    kinds = sorted({kind(*one) for one in found})
    shown = "; ".join(f"{told(a)} / {told(b)}" for a, b in found[:SHOWN])
    more = f"; {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"words, ours / theirs: {shown}{more} ({', '.join(kinds)})"
