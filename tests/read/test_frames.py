"""Frames: the fast path for a lone record agrees with the general one on anything."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.read.frames import Record, frames, single
from curate.read.tape import Tape
from read.reading import page, response, warc

RECORD = response(page("x", 60), record_id="1")


def _all(content, want=True, step=7):
    pieces = iter([content[at : at + step] for at in range(0, len(content), step)])
    return list(frames(Tape(pieces), lambda header, length: want))


@settings(deadline=None, max_examples=400)
@given(
    st.integers(0, len(RECORD)),
    st.integers(0, 20),
    st.one_of(st.binary(max_size=6), st.text("\r\n :WARC-Type", max_size=6).map(str.encode)),
    st.integers(1, 400),
    st.booleans(),
)
@example(11, 0, b"\n\r\n", 1, False)
@example(20, 0, b"\xc2\x80", 1, False)
def test_a_lone_record_is_found_alike_by_both_ways(at, cut, put, step, want):
    content = RECORD[:at] + put + RECORD[at + cut :]
    fast = single(content, lambda header, length: want)
    if fast is not None:
        (slow,) = _all(content, want, step)
        assert slow._replace(header=fast.header) == fast
        assert fast.header.items() <= slow.header.items()
        assert fast.header == slow.header or not want


def test_the_fast_way_is_taken_where_it_can_be():
    assert single(RECORD, lambda header, length: True) == _all(RECORD)[0]
    assert single(RECORD + RECORD, lambda header, length: True) is None
    assert single(RECORD[:-1], lambda header, length: True) is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["response", "request"]), st.binary(max_size=80)), max_size=6), st.integers(1, 300))
def test_records_come_back_whatever_the_pieces(records, step):
    content = b"".join(warc(kind, body) for kind, body in records)
    found = _all(content, True, step)
    assert [(item.header["warc-type"], item.content) for item in found if isinstance(item, Record)] == records
