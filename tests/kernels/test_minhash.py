"""Signatures bit for bit, sets, bands."""

from itertools import pairwise

import naive_dedup
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive_dedup import datatrove_signature, shingles

from curate.arrow import utf8
from curate.kernels import minhash
from curate.kernels.fold import tables
from curate.kernels.shingles import MAX_WORDS

FOX = "The quick brown fox jumps over the lazy dog, then 12 dogs sleep."
TEXTS = st.lists(st.lists(st.sampled_from(["a", "b", "c", "d", "漢", "é,"]), max_size=20).map(" ".join) | st.none(), max_size=6)


FAMILIES = {
    "32-bit": (minhash.functions, naive_dedup.functions, naive_dedup.signature),
    "datatrove": (minhash.datatrove_functions, naive_dedup.datatrove_functions, datatrove_signature),
}


def signatures(texts, n=5, count=112, functions=minhash.datatrove_functions):
    view = utf8(pa.array(texts, pa.large_string()))
    a, b = functions(count, 1)
    out, num = np.empty((len(texts), len(a)), dtype=a.dtype), np.empty(len(texts), dtype=np.int64)
    minhash.signatures(view.offsets, view.data, n, a, b, *tables(), out, num)
    return out, num


def test_parameters_are_the_published_ones():
    a, b = minhash.datatrove_functions(112, 1)
    assert a[:4].tolist() == [775169054918279404, 1758426461858698313, 2109959069025162, 965365488286768774]
    assert b[:4].tolist() == [1062448801025099917, 1324811268927594100, 1217488311597731462, 100775521383383736]
    assert (int(a[111]), int(b[111])) == (223865076026037746, 1097409548522419201)


def test_the_published_signature():
    out, num = signatures([FOX])
    assert num.tolist() == [9]
    assert shingles(FOX, 5)[0] == 7797000677988824208
    assert out[0, :8].tolist() == [
        85330943174081874,
        74646379557481733,
        115527890327210795,
        34440879854629237,
        618820980614161625,
        117899488208280896,
        193260629880137639,
        204404170303891102,
    ]
    assert out[0, 104:].tolist() == [
        138080280408424662,
        154773537486200284,
        333063281871745314,
        149073857945855951,
        1765945916311590,
        714816410343323786,
        337791176673513071,
        3963570588256049,
    ]


@pytest.mark.parametrize("family", FAMILIES)
@given(TEXTS)
def test_signatures_equal_their_twin(family, texts):
    functions, naive_functions, signature = FAMILIES[family]
    out, num = signatures(texts, 2, 6, functions)
    a, b = naive_functions(6, 1)
    for i, text in enumerate(texts):
        hashes = shingles(text, 2)
        assert num[i] == len(hashes)
        assert out[i].tolist() == (signature(hashes, a, b) if hashes else [np.iinfo(out.dtype).max] * 6)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_long_text_is_taken_in_blocks(family):
    functions, naive_functions, signature = FAMILIES[family]
    rs = np.random.RandomState(0)
    text = " ".join("".join(chr(97 + c) for c in rs.randint(0, 26, 3)) for _ in range(5 * MAX_WORDS))
    out, num = signatures([text], 5, 4, functions)
    assert out[0].tolist() == signature(shingles(text, 5), *naive_functions(4, 1))
    assert num[0] == 5 * MAX_WORDS - 4


EDGES = [0, 1, minhash.PRIME - 9, minhash.PRIME - 8, minhash.PRIME - 1, minhash.PRIME, minhash.PRIME + 7, 2**61 + 6, 2**64 - 1, 7 << 61]


@given(st.lists(st.sampled_from([int(x) for x in EDGES]) | st.integers(0, 2**64 - 1), min_size=1, max_size=20), st.sampled_from([0, 1, 8]))
def test_values_at_the_edge_of_the_prime(values, shift):
    """Residues 0 … 7 and p - 8 … p - 1, which a hash meets once in 2^57 shingles."""
    hashes = np.zeros(len(values) + 7, dtype=np.uint64)
    hashes[: len(values)] = values
    a, b = np.array([1, 1, 3], dtype=np.uint64), np.array([0, shift, 5], dtype=np.uint64)
    found = np.full(3, 2**64 - 1, dtype=np.uint64)
    minhash.lower(found, hashes, len(values), a, b, np.empty(3, dtype=np.uint64))
    assert found.tolist() == datatrove_signature(values, a, b)


@given(TEXTS, st.randoms())
def test_sets_equal_their_twin(texts, random):
    view = utf8(pa.array(texts, pa.large_string()))
    rows = sorted(random.sample(range(len(texts)), random.randint(0, len(texts))))
    values, ends = minhash.shingle_sets(view.offsets, view.data, np.array(rows, dtype=np.int64), 2, *tables())
    sets = [values[a:b].tolist() for a, b in pairwise(ends)]
    assert sets == [sorted(set(shingles(texts[row], 2))) for row in rows]


@given(st.lists(st.sets(st.integers(0, 30)), min_size=1, max_size=5))
def test_overlaps(sets):
    values = np.array([v for s in sets for v in sorted(s)], dtype=np.uint64)
    ends = np.cumsum([len(s) for s in sets])
    starts = ends - [len(s) for s in sets]
    out = np.empty(len(sets), dtype=np.int64)
    minhash.overlaps(values, starts, ends, np.zeros(len(sets), dtype=np.int64), out)
    assert out.tolist() == [len(sets[0] & s) for s in sets]


def test_bands_agree_where_their_values_do():
    signature = np.arange(24, dtype=np.uint64).reshape(2, 12)
    signature[1, :4] = signature[0, :4]
    signature[0, 4:8] = signature[0, :4]
    keys = np.empty((2, 3), dtype=np.uint64)
    minhash.band_keys(signature, 4, keys)
    assert keys[0, 0] == keys[1, 0]
    assert len(set(keys.ravel().tolist())) == 5  # the same values in another band are another bucket
