"""The walk over gzip members: many inflated at once are what each by itself is, whatever lies between them."""

import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.read import members
from curate.read.frames import opens_record
from curate.read.stored import Stored
from read.reading import page, response


def member(content, *, flags=0, system=3, size=None, crc=None):
    """A gzip member (RFC 1952) with any operating system and any statement of its size and checksum."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = packer.compress(content) + packer.flush()
    said = (zlib.crc32(content) if crc is None else crc, len(content) if size is None else size)
    return b"\x1f\x8b\x08" + bytes([flags, 0, 0, 0, 0, 0, system]) + body + b"".join(one.to_bytes(4, "little") for one in said)


def walked(path):
    """(first byte, content, (content byte, stored byte) of each gzip member's end, ended) of each member, and the gaps."""
    found = []
    with Stored(str(path), path.stat().st_size) as stored:
        for one in members.walk(stored, 0, stored.size, opens_record):
            if isinstance(one, members.Gap):
                found.append(tuple(one))
                continue
            for each in [one] if isinstance(one, members.Member) else [one.member(number) for number in range(len(one.starts) - 1)]:
                content = each.content
                if content is None:
                    content = b""
                    try:
                        content = b"".join(each.pieces)
                    except members.DamageError as error:
                        found.append(str(error))
                found.append((each.at, content, each.sound, each.ended))
    return found


PAGES = [response(page(text), f"http://a.test/{text}") for text in ("one", "two", "six")]
"""Of one length, so that a member that is passed over would not be missed by its size."""
PLAIN = [member(content) for content in PAGES]
STRANGE = [
    member(PAGES[1], system=200),
    member(PAGES[1], flags=0x80),
    member(PAGES[1], size=5),
    member(PAGES[1], crc=1),
    PLAIN[1][:-9],
    member(b""),
    member(b"\r\n"),
    member(b"no record"),
    bytes(4),
    bytes(9),
    members.MAGIC + b"x" * 40,
    b"no member at all",
]


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("place", range(4))
def test_what_is_strange_among_members_is_found_as_by_one_after_the_other(tmp_path, monkeypatch, strange, place):
    chain = [*PLAIN, PLAIN[0]]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join([*chain[:place], strange, *chain[place:]]))
    together = walked(path)
    monkeypatch.setattr(members, "_slab", lambda stored, at, end, opens, memory: (None, memory))
    assert together == walked(path)


@given(st.lists(st.sampled_from([*PLAIN, *STRANGE[:7]]), max_size=6), st.booleans())
def test_chains_of_members_are_walked_as_one_after_the_other(tmp_path_factory, chain, cut):
    path = tmp_path_factory.getbasetemp() / "chain.warc.gz"
    data = b"".join([PLAIN[0], *chain])
    path.write_bytes(data[:-3] if cut else data)
    together = walked(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(members, "_slab", lambda stored, at, end, opens, memory: (None, memory))
        assert together == walked(path)


def test_plain_members_come_in_one_slab(tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(PLAIN))
    with Stored(str(path), path.stat().st_size) as stored:
        (slab,) = members.walk(stored, 0, stored.size, opens_record)
        assert isinstance(slab, members.Slab)
        assert [slab.content[a:b].tobytes() for a, b in pairwise(slab.starts.tolist())] == PAGES
