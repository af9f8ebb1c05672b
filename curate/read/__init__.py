"""The front door: from bytes somewhere to record batches of documents.

A **span** is a piece of one file: (uri, start, end) in stored bytes. A record belongs to the span in which it starts. A **reader** is a module with

    SUFFIXES: tuple[str, ...]                                       file endings, lower case, such as (".warc.gz", ".warc")
    def cut(uri: str, size: int, span_bytes: int) -> list[tuple[int, int]]: ...   where spans may start and end; one span if it cannot be cut
    def read(span: Span, source: Source, limits: Limits) -> Iterator[Chunk]: ...

Whatever is in a span ends as a document, as a skipped record counted by type, or as a `ReadError` that names container and offset; `read` raises
`SourceError` only where the file as a whole cannot be opened. `curate.read.files` resolves inputs to files, `curate.read.open_span` picks the reader.
"""

from collections.abc import Iterator

from curate.read.chunk import Chunk, Limits, Source, Span


def open_span(span: Span, source: Source, limits: Limits) -> Iterator[Chunk]:
    """The chunks of one span, by its kind's reader; at least one, so that the columns are known where nothing was read."""
    from curate.read.files import reader

    return reader(span.kind).read(span, source, limits)
