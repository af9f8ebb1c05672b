"""Stored bytes: one file anywhere fsspec reaches, read by position.

Every reader opens its file here, so that a missing, unreadable or changed file is reported in one voice. Source of the paths:
fsspec (a folder, `s3://`, `gs://`, `hf://`, `memory://`). Misses: a file rewritten with the same size between planning and
reading (the engine names tasks by etag, which covers it). Price: one open a span.
"""

import os
from collections.abc import Iterator
from typing import Any

import fsspec

from curate.errors import SourceError
from curate.store import options

BLOCK = 1 << 18


def filesystem(uri: str) -> tuple[Any, str]:
    """The fsspec filesystem of a location and the path in it; SourceError where the protocol or its driver is missing."""
    try:
        return fsspec.core.url_to_fs(os.path.expanduser(uri) if "://" not in uri else uri, **options(uri))
    except (ImportError, ValueError) as error:
        raise SourceError(
            f"input {uri}: expected a location that fsspec can open, got {error}; install the driver or check the path"
        ) from error


class Stored:
    """A file's stored bytes by position; `size` is its length in bytes."""

    def __init__(self, uri: str, expected_size: int | None = None) -> None:
        self.uri = uri
        fs, path = filesystem(uri)
        self.local = "file" in ([fs.protocol] if isinstance(fs.protocol, str) else fs.protocol)
        try:
            self._file = fs.open(path, "rb")
        except (FileNotFoundError, IsADirectoryError) as error:
            raise SourceError(f"input {uri}: expected a file, got nothing there; check the path") from error
        except OSError as error:
            raise SourceError(f"input {uri}: expected a readable file, got {type(error).__name__}; check its permissions") from error
        self.size = self._file.seek(0, os.SEEK_END)
        if expected_size is not None and self.size != expected_size:
            found, _ = self.size, self._file.close()
            raise SourceError(f"input {uri}: expected {expected_size} bytes as planned, got {found}; the file changed, plan again")

    def at(self, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start`; fewer only at the end of the file."""
        self._file.seek(start)
        return self._file.read(max(0, min(length, self.size - start)))

    def find(self, pattern: bytes, start: int, end: int) -> int:
        """Position of the first `pattern` that begins in [start, end), or -1."""
        while start < end:
            block = self.at(start, min(1 << 20, end - start) + len(pattern) - 1)
            found = block.find(pattern)
            if found >= 0:
                return start + found
            start += 1 << 20
        return -1

    def pieces(self, start: int = 0, step: int = BLOCK) -> Iterator[bytes]:
        """The bytes from `start` to the end, in pieces of `step`."""
        while piece := self.at(start, step):
            yield piece
            start += len(piece)

    @property
    def file(self) -> Any:
        """The file object itself, for libraries that want one."""
        return self._file

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> "Stored":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
