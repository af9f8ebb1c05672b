"""Segments: the kernel cuts as its slow twin does, and what it cuts is the text."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from naive_segments import WHITE, segments

from curate.kernels.segments import cut, most_segments

PIECES = st.sampled_from(
    [
        "a",
        "word",
        "é",
        "語",
        "。",
        "」",
        "！",
        ".",
        '."',
        "?",
        " ",
        "  ",
        "\n",
        "\n\n",
        "\t",
        "# ",
        "## b\n",
        "#######",
        "#x",
        "```",
        "~~~",
        "    ",
    ]
)


def kernel(texts, max_chars, headings):
    data = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, data)]).astype(np.int64)
    room = most_segments(offsets, max_chars)
    counts, starts, ends = np.zeros(len(texts), np.int64), np.zeros(room, np.int64), np.zeros(room, np.int64)
    total = cut(offsets, np.frombuffer(b"".join(data), np.uint8), max_chars, headings, counts, starts, ends)
    assert total == counts.sum()
    bounds = iter(zip(starts[:total].tolist(), ends[:total].tolist(), strict=True))
    return [[next(bounds) for _ in range(count)] for count in counts]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=40).map("".join), max_size=3), st.integers(1, 30), st.booleans())
@example(["```\n# no\n\nheading\n```\n# one\ntext\n\ntext. More text\n# two"], 12, True)
@example(["  \n    indented\n\n  # two" + " " * 40], 8, True)
def test_the_twin_cuts_alike(texts, max_chars, headings):
    for text, got in zip(texts, kernel(texts, max_chars, headings), strict=True):
        assert [(len(text.encode()[:a].decode()), len(text.encode()[:b].decode())) for a, b in got] == segments(text, max_chars, headings)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab。 \n#`é", max_size=200), st.integers(1, 30), st.booleans())
def test_only_white_space_between_segments_is_lost(text, max_chars, headings):
    data, (bounds,) = text.encode(), kernel([text], max_chars, headings)
    pieces = [data[start:end].decode() for start, end in bounds]
    assert all(0 < len(piece) <= max_chars and piece.strip(WHITE) for piece in pieces)
    if pieces:
        assert "".join("".join(pieces).split()) == "".join(text.split())
    assert bool(pieces) == (len(text) > max_chars and bool(text.strip(WHITE)))
