"""What is looked up is what the tables hold: ids, addresses, domains, texts, samples, in a run with several files and row groups."""

import numpy as np
import pyarrow as pa
import pytest

import curate
from curate.card.folder import open_folder
from curate.review.build import build
from curate.review.choose import PER_REASON
from curate.review.index import Index, drawn
from curate.store import Store
from tests.generated_run import write

DOCUMENTS = 9000


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write(tmp_path_factory.mktemp("drawn") / "run", DOCUMENTS, num_domains=300, text_words=40)


@pytest.fixture(scope="module")
def large(run):
    build(open_folder(Store(str(run))), run / "review" / "index", lambda what, share: None)
    return Index(open_folder(Store(str(run))), run / "review" / "index")


@pytest.fixture(scope="module")
def rows(run):
    """All rows in the order of the manifests."""
    opened = curate.open(run)
    columns = ["id", "url", "domain", "text", "license__spdx", "removed_by"]
    tables = [
        part.to_table(columns=[name for name in columns if name in part.schema.names]) for part in (opened.documents(), opened.removed())
    ]
    return pa.concat_tables(tables, promote_options="default").to_pylist()


def some(seed=0, count=40):
    return np.random.default_rng(seed).integers(0, DOCUMENTS, count).tolist()


def test_rows_and_texts_are_those_of_the_files(large, rows):
    assert large.meta["rows"] == len(rows) == DOCUMENTS
    for number in [0, 511, 512, DOCUMENTS - 1, *some()]:
        assert large.parts.text(number) == rows[number]["text"]
        assert large.parts.row(number)["id"] == rows[number]["id"]
        told = large.told([number])[0]
        assert (told["id"], told["url"], told["domain"]) == (rows[number]["id"].hex(), rows[number]["url"], rows[number]["domain"])
        assert told["removed_by"] == rows[number].get("removed_by")
        assert told["bytes"] == len(rows[number]["text"].encode())


def test_ids_and_addresses_lead_to_their_rows(large, rows):
    for number in some(1):
        assert number in large.by_id(rows[number]["id"].hex())
        assert number in large.by_url(rows[number]["url"])
    assert large.by_id("f" * 32) == []
    assert large.by_url("https://nowhere.example/") == []


def test_a_domain_has_all_its_rows_once(large, rows):
    for one in large.query("select code, name, kept, removed, bytes from domains order by bytes desc limit 5"):
        wanted = {number for number, row in enumerate(rows) if row["domain"] == one["name"]}
        found = [row for start in range(0, len(wanted) + 50, 50) for row in large.of_domain(one["code"], start, 50)]
        assert sorted(found) == sorted(wanted)
        assert one["kept"] + one["removed"] == len(wanted)
        assert one["bytes"] == sum(len(rows[n]["text"].encode()) for n in wanted if rows[n].get("removed_by") is None)


def test_words_are_found_in_texts_and_addresses(large, rows):
    for number in some(2, 10):
        word = rows[number]["text"].split()[1]
        found, count = large.search(f"text {word}", count=1000)
        assert sorted(found) == [
            n for n, row in enumerate(rows) if f" {word}\n" in f" {row['text']}\n" or f" {word} " in row["text"].replace("\n", " ")
        ]
        assert count == len(found)
    tail = rows[7]["url"].rpartition("/")[2]
    assert 7 in large.search(tail, where="url")[0]
    assert 7 not in large.search(tail, where="text")[0]


def test_a_word_of_every_document_is_counted_up_to_a_bound(large):
    found, count = large.search("text", count=5)
    assert (len(found), count) == (5, 1000)


def test_samples_are_those_with_the_smallest_ids_and_a_seed_orders_them(large, rows):
    for reason in ("kept", "gopher_quality:short_doc"):
        wanted = [n for n, row in enumerate(rows) if (row.get("removed_by") or "kept") == reason]
        smallest = sorted(wanted, key=lambda n: rows[n]["id"])[:PER_REASON]
        assert sorted(large.sample("reason", reason, 3)) == sorted(smallest)
        assert large.size("reason", reason) == len(wanted)
        assert large.sample("reason", reason, 3) == sorted(smallest, key=lambda n: (drawn(3, rows[n]["id"].hex()), n))


def test_licences_by_documents(large, rows):
    told = {one["key"]: one["rows"] for one in large.keys("licence")}
    for name in told:
        assert told[name] == sum(row["license__spdx"] == name for row in rows)
