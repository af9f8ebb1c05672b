"""Tasks that end in token shards: encode a part, write one shard, index all documents.

Documents are ordered by the 128-bit BLAKE3 of (seed, id): a shuffle that is a function of the corpus alone. Encoding writes runs in that order with a histogram
of tokens over the key space; in the bucket where a shard should end, the rows tell the document after which it does, and each shard is one sort of its range.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.arrow import one_chunk
from curate.barrier import keyed, spread
from curate.engine.exchange import RunWriter, read_pieces, sort, take_rows
from curate.engine.tasks import DocumentsPart, Mark, batches_with_marks
from curate.engine.tasks_doc_index import write_ids
from curate.ledger import Outcome
from curate.recipe import ChatConfig, MixConfig, SplitConfig
from curate.shards.boundary import framed
from curate.shards.format import MAX_ROW_TOKENS, TRAIN, ShardMeta, shard_schema, split_rows, write_shard
from curate.shards.learned import by_row
from curate.shards.manifest import Amount
from curate.shards.mixture import Mixture, groups_of
from curate.shards.order import shuffle_keys, splits
from curate.store import File, Store
from curate.tokenizer.chat import ChatEncoder, Spoken
from curate.tokenizer.encode import Encoder
from curate.tokenizer.usage import Usage
from curate.turns import ROLES

BUCKET_BITS = 14
"""The histogram has 2^14 buckets; finding the end of a shard exactly means to read the lengths of one bucket."""
NO_LICENSE = "NOASSERTION"


@dataclass(frozen=True, kw_only=True)
class EncodeTask:
    """One part of the kept documents to token rows, sorted by shuffle key."""

    store: Store
    name: str
    part: DocumentsPart
    tokenizer: File
    end: str
    """The token between documents."""
    seed: int
    license_column: str | None
    spill_bytes: int
    split: SplitConfig | None = None
    held_by: tuple[str, ...] = ()
    """Columns with ids of what is held out together: the document that it is a segment of, its near-duplicates. The first that is there counts."""
    held: tuple[Mark, ...] = ()
    """The barrier that has joined those columns, where there are several."""
    mix: MixConfig | None = None
    chat: ChatConfig | None = None
    """How dialogues become tokens; None for texts."""
    around: tuple[int | None, int | None] = (None, None)
    """The tokens before and behind each text; of none behind, the boundary token before it, as the encoder gives it."""
    told_by: Mapping[str, str] = field(default_factory=dict)
    """Columns by which the tokenizer's figures are told apart: name → column."""
    others: tuple[tuple[str, File], ...] = ()
    """Tokenizers to compare with."""
    share: float = 0.0
    """Share of the documents that they encode."""
    phase: str = "encode"
    resources: Mapping[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """Encode batch by batch; a document of more than 2^20 tokens becomes several rows."""
        started = time.perf_counter()
        encoder = Encoder(self.store.read(self.tokenizer.path), self.end)
        chat = self._chat(encoder)
        usage = Usage(encoder.vocab_size, {name: Encoder(self.store.read(file.path)) for name, file in self.others})
        writer = RunWriter(self.store, f"work/{self.name}/rows", self.spill_bytes)
        buckets = np.zeros(1 << BUCKET_BITS, dtype=np.int64)
        seen: dict[str, set[str]] = {"sources": set(), "licenses": set(), "containers": set()}
        documents = tokens = text_bytes = 0
        groups: Counter[str] = Counter()
        more = (
            ROLES if self.chat else None,
            self.license_column,
            *self.held_by,
            self.mix.by if self.mix else None,
            *self.told_by.values(),
        )
        columns = list(dict.fromkeys(["id", "source", "origin", "text", *(name for name in more if name)]))
        for batch, _, families in batches_with_marks(self.store, self.part, self.held, columns):
            if batch.num_rows == 0:
                continue
            rows = self._rows(batch, encoder, chat, usage, self._splits(batch, *families))
            lengths = pc.list_value_length(rows["tokens"]).to_numpy()
            np.add.at(buckets, (rows["key"].to_numpy() >> np.uint64(64 - BUCKET_BITS)).astype(np.int64), lengths)
            for name, column in (("sources", "source"), ("licenses", "license"), ("containers", "src_container")):
                seen[name].update(pc.unique(rows[column]).to_pylist())
            if self.mix:
                groups.update(tokens_by_group(rows))
            documents += batch.num_rows
            tokens += int(lengths.sum())
            text_bytes += int(pc.sum(rows["n_bytes"]).as_py() or 0)
            writer.write(rows)
        files = {
            "rows": writer.close(),
            "histogram": [self.store.write(f"work/{self.name}/histogram.i8", buckets.astype("<i8").tobytes())],
            "used": [self.store.write(f"work/{self.name}/used.bits", usage.used())],
        }
        facts: dict[str, Any] = {"documents": documents, "tokens": tokens, "text_bytes": text_bytes} | {
            name: sorted(v) for name, v in seen.items()
        }
        facts |= {"usage": usage.facts()} | ({"groups": dict(sorted(groups.items()))} if self.mix else {})
        return Outcome(task=self.name, kind="encode", files=files, facts=facts, seconds={"encode": time.perf_counter() - started})

    def _chat(self, encoder: Encoder) -> ChatEncoder | None:
        if self.chat is None:
            return None
        return ChatEncoder(encoder, {role: (frame.before, frame.after) for role, frame in self.chat.roles.items()}, self.chat.learn)

    def _rows(self, batch: pa.RecordBatch, encoder: Encoder, chat: ChatEncoder | None, usage: Usage, split: np.ndarray) -> pa.Table:
        """Keyed token rows of a batch; source, licence and container still as names."""
        spoken = chat.encode(batch["text"], batch[ROLES]) if chat else None
        offsets, tokens = (spoken.offsets, spoken.tokens) if spoken else encoder.encode(batch["text"])
        sampled = np.zeros(batch.num_rows, dtype=np.bool_)
        if self.others:
            sampled = shuffle_keys(batch["id"], self.seed)[0] < np.uint64(min(int(self.share * 2.0**64), (1 << 64) - 1))
        usage.add(batch["text"], offsets, tokens, {name: batch[column] for name, column in self.told_by.items()}, sampled)
        offsets, tokens = framed(offsets, tokens, *self.around)
        document, piece, pieces, row_offsets = split_rows(offsets)
        ids = batch["id"].take(pa.array(document))
        key, sub = shuffle_keys(ids, self.seed)
        licenses = batch[self.license_column] if self.license_column else pa.nulls(batch.num_rows, pa.string())
        origin = batch["origin"]
        n_bytes = pc.fill_null(pc.binary_length(batch["text"]), 0).to_numpy(zero_copy_only=False)
        take = pa.array(document)
        return keyed(
            key,
            sub,
            ids,
            tokens=pa.LargeListArray.from_arrays(pa.array(row_offsets), pa.array(tokens)),
            n_bytes=pa.array(np.where(piece == 0, n_bytes[document], 0).astype(np.uint32)),
            source=batch["source"].take(take),
            license=pc.fill_null(licenses, NO_LICENSE).take(take),
            src_container=pc.fill_null(pc.struct_field(origin, "container"), "").take(take),
            src_offset=pc.fill_null(pc.struct_field(origin, "offset"), 0).cast(pa.uint64()).take(take),
            piece=pa.array(piece),
            pieces=pa.array(pieces),
            split=pa.array(split[document]),
            **({"group": groups_of(batch[self.mix.by], self.mix.edges).take(take)} if self.mix else {}),
            **(_learned(spoken, document, piece) if spoken else {}),
        )

    def _splits(self, batch: pa.RecordBatch, *families: pa.Table) -> np.ndarray:
        """uint8[n]: which side each document stands on; `families`: what the barrier says of the batch, if there is one."""
        if self.split is None:
            return np.full(batch.num_rows, TRAIN, dtype=np.uint8)
        said = [spread(rows, batch.num_rows, {"family": pa.binary(16)})["family"] for rows in families]
        ids = pc.coalesce(*(said or [batch[name] for name in self.held_by]), batch["id"])
        return splits(ids, self.split.seed, self.split.validation, self.split.test)


def _learned(spoken: Spoken, document: np.ndarray, piece: np.ndarray) -> dict[str, pa.Array]:
    """The columns of shards that dialogues have beyond those of texts."""
    learned, ends = by_row(spoken.span_offsets, spoken.spans, document, piece, MAX_ROW_TOKENS)
    sizes = np.where(piece == 0, np.diff(spoken.rejected_offsets)[document], 0)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    return {
        "learned": pa.LargeListArray.from_arrays(pa.array(learned), pa.array(ends)),
        "rejected": pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(spoken.rejected)),
    }


def cuts(buckets: np.ndarray, tokens_per_shard: int) -> list[tuple[int, int, int]]:
    """Where shards should end: (bucket, tokens before it, tokens wanted before the cut) for each multiple of the target but the last."""
    ends = np.cumsum(buckets)
    total = int(ends[-1]) if len(ends) else 0
    wanted = np.arange(1, max(1, -(-total // tokens_per_shard))) * tokens_per_shard
    at = np.searchsorted(ends, wanted)
    return list(zip(at.tolist(), (ends - buckets)[at].tolist(), wanted.tolist(), strict=True))


def bucket_range(bucket: int) -> tuple[int, int]:
    """The keys [low, high) of a bucket of the histogram."""
    return bucket << (64 - BUCKET_BITS), (bucket + 1) << (64 - BUCKET_BITS)


@dataclass(frozen=True, kw_only=True)
class CutTask:
    """Some ends of shards, exactly: the histogram says in which bucket they lie, the rows of that bucket where."""

    store: Store
    name: str
    runs: tuple[File, ...]
    wanted: tuple[tuple[int, int, int], ...]
    mixture: Mixture | None = None
    phase: str = "cut"
    resources: Mapping[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """`edges`: for each cut (tokens before it, first key of the shard behind it), at the end of the document nearest to the wanted place."""
        started, edges = time.perf_counter(), []
        for bucket, before, wanted in self.wanted:
            low, high = bucket_range(bucket)
            pieces = [(piece["key"].to_numpy(), lengths_in(piece, self.mixture)) for piece in read_pieces(self.store, self.runs, low, high)]
            keys, lengths = (np.concatenate([piece[i] for piece in pieces]) for i in (0, 1))
            unique, of = np.unique(keys, return_inverse=True)  # the pieces of a long document stay together
            sums = np.zeros(len(unique), dtype=np.int64)
            np.add.at(sums, of, lengths)
            starts = before + np.concatenate([[0], np.cumsum(sums)])
            nearest = int(np.argmin(np.abs(starts - wanted)))
            edges.append((int(starts[nearest]), int(unique[nearest]) if nearest < len(unique) else high))
        return Outcome(task=self.name, kind="cut", facts={"edges": edges}, seconds={"shards": time.perf_counter() - started})


def shard_ranges(edges: Sequence[Sequence[int]], total: int) -> list[tuple[int, int]]:
    """Key ranges [low, high) between edges (tokens before, key). Cuts that fell on one place are one, so no shard is empty but that of nothing."""
    keys = {place: key for place, key in edges if 0 < place < total}
    return list(pairwise([0, *(keys[place] for place in sorted(keys)), 1 << 64]))


@dataclass(frozen=True, kw_only=True)
class ShardTask:
    """One shard: a key range of all runs, names turned into codes."""

    store: Store
    name: str
    runs: tuple[File, ...]
    low: int
    high: int
    meta: ShardMeta
    forgotten: tuple[bytes, ...] = ()
    """Ids in this range that were forgotten in this run: they are not written again."""
    mixture: Mixture | None = None
    phase: str = "shards"
    resources: Mapping[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """Sort and write. A shard fits into memory, so its rows are sorted once, not merged run by run."""
        started = time.perf_counter()
        tables = list(read_pieces(self.store, self.runs, self.low, self.high))
        schema = shard_schema(self.meta)
        table, achieved, left_out = self._mixed(sort(pa.concat_tables(tables))) if tables else (None, {}, Amount())
        table, lost = self._without(self._coded(table) if table is not None else schema.empty_table())
        path = f"work/{self.name}/shard.arrow"
        with self.store.put(path) as sink:
            stat = write_shard(sink, table, self.meta)  # type: ignore[arg-type]
        return Outcome(
            task=self.name,
            kind="shard",
            files={
                "shard": [sink.file(path, stat.rows)],
                "ids": [write_ids(self.store, f"work/{self.name}/ids.arrow", one_chunk(table["doc_id"]), self.low)],
            },
            facts=asdict(stat) | {"forgotten": asdict(lost), "left_out": asdict(left_out), "groups": achieved},
            seconds={"shards": time.perf_counter() - started},
        )

    def _mixed(self, table: pa.Table) -> tuple[pa.Table, dict[str, int], Amount]:
        """The rows with their repeats, tokens of training by group with repeats counted, and what the documents left out come to."""
        if self.mixture is None:
            return table.append_column("repeats", pa.array(np.ones(table.num_rows, dtype=np.uint16))), {}, Amount()
        repeats = self.mixture.repeats(table)
        achieved = tokens_by_group(table, repeats)
        gone = table.take(pa.array(np.flatnonzero(repeats == 0)))
        kept = np.flatnonzero(repeats)
        table = take_rows(table, kept) if gone.num_rows else table
        return table.append_column("repeats", pa.array(repeats[kept], pa.uint16())), achieved, amount_of(gone)

    def _without(self, table: pa.Table) -> tuple[pa.Table, Amount]:
        """The rows of documents that are not forgotten, and what the others come to."""
        if not self.forgotten or table.num_rows == 0:
            return table, Amount()
        gone = np.asarray(pc.is_in(table["doc_id"], value_set=pa.array(self.forgotten, pa.binary(16))))
        return take_rows(table, np.flatnonzero(~gone)), amount_of(take_rows(table, np.flatnonzero(gone)))

    def _coded(self, table: pa.Table) -> pa.Table:
        columns = {"tokens": table["tokens"].cast(pa.large_list(self.meta.token_type)), "doc_id": table["id"], "n_bytes": table["n_bytes"]}
        for name, source, names, dtype in (
            ("source", "source", self.meta.sources, pa.uint16()),
            ("license", "license", self.meta.licenses, pa.uint16()),
            ("src_container", "src_container", self.meta.containers, pa.uint32()),
        ):
            columns[name] = pc.index_in(table[source], value_set=pa.array(names, pa.string())).cast(dtype)
        if self.meta.kind != "text":
            columns["learned"] = table["learned"]
        if self.meta.kind == "preference":
            columns["rejected"] = table["rejected"].cast(pa.large_list(self.meta.token_type))
        plain = ("src_offset", "piece", "pieces", "repeats", "split")
        return pa.table(columns | {name: table[name] for name in plain}).select(shard_schema(self.meta).names)


def amount_of(rows: pa.Table) -> Amount:
    """Documents, rows, tokens and bytes of text in token rows."""
    return Amount(
        documents=int((one_chunk(rows["piece"]).to_numpy() == 0).sum()),
        rows=rows.num_rows,
        tokens=int(pc.sum(pc.list_value_length(rows["tokens"])).as_py() or 0),
        text_bytes=int(pc.sum(rows["n_bytes"]).as_py() or 0),
    )


def lengths_in(rows: pa.Table, mixture: Mixture | None) -> np.ndarray:
    """int64[n]: tokens that each row brings into the shards; 0 where the mixture leaves it out."""
    lengths = one_chunk(pc.list_value_length(rows["tokens"])).to_numpy()
    return lengths if mixture is None else np.where(mixture.repeats(rows) > 0, lengths, 0)


def tokens_by_group(rows: pa.Table, repeats: np.ndarray | None = None) -> dict[str, int]:
    """Tokens of the training documents by group, times their repeats where given."""
    names = pc.dictionary_encode(one_chunk(rows["group"]))
    lengths = one_chunk(pc.list_value_length(rows["tokens"])).to_numpy() * (1 if repeats is None else repeats)
    lengths = np.where(one_chunk(rows["split"]).to_numpy() == TRAIN, lengths, 0)
    sums = np.zeros(len(names.dictionary), dtype=np.int64)
    np.add.at(sums, names.indices.to_numpy(), lengths)
    return dict(zip(names.dictionary.to_pylist(), sums.tolist(), strict=True))
