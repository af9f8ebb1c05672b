"""Consent of the host: what robots.txt, ai.txt and tdmrep.json say about each page, as they lie in the same archives or in a table that was made later.

The reader keeps such files in the run's host table (`hosts/`), with dates; this barrier brings them to the pages of their host. For the agents that
train (or, with `crawl_time`, the crawler alone), robots.txt counts with its added lines: Content-Usage, Content-Signal, License (RSL), DisallowAITraining.
Mechanisms and their precedence are those of `curate/consent/`; the same policies as `consent` resolve them, and any denial denies. With `page` the
verdict of that step is taken into account: TDMRep's header and meta supersede its file, and a permission of the page is one of the host. What the file said
when the page was fetched counts, and the newest there is.
No evidence is no permission: a page of a host whose robots.txt nobody ever asked for is `unseen`, and strict and eu_tdm hold it for a steward (who may
approve the host, with scope `consent`, or fetch its files into `observed`); `unknown` is one whose robots.txt, or the lack of it, was seen. What each policy
makes of both is in `curate/consent/policy.py`.
Misses: terms of use, RSL documents that no table holds (they license nothing), ai.txt and tdmrep.json that nobody archived.

Two rounds' worth of rows: one a page, with its address; one a file, with its text. Price: about 30 microseconds a page.

column   type          meaning
verdict  string        deny, unclear, allow; unknown where the host was asked and nothing is said, unseen where nobody asked it
basis    string        policy and version, mechanism, carrier, and the day of the file; without a signal `no signal robots.txt <day>`, `no host file`
                       or, for a document without an address, `no host`
signals  list<struct>  mechanism, carrier, value, says, observed of every signal of the host
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from pydantic import Field, field_validator, model_validator

from curate.arrow import one_chunk
from curate.barrier import Barrier, Round, keyed
from curate.consent import hosts, table
from curate.consent.hosts import Place, Seen
from curate.consent.policy import POLICIES, TRAINERS, UNKNOWN, UNSEEN, Signal, basis, kept, resolved
from curate.errors import RecipeError
from curate.schema import column
from curate.stage import DROP, HELD, THRESHOLD, VALUE
from curate.stage import Config as Base

SIGNALS = pa.list_(pa.struct([(name, pa.string()) for name in Signal._fields]))
Verdict = Literal["deny", "unclear", "allow", "unknown", "unseen"]
_DENY: list[Verdict] = ["deny"]
FILE, PAGE = 0, 1
"""Which of a host's rows come first."""


class Config(Base):
    """Which files, and which signals bind."""

    policy: Literal["strict", "eu_tdm", "crawl_time", "record_only"] = "strict"
    """strict: all mechanisms; what cannot be read waits, and so do pages whose host was never asked (`unseen`). eu_tdm: mechanisms with standing in
    the EU's exception; `unseen` waits, since who did not look cannot say that nothing is reserved. crawl_time: robots.txt for `agent` alone, as it was at
    the fetch; `unseen` stays, on the crawler's word that it was let in. record_only: nothing is denied, nothing waits."""
    page: str | None = None
    """Name of the `consent` step before this one; its verdict and signals are then resolved together with the host's."""
    observed: str | None = None
    """A table of host files that were fetched elsewhere or later (Parquet or JSON lines: kind, url, and where known observed_at, status, text); `hosts/`
    of another run is one. Kinds: robots, ai, tdmrep, rsl."""
    agent: str = "CCBot"
    """The crawler's own agent, for `crawl_time`."""
    agents: list[str] = Field(default=[])
    """Agents beyond the known ones that collect for training; what is closed to one of them is closed."""
    deny: list[Verdict] | None = Field(default=_DENY)
    """Verdicts that leave, as `opted_out`; add `unknown` and `unseen` to keep only what is allowed."""
    hold: list[Verdict] | Literal["by_policy"] | None = "by_policy"
    """Verdicts that wait for a steward, as `held_consent`. by_policy: strict holds `unclear` and `unseen`, eu_tdm `unseen`, the others nothing."""

    @model_validator(mode="after")
    def _by_policy(self) -> Self:
        if self.hold == "by_policy":
            object.__setattr__(self, "hold", sorted(POLICIES[self.policy].waits))
        return self

    @field_validator("observed")
    @classmethod
    def _whole(cls, path: str | None) -> str | None:
        if path is not None:
            try:
                table.read(path)
            except RecipeError as error:
                raise ValueError(str(error)) from None
        return path


def _models(config: Config) -> dict[str, str]:
    """sha256 of the table: another one is another task."""
    return {"observed": f"sha256:{table.digest(config.observed)}"} if config.observed else {}


_TIME = pa.timestamp("us", tz="UTC")
_PAYLOAD = pa.schema(
    [
        ("at", pa.uint64()),
        ("url", pa.string()),
        ("when", _TIME),
        ("page", pa.string()),
        ("kind", pa.string()),
        ("scheme", pa.string()),
        ("port", pa.int32()),
        ("status", pa.int32()),
        ("text", pa.large_string()),
    ]
)


def _key(host: str) -> int:
    return xxhash.xxh64_intdigest(host.encode("utf-8", "surrogatepass"))


def _rows(key: list[int], sub: int, ids: pa.Array, **columns: pa.Array) -> pa.Table:
    count = len(key)
    payload = {field.name: columns.get(field.name, pa.nulls(count, field.type)).cast(field.type) for field in _PAYLOAD}
    return keyed(np.array(key, dtype=np.uint64), np.full(count, sub, dtype=np.uint64), ids, **payload)


def _pages(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """A row for every page, at its host."""
    places = [hosts.place(url, None) for url in batch["url"].to_pylist()]
    keys = [_key(one.host if one else "") for one in places]
    page = None
    if config.page is not None:
        said = zip(batch[column(config.page, "verdict")].to_pylist(), batch[column(config.page, "signals")].to_pylist(), strict=True)
        page = pa.array([f"{verdict} {_tdm(signals)}" for verdict, signals in said], pa.string())
    more = {} if page is None else {"page": page}
    return _rows(keys, PAGE, one_chunk(batch["id"]), at=batch["at"], url=batch["url"], when=batch["fetched_at"], **more)


def _tdm(signals: list[dict[str, Any]] | None) -> str:
    """carrier:says of the last of the page's own reservations; `-` where it has none."""
    held = [one for one in signals or () if one["mechanism"] == "tdm" and one["says"] in ("deny", "allow")]
    return f"{held[-1]['carrier']}:{held[-1]['says']}" if held else "-"


def _files(batch: pa.RecordBatch, config: Config) -> pa.Table:
    """A row for every file of a host; what media say speaks of themselves, and is `media_consent`'s."""
    batch = batch.take(pc.indices_nonzero(pc.not_equal(batch["kind"], "media")))
    keys = [_key((host or "").lower()) for host in batch["host"].to_pylist()]
    status = pc.struct_field(batch["origin"], "http_status")
    more = {name: batch[name] for name in ("url", "kind", "scheme", "port", "text")}
    return _rows(keys, FILE, one_chunk(batch["id"]), when=batch["observed_at"], status=status, **more)


class Said(NamedTuple):
    """What is known of a page's host: its signals; and where they do not decide, the verdict and its basis."""

    signals: list[Signal]
    silent: str
    basis: str


class _Host:
    """The files of the host whose rows are walked."""

    def __init__(self, config: Config):
        self.policy = POLICIES[config.policy]
        self.agents = frozenset([config.agent.lower()]) if config.policy == "crawl_time" else TRAINERS | {a.lower() for a in config.agents}
        self.table = _table(config.observed, _models(config).get("observed", "")) if config.observed else table.NOTHING
        self.key: int | None = None
        self.seen: dict[str, set[Seen]] = {}

    def start(self, key: int) -> None:
        if key != self.key:
            self.key, self.seen = key, {}

    def file(self, row: Mapping[str, Any]) -> None:
        """Note a file; equal ones are noted once a day."""
        where = hosts.place(row["url"], row["when"])
        if where is not None:
            self.seen.setdefault(where.host, set()).add(
                Seen(row["kind"], row["when"], row["scheme"], row["port"], row["status"], row["text"], row["url"])
            )

    def said(self, page: Place | None) -> Said:
        """What the host says about a page."""
        if page is None:
            return Said([], UNSEEN, "no host")
        seen = [*self.seen.get(page.host, ()), *self.table.of(page.host)]
        signals = hosts.of_page(seen, page, self.agents, self.policy.later) if seen else []
        days = [one.observed for one in signals if one.carrier == "robots.txt" and one.observed]
        return Said(signals, UNKNOWN, f"no signal robots.txt {days[-1]}") if days else Said(signals, UNSEEN, "no host file")


@lru_cache(maxsize=4)
def _table(path: str, _digest: str) -> table.Table:
    return table.read(path)


def _judge(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """Verdicts, page by page, behind the files of the page's host."""
    host = _Host(config)
    for rows in tables:
        pages, told = [], []
        for number, row in enumerate(rows.drop_columns(["id"]).to_pylist()):
            host.start(row["key"])
            if row["sub"] == FILE:
                host.file(row)
                continue
            pages.append(number)
            told.append(_verdict(host.said(hosts.place(row["url"], row["when"])), row["page"], host, config))
        if pages:
            yield _told(rows.take(pa.array(pages)), told)


def _verdict(known: Said, said: str | None, host: _Host, config: Config) -> dict[str, Any]:
    """The row of one page; `said` is what its own step came to."""
    alone = [*known.signals]
    if said is not None:
        verdict, tdm = said.split(" ", 1)
        if ":" in tdm:
            carrier, says = tdm.split(":")
            alone.append(Signal("tdm", carrier, "of the page", says))
        alone.append(Signal("page", config.page or "", verdict, verdict))
    verdict, decided = resolved(alone, host.policy._replace(binds=host.policy.binds | {"page"} if host.policy.binds else host.policy.binds))
    verdict = known.silent if decided is None else verdict
    drop = "opted_out" if verdict in (config.deny or ()) else f"{HELD}consent" if verdict in (config.hold or ()) else None
    return {
        "verdict": verdict,
        "basis": basis(host.policy, decided, known.basis),
        "signals": kept(known.signals),
        DROP: drop,
        VALUE: None if drop is None else f"{decided.mechanism}: {decided.value}"[:300] if decided else f"{verdict}: {known.basis}",
        THRESHOLD: None if drop is None else host.policy.label,
    }


def _told(pages: pa.Table, told: list[dict[str, Any]]) -> pa.Table:
    columns = {name: pa.array([one[name] for one in told], dtype) for name, dtype in host_consent.adds.items()}
    return keyed(one_chunk(pages["at"]).to_numpy(), None, one_chunk(pages["id"]), **columns)


def _reads(config: Config) -> tuple[str, ...]:
    own = [column(config.page, name) for name in ("verdict", "signals")] if config.page else []
    return ("url", "fetched_at", *own)


def _rounds(config: Config) -> tuple[Round, ...]:
    return (Round(name="hosts", sketch=_pages, resolve=_judge),)


host_consent = Barrier(
    name="host_consent",
    version=4,
    config=Config,
    reads=_reads,
    rounds=_rounds,
    adds={DROP: pa.string(), VALUE: pa.string(), THRESHOLD: pa.string(), "verdict": pa.string(), "basis": pa.string(), "signals": SIGNALS},
    hosts=_files,
    models=_models,
    module=__name__,
)
