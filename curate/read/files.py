"""From the inputs of a recipe to a sorted list of files, and from files to parts.

An input is a file, a folder, a glob, all of them anywhere fsspec reaches, or `sample:`. A file's container name is its path below
the glob root (the folder before the first wildcard) or below the folder; a single file's is its base name, on the web without the query. The order
is (source, container): neither the order of the inputs nor that of a directory listing enters. Refused: names without a reader, a name twice
under one source. Passed over in folders and globs: names that begin with a dot or an underscore (`_SUCCESS`). What else has no reader is a record
that is skipped (`unread.py`) in a folder, and refused where a glob names it. Price: one listing an input, and a look into each file that is larger than a part.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit

from curate.errors import SourceError
from curate.read.chunk import Source, Span
from curate.read.stored import Stored, filesystem

KINDS = ("warc", "arc", "jsonl", "delimited", "parquet", "folder")
SAMPLE = "sample:"
UNREAD = "unread"


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input of the recipe."""

    uri: str
    """A file, a folder, a glob, or `sample:`."""
    source: Source
    kind: str | None = None
    """Reader to take whatever the names are; by suffix where None."""


@dataclass(frozen=True, kw_only=True)
class File:
    """One file to read."""

    uri: str
    container: str
    size: int
    etag: str
    kind: str
    source: Source = field(compare=False)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Spans that one task reads, all of one source, about as many stored bytes as asked for."""

    source: Source
    spans: tuple[Span, ...]

    @property
    def stored_bytes(self) -> int:
        """Stored bytes of all spans."""
        return sum(span.end - span.start for span in self.spans)


def reader(kind: str) -> ModuleType:
    """The reader module of a kind."""
    return import_module(f"curate.read.{kind}")


def kind_of(name: str) -> str | None:
    """The reader for a file name: the one with the longest fitting suffix; None where there is none."""
    lower = name.lower()
    fitting = [(len(suffix), kind) for kind in KINDS for suffix in reader(kind).SUFFIXES if lower.endswith(suffix)]
    return max(fitting)[1] if fitting else None


def resolve(inputs: Iterable[Input]) -> list[File]:
    """All files of the inputs, sorted by (source, container). SourceError names the input that is missing, empty, unknown or ambiguous."""
    found: dict[tuple[str, str], File] = {}
    for given in inputs:
        for file in _files(given):
            key = (given.source.name, file.container)
            other = found.setdefault(key, file)
            if other.uri != file.uri:
                raise SourceError(
                    f"input {given.uri}: expected container names that differ within source {given.source.name}, got {file.container!r} "
                    f"twice ({other.uri} and {file.uri}); give the inputs two source names, or one glob over both folders"
                )
    return [found[key] for key in sorted(found)]


def spans(inputs: Iterable[Input], part_bytes: int) -> list[Part]:
    """Parts of about `part_bytes` stored bytes each: a large file feeds many, small files share one. Depends on the files alone."""
    if part_bytes < 1:
        raise SourceError(f"spans: expected part_bytes of at least 1, got {part_bytes}; raise it")
    parts: list[Part] = []
    pending: list[Span] = []
    held = 0
    source: Source | None = None

    def close() -> None:
        nonlocal pending, held
        if pending and source is not None:
            parts.append(Part(source=source, spans=tuple(pending)))
        pending, held = [], 0

    for file in resolve(inputs):
        if file.source != source or held + file.size > part_bytes:
            close()
        source = file.source
        pieces = _cut(file, part_bytes)
        if len(pieces) > 1:
            close()
            parts.extend(Part(source=source, spans=(span,)) for span in pieces)
        else:
            pending.extend(pieces)
            held += file.size
    close()
    return parts


def _cut(file: File, part_bytes: int) -> list[Span]:
    """Even spans of at most `part_bytes`, as far as the reader can cut there."""
    if file.size > part_bytes and _is_web(file.uri):
        with Stored(file.uri, file.size) as stored:
            part_bytes = file.size if stored.whole_only else part_bytes
    even = -(-file.size // max(1, -(-file.size // part_bytes)))
    borders = reader(file.kind).cut(file.uri, file.size, max(1, even)) if file.size > part_bytes else [(0, file.size)]
    return [
        Span(uri=file.uri, container=file.container, start=start, end=end, size=file.size, etag=file.etag, kind=file.kind)
        for start, end in borders
    ]


def _files(given: Input) -> Iterator[File]:
    if given.uri == SAMPLE:
        from curate.read import sample

        for page in sample.files():
            yield File(uri=page.uri, container=page.container, size=page.size, etag=page.etag, kind="warc", source=given.source)
        return
    fs, path = filesystem(given.uri)
    try:
        found = list(_named(given, fs, path))
    except SourceError:
        raise
    except Exception as error:  # the drivers of remote stores raise what their HTTP libraries do
        raise _unreachable(given, "listed", error) from error
    if all(file.kind == UNREAD for file in found):
        endings = Counter(os.path.splitext(file.container)[1] or "without ending" for file in found)
        got = ", ".join(f"{count} {ending}" for ending, count in endings.most_common(5)) or "none"
        raise SourceError(f"input {given.uri}: expected at least one file to read, got {got}; check the path or the pattern")
    yield from found


def _unreachable(given: Input, done: str, error: BaseException) -> SourceError:
    told = " ".join(str(error).split())[:200]
    return SourceError(
        f"input {given.uri}: expected a location that can be {done}, got {type(error).__name__}: {told}; check address, access and network"
    )


def _is_web(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


def _base(uri: str) -> str:
    """The name of a single file."""
    return os.path.basename(unquote(urlsplit(uri).path)) if _is_web(uri) else os.path.basename(uri)


def _named(given: Input, fs: Any, path: str) -> Iterator[File]:
    try:
        info = fs.info(path)
    except FileNotFoundError as error:
        cause = error.__cause__  # fsspec's HTTP says that nothing is there whatever it was
        if cause is not None and getattr(cause, "status", None) not in (404, 410):
            raise _unreachable(given, "read", cause) from error
        info = None
    except OSError as error:
        raise SourceError(
            f"input {given.uri}: expected a location that can be read, got {type(error).__name__}: {error}; check access"
        ) from error
    if info is not None and info["type"] != "directory":
        yield _file(given, fs, info, _base(path))
    elif info is not None:
        root = path.rstrip("/") + "/"
        for name, entry in _listed(fs.find(path, detail=True), root):
            yield _file(given, fs, entry, name, other=UNREAD)
    elif any(mark in path for mark in "*?["):
        plain = path[: min(path.index(mark) for mark in "*?[" if mark in path)]
        root = plain[: plain.rfind("/") + 1]
        for name, entry in _listed(fs.glob(path, detail=True), root):
            yield _file(given, fs, entry, name)
    else:
        raise SourceError(f"input {given.uri}: expected a file, got nothing there; check the path")


def _listed(entries: dict[str, Any], root: str) -> list[tuple[str, Any]]:
    """(name below root, entry) of the files in a listing, sorted, without hidden ones."""
    names = [(name.removeprefix(root), entry) for name, entry in entries.items() if entry["type"] != "directory"]
    return sorted(
        ((name, entry) for name, entry in names if not any(part.startswith((".", "_")) for part in name.split("/"))),
        key=lambda pair: pair[0],
    )


def _file(given: Input, fs: Any, info: Any, container: str, other: str | None = None) -> File:
    """A listed file; `other`: its kind where no reader knows it, else it is refused."""
    kind = given.kind or kind_of(container) or other
    if kind is None:
        endings = " ".join(suffix for kind in KINDS for suffix in reader(kind).SUFFIXES)
        raise SourceError(
            f"input {given.uri}: expected names that end with one of {endings}, got {container!r}; rename it or narrow the pattern"
        )
    uri, size = fs.unstrip_protocol(info["name"]) if "file" not in str(fs.protocol) else info["name"], info["size"]
    if size is None:  # a server that tells no length
        with Stored(uri) as stored:
            size = stored.size
    return File(
        uri=uri,
        container=container,
        size=int(size),
        etag=_etag(info),
        kind=kind,
        source=given.source,
    )


def _etag(info: Any) -> str:
    """What tells versions of a file apart, from whatever the store says: an entity tag, else modification time and size."""
    for name in ("ETag", "etag", "md5Hash", "blob_id", "oid"):
        if info.get(name):
            return str(info[name]).strip('"')
    for name in ("mtime", "LastModified", "Last-Modified", "last_modified", "updated", "modified", "created"):
        if info.get(name):
            return f"{info[name]}:{info['size']}"
    return f"size:{info['size']}"


__all__: Sequence[str] = ["KINDS", "SAMPLE", "File", "Input", "Part", "kind_of", "reader", "resolve", "spans"]
