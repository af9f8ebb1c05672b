"""Small corpora of token shards for the tests of `train`: words drawn from a Markov chain, so that there is something to learn."""

import json
import string
from itertools import pairwise

import numpy as np
import pyarrow as pa

from curate.shards import format as layout
from curate.shards.index import write_doc_index
from curate.shards.manifest import build_manifest, write_manifest

VOCAB = 64


LETTERS = string.ascii_letters + string.digits + "-"


def tokenizer_json(word="a"):
    """A letter is a token; `word` stands for the first of them."""
    vocab = {"<|endoftext|>": 0, word: 1} | {letter: i for i, letter in enumerate(LETTERS[1:], 2)}
    added = {
        "id": 0,
        "content": "<|endoftext|>",
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
    model = {"type": "BPE", "vocab": vocab, "merges": []}
    return json.dumps({"version": "1.0", "added_tokens": [added], "decoder": {"type": "Fuse"}, "model": model}).encode()


def documents(num, seed=0, low=5, high=60, vocab=VOCAB):
    """Token lists; each starts with the boundary 0; the next token is mostly the last one plus one of three steps."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(num):
        steps = rng.choice([1, 2, 5], size=int(rng.integers(low, high)), p=[0.7, 0.2, 0.1])
        found.append(np.concatenate([[0], 1 + (rng.integers(0, vocab - 1) + np.cumsum(steps)) % (vocab - 1)]).astype(np.uint16))
    return found


BOS = 64
"""Token before documents in corpora of boundary policy `both`; with it the vocabulary is of 65."""


def under(policy, docs):
    """(documents with the tokens around them that a boundary policy wants, the metadata)."""
    wanted = {"first": lambda text: [0, *text], "last": lambda text: [*text, 0], "both": lambda text: [BOS, *text, 0]}[policy]
    more = {"bos_id": BOS} if policy == "both" else {}
    return [np.array(wanted(doc[1:]), np.uint16) for doc in docs], meta(vocab_size=VOCAB + 1, boundary_policy=policy, **more)


def table(docs, meta, seed=0, piece=None, pieces=None):
    rng = np.random.default_rng(seed + 1)
    n = len(docs)
    offsets = np.concatenate([[0], np.cumsum([len(d) for d in docs])]).astype(np.int64)
    flat = np.concatenate(docs) if n else np.empty(0, np.uint16)
    columns = [
        pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(flat, meta.token_type)),
        pa.array([rng.bytes(16) for _ in range(n)], pa.binary(16)),
        pa.array([3 * max(0, len(d) - 1) for d in docs], pa.uint32()),
        pa.array(np.arange(n) % max(1, len(meta.sources)), pa.uint16()),
        pa.array(np.zeros(n), pa.uint16()),
        pa.array(np.zeros(n), pa.uint32()),
        pa.array(np.arange(n), pa.uint64()),
        pa.array(np.zeros(n) if piece is None else piece, pa.uint32()),
        pa.array(np.ones(n) if pieces is None else pieces, pa.uint32()),
        pa.array(np.ones(n), pa.uint16()),
        pa.array(np.zeros(n), pa.uint8()),
    ]
    return pa.table(columns, schema=layout.shard_schema(meta))


def meta(**other):
    fields = {
        "vocab_size": VOCAB,
        "eos_id": 0,
        "tokenizer_fingerprint": layout.tokenizer_fingerprint(tokenizer_json()),
        "tokenizer_probe_hash": "sha256:00",
        "sources": ("left", "right"),
        "licenses": ("CC0-1.0",),
        "containers": ("a.jsonl",),
    }
    return layout.ShardMeta(**fields | other)


def pieces(docs, limit, shard_meta):
    """The documents cut into rows of at most `limit` tokens, in two tables whose border is inside a document."""
    offsets = np.concatenate([[0], np.cumsum([len(d) for d in docs])]).astype(np.int64)
    document, piece, total, cuts = layout.split_rows(offsets, limit)
    flat = np.concatenate(docs)
    rows = table([flat[a:b] for a, b in pairwise(cuts)], shard_meta, piece=piece, pieces=total)
    ids = rows["doc_id"].combine_chunks().take(pa.array(document))
    num_bytes = np.where(piece == 0, rows["n_bytes"].to_numpy(), 0).astype(np.uint32)
    rows = rows.set_column(1, rows.schema.field("doc_id"), ids).set_column(2, rows.schema.field("n_bytes"), pa.array(num_bytes))
    at = int(np.flatnonzero(piece > 0)[len(piece) // 8])
    return [rows.slice(0, at), rows.slice(at)]


def write(folder, tables, shard_meta=None):
    """A run's shards/ and tokenizer/ below `folder`; returns the shards' folder."""
    shard_meta = shard_meta or meta()
    shards = folder / "shards"
    shards.mkdir(parents=True)
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "tokenizer.json").write_bytes(tokenizer_json())
    stats = []
    for number, rows in enumerate(tables):
        with (shards / layout.shard_name(number)).open("wb") as sink:
            stats.append(layout.write_shard(sink, rows, shard_meta))
    with (shards / layout.INDEX).open("wb") as sink:
        index = write_doc_index(sink, [rows["doc_id"] for rows in tables])
    with (shards / layout.MANIFEST).open("wb") as sink:
        write_manifest(sink, build_manifest(shard_meta, stats, index))
    return shards


def small(folder, num=120, seed=0):
    """Two shards of documents."""
    docs, shard_meta = documents(num, seed), meta()
    half = num // 2
    return write(folder, [table(docs[:half], shard_meta, seed), table(docs[half:], shard_meta, seed + 10)])
