"""Anchors, windows, units and meetings against their slow twins."""

import naive_passages as naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.kernels import passages

texts = st.lists(st.text(alphabet="ab é漢😀\n\t", max_size=40).map(str.encode), max_size=5)


def packed(rows):
    return np.cumsum([0] + [len(row) for row in rows]), np.frombuffer(b"".join(rows), dtype=np.uint8)


def no_scope(rows):
    return np.zeros(len(rows), dtype=np.uint64)


@pytest.mark.parametrize("words", [False, True])
@given(rows=texts, length=st.integers(2, 9))
def test_every_window_belongs_to_one_anchor_and_equal_windows_to_equal_ones(words, rows, length):
    offsets, data = packed(rows)
    half = max(1, length // 2)
    found, keys, fresh, again = passages.anchors(offsets, data, no_scope(rows), words, length, half)
    anchor_of, seen, both = {}, {}, set()
    for (row, low, size, centre, left, first, last), key, new in zip(found.tolist(), keys.tolist(), fresh, strict=True):
        symbols = naive.symbols(rows[row], words)
        assert symbols[left][0] == low
        assert rows[row][low + centre : low + centre + 1]
        assert new == ((row, *key) not in both)
        both.add((row, *key))
        seen.setdefault((row, key[0]), []).append(1)
        for window in range(left + first, left + last + 1):
            start, end = symbols[window][0], symbols[window + length - 1][1]
            assert low <= start <= low + centre < end <= low + size
            assert (row, start) not in anchor_of, "a window belongs to two anchors"
            anchor_of[row, start] = (rows[row][start:end], low + centre - start, key[0])
    assert [len(seen[row, key]) > 1 for row, key in zip(found[:, 0].tolist(), keys[:, 0].tolist(), strict=True)] == again.tolist()
    expected = {(row, start) for row, text in enumerate(rows) for start, _ in naive.windows(text, length, words)}
    assert set(anchor_of) == expected
    where = {}
    for window, place, key in anchor_of.values():
        assert where.setdefault(window, (place, key)) == (place, key), "equal windows with different anchors"


def test_a_text_has_few_anchors():
    rs = np.random.RandomState(0)
    row = bytes(rs.randint(97, 123, 100_000, dtype=np.uint8))
    offsets, data = packed([row])
    found, *_ = passages.anchors(offsets, data, no_scope([row]), False, 100, 50)
    assert abs(len(found) / len(row) - 2 / 52) < 0.003  # Schleimer et al. 2003: 2 / (w + 1) with w = 51 hashes


def test_a_phrase_in_ever_other_surroundings_is_no_trap():
    """Anchors with equal keys do not pile up in the table: a text of nothing else takes no longer than it is long."""
    phrase = b"a phrase that stands in a great many places indeed, always with something else around it"
    row = b"".join(b"%s %012d " % (phrase, 7919 * number) for number in range(60_000))
    offsets, data = packed([row])
    *_, fresh, again = passages.anchors(offsets, data, no_scope([row]), False, 100, 50)
    assert again.mean() > 0.3
    assert fresh.sum() > 60_000  # surroundings differ


def test_scopes_keep_texts_apart():
    offsets, data = packed([b"the same words"] * 2)
    _, keys, *_ = passages.anchors(offsets, data, np.array([1, 2], dtype=np.uint64), False, 8, 4)
    first, second = keys[: len(keys) // 2], keys[len(keys) // 2 :]
    assert not (first == second).any()


@pytest.mark.parametrize("words", [False, True])
@given(rows=texts, length=st.integers(2, 9))
def test_windows(words, rows, length):
    offsets, data = packed(rows)
    expected = [(row, start, end - start) for row, text in enumerate(rows) for start, end in naive.windows(text, length, words)]
    counts = [len(naive.windows(text, length, words)) for text in rows]
    anchors = np.array([(row, 0, count - 1) for row, count in enumerate(counts) if count], dtype=np.int64).reshape(-1, 3)
    out, keys = np.empty((len(expected), 3), dtype=np.int64), np.empty(len(expected), dtype=np.uint64)
    passages.windows(offsets, data, no_scope(rows), words, length, anchors, out, keys)
    assert [tuple(one) for one in out.tolist()] == expected
    pieces = [rows[row][start : start + size] for row, start, size in expected]
    assert len(set(keys.tolist())) == len(set(pieces))


@pytest.mark.parametrize("paragraphs", [False, True])
@given(rows=texts, min_bytes=st.integers(0, 6))
def test_units(paragraphs, rows, min_bytes):
    offsets, data = packed(rows)
    found, keys = passages.units(offsets, data, no_scope(rows), paragraphs, min_bytes)
    expected = [(row, start, end - start) for row, text in enumerate(rows) for start, end in naive.units(text, paragraphs, min_bytes)]
    assert [tuple(one) for one in found.tolist()] == expected
    assert len(set(keys.tolist())) == len({rows[row][start : start + size] for row, start, size in expected})


@given(
    parts=st.lists(st.tuples(st.text(alphabet="ab", max_size=6), st.text(alphabet="ab", max_size=6), st.integers(0, 3)), max_size=6),
    length=st.integers(2, 9),
)
def test_meetings_are_all_that_pairs_share(parts, length):
    rows = [(left + "x" + right).encode() for left, right, _ in parts]
    offsets, data = packed(rows)
    centre = np.array([len(left) for left, _, _ in parts], dtype=np.int64)
    document = np.array([number for *_, number in parts], dtype=np.uint64)
    bounds = np.array([0, len(rows)] if rows else [0], dtype=np.int64)
    for both in (False, True):
        found = passages.meetings(offsets, data, centre, document, bounds, length, both)
        masks = [bytearray(len(row)) for row in rows]
        for mine, its, start, size in found.tolist():
            place = start - centre[mine] + centre[its]
            assert rows[mine][start : start + size] == rows[its][place : place + size]
            assert document[mine] != document[its]
            assert both or its < mine
            masks[mine][start : start + size] = b"\1" * size
        assert masks == [_shared(parts, rows, row, length, both) for row in range(len(rows))]


def _shared(parts, rows, row, length, both):
    """The bytes around the x that some other document's surroundings share, at least `length` in a row with the x."""
    mask = bytearray(len(rows[row]))
    left, right, number = parts[row]
    for other, (its_left, its_right, its_number) in enumerate(parts):
        if its_number == number or (other >= row and not both):
            continue
        behind = next((i for i in range(min(len(left), len(its_left))) if left[-1 - i] != its_left[-1 - i]), min(len(left), len(its_left)))
        ahead = next((i for i in range(min(len(right), len(its_right))) if right[i] != its_right[i]), min(len(right), len(its_right)))
        if behind + 1 + ahead >= length:
            start = len(left) - behind
            mask[start : len(left) + 1 + ahead] = b"\1" * (behind + 1 + ahead)
    return mask
