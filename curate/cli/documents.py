"""Documents of any input, for commands that learn from texts."""

from collections.abc import Iterator, Sequence

from curate.errors import SourceError
from curate.read import Limits, Source, files, open_span


def texts(uris: Sequence[str], source: str, field: str, label: int = 0) -> Iterator[tuple[bytes, str, int]]:
    """(id, text, label) of every document that has a text, in the order of the files. SourceError where a record cannot be read."""
    how = Source(name=source, fields={"text": field})
    for part in files.spans([files.Input(uri=uri, source=how) for uri in uris], 1 << 30):
        for span in part.spans:
            for chunk in open_span(span, how, Limits()):
                if chunk.errors:
                    first = chunk.errors[0]
                    raise SourceError(f"{span.uri}: expected documents, got at {first.offset}: {first.message}; mend the file")
                columns = chunk.documents.select(["id", "text"]).to_pydict()
                yield from ((i, t, label) for i, t in zip(columns["id"], columns["text"], strict=True) if t and t.strip())
