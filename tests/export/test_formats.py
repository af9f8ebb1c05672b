"""Exports, byte for byte, through readers written from each format's specification; and which documents they hold."""

import json
import struct
import sys
from itertools import chain

import numpy as np
import pyarrow as pa
import pytest
import token_corpora

from curate.__main__ import main
from curate.errors import RecipeError, ShardError, StoreError
from curate.export.formats import llmc, nanogpt
from curate.export.run import export
from curate.shards.boundary import POLICIES
from curate.shards.forget import forget
from curate.shards.reader import bytes_id, open_shards
from curate.store import Store

CLASSES = {"CC0-1.0": "public-domain", "MIT": "permissive"}


def read_megatron(folder, name):
    """Documents of a .bin/.idx pair, every field of the index used."""
    data, index = (folder / f"{name}.bin").read_bytes(), (folder / f"{name}.idx").read_bytes()
    assert index[:9] == b"MMIDIDX\x00\x00"
    version, code, sequences, documents = struct.unpack_from("<QBQQ", index, 9)
    assert version == 1
    dtype = {1: "u1", 4: "<i4", 8: "<u2"}[code]
    lengths = np.frombuffer(index, "<i4", sequences, 34)
    pointers = np.frombuffer(index, "<i8", sequences, 34 + 4 * sequences)
    bounds = np.frombuffer(index, "<i8", documents, 34 + 12 * sequences)
    assert len(index) == 34 + 12 * sequences + 8 * documents
    assert bounds.tolist() == list(range(sequences + 1))
    found = [np.frombuffer(data, dtype, n, at).tolist() for n, at in zip(lengths, pointers, strict=True)]
    assert len(data) == sum(map(len, found)) * np.dtype(dtype).itemsize
    return found


def read_datatrove(folder, name):
    ends = np.frombuffer((folder / f"{name}.ds.index").read_bytes(), "<u8").astype(int)
    (tokenizer, size), count, human = (
        (folder / f"{name}.ds.metadata").read_text().replace("|", "\n").split("\n")[:2],
        *(folder / f"{name}.ds.metadata").read_text().split("\n")[1:],
    )
    tokens = np.frombuffer((folder / f"{name}.ds").read_bytes(), {"2": "<u2", "4": "<u4"}[size])
    assert tokenizer.startswith("sha256:")
    assert human.endswith("T")
    assert int(count) == len(tokens) == ends[-1]
    return [part.tolist() for part in np.split(tokens, ends[:-1])]


def read_nanogpt(folder, name):
    return np.fromfile(folder / f"{name}.bin", "<u2").tolist()


def read_llmc(paths):
    found = []
    for path in paths:
        data = path.read_bytes()
        header = np.frombuffer(data, "<i4", 256)
        dtype = {(20240520, 1): "<u2", (20240801, 7): "<u4"}[(header[0], header[1])]
        tokens = np.frombuffer(data, dtype, offset=1024)
        assert header[2] == len(tokens)
        assert not header[3:].any()
        found.append(tokens.tolist())
    return found


def flat(documents):
    return list(chain.from_iterable(documents))


@pytest.fixture
def corpus(tmp_path):
    """60 documents in pieces of at most 16 tokens; every third is validation; some come two and three times."""
    return made(tmp_path / "run")


def made(folder, vocab=64):
    docs = token_corpora.documents(60, vocab=vocab)
    meta = token_corpora.meta(licenses=("CC0-1.0", "MIT"), vocab_size=vocab)
    tables = []
    for table in token_corpora.pieces(docs, 16, meta):
        code = np.array([one[0] for one in table["doc_id"].to_pylist()])  # a number that all pieces of a document have
        for name, values in (
            ("license", code % 2),
            ("split", np.where(code % 3 == 0, 1, 0)),
            ("repeats", 1 + (code % 5 == 0) + (code % 10 == 0)),
        ):
            at = table.schema.get_field_index(name)
            table = table.set_column(at, table.schema.field(name), pa.array(values, table.schema.field(name).type))
        tables.append(table)
    return open_shards(token_corpora.write(folder, tables, meta))


def expected(corpus, split, keep=lambda license_, tokens: True, last=True):
    """Documents of a split as the export should write them, by a walk over all rows."""
    documents = {}
    ids, split_of, repeats, license_ = corpus.ids(), corpus.column("split"), corpus.column("repeats"), corpus.column("license")
    for row in range(corpus.num_rows):
        one = documents.setdefault(bytes_id(ids, row), [[], split_of[row], repeats[row], license_[row]])
        one[0].extend(corpus.row_tokens(row).tolist())
    found = []
    for number in range(3):
        for tokens, its_split, its_repeats, its_license in documents.values():
            if its_split == split and its_repeats > number and keep(its_license, len(tokens)):
                found.append([*tokens[1:], tokens[0]] if last else tokens)
    return found


def test_megatron(corpus, tmp_path):
    done = export(corpus, tmp_path / "out", "megatron", None, CLASSES)
    for name, split in (("train", 0), ("val", 1)):
        assert read_megatron(tmp_path / "out", name) == expected(corpus, split)
    assert set(done["splits"]) == {"train", "validation"}
    assert done["splits"]["train"]["tokens"] == sum(map(len, expected(corpus, 0)))
    assert done == json.loads((tmp_path / "out" / "export.json").read_text())


def test_datatrove(corpus, tmp_path):
    export(corpus, tmp_path / "out", "datatrove", "license = MIT", CLASSES)
    assert read_datatrove(tmp_path / "out", "train") == expected(corpus, 0, lambda license_, tokens: license_ == 1)


def test_nanogpt(corpus, tmp_path):
    export(corpus, tmp_path / "out", "nanogpt", "tokens >= 30 and split = train", CLASSES)
    assert read_nanogpt(tmp_path / "out", "train") == flat(expected(corpus, 0, lambda license_, tokens: tokens >= 30))
    assert not (tmp_path / "out" / "val.bin").exists()


def test_llmc_and_the_boundary(corpus, tmp_path):
    export(corpus, tmp_path / "out", "llmc", None, CLASSES)
    assert read_llmc([tmp_path / "out" / "val_000000.bin"]) == [flat(expected(corpus, 1, last=False))]
    export(corpus, tmp_path / "last", "llmc", None, CLASSES, boundary="last")
    assert read_llmc([tmp_path / "last" / "val_000000.bin"]) == [flat(expected(corpus, 1))]


@pytest.mark.parametrize("policy", POLICIES)
def test_the_recipes_boundary_and_any_other(tmp_path, policy):
    bodies = [doc[1:].tolist() for doc in [np.array([0]), *token_corpora.documents(12)]]
    docs, meta = token_corpora.under(policy, [np.array([0, *body]) for body in bodies])
    corpus = open_shards(token_corpora.write(tmp_path / "run", token_corpora.pieces(docs, 16, meta), meta))
    bos = token_corpora.BOS if policy == "both" else 0
    wanted = {"first": ([0], []), "last": ([], [0]), "both": ([bos], [0]), "none": ([], [])}
    for boundary in (None, *wanted):
        done = export(corpus, tmp_path / str(boundary), "megatron", None, CLASSES, boundary=boundary)
        before, behind = wanted[boundary or ("last" if policy == "first" else policy)]
        assert read_megatron(tmp_path / str(boundary), "train") == [[*before, *body, *behind] for body in bodies]
        assert done["splits"]["train"]["tokens"] == sum(len(before) + len(body) + len(behind) for body in bodies)
    done = export(corpus, tmp_path / "llmc", "llmc", None, CLASSES)
    assert (done["boundary"], done.get("bos_token")) == (policy, bos or None)


def test_llmc_files_are_closed_before_they_are_too_long(tmp_path):
    documents = [np.arange(n, dtype=np.uint16) for n in (5, 4, 3, 25, 1)]
    paths = llmc(tmp_path, "x", documents, np.dtype(np.uint16), 100, "t", max_tokens=10)
    parts = read_llmc(paths)
    assert list(map(len, parts)) == [9, 3, 10, 10, 6]
    assert flat(parts) == np.concatenate(documents).tolist()
    assert read_llmc(llmc(tmp_path, "none", [], np.dtype(np.uint16), 100, "t")) == [[]]


def test_a_vocabulary_above_65536(tmp_path):
    corpus = made(tmp_path / "run", vocab=70_000)
    assert corpus.row_tokens(0).dtype == np.uint32
    for to, reader in (("megatron", read_megatron), ("datatrove", read_datatrove)):
        export(corpus, tmp_path / to, to, None, CLASSES)
        assert reader(tmp_path / to, "train") == expected(corpus, 0)
    export(corpus, tmp_path / "llmc", "llmc", None, CLASSES)
    assert read_llmc([tmp_path / "llmc" / "train_000000.bin"]) == [flat(expected(corpus, 0, last=False))]
    with pytest.raises(ShardError, match="nanogpt: expected a vocabulary of at most 65536, got 70000; it reads uint16: export to llmc"):
        nanogpt(tmp_path, "x", [], np.dtype(np.uint32), 70_000, "t")


def test_the_side_car_names_every_document_written(corpus, tmp_path):
    export(corpus, tmp_path / "out", "megatron", None, CLASSES)
    with pa.ipc.open_file(tmp_path / "out" / "train.documents.arrow") as reader:
        side = reader.read_all()
    written = read_megatron(tmp_path / "out", "train")
    assert side["tokens"].to_pylist() == list(map(len, written))
    for one, tokens in zip(side["doc_id"].to_pylist(), written, strict=True):
        assert corpus.document_tokens(one).tolist() == [tokens[-1], *tokens[:-1]]
    assert side["pass"].to_pylist() == sorted(side["pass"].to_pylist())
    assert set(side["license"].to_pylist()) == {"CC0-1.0", "MIT"}


def test_no_export_holds_what_was_forgotten(corpus, tmp_path):
    ids = corpus.ids()
    gone = {bytes_id(ids, row) for row in range(0, corpus.num_rows, 7)}
    tokens = [corpus.document_tokens(one)[1:].tobytes() for one in gone]
    forget(Store(str(corpus.folder.parent)), sorted(gone), {})
    after = open_shards(corpus.folder)
    for to in ("megatron", "datatrove", "nanogpt", "llmc"):
        export(after, tmp_path / to, to, None, CLASSES)
        for path in (tmp_path / to).iterdir():
            data = path.read_bytes()
            assert not any(one in data for one in [*tokens, *gone])


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("licence = MIT", "expected a column of source, license, license_class, split, tokens, n_bytes, repeats, got licence"),
        ("license in (MIT", "expected `)` at word 5, got the end"),
        ("license", "expected =, !=, <, <=, >, >= or `in` at word 2, got the end"),
        ("tokens > many", "expected a number for tokens, got many"),
        ("license < MIT", "expected = or != for license, got <; license has words, not numbers"),
        ("license = MIT license = MIT", "expected `and`, `or` or the end at word 4, got license"),
        ("license = 'MIT", 'expected words, numbers and quoted values, got "\'MIT"'),
        ("", "expected a column at word 1, got the end"),
        ("license = (", "expected a value at word 3, got ("),
    ],
)
def test_conditions_that_cannot_be_read(corpus, tmp_path, where, said):
    with pytest.raises(RecipeError) as error:
        export(corpus, tmp_path / "out", "megatron", where, CLASSES)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("where", "keep"),
    [
        ("license in (MIT, 'CC0-1.0')", lambda l, n: True),
        ("license not in (MIT)", lambda l, n: l == 0),
        ("not license = MIT or tokens < 20", lambda l, n: l != 1 or n < 20),
        ("license = MIT and (tokens < 20 or tokens > 50)", lambda l, n: l == 1 and (n < 20 or n > 50)),
        ("license_class = public-domain AND tokens != 25", lambda l, n: l == 0 and n != 25),
        ("n_bytes >= 0 and repeats >= 1 and source in (left, right)", lambda l, n: True),
    ],
)
def test_conditions_mean_what_they_say(corpus, tmp_path, where, keep):
    export(corpus, tmp_path / "out", "megatron", where, CLASSES)
    assert read_megatron(tmp_path / "out", "train") == expected(corpus, 0, keep)


def test_what_leaves_nothing_and_where_nothing_may_go(corpus, tmp_path):
    with pytest.raises(ShardError, match="export: expected documents where tokens > 1000000, got 0 of 60"):
        export(corpus, tmp_path / "out", "megatron", "tokens > 1000000", CLASSES)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    with pytest.raises(StoreError, match=r"expected an empty folder, got one with x; choose another --output"):
        export(corpus, tmp_path / "full", "megatron", None, CLASSES)


def test_the_verb(corpus, tmp_path, monkeypatch, capsys):
    arguments = [
        "curate",
        "export",
        corpus.folder.parent,
        "--to",
        "megatron",
        "-o",
        tmp_path / "out",
        "--where",
        "license_class = permissive",
    ]
    monkeypatch.setattr(sys, "argv", list(map(str, arguments)))
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    done = json.loads(capsys.readouterr().out)
    assert done["corpus_id"] == corpus.corpus_id
    assert read_megatron(tmp_path / "out", "train") == expected(corpus, 0, lambda license_, tokens: license_ == 1)
