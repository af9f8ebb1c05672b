"""The deletion vector: what it hides, in any corpus and for any rows; what damages it; what training sees of it."""

import json

import numpy as np
import pytest
import token_corpora
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import ShardError
from curate.shards.compact import compact
from curate.shards.forget import LIST, forget, forgotten_ids
from curate.shards.manifest import named
from curate.shards.reader import bytes_id, open_shards
from curate.store import Store
from train.data import documents


def ids_of(corpus):
    ids = corpus.ids()
    return [bytes_id(ids, row) for row in range(len(ids))]


def content(corpus):
    """Every row as a reader gives it out."""
    return [(one, corpus.row_tokens(row).tolist()) for row, one in enumerate(ids_of(corpus))]


@settings(max_examples=25)
@given(rows=st.sets(st.integers(0, 39), min_size=1), later=st.sets(st.integers(0, 39)), compact_between=st.booleans())
def test_what_is_left_is_the_rest_in_order(tmp_path_factory, rows, later, compact_between):
    run = tmp_path_factory.mktemp("run")
    token_corpora.small(run, num=40)
    store = Store(str(run))
    before = content(open_shards(run / "shards"))
    for wave in (rows, later):
        if wave:
            forget(store, [before[row][0] for row in wave], {"ids": []})
            if compact_between:
                compact(store)
    expected = [one for row, one in enumerate(before) if row not in rows | later]
    corpus = open_shards(run / "shards")
    assert content(corpus) == expected
    assert corpus.num_rows == len(expected)
    assert corpus.num_tokens == sum(len(tokens) for _, tokens in expected) == corpus.count_tokens().sum()
    assert len(corpus.column("n_bytes")) == len(expected)
    corpus.verify()
    compact(store)
    corpus = open_shards(run / "shards")
    corpus.verify()
    assert content(corpus) == expected
    assert len(corpus.deleted) == 0
    assert all(corpus.shards[shard].ids()[row] == np.array(one, "S16") for one, _ in expected for shard, row in corpus.find(one))
    assert forgotten_ids(store).to_pylist() == sorted(before[row][0] for row in rows | later)


def test_all_pieces_of_a_long_document_go_together(tmp_path):
    docs, meta = token_corpora.documents(30, low=20, high=70), token_corpora.meta()
    token_corpora.write(tmp_path, token_corpora.pieces(docs, 16, meta))
    corpus = open_shards(tmp_path / "shards")
    row = int(np.flatnonzero(corpus.column("pieces") > 2)[0])
    one, pieces = ids_of(corpus)[row], int(corpus.column("pieces")[row])
    receipt = forget(Store(str(tmp_path)), [one], {})
    assert (receipt["now"]["documents"], receipt["now"]["rows"]) == (1, pieces)
    after = open_shards(tmp_path / "shards")
    assert after.num_rows == corpus.num_rows - pieces
    assert len(documents(after).tokens) == len(docs) - 1  # what training reads
    compact(Store(str(tmp_path)))
    compacted = open_shards(tmp_path / "shards")
    compacted.verify()
    assert content(compacted) == content(after)


def test_everything_may_be_forgotten(tmp_path):
    token_corpora.small(tmp_path, num=10)
    forget(Store(str(tmp_path)), ids_of(open_shards(tmp_path / "shards")), {})
    corpus = open_shards(tmp_path / "shards")
    assert (corpus.num_rows, corpus.num_tokens, len(corpus.ids())) == (0, 0, 0)
    compact(Store(str(tmp_path)))
    open_shards(tmp_path / "shards").verify()
    assert open_shards(tmp_path / "shards").manifest["totals"]["shards"] == 2


def test_a_damaged_vector_is_named(tmp_path):
    token_corpora.small(tmp_path, num=10)
    store = Store(str(tmp_path))
    forget(store, ids_of(open_shards(tmp_path / "shards"))[2:5], {})
    shards = tmp_path / "shards"
    path = next(shards.glob("deletions-*.arrow"))
    data = path.read_bytes()
    at = data.find(np.array([2, 3, 4], "<u8").tobytes())
    path.write_bytes(data[:at] + b"\x05" + data[at + 1 :])
    with pytest.raises(ShardError, match=r"deletions-\w+.arrow: expected 3 rising rows below 10, got 3 up to 4; copy it together"):
        open_shards(shards)
    path.write_bytes(data[:at] + b"\x01" + data[at + 1 :])
    with pytest.raises(ShardError, match=r"deletions-\w+.arrow: expected xxh3_64 \w+, got \w+; the file is damaged"):
        open_shards(shards).verify()
    path.unlink()
    with pytest.raises(ShardError, match=r"deletions-\w+.arrow: expected a file of \d+ bytes, got none"):
        open_shards(shards)
    path.write_bytes(data)
    manifest = json.loads((shards / "manifest.json").read_bytes())
    manifest["deletions"]["tokens"] += 1
    (shards / "manifest.json").write_text(json.dumps(named(manifest)))
    with pytest.raises(ShardError, match=r"expected \d+ tokens in its rows, got \d+; copy it together with the manifest"):
        open_shards(shards).verify()


def test_a_list_cut_short_is_named(tmp_path):
    token_corpora.small(tmp_path, num=10)
    store = Store(str(tmp_path))
    forget(store, ids_of(open_shards(tmp_path / "shards"))[:2], {})
    store.write(LIST, store.read(LIST)[:-1])
    with pytest.raises(ShardError, match=r"forgotten/ids.bin: expected 16 bytes an id, got 31 bytes; restore it from the receipts"):
        forgotten_ids(store)
