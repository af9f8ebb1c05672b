"""Segment: what is cut where, and what a run makes of it: ids, spans, books, card, why, both sides of a hold-out."""

import json

import numpy as np
import pyarrow as pa
import pytest

import curate
from curate.engine.corpus import make
from curate.engine.local import LocalEngine
from curate.errors import RecipeError
from curate.ledger import Balance
from curate.recipe import from_dict
from curate.schema import document_id
from curate.shards.digest import row_digest
from curate.shards.splitting import split
from curate.stages.segment import Config, segment
from curate.store import Store
from curate.why import story


def cut(text, **config):
    batch = pa.record_batch({"text": pa.array([text, None], pa.large_string())})
    out = segment.measure(batch, Config(**config), "segment")
    spans = out["segment__spans"].to_pylist()
    assert spans[1] is None
    return [text.encode()[a:b].decode() for a, b in zip(spans[0][::2], spans[0][1::2], strict=True)]


def test_a_short_document_stays_whole():
    assert cut("short\n\ntext", max_chars=11) == []


def test_whole_paragraphs_where_they_fit():
    assert cut("one one.\n\ntwo\n\nthree", max_chars=13) == ["one one.\n\ntwo", "three"]


def test_a_long_paragraph_by_lines_sentences_words_characters():
    assert cut("a line\nanother", max_chars=10) == ["a line", "another"]
    assert cut("One. Two words. Three", max_chars=17) == ["One. Two words.", "Three"]
    assert cut("你好。」再见！好", max_chars=5) == ["你好。」", "再见！好"]
    assert cut("three words here", max_chars=12) == ["three words", "here"]
    assert cut("unbroken", max_chars=5) == ["unbro", "ken"]


def test_before_headings_but_not_in_code():
    text = "# One\n\ntext\n\n## Two\n\nmore\n\n```\n# no\n```"
    assert cut(text, max_chars=26, at="heading") == ["# One\n\ntext", "## Two\n\nmore\n\n```\n# no\n```"]
    assert cut(text, max_chars=26) == ["# One\n\ntext\n\n## Two\n\nmore", "```\n# no\n```"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The same documents in runs of other parts and more workers."""
    root = tmp_path_factory.mktemp("segments")
    with open(root / "pages.jsonl", "w") as file:
        for n in range(40):
            paragraphs = [f"Paragraph {i} of document {n} says {n * i}.  " for i in range(1 + n % 7)]
            file.write(json.dumps({"id": str(n), "url": f"https://example.org/{n}", "text": "\n\n".join(paragraphs)}) + "\n")
    made = {}
    for name, workers, part_bytes in (("one", 1, 1 << 20), ("parts", 1, 700), ("two", 2, 1 << 20)):
        recipe = {
            "name": "segments",
            "input": [{"uri": str(root / "pages.jsonl"), "source": "pages"}],
            "steps": [{"length": {"max_chars": 230}}, {"segment": {"max_chars": 90}}, {"length": {"as": "length_after", "min_chars": 50}}],
            "tokenizer": {"vocab_size": 300},
            "shards": {},
            "split": {"validation": 0.4},
            "limits": {"part_bytes": part_bytes},
        }
        engine = LocalEngine(workers)
        make(from_dict(recipe), Store(str(root / name)), engine)
        engine.close()
        made[name] = root / name
    return made


def rows_of(dataset):
    return dataset.to_table().to_pylist()


def books(run):
    total = Balance()
    for line in (run / "ledger.jsonl").read_text().splitlines():
        line = json.loads(line)
        if line["kind"] == "segment" and "segment" in line["entered"]:
            total.born.update(line["born"])
            total.split.update(line["split"])
            total.cut.update(line["cut"])
    return total


def test_each_segment_knows_its_parent_and_its_place(runs):
    run = curate.open(runs["one"])
    rows = rows_of(run.documents()) + rows_of(run.removed())
    parents = {}
    for n in range(40):
        text = "\n\n".join([f"Paragraph {i} of document {n} says {n * i}.  " for i in range(1 + n % 7)])
        parents[f"https://example.org/{n}"] = text.encode()
    segments = [row for row in rows if row["segment__parent"]]
    assert segments
    assert all(len(row["text"]) <= 90 for row in segments)
    for row in segments:
        span = row["segment__start"], row["segment__end"]
        assert parents[row["url"]][slice(*span)].decode() == row["text"]
        native = f"{row['segment__parent'].hex()}:{span[0]}-{span[1]}"
        assert row["id"] == document_id("pages", native, row["fetched_at"], row["text"].encode())
    assert len({row["id"] for row in rows}) == len(rows)
    found = books(runs["one"])
    assert found.born["segment"] == len(segments)
    assert found.split["segment"] == len({row["segment__parent"] for row in segments})
    whole = sum(len(parents[url]) for url in {row["url"] for row in segments})
    assert found.cut["segment"] == whole - sum(len(row["text"].encode()) for row in segments) > 0
    assert {row["removed_by"] for row in rows_of(run.removed())} == {"length:too_many_chars", "length_after:too_few_chars"}
    assert "segment__spans" not in run.documents().schema.names + run.removed().schema.names


def test_parts_and_workers_change_nothing(runs):
    digests = set()
    for root in runs.values():
        run = curate.open(root)
        facts = json.loads((root / "card" / "facts.json").read_text())
        facts.pop("files")
        digests.add((row_digest(run.documents().to_batches()), row_digest(run.removed().to_batches()), json.dumps(facts["steps"])))
    assert len(digests) == 1
    ledgers = [(runs[name] / "ledger.jsonl").read_bytes() for name in ("one", "two")]
    assert ledgers[0] == ledgers[1]


def test_the_card_counts_segments(runs):
    facts = json.loads((runs["one"] / "card" / "facts.json").read_text())
    (step,) = [step for step in facts["steps"] if step["step"] == "segment"]
    assert step["documents_out"] == step["documents_in"] + step["split"]["segments"] - step["split"]["documents"]
    said = f"segment cut {step['split']['documents']} documents into {step['split']['segments']} segments."
    assert said in (runs["one"] / "card" / "README.md").read_text()


def test_why_tells_parent_and_segments(runs):
    row = next(row for row in rows_of(curate.open(runs["one"]).documents()) if row["segment__number"] == 1)
    parent = row["segment__parent"].hex()
    told = story(Store(str(runs["one"])), row["id"].hex())
    assert {"parent": parent, "number": 1}.items() <= {
        m.name: m.value for s in told.hits[0].steps if s.step == "segment" for m in s.measures
    }.items()
    told = story(Store(str(runs["one"])), parent)
    assert told.num_segments == row["segment__of"] == len(told.hits)
    assert row["id"].hex() in {hit.id for hit in told.hits}


def test_no_document_is_on_both_sides(runs):
    from curate.shards.reader import open_shards

    sides = {}
    shards = open_shards(runs["one"] / "shards")
    parents = {row["id"]: row["segment__parent"] or row["id"] for row in rows_of(curate.open(runs["one"]).documents())}
    for identity, side in zip(shards.ids(), shards.column("split").tolist(), strict=True):
        sides.setdefault(parents[bytes(identity).ljust(16, b"\0")], set()).add(side)
    assert {len(found) for found in sides.values()} == {1}
    assert len(set.union(*sides.values())) == 2


def test_rows_without_spans_stay_as_they_are():
    batch = pa.record_batch(
        {
            "id": pa.array([b"0" * 16], pa.binary(16)),
            "text": pa.array(["a"], pa.large_string()),
            "s__spans": pa.array([None], pa.list_(pa.int64())),
        }
    )
    made = split(batch, "s", "spans")
    assert (made.born, made.split, made.cut, made.kept.num_rows) == (0, 0, 0, 1)
    assert np.array_equal(made.kept.schema.names, ["id", "text"])


def test_what_cannot_be_cut_is_told():
    steps = [{"segment": {}}, {"markup": {}}]
    with pytest.raises(RecipeError, match=r"steps.markup: expected documents as they were read, got segments of segment"):
        from_dict({"input": [{"uri": "sample:"}], "steps": steps})
    with pytest.raises(RecipeError, match=r"steps.segment: expected kind text, got messages"):
        from_dict({"kind": "messages", "input": [{"uri": "a.jsonl"}], "steps": [{"segment": {}}]})
