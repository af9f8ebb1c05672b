"""Laws of barriers: every file in `curate/barriers/` inherits them by existing.

A barrier's own test file, `tests/barriers/test_<name>.py`, may name what it is tried on: `law_case()` returns (config, documents),
documents with all columns that the barrier reads, and many that it marks. Without one the barrier is tried with its default config on
plain texts. Laws about verdicts are for barriers that judge, laws about findings for those that end in one.
"""

import importlib.util
import pickle
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from barrier_runner import Cut, kept, last_rows, parts_of, run

from curate.barrier import load, names
from curate.schema import column

CUTS = {
    "parts": [Cut(parts=parts, batch_rows=64, seed=parts) for parts in (1, 2, 7)],
    "ranges": [Cut(ranges=ranges, batch_rows=64) for ranges in (1, 7, 64)],
    "batch size": [Cut(batch_rows=rows) for rows in (1, 3, 1000)],
    "table size": [Cut(ranges=2, table_rows=rows, seed=rows) for rows in (1, 2, 5, 100_000)],
    "everything": [Cut(parts=7, batch_rows=2, ranges=64, table_rows=3, seed=9)],
}


@cache
def case(name):
    """(barrier, config, documents) of a barrier, from its test file."""
    path = Path(__file__).parent / "barriers" / f"test_{name}.py"
    assert path.exists(), f"barrier {name} has no test file of its own"
    spec = importlib.util.spec_from_file_location(f"law_case_of_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    barrier = load(name)
    config, documents = module.law_case() if hasattr(module, "law_case") else (barrier.config(), plain_documents())
    return barrier, config, documents


def plain_documents():
    """Documents with ids and texts and nothing else, some of them twice, some empty, some null."""
    rs = np.random.RandomState(1)
    texts = [None, "", *(" ".join(rs.choice(["some", "Wörter", "and", "12", "漢字", "\n"], 30)) for _ in range(60))]
    ids = [rs.bytes(16) for _ in range(2 * len(texts))]
    return pa.table({"id": pa.array(ids, pa.binary(16)), "text": pa.array(texts * 2, pa.large_string())})


def outcome(barrier, config, documents, cut=None):
    """What a barrier has to say about documents, free of order: sorted rows with all marked columns, or the finding's files."""
    files = {}
    if barrier.finding:
        rows = last_rows(barrier, config, parts_of(documents, cut or Cut()), cut or Cut())
        files = dict(barrier.finding(iter([] if rows is None else [rows]), config))
    if not barrier.judges:
        return files
    return files, sorted(repr(sorted(row.items())) for row in run(barrier, config, documents, cut).to_pylist())


def judging():
    return [name for name in names() if load(name).judges]


@pytest.mark.parametrize("way", CUTS)
@pytest.mark.parametrize("name", names())
def test_the_cut_of_the_work_changes_nothing(name, way):
    expected = outcome(*case(name))
    for cut in CUTS[way]:
        assert outcome(*case(name), cut) == expected, cut


@pytest.mark.parametrize("name", names())
def test_order_changes_nothing(name):
    barrier, config, documents = case(name)
    expected = outcome(barrier, config, documents)
    for seed in range(3):
        order = np.random.RandomState(seed).permutation(documents.num_rows)
        assert outcome(barrier, config, documents.take(pa.array(order)), Cut(parts=3, ranges=5, table_rows=7)) == expected


@pytest.mark.parametrize("name", names())
def test_crosses_a_process_boundary(name):
    barrier, config, _ = case(name)
    assert pickle.loads(pickle.dumps(barrier)) is barrier
    assert pickle.loads(pickle.dumps(config)) == config


@pytest.mark.parametrize("name", names())
def test_says_what_it_is(name):
    barrier, config, documents = case(name)
    assert barrier.name == name
    assert set(barrier.reads(config)) <= set(documents.column_names)
    assert barrier.judges or barrier.finding or barrier.adds or barrier.replaces
    for field, info in barrier.config.model_fields.items():
        assert info.description, f"{name}.{field} has no sentence under it"


@pytest.mark.parametrize("name", judging())
def test_no_document_is_no_problem(name):
    barrier, config, documents = case(name)
    rows = last_rows(barrier, config, parts_of(documents.slice(0, 0), Cut()), Cut())
    assert rows is None or not rows.num_rows
    one = run(barrier, config, documents.slice(0, 1))
    assert kept(one, name).all()


@pytest.mark.parametrize("name", judging())
def test_the_case_is_worth_something(name):
    stays = kept(run(*case(name)), name)
    assert 0.1 < stays.mean() < 0.9


@pytest.mark.parametrize("name", judging())
def test_on_what_stays_it_marks_nothing(name):
    barrier, config, documents = case(name)
    if not barrier.idempotent:
        pytest.skip(f"{name} declares that it may mark again")
    stays = np.flatnonzero(kept(run(barrier, config, documents), name))
    assert kept(run(barrier, config, documents.take(pa.array(stays))), name).all()


@pytest.mark.parametrize("name", judging())
def test_each_verdict_names_its_evidence(name):
    barrier, config, documents = case(name)
    rows = run(barrier, config, documents).to_pylist()
    stays = {row["id"] for row in rows if row[column(name, "drop")] is None}
    for row in rows:
        gone = row[column(name, "drop")] is not None
        assert gone == (row[column(name, "value")] is not None)
        if gone and "keeper" in barrier.adds:
            assert row[column(name, "keeper")] in stays
            assert row[column(name, "threshold")]


@pytest.mark.parametrize("name", judging())
def test_texts_without_content_stay(name):
    """Null and empty texts are equal to nothing; whoever looks at the text must let them be."""
    barrier, config, documents = case(name)
    if "text" not in barrier.reads(config):
        pytest.skip(f"{name} does not read the text")
    texts = documents["text"].to_pylist()
    assert None in texts
    assert "" in texts
    stays = kept(run(barrier, config, documents, Cut(parts=2)), name)
    assert all(stays[i] for i, text in enumerate(texts) if not text)
