"""Files in a folder that no reader knows, such as images beside pages: each is one record that is skipped as `no_reader`, so that the ledger tells of it.

They are not opened. Globs do not come here: a name without a reader that a pattern fits is refused.
"""

from collections.abc import Iterator

from curate.read.chunk import Chunk, Limits, Source, Span
from curate.read.rows import Rows

SUFFIXES: tuple[str, ...] = ()
WORD = "no_reader"


def cut(uri: str, size: int, span_bytes: int) -> list[tuple[int, int]]:
    """One span."""
    return [(0, size)]


def read(span: Span, source: Source, limits: Limits) -> Iterator[Chunk]:
    """The count."""
    rows = Rows(source, span.container, limits)
    if span.start == 0:
        rows.skip(WORD)
    yield rows.take(span.end - span.start)
