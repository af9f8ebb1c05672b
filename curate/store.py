"""Where a run's files lie: a folder, or any fsspec location. Every file is put once, whole or not at all.

Local files are written under a temporary name, synced and renamed. Object stores have no rename; a put there is atomic by itself, and
`create` uses if-none-match. Failpoints (CURATE_FAILPOINT=name or name:n) kill the process at the n-th time that a commit edge is passed; the
resume tests name every edge.
"""

import errno
import json
import os
import posixpath
import re
import socket
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO

import fsspec
from blake3 import blake3
from fsspec.implementations.local import LocalFileSystem

from curate.errors import StoreError

COPY_BYTES = 8 << 20
"""What is held of a file that is copied between two file systems."""
READ_BYTES = 8 << 20
"""What is asked of an object store at once, so that no request is for a few bytes."""
AT_ONCE = 64
"""Small objects that are read at the same time."""
_S3: dict[str, Any] = {
    "use_listings_cache": False,
    "config_kwargs": {"retries": {"mode": "standard", "max_attempts": 10}, "max_pool_connections": AT_ONCE},
}
_OPTIONS: dict[str, dict[str, Any]] = {"s3": _S3, "s3a": _S3, "gs": {"use_listings_cache": False}, "gcs": {"use_listings_cache": False}}


def options(uri: str) -> dict[str, Any]:
    """What the file system of a location is opened with: other processes write too, so listings are not remembered; failed requests are
    repeated with back-off."""
    return _OPTIONS.get(uri.partition("://")[0], {})


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


@dataclass(frozen=True, slots=True)
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
            fs, path = fsspec.core.url_to_fs(self.root, **options(self.root))
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

    def open(self, path: str, read_bytes: int = READ_BYTES) -> Any:
        """A seekable binary file to read: memory-mapped where local, else in blocks of `read_bytes`, of which it holds two."""
        if self.is_local:
            import pyarrow as pa

            return pa.memory_map(self.full(path), "r")
        return self.fs.open(self.full(path), "rb", block_size=read_bytes, cache_type="blockcache", cache_options={"maxblocks": 2})

    def read(self, path: str) -> bytes:
        with self.fs.open(self.full(path), "rb") as file:
            return file.read()

    def read_all(self, paths: Sequence[str]) -> Iterator[bytes]:
        """The bytes of many small files, in order; several at a time where each is a request."""
        if self.is_local or not paths:
            yield from map(self.read, paths)
            return
        for start in range(0, len(paths), 16 * AT_ONCE):
            wanted = [self.full(path) for path in paths[start : start + 16 * AT_ONCE]]
            found = self.fs.cat(wanted) if len(wanted) > 1 else {wanted[0]: self.fs.cat_file(wanted[0])}
            yield from (found[path] for path in wanted)

    def sizes(self, folder: str) -> dict[str, int]:
        """Path → bytes of every file below a folder, by listing: one request a thousand files, where `size` makes one a file."""
        try:
            found = self.fs.find(self.full(folder), detail=True)
        except FileNotFoundError:
            return {}
        start = len(self.full("")) + 1
        return {path[start:]: int(info["size"]) for path, info in found.items()}

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
                temporary = _temporary(target)
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
                with _whole(self.fs.open(target, "wb")) as sink:
                    yield Hashing(sink)
        except OSError as error:
            raise self._unwritable(path, error) from error
        failpoint("after_put")

    def _unwritable(self, path: str, error: OSError) -> Exception:
        """What a user can do about a failed write; the error itself where that is not known."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StoreError(
                f"output {self.root}: expected free space for {path}, got '{error.strerror}'; free some and run again, finished tasks are kept"
            )
        if error.errno in (errno.EACCES, errno.EPERM, errno.EEXIST, errno.ENOTDIR, errno.EROFS):
            return StoreError(f"output {self.root}: expected a writable location, got '{error.strerror}'; choose another --output")
        return error

    def write(self, path: str, data: bytes) -> File:
        """Put bytes."""
        with self.put(path) as sink:
            sink.write(data)
        return sink.file(path, 0)

    def write_json(self, path: str, value: Any) -> File:
        """Put JSON with sorted keys, two spaces of indent and a final newline."""
        return self.write(path, (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode())

    def create(self, path: str, data: bytes) -> bool:
        """Put a small file if none is there (if-none-match); False if one is."""
        target = self.full(path)
        try:
            if not self.is_local:
                self.fs.pipe_file(target, data, mode="create")
                return True
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if os.path.exists(target):
                return False
            with open(target, "xb") as sink:
                sink.write(data)
            return True
        except OSError as error:
            # an object store may call a refused precondition by any name (s3fs: EINVAL); what counts is that something is there
            if (isinstance(error, FileExistsError) or not self.is_local) and self.exists(path):
                return False
            raise self._unwritable(path, error) from error

    def read_json(self, path: str) -> Any:
        return json.loads(self.read(path))

    def copy(self, source: str, target: str) -> None:
        """Give a file a second name: a hard link where local, else a copy on the store's side. An equal target is left alone."""
        if self.is_local:
            a, b = self.full(source), self.full(target)
            if os.path.exists(b) and os.path.samefile(a, b):
                return
            os.makedirs(os.path.dirname(b), exist_ok=True)
            temporary = _temporary(b)
            try:
                os.link(a, temporary)
            except OSError:
                import shutil

                shutil.copyfile(a, temporary)
            os.replace(temporary, b)
        else:
            self.fs.copy(self.full(source), self.full(target))

    def copy_all(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Give files a second name; several at a time where each is a request that waits for the store to copy."""
        with ThreadPoolExecutor(1 if self.is_local else AT_ONCE // 4) as pool:
            for done in [pool.submit(self.copy, source, target) for source, target in pairs]:
                done.result()

    def copy_to(self, source: str, other: "Store", target: str) -> None:
        """Give a file a second name in another store: a hard link where both are local and on one disk, else its bytes are put there."""
        if self.is_local and other.is_local:
            with suppress(OSError):
                here = _temporary(other.full(target))
                os.makedirs(os.path.dirname(here), exist_ok=True)
                os.link(self.full(source), here)
                os.replace(here, other.full(target))
                return
        with self.fs.open(self.full(source), "rb") as file, other.put(target) as sink:
            while data := file.read(COPY_BYTES):
                sink.write(data)

    def remove(self, path: str) -> None:
        """Delete a file or folder; nothing happens if it is not there."""
        with suppress(FileNotFoundError):
            self.fs.rm(self.full(path), recursive=True)

    def remove_half_written(self) -> None:
        """Delete what killed processes left of files they were writing. Object stores show no such files."""
        for folder, _, names in os.walk(self.full("")) if self.is_local else ():
            for name in filter(HALF_WRITTEN.search, names):
                with suppress(FileNotFoundError):
                    os.unlink(os.path.join(folder, name))


@contextmanager
def _whole(sink: Any) -> Iterator[Any]:
    """An object that is written: closed, and so there, only if the block ends well. fsspec's own block would put what it has."""
    try:
        yield sink
    except BaseException:
        with suppress(Exception):
            sink.discard()
        sink.closed = True
        raise
    sink.close()


def _temporary(path: str) -> str:
    """A name beside a file for what is not whole yet; HALF_WRITTEN knows it again."""
    return f"{path}.{uuid.uuid4().hex[:12]}.tmp"


HALF_WRITTEN = re.compile(r"\.[0-9a-f]{12}\.tmp$")
LEASE = "lease.json"
STALE_SECONDS = 600
RENEW_SECONDS = 60


class Lease:
    """Being the only driver of an output folder. A lease of a dead process on this host, or one not renewed for ten minutes, is taken over.

    Who was taken for dead (a clock that jumped, a machine that slept) finds that out at the next renewal, and ends. Both would have written the same
    bytes; what is lost is work done twice.
    """

    def __init__(self, store: Store):
        self.store = store
        self.mine = {"host": socket.gethostname(), "pid": os.getpid(), "token": uuid.uuid4().hex}
        self.renewed = 0.0
        """By a clock that does not jump."""

    def __enter__(self) -> "Lease":
        held = self.store.read_json(LEASE) if self.store.exists(LEASE) else None
        if held:
            if alive(held):
                raise self._taken(held)
            self.store.remove(LEASE)
        if not self.store.create(LEASE, self._text()):
            raise self._taken(self.store.read_json(LEASE))
        self.renewed = time.monotonic()
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(FileNotFoundError, ValueError):
            if self.store.read_json(LEASE).get("token") == self.mine["token"]:
                self.store.remove(LEASE)

    def renew(self) -> None:
        """Say that this driver is alive; called as tasks end, looks and writes once a minute."""
        if time.monotonic() - self.renewed <= RENEW_SECONDS:
            return
        held = self.store.read_json(LEASE) if self.store.exists(LEASE) else None
        if held and held.get("token") != self.mine["token"]:
            raise self._taken(held)
        self.store.write(LEASE, self._text())
        self.renewed = time.monotonic()

    def _text(self) -> bytes:
        return json.dumps(self.mine | {"renewed": time.time()}).encode()

    def _taken(self, held: dict[str, Any]) -> StoreError:
        return StoreError(
            f"output {self.store.root}: expected no other run in it, got one of process {held['pid']} on {held['host']}; "
            f"wait for it, stop it, or choose another --output"
        )


def alive(held: dict[str, Any]) -> bool:
    if held.get("host") == socket.gethostname():
        try:
            os.kill(int(held["pid"]), 0)
        except (ProcessLookupError, ValueError):
            return False
        except PermissionError:
            return True
        return int(held["pid"]) != os.getpid()
    return time.time() - float(held.get("renewed", 0)) < STALE_SECONDS
