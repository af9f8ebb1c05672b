"""A file of a remote store as a file object that is patient: a read that fails is tried again, and what fails for good says so as an input does.

Every read gets all bytes that it asked for, so that a connection that is cut never looks like the end of a file. A server that sends no ranges, or tells
no length, sends the whole file once, into a temporary file. Misses: whoever reads a file of such a server in several tasks gets it several times; so it
is never cut (`whole_only`). Price: one check a read.
"""

import io
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from typing import Any, TypeVar

from curate.errors import SourceError

WAITS = (0.5, 2.0, 8.0)
"""Seconds before a failed read is tried again."""
T = TypeVar("T")


class Remote(io.RawIOBase):
    """The file at a path of an fsspec file system; `size` is its length in bytes. Raises what the file system does where it
    cannot be opened, SourceError where reading fails."""

    _file: Any = None

    def __init__(self, fs: Any, path: str, uri: str) -> None:
        super().__init__()
        self._fs, self._path, self._uri = fs, path, uri
        self._file = fs.open(path, "rb")
        self._at = 0
        self._kept = False
        try:
            self.size = int(self._file.seek(0, os.SEEK_END))
        except ValueError:  # a server that tells no length
            self.size = -1
            self._keep()

    def read(self, size: int | None = -1) -> bytes:
        """Bytes from where the file stands: `size` of them, fewer only at its end."""
        left = max(0, self.size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        data = self._tried(f"{wanted:,} bytes from byte {self._at:,} on", lambda: self._asked(wanted)) if wanted else b""
        self._at += len(data)
        return data

    def readinto(self, into: Any) -> int:
        """As much as `into` has room for; returns how much."""
        data = self.read(len(into))
        into[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of any file."""
        self._at = max(0, offset + (0, self._at, self.size)[whence])
        return self._at

    def tell(self) -> int:
        """The position of the next read."""
        return self._at

    def seekable(self) -> bool:
        """It is."""
        return True

    def readable(self) -> bool:
        """It is."""
        return True

    def close(self) -> None:
        """Lets the file go, and what was kept of it."""
        if not self.closed and self._file is not None:
            self._file.close()
        super().close()

    def whole_only(self) -> bool:
        """Whether the server sends no parts of it."""
        try:
            self._file.seek(self.size - 1)
            self._file.read(1)
        except ValueError:
            return True
        except Exception:  # whoever reads will tell
            return False
        return self._kept

    def _asked(self, wanted: int) -> bytes:
        try:
            self._file.seek(self._at)
            data = bytes(self._file.read(wanted))
        except ValueError:  # fsspec's: it asked for a range and was sent the file
            if self._kept or not self._uri.startswith(("http://", "https://")):
                raise
            self._keep()
            return self._asked(wanted)
        if len(data) != wanted:
            raise EOFError(f"{len(data):,} bytes")
        return data

    def _keep(self) -> None:
        """From here on the file is a copy of the whole."""
        self._kept = True
        copy = self._tried("the whole file, since its server sends no parts of it", self._copied)
        self._file.close()
        self._file = copy

    def _copied(self) -> Any:
        copy = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            with self._fs.open(self._path, "rb", block_size=0) as stream:
                shutil.copyfileobj(stream, copy, 1 << 20)
            if self.size not in (-1, copy.tell()):
                raise EOFError(f"{copy.tell():,} bytes of {self.size:,}")
        except BaseException:
            copy.close()
            raise
        self.size = copy.tell()
        return copy

    def _tried(self, expected: str, attempt: Callable[[], T]) -> T:
        for wait in (*WAITS, None):
            try:
                return attempt()
            except SourceError:
                raise
            except Exception as error:  # drivers raise what their HTTP libraries do
                if wait is None:
                    told = " ".join(f"{type(error).__name__}: {error}".split())[:200]
                    raise SourceError(
                        f"input {self._uri}: expected {expected}, got {told}; check the connection and run again, what is done is kept"
                    ) from error
                time.sleep(wait)
                self._again()
        raise AssertionError("the last attempt returns or raises")

    def _again(self) -> None:
        """Opens the file anew, so that nothing that was half read is taken for the file."""
        if not self._kept:
            try:
                fresh = self._fs.open(self._path, "rb")
            except Exception:  # the next attempt tells
                return
            self._file.close()
            self._file = fresh
