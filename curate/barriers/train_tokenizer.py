"""Tokenizer training: pre-tokens are counted in every part, counts are added by key range, and one task learns the merges of a byte-level
BPE.

Two rounds. `count`: each task counts its pre-tokens, a range adds the counts of each. `rank`: rows are sorted by falling count (ties by
hash), so that the finding reads the `max_pretokens` most frequent and stops; what it reads is bounded by the recipe, not by the corpus.
Counts are integers (weighted ones are thousandths), and merges break ties by id, so the result is a function of the texts alone.
Method: `curate.kernels.bpe`; files: `curate.tokenizer.train`.

Keyed rows: key = XXH64 of the pre-token, id = its XXH64 under two other seeds, payload `pretoken` large_binary, `count` int64. Rows of no
bytes carry totals of the corpus: key 0, sub = place in TOTALS + 1. In round `rank`: key = 2^64 - 1 - count.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa

from curate.arrow import one_chunk, utf8
from curate.barrier import Barrier, Round, keyed
from curate.errors import StageError
from curate.kernels import pretokens
from curate.tokenizer import pretokenize, train
from curate.turns import prose

TOTALS = (
    "num_documents",
    "text_bytes",
    "capped_bytes",
    "num_long_pretokens",
    "long_pretoken_bytes",
    "num_distinct_pretokens",
    "num_pretokens",
)
"""Names in the report, in the order of their `sub`."""
TOP = np.uint64(0xFFFFFFFFFFFFFFFF)


class Config(train.TokenizerConfig):
    """How the tokenizer is trained."""


def _reads(config: Config) -> tuple[str, ...]:
    return ("text",) if config.weights is None else ("text", config.weights.column)


def _rounds(config: Config) -> tuple[Round, ...]:
    return (Round(name="count", sketch=sketch, combine=combine, resolve=add), Round(name="rank", resolve=rank))


def sketch(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """The distinct pre-tokens of a batch with their counts, weighted where the recipe weighs, and the batch's totals."""
    tables = []
    if config.dialogue:
        batch = batch.set_column(batch.schema.get_field_index("text"), "text", prose(batch["text"]))
    for texts, weight in _groups(batch, config):
        found = pretokenize.count(texts, config.expression, config.max_pretoken_bytes, config.max_chars_per_document)
        words = pa.LargeBinaryArray.from_buffers(
            pa.large_binary(), len(found.counts), [None, pa.py_buffer(found.offsets), pa.py_buffer(found.data)]
        )
        seen = (found.num_documents, found.text_bytes, found.capped_bytes, found.num_long, found.long_bytes)
        tables += [_totals(dict(zip(TOTALS, seen, strict=False))), _rows(words, found.counts * weight)]
    return pa.concat_tables(tables) if tables else _totals({})


def _groups(batch: pa.RecordBatch, config: Config) -> Iterator[tuple[pa.Array, int]]:
    """Texts of equal weight, and the weight; those that weigh nothing are left out."""
    weights = config.weights
    if weights is None:
        yield batch["text"], 1
        return
    coded = batch[weights.column].cast(pa.string()).dictionary_encode("encode")
    by_code = np.array([weights.scaled(value) for value in coded.dictionary.to_pylist()], dtype=np.int64)
    row_weights = by_code[coded.indices.to_numpy(zero_copy_only=False)]
    for weight in np.unique(row_weights[row_weights > 0]).tolist():
        yield batch["text"].take(pa.array(np.flatnonzero(row_weights == weight))), weight


def combine(table: pa.Table) -> pa.Table:
    """Rows of one pre-token, or of one total, become one row with the sum of their counts; in order of first sight."""
    if table.num_rows == 0:
        return table
    words = utf8(one_chunk(table["pretoken"]))
    keys, subs, counts = (one_chunk(table[name]).to_numpy() for name in ("key", "sub", "count"))
    first, total = pretokens.sum_counts(keys, words.offsets, words.data, subs, counts)
    at = table.schema.get_field_index("count")
    return table.take(pa.array(first)).set_column(at, table.schema.field(at), pa.array(total, pa.int64()))


def add(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """A range's sums, keyed by falling count; and how many distinct pre-tokens it holds. Memory: one table and one key."""
    distinct, occurrences = 0, 0
    for table in _summed(tables):
        bare = np.diff(utf8(one_chunk(table["pretoken"])).offsets) == 0
        yield table.take(pa.array(np.flatnonzero(bare)))
        words = table.take(pa.array(np.flatnonzero(~bare)))
        counts = one_chunk(words["count"]).to_numpy()
        distinct += len(counts)
        occurrences += int(counts.sum())
        yield words.set_column(0, words.schema.field(0), pa.array(TOP - counts.astype(np.uint64), pa.uint64()))
    yield _totals({"num_distinct_pretokens": distinct, "num_pretokens": occurrences})


def _summed(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Sorted tables with equal rows added; the last key of each table is held back until its rows are known to be over."""
    held: pa.Table | None = None
    for table in tables:
        table = combine(table if held is None else pa.concat_tables([held, table]))
        keys = one_chunk(table["key"]).to_numpy()
        cut = int(np.searchsorted(keys, keys[-1], side="left")) if len(keys) else 0
        yield table.slice(0, cut)
        held = table.slice(cut)
    if held is not None:
        yield held


def rank(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """The rows as they are: the exchange has sorted them by falling count."""
    yield from tables


def finding(tables: Iterator[pa.Table], config: Config) -> Mapping[str, bytes]:
    """tokenizer.json and report.json from the totals, which come first, and the most frequent pre-tokens."""
    totals = dict.fromkeys(TOTALS, 0)
    taken, room, last = [], config.max_pretokens, 0
    for table in tables:
        if table.num_rows == 0:
            continue
        keys = one_chunk(table["key"]).to_numpy()
        if keys[0] < last or (keys[1:] < keys[:-1]).any():
            raise StageError(
                f"barrier train_tokenizer: expected rows in the order of their keys, got key {keys.min()} after {last}; sort the exchange"
            )
        last = int(keys[-1])
        for sub, count in zip(*(table.slice(0, int((keys == 0).sum()))[name].to_pylist() for name in ("sub", "count")), strict=True):
            totals[TOTALS[sub - 1]] += count
        taken.append(table.slice(int((keys == 0).sum()), room))
        room -= taken[-1].num_rows
        if room == 0:
            break
    return _learned(taken, totals, config)


def _learned(tables: list[pa.Table], totals: dict[str, int], config: Config) -> Mapping[str, bytes]:
    table = pa.concat_tables(tables) if tables else _totals({})
    words = utf8(one_chunk(table["pretoken"]))
    start, end = words.offsets[0], words.offsets[-1]
    counts = one_chunk(table["count"]).to_numpy()
    return train.files(words.offsets - start, words.data[start:end], counts, totals, config)


def _rows(words: pa.Array, counts: np.ndarray) -> pa.Table:
    """Keyed rows of distinct pre-tokens."""
    view = utf8(words)
    hashes = np.empty((3, len(words)), dtype=np.uint64)
    for seed in range(3):
        pretokens.hash_rows(view.offsets, view.data, np.uint64(seed), hashes[seed])
    ids = np.ascontiguousarray(hashes[1:].T).astype("<u8", copy=False)
    return keyed(hashes[0], None, _ids(ids), pretoken=words, count=pa.array(counts, pa.int64()))


def _totals(values: Mapping[str, int]) -> pa.Table:
    """Keyed rows of corpus totals; those that are 0 are left out."""
    rows = [(TOTALS.index(name) + 1, value) for name, value in values.items() if value]
    subs = np.array([sub for sub, _ in rows], dtype=np.uint64)
    words = pa.array([b""] * len(rows), pa.large_binary())
    ids = _ids(np.zeros((len(rows), 2), dtype="<u8"))
    return keyed(np.zeros(len(rows), dtype=np.uint64), subs, ids, pretoken=words, count=pa.array([value for _, value in rows], pa.int64()))


def _ids(words: np.ndarray) -> pa.Array:
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(words), [None, pa.py_buffer(np.ascontiguousarray(words))])


train_tokenizer = Barrier(
    name="train_tokenizer",
    version=2,
    config=Config,
    reads=_reads,
    rounds=_rounds,
    finding=finding,
    module="curate.barriers.train_tokenizer",
)
