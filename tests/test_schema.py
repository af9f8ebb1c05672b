"""Ids, domains and the arithmetic of ids."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.schema import document_id, id_sum, id_words, keeps_header, registered_domain


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("https://a.b.example.co.uk/x?y", "example.co.uk"),
        ("EXAMPLE.com", "example.com"),
        ("https://numpy.sample.invalid/p", "sample.invalid"),
        ("host3.example", "host3.example"),
        ("http://127.0.0.1:8000/", "127.0.0.1"),
        ("localhost", "localhost"),
        ("https://user:pass@www.bücher.example/", "bücher.example"),
        ("co.uk", "co.uk"),
        ("", None),
    ],
)
def test_registered_domain(host, domain):
    assert registered_domain(host) == domain


def test_the_parts_of_an_id_cannot_run_into_each_other():
    assert document_id("ab", "c", None, b"x") != document_id("a", "bc", None, b"x")
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert document_id("a", "b", moment, b"x") != document_id("a", "b", None, b"x")
    assert len(document_id("a", "\ud800", None, b"")) == 16


@given(st.lists(st.binary(min_size=16, max_size=16)))
def test_the_sum_of_ids_is_their_sum(ids):
    array = pa.array(ids, pa.binary(16))
    assert id_sum(array) == sum(int.from_bytes(one, "big") for one in ids) % (1 << 128)
    assert id_sum(array.slice(1)) == sum(int.from_bytes(one, "big") for one in ids[1:]) % (1 << 128)
    assert id_sum(pa.chunked_array([array, array])) == 2 * sum(int.from_bytes(one, "big") for one in ids) % (1 << 128)
    assert [tuple(row) for row in id_words(array).tolist()] == [(int.from_bytes(i[:8], "big"), int.from_bytes(i[8:], "big")) for i in ids]


def test_headers_that_carry_rights_are_kept():
    assert keeps_header("X-Robots-Tag")
    assert keeps_header("TDM-Reservation")
    assert not keeps_header("Set-Cookie")
