"""The shard format: what goes in comes out, same rows give the same bytes, and rows that do not fit are refused with a message."""

import io
import json
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import token_corpora
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import ShardError
from curate.shards import format as layout
from curate.shards.index import write_doc_index
from curate.shards.manifest import build_manifest


def written(table, meta):
    sink = io.BytesIO()
    return layout.write_shard(sink, table, meta), sink.getvalue()


def set_column(table, name, values):
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(name), pa.array(values, table.schema.field(name).type))


@settings(max_examples=30)
@given(
    lists=st.lists(st.lists(st.integers(1, 299), max_size=20), max_size=12),
    vocab=st.sampled_from([300, 1 << 16, (1 << 16) + 1]),
)
def test_what_goes_in_comes_out(lists, vocab):
    meta = token_corpora.meta(vocab_size=vocab)
    docs = [np.array([0, *tokens]) for tokens in lists]
    table = token_corpora.table(docs, meta)
    stat, data = written(table, meta)
    with pa.ipc.open_file(io.BytesIO(data)) as reader:
        assert reader.num_record_batches == 1
        batch = reader.get_batch(0)
    assert batch.to_pydict() == table.to_pydict()
    assert batch.schema.field("tokens").type == pa.large_list(pa.uint16() if vocab <= 1 << 16 else pa.uint32())
    flat = [t for d in docs for t in d]
    assert (stat.rows, stat.tokens, stat.bytes) == (len(docs), len(flat), len(data))
    assert (stat.min_token, stat.max_token) == ((0, max(flat)) if flat else (None, None))
    assert sum(stat.source_tokens.values()) == sum(stat.license_tokens.values()) == len(flat)


def test_metadata_is_json_and_names_neither_path_nor_time():
    meta = token_corpora.meta()
    found = {key.decode(): json.loads(value) for key, value in layout.shard_schema(meta).metadata.items()}
    assert found == {
        "format": "curate/tokens/2",
        "token_dtype": "uint16",
        "boundary_policy": "first",
        "splits": ["train", "validation", "test"],
        "vocab_size": 64,
        "eos_id": 0,
        "bos_id": None,
        "tokenizer_fingerprint": meta.tokenizer_fingerprint,
        "tokenizer_probe_hash": "sha256:00",
        "sources": ["left", "right"],
        "licenses": ["CC0-1.0"],
        "containers": ["a.jsonl"],
    }


def test_bytes_depend_on_rows_alone():
    meta = token_corpora.meta()
    table = token_corpora.table(token_corpora.documents(40), meta)
    _, expected = written(table, meta)
    chunked = pa.concat_tables([table.slice(0, 7), table.slice(7, 20), table.slice(27)])
    behind = pa.concat_tables([table.slice(30), table]).slice(10)
    assert written(chunked, meta)[1] == written(behind, meta)[1] == expected
    assert written(table.combine_chunks().to_batches()[0], meta)[1] == expected


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("pieces", [0, 1, 1], r"shard row 0: expected piece below pieces, got 0; number pieces from 0"),
        ("piece", [0, 1, 0], r"shard row 1: expected piece below pieces, got 1"),
        ("source", [0, 0, 2], r"shard row 2: expected source below 2, got 2; add the name to its code table"),
        ("license", [1, 0, 0], r"shard row 0: expected license below 1, got 1"),
        ("src_container", [0, 9, 0], r"shard row 1: expected src_container below 1, got 9"),
    ],
)
def test_columns_that_do_not_fit(name, values, message):
    meta = token_corpora.meta()
    table = token_corpora.table(token_corpora.documents(3), meta)
    with pytest.raises(ShardError, match=message):
        written(set_column(table, name, values), meta)


@pytest.mark.parametrize(
    ("docs", "message"),
    [
        ([[0, 1], []], r"shard row 1: expected at least the boundary token, got 0; put it first in each document"),
        ([[0, 1], [5, 6]], r"shard row 1: expected the boundary token 0 first in each document, got 0"),
        ([[0, 1, 0, 2]], r"shard: expected 1 boundary tokens, one a document, got 2; encode special-token text as plain text"),
        ([[0, 64]], r"shard: expected token ids below 64, got 64; encode with the tokenizer of this run"),
        ([[0] * (layout.MAX_ROW_TOKENS + 1)], r"expected at most 1048576 tokens a row, got 1048577; cut the document with split_rows"),
    ],
)
def test_tokens_that_do_not_fit(docs, message):
    meta = token_corpora.meta()
    table = token_corpora.table([np.array(d, dtype=np.uint16) for d in docs], token_corpora.meta())
    with pytest.raises(ShardError, match=message):
        written(table, meta)


def test_nulls_and_other_columns_are_refused():
    meta = token_corpora.meta()
    table = token_corpora.table(token_corpora.documents(3), meta)
    with pytest.raises(ShardError, match="expected no nulls, got 1 in license; fill them"):
        written(set_column(table, "license", [0, None, 0]), meta)
    with pytest.raises(ShardError, match=r"expected columns .*; build the table with shard_schema"):
        written(table.drop_columns(["piece"]), meta)
    with pytest.raises(ShardError, match=r"expected a vocab_size in 1..2.32, got 0"):
        token_corpora.meta(vocab_size=0)
    with pytest.raises(ShardError, match="expected eos_id below vocab_size 64, got 64; add the boundary token"):
        token_corpora.meta(eos_id=64)


def cut(tokens, limit, meta):
    """Rows of one document as the engine writes them."""
    document, piece, pieces, offsets = layout.split_rows(np.array([0, len(tokens)]), limit)
    rows = [tokens[a:b] for a, b in pairwise(offsets)]
    table = token_corpora.table(rows, meta, piece=piece, pieces=pieces)
    ids = [b"\x01" * 16] * len(document)
    return set_column(set_column(table, "doc_id", ids), "n_bytes", [7] + [0] * (len(rows) - 1))


def test_long_documents_are_rows_in_order():
    meta = token_corpora.meta()
    tokens = np.array([0] + [5] * 24, dtype=np.uint16)
    table = cut(tokens, 10, meta)
    assert table["piece"].to_pylist() == [0, 1, 2]
    assert table["pieces"].to_pylist() == [3, 3, 3]
    stat, _ = written(table, meta)
    assert (stat.rows, stat.documents, stat.tokens, stat.text_bytes) == (3, 1, 25, 7)
    written(table.slice(1), meta)  # a shard may start inside a document
    with pytest.raises(ShardError, match="expected pieces of a document in order, got 2; write them one after the other"):
        written(table.take([0, 2, 1]), meta)
    with pytest.raises(ShardError, match="expected n_bytes 0 after the first piece, got 7; count a text once"):
        written(set_column(table, "n_bytes", [7, 7, 0]), meta)
    with pytest.raises(ShardError, match="row 1: expected one `pieces` a document, got 4; count its rows again"):
        written(set_column(table, "pieces", [3, 4, 4]), meta)


@given(lengths=st.lists(st.integers(0, 40), max_size=10), limit=st.integers(1, 15))
def test_split_rows_keeps_every_token(lengths, limit):
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    document, piece, pieces, cuts = layout.split_rows(offsets, limit)
    slow = [
        (d, k, max(1, -(-n // limit)), start + k * limit)
        for d, (n, start) in enumerate(zip(lengths, offsets[:-1], strict=True))
        for k in range(max(1, -(-n // limit)))
    ]
    assert list(zip(document, piece, pieces, cuts[:-1], strict=True)) == slow
    assert cuts[-1] == offsets[-1]
    assert (np.diff(cuts) <= limit).all()


def test_fingerprint_follows_content_not_layout():
    one = layout.tokenizer_fingerprint(b'{"b": 1, "a": [1, 2]}')
    assert one == layout.tokenizer_fingerprint(b'{\n "a": [1,2],\n "b":1}')
    assert one != layout.tokenizer_fingerprint(b'{"a": [2, 1], "b": 1}')
    assert one.startswith("sha256:")
    assert len(one) == 71
    with pytest.raises(ShardError, match=r"tokenizer: expected JSON, got b'\{\"a\"'"):
        layout.tokenizer_fingerprint(b'{"a"')
    with pytest.raises(ShardError, match="tokenizer: expected a JSON object, got list"):
        layout.tokenizer_fingerprint(b"[]")


def test_manifest_counts_and_names_itself():
    meta = token_corpora.meta()
    tables = [token_corpora.table(token_corpora.documents(n, seed=n), meta, seed=n) for n in (5, 0, 8)]
    stats = [written(t, meta)[0] for t in tables]
    index = write_doc_index(io.BytesIO(), [t["doc_id"] for t in tables])
    manifest = build_manifest(meta, stats, index)
    assert [s["doc_base"] for s in manifest["shards"]] == [0, 5, 5]
    assert [s["token_base"] for s in manifest["shards"]] == [0, stats[0].tokens, stats[0].tokens]
    assert manifest["totals"]["rows"] == manifest["totals"]["documents"] == 13
    assert sum(manifest["totals"]["source_tokens"].values()) == manifest["totals"]["tokens"]
    assert layout.corpus_id(manifest) == manifest["corpus_id"]
    assert layout.corpus_id(manifest | {"sources": ["other"]}) != manifest["corpus_id"]
    restored = [layout.ShardStat(**json.loads(json.dumps(s.__dict__))) for s in stats]  # as through a ledger line
    assert build_manifest(meta, restored, index) == manifest
    assert layout.ShardMeta.from_manifest(json.loads(json.dumps(manifest))) == meta


@settings(max_examples=30)
@given(counts=st.lists(st.integers(0, 6), max_size=4), seed=st.integers(0, 100))
def test_index_is_sorted_by_id_then_place(counts, seed):
    rng = np.random.default_rng(seed)
    shards = [[bytes(rng.choice([0, 1, 128, 255], 2).astype(np.uint8)) + b"\0" * 14 for _ in range(n)] for n in counts]
    sink = io.BytesIO()
    write_doc_index(sink, [pa.array(ids, pa.binary(16)) for ids in shards])
    with pa.ipc.open_file(io.BytesIO(sink.getvalue())) as reader:
        rows = [tuple(row.values()) for row in reader.get_batch(0).to_pylist()]
    assert rows == sorted((doc_id, s, r) for s, ids in enumerate(shards) for r, doc_id in enumerate(ids))
