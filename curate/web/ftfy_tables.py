"""What ftfy would change, as tables that a kernel can walk: built from the installed ftfy and from Python's Unicode database.

ftfy decides whether a segment holds mojibake by one regular expression, `badness.BADNESS_RE`: alternatives of at most seven characters, each a set.
`detector` turns it into a deterministic automaton over classes of code points, exact, so that "no mojibake" costs one table look-up a character.
What ftfy and the normal form replace character by character (ligatures, widths, line ends, control characters, curly quotes if asked,
characters that are not in the normal form) becomes one map; pairs that compose become another. Hangul jamo are left to Python's own database.
Source of the quick check: Unicode Standard Annex 15, §9. Misses: an ftfy whose expression has other constructs is refused by name.
Price: 0.3 s once a process.
"""

import sys
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from curate.kernels.unicode_lines import COMPOSED, CONTEXT, CR, HARD, MAYBE, REPLACE

_CODES = sys.maxunicode + 1
_JAMO_LEADS = range(0x1100, 0x1113)
_JAMO_TAILS = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))


class Tables(NamedTuple):
    """Arguments of the kernels in `unicode_lines`."""

    info: np.ndarray
    """uint32[0x110000]: class of the detector, combining class << 8, flags << 16."""
    trans: np.ndarray
    """uint16[states, classes]: the detector; state 0 is any context, 1 the start of a segment, 2 accepts and stays."""
    map_codes: np.ndarray
    """int32[n], ascending: code points that are replaced."""
    map_starts: np.ndarray
    """int32[n + 1]: where each replacement lies in `map_text`."""
    map_text: np.ndarray
    """int32: the replacements' code points."""
    pair_keys: np.ndarray
    """uint64[m], ascending: first << 32 | second of the pairs that compose."""
    pair_codes: np.ndarray
    """int32[m]: what they compose to."""
    entity_keys: np.ndarray
    """uint64[k], ascending: names of at most eight letters, packed big endian, of the entities that ftfy decodes to one code point."""
    entity_codes: np.ndarray
    """int32[k]: those code points."""
    growth: int
    """UTF-8 bytes that one byte can become at most."""


@lru_cache(maxsize=8)
def tables(form: str, uncurl: bool) -> Tables:
    """The tables for ftfy with its defaults but for `uncurl_quotes` and the normal form (`none` for none)."""
    classes, trans = detector()
    flags = np.zeros(_CODES, dtype=np.uint32)
    changed = _replacements(form, uncurl)
    flags[list(changed)] |= REPLACE
    flags[0x1B] |= HARD
    flags[0x0D] |= CR
    combining = np.zeros(_CODES, dtype=np.uint32)
    pairs: dict[tuple[int, int], int] = {}
    if form != "none":
        for code in _assigned():
            if order := unicodedata.combining(chr(code)):
                combining[code] = order
        if form in ("NFC", "NFKC"):
            pairs = _pairs()
            flags[[second for _, second in pairs]] |= MAYBE
            flags[list(_JAMO_TAILS)] |= MAYBE
            flags[list(_JAMO_LEADS)] |= COMPOSED
            flags[0xAC00:0xD7A4] |= COMPOSED
            flags[[code for code in _decomposing() if code not in changed]] |= COMPOSED
    codes = sorted(changed)
    texts = [changed[code] for code in codes]
    keys = sorted(pairs)
    entities = sorted(_entities().items())
    return Tables(
        info=classes | combining << np.uint32(8) | flags << np.uint32(16),
        trans=trans,
        map_codes=np.array(codes, dtype=np.int32),
        map_starts=np.cumsum([0, *map(len, texts)]).astype(np.int32),
        map_text=np.array([ord(char) for text in texts for char in text], dtype=np.int32),
        pair_keys=np.array([first << 32 | second for first, second in keys], dtype=np.uint64),
        pair_codes=np.array([pairs[key] for key in keys], dtype=np.int32),
        entity_keys=np.array([key for key, _ in entities], dtype=np.uint64),
        entity_codes=np.array([code for _, code in entities], dtype=np.int32),
        growth=1 + max((-(-len(t.encode()) // len(chr(c).encode())) for c, t in zip(codes, texts, strict=True)), default=0),
    )


def _replacements(form: str, uncurl: bool) -> dict[int, str]:
    """Code point → what ftfy's character maps and the normal form make of it alone, where that is something else."""
    from ftfy import chardata

    touched = {0x2028, 0x2029, *chardata.LIGATURES, *chardata.WIDTH_MAP, *chardata.CONTROL_CHARS}
    quotes = {code: "'" for code in range(0x3000) if chardata.SINGLE_QUOTE_RE.match(chr(code))}
    quotes |= {code: '"' for code in range(0x3000) if chardata.DOUBLE_QUOTE_RE.match(chr(code))}
    if uncurl:
        touched |= set(quotes)
    if form != "none":
        touched |= {code for code in _decomposing(form in ("NFKC", "NFKD")) if not unicodedata.is_normalized(form, chr(code))}  # type: ignore[arg-type]
    if form in ("NFD", "NFKD"):
        touched |= set(range(0xAC00, 0xD7A4))
    touched -= {0x0D}
    found = {}
    for code in touched:
        text = chr(code).translate(chardata.LIGATURES).translate(chardata.WIDTH_MAP)
        if uncurl:
            text = text.translate(quotes)
        text = text.replace("\u2028", "\n").replace("\u2029", "\n").translate(chardata.CONTROL_CHARS)
        found[code] = text if form == "none" else unicodedata.normalize(form, text)  # type: ignore[arg-type]
    return {code: text for code, text in found.items() if text != chr(code)}


@lru_cache(maxsize=2)
def _decomposing(compatibility: bool = False) -> tuple[int, ...]:
    """Code points with a canonical decomposition, or any; Hangul syllables, whose decomposition is arithmetic, are not among them."""
    found = []
    for code in _assigned():
        decomposition = unicodedata.decomposition(chr(code))
        if decomposition and (compatibility or not decomposition.startswith("<")):
            found.append(code)
    return tuple(found)


def _entities() -> dict[int, int]:
    """Packed name → code point."""
    from ftfy import chardata

    named = ((name[1:-1], text) for name, text in chardata.HTML_ENTITIES.items())
    return {int.from_bytes(name.encode(), "big"): ord(text) for name, text in named if len(text) == 1 and len(name) <= 8}


def _pairs() -> dict[tuple[int, int], int]:
    """(first, second) → their primary composite."""
    found = {}
    for code in _decomposing():
        parts = [int(part, 16) for part in unicodedata.decomposition(chr(code)).split()]
        if len(parts) == 2 and unicodedata.normalize("NFC", chr(code)) == chr(code):
            found[parts[0], parts[1]] = code
    return found


def _assigned() -> Iterable[int]:
    """Code points that may have a decomposition or a combining class; ideographs and syllables have neither in the database's own terms."""
    yield from range(0x80, 0x3400)
    yield from range(0xA000, 0xAC00)
    yield from range(0xF900, 0x17000)
    yield from range(0x18B00, 0x20000)
    yield from range(0x2F800, 0x2FA20)


# ------------------------------------------------------------------------------------------------ the detector


@lru_cache(maxsize=1)
def detector() -> tuple[np.ndarray, np.ndarray]:
    """(class of every code point as uint32[0x110000], transitions as uint16[states, classes]) of ftfy's `BADNESS_RE`."""
    alternatives = _alternatives()
    sets = {atom for _, atoms in alternatives for atom in atoms}
    numbered = {atom: number for number, atom in enumerate(sorted(sets, key=repr))}
    classes, members = _classes(list(numbered))
    starting = frozenset((a, 0) for a, (anchored, _) in enumerate(alternatives) if not anchored)
    states: dict[Any, int] = {frozenset(): 0, frozenset((a, 0) for a, (anchored, _) in enumerate(alternatives) if anchored): 1, "bad": 2}
    rows: list[list[int]] = []
    pending = list(states)
    while len(rows) < len(pending):
        state = pending[len(rows)]
        row = []
        for member in members:
            following: Any = _step(state | starting, member, alternatives, numbered) if state != "bad" else "bad"
            if following not in states:
                states[following] = len(states)
                pending.append(following)
            row.append(states[following])
        rows.append(row)
    return classes, np.array(rows, dtype=np.uint16)


def _step(state: Any, member: frozenset[int], alternatives: list[Any], numbered: dict[Any, int]) -> Any:
    after = set()
    for alternative, at in state:
        atoms = alternatives[alternative][1]
        if numbered[atoms[at]] in member:
            if at + 1 == len(atoms):
                return "bad"
            after.add((alternative, at + 1))
    return frozenset(after)


def _alternatives() -> list[tuple[bool, tuple[Any, ...]]]:
    """(whether bound to the start, its sets in order) of each alternative; what may be left out makes two of one."""
    from importlib.metadata import version
    from re import _parser as parser  # type: ignore[attr-defined]

    from ftfy.badness import BADNESS_RE

    tree = list(parser.parse(BADNESS_RE.pattern, BADNESS_RE.flags))
    branches = tree[0][1][1] if len(tree) == 1 and str(tree[0][0]) == "BRANCH" else [tree]
    found = []
    for branch in branches:
        anchored, made = False, [()]
        for op, value in branch:
            if str(op) == "AT" and str(value) == "AT_BEGINNING":
                anchored = True
            elif str(op) == "MAX_REPEAT" and value[:2] == (0, 1) and len(value[2]) == 1:
                made = made + [(*atoms, _atom(*value[2][0])) for atoms in made]  # type: ignore[misc]
            elif str(op) in ("IN", "LITERAL", "ANY"):
                made = [(*atoms, _atom(op, value)) for atoms in made]  # type: ignore[misc]
            else:
                raise ValueError(f"ftfy {version('ftfy')}: expected sets of characters in its detector, got {op}; install ftfy 6.3")
        found += [(anchored, atoms) for atoms in made]
    if (longest := max(len(atoms) for _, atoms in found)) > CONTEXT + 1:
        raise ValueError(
            f"ftfy {version('ftfy')}: expected patterns of at most {CONTEXT + 1} characters in its detector, got {longest}; install ftfy 6.3"
        )
    return found


def _atom(op: Any, value: Any) -> tuple[Any, ...]:
    """A set in hashable form: (negated, its single code points, whether white space, whether word characters)."""
    if str(op) == "ANY":
        return True, frozenset([10]), False, False
    if str(op) == "LITERAL":
        return False, frozenset([value]), False, False
    codes: set[int] = set()
    negated = space = word = False
    for kind, item in value:
        if str(kind) == "NEGATE":
            negated = True
        elif str(kind) == "LITERAL":
            codes.add(item)
        elif str(kind) == "RANGE":
            codes |= set(range(item[0], item[1] + 1))
        elif str(item) == "CATEGORY_SPACE":
            space = True
        elif str(item) == "CATEGORY_WORD":
            word = True
        else:
            raise ValueError(f"ftfy: expected characters, ranges, \\s or \\w in a set of its detector, got {kind} {item}; install ftfy 6.3")
    return negated, frozenset(codes), space, word


def _classes(atoms: list[tuple[Any, ...]]) -> tuple[np.ndarray, list[frozenset[int]]]:
    """(class of every code point, the atoms that hold each class's members)."""
    import re

    everything = "".join(map(chr, range(_CODES)))
    word = np.zeros(_CODES, dtype=np.uint32)
    for found in re.finditer(r"\w+", everything):
        word[found.start() : found.end()] = 1
    space = np.zeros(_CODES, dtype=np.uint32)
    space[[found.start() for found in re.finditer(r"\s", everything)]] = 1
    classes = word + 2 * space
    members: list[frozenset[int]] = []
    seen: dict[frozenset[int], int] = {}

    def number(code: int | None, is_word: bool, is_space: bool) -> int:
        held = frozenset(
            i for i, (negated, codes, s, w) in enumerate(atoms) if negated != (code in codes or (s and is_space) or (w and is_word))
        )
        if held not in seen:
            seen[held] = len(members)
            members.append(held)
        return seen[held]

    named = sorted(set().union(*(codes for _, codes, _, _ in atoms)))
    exact = [number(code, bool(word[code]), bool(space[code])) for code in named]
    rest = np.array([number(None, bool(kind & 1), bool(kind & 2)) for kind in range(4)], dtype=np.uint32)
    classes = rest[classes]
    classes[named] = exact
    return classes, members
