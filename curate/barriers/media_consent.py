"""Consent of media: what the images that pages show say about training, each of itself, as it lies in the same archives.

The reader keeps C2PA and CAWG training-mining assertions and IPTC's plus:DataMining of image records, with TDMRep's reservation, XMP licences and digital
source types, in the run's host table (`curate.read.media`). This barrier brings them to the pages' references (`media` of the step that read the markup),
wherever the image lies. The scope is that file: no document leaves for it and its text is not concerned; whoever trains on the images themselves has a
verdict and a basis for each. With `page`, a page's `noimageai` denies its images.
Misses: images that the archives do not hold (not listed; `num_unseen` counts them), signatures of manifests (not verified), manifests that lie elsewhere.

Two rounds: a row for each reference and each file, met by address; then the references of each document. Price: some microseconds a reference.

column      type          meaning
media       list<struct>  references with evidence: url (absolute), verdict (deny, unclear, allow, unknown), basis, signals as in `consent`, license (as
                          it is written) and license_in (the property that held it)
num_denied  int64         references that deny, or cannot be read
num_unseen  int64         references of which no archive says anything
"""

import json
from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import urldefrag, urljoin, urlsplit

import numpy as np
import pyarrow as pa
import xxhash
from pydantic import Field

from curate.arrow import one_chunk
from curate.barrier import Barrier, Round, keyed, whole_keys
from curate.consent import media
from curate.consent.policy import ALLOW, DENY, POLICIES, UNCLEAR, UNKNOWN, Policy, Signal, basis, kept, resolved
from curate.schema import column
from curate.stage import Config as Base

SIGNALS = pa.list_(pa.struct([(name, pa.string()) for name in Signal._fields]))
MEDIA = pa.list_(
    pa.struct(
        [
            *((name, pa.string()) for name in ("url", "verdict", "basis")),
            ("signals", SIGNALS),
            *((name, pa.string()) for name in ("license", "license_in")),
        ]
    )
)
FILE, REFERENCE = 0, 1
"""Which rows of an address come first."""
MAX_URL = 2048
MAX_SEEN = 8
"""Different observations of one file that count."""
_PAYLOAD = pa.schema([(name, pa.string()) for name in ("url", "said", "page")] + [("at", pa.uint64()), ("number", pa.int64())])


class Config(Base):
    """Where the references are, and which signals bind."""

    policy: Literal["strict", "eu_tdm", "crawl_time", "record_only"] = "strict"
    """strict and eu_tdm: C2PA and CAWG assertions, plus:DataMining, TDMRep, noimageai; strict also tells what cannot be read. crawl_time and
    record_only: nothing binds, all is recorded."""
    media: str = Field(default="markup", min_length=1)
    """Name of the step that read the markup; its column `media` holds the references."""
    page: str | None = None
    """Name of the `consent` step before this one; `noimageai` of a page then denies its images."""


def _key(url: str) -> int:
    return xxhash.xxh64_intdigest(url.encode("utf-8", "surrogatepass"))


def _address(page: str | None, url: str) -> str | None:
    """A reference as an absolute address; None for data in the page and for what is none."""
    try:
        whole = urldefrag(urljoin(page or "", url.strip())).url
        host = urlsplit(whole).hostname
    except ValueError:
        return None
    return whole if host and whole.startswith(("http://", "https://")) and len(whole) <= MAX_URL else None


def _rows(rows: list[dict[str, Any]], ids: pa.Array, sub: int) -> pa.Table:
    payload = {field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in _PAYLOAD}
    key = np.array([row["key"] for row in rows], dtype=np.uint64)
    return keyed(key, np.full(len(rows), sub, dtype=np.uint64), ids, **payload)


def _references(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """A row for every different address that a document refers to."""
    held = batch[column(config.media, "media")].to_pylist()
    said = batch[column(config.page, "signals")].to_pylist() if config.page else [None] * batch.num_rows
    at, rows, taken = batch["at"].to_pylist(), [], []
    for row, (page, references) in enumerate(zip(batch["url"].to_pylist(), held, strict=True)):
        denial = next((one["value"] for one in said[row] or () if one["mechanism"] == "noimageai"), None)
        addresses = dict.fromkeys(_address(page, one["url"] or "") for one in references or ())
        for number, url in enumerate(one for one in addresses if one):
            rows.append({"key": _key(url), "url": url, "page": denial, "at": at[row], "number": number})
            taken.append(row)
    return _rows(rows, one_chunk(batch["id"].take(pa.array(taken, pa.int64()))), REFERENCE)


def _files(batch: pa.RecordBatch, config: Config) -> pa.Table:
    """A row for every file that says something of itself."""
    rows, taken = [], []
    columns = (batch[name].to_pylist() for name in ("kind", "url", "text", "observed_at"))
    for row, (kind, url, text, when) in enumerate(zip(*columns, strict=True)):
        if kind == "media" and (address := _address(None, url or "")):
            day = when.date().isoformat() if when else "undated"
            rows.append({"key": _key(address), "url": address, "said": json.dumps([day, text])})
            taken.append(row)
    return _rows(rows, one_chunk(batch["id"].take(pa.array(taken, pa.int64()))), FILE)


def _meet(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """Every reference at its document, with what its file says."""
    key, seen = -1, dict[str, set[str]]()
    for table in tables:
        rows = []
        for number, row in enumerate(table.drop_columns(["id"]).to_pylist()):
            if row["key"] != key:
                key, seen = row["key"], {}
            if row["sub"] == FILE:
                held = seen.setdefault(row["url"], set())
                if len(held) < MAX_SEEN:
                    held.add(row["said"])
                continue
            told = json.dumps(sorted(seen.get(row["url"], ())))
            rows.append((number, row | {"key": row["at"], "said": told}))
        if rows:
            ids = one_chunk(table["id"].take(pa.array([number for number, _ in rows])))
            made = _rows([row for _, row in rows], ids, 0)
            yield made.set_column(1, "sub", pa.array([row["number"] for _, row in rows], pa.uint64()))


def _gather(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """One verdict a document: its references that have evidence, in the order of the page, and counts."""
    policy = POLICIES[config.policy]
    for table in whole_keys(tables):
        keys = one_chunk(table["key"]).to_numpy()
        first = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
        rows = table.drop_columns(["id"]).to_pylist()
        told = []
        for start, end in zip(first, [*first[1:], len(keys)], strict=True):
            judged = [_judged(row, policy) for row in rows[start:end]]
            listed = [one for one in judged if one is not None]
            denied = sum(one["verdict"] in (DENY, UNCLEAR) for one in listed)
            unseen = sum(json.loads(row["said"]) == [] for row in rows[start:end])
            told.append({"media": listed, "num_denied": denied, "num_unseen": unseen})
        columns = {name: pa.array([one.get(name) for one in told], dtype) for name, dtype in media_consent.adds.items()}
        yield keyed(keys[first], None, one_chunk(table["id"].take(pa.array(first))), **columns)


def _judged(row: dict[str, Any], policy: Policy) -> dict[str, Any] | None:
    """What one reference comes to; None where nothing is known of it."""
    observed = [(day, text) for day, text in map(json.loads, json.loads(row["said"]))]
    signals = [one for day, text in observed for one in media.signals(text, f"seen:{day}")]
    signals += [Signal("noimageai", "page", row["page"], DENY)] if row["page"] else []
    held = next((found for _, text in reversed(observed) if (found := media.licence(text))), (None, None))
    if not signals and held[0] is None:
        return None
    verdict, decided = resolved(signals, policy._replace(binds=policy.media))
    said = verdict if verdict in (DENY, UNCLEAR, ALLOW) else UNKNOWN
    reasons = {"basis": basis(policy, decided, "nothing about training"), "signals": kept(signals)}
    return {"url": row["url"], "verdict": said, **reasons, "license": held[1], "license_in": held[0]}


def _reads(config: Config) -> tuple[str, ...]:
    return ("url", column(config.media, "media"), *([column(config.page, "signals")] if config.page else []))


def _rounds(config: Config) -> tuple[Round, ...]:
    return (Round(name="references", sketch=_references, resolve=_meet), Round(name="documents", resolve=_gather))


media_consent = Barrier(
    name="media_consent",
    version=1,
    config=Config,
    reads=_reads,
    rounds=_rounds,
    adds={"media": MEDIA, "num_denied": pa.int64(), "num_unseen": pa.int64()},
    hosts=_files,
    module=__name__,
)
