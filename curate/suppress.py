"""The suppression list: what must not come in again, as keyed hashes that tell nobody what they stand for.

    forgotten/suppress.txt    `curate/suppress/1 <key's name>`, then one hash a line: 32 hex digits, sorted, each once
    forgotten/suppress.key    64 hex digits: the BLAKE3 key, readable by its owner only

A hash is BLAKE3 (keyed mode, O'Connor et al. 2020, §2.3) of kind, a zero byte and value, cut to 16 bytes; the kinds are

kind      value                                                     blocks
id        the document's id                                         the same record read again
url       the address without scheme, fragment and default port     the page fetched again, whatever it says now
host      a host name                                               every page of it and of the hosts below it
payload   `payload_digest`                                          the same bytes under another address
text      the text as it was kept, white space around it gone       the same text under another address

Without the key a list tells only how many entries it has; with it anybody can ask whether a value that they know is on it, so the key stays with
those who make runs. `curate forget` writes lists, `suppress: FILE` in a recipe reads them, the key beside them.
"""

import os
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import fsspec
import numpy as np
from blake3 import blake3

from curate.errors import RecipeError
from curate.schema import registered_domain

FORMAT = "curate/suppress/1"
STEP, TEXT_STEP = "suppress", "suppress_text"
"""The steps that a recipe's `suppress:` becomes: before all others, and before documents are compared."""
REASON = "suppressed"
LIST, KEY = "forgotten/suppress.txt", "forgotten/suppress.key"
"""Where a run keeps its own; it is read without being named whenever the run is made again."""
KINDS = ("id", "url", "host", "payload", "text")
HASH = re.compile(r"[0-9a-f]{32}")
KEY_FORM = re.compile(r"[0-9a-f]{64}")
PORTS = {"http": 80, "https": 443, "ftp": 21}


@dataclass(frozen=True)
class Hasher:
    """Hashes under one key."""

    key: bytes
    """32 bytes."""

    def of(self, kind: str, value: str | bytes) -> bytes:
        """16 bytes."""
        data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
        return blake3(kind.encode() + b"\0" + data, key=self.key).digest(length=16)

    @property
    def name(self) -> str:
        """Sixteen hex digits that name the key and do not tell it."""
        return self.of("key", b"").hex()[:16]

    def url(self, url: str) -> bytes | None:
        """The hash of an address; None for what has no host."""
        plain = plain_url(url)
        return None if plain is None else self.of("url", plain)

    def text(self, text: str) -> bytes | None:
        """The hash of a text; None for one of white space only."""
        stripped = text.strip()
        return self.of("text", stripped) if stripped else None


@dataclass(frozen=True)
class SuppressionList:
    """One list, ready to be asked."""

    hasher: Hasher
    hashes: frozenset[bytes]

    def record(self, identity: bytes, url: str | None, payload: str | None) -> str | None:
        """The kind of the first entry that blocks a record; None where none does."""
        if self.hasher.of("id", identity) in self.hashes:
            return "id"
        if url is not None:
            if self.hasher.url(url) in self.hashes:
                return "url"
            if any(self.hasher.of("host", host) in self.hashes for host in hosts(url)):
                return "host"
        if payload is not None and self.hasher.of("payload", payload) in self.hashes:
            return "payload"
        return None

    def text(self, text: str | None) -> str | None:
        """`text` where the list has it."""
        return "text" if text and self.hasher.text(text) in self.hashes else None


def plain_url(url: str) -> str | None:
    """Host, port if it is not the scheme's own, path and query: `HTTPS://A.example:443/x#y` → `a.example/x`. None without a host."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        return None
    place = host.rstrip(".") + (f":{port}" if port and port != PORTS.get(parts.scheme.lower()) else "")
    return place + (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def host_of(url: str) -> str | None:
    """The host of an address, lower case; None without one."""
    try:
        host = urlsplit(url.strip()).hostname
    except ValueError:
        return None
    return host.rstrip(".") if host else None


def hosts(url: str) -> list[str]:
    """The host of an address and those above it, down to the registered domain: `a.b.example.org` → itself, b.example.org, example.org."""
    host = host_of(url)
    if host is None:
        return []
    top = registered_domain(host) or host
    found = [host]
    while found[-1] != top and "." in found[-1] and found[-1].endswith(top):
        found.append(found[-1].partition(".")[2])
    return found


def key_path(path: str) -> str:
    """Where the key of a list lies: beside it, as `.key`."""
    return path[: len(path) - len(PurePosixPath(path).suffix)] + ".key" if PurePosixPath(path).suffix else path + ".key"


def read(path: str) -> bytes:
    """A file's bytes, anywhere fsspec reaches. RecipeError where there is none."""
    try:
        with fsspec.open(path, "rb") as file:
            return bytes(file.read())
    except OSError as error:
        raise RecipeError(f"suppress: expected a file, got {path} ({error}); `curate forget` writes a list and its key beside it") from None


def opened(path: str) -> SuppressionList:
    """A list with its key. RecipeError for what is none, or has another key."""
    hasher = key_of(read(key_path(path)), key_path(path))
    return SuppressionList(hasher, frozenset(decode(read(path), path, hasher)))


def key_of(data: bytes, where: str) -> Hasher:
    """The key that a file holds. RecipeError for what is none."""
    text = data.decode("ascii", "replace").strip()
    if not KEY_FORM.fullmatch(text):
        raise RecipeError(f"{where}: expected a key of 64 hex digits, got {len(text)} characters; restore it, a list is of no use without")
    return Hasher(bytes.fromhex(text))


def decode(data: bytes, where: str, hasher: Hasher) -> list[bytes]:
    """The hashes of a list. RecipeError with the line that is none."""
    lines = data.decode("ascii", "replace").splitlines()
    head = lines[0].split() if lines else []
    if head[:1] != [FORMAT] or len(head) != 2:
        raise RecipeError(f"{where}:1: expected `{FORMAT} <key's name>`, got {(lines or [''])[0][:60]!r}; write it with `curate forget`")
    if head[1] != hasher.name:
        raise RecipeError(f"{where}: expected the key {head[1]} beside it, got {hasher.name}; put the list's own key there")
    for number, line in enumerate(lines[1:], 2):
        if not HASH.fullmatch(line):
            raise RecipeError(f"{where}:{number}: expected a hash of 32 hex digits, got {line[:60]!r}; restore the list")
    return [bytes.fromhex(line) for line in lines[1:]]


def encode(hasher: Hasher, hashes: Iterable[bytes]) -> bytes:
    """The list: sorted, each hash once."""
    return "".join([f"{FORMAT} {hasher.name}\n", *(f"{one.hex()}\n" for one in sorted(set(hashes)))]).encode()


def new_key(path: str) -> Hasher:
    """A key of 32 random bytes, written for its owner alone; one that is there is taken."""
    if os.path.exists(path):
        return key_of(read(path), path)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    text = secrets.token_hex(32)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text + "\n")
    return Hasher(bytes.fromhex(text))


def first_kind(lists: Sequence[SuppressionList], ask: str, rows: Sequence[tuple]) -> np.ndarray:
    """object[n]: the kind of entry that blocks each row in any of the lists, or None. `ask`: record or text."""
    return np.array([next((kind for one in lists if (kind := getattr(one, ask)(*row))), None) for row in rows] or [], dtype=object)
