"""Unicode: mojibake repaired, one normal form, control characters gone. Exactly Speer's ftfy 6.3, with curly quotes left alone.

ftfy works line by line and carries one thing from line to line: once a `<` has been seen, HTML entities are no longer decoded. A kernel walks
every line with ftfy's own detector, made into an automaton, and proves of nearly all that nothing can change; it makes ligatures, widths, line
ends, control characters and single compositions right itself, and proves the outcome the same way. A line of which only the normal form
is in doubt is asked of Python's database. What is left, about a thousandth of the bytes of web text, goes through ftfy.
ftfy is not quite settled after one walk (a line break that it writes cuts a line in two, and each half may have more to repair): `rounds` repeats it.
Misses: mojibake of encodings that ftfy does not know, and everything that takes knowledge of the language.
Price: 300 to 600 MB of web text a second and core (tests/bench/bench_unicode.py); lines that ftfy must see cost 1.5 MB/s.

column  type   meaning
edits   int32  lines that changed, in all rounds together
"""

import unicodedata
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from pydantic import Field

from curate import arrow
from curate.kernels import unicode_lines as lines
from curate.stage import Columns, stage
from curate.stage import Config as Base
from curate.web.ftfy_tables import Tables, tables

Form = Literal["NFC", "NFKC", "NFD", "NFKD", "none"]


class Config(Base):
    """What is repaired."""

    repair: bool = True
    """Repair mojibake, entities, ligatures, widths, line breaks and control characters as ftfy does."""
    uncurl_quotes: bool = False
    """Make curly quotes straight, as ftfy does by default; off, since curly quotes are no damage and this rewrites most documents."""
    form: Form = "NFC"
    """Unicode normal form of the result; compatibility forms (K) lose distinctions such as superscripts."""
    rounds: Annotated[int, Field(ge=1, le=64)] = 1
    """How often ftfy's walk is repeated, at most, while it changes something: 1 is ftfy itself, 8 nearly always ends in a text at rest."""


class Texts(NamedTuple):
    """A string column: row i is data[offsets[i]:offsets[i + 1]]."""

    offsets: np.ndarray
    data: np.ndarray


@stage(version=2, reads=("text",), adds={"edits": pa.int32()}, replaces=("text",), distributions=("ftfy",))
def unicode(batch: pa.RecordBatch, config: Config) -> Columns:
    text = batch["text"]
    view = arrow.utf8(text)
    made, edits = repaired_texts(Texts(view.offsets, view.data), config)
    if edits.any():
        whole = [None, pa.py_buffer(made.offsets), pa.py_buffer(made.data)]
        fresh = pa.Array.from_buffers(pa.large_string(), len(text), whole)
        text = fresh if text.null_count == 0 else pa.compute.if_else(text.is_valid(), fresh, None)
        text = text.cast(batch["text"].type)
    return {"text": text, "edits": pa.array(edits, mask=~view.valid)}


def repaired(text: str, config: Config) -> tuple[str, int]:
    """One text repaired and normalised, and the number of its lines that changed, in all rounds together."""
    data = np.frombuffer(text.encode("utf-8", "replace"), dtype=np.uint8)
    made, edits = repaired_texts(Texts(np.array([0, len(data)], dtype=np.int64), data), config)
    return made.data[: made.offsets[-1]].tobytes().decode(), int(edits[0])


def repaired_texts(texts: Texts, config: Config) -> tuple[Texts, np.ndarray]:
    """The texts repaired and normalised, and how many lines of each changed: int32[rows]."""
    if not config.repair:
        return _normalised(texts, config.form)
    edits = np.zeros(len(texts.offsets) - 1, dtype=np.int32)
    for _ in range(config.rounds):
        texts, changed = _walk(texts, config.form, config.uncurl_quotes)
        if not len(changed):
            break
        np.add.at(edits, changed, 1)
    return texts, edits


def _walk(texts: Texts, form: Form, uncurl: bool) -> tuple[Texts, np.ndarray]:
    """One walk of ftfy over the texts: (what it makes of them, the row of every line that changed)."""
    t = tables(form, uncurl)
    fix, longest = _ftfy(form, uncurl)
    rows, starts, ends, flags = _noted(texts, True, longest, t)
    if not len(rows):
        return texts, rows
    seen = texts.data[texts.offsets[0] : texts.offsets[-1]]
    pool, at, until = _made(texts, starts, ends, flags, longest, t)
    changed = until > at
    size, more = len(pool), [pool]
    for k in np.flatnonzero(~changed):
        old = texts.data[starts[k] : ends[k]].tobytes()
        line = old.decode()
        if flags[k] & ~lines.ANGLE == lines.UNSURE and unicodedata.is_normalized(form, line):  # type: ignore[arg-type]
            continue
        new = fix(line, not flags[k] & lines.ANGLE).encode("utf-8", "replace")
        if new != old:
            changed[k] = True
            at[k], until[k] = size, size + len(new)
            size += len(new)
            more.append(np.frombuffer(new, dtype=np.uint8))
    if not changed.any():
        return texts, rows[:0]
    pool = np.concatenate(more)
    rows, starts, ends, at, until = (part[changed] for part in (rows, starts, ends, at, until))
    data = np.empty(len(seen) + int((until - at).sum() - (ends - starts).sum()), dtype=np.uint8)
    offsets = np.empty_like(texts.offsets)
    lines.splice(texts.offsets, texts.data, rows, starts, ends, pool, at, until, data, offsets)
    return Texts(offsets, data), rows


def _noted(texts: Texts, by_line: bool, longest: int, t: Tables) -> tuple[np.ndarray, ...]:
    """(row, start, end, flags) of the segments that may change."""
    seen = texts.data[texts.offsets[0] : texts.offsets[-1]]
    room = np.count_nonzero(seen == 10) + len(texts.offsets) + len(seen) // longest
    noted = [np.empty(room, dtype=np.int64) for _ in range(4)]
    n = lines.scan(texts.offsets, texts.data, by_line, longest, lines.ASCII_KINDS, t.info, t.trans, t.pair_keys, *noted)
    return tuple(part[:n] for part in noted)


def _made(
    texts: Texts, starts: np.ndarray, ends: np.ndarray, flags: np.ndarray, longest: int, t: Tables
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(pool, start, end in it) of what the kernel makes of noted segments; nothing where the outcome is not proven to be ftfy's."""
    ours = (flags & (lines.FIX | lines.ENTITY)) > 0
    pool = np.empty(int((ends - starts)[ours].sum()) * t.growth + 16, dtype=np.uint8)
    offsets = np.empty(len(starts) + 1, dtype=np.int64)
    maps, pairs, entities = (t.map_codes, t.map_starts, t.map_text), (t.pair_keys, t.pair_codes), (t.entity_keys, t.entity_codes)
    lines.rewrite(texts.data, starts, ends, flags, t.info, maps, pairs, entities, pool, offsets)
    pool = pool[: offsets[-1]]
    at, until = offsets[:-1].copy(), offsets[1:].copy()
    again, _, _, left = _noted(Texts(offsets, pool), False, longest, t)
    ignored = np.where(flags[again] & lines.ANGLE, lines.ANGLE | lines.ENTITY, lines.ANGLE)
    unproven = again[(left & ~ignored) > 0]
    until[unproven] = at[unproven]
    return pool, at, until


def _normalised(texts: Texts, form: Form) -> tuple[Texts, np.ndarray]:
    """The texts in a normal form and nothing else; a text that changes counts as one line."""
    edits = np.zeros(len(texts.offsets) - 1, dtype=np.int32)
    if form == "none":
        return texts, edits
    made: list[bytes] = []
    for row in range(len(edits)):
        old = texts.data[texts.offsets[row] : texts.offsets[row + 1]].tobytes()
        new = old if old.isascii() else unicodedata.normalize(form, old.decode()).encode()
        edits[row] = new != old
        made.append(new)
    return Texts(np.cumsum([0, *map(len, made)]).astype(np.int64), np.frombuffer(b"".join(made), dtype=np.uint8)), edits


@lru_cache(maxsize=16)
def _ftfy(form: Form, uncurl: bool) -> tuple[Any, int]:
    """(what ftfy makes of one segment, given whether entities are decoded; its longest segment in code points)."""
    import ftfy

    normal = None if form == "none" else form
    config = ftfy.TextFixerConfig(uncurl_quotes=uncurl, normalization=normal, explain=False, unescape_html=False)
    entities = config._replace(unescape_html=True)

    def fix(line: str, unescape: bool) -> str:
        return str(ftfy.fix_and_explain(line, entities if unescape else config).text)

    return fix, config.max_decode_length
