"""Repeated passages: lines, paragraphs, or any run of bytes or words, that stand in another document too, or twice in one; a copy stays.

A passage is compared byte for byte. Of all places where it stands the first stays: first by `keep`, then id, then place. What any later
place shares with an earlier one is cut, so each byte that is cut still stands before it in the order, within the same passage. `substring`
finds **every** run of at least `min_length` bytes or words that repeats, whatever is around it (the rule of Lee et al. 2022, which takes a
suffix array and the corpus in memory); a run that repeats itself, as in `aaaa`, stays once in full length.

    anchors  documents → anchors (kernels/passages.py: equal windows meet at one); of equal surroundings the first stays, the rest is claimed
    meet     where surroundings of an anchor differ: compared pair by pair where they are few, else their windows go on
    windows  of equal windows the first stays; lines and paragraphs begin here
    spans    claims of one document along one other become spans; their BLAKE3 goes to the document that they are said to stand in
    confirm  that document compares its own bytes: nothing is cut that does not stand there

Spans are told by bytes of the text as it came to this step, with the document and place where the passage stands as well; that copy may
itself be cut, in favour of one that is earlier still. Cuts are made between characters. With a line or paragraph goes the white space
behind it, up to the next one. A document of which nothing but white space would stay leaves as `repeated`, its text unchanged.

Misses: a passage that differs in a byte; joins can make new repeats, so a second run may find some. Texts behind one domain name are
compared by `scope: domain`; a document without a domain then only with itself.

Price: about 10 MB of text a second and core. An anchor is 69 bytes in the exchange, and there is one for every 26 bytes of text at the
default; one whose surroundings differ costs 220 more. Worst case, a corpus made of phrases that each stand in more than 32 surroundings:
a window of 69 bytes for each byte of text. Groups are walked, at most 32 rows of one are held.

column     type                                            meaning
edits      int32                                           passages cut, or found where only marked
num_bytes  int64                                           their bytes
spans      list<struct<start, end, keeper, keeper_start>>  where they stand, in bytes, and document and place of another copy
"""

import itertools
from collections.abc import Iterator
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from blake3 import blake3
from pydantic import Field, field_validator, model_validator

from curate.arrow import Utf8, one_chunk, scatter, utf8
from curate.barrier import Barrier, Round
from curate.dedup import keep as keeping
from curate.dedup.claims import ANCHOR, CLAIM, WINDOW, Walk, joined, keyed_rows, no_ids, payload, placed, say, sent
from curate.dedup.keep import SPREAD
from curate.kernels import passages, spans
from curate.kernels.pretokens import hash_rows
from curate.schema import id_words
from curate.stage import DROP, THRESHOLD, VALUE, Columns
from curate.stage import Config as Base

REASON = "repeated"
FEW = 32
"""Different surroundings of an anchor that are compared pair by pair."""
SPAN = pa.struct([("start", pa.int64()), ("end", pa.int64()), ("keeper", pa.binary(16)), ("keeper_start", pa.int64())])


class Config(Base):
    """What repeats, where it is looked for, and which copy stays."""

    unit: Literal["substring", "paragraph", "line"] = "substring"
    """`line`, `paragraph` (parted by blank lines): equal but for white space around them; `substring`: any run, wherever it begins."""
    min_length: int = Field(100, ge=1, le=1 << 20)
    """Shorter passages may repeat: bytes, or words where `count` says so. 100 bytes are about 50 tokens in Lee et al.; Dolma 3 took 500."""
    count: Literal["bytes", "words"] = "bytes"
    """What `min_length` counts, for substrings: bytes, or runs without white space (and single characters of Han, kana, Thai and the like)."""
    scope: Literal["corpus", "domain", "document"] = "corpus"
    """Compare with all documents, with those of the same registered domain, or each document with itself only."""
    copies: Literal["first", "none"] = "first"
    """Keep the first copy of a passage, or none."""
    keep: tuple[str, ...] = ()
    """Columns that say which document comes first: numbers, booleans or times; `-` where more is better; `bytes` is the text's length.
    Then the id. Several columns are compared by their leading bits."""
    action: Literal["cut", "mark"] = "cut"
    """Cut passages out of the text, or only report them."""

    _keep = field_validator("keep")(keeping.check)

    @model_validator(mode="after")
    def _countable(self) -> "Config":
        if self.unit != "substring" and self.count != "bytes":
            raise ValueError(f"count: expected bytes for unit {self.unit}, got {self.count}; set min_length in bytes")
        if self.unit == "substring" and self.min_length < 8:
            raise ValueError(f"min_length: expected at least 8 for substrings, got {self.min_length}; shorter runs repeat everywhere")
        return self

    @property
    def words(self) -> bool:
        """Whether symbols are words."""
        return self.count == "words"


def _text(batch: pa.RecordBatch) -> Utf8:
    """The texts; a null is an empty one."""
    return utf8(pc.fill_null(batch["text"], "")) if batch["text"].null_count else utf8(batch["text"])


def _scope(batch: pa.RecordBatch, config: Config) -> np.ndarray:
    """uint64[rows]: texts with different numbers are not compared."""
    if config.scope == "corpus":
        return np.zeros(batch.num_rows, dtype=np.uint64)
    own: np.ndarray = np.ascontiguousarray(id_words(batch["id"])[:, 0]) | np.uint64(1)
    if config.scope == "document":
        return own
    domains = utf8(batch["domain"])
    out = np.empty(batch.num_rows, dtype=np.uint64)
    hash_rows(domains.offsets, domains.data, np.uint64(1), out)
    return np.where(domains.valid, out, own)


def _own(batch: pa.RecordBatch, found: np.ndarray, keys: np.ndarray, config: Config) -> pa.Table:
    """Claims of what a document repeats of itself; each names the copy before it."""
    order = np.lexsort((found[:, 1], keys, found[:, 0]))
    (row, start, size), key = found[order].T, keys[order]
    again = np.r_[False, (key[1:] == key[:-1]) & (row[1:] == row[:-1])][: len(key)]
    mine = np.flatnonzero(again)
    its = mine - 1
    stays = np.maximum(0, start[its] + size[its] - start[mine])
    if config.copies == "none":
        first = its[~again[its]]
        mine, its, stays = np.r_[mine, first], np.r_[its, first + 1], np.zeros(len(mine) + len(first), dtype=np.int64)
    at = one_chunk(batch["at"]).to_numpy()[row[mine]]
    claims = joined(say(len(mine), CLAIM, at=at, to=at, start=start[mine], bytes=size[mine], first=stays, to_start=start[its]))
    return keyed_rows(claims["at"] * SPREAD, None, no_ids(len(claims)), claims)


def _anchors(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """A row for each anchor and the bytes around it, once a document; and what documents repeat of themselves."""
    text, scope = _text(batch), _scope(batch, config)
    half = max(1, config.min_length // 2)
    found, keys, fresh, again = passages.anchors(text.offsets, text.data, scope, config.words, config.min_length, half)
    row, _, _, _, left, first, last = found[again].T
    tables = [_own(batch, *_all_windows(text, scope, np.stack([row, left + first, left + last], axis=1), config), config)]
    if config.scope != "document":
        row, start, size, centre, _, first, last = found[fresh].T
        at = one_chunk(batch["at"]).to_numpy()[row]
        says = say(len(row), ANCHOR, at=at, to=keys[fresh, 0], start=start, bytes=size, first=first, last=last, to_start=centre)
        ids = batch["id"].take(pa.array(row))
        if config.keep:
            words = np.stack([keeping.packed(batch, config.keep), id_words(batch["id"])[:, 0]], axis=1)
            ids = keeping.as_binary(words[row])
        tables.append(keyed_rows(keys[fresh, 0], keys[fresh, 1], ids, says))
    return pa.concat_tables(tables)


def _all_windows(text: Utf8, seed: np.ndarray, anchors: np.ndarray, config: Config) -> tuple[np.ndarray, np.ndarray]:
    """All windows of anchors (text, first, last symbol): int64[n, 3] (text, start, bytes) and their keys."""
    count = int((anchors[:, 2] - anchors[:, 1] + 1).sum())
    found, keys = np.empty((count, 3), dtype=np.int64), np.empty(count, dtype=np.uint64)
    passages.windows(text.offsets, text.data, seed, config.words, config.min_length, np.ascontiguousarray(anchors), found, keys)
    return found, keys


def _units(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """A row for each line or paragraph; and what documents repeat of themselves."""
    text, scope = _text(batch), _scope(batch, config)
    found, keys = passages.units(text.offsets, text.data, scope, config.unit == "paragraph", config.min_length)
    tables = [_own(batch, found, keys, config)]
    if config.scope != "document":
        row, start, size = found.T
        says = say(len(row), WINDOW, at=one_chunk(batch["at"]).to_numpy()[row], start=start, bytes=size)
        tables.append(keyed_rows(keys, keeping.packed(batch, config.keep)[row], placed(batch["id"], row, start), says))
    return pa.concat_tables(tables)


def _surroundings(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """The bytes around the anchors that are in doubt, by anchor; and the claims so far."""
    assert previous is not None
    row, says = one_chunk(previous["row"]).to_numpy(), payload(previous)
    claims, doubt = joined(says[says["kind"] == CLAIM]), np.flatnonzero(says["kind"] == ANCHOR)
    row, says, text = row[doubt], says[doubt], _text(batch)
    ends = np.r_[0, np.cumsum(says["bytes"], dtype=np.int64)]
    data = np.empty(int(ends[-1]), dtype=np.uint8)
    passages.gather(text.data, text.offsets[row] + says["start"], ends, data)
    bytes_ = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(row), [None, pa.py_buffer(ends), pa.py_buffer(data)])
    rank = keeping.packed(batch, config.keep)[row]
    around = keyed_rows(says["to"], rank, placed(batch["id"], row, says["start"]), says, around=bytes_)
    nothing = pa.nulls(len(claims), pa.large_binary())
    return pa.concat_tables([keyed_rows(claims["at"] * SPREAD, None, no_ids(len(claims)), claims, around=nothing), around])


def _compare(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """Of equal rows the first stays, the rest is claimed; anchors with different surroundings are sent on. Claims pass."""
    walk = Walk(config.copies)
    for table in tables:
        says = payload(table)
        yield sent(says[says["kind"] == CLAIM])
        rest = np.flatnonzero(says["kind"] != CLAIM)
        if len(rest):
            yield from walk.step(table.take(pa.array(rest)))


def _meet(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """Surroundings of one anchor: the claims of few, the windows of many. Claims pass."""
    held: pa.Table | None = None
    many: np.uint64 | None = None
    for table in itertools.chain(tables, [None]):
        if table is not None:
            says = payload(table)
            yield sent(says[says["kind"] == CLAIM])
            rest = table.take(pa.array(np.flatnonzero(says["kind"] == ANCHOR)))
            held = rest if held is None else pa.concat_tables([held, rest])
        if held is None or held.num_rows == 0:
            continue
        key = one_chunk(held["key"]).to_numpy()
        bounds = np.r_[np.flatnonzero(np.r_[True, key[1:] != key[:-1]]), len(key)]
        large = (np.diff(bounds) > FEW) | config.words
        if many is not None:
            large |= key[bounds[:-1]] == many
        open_ = 0 if table is None or large[-1] else int(np.diff(bounds)[-1])
        many = key[-1] if large[-1] else None
        wide = np.repeat(large, np.diff(bounds))
        yield _windows(held.take(pa.array(np.flatnonzero(wide))), config)
        groups = np.flatnonzero(~large)[: None if not open_ else -1]
        few = held.take(pa.array(np.flatnonzero(np.isin(np.repeat(np.arange(len(large)), np.diff(bounds)), groups))))
        yield _meetings(few, np.r_[0, np.cumsum(np.diff(bounds)[groups])], config)
        held = held.slice(held.num_rows - open_)


def _meetings(rows: pa.Table, bounds: np.ndarray, config: Config) -> pa.Table:
    """Claims between surroundings of one anchor."""
    says, around = payload(rows), utf8(one_chunk(rows["around"]))
    centre = says["to_start"].astype(np.int64)
    at = np.ascontiguousarray(says["at"])
    mine, its, start, size = passages.meetings(
        around.offsets, around.data, centre, at, bounds, config.min_length, config.copies == "none"
    ).T
    place = centre[its] - (centre[mine] - start)
    of = {"at": at[mine], "to": at[its], "start": says["start"][mine] + start, "bytes": size, "to_start": says["start"][its] + place}
    return sent(say(len(mine), CLAIM, **of))


def _windows(rows: pa.Table, config: Config) -> pa.Table:
    """The windows of surroundings."""
    says, around = payload(rows), utf8(one_chunk(rows["around"]))
    anchors = np.stack([np.arange(len(says)), says["first"], says["last"]], axis=1)
    found, keys = _all_windows(around, np.ascontiguousarray(says["to"]), anchors.astype(np.int64), config)
    of, start, size = found.T
    start = says["start"][of] + start
    places = placed(rows["id"], of, start)
    rank = one_chunk(rows["sub"]).to_numpy()[of]
    return keyed_rows(keys, rank, places, say(len(of), WINDOW, at=says["at"][of], start=start, bytes=size))


def _digests(view: Utf8, row: np.ndarray, start: np.ndarray, size: np.ndarray) -> list[bytes | None]:
    """BLAKE3-128 of spans; None where the text has fewer bytes."""
    low = view.offsets[row] + start
    data, inside = view.data.data, low + size <= view.offsets[row + 1]
    places = zip(low.tolist(), (low + size).tolist(), inside.tolist(), strict=True)
    return [blake3(data[a:b]).digest(length=16) if there else None for a, b, there in places]


def _spans(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """The claims of a document joined, each with the digest of its bytes, to the document that they are said to stand in."""
    assert previous is not None
    claims = joined(payload(previous))
    row, text = np.searchsorted(one_chunk(batch["at"]).to_numpy(), claims["at"]), _text(batch)
    digests = pa.array(_digests(text, row, claims["start"], claims["bytes"]), pa.binary(16))
    return keyed_rows(claims["to"] * SPREAD, None, no_ids(len(claims)), claims, digest=digests)


def _asked(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """Claims, on their way to the document that they say a passage stands in."""
    for table in tables:
        yield table.set_column(0, "key", pa.array(payload(table)["to"]))


def _confirm(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """Claims that are true: the bytes do stand in this document. They go back with its id."""
    assert previous is not None
    row, says, text = one_chunk(previous["row"]).to_numpy(), payload(previous), _text(batch)
    digests = _digests(text, row, says["to_start"].astype(np.int64), says["bytes"])
    true = np.flatnonzero(np.asarray(pc.equal(pa.array(digests, pa.binary(16)), one_chunk(previous["digest"])).fill_null(False)))
    said, keeper = says[true], batch["id"].take(pa.array(row[true]))
    return keyed_rows(said["at"] * SPREAD, None, keeper, said, keeper=keeper)


def _answered(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """Confirmed claims, on their way back."""
    for table in tables:
        yield table.set_column(0, "key", pa.array(payload(table)["at"]))


def _mark(batch: pa.RecordBatch, verdicts: pa.Table, config: Config) -> Columns:
    """The texts without their confirmed spans, and what was cut."""
    n, text = batch.num_rows, batch["text"]
    view = utf8(text)
    pieces, told = _pieces(view, verdicts, config)
    row, start, end = pieces
    known = view.valid
    size = np.bincount(row, weights=end - start, minlength=n).astype(np.int64)
    ends, fresh = np.zeros(n + 1, dtype=np.int64), np.empty(int(view.offsets[-1] - view.offsets[0]), dtype=np.uint8)
    spans.cut(view.offsets, view.data, row, start, end, ends, fresh)
    solid = np.empty(n, dtype=np.int64)
    spans.solid_bytes(ends, fresh, solid)
    cuts = config.action == "cut"
    leaves = (size > 0) & (solid == 0) & cuts
    changed = np.flatnonzero((size > 0) & ~leaves & cuts)
    if len(changed):
        made = pa.LargeStringArray.from_buffers(n, pa.py_buffer(ends), pa.py_buffer(fresh)).cast(text.type)
        at = np.arange(n)
        at[changed] += n
        text = pa.concat_arrays([text, made]).take(pa.array(at))
    counts = np.bincount(row, minlength=n)
    reason = scatter(pa.array([REASON] * int(leaves.sum()), pa.string()), np.flatnonzero(leaves), n)
    value = scatter(pa.array(list(map(str, size[leaves].tolist())), pa.string()), np.flatnonzero(leaves), n)
    return {
        "text": text,
        "edits": pa.array(counts.astype(np.int32), mask=~known),
        "num_bytes": pa.array(size, mask=~known),
        "spans": pa.ListArray.from_arrays(pa.array(np.r_[0, np.cumsum(counts)], pa.int32()), told, mask=pa.array(~known)),
        DROP: reason,
        VALUE: value,
        THRESHOLD: scatter(pa.array(["all of the text"] * int(leaves.sum()), pa.string()), np.flatnonzero(leaves), n),
    }


def _pieces(view: Utf8, verdicts: pa.Table, config: Config) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], pa.StructArray]:
    """(row, start, end) of what is cut, disjoint and in order, and the same with the evidence of each."""
    if "says" not in verdicts.column_names:  # no document of this part has a passage
        empty = np.empty(0, dtype=np.int64)
        return (empty, empty, empty), pa.array([], SPAN)
    says, row, keeper = payload(verdicts), one_chunk(verdicts["row"]).to_numpy(), one_chunk(verdicts["keeper"])
    start, size, first, to_start = (says[name].astype(np.int64) for name in ("start", "bytes", "first", "to_start"))
    words = id_words(keeper)
    order = np.lexsort((to_start, words[:, 1], words[:, 0], -size, start + first, row))
    row, start, size, first, to_start = (values[order] for values in (row, start, size, first, to_start))
    found = np.empty((len(row), 3), dtype=np.int64)
    count = spans.cover(row, start + first, start + size, found)
    which, low, high = np.ascontiguousarray(found[:count].T)
    of = row[which]
    if config.unit == "substring":
        spans.to_characters(view.offsets, view.data, of, low, high)
    else:
        spans.following(view.offsets, view.data, of, high)
    there = np.flatnonzero(high > low)
    which, low, high, of = which[there], low[there], high[there], of[there]
    place = to_start[which] + low - start[which]
    keepers = keeper.take(pa.array(order[which]))
    return (of, low, high), pa.StructArray.from_arrays([pa.array(low), pa.array(high), keepers, pa.array(place)], fields=list(SPAN))


def _rounds(config: Config) -> tuple[Round, ...]:
    found: tuple[Round, ...] = (
        Round(name="anchors", sketch=_anchors, resolve=_compare),
        Round(name="meet", sketch=_surroundings, resolve=_meet),
        Round(name="windows", resolve=_compare),
    )
    if config.unit != "substring":
        found = (Round(name="windows", sketch=_units, resolve=_compare),)
    return (*found, Round(name="spans", sketch=_spans, resolve=_asked), Round(name="confirm", sketch=_confirm, resolve=_answered))


def _reads(config: Config) -> tuple[str, ...]:
    return tuple(dict.fromkeys(["text", *(["domain"] if config.scope == "domain" else []), *keeping.columns(config.keep)]))


passage_dedup = Barrier(
    name="passage_dedup",
    version=1,
    config=Config,
    reads=_reads,
    rounds=_rounds,
    adds={
        "edits": pa.int32(),
        "num_bytes": pa.int64(),
        "spans": pa.list_(SPAN),
        DROP: pa.string(),
        VALUE: pa.string(),
        THRESHOLD: pa.string(),
    },
    replaces=("text",),
    mark=_mark,
    idempotent=False,
    module=__name__,
)
