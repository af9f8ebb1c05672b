"""Near duplicates: against brute force, against the S-curve, and in bounded memory."""

import hashlib
import json
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from barrier_runner import Cut, kept, run
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_dedup import candidates, datatrove_functions, datatrove_signature, functions, near, shingles, signature, similarity

from curate.barrier import load
from curate.barriers.near_dedup import banding, chance, signatures
from curate.errors import RecipeError

NEAR = load("near_dedup")
CUTS = [Cut(), Cut(parts=3, batch_rows=5, ranges=5, table_rows=3, seed=1), Cut(parts=7, batch_rows=64, ranges=2, table_rows=1000, seed=2)]


def ids_of(count):
    return [hashlib.sha256(n.to_bytes(4, "big")).digest()[:16] for n in range(count)]


def documents(texts, **columns):
    return pa.table({"id": pa.array(ids_of(len(texts)), pa.binary(16)), "text": pa.array(texts, pa.large_string()), **columns})


def random_words(rs, count):
    """Words of letters: digits would all be one word."""
    return ["".join(chr(97 + c) for c in rs.randint(0, 26, 6)) for _ in range(count)]


def edited(rs, words, num_edits):
    """The words with some of them replaced, each at another place."""
    words = list(words)
    for place in rs.choice(len(words), num_edits, replace=False):
        words[place] = random_words(rs, 1)[0]
    return words


def law_case():
    """Families of near copies, exact copies, short, empty and null texts, and a column to choose by."""
    rs = np.random.RandomState(11)
    texts = [None, "", "…", "two words", "two words", "Two, words!", "日本語の文章です", "日本語の文章です。"]
    for _ in range(12):
        base = random_words(rs, 60)
        texts += [" ".join(edited(rs, base, int(n))) for n in rs.randint(0, 5, rs.randint(1, 9))]
    texts += [" ".join(["again"] * 40)] * 30
    score = pa.array([None if n == 0 else n / 4 for n in rs.randint(0, 4, len(texts))], pa.float64())
    return NEAR.config(keep=["-score", "-bytes"], bands=20, rows=4), documents(texts, score=score)


def verdicts(marked):
    """{id: (keeper, similarity)} of what leaves."""
    rows = marked.select(["id", "near_dedup__drop", "near_dedup__keeper", "near_dedup__similarity"]).to_pylist()
    return {r["id"]: (r["near_dedup__keeper"], r["near_dedup__similarity"]) for r in rows if r["near_dedup__drop"] is not None}


def ranked(texts):
    """What the twin needs, in the default order: the longest first."""
    return [(i, t, (t is None, -len((t or "").encode()))) for i, t in zip(ids_of(len(texts)), texts, strict=True)]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abc"), max_size=9).map(" ".join) | st.none(), max_size=14),
    st.sampled_from([0.3, 0.5, 0.8, 1.0]),
    st.sampled_from(["jaccard", "containment"]),
    st.sampled_from(CUTS),
)
def test_equals_brute_force_over_its_candidates(texts, min_similarity, kind, cut):
    config = NEAR.config(ngram=2, bands=6, rows=1, min_similarity=min_similarity, similarity=kind)
    pairs = candidates(ranked(texts), 2, 6, 1)
    expected = near(ranked(texts), 2, 6, 1, min_similarity, kind, pairs)
    assert verdicts(run(NEAR, config, documents(texts), cut)) == expected


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 2**12 - 1), min_size=20, max_size=45), st.sampled_from(CUTS))
def test_large_buckets_equal_brute_force_over_their_pairs(masks, cut):
    """Texts that share most words meet in one bucket of more members than are tried in all pairs."""
    texts = ["common " + " ".join(f"word{chr(97 + bit)}" for bit in range(12) if mask >> bit & 1) for mask in masks]
    config = NEAR.config(ngram=1, bands=3, rows=1, min_similarity=0.7)
    pairs = candidates(ranked(texts), 1, 3, 1)
    assert verdicts(run(NEAR, config, documents(texts), cut)) == near(ranked(texts), 1, 3, 1, 0.7, "jaccard", pairs)


def test_no_chains():
    """a ~ b ~ c, but a and c are too far apart: only b leaves, and c stays although its neighbour b left."""
    words = random_words(np.random.RandomState(0), 100)
    a, b, c = words[:80] + ["longest"] * 2, words[8:88], words[16:96]
    texts = [" ".join(x) for x in (a, b, c)]
    sets = [set(shingles(t, 5)) for t in texts]
    assert similarity(sets[0], sets[1]) >= 0.75
    assert similarity(sets[1], sets[2]) >= 0.75 > similarity(sets[0], sets[2])
    for bytes_first, stays in ((True, [0, 2]), (False, None)):
        config = NEAR.config(bands=60, rows=4, min_similarity=0.75, keep=["-bytes"] if bytes_first else ["order"])
        marked = run(NEAR, config, documents(texts, order=pa.array([1, 0, 2])))
        assert np.flatnonzero(kept(marked, "near_dedup")).tolist() == (stays or [1])


@pytest.mark.parametrize("cut", [Cut(), Cut(parts=2, ranges=7, table_rows=4), Cut(ranges=64)], ids=str)
def test_a_long_row_of_neighbours_is_decided_step_by_step(cut):
    """Windows that move over one text: each is similar to the next two, so every third stays, whatever decides it."""
    words = random_words(np.random.RandomState(8), 400)
    texts = [" ".join(words[4 * i : 4 * i + 100]) for i in range(60)]
    marked = run(NEAR, NEAR.config(bands=100, rows=3, keep=["order"]), documents(texts, order=pa.array(range(60))), cut)
    assert np.flatnonzero(kept(marked, "near_dedup")).tolist() == list(range(0, 60, 3))
    keepers = marked["near_dedup__keeper"].to_pylist()
    assert [keepers[i] for i in range(60) if i % 3] == [ids_of(60)[i - i % 3] for i in range(60) if i % 3]


def test_verdict_columns_name_the_evidence():
    words = random_words(np.random.RandomState(1), 204)
    texts = [" ".join(words), " ".join([*words[:-1], "other"])]
    marked = run(NEAR, NEAR.config(), documents(texts)).to_pylist()
    gone = next(r for r in marked if r["near_dedup__drop"])
    stays = next(r for r in marked if not r["near_dedup__drop"])
    assert gone["near_dedup__drop"] == "near_duplicate"
    assert gone["near_dedup__similarity"] == round(199 / 201, 4)
    assert (gone["near_dedup__value"], gone["near_dedup__threshold"]) == ("0.99", ">= 0.8")
    assert gone["near_dedup__keeper"] == stays["id"]
    assert stays["near_dedup__keeper"] is stays["near_dedup__similarity"] is None
    assert gone["near_dedup__cluster"] == stays["near_dedup__cluster"] == stays["id"]
    assert gone["near_dedup__family"] == stays["near_dedup__family"] == min(gone["id"], stays["id"])
    assert (gone["near_dedup__copies"], stays["near_dedup__copies"]) == (None, 2)


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_keepers_know_for_how_many_they_stand(cut):
    config, table = law_case()
    marked = run(NEAR, config, table, cut).to_pylist()
    sizes = Counter(row["near_dedup__keeper"] for row in marked if row["near_dedup__drop"])
    assert max(sizes.values()) > 10
    for row in marked:
        expected = sizes[row["id"]] + 1 if row["id"] in sizes else None
        assert row["near_dedup__copies"] == expected
        assert row["near_dedup__cluster"] == (row["near_dedup__keeper"] or (row["id"] if expected else None))


def test_a_family_is_all_that_is_connected():
    """a ~ b ~ c: b leaves for a, c stays; chains of removed ones between kept ones; everything else has none. Named by the least id of all."""
    words = random_words(np.random.RandomState(8), 400)
    chain = [" ".join(words[4 * i : 4 * i + 100]) for i in range(30)]
    for texts in (ranked(chain + planted(np.random.RandomState(5), 8)[0]), ranked(law_case()[1]["text"].to_pylist())):
        config = NEAR.config(bands=20, rows=4)
        sets = [set(shingles(text, 5)) for _, text, _ in texts]
        edges = [pair for pair in candidates(texts, 5, 20, 4) if similarity(*(sets[i] for i in pair)) >= 0.8]
        family, before = {i: texts[i][0] for pair in edges for i in pair}, None
        while family != before:
            before = dict(family)
            for a, b in edges:
                family |= dict.fromkeys((a, b), min(family[a], family[b]))
        expected = [family.get(i) for i in range(len(texts))]
        assert len(set(expected)) > 2
        for cut in (Cut(), Cut(parts=3, batch_rows=50, ranges=5, table_rows=30)):
            marked = run(NEAR, config, documents([text for _, text, _ in texts]), cut)
            assert marked["near_dedup__family"].to_pylist() == expected
    stays = marked.filter(pa.array(kept(marked, "near_dedup")))
    assert None in stays["near_dedup__family"].to_pylist()


def from_step(target, bands, rows):
    """The area between a curve and a step."""
    return np.mean([abs(chance(s, bands, rows) - (s >= target)) for s in np.arange(0.0005, 1, 0.001)])


def test_a_target_becomes_bands_and_rows():
    """The curve nearest to the step, against all others; a recipe that says so finds what bands and rows of that shape find."""
    for target, budget in ((0.5, 64), (0.8, 112), (0.95, 40)):
        bands, rows = banding(NEAR.config(target_similarity=target, max_hashes=budget))
        assert bands * rows <= budget
        others = [(b, r) for r in range(1, 30) for b in range(1, budget // r + 1, 3)]
        assert all(from_step(target, bands, rows) <= from_step(target, b, r) + 1e-6 for b, r in others)
    assert banding(NEAR.config(target_similarity=0.8)) != banding(NEAR.config()) == (14, 8)
    texts, _ = planted(np.random.RandomState(3), 40)
    bands, rows = banding(NEAR.config(target_similarity=0.7))
    same = [
        verdicts(run(NEAR, NEAR.config(**more), documents(texts))) for more in ({"target_similarity": 0.7}, {"bands": bands, "rows": rows})
    ]
    assert same[0] == same[1] != {}
    assert NEAR.config().notes() == [
        "14 bands of 8 rows, 112 hashes; pairs that become candidates, by similarity: 0.5: 5.3 %, 0.6: 21.1 %, 0.7: 56.5 %, 0.75: 77.2 %, "
        "0.8: 92.4 %, 0.85: 98.8 %, 0.9: 100.0 %, 0.95: 100.0 %"
    ]


def test_containment_removes_the_part_and_not_the_whole():
    words = random_words(np.random.RandomState(2), 100)
    texts = [" ".join(words[:60]), " ".join(words)]
    assert not verdicts(run(NEAR, NEAR.config(bands=100, rows=2), documents(texts)))
    config = NEAR.config(bands=100, rows=2, similarity="containment", min_similarity=1.0)
    assert verdicts(run(NEAR, config, documents(texts))) == {ids_of(2)[0]: (ids_of(2)[1], 1.0)}
    config = NEAR.config(bands=100, rows=2, similarity="containment", min_similarity=1.0, keep=["bytes"])
    assert not verdicts(run(NEAR, config, documents(texts)))  # the shorter comes first, and does not contain the longer


def test_short_texts_are_compared_whole():
    texts = ["one two", "One, two.", "one two three", "three", "", " \n", None, "three!"]
    assert kept(run(NEAR, NEAR.config(), documents(texts)), "near_dedup").tolist() == [False, True, True, False, True, True, True, True]


def test_scripts_are_cut_before_marks_go():
    """Thai and Hindi sentences that differ in vowels only are different; accents and case are not."""
    texts = ["कि कि कि की की की", "का का का कु कु कु", "ที่ นี่ ที่ นี่", "ท น ท น", "CRÈME BRÛLÉE À LA CARTE", "creme brulee a la carte"]
    assert kept(run(NEAR, NEAR.config(), documents(texts)), "near_dedup").tolist()[:4] == [True] * 4
    assert kept(run(NEAR, NEAR.config(), documents(texts)), "near_dedup").sum() == 5


@pytest.mark.parametrize(("keep", "stays"), [(["-score"], 1), (["score", "-bytes"], 0), (["-flag", "score"], 2), (["-when"], 0)])
def test_the_keep_list_decides(keep, stays):
    words = " ".join(random_words(np.random.RandomState(4), 50))
    columns = {
        "score": pa.array([0.1, 0.3, 0.2]),
        "flag": pa.array([False, None, True]),
        "when": pa.array([3, 2, 1], pa.timestamp("us", "UTC")),
    }
    config = NEAR.config(keep=keep)
    marked = run(NEAR, config, documents([words, words, words + "!"], **columns))
    assert np.flatnonzero(kept(marked, "near_dedup")).tolist() == [stays]
    assert NEAR.reads(config)[0] == "text"


def test_bad_configs():
    with pytest.raises(ValueError, match="min_similarity"):
        NEAR.config(min_similarity=0.0)
    with pytest.raises(ValueError, match="keep: expected distinct column names"):
        NEAR.config(keep=["-x", "x"])
    with pytest.raises(RecipeError, match="keep: expected a column of numbers, booleans or times, got name of type string"):
        run(NEAR, NEAR.config(keep=["name"]), documents(["a b"], name=pa.array(["x"])))


def planted(rs, num_pairs, num_words=150):
    """Pairs of texts with 0 to 12 words replaced in each second one, and their true similarities."""
    texts = []
    for _ in range(num_pairs):
        base = random_words(rs, num_words)
        texts += [" ".join(base), " ".join(edited(rs, base, int(rs.randint(0, 13))))]
    sets = [set(shingles(t, 5)) for t in texts]
    return texts, np.array([similarity(sets[i], sets[i + 1]) for i in range(0, len(texts), 2)])


def test_recall_follows_the_curve_and_precision_is_one():
    """Of pairs with similarity s >= 0.6, 1 - (1 - s^8)^14 are found (within four standard deviations of the whole); no other pair is."""
    texts, truth = planted(np.random.RandomState(6), 900)
    found = verdicts(run(NEAR, NEAR.config(min_similarity=0.6), documents(texts)))
    ids = ids_of(len(texts))
    pair_of = {identity: n // 2 for n, identity in enumerate(ids)}
    assert all(pair_of[gone] == pair_of[keeper] and truth[pair_of[gone]] == s >= 0.6 for gone, (keeper, s) in found.items())
    chance = 1 - (1 - truth[truth >= 0.6] ** 8) ** 14
    spread = np.sqrt((chance * (1 - chance)).sum())
    assert abs(len(found) - chance.sum()) <= 4 * spread + 1, (len(found), chance.sum(), spread)
    high = truth >= 0.9
    assert sum(ids[2 * n] in found or ids[2 * n + 1] in found for n in np.flatnonzero(high)) >= 0.99 * high.sum()


def test_datatroves_functions_are_a_choice():
    """Its signatures, and the same documents leave where a pair shares all bands."""
    words = random_words(np.random.RandomState(4), 60)
    texts = [" ".join(words), " ".join(words).upper() + "!", " ".join(words[::-1])]
    config = NEAR.config(functions="datatrove")
    found, num_shingles = signatures(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config)
    assert found.dtype == np.uint64
    assert found[0].tolist() == datatrove_signature(shingles(texts[0], 5), *datatrove_functions(112, 1))
    assert num_shingles.tolist() == [56] * 3
    assert verdicts(run(NEAR, config, documents(texts))) == verdicts(run(NEAR, NEAR.config(), documents(texts))) != {}


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_equal_ids_are_told_apart_by_origin(cut):
    """Three documents with one id: of two near copies one leaves, the other text stays."""
    words = random_words(np.random.RandomState(9), 60)
    texts = [" ".join(words), " ".join(words[::-1]), " ".join(words) + " x"]
    table = documents(texts).set_column(0, "id", pa.array([bytes(16)] * 3, pa.binary(16)))
    marked = run(NEAR, NEAR.config(), table, cut)
    stay = [text for text, stays in zip(marked["text"].to_pylist(), kept(marked, "near_dedup"), strict=True) if stays]
    assert sorted(stay) == sorted(texts[1:])  # the longer copy


def test_large_families_lose_no_recall():
    """Families of up to 90 near copies, where not all pairs of a bucket are tried: as many leave as over all pairs of buckets, less 1 %."""
    rs, texts = np.random.RandomState(7), []
    for _ in range(12):
        base = random_words(rs, 150)
        texts += [" ".join(edited(rs, base, int(rs.randint(0, 6)))) for _ in range(int(rs.randint(20, 90)))]
    marked = run(NEAR, NEAR.config(), documents(texts))
    every = near(ranked(texts), pairs=candidates(ranked(texts), 5, 14, 8, all_pairs=10**9))
    found = verdicts(marked)
    assert len(found) >= 0.99 * len(every), (len(found), len(every))
    sets = dict(zip(ids_of(len(texts)), [set(shingles(t, 5)) for t in texts], strict=True))
    assert all(similarity(sets[keeper], sets[gone]) == s >= 0.8 and keeper not in found for gone, (keeper, s) in found.items())


def test_edited_news_articles(shared):
    """The plagiarised articles of a published set are found, and nothing else is."""
    folder = shared("dedup-minhash")
    lines = zstandard.ZstdDecompressor().stream_reader((folder / "articles_1000.txt.zst").open("rb")).read().decode().splitlines()
    names, texts = zip(*(line.split(" ", 1) for line in lines if line), strict=True)
    truth = {frozenset(line.split()) for line in (folder / "articles_1000.truth.txt").read_text().splitlines() if line}
    name_of = dict(zip(ids_of(len(texts)), names, strict=True))
    found = verdicts(run(NEAR, NEAR.config(ngram=3, bands=40, rows=4, min_similarity=0.6), documents(list(texts))))
    assert {frozenset((name_of[gone], name_of[keeper])) for gone, (keeper, _) in found.items()} == truth


def test_similar_pages_rank_as_people_judged_them(shared):
    """Pairs of real pages that a person called the same (3) have a higher similarity than those that share a template (0.5)."""
    path = shared("dedup-copycat-a") / "pairs.jsonl.zst"
    rows = [json.loads(line) for line in zstandard.ZstdDecompressor().stream_reader(path.open("rb")).read().decode().splitlines()]
    labelled = [(str(r["label"]), similarity(set(shingles(r["src"], 5)), set(shingles(r["target"], 5)))) for r in rows]
    same, template = ([s for label, s in labelled if label == name] for name in ("3", "0.5"))
    higher = np.mean([a > b for a in same for b in template])
    assert higher >= 0.9, higher


def test_the_same_rows_from_sixty_four_parts():
    config, table = law_case()
    expected = verdicts(run(NEAR, config, table))
    order = pa.array(np.random.RandomState(5).permutation(table.num_rows))
    assert verdicts(run(NEAR, config, table.take(order), Cut(parts=64, ranges=64, table_rows=7))) == expected


def test_thousands_of_identical_documents():
    """One stays, and no bucket costs more than six pairs a member."""
    text = " ".join(random_words(np.random.RandomState(1), 30))
    marked = run(NEAR, NEAR.config(), documents([text] * 3000), Cut(parts=3, ranges=3))
    assert kept(marked, "near_dedup").sum() == 1
    assert max(marked["near_dedup__copies"].drop_null().to_pylist()) == 3000


def test_one_word_a_hundred_thousand_times():
    texts = ["again " * 100_000, "again " * 90_000, "again " * 4, "again " * 5, "other " * 100_000]
    marked = run(NEAR, NEAR.config(), documents(texts))
    assert kept(marked, "near_dedup").tolist() == [True, False, True, False, True]  # four words are compared whole


def test_documents_that_differ_in_the_last_byte():
    words = " ".join(random_words(np.random.RandomState(2), 200))
    marked = run(NEAR, NEAR.config(), documents([words + "a", words + "b"]))
    assert verdicts(marked) == {max(ids_of(2)): (min(ids_of(2)), round(195 / 197, 4))}


def test_a_crowded_bucket_removes_nothing_that_is_not_similar():
    """Texts made to share a band: each has the word with the least hash of all, and else only words of its own."""
    rs, config = np.random.RandomState(3), NEAR.config(ngram=1, bands=1, rows=1)
    every = random_words(rs, 4000)
    a, b = functions(1, 1)
    least = min(every, key=lambda word: signature(shingles(word, 1), a, b))
    texts = [" ".join([least, *every[n : n + 12]]) for n in range(0, 3900, 13)]
    table = documents(texts)
    bucket = NEAR.rounds(config)[0].sketch(
        table.append_column("at", pa.array(range(len(texts)), pa.uint64())).to_batches()[0], None, config
    )
    assert len(set(bucket["key"].to_pylist())) == 1
    assert not verdicts(run(NEAR, config, table))


MILLION = """
    import resource
    import numpy as np, pyarrow as pa
    from curate.barrier import load
    from curate.kernels import graph
    barrier, rows, step = load("near_dedup"), 1_000_000, 10_000

    def tables(rows):
        for start in range(0, rows, step):
            number = np.arange(start, start + step)
            ids = pa.Array.from_buffers(pa.binary(16), step, [None, pa.py_buffer(np.stack([number >> 3, number], 1).astype(">u8"))])
            rank = pa.Array.from_buffers(pa.binary(8), step, [None, pa.py_buffer(number.astype(">u8"))])
            sub = number.astype(np.uint64)
            yield pa.table({"key": np.full(step, 42, dtype=np.uint64), "sub": sub, "id": ids, "at": sub, "rank": rank})

    config = barrier.config()
    resolve = barrier.rounds(config)[0].resolve
    list(resolve(tables(3 * step), config, False))  # compile, allocate
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (300 << 20),) * 2)
    pairs = sum(table.num_rows for table in resolve(tables(rows), config, False))
    assert pairs == sum(range(16)) + (rows - 16) * (graph.NUM_HUBS + graph.NUM_NEIGHBOURS), pairs
    print("bounded")
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="address space is measured through /proc")
def test_a_bucket_of_a_million_is_walked():
    """300 MB above what the process has after its imports are enough for a bucket of a million rows in tables of 10,000."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(MILLION)], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "bounded", done.stderr
