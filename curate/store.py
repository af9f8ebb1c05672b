"""Where a run's files lie: a folder, or any fsspec location. Every file is put once, whole or not at all.

Local files are written under a temporary name, synced and renamed. Object stores have no rename; a put there is atomic by itself, and
`create` uses if-none-match. Failpoints (CURATE_FAILPOINT=name or name:n) kill the process at the n-th time that a commit edge is passed; the
resume tests name every edge.
"""

import json
import os
import posixpath
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO

import fsspec
from blake3 import blake3
from fsspec.implementations.local import LocalFileSystem

from curate.errors import StoreError

_passed: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Die here, as kill -9 would, if the environment variable CURATE_FAILPOINT asks for it. For tests of resume."""
    wanted = os.environ.get("CURATE_FAILPOINT")
    if not wanted:
        return
    point, _, count = wanted.partition(":")
    if point == name:
        _passed[name] += 1
        if _passed[name] == int(count or 1):
            os._exit(137)


@dataclass(frozen=True)
class File:
    """One written file, as ledger and manifests name it."""

    path: str
    """Relative to the run's folder."""
    bytes: int
    digest: str
    """`blake3:<hex>` of the content."""
    rows: int = 0
    text_bytes: int = 0
    """UTF-8 bytes of its texts, or bytes of its rows in memory for a run of keyed rows."""


class Hashing:
    """A binary sink that counts and hashes what passes through it."""

    def __init__(self, sink: BinaryIO):
        self.sink, self.hasher, self.bytes = sink, blake3(), 0
        self.closed = False

    def write(self, data: bytes) -> int:
        view = memoryview(data)
        self.hasher.update(view)
        self.bytes += view.nbytes
        self.sink.write(view)
        return view.nbytes

    def tell(self) -> int:
        return self.bytes

    def flush(self) -> None:
        self.sink.flush()

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def file(self, path: str, rows: int) -> File:
        return File(path=path, bytes=self.bytes, digest="blake3:" + self.hasher.hexdigest(), rows=rows)


@dataclass(frozen=True)
class Store:
    """A root location, picklable: workers open their own file system."""

    root: str

    @cached_property
    def _fs(self) -> tuple[Any, str]:
        try:
            fs, path = fsspec.core.url_to_fs(self.root)
        except (ImportError, ValueError) as error:
            raise StoreError(f"output {self.root}: expected a location that fsspec can open, got {error}; install its package") from error
        return fs, path.rstrip("/")

    @property
    def fs(self) -> Any:
        return self._fs[0]

    @property
    def is_local(self) -> bool:
        return isinstance(self.fs, LocalFileSystem)

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return Store, (self.root,)

    def full(self, path: str) -> str:
        """The path as the file system knows it."""
        return posixpath.join(self._fs[1], path) if path else self._fs[1]

    def exists(self, path: str) -> bool:
        return bool(self.fs.exists(self.full(path)))

    def size(self, path: str) -> int | None:
        """Bytes of a file; None if it is not there."""
        try:
            return int(self.fs.size(self.full(path)))
        except FileNotFoundError:
            return None

    def open(self, path: str) -> Any:
        """A seekable binary file to read: memory-mapped where local, else buffered by fsspec."""
        if self.is_local:
            import pyarrow as pa

            return pa.memory_map(self.full(path), "r")
        return self.fs.open(self.full(path), "rb")

    def read(self, path: str) -> bytes:
        with self.fs.open(self.full(path), "rb") as file:
            return file.read()

    def list(self, folder: str) -> list[str]:
        """Names of the files directly in a folder, sorted; empty if it is not there."""
        try:
            found = (
                self.fs.ls(self.full(folder), detail=False, refresh=True)
                if not self.is_local
                else self.fs.ls(self.full(folder), detail=False)
            )
        except FileNotFoundError:
            return []
        return sorted(posixpath.basename(path.rstrip("/")) for path in found)

    @contextmanager
    def put(self, path: str) -> Iterator[Hashing]:
        """Write one file: it is there whole when the block ends well, and not at all otherwise. `.file(path, rows)` describes it."""
        target = self.full(path)
        failpoint("before_put")
        try:
            if self.is_local:
                temporary = f"{target}.{uuid.uuid4().hex[:12]}.tmp"
                os.makedirs(os.path.dirname(target), exist_ok=True)
                try:
                    with open(temporary, "wb") as sink:
                        hashing = Hashing(sink)
                        yield hashing
                        sink.flush()
                        os.fsync(sink.fileno())
                    failpoint("before_rename")
                    os.replace(temporary, target)
                except BaseException:
                    if os.path.exists(temporary):
                        os.unlink(temporary)
                    raise
            else:
                with self.fs.open(target, "wb") as sink:
                    yield Hashing(sink)
        except PermissionError as error:
            raise StoreError(
                f"output {self.root}: expected a writable location, got {error.strerror or error}; choose another --output"
            ) from error
        except OSError as error:
            if error.errno in (28, 122):  # ENOSPC, EDQUOT
                raise StoreError(
                    f"output {self.root}: expected free space for {path}, got '{error.strerror}'; free some and run again, finished tasks are kept"
                ) from error
            if error.errno in (17, 20, 30):  # EEXIST (a file where a folder should be), ENOTDIR, EROFS
                raise StoreError(
                    f"output {self.root}: expected a writable location, got '{error.strerror}'; choose another --output"
                ) from error
            raise
        failpoint("after_put")

    def write(self, path: str, data: bytes) -> File:
        """Put bytes."""
        with self.put(path) as sink:
            sink.write(data)
        return sink.file(path, 0)

    def write_json(self, path: str, value: Any) -> File:
        """Put JSON with sorted keys, two spaces of indent and a final newline."""
        return self.write(path, (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode())

    def read_json(self, path: str) -> Any:
        return json.loads(self.read(path))

    def copy(self, source: str, target: str) -> None:
        """Give a file a second name: a hard link where local, else a copy on the store's side. An equal target is left alone."""
        if self.is_local:
            a, b = self.full(source), self.full(target)
            if os.path.exists(b) and os.path.samefile(a, b):
                return
            os.makedirs(os.path.dirname(b), exist_ok=True)
            temporary = f"{b}.{uuid.uuid4().hex[:12]}.tmp"
            try:
                os.link(a, temporary)
            except OSError:
                import shutil

                shutil.copyfile(a, temporary)
            os.replace(temporary, b)
        else:
            self.fs.copy(self.full(source), self.full(target))

    def remove(self, path: str) -> None:
        """Delete a file or folder; nothing happens if it is not there."""
        with suppress(FileNotFoundError):
            self.fs.rm(self.full(path), recursive=True)


LEASE = "lease.json"
STALE_SECONDS = 600


@contextmanager
def lease(store: Store) -> Iterator[None]:
    """Be the only driver of an output folder. A lease of a dead process on this host, or one not renewed for ten minutes, is taken over."""
    import socket

    mine = {"host": socket.gethostname(), "pid": os.getpid(), "token": uuid.uuid4().hex}
    held = store.read_json(LEASE) if store.exists(LEASE) else None
    if held and _alive(held):
        raise StoreError(
            f"output {store.root}: expected no other run in it, got one of process {held['pid']} on {held['host']}; "
            f"wait for it, stop it, or choose another --output"
        )
    store.write_json(LEASE, mine | {"renewed": time.time()})
    try:
        yield
    finally:
        try:
            if store.read_json(LEASE).get("token") == mine["token"]:
                store.remove(LEASE)
        except (FileNotFoundError, ValueError):
            pass


def _alive(held: dict[str, Any]) -> bool:
    import socket

    if held.get("host") == socket.gethostname():
        try:
            os.kill(int(held["pid"]), 0)
        except (ProcessLookupError, ValueError):
            return False
        except PermissionError:
            return True
        return int(held["pid"]) != os.getpid()
    return time.time() - float(held.get("renewed", 0)) < STALE_SECONDS
