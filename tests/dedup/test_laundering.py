"""Copies that claim different rights wait together, however the work is cut; others are judged as ever."""

import hashlib

import pyarrow as pa
import pytest
from barrier_runner import Cut, run

from curate.barrier import load

WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "the",
    "lazy",
    "dog",
    "while",
    "nine",
    "small",
    "birds",
    "sing",
    "in",
    "the",
    "old",
    "garden",
    "behind",
    "a",
    "house",
    "of",
    "stone",
    "and",
    "wood",
]
CUTS = [Cut(), Cut(parts=3, batch_rows=2, ranges=7, table_rows=2, seed=4), Cut(parts=2, table_rows=1)]


def documents(groups):
    """Documents of groups of equal (or nearly equal) texts, each with what it claims."""
    rows = [
        (f"{group} {' '.join(WORDS)} {group * 3} {' '.join(WORDS[::-1])}", claim) for group, claims in groups.items() for claim in claims
    ]
    ids = [hashlib.sha256(f"{n}".encode()).digest()[:16] for n in range(len(rows))]
    claims = pa.array([claim for _, claim in rows], pa.string())
    return pa.table(
        {"id": pa.array(ids, pa.binary(16)), "text": pa.array([text for text, _ in rows], pa.large_string()), "license__class": claims}
    )


GROUPS = {
    "alpha": ["attribution", "attribution", "unknown", None],
    "beta": ["attribution", "non-commercial", "unknown"],
    "gamma": ["all-rights-reserved", None, "public-domain", "public-domain"],
    "delta": ["conflict", "unknown"],
    "lone": ["no-derivatives"],
}


def told(name, cut, **options):
    barrier = load(name)
    rows = run(barrier, barrier.config(rights="license__class", **options), documents(GROUPS), cut).to_pylist()
    return {row["id"]: (row["text"].split()[0], row[f"{name}__drop"], row[f"{name}__value"]) for row in rows}


@pytest.mark.parametrize("name", ["exact_dedup", "near_dedup"])
def test_a_cluster_that_disagrees_is_held_whole(name):
    options = {"similarity": "jaccard", "min_similarity": 0.95} if name == "near_dedup" else {}
    first = told(name, CUTS[0], **options)
    for group, held in (("beta", "attribution, non-commercial"), ("gamma", "all-rights-reserved, public-domain"), ("delta", "conflict")):
        assert {(drop, value) for of, drop, value in first.values() if of == group} == {("held_laundering", held)}
    alpha = [drop for of, drop, _ in first.values() if of == "alpha"]
    assert sorted(map(str, alpha)) == sorted(["None", *["duplicate" if name == "exact_dedup" else "near_duplicate"] * 3])
    assert [drop for of, drop, _ in first.values() if of == "lone"] == [None]
    assert all(told(name, cut, **options) == first for cut in CUTS[1:])
    assert "license__class" in load(name).reads(load(name).config(rights="license__class"))


def test_near_copies_with_other_claims_are_held():
    rows = documents({"one": ["attribution"], "two": ["all-rights-reserved"]})
    barrier = load("near_dedup")
    marked = run(barrier, barrier.config(rights="license__class", min_similarity=0.5, target_similarity=0.4), rows)
    assert marked["near_dedup__drop"].to_pylist() == ["held_laundering"] * 2
    assert marked["near_dedup__threshold"].to_pylist() == ["one license__class"] * 2
    assert marked["near_dedup__cluster"].null_count == 0
    plain = run(barrier, barrier.config(min_similarity=0.5, target_similarity=0.4), rows)
    assert sorted(map(str, plain["near_dedup__drop"].to_pylist())) == ["None", "near_duplicate"]
