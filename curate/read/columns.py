"""Plain pages of a slab of members as columns, with no Python object a field: what `Rows` makes one by one, for all at once.

The kernel `curate.kernels.warc_records` says where everything is; the columns are copies out of the slab. Ids and digests of all are made side by side.
Not here: records that need a closer look, which the reader reads one by one.
"""

from collections import Counter

import numpy as np
import pyarrow as pa
from blake3 import blake3

from curate import schema
from curate.kernels import warc_records as kernel
from curate.kernels.blake3 import digests
from curate.read.members import Slab
from curate.read.rows import Plain, host

_WORD, _ENDS = kernel.words(sorted(schema.RIGHTS_HEADERS))
LONG = 1 << 14
"""Pages with more bytes are hashed by the package, one by one: it is faster once it has enough of one page."""
_HEX = np.frombuffer(bytes(range(256)).hex().encode(), dtype="S2")


def plain(slab: Slab, source: str, container: str, limit: int) -> Plain:
    """The plain records of a slab; its content is written over where documents were."""
    data, starts = slab.content, slab.starts
    rows = np.zeros((len(starts) - 1, kernel.WIDTH), dtype=np.int64)
    kernel.records(data, starts, limit, _WORD, _ENDS, rows)
    kept = np.empty((np.count_nonzero(rows[:, kernel.WORD] == kernel.PAGE) * kernel.MAX_KEPT, 4), dtype=np.int64)
    used = kernel.responses(data, _WORD, _ENDS, rows, kept)
    words = rows[:, kernel.WORD]
    counts = np.bincount(words, minlength=kernel.SKIP + len(kernel.SKIPS))
    skipped = Counter({word: int(n) for word, n in zip(kernel.SKIPS, counts[kernel.SKIP :], strict=True) if n})
    pages = np.flatnonzero(words == kernel.PAGE)
    documents = _documents(slab, pages, rows[pages], kept[:used], source, container)
    view, spans = data.data, rows[pages][:, [kernel.BODY, kernel.BODY_END]].tolist()
    return Plain(documents, [view[start:end] for start, end in spans], skipped, pages, np.flatnonzero(words == kernel.LOOK))


def _documents(slab: Slab, pages: np.ndarray, rows: np.ndarray, kept: np.ndarray, source: str, container: str) -> pa.RecordBatch:
    data, count = slab.content, len(rows)
    url = _strings(data, rows[:, kernel.URL], rows[:, kernel.URL_END])
    columns: dict[str, pa.Array] = {
        "source": pa.repeat(pa.scalar(source, pa.string()), count),
        "url": url,
        "domain": _domains(_strings(data, rows[:, kernel.URL], rows[:, kernel.HOST_END])),
        "fetched_at": pa.array(rows[:, kernel.MICROS]).cast(pa.timestamp("us", tz="UTC")),
        "origin": _origins(slab, pages, rows, container),
        "headers": _headers(data, rows, kept),
        "raw": pa.nulls(count, pa.large_binary()),
        "text": pa.nulls(count, pa.large_string()),
    }
    columns["id"], columns["payload_digest"] = _hashes(data, rows, slab.starts[pages], source, columns)
    return pa.RecordBatch.from_arrays([columns[field.name] for field in schema.DOCUMENT], schema=schema.DOCUMENT)


def _strings(data: np.ndarray, at: np.ndarray, end: np.ndarray, valid: np.ndarray | None = None) -> pa.Array:
    offsets = np.zeros(len(at) + 1, dtype=np.int64)
    np.cumsum(end - at, out=offsets[1:])
    out = np.empty(offsets[-1], dtype=np.uint8)
    kernel.gather(data, at, end, offsets, out)
    nulls = None if valid is None else pa.array(valid).buffers()[1]
    return pa.StringArray.from_buffers(len(at), pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(out), nulls)


def _domains(authorities: pa.Array) -> pa.Array:
    """The registered domain of each, found once for each that there is."""
    known = authorities.dictionary_encode()
    domains = [schema.registered_domain(host(one)) for one in known.dictionary.to_pylist()]
    return pa.array(domains, pa.string()).take(known.indices)


def _origins(slab: Slab, pages: np.ndarray, rows: np.ndarray, container: str) -> pa.Array:
    at, end = rows[:, kernel.ID], rows[:, kernel.ID_END]
    columns = {
        "container": pa.repeat(pa.scalar(container, pa.string()), len(rows)),
        "offset": pa.array(slab.at[pages]),
        "length": pa.array(slab.at[pages + 1] - slab.at[pages]),
        "record_id": _strings(slab.content, at, end, at < end),
        "http_status": pa.array(rows[:, kernel.STATUS].astype(np.int16)),
        "mime": pa.array(kernel.MIMES, pa.string()).take(pa.array(rows[:, kernel.MIME])),
    }
    return pa.StructArray.from_arrays([columns[field.name] for field in schema.ORIGIN], fields=list(schema.ORIGIN))


def _headers(data: np.ndarray, rows: np.ndarray, kept: np.ndarray) -> pa.Array:
    offsets = np.zeros(len(rows) + 1, dtype=np.int32)
    np.cumsum(rows[:, kernel.KEPT], out=offsets[1:])
    pairs = [_strings(data, kept[:, 0], kept[:, 1]), _strings(data, kept[:, 2], kept[:, 3])]
    fields = [schema.HEADERS.value_type.field(name) for name in ("name", "value")]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.StructArray.from_arrays(pairs, fields=fields), type=schema.HEADERS)


def _hashes(data: np.ndarray, rows: np.ndarray, floor: np.ndarray, source: str, columns: dict[str, pa.Array]) -> tuple[pa.Array, pa.Array]:
    """(id, payload_digest), as `schema` makes them; writes over the heads of the records."""
    count, name = len(rows), source.encode()
    begins = np.empty(count, dtype=np.int64)
    kernel.write_keys(data, np.frombuffer(len(name).to_bytes(8, "little") + name, dtype=np.uint8), rows, floor, begins)
    short = np.flatnonzero(begins < 0)  # a source with a name longer than the heads
    body, end = rows[:, kernel.BODY], rows[:, kernel.BODY_END]
    pieces = np.stack([np.where(begins < 0, end, begins), end, body, end], axis=1)
    hashes = np.empty((2 * count, 8), dtype=np.uint32)
    long = np.flatnonzero(end - body > LONG)
    side_by_side = np.repeat(end - body <= LONG, 2)
    found = np.empty((np.count_nonzero(side_by_side), 8), dtype=np.uint32)
    digests(pieces.ravel(), data, 2 * np.flatnonzero(side_by_side), found)
    hashes[side_by_side] = found
    hashed, view = hashes.view(np.uint8).reshape(count, 64), data.data
    for row, (at, _, start, stop) in zip(long.tolist(), pieces[long].tolist(), strict=True):
        both = blake3(view[at:stop]).digest() + blake3(view[start:stop]).digest()
        hashed[row] = np.frombuffer(both, dtype=np.uint8)
    ids, written = np.ascontiguousarray(hashed[:, :16]), np.empty((count, 71), dtype=np.uint8)
    for row in short.tolist():
        url, when = (columns[column][row].as_py() for column in ("url", "fetched_at"))
        one = schema.document_id(source, url, when, data[body[row] : end[row]].tobytes())
        ids[row] = np.frombuffer(one, dtype=np.uint8)
    written[:, :7] = np.frombuffer(b"blake3:", dtype=np.uint8)
    written[:, 7:] = _HEX[hashed[:, 32:]].view(np.uint8).reshape(count, 64)
    ends = np.arange(count + 1, dtype=np.int32) * 71
    digest = pa.StringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(written))
    return pa.Array.from_buffers(pa.binary(16), count, [None, pa.py_buffer(ids)]), digest
