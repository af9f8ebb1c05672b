"""Exact duplicates."""

import hashlib
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from barrier_runner import Cut, kept, run
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.barrier import load
from curate.errors import RecipeError

EXACT = load("exact_dedup")


def documents(texts, **columns):
    ids = [hashlib.sha256(bytes([n % 256, n // 256])).digest()[:16] for n in range(len(texts))]
    return pa.table({"id": pa.array(ids, pa.binary(16)), "text": pa.array(texts, pa.large_string()), **columns})


def law_case():
    """Texts of which most are there several times, some empty and some null, and a column to choose by."""
    rs = np.random.RandomState(5)
    texts = [None if n < 4 else "" if n < 8 else f"text {n % 37}" for n in rs.randint(0, 200, 150)]
    score = pa.array([None if n == 0 else n / 8 for n in rs.randint(0, 5, 150)], pa.float64())
    return EXACT.config(keep=["-score", "bytes"]), documents(texts, score=score)


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["a", "b", "c", "", None]), max_size=12), st.integers(1, 4), st.integers(1, 3))
def test_one_of_each_text_stays(texts, table_rows, ranges):
    table = documents(texts)
    marked = run(EXACT, EXACT.config(), table, Cut(parts=2, ranges=ranges, table_rows=table_rows))
    ids = table["id"].to_pylist()
    for i, row in enumerate(marked.to_pylist()):
        same = [ids[j] for j, t in enumerate(texts) if t == texts[i]]
        if not texts[i] or len(same) == 1:
            assert row["exact_dedup__drop"] is row["exact_dedup__keeper"] is row["exact_dedup__copies"] is None
            continue
        assert (row["exact_dedup__drop"] is None) == (ids[i] == min(same))
        assert row["exact_dedup__keeper"] == min(same)
        assert row["exact_dedup__copies"] == len(same)
        if row["exact_dedup__drop"]:
            assert (row["exact_dedup__drop"], row["exact_dedup__value"], row["exact_dedup__threshold"]) == (
                "duplicate",
                str(len(same)),
                "> 1",
            )


@pytest.mark.parametrize(
    ("keep", "stays"),
    [(["-score"], 1), (["score"], 2), (["-score", "age"], 3), (["-score", "-age"], 1), (["age"], 3)],
)
def test_the_keep_list_decides(keep, stays):
    table = documents(["x"] * 5, score=pa.array([0.5, 0.9, 0.1, 0.9, None]), age=pa.array([4, 3, 5, 2, 9]))
    config = EXACT.config(keep=keep)
    if keep == ["-score"]:  # two are best: the id decides
        ids = table["id"].to_pylist()
        stays = min((1, 3), key=lambda i: ids[i])
    assert np.flatnonzero(kept(run(EXACT, config, table), "exact_dedup")).tolist() == [stays]
    assert EXACT.reads(config) == ("text", *[name.removeprefix("-") for name in keep])


def test_white_space_counts_only_if_asked():
    table = documents(["a  b\n", " a b", "a\u00a0b", "ab"])
    assert kept(run(EXACT, EXACT.config(), table), "exact_dedup").sum() == 4
    marked = run(EXACT, EXACT.config(normalize="whitespace"), table)
    assert kept(marked, "exact_dedup").sum() == 2
    assert marked["text"].to_pylist() == table["text"].to_pylist()


@pytest.mark.parametrize(("by", "column"), [("url", "url"), ("payload", "payload_digest")])
def test_other_columns(by, column):
    table = documents(["a", "b", "c", "d"], **{column: pa.array(["u", None, "u", None])})
    marked = run(EXACT, EXACT.config(by=by), table)
    assert kept(marked, "exact_dedup").sum() == 3
    assert marked["exact_dedup__copies"].to_pylist() == [2, None, 2, None]


def test_words_are_compared_as_near_dedup_sees_them():
    texts = [
        "Crème  brûlée, 12 times!",
        "creme brulee 3.5 times",
        "CREME-BRULEE 7 times…",
        "creme brulee times",
        "…",
        "!",
        "x" * 40_000,
        "X" * 40_000,
    ]
    marked = run(EXACT, EXACT.config(normalize="words"), documents(texts))
    assert marked["exact_dedup__copies"].to_pylist() == [3, 3, 3, None, None, None, 2, 2]  # a text without a word is equal to nothing
    assert kept(marked, "exact_dedup").sum() == 5


def test_given_columns_must_all_agree():
    table = documents(
        [None] * 6,
        name=pa.array(["ab", "ab", "a", "ab", None, ""]),
        year=pa.array([1, 1, 1, 2, 1, 1]),
        digest=pa.array([b"1" * 16] * 6, pa.binary(16)),
    )
    for columns, copies in (
        (["name", "year"], [2, 2, None, None, None, None]),
        (["digest"], [6] * 6),
        (["year", "digest", "name"], [2, 2, None, None, None, None]),
    ):
        config = EXACT.config(by="columns", columns=columns)
        assert EXACT.reads(config) == tuple(columns)
        assert run(EXACT, config, table)["exact_dedup__copies"].to_pylist() == copies
    nested = documents(["a"], links=pa.array([["b"]]))
    with pytest.raises(RecipeError, match=r"expected a column of text, numbers, times or digests, got links of type list<item: string>"):
        run(EXACT, EXACT.config(by="columns", columns=["links"]), nested)


def test_values_of_neighbouring_columns_do_not_run_together():
    table = documents(["a", "b"], left=pa.array(["ab", "a"]), right=pa.array(["c", "bc"]))
    assert kept(run(EXACT, EXACT.config(by="columns", columns=["left", "right"]), table), "exact_dedup").all()


def test_texts_that_differ_in_the_last_byte_stay():
    texts = ["x" * size + end for size in (0, 63, 64, 1023, 1024, 5000) for end in ("a", "b")]
    assert kept(run(EXACT, EXACT.config(), documents(texts)), "exact_dedup").all()


def test_an_unknown_choice_is_refused():
    with pytest.raises(ValueError, match="'text', 'url', 'payload' or 'columns'"):
        EXACT.config(by="title")
    with pytest.raises(ValueError, match=r"expected distinct `columns` with `by: columns` and none without, got \['title'\] with by: text"):
        EXACT.config(columns=["title"])
    with pytest.raises(ValueError, match="expected `normalize` only with `by: text`, got words with by: url"):
        EXACT.config(by="url", normalize="words")
    with pytest.raises(ValueError, match=r"keep: expected distinct column names.* got \['a', 'a'\]"):
        EXACT.config(keep=("a", "a"))


MILLION = """
    import resource
    import numpy as np, pyarrow as pa
    from curate.barrier import load
    from curate.dedup.keep import winners, told
    barrier, rows, step = load("exact_dedup"), 1_000_000, 10_000

    def tables():
        for start in range(0, rows, step):
            number = np.arange(start, start + step)
            ids = pa.Array.from_buffers(pa.binary(16), step, [None, pa.py_buffer(np.stack([number >> 3, number], 1).astype(">u8"))])
            rank = pa.Array.from_buffers(pa.binary(8), step, [None, pa.py_buffer((number * 7919 % rows).astype(">u8"))])
            same = np.full(step, 42, dtype=np.uint64)
            yield pa.table({"key": same, "sub": same, "id": ids, "at": number.astype(np.uint64), "rank": rank})

    config = barrier.config()
    first, second = (r.resolve for r in barrier.rounds(config))
    for table in first(tables(), config, False):  # compile, allocate
        break
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (300 << 20),) * 2)
    members = winner = 0
    for table in first(tables(), config, False):
        members += int((table["num"].to_numpy() == 0).sum())
        best = table.take(pa.array(np.flatnonzero(table["num"].to_numpy())))
        winner = best if best.num_rows else winner
    assert members == rows, members
    assert winner["num"].to_pylist() == [rows] and winner["rank"].to_pylist() == [bytes(8)], winner
    print("bounded")
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="address space is measured through /proc")
def test_a_million_copies_are_walked():
    """300 MB above what the process has after its imports are enough for a group of a million rows in tables of 10,000."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(MILLION)], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "bounded", done.stderr
