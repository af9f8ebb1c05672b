"""passage_dedup against its slow twin, and what it promises: nothing else is cut, a copy stays, no document vanishes."""

import random

import naive_passages as naive
import numpy as np
import pyarrow as pa
import pytest
from barrier_runner import Cut, kept, run

from curate.barrier import load
from curate.barriers import passage_dedup as module

barrier = load("passage_dedup")
ALPHABETS = ("ab", "abc \n", "aé漢 \n", "abcdefghijklm é漢😀\n ")


def documents(texts, seed=0, domains=None, **columns):
    """A table of texts; ids are random, or in the order of the texts for seed None."""
    ids = [ordered_id(i) if seed is None else random.Random(f"{seed}{i}").randbytes(16) for i in range(len(texts))]
    domains = pa.array(domains or [None] * len(texts), pa.string())
    return pa.table({"id": pa.array(ids, pa.binary(16)), "text": pa.array(texts, pa.large_string()), "domain": domains, **columns})


def ordered_id(number):
    return number.to_bytes(8, "big") + bytes(8)


def mixed_texts(rng, alphabet):
    """Texts that share pieces, with runs that repeat themselves and blank lines."""
    pieces = ["".join(rng.choice(alphabet) for _ in range(rng.randint(1, 40))) for _ in range(6)]
    filler = ("\n", "\n\n", " ", "\n \n", "a" * 35, "abc" * 10)
    texts = []
    for _ in range(rng.randint(1, 14)):
        fresh = ("".join(rng.choice(alphabet) for _ in range(rng.randint(0, 25))) for _ in range(rng.randint(0, 12)))
        texts.append("".join(rng.choice([rng.choice(pieces), text, rng.choice(filler)]) for text in fresh))
    return [text if rng.random() > 0.05 else None for text in texts]


def law_case():
    rng = random.Random(5)
    vocabulary = ["".join(rng.choice("abcdeé漢") for _ in range(rng.randint(1, 8))) for _ in range(300)]
    whole = [" ".join(rng.choice(vocabulary) for _ in range(30)) for _ in range(8)]
    texts = [None, "", *whole, *whole]
    for _ in range(30):
        texts.append("\n".join(rng.choice([rng.choice(whole), " ".join(rng.choice(vocabulary) for _ in range(20))]) for _ in range(3)))
    return barrier.config(min_length=40, keep=("-bytes",)), documents(texts)


def expected(table, config):
    """{id: (text after, spans, text before)} by the slow twin."""
    rows = sorted(table.to_pylist(), key=lambda row: row["id"])
    texts = [(row["text"] or "").encode() for row in rows]
    scopes = {"corpus": None, "document": [row["id"] for row in rows], "domain": [row["domain"] or row["id"] for row in rows]}[config.scope]
    if config.unit == "substring":
        masks = naive.repeated(texts, lambda data: naive.windows(data, config.min_length, config.words), config.copies, scopes)
        found = [naive.between_characters(data, naive.spans(mask)) for data, mask in zip(texts, masks, strict=True)]
    else:
        masks = naive.repeated(texts, lambda data: naive.units(data, config.unit == "paragraph", config.min_length), config.copies, scopes)
        found = [naive.with_what_follows(data, naive.spans(mask)) for data, mask in zip(texts, masks, strict=True)]
    return {row["id"]: (naive.without(data, cuts), data) for row, data, cuts in zip(rows, texts, found, strict=True)}


def spans(row):
    return [(span["start"], span["end"]) for span in row["passage_dedup__spans"] or []]


def check(table, config, cut=None):
    """Every document as the twin has it, its columns in step, and the evidence of every span true."""
    said = expected(table, config)
    for row in run(barrier, config, table, cut).to_pylist():
        after, before = said[row["id"]]
        assert naive.without(before, spans(row)) == after
        gone = row["passage_dedup__drop"] is not None
        assert gone == (not after.strip(naive.BLANKS) and after != before)
        assert (row["text"] or "").encode() == (before if gone else after)
        if row["text"] is not None:
            assert (row["passage_dedup__edits"] or 0) == len(spans(row))
            assert (row["passage_dedup__num_bytes"] or 0) == len(before) - len(after)
        for span in row["passage_dedup__spans"] or []:
            other, start = said[span["keeper"]][1], span["keeper_start"]
            passage = before[span["start"] : span["end"]]
            if config.unit != "substring":
                passage = passage.rstrip(naive.BLANKS)
            assert other[start : start + len(passage)] == passage
            assert (span["keeper"], start) != (row["id"], span["start"])


@pytest.mark.parametrize("seed", range(60))
def test_finds_exactly_what_the_slow_twin_finds(seed, monkeypatch):
    rng = random.Random(seed)
    monkeypatch.setattr(module, "FEW", rng.choice([1, 2, 32]))
    texts = mixed_texts(rng, rng.choice(ALPHABETS))
    unit = rng.choice(["substring", "substring", "substring", "line", "paragraph"])
    length = rng.choice([8, 9, 12, 20]) if unit == "substring" else rng.choice([1, 3, 6])
    count = rng.choice(["bytes", "bytes", "words"]) if unit == "substring" else "bytes"
    scope, copies = rng.choice(["corpus", "corpus", "domain", "document"]), rng.choice(["first", "none"])
    config = barrier.config(unit=unit, min_length=length, count=count, scope=scope, copies=copies)
    cut = Cut(
        parts=rng.choice([1, 3]), batch_rows=rng.choice([1, 4, 100]), ranges=rng.choice([1, 64]), table_rows=rng.choice([1, 2, 7, 1000])
    )
    check(documents(texts, seed, [["a.org", "b.org", None][i % 3] for i in range(len(texts))]), config, cut)


def test_every_length_from_the_threshold_on_is_found_and_none_below():
    rng = random.Random(1)
    for shared in (49, 50, 51, 99, 100, 101, 160):
        passage = "".join(rng.choice("abcdefgh") for _ in range(shared))
        texts = [f"{rng.random()}é{passage}ü{rng.random()}", f"{rng.random()}漢{passage}字{rng.random()}"]
        row = run(barrier, barrier.config(min_length=100), documents(texts, None)).to_pylist()[1]
        assert [end - start for start, end in spans(row)] == ([shared] if shared >= 100 else [])
        check(documents(texts), barrier.config(min_length=50))


def test_a_run_that_repeats_itself_stays_once():
    row = run(barrier, barrier.config(min_length=10), documents(["a" * 5000, "xyz" * 700])).to_pylist()
    assert row[0]["text"] == "a" * 10
    assert row[1]["text"] == "xyzxyzxyzx"
    assert [one["passage_dedup__edits"] for one in row] == [1, 1]


def test_documents_without_passages_stay_as_they_are():
    """A document that shares nothing, or is short, is not touched, wherever it stands (datatrove loses whole parts without duplicates)."""
    texts = ["one of a kind", "", None, "short", "the same words in a row, twice over\n" * 2]
    for cut in (Cut(), Cut(parts=5, batch_rows=1)):
        rows = run(barrier, barrier.config(unit="line", min_length=10), documents(texts, None), cut)
        assert rows["text"].to_pylist()[:4] == texts[:4]
        assert kept(rows, "passage_dedup").all()
        assert rows["text"].to_pylist()[4] == "the same words in a row, twice over\n"


def test_only_the_reported_places_are_cut():
    """A passage below the threshold stays, even where its bytes are those of one that is cut (datatrove replaces every occurrence)."""
    passage = "a passage that is long enough to be found"
    texts = [passage, f"{passage[:20]} begins here, and {passage} is all of it, {passage[20:]}"]
    after = run(barrier, barrier.config(min_length=30), documents(texts, None)).to_pylist()[1]
    assert after["text"] == f"{passage[:20]} begins here, and  is all of it, {passage[20:]}"


def test_every_unit_is_measured_for_itself():
    """In a run of repeated lines each must be long enough (datatrove asks only the first); a threshold does not switch the step off (as Dolma's)."""
    texts = ["a long line that repeats\nok\nanother long line here", "ok\na long line that repeats\nok\nanother long line here\nend"]
    rows = run(barrier, barrier.config(unit="line", min_length=5), documents(texts, None))
    assert rows["text"].to_pylist()[1] == "ok\nok\nend"
    assert rows["passage_dedup__edits"].to_pylist() == [0, 2]


def test_places_are_bytes_between_characters():
    """Beyond ASCII, places do not drift (Dolma adds characters to bytes), and no character is cut in two."""
    line = "größe 漢字 😀 zum zweiten Mal"
    texts = [f"ä😀\n{line}\nmehr", f"äöü漢漢😀\n\n{line}\r\nund weiter"]
    row = run(barrier, barrier.config(unit="line", min_length=10), documents(texts, None)).to_pylist()[1]
    assert row["text"] == "äöü漢漢😀\n\nund weiter"
    start, end = spans(row)[0]
    assert texts[1].encode()[start:end].decode() == f"{line}\r\n"
    # equal bytes, different characters: 漢 (e6 bc a2) and 漣 (e6 bc a3) share two bytes
    halves = ["漣" + "x" * 40 + "漢", "漢" + "x" * 40 + "漣"]
    row = run(barrier, barrier.config(min_length=20), documents(halves, None)).to_pylist()[1]
    assert row["text"] == "漢漣"


def test_which_copy_stays_is_declared():
    texts = ["the very same line\nx", "the very same line\nyy", "the very same line\nz"]
    year = pa.array([2003, 2001, 2002])
    rows = run(barrier, barrier.config(unit="line", min_length=10, keep=("year",)), documents(texts, None, year=year))
    assert rows["text"].to_pylist() == ["x", texts[1], "z"]
    assert {span["keeper"] for row in rows["passage_dedup__spans"].to_pylist() for span in row} == {ordered_id(1)}
    newest = run(barrier, barrier.config(unit="line", min_length=10, keep=("-year",)), documents(texts, None, year=year))
    assert newest["text"].to_pylist() == [texts[0], "yy", "z"]
    none = run(barrier, barrier.config(unit="line", min_length=10, copies="none"), documents(texts, None))
    assert none["text"].to_pylist() == ["x", "yy", "z"]


def test_domains_are_compared_apart():
    texts = ["Sign up for our newsletter\nA"] * 2 + ["Sign up for our newsletter\nB"] * 2
    table = documents(texts, None, ["a.org", "b.org", "a.org", None])
    rows = run(barrier, barrier.config(unit="line", min_length=10, scope="domain"), table)
    assert rows["text"].to_pylist() == [texts[0], texts[1], "B", texts[3]]


def test_mark_reports_and_cuts_nothing():
    texts = ["all of this is said twice", "all of this is said twice"]
    rows = run(barrier, barrier.config(unit="line", min_length=10, action="mark"), documents(texts, None))
    assert rows["text"].to_pylist() == texts
    assert rows["passage_dedup__num_bytes"].to_pylist() == [0, 25]
    assert kept(rows, "passage_dedup").all()
    cut = run(barrier, barrier.config(unit="line", min_length=10), documents(texts, None)).to_pylist()[1]
    assert (cut["passage_dedup__drop"], cut["passage_dedup__value"], cut["text"]) == ("repeated", "25", texts[1])


def test_what_is_claimed_is_compared_byte_for_byte(monkeypatch):
    """Where hashes collide, nothing is cut that does not stand in the other document."""
    real = module.passages.units

    def colliding(*args):
        found, keys = real(*args)
        return found, np.zeros_like(keys)

    monkeypatch.setattr(module.passages, "units", colliding)
    texts = ["first line, of equal length", "other line, of equal length", "first line, of equal length"]
    rows = run(barrier, barrier.config(unit="line", min_length=5), documents(texts, None))
    assert kept(rows, "passage_dedup").tolist() == [True, True, False]
    assert rows["text"].to_pylist() == texts


def test_a_million_copies_are_walked():
    """Tables of one key are not collected: whatever is held after each of them is at most two rows."""
    config = barrier.config(min_length=20)
    table = documents(["boilerplate that stands on every page"] * 2000)
    walks = []

    class Watched(module.Walk):
        def step(self, rows):
            yield from super().step(rows)
            walks.append(self.held.num_rows)

    original, module.Walk = module.Walk, Watched
    try:
        stays = kept(run(barrier, config, table, Cut(table_rows=50)), "passage_dedup")
    finally:
        module.Walk = original
    assert stays.sum() == 1
    assert len(walks) > 40
    assert max(walks) <= 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"min_length": 7}, "min_length: expected at least 8 for substrings, got 7; shorter runs repeat everywhere"),
        ({"unit": "line", "count": "words"}, "count: expected bytes for unit line, got words; set min_length in bytes"),
        ({"keep": ["id"]}, "keep: expected distinct column names"),
        ({"unit": "sentence"}, "unit"),
    ],
)
def test_bad_configs_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        barrier.config(**fields)
