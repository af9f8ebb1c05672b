"""Unicode: mojibake repaired, one normal form, control characters gone. After Speer's ftfy 6.3, with curly quotes left alone.

ftfy works line by line and carries one thing from line to line: once a `<` has been seen, HTML entities are no longer decoded. Nearly all
lines cannot change, and three gates prove it without ftfy: a document of printable ASCII without `&` (compiled, no Python object); a line
of the same kind; a line in which ftfy's own detectors find nothing to do. What is left, about 1 % of bytes, goes through ftfy. Line
breaks (CR LF, CR, U+2028, U+2029) become newlines first, and repair is repeated until nothing changes, so that doing it twice is doing it
once.
Misses: mojibake of encodings that ftfy does not know, and everything that takes knowledge of the language.
Price: about 20 MB of English web text a second and core; ASCII alone is free, the lines that ftfy must see cost 1.5 MB/s.

column  type   meaning
edits   int32  lines that changed, in all rounds together; rewritten line breaks count
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate import arrow
from curate.kernels.utf8 import is_plain
from curate.stage import Columns, stage
from curate.stage import Config as Base

MAX_ROUNDS = 8
"""Repairs of one text, each undoing one more layer; text nested deeper than this is left as the last round made it."""

_SUSPECT = re.compile(r"[^\t\n\x20-\x25\x27-\x7e]")
_BREAKS = re.compile("\r\n|\r|\u2028|\u2029")
Form = Literal["NFC", "NFKC", "NFD", "NFKD", "none"]


class Config(Base):
    """What is repaired."""

    repair: bool = True
    """Repair mojibake, entities, ligatures, widths, line breaks and control characters with ftfy."""
    uncurl_quotes: bool = False
    """Make curly quotes straight, as ftfy does by default; off, since curly quotes are no damage and this rewrites most documents."""
    form: Form = "NFC"
    """Unicode normal form of the result; compatibility forms (K) lose distinctions such as superscripts."""


@stage(
    version=1,
    reads=("text",),
    adds={"edits": pa.int32()},
    replaces=("text",),
    distributions=("ftfy",),
)
def unicode(batch: pa.RecordBatch, config: Config) -> Columns:
    text = batch["text"]
    view = arrow.utf8(text)
    plain = np.zeros(len(text), dtype=np.bool_)
    is_plain(view.offsets, view.data, plain)
    edits = np.zeros(len(text), dtype=np.int32)
    fresh: list[str] = []
    changed = np.zeros(len(text), dtype=np.bool_)
    for row in np.flatnonzero(view.valid & ~plain):
        old = text[int(row)].as_py()
        new, edits[row] = repaired(old, config)
        if new != old:
            changed[row] = True
            fresh.append(new)
    if fresh:
        text = pc.replace_with_mask(text, pa.array(changed), arrow.large_string(list(fresh)).cast(text.type))
    return {"text": text, "edits": pa.array(edits, mask=~view.valid)}


def repaired(text: str, config: Config) -> tuple[str, int]:
    """The text repaired and normalised, and the number of its lines that changed (in all rounds together; rewritten line breaks count)."""
    if not config.repair:
        if config.form == "none" or unicodedata.is_normalized(config.form, text):
            return text, 0
        return unicodedata.normalize(config.form, text), 1
    edits = 0
    for _ in range(MAX_ROUNDS):
        text, changed = _round(text, config.form, config.uncurl_quotes)
        edits += changed
        if not changed:
            break
    return text, edits


def _round(text: str, form: Form, uncurl: bool) -> tuple[str, int]:
    text, edits = _BREAKS.subn("\n", text)
    gate, fix, longest = _ftfy(form, uncurl)
    first_angle = text.find("<")
    if first_angle < 0:
        first_angle = len(text)
    made: list[str] = []
    done = 0
    suspect = _SUSPECT.search(text)
    while suspect:
        start = text.rfind("\n", 0, suspect.start()) + 1
        end = text.find("\n", suspect.start()) + 1 or len(text)
        unescape = first_angle >= end
        for at in range(start, end, longest):
            line = text[at : min(end, at + longest)]
            new = line if gate(line, unescape) else fix(line, unescape)
            if new != line:
                made += (text[done:at], new)
                done = at + len(line)
                edits += 1
        suspect = _SUSPECT.search(text, end)
    made.append(text[done:])
    return "".join(made), edits


@lru_cache(maxsize=16)
def _ftfy(form: Form, uncurl: bool) -> tuple[Callable[[str, bool], bool], Callable[[str, bool], str], int]:
    """(gate, fix, longest segment): gate(line, unescape) is true only where fix(line, unescape) returns the line."""
    import ftfy
    from ftfy import chardata
    from ftfy.badness import BADNESS_RE, MOJIBAKE_CATEGORIES

    config = ftfy.TextFixerConfig(uncurl_quotes=uncurl, normalization=None if form == "none" else form, explain=False, unescape_html=False)
    entities = config._replace(unescape_html=True)
    touched = set(chardata.LIGATURES) | set(chardata.WIDTH_MAP) | set(chardata.CONTROL_CHARS)
    touched |= set(range(0x80, 0xA0)) | {0x0D, 0x1B, 0x2028, 0x2029} | set(range(0xD800, 0xE000))
    if uncurl:
        touched |= {
            code for code in range(0x3000) if chardata.SINGLE_QUOTE_RE.match(chr(code)) or chardata.DOUBLE_QUOTE_RE.match(chr(code))
        }
    replaced = re.compile("[" + "".join(re.escape(chr(code)) for code in sorted(touched)) + "]")
    entity = chardata.HTML_ENTITY_RE
    # The detector is slow. Each of its patterns holds a character that is neither quote nor dash, and two characters beyond ASCII in a row
    # or one of a few single ones (tests hold both claims against the installed ftfy).
    tame = ("common", "start_punctuation", "end_punctuation")
    telling = re.compile("[" + "".join(chars for name, chars in MOJIBAKE_CATEGORIES.items() if name not in tame) + "]")
    in_a_row = re.compile("[^\x00-\x7f][^\x00-\x7f]|[\x80-\x9fŒœÃÂ]")

    def gate(line: str, unescape: bool) -> bool:
        if "&" in line and unescape and entity.search(line):
            return False
        if line.isascii():
            return not replaced.search(line)
        if form != "none" and not unicodedata.is_normalized(form, line):
            return False
        if replaced.search(line):
            return False
        return not (telling.search(line) and in_a_row.search(line) and BADNESS_RE.search(line))

    def fix(line: str, unescape: bool) -> str:
        return ftfy.fix_and_explain(line, entities if unescape else config).text

    return gate, fix, entities.max_decode_length
