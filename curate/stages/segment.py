"""Segment: long documents are cut into segments of bounded length, each a document of its own that names its parent and its place there.

A document of at most `max_chars` characters stays as it is. A longer one is replaced by its segments: each ends at the last end of a section
(`at: heading`), else of a paragraph, a line, a sentence or a word that lies within reach, else between two characters; no segment is longer. A
block of code between fences is only cut where it is too long itself. White space between two segments goes, all else stays. A segment has an id
of its own, of (source, id of the parent and span, fetch time, its text); all other columns are the parent's and speak of the whole document;
`raw` is not carried on. The ledger balances: documents + born by splitting = kept + removed + split. Held-out documents (`split`) are drawn by
parent, so that no document is on both sides. Put it behind deduplication of whole documents, or before it to compare segments.
Misses: headings without the signs of Markdown (`markup: {markdown: true}` writes them) or underlined; abbreviations, which look like ends of sentences;
places of images (`media`), which stay those of the whole document.
Price: over 1 GB of text a second at 20,000 characters, 300 MB at 200 (tests/bench/bench_segment.py, beside the splitters that people use).

column  type              meaning
parent  binary(16)        id of the document that was cut; null where it stayed whole
start   int64             first byte of the segment in the parent's text (UTF-8), 0 where it stayed whole
end     int64             the byte after its last
number  int32             which segment of its parent it is, from 0
of      int32             how many segments the parent was cut into, 1 where it stayed whole
spans   list<int64>       starts and ends of the segments, by turns; only until the document is cut
"""

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate import arrow
from curate.kernels.segments import cut, most_segments
from curate.stage import Columns, stage
from curate.stage import Config as Base


class Config(Base):
    """How long segments are, and where they are cut."""

    max_chars: int = Field(default=20_000, ge=1)
    """Characters of a segment, at most; shorter documents stay whole."""
    at: Literal["paragraph", "heading"] = "paragraph"
    """Where to cut: between paragraphs, or rather before headings of Markdown (# to ######)."""


@stage(
    version=1,
    reads=("text",),
    adds={
        "parent": pa.binary(16),
        "start": pa.int64(),
        "end": pa.int64(),
        "number": pa.int32(),
        "of": pa.int32(),
        "spans": pa.list_(pa.int64()),
    },
    splits="spans",
)
def segment(batch: pa.RecordBatch, config: Config) -> Columns:
    text = arrow.utf8(batch["text"])
    room = most_segments(text.offsets, config.max_chars)
    counts, bounds = np.zeros(batch.num_rows, dtype=np.int64), np.empty((2, room), dtype=np.int64)
    total = cut(text.offsets, text.data, config.max_chars, config.at == "heading", counts, *bounds)
    offsets = np.concatenate([[0], 2 * np.cumsum(counts)]).astype(np.int32)
    spans = pa.ListArray.from_arrays(pa.array(offsets), pa.array(bounds[:, :total].T.ravel()), mask=pa.array(~text.valid))
    none = ~text.valid
    return {
        "parent": pa.nulls(batch.num_rows, pa.binary(16)),
        "start": pa.array(np.zeros(batch.num_rows, dtype=np.int64), mask=none),
        "end": pc.cast(pc.binary_length(batch["text"]), pa.int64()),
        "number": pa.array(np.zeros(batch.num_rows, dtype=np.int32), mask=none),
        "of": pa.array(np.maximum(counts, 1).astype(np.int32), mask=none),
        "spans": spans,
    }
