"""Join: columns by id, URL, host and domain from every form of table; what is no table, or no key, is refused; what it removes says why."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate import stage
from curate.errors import RecipeError
from curate.recipe import from_dict

IDS = [bytes([n]) * 15 + b"\0" for n in range(4)]
URLS = ["https://A.example/x", "https://sub.b.example:8080/y", "https://[broken/", None]
DOMAINS = ["a.example", "b.example", "b.example", None]
join = stage.load("join")


def batch():
    return pa.RecordBatch.from_pydict({"id": pa.array(IDS, pa.binary(16)), "url": pa.array(URLS), "domain": pa.array(DOMAINS)})


def joined(rows=None, **config):
    columns = join.measure(batch(), join.config(**config), "step")
    return {name.removeprefix("step__"): array.to_pylist() for name, array in columns.items()}


@pytest.fixture
def losses(tmp_path):
    """A table as `train losses` writes it, in another order than the documents."""
    path = tmp_path / "losses.parquet"
    ids = pa.array([IDS[2], b"x" * 16, IDS[0]], pa.binary(16))
    pq.write_table(pa.table({"id": ids, "bits_per_byte": [3.00004, 9.0, 1.5], "times_read": pa.array([2, 0, 1], pa.int32())}), path)
    return str(path)


def test_columns_by_id(losses):
    found = joined(table=losses)
    assert found["bits_per_byte"] == [1.5, None, 3.0, None]
    assert found["times_read"] == [1, None, 2, None]
    assert found["found"] == [True, False, True, False]
    assert found["drop"] == [None] * 4
    assert "times_read" not in joined(table=losses, columns=["bits_per_byte"])
    assert joined(table=losses, columns={"loss": "bits_per_byte"})["loss"] == [1.5, None, 3.0, None]


@pytest.mark.parametrize(
    ("on", "keys", "expected"),
    [
        ("id", [IDS[1].hex().upper(), "f" * 32], [None, "first", None, None]),
        ("url", [URLS[2], URLS[0].lower()], [None, None, "first", None]),
        ("host", [" Sub.B.example. ", "b.example"], [None, "first", None, None]),
        ("domain", ["c.example", "B.example"], [None, "second", "second", None]),
    ],
)
@pytest.mark.parametrize("form", ["a.csv", "a.tsv.gz", "a.jsonl", "a.ndjson.gz"])
def test_every_key_in_every_form(tmp_path, on, keys, expected, form):
    rows = list(zip(keys, ["first", "second"], strict=True))
    mark = "\t" if "tsv" in form else ","
    lines = [f"{on}{mark}word", *(f"{key}{mark}{word}" for key, word in rows)]
    text = "\n".join(lines if "sv" in form else [json.dumps({on: key, "word": word}) for key, word in rows]) + "\n"
    path = tmp_path / form
    path.write_bytes(gzip.compress(text.encode()) if form.endswith("gz") else text.encode())
    assert joined(table=str(path), on=on)["word"] == expected


def test_several_files_are_one_table(tmp_path):
    for number in (0, 1):
        (tmp_path / f"part-{number}.jsonl").write_text(json.dumps({"id": IDS[number].hex(), "rank": number}) + "\n")
    assert joined(table=str(tmp_path / "part-*.jsonl"))["rank"] == [0, 1, None, None]


def test_what_leaves_says_why(losses):
    found = joined(table=losses, max={"bits_per_byte": 2.5}, min={"times_read": 2})
    assert found["drop"] == ["too_low", None, "too_high", None]
    assert found["value"] == ["times_read 1", None, "bits_per_byte 3.0", None]
    assert found["threshold"] == ["< 2.0", None, "> 2.5", None]
    listed = joined(table=losses, remove="listed")
    assert listed["drop"] == ["listed", None, "listed", None]
    assert listed["value"][0] == IDS[0].hex()
    assert listed["threshold"][0] == "id in table"
    assert joined(table=losses, remove="unlisted")["drop"] == [None, "unlisted", None, "unlisted"]


def test_an_edited_table_is_another_task(tmp_path):
    path = tmp_path / "a.csv"
    found = []
    for word in ("one", "two", "three"):
        path.write_text(f"id,word\n{IDS[0].hex()},{word}\n")
        config = join.config(table=str(path))
        found.append((dict(join.models(config)), joined(table=str(path))["word"][0]))
    assert [word for _, word in found] == ["one", "two", "three"]
    assert len({str(digest) for digest, _ in found}) == 3


@pytest.mark.parametrize(
    ("text", "config", "message"),
    [
        ("id,word\n00,x\n", {}, "expected ids of 32 hex digits, got others in"),
        (f"id,word\n{'0' * 32},x\n{'0' * 32},y\n", {}, f"expected one row a key, got two for {'0' * 32} in .*; leave one out"),
        ("host,word\n,x\n", {"on": "host"}, "expected a key in every row, got 1 empty ones in"),
        ("name,word\na,x\n", {"on": "host"}, r"expected a column host with keys, got \['name', 'word'\] in .*; say `key:`"),
        ("host,My Word\na,x\n", {"on": "host"}, r"expected a new name for column 'My Word', .*; say `columns: {new_name: My Word}`"),
        ("host,day\na,2026-01-01\n", {"on": "host"}, r"expected columns of numbers, text or truth values, got 'day' of date32\[day\]"),
        ("host,word\na,x\n", {"on": "host", "columns": ["wort"]}, r"expected columns of \['host', 'word'\], got 'wort'"),
        ("host,word\na,x\n", {"on": "host", "max": {"word": 1.0}}, r"expected max of columns of numbers, which are \[\], got 'word'"),
        ("host,word\na\n", {"on": "host"}, "expected a table, got .* Expected 2 columns, got 1"),
    ],
)
def test_tables_that_are_refused_by_the_recipe(tmp_path, text, config, message):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(RecipeError, match=r"steps\.join.*" + message):
        from_dict({"name": "web", "input": [{"uri": "x.jsonl"}], "steps": [{"join": {"table": str(path), **config}}]})


def test_no_table(tmp_path):
    def recipe(config):
        return from_dict({"name": "web", "input": [{"uri": "x.jsonl"}], "steps": [{"join": config}]})

    for config, message in (
        ({}, "table: expected a Parquet, CSV or JSONL file, got none"),
        ({"table": str(tmp_path / "none.csv")}, "expected a table, got .*none.csv"),
        ({"table": str(tmp_path / "*.csv")}, "expected a file, got .*, which matches none"),
        ({"table": str(tmp_path / "a.txt")}, "expected a table, got|expected a file ending in"),
    ):
        with pytest.raises(RecipeError, match=message):
            recipe(config)


def test_its_columns_can_be_read_by_later_steps_and_it_may_stand_after_dedup(losses):
    def recipe(config):
        steps = [{"exact_dedup": {}}, {"join": {"table": losses, "as": "loss", **config}}]
        top = {"name": "web", "input": [{"uri": "x.jsonl"}], "tokenizer": {"vocab_size": 1000}, "shards": {}}
        return from_dict(top | {"steps": steps, "mix": {"by": "loss__times_read"}})

    assert recipe({}).steps[1].name == "loss"
    with pytest.raises(RecipeError, match="expected no removal after exact_dedup"):
        recipe({"max": {"bits_per_byte": 2.0}})
