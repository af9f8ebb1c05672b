"""The document: which columns every row has, how its id is made, and how columns of stages are named.

column           type                         meaning
id               fixed_size_binary(16)        BLAKE3-128 of length-prefixed (source, native id or URL, fetch time, payload); the only id
source           string                       name of the input in the recipe
url              string                       as fetched; null where the source has none
domain           string                       registered domain by the bundled public suffix list
fetched_at       timestamp[us, UTC]           WARC-Date or the source's own field
origin           struct                       container (below the input's glob root), offset, length, record_id, http_status, mime
payload_digest   string                       `blake3:<hex>` of the payload as read
headers          list<struct<name, value>>    HTTP headers that carry rights, and content-language, last-modified, content-type
raw              large_binary                 payload bytes of markup, until `markup` has read them; null for text sources
text             large_string                 the text; null until `markup` made it where `raw` is set
"""

from datetime import datetime
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from blake3 import blake3

ORIGIN = pa.struct(
    [
        ("container", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("record_id", pa.string()),
        ("http_status", pa.int16()),
        ("mime", pa.string()),
    ]
)
HEADERS = pa.list_(pa.struct([("name", pa.string()), ("value", pa.string())]))
DOCUMENT = pa.schema(
    [
        pa.field("id", pa.binary(16), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("domain", pa.string()),
        pa.field("fetched_at", pa.timestamp("us", tz="UTC")),
        pa.field("origin", ORIGIN, nullable=False),
        pa.field("payload_digest", pa.string()),
        pa.field("headers", HEADERS),
        pa.field("raw", pa.large_binary()),
        pa.field("text", pa.large_string()),
    ]
)
RIGHTS_HEADERS = frozenset(
    ["link", "x-robots-tag", "content-usage", "content-signal", "content-language", "last-modified", "content-type", "license"]
)
"""Kept response headers, lower case; every name that starts with `tdm-` is kept too."""

ID_MODULUS = 1 << 128


def keeps_header(name: str) -> bool:
    """Whether a response header (any case) goes into the `headers` column."""
    lower = name.lower()
    return lower in RIGHTS_HEADERS or lower.startswith("tdm-")


def document_id(source: str, key: str, fetched_at: datetime | None, payload: bytes) -> bytes:
    """The 16-byte id: BLAKE3 over (source, native id or URL, fetch time in ISO 8601, payload), each prefixed by its length as u64 LE."""
    hasher = blake3()
    for part in (source.encode(), key.encode("utf-8", "surrogatepass"), fetched_at.isoformat().encode() if fetched_at else b"", payload):
        hasher.update(len(part).to_bytes(8, "little"))
        hasher.update(part)
    return hasher.digest(length=16)


def payload_digest(payload: bytes) -> str:
    """`blake3:<64 hex digits>` of the payload."""
    return "blake3:" + blake3(payload).hexdigest()


def id_words(ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Ids as an (n, 2) array of big-endian uint64 halves; comparing rows of it is comparing ids."""
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks()
        if isinstance(ids, pa.ChunkedArray):
            ids = pa.concat_arrays(ids.chunks) if ids.num_chunks else pa.array([], pa.binary(16))
    if len(ids) == 0:
        return np.empty((0, 2), dtype=np.uint64)
    data = np.frombuffer(ids.buffers()[1], dtype=np.uint8)[ids.offset * 16 : (ids.offset + len(ids)) * 16]
    return data.view(">u8").astype(np.uint64).reshape(-1, 2)


def id_sum(ids: pa.Array | pa.ChunkedArray) -> int:
    """Sum of all ids, read as big-endian integers, mod 2^128: a fingerprint of a set of rows that does not depend on order."""
    words = id_words(ids)
    total = 0
    for column, shift in ((words[:, 0], 64), (words[:, 1], 0)):
        # 32-bit halves cannot overflow a uint64 sum below 2^32 rows
        total += (int((column >> np.uint64(32)).sum()) << (shift + 32)) + (int((column & np.uint64(0xFFFFFFFF)).sum()) << shift)
    return total % ID_MODULUS


@lru_cache(maxsize=1)
def _extract():  # type: ignore[no-untyped-def]
    import tldextract

    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)  # the bundled list: nothing is fetched


@lru_cache(maxsize=65_536)
def registered_domain(host: str) -> str | None:
    """The registered domain of a host name or URL: `a.b.co.uk` → `b.co.uk`. None if there is no host.

    An unlisted top level counts as a suffix (the list's prevailing rule `*`): `a.b.test` → `b.test`. Addresses and single labels stand for themselves.
    """
    if not host:
        return None
    found = _extract().extract_str(host)
    if found.suffix or found.ipv4 or found.ipv6 or not found.subdomain:
        return (found.top_domain_under_public_suffix or found.domain or found.suffix).lower() or None
    return f"{found.subdomain.rpartition('.')[2]}.{found.domain}".lower()


def nameless(origin: pa.StructArray, hit: pa.Array) -> pa.StructArray:
    """Places in the input without the record's own id, which may be a person's, on the rows of a mask."""
    fields = list(origin.type)
    record = pa.array(pc.if_else(hit, None, origin.field("record_id")), pa.string())
    arrays = [record if field.name == "record_id" else origin.field(field.name) for field in fields]
    return pa.StructArray.from_arrays(arrays, fields=fields)


def column(step: str, measure: str) -> str:
    """The column name of a step's measure."""
    return f"{step}__{measure}"
