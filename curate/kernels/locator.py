"""Where the compiled form of a kernel lies: below CURATE_CACHE, else in the user's cache folder.

Numba's own cache does not see an edit in a function that was imported from another file, and a stale kernel would be a silent wrong answer. So the
folder of a file's kernels is named by the digest of all sources that its kernels can call. An edit compiles what it touches anew and nothing else;
checkouts and environments on one machine share what is equal.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from stat import S_ISDIR
from tempfile import TemporaryFile, gettempdir
from typing import Any, Self

try:
    import fcntl
except ImportError:  # no such locks on this system: kernels may be compiled more than once
    fcntl = None  # type: ignore[assignment]

HERE = Path(__file__).parent
IMPORTED = re.compile(r"^from curate\.kernels(?:\.(\w+))? import (\([^)]*\)|.*)$", re.MULTILINE)


def cache_folder() -> Path:
    """CURATE_CACHE, else `curate` in the platform's cache folder, else, where that cannot be written (a user of a container without a home), one of
    the user's own among the temporary files; in it, one folder a release of numba."""
    folder = _named_folder()
    return folder if _writable(folder) else _temporary() or folder


def _temporary() -> Path | None:
    """A folder for temporary files that nobody else can write, since what lies there is run."""
    if not hasattr(os, "getuid"):
        return None
    folder = Path(gettempdir()) / f"curate-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        state = folder.lstat()
    except OSError:
        return None
    own = S_ISDIR(state.st_mode) and state.st_uid == os.getuid() and not state.st_mode & 0o022
    return folder / f"kernels-{_release()}" if own else None


def _named_folder() -> Path:
    """Where kernels are to lie."""
    if given := os.environ.get("CURATE_CACHE"):
        base = Path(given).expanduser()
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "curate" / "Cache"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches" / "curate"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "curate"
    return base / f"kernels-{_release()}"


@cache
def _release() -> str:
    return version("numba")


def any_compiled() -> bool:
    """Whether a kernel was compiled on this machine, for this release of numba."""
    return next(cache_folder().glob("*/*.nbi"), None) is not None


@contextmanager
def first_of(work: str) -> Iterator[None]:
    """What runs kernels for the first time on a machine runs alone, so that they are compiled once and not in every process that waits for them.

    `work` names what is done with them (a phase of a run); processes that do the same wait while the first is at it.
    """
    done = cache_folder() / f"done-{sha256(f'{work} {_all_sources()}'.encode()).hexdigest()[:16]}"
    if done.exists() or fcntl is None or not _writable(cache_folder()):
        yield
        return
    with open(f"{done}.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # ends with the process, however that ends
        if done.exists():
            fcntl.flock(lock, fcntl.LOCK_UN)
        yield
        done.touch()


@cache
def _all_sources() -> str:
    """Digest of all kernel files."""
    digest = sha256()
    for file in sorted(HERE.glob("*.py")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def folder_of(name: str) -> Path:
    """The cache folder of the kernel file `name`, for the sources as this process found them."""
    return cache_folder() / f"{name}-{_digest(name)}"


@cache
def _digest(name: str) -> str:
    digest = sha256()
    for source in sorted(sources(name)):
        digest.update(source.encode() + (HERE / f"{source}.py").read_bytes())
    return digest.hexdigest()[:16]


def sources(name: str) -> frozenset[str]:
    """A kernel file and all kernel files that it imports, directly or through others."""
    found, new = set[str](), {name}
    while new:
        found |= new
        new = {imported for source in new for imported in imports(source)} - found
    return frozenset(found)


@cache
def imports(name: str) -> frozenset[str]:
    """The kernel files that a kernel file names in its imports."""
    found = set()
    for module, names in IMPORTED.findall((HERE / f"{name}.py").read_text()):
        if module:
            found.add(module)
        else:
            found |= {word for word in re.findall(r"(\w+)(?: as \w+)?", names) if (HERE / f"{word}.py").is_file()}
    return frozenset(found)


@lru_cache(maxsize=8)
def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


class OfSources:
    """What numba asks of a cache locator (`numba.config.CACHE_LOCATOR_CLASSES`), for functions of this folder."""

    def __init__(self, function: Any, name: str) -> None:
        self.line, self.path = function.__code__.co_firstlineno, folder_of(name)

    @classmethod
    def from_function(cls, function: Any, file: str) -> Self | None:
        """A locator for a function of this folder where the cache can be written; None leaves it to numba's own."""
        if Path(file).parent != HERE:
            return None
        return cls(function, Path(file).stem) if _writable(cache_folder()) else None

    def ensure_cache_path(self) -> None:
        """OSError where nothing can be written."""
        self.path.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=self.path).close()

    def get_cache_path(self) -> str:
        return str(self.path)

    def get_source_stamp(self) -> str:
        return self.path.name

    def get_disambiguator(self) -> str:
        return str(self.line)
