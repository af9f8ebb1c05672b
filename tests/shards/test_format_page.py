"""FORMAT.md is enough to write a reader: here is one that was written from it, and knows nothing of the code."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import token_corpora
import xxhash

from curate.shards import boundary, forget, format
from curate.shards.compact import compact
from curate.shards.index import INDEX_FORMAT
from curate.shards.reader import bytes_id, open_shards
from curate.store import Store

PAGE = Path(format.__file__).with_name("FORMAT.md")


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def only_batch(path, entry):
    data = path.read_bytes()
    assert len(data) == entry["bytes"]
    assert xxhash.xxh3_64_hexdigest(data) == entry["xxh3_64"]
    reader = pa.ipc.open_file(pa.BufferReader(data))
    assert reader.num_record_batches == 1
    return reader.get_batch(0)


def read(folder):
    """Every row that is there: (id, tokens, split, repeats), and the rows that the locator gives for each id."""
    manifest = json.loads((folder / "manifest.json").read_text())
    version = 2 if manifest["boundary_policy"] == "first" else 4
    assert manifest["format"] == f"curate/manifest/{version}"
    named = {key: value for key, value in manifest.items() if key != "corpus_id"}
    assert manifest["corpus_id"] == "sha256:" + hashlib.sha256(canonical(named)).hexdigest()
    gone = set()
    if manifest["deletions"]:
        gone = set(only_batch(folder / manifest["deletions"]["path"], manifest["deletions"])["row"].to_pylist())
    rows, places = [], {}
    for number, entry in enumerate(manifest["shards"]):
        batch = only_batch(folder / entry["path"], entry)
        said = {key.decode(): json.loads(value) for key, value in batch.schema.metadata.items()}
        assert said["format"] == f"curate/tokens/{version}"
        assert all(said[key] == manifest[key] for key in ("token_dtype", "boundary_policy", "sources", "licenses", "containers", "splits"))
        column = batch["tokens"]
        width = {"uint16": np.uint16, "uint32": np.uint32}[said["token_dtype"]]
        offsets = np.frombuffer(column.buffers()[1], np.int64)[column.offset : column.offset + len(column) + 1]
        values = np.frombuffer(column.values.buffers()[1], width) if len(column) else []
        for row in range(batch.num_rows):
            if entry["doc_base"] + row in gone:
                continue
            one = batch["doc_id"][row].as_py()
            places.setdefault(one, []).append((number, row))
            tokens = values[offsets[row] : offsets[row + 1]].tolist()
            rows.append((one, tokens, batch["split"][row].as_py(), batch["repeats"][row].as_py()))
    index = only_batch(folder / manifest["doc_index"]["path"], manifest["doc_index"]).to_pylist()
    assert index == sorted(index, key=lambda row: (row["doc_id"], row["shard"], row["row"]))
    living = [row for row in index if manifest["shards"][row["shard"]]["doc_base"] + row["row"] not in gone]
    assert {one: [(row["shard"], row["row"]) for row in living if row["doc_id"] == one] for one in places} == places
    return rows


@pytest.mark.parametrize("state", ["whole", "forgotten", "compacted", "both"])
def test_a_reader_written_from_the_page_sees_what_ours_sees(tmp_path, state):
    docs, meta = token_corpora.documents(60), token_corpora.meta()
    shards = token_corpora.write(tmp_path, token_corpora.pieces(docs, 16, meta))
    ids = open_shards(shards).ids()
    if state != "whole":
        forget.forget(Store(str(tmp_path)), [bytes_id(ids, row) for row in (0, 9, 40)], {})
    if state in ("compacted", "both"):
        compact(Store(str(tmp_path)))
    if state == "both":
        forget.forget(Store(str(tmp_path)), [bytes_id(ids, row) for row in (20, 50)], {})
    corpus = open_shards(shards)
    split, repeats, left = corpus.column("split"), corpus.column("repeats"), corpus.ids()
    ours = [(bytes_id(left, row), corpus.row_tokens(row).tolist(), int(split[row]), int(repeats[row])) for row in range(corpus.num_rows)]
    assert read(shards) == ours


@pytest.mark.parametrize("policy", boundary.POLICIES)
def test_texts_are_found_under_every_policy_of_the_page(tmp_path, policy):
    docs = [np.array([0], np.uint16), *token_corpora.documents(20), np.array([0], np.uint16)]
    made, meta = token_corpora.under(policy, docs)
    shards = token_corpora.write(tmp_path, token_corpora.pieces(made, 16, meta), meta)
    said = {key.decode(): json.loads(value) for key, value in format.shard_schema(meta).metadata.items()}
    before, behind = {"first": (["eos_id"], []), "last": ([], ["eos_id"]), "both": (["bos_id"], ["eos_id"])}[said["boundary_policy"]]
    found = {}
    for one, tokens, *_ in read(shards):
        found.setdefault(one, []).extend(tokens)
    for tokens, doc in zip(found.values(), docs, strict=True):
        assert tokens == [*(said[name] for name in before), *doc[1:].tolist(), *(said[name] for name in behind)]
    page = PAGE.read_text()
    assert f"| `{policy}` |" in page
    assert f"`{said['format']}`" in page


@pytest.mark.parametrize("kind", ["messages", "preference"])
def test_the_page_names_the_columns_of_dialogues(kind):
    page = PAGE.read_text()
    schema = format.shard_schema(token_corpora.meta(kind=kind))
    more = [name for name in schema.names if name not in format.shard_schema(token_corpora.meta()).names]
    listed = page.split("## Dialogues")[1].split("| column |")[1].split("\n\n")[0].splitlines()[2:]
    assert more == [line.split(" | ")[0].strip("| `") for line in listed if "both" in line or f"`{kind}`" in line]
    for name in (kind, "kind", format.FORMATS[kind], format.MANIFEST_FORMATS[kind]):
        assert f"`{name}`" in page


def test_the_page_names_every_column_key_and_version(tmp_path):
    page = PAGE.read_text()
    meta = token_corpora.meta()
    schema = format.shard_schema(meta)
    manifest = json.loads((token_corpora.small(tmp_path) / "manifest.json").read_text())
    keys = {*manifest, *manifest["shards"][0], *manifest["tokenizer"], *manifest["doc_index"]}
    for name in [*schema.names, *(key.decode() for key in schema.metadata), *keys]:
        assert f"`{name}`" in page, name
    for version in (format.FORMAT, format.MANIFEST_FORMAT, format.POLICY_MANIFEST_FORMAT, INDEX_FORMAT, forget.DELETIONS_FORMAT):
        assert f"`{version}`" in page
    assert f"{format.MAX_ROW_TOKENS:,} tokens" in page
    assert [f"`{name}`" for name in schema.names] == [
        line.split(" | ")[0].strip("| ") for line in page.split("| column |")[1].splitlines()[2:13]
    ]
