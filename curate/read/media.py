"""What images, PDFs and EPUBs of a crawl say of themselves: assertions about training, and licences. They are no documents; their evidence is a row of the
host table, of kind `media`, and what follows from it is a policy's business (`curate/consent/media.py`).

carrier  where                                                                 what
c2pa     JUMBF in APP11 segments of JPEG (ISO/IEC 19566-5), caBX chunks of PNG  assertions *.training-mining, digital source types of c2pa.actions
xmp      an XMP packet of any of them; in a PDF also where it is deflated       plus:DataMining, tdm:reservation, cc:license, xmpRights:WebStatement, …
opf      the package document of an EPUB 2 or 3                                 tdm:reservation, dc:rights, licence links

`text` of the row is a JSON list of {"carrier", "name", "value"}. A record without any such evidence is skipped as before (`response_mime`). Work is
bounded by the constants below and by the payload limit. Misses: extended XMP (beyond 64 KiB), XMP in UTF-16, encrypted PDFs, C2PA in PDF and in other
formats, manifests that lie elsewhere.
"""

import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from html import unescape
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from curate import schema
from curate.read import http, jumbf
from curate.read.encoding import utf8_safe

MAX_PACKETS = 4
MAX_XMP = 65_536
MAX_STORE = 1 << 20
MAX_SEGMENTS = 4096
MAX_ITEMS = 32
MAX_VALUE = 600
_NAMESPACES = {
    "http://ns.useplus.org/ldf/xmp/1.0/": ("plus", "DataMining|OtherConstraints"),
    "http://www.w3.org/ns/tdmrep/": ("tdm", "reservation|policy"),
    "http://www.w3.org/ns/tdmrep": ("tdm", "reservation|policy"),
    "http://www.w3.org/ns/tdmrep#": ("tdm", "reservation|policy"),
    "http://creativecommons.org/ns#": ("cc", "license"),
    "http://ns.adobe.com/xap/1.0/rights/": ("xmpRights", "WebStatement|UsageTerms|Marked"),
    "http://purl.org/dc/elements/1.1/": ("dc", "rights"),
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": ("Iptc4xmpExt", "DigitalSourceType"),
}
"""Namespace → the prefix that evidence is named by, and properties that are kept; a packet may bind any prefix."""
_BOUND = re.compile(r"xmlns:([\w.-]{1,40})\s*=\s*[\"']([^\"']{1,200})[\"']")
_TAG = re.compile(r"<[^<>]*>")
_RESOURCE = re.compile(r"rdf:resource\s*=\s*[\"']([^\"']*)[\"']")
Item = dict[str, Any]


def row(block: http.Block, url: str, limit: int) -> dict[str, Any] | None:
    """Columns of HOSTS for a response with a picture, a PDF or an EPUB that says something; None for all others."""
    message = http.parse(block)
    if message is None or not 200 <= message.status <= 299:
        return None
    mime = http.essence(http.field(message.headers, "content-type"))
    if not mime.startswith("image/") and mime not in ("application/pdf", "application/epub+zip"):
        return None
    try:
        body = bytes(http.content(message, limit))
        split = urlsplit(url)
        host, port = (split.hostname or "").rstrip(".") or None, split.port
    except (http.TooLargeError, ValueError):
        return None
    found = evidence(body)
    if not found:
        return None
    return {
        "kind": "media",
        "scheme": split.scheme.lower(),
        "host": host,
        "port": port,
        "url": utf8_safe(url),
        "location": None,
        "headers": [{"name": n, "value": utf8_safe(v)} for n, v in message.headers if schema.keeps_header(n)],
        "payload_digest": schema.payload_digest(body),
        "text": json.dumps(found, ensure_ascii=False, sort_keys=True),
        "status": message.status,
        "mime": mime,
        "payload": body,
    }


def evidence(body: bytes) -> list[Item]:
    """What the bytes say, told by their own first bytes and not by a declared type; each thing once, at most MAX_ITEMS."""
    found: list[Item] = []
    if body.startswith(b"PK"):
        found += _epub(body)
    else:
        store = _jpeg(body) if body.startswith(b"\xff\xd8") else _png(body, found) if body.startswith(b"\x89PNG\r\n\x1a\n") else b""
        found += [{"carrier": "c2pa", "name": label, "value": said} for label, said in _mining(store)]
        for packet in _packets(body):
            found += xmp(packet)
    unique = {json.dumps(one, sort_keys=True): one for one in found}
    return list(unique.values())[:MAX_ITEMS]


def _mining(store: bytes) -> Iterator[tuple[str, Any]]:
    """(label, what it says) of each assertion: uses by what they are of, or a digital source type."""
    for label, content in jumbf.assertions(store):
        if "training-mining" in label:
            entries = content.get("entries") if isinstance(content, dict) else None
            entries = entries if isinstance(entries, dict) else {}
            yield label, {name[:80]: str(one.get("use") if isinstance(one, dict) else one)[:80] for name, one in list(entries.items())[:16]}
            continue
        actions = content.get("actions") if isinstance(content, dict) else None
        for action in actions[:64] if isinstance(actions, list) else []:
            if isinstance(action, dict) and isinstance(kind := action.get("digitalSourceType"), str):
                yield "digitalSourceType", kind[:MAX_VALUE]


def _jpeg(body: bytes) -> bytes:
    """The JUMBF boxes of a JPEG: APP11 segments `JP`, box instance, sequence number; each after the first of a box repeats the box's head."""
    parts: dict[bytes, list[tuple[int, bytes]]] = {}
    at = 2
    for _ in range(MAX_SEGMENTS):
        if body[at : at + 1] != b"\xff" or at + 4 > len(body):
            break
        marker, size = body[at + 1], int.from_bytes(body[at + 2 : at + 4])
        if marker == 0xDA or size < 2:
            break
        held = body[at + 4 : at + 2 + size]
        if marker == 0xEB and held[:2] == b"JP" and len(held) >= 16:
            parts.setdefault(held[2:4], []).append((int.from_bytes(held[4:8]), held[8:]))
        at += 2 + size
    boxes = []
    for said in parts.values():
        ordered = [piece for _, piece in sorted(said)]
        head = 16 if ordered[0][:4] == b"\0\0\0\1" else 8
        boxes.append(b"".join([ordered[0], *(piece[head:] for piece in ordered[1:])]))
    return b"".join(boxes)[:MAX_STORE]


def _png(body: bytes, found: list[Item]) -> bytes:
    """The JUMBF boxes of a PNG; what a deflated XMP chunk says is added to `found`."""
    stores, at = [], 8
    for _ in range(MAX_SEGMENTS):
        size, kind = int.from_bytes(body[at : at + 4]), body[at + 4 : at + 8]
        held = body[at + 8 : at + 8 + size]
        if len(kind) < 4 or kind == b"IEND":
            break
        if kind == b"caBX":
            stores.append(held)
        elif kind == b"iTXt" and held.startswith(b"XML:com.adobe.xmp\0\1"):
            found += xmp(_inflated(held[20:].split(b"\0", 2)[-1]))
        at += 12 + size
    return b"".join(stores)[:MAX_STORE]


def _inflated(data: bytes) -> str:
    try:
        return zlib.decompressobj().decompress(data, MAX_XMP).decode("utf-8", "replace")
    except zlib.error:
        return ""


_DEFLATED = re.compile(rb"/Type\s{0,8}/Metadata[^>]{0,400}>>\s{0,8}stream\r?\n")


def _packets(body: bytes) -> Iterator[str]:
    """XMP packets as they lie in a file, and those that a PDF holds deflated."""
    at, count = 0, 0
    opening, closing = (b"<x:xmpmeta", b"</x:xmpmeta>") if b"<x:xmpmeta" in body else (b"<rdf:RDF", b"</rdf:RDF>")
    while count < MAX_PACKETS and (at := body.find(opening, at)) >= 0:
        end = body.find(closing, at, at + MAX_XMP)
        yield body[at : end if end >= 0 else at + MAX_XMP].decode("utf-8", "replace")
        at, count = (end if end >= 0 else at) + len(opening), count + 1
    if body.startswith(b"%PDF"):
        for number, stream in enumerate(_DEFLATED.finditer(body)):
            if number >= MAX_PACKETS:
                return
            if body[stream.end() : stream.end() + 1] != b"<":
                yield _inflated(body[stream.end() : stream.end() + MAX_STORE])


def xmp(packet: str) -> list[Item]:
    """The properties of a packet that speak of rights, under whatever prefix, as attributes or as elements."""
    found = []
    bound = {prefix: _NAMESPACES[uri] for prefix, uri in _BOUND.findall(packet) if uri in _NAMESPACES}
    for prefix, (name, properties) in sorted(bound.items())[:16]:
        start = re.compile(rf"(<|[\s\"']){re.escape(prefix)}:({properties})(?=[\s=/>])")
        for match in islice(start.finditer(packet), MAX_ITEMS):
            value = _element(packet, match.end(), f"{prefix}:{match[2]}") if match[1] == "<" else _attribute(packet, match.end())
            if value:
                found.append({"carrier": "xmp", "name": f"{name}:{match[2]}", "value": value})
    return found


def _attribute(packet: str, at: int) -> str:
    said = re.match(r"\s{0,8}=\s{0,8}(?:\"([^\"]*)\"|'([^']*)')", packet[at : at + 4096])
    return _bare(said[1] or said[2] or "") if said else ""


def _element(packet: str, at: int, name: str) -> str:
    close = packet.find(">", at, at + 4096)
    if close < 0:
        return ""
    if resource := _RESOURCE.search(packet[at:close]):
        return _bare(resource[1])
    end = packet.find(f"</{name}", close, close + 8192)
    return "" if packet[close - 1] == "/" or end < 0 else _bare(_TAG.sub(" ", packet[close + 1 : end]))


def _bare(text: str) -> str:
    return " ".join(unescape(text).split())[:MAX_VALUE]


_FULL_PATH = re.compile(r"full-path\s*=\s*[\"']([^\"']{1,400})[\"']")
_OPF = re.compile(r"<(?:\w{1,20}:)?(meta|link|rights)\b([^<>]{0,2000})>([^<]{0,2000})")
_ATTRIBUTES = re.compile(r"\b(property|name|content|rel|href)\s{0,8}=\s{0,8}[\"']([^\"']*)[\"']")
_PROPERTIES = frozenset(["tdm:reservation", "tdm:policy", "dcterms:license", "dcterms:rights", "cc:license", "license"])


def _epub(body: bytes) -> Iterator[Item]:
    """What the package document of an EPUB says (TDMRep §8 for EPUB 2 and 3, Dublin Core); nothing for any other ZIP file."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            path = _FULL_PATH.search(_read(packed, "META-INF/container.xml"))
            package = _read(packed, unescape(path[1])) if path else ""
    except (zipfile.BadZipFile, RuntimeError, KeyError, NotImplementedError, OSError, EOFError, ValueError, zlib.error):
        return
    for element, tag, content in _OPF.findall(package):
        said = dict(_ATTRIBUTES.findall(tag))
        named = [said.get("property", ""), said.get("name", "")] if element == "meta" else said.get("rel", "").split()
        name = "dc:rights" if element == "rights" else next((one for one in named if one in _PROPERTIES), None)
        value = _bare(said.get("href") or said.get("content") or content)
        if name and value:
            yield {"carrier": "opf", "name": name, "value": value}


def _read(packed: zipfile.ZipFile, name: str) -> str:
    with packed.open(name) as file:
        return file.read(MAX_STORE).decode("utf-8", "replace")
