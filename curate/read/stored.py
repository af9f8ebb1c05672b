"""Stored bytes: one file anywhere fsspec reaches, read by position.

Every reader opens its file here, so that a missing, unreadable or changed file is reported in one voice. Source of the paths:
fsspec (a folder, `s3://`, `gs://`, `hf://`, `https://`, `memory://`). With HF_HUB_OFFLINE=1 `hf://` is what was downloaded before. Misses: a file
rewritten with the same size between planning and reading (the engine names tasks by etag, which covers it). Price: one open a span.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from curate.errors import SourceError
from curate.read.remote import Remote
from curate.store import options

BLOCK = 1 << 18
_EXTRAS = {"s3": "s3", "gs": "gcs", "gcs": "gcs", "hf": "hf", "http": "http", "https": "http"}
"""Protocol → the extra of this project that brings its driver."""


def filesystem(uri: str) -> tuple[Any, str]:
    """The fsspec filesystem of a location and the path in it; SourceError where the protocol or its driver is missing."""
    try:
        if uri.startswith("hf://") and _offline():
            return LocalFileSystem(), _downloaded(uri)
        return fsspec.core.url_to_fs(os.path.expanduser(uri) if "://" not in uri else uri, **options(uri))
    except (ImportError, ValueError) as error:
        extra = _EXTRAS.get(uri.partition("://")[0]) if isinstance(error, ImportError) else None
        remedy = f"run pip install 'curate[{extra}]'" if extra else "install the driver or check the path"
        raise SourceError(f"input {uri}: expected a location that fsspec can open, got {error}; {remedy}") from error


def _offline() -> bool:
    try:
        from huggingface_hub import constants
    except ImportError:
        return False
    return bool(constants.HF_HUB_OFFLINE)


def _downloaded(uri: str) -> str:
    """Where the cache of huggingface_hub has a path of a repository."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    found = re.fullmatch(r"hf://(?:(datasets|spaces)/)?([^/@]+/[^/@]+)(?:@([^/]+))?(?:/(.*))?", uri)
    if not found:
        raise ValueError("an address that is not hf://datasets/OWNER/NAME/PATH")
    kind, repository, revision, path = found.groups()
    try:
        root = snapshot_download(repository, repo_type=kind and kind.removesuffix("s"), revision=revision, local_files_only=True)
    except LocalEntryNotFoundError as error:
        raise SourceError(
            f"input {uri}: expected a repository that was downloaded before, since HF_HUB_OFFLINE is set, got none in the cache; "
            f"run hf download {repository}{' --repo-type dataset' if kind == 'datasets' else ''} where there is a network, or unset HF_HUB_OFFLINE"
        ) from error
    return os.path.join(root, path or "")


class Stored:
    """A file's stored bytes by position; `size` is its length in bytes."""

    def __init__(self, uri: str, expected_size: int | None = None) -> None:
        self.uri = uri
        fs, path = filesystem(uri)
        self.local = "file" in ([fs.protocol] if isinstance(fs.protocol, str) else fs.protocol)
        try:
            self._file = fs.open(path, "rb") if self.local else Remote(fs, path, uri)
        except SourceError:
            raise
        except (FileNotFoundError, IsADirectoryError) as error:
            raise SourceError(f"input {uri}: expected a file, got nothing there; check the path") from error
        except OSError as error:
            raise SourceError(f"input {uri}: expected a readable file, got {type(error).__name__}; check its permissions") from error
        except Exception as error:  # the drivers of remote stores raise what their HTTP libraries do
            told = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise SourceError(f"input {uri}: expected a file that can be opened, got {told}; check address, access and network") from error
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
    def whole_only(self) -> bool:
        """Whether its server sends no parts of the file, so that each reader of a part would get all of it."""
        return not self.local and bool(self._file.whole_only())

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
