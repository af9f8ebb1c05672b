"""`sample:` — a small crawl that any machine can make of what is installed on it; the input of the shipped recipe.

Texts (`sample_texts.py`) as pages (`sample_html.py`) in FILES WARC/1.1 files, gzip with a member a record: `warcinfo`, a `response` for each
page, a `request` for some, a 301 and a robots.txt that refuses nobody for each host. Hosts are invented and end in `.sample.invalid`; licences and
texts are what the distributions say. Built once into a cache folder, named by what is installed: `CURATE_CACHE`, else the platform's. Two builds
on one machine give the same bytes: order, dates and record ids are computed, not taken from the clock. The folder is written
beside and renamed, so that a build that dies leaves nothing, and two at once do no harm. Price: parsing, once, 10 to 30 s.
Misses: scripts other than Latin are rare, and prose is that of programmers: it shows that a recipe works, not that it is good.
"""

import json
import os
import shutil
import sys
import tempfile
import uuid
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from curate.collector import uncollected
from curate.errors import SourceError
from curate.read import sample_html, sample_texts
from curate.read.sample_texts import Text

FORMAT = 2
"""Raise it with every change to what is written, so that old caches are not taken for new."""
FILES = 8
DATE = "2026-01-01T00:00:00Z"
_NAMESPACE = uuid.UUID("5f0f0a5e-3a0e-5b0a-9a53-5d1f6c9a4b11")
_NEIGHBOURS = 12


@dataclass(frozen=True, kw_only=True)
class SampleFile:
    """One built file; `etag` is a digest of its bytes."""

    uri: str
    container: str
    size: int
    etag: str


def files() -> list[SampleFile]:
    """The sample's files, built now if they are not in the cache; SourceError where the cache cannot be written."""
    folder = cache_folder() / f"sample-{_digest()}"
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        try:
            _build_beside(folder)
        except OSError as error:
            raise SourceError(
                f"input sample:: expected a cache folder that can be written, got {type(error).__name__} at {folder.parent}; "
                "set CURATE_CACHE"
            ) from error
    listed = json.loads(manifest.read_text())
    return [
        SampleFile(uri=str(folder / one["name"]), container=f"sample/{one['name']}", size=one["size"], etag=one["digest"])
        for one in listed["files"]
    ]


def cache_folder() -> Path:
    """CURATE_CACHE, else `curate` in the platform's cache folder."""
    if given := os.environ.get("CURATE_CACHE"):
        return Path(given).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "curate"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "curate" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "curate"


def _digest() -> str:
    """Names a cache: everything that the bytes depend on."""
    installed = [f"{d.metadata['Name']}=={d.metadata['Version']}" for d in sample_texts.requirements()]
    state = json.dumps([FORMAT, FILES, DATE, sys.version, zlib.ZLIB_RUNTIME_VERSION, installed])
    return blake3(state.encode()).hexdigest()[:16]


def _build_beside(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        with uncollected():  # syntax trees
            build(beside, sample_texts.texts(sample_texts.requirements()))
        try:
            beside.rename(folder)
        except OSError:
            if not (folder / "manifest.json").is_file():  # otherwise another process was first, with the same bytes
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def build(folder: Path, texts: Iterator[Text]) -> None:
    """Write the files and their manifest into an empty folder."""
    pages: dict[str, Text] = {}
    hosts: dict[str, list[Text]] = defaultdict(list)
    for text in texts:
        url = f"https://{sample_html.host(text.work)}/{text.path}"
        if url not in pages:
            pages[url] = text
            hosts[sample_html.host(text.work)].append(text)
    shares: list[list[bytes]] = [[_warcinfo(number)] for number in range(FILES)]
    for host, found in sorted(hosts.items()):
        shares[_share(host)] += [_redirect(host), _robots(host)]
        for place, text in enumerate(found):
            url = f"https://{host}/{text.path}"
            share = shares[_share(url)]
            first = max(0, min(place - _NEIGHBOURS // 2, len(found) - _NEIGHBOURS - 1))
            if _share(url, 16) == 0:
                share.append(_request(url, host, text.path))
            share.append(_response(url, sample_html.page(text, found[first : first + _NEIGHBOURS + 1]), text))
    listed = []
    for number, members in enumerate(shares):
        name = f"sample-{number:02}.warc.gz"
        data = b"".join(members)
        (folder / name).write_bytes(data)
        listed.append({"name": name, "size": len(data), "digest": blake3(data).hexdigest()})
    counted = {"pages": len(pages), "hosts": len(hosts), "date": DATE}
    (folder / "manifest.json").write_text(json.dumps({"files": listed, **counted}, indent=1) + "\n")


def _share(name: str, shares: int = FILES) -> int:
    return int.from_bytes(blake3(name.encode()).digest(length=4), "little") % shares


def _member(kind: str, url: str, content_type: str, content: bytes) -> bytes:
    """One WARC/1.1 record as a gzip member without a time in its header."""
    record_id = uuid.uuid5(_NAMESPACE, f"{kind} {url}")
    fields = [("WARC-Type", kind), ("WARC-Record-ID", f"<urn:uuid:{record_id}>"), ("WARC-Date", DATE)]
    if kind != "warcinfo":
        fields.append(("WARC-Target-URI", url))
    fields += [("Content-Type", content_type), ("Content-Length", str(len(content)))]
    head = "WARC/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(head.encode() + content + b"\r\n\r\n") + packer.flush()


def _warcinfo(number: int) -> bytes:
    words = (
        "software: curate sample\r\nformat: WARC File Format 1.1\r\ndescription: documentation of packages, as pages of invented hosts\r\n"
    )
    return _member("warcinfo", f"sample-{number:02}", "application/warc-fields", words.encode())


def _request(url: str, host: str, path: str) -> bytes:
    return _member(
        "request",
        url,
        "application/http; msgtype=request",
        f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: curate-sample\r\n\r\n".encode(),
    )


def _redirect(host: str) -> bytes:
    url = f"http://{host}/"
    head = f"HTTP/1.1 301 Moved Permanently\r\nLocation: https://{host}/\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"
    return _member("response", url, "application/http; msgtype=response", head.encode())


def _robots(host: str) -> bytes:
    body = "# The host is invented: its pages are documentation that is installed on this machine.\nUser-agent: *\nDisallow:\n"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    return _member("response", f"https://{host}/robots.txt", "application/http; msgtype=response", (head + body).encode())


def _response(url: str, page: str, text: Text) -> bytes:
    body = page.encode("utf-8", "replace")
    headers = [*sample_html.headers(text.work), ("Content-Length", str(len(body)))]
    head = "HTTP/1.1 200 OK\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
    return _member("response", url, "application/http; msgtype=response", head.encode() + body)
