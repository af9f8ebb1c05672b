"""`curate why`: one document's whole story, from the rows that a run left of it.

A key is an id (32 hex digits) or a URL. Every row with it is told: a URL may have been fetched several times, and a record read twice left
one row for each reading. Only row groups whose Bloom filter may hold the key are read (curate/card/lookup.py).

Misses: the text is told as it was when its row was settled; earlier states are not kept.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from curate import suppress
from curate.card.folder import READ, Folder, RuleSaid, StepSaid, open_folder, written
from curate.card.lookup import Found, find
from curate.card.markdown import visible
from curate.differing import Differences
from curate.errors import RecipeError, SourceError
from curate.keepers import GONE, SEGMENTS, Keeper, cutting, keepers
from curate.schema import DOCUMENT, column
from curate.shards.locate import places
from curate.stage import DROP
from curate.store import Store

ID = re.compile(r"[0-9a-f]{32}")
EXCERPT_CHARS = 500
VALUE_CHARS = 300
MAX_SEGMENTS = 20
"""Segments of a document that was cut that are told."""
ERROR = "error"
STORY_COLUMNS = frozenset([*DOCUMENT.names, "removed_by", "value", "threshold"])


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One measure of a step and the rules over it, as `reason if measure < limit`."""

    name: str
    value: Any
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StepStory:
    """What one step made of the document."""

    step: str
    uses: str
    state: str
    """passed, removed it, error, not reached, not for this source, or measured after it had left."""
    measures: tuple[Measure, ...]
    drop: str | None = None
    """The reason that the step gave, its own or one that came too late."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A row of the token shards."""

    shard: str
    row: int


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One row of the run."""

    outcome: str
    """kept, removed or error."""
    removed_by: str | None
    value: str | None
    threshold: str | None
    id: str
    source: str | None
    url: str | None
    domain: str | None
    fetched_at: str | None
    origin: Mapping[str, Any]
    payload_digest: str | None
    headers: tuple[tuple[str, str], ...]
    carried: Mapping[str, Any]
    """Columns of the source's own, named in the recipe's `fields`."""
    steps: tuple[StepStory, ...]
    keepers: tuple[Keeper, ...]
    """The duplicate's keeper first; then that one's keeper, if it was removed as a duplicate itself."""
    shards: tuple[Place, ...]
    file: str
    """Parquet file that holds the row, and its number there."""
    row: int
    text_bytes: int | None
    excerpt: str | None
    """The first 500 characters of the text."""


@dataclass(frozen=True, kw_only=True)
class Story:
    """All rows of a run with one id or URL."""

    run: str
    key: str
    num_documents: int
    num_removed: int
    hits: tuple[Hit, ...]
    num_segments: int = 0
    """Where the key names a document that was cut: how many segments of it there are, of which the first are told."""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def story(store: Store, key: str) -> Story:
    """The story of an id or a URL in a finished run. SourceError where no row has it; StoreError, LedgerError for an unreadable run."""
    folder = open_folder(store)
    name, value = _asked(key)
    hits = tuple(
        hit(folder, found, keepers(folder, found.columns))
        for rows in (folder.documents, folder.removed)
        for found in find(rows, name, value)
    )
    segments: list[Found] = []
    if not hits and name == "id":
        segments = [found for step in cutting(folder) for rows in (folder.documents, folder.removed) for found in find(rows, step, value)]
        hits = tuple(hit(folder, found, keepers(folder, found.columns)) for found in segments[:MAX_SEGMENTS])
    if not hits:
        raise SourceError(_unknown(folder, name, key))
    totals = {"num_documents": folder.documents.num_rows, "num_removed": folder.removed.num_rows}
    return Story(run=store.root, key=key, hits=hits, num_segments=len(segments), **totals)


def _asked(key: str) -> tuple[str, bytes | str]:
    """The column to look in and the value to look for."""
    bare = key.strip().lower()
    if ID.fullmatch(bare):
        return "id", bytes.fromhex(bare)
    if not key.strip():
        raise SourceError(f"why: expected a URL or 32 hex digits, got {key!r}; copy the id from documents/ or removed/")
    return "url", key


def _unknown(folder: Folder, name: str, key: str) -> str:
    """No row has it: what was searched, and the nearest thing that is there."""
    searched = f"{folder.documents.num_rows:,} documents and {folder.removed.num_rows:,} removed were searched"
    said = f"run {folder.store.root}: expected a document with {'id' if name == 'id' else 'URL'} {key}, got none; {searched}"
    if _suppressed(folder.store, key):
        return f"{said}; it was forgotten on request, and the run's suppression list keeps it out"
    if name == "id":
        return said
    if re.fullmatch(r"[0-9a-fA-F-]{8,40}", key):
        return f"{said} for it as a URL; an id has 32 hex digits"
    near = next(
        (url for url in variants(key) if any(next(find(rows, "url", url), None) for rows in (folder.documents, folder.removed))), None
    )
    return f"{said}; did you mean {near}?" if near else f"{said}; URLs are compared as fetched, letter by letter"


def _suppressed(store: Store, key: str) -> bool:
    """Whether the run's list of what was forgotten has the URL or id."""
    if not store.exists(suppress.LIST):
        return False
    try:
        known = suppress.opened(f"{store.root.rstrip('/')}/{suppress.LIST}")
    except RecipeError:
        return False
    identity = bytes.fromhex(key.strip()) if ID.fullmatch(key.strip().lower()) else b""
    return known.record(identity, key, None) is not None


def variants(url: str) -> list[str]:
    """The ways in which people write one address: scheme, www., slash at the end, fragment."""
    bare = re.sub(r"#.*$", "", url.strip())
    rest = re.sub(r"^[a-zA-Z][a-zA-Z0-9+.-]*://", "", bare)
    rest = re.sub(r"^www\.", "", rest, flags=re.IGNORECASE)
    host, slash, path = rest.partition("/")
    hosts = dict.fromkeys((host, host.lower()))
    ends = dict.fromkeys((slash + path, (slash + path).rstrip("/"), (slash + path).rstrip("/") + "/"))
    found = [
        f"{scheme}{www}{name}{end}" for scheme in ("https://", "http://", "") for www in ("", "www.") for name in hosts for end in ends
    ]
    return [one for one in found if one != url]


def hit(folder: Folder, found: Found, stands: Sequence[Keeper]) -> Hit:
    """What is told of one row; `stands`: who stands for it."""
    row = found.columns
    removed_by = row.get("removed_by")
    text = row.get("text")
    return Hit(
        outcome="kept" if removed_by is None else ERROR if removed_by.endswith(f":{ERROR}") else "removed",
        removed_by=removed_by,
        value=row.get("value"),
        threshold=row.get("threshold"),
        id=row["id"].hex(),
        source=row["source"],
        url=row["url"],
        domain=row["domain"],
        fetched_at=plain(row["fetched_at"]),
        origin=plain(row["origin"]),
        payload_digest=row["payload_digest"],
        headers=tuple((one["name"], one["value"]) for one in row["headers"] or ()),
        carried={name: plain(value) for name, value in row.items() if name not in STORY_COLUMNS and "__" not in name},
        steps=tuple(_step(folder, step, row) for step in folder.steps),
        keepers=tuple(stands),
        shards=tuple(Place(shard=path, row=at) for path, at in places(folder.store, row["id"])) if removed_by is None else (),
        file=found.file.path,
        row=found.row,
        text_bytes=None if text is None else len(text.encode()),
        excerpt=None if text is None else text[:EXCERPT_CHARS],
    )


def plain(value: Any) -> Any:
    """JSON values: ids in hex, times in ISO 8601."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def _step(folder: Folder, step: StepSaid, row: Mapping[str, Any]) -> StepStory:
    prefix = column(step.name, "")
    measured = {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}
    drop = measured.pop(DROP, None)
    return StepStory(
        step=step.name,
        uses=step.uses,
        state=_state(folder, step, row, any(value is not None for value in measured.values())),
        measures=tuple(Measure(name=name, value=plain(value), rules=_rules(step, name)) for name, value in measured.items()),
        drop=drop,
    )


def _rules(step: StepSaid, measure: str) -> tuple[str, ...]:
    return tuple(_said(rule) for rule in step.rules if rule.measure == measure)


def _said(rule: RuleSaid) -> str:
    said = f"{rule.reason} if {rule.operator} {written(rule.limit)}" if rule.limit is not None else f"{rule.reason} is off"
    return said + (f" (by language in {rule.others})" if rule.others else "")


def _state(folder: Folder, step: StepSaid, row: Mapping[str, Any], measured: bool) -> str:
    """What happened at a step, from where the row left."""
    left_at, _, reason = (row.get("removed_by") or "").partition(":")
    if left_at == step.name:
        return ERROR if reason == ERROR else "removed it"
    if step.only is not None and row["source"] not in step.only:
        return "not for this source"
    names = [one.name for one in folder.steps]
    gone = (left_at == READ and not measured) or (left_at in names and names.index(left_at) < names.index(step.name))
    if not gone:
        return "passed"
    return "measured after it had left" if folder.measures_all and measured else "not reached"


# ---------------------------------------------------------------- for a terminal

_STYLES = {"kept": "bold green", "removed": "bold red", ERROR: "bold magenta", "removed it": "red"}


def render(told: Story) -> RenderableType:
    """The story for a terminal. Text of the crawl is never markup, and its control characters are written out."""
    searched = f"{told.num_documents:,} documents and {told.num_removed:,} removed were searched"
    if told.num_segments:
        searched = f"cut into segments, of which {told.num_segments:,} are there"
    head = Text(f"{shown(told.key)} in {told.run}: {len(told.hits)} row{'s' if len(told.hits) != 1 else ''} ({searched})")
    return Group(head, *(_block(hit) for hit in told.hits))


def _block(hit: Hit) -> Text:
    text = Text("\n")
    text.append(hit.outcome, style=_STYLES[hit.outcome])
    if hit.removed_by is not None:
        text.append(f" by {shown(hit.removed_by)}")
        text.append(f", value {shown(hit.value)}" if hit.value is not None else "")
        text.append(f", threshold {shown(hit.threshold)}" if hit.threshold is not None else "")
    text.append("\n")
    _lines(text, _origin(hit))
    for keeper in hit.keepers:
        alike = f", similarity {keeper.similarity}" if keeper.similarity is not None else ""
        outcome = keeper.outcome if keeper.outcome in ("kept", SEGMENTS, *GONE) else f"removed by {keeper.outcome}"
        outcome += f" in run {keeper.run}" if keeper.run else ""
        _lines(text, [("keeper", f"{keeper.id} {shown(keeper.url)}, {shown(outcome)}{alike} ({keeper.step})")])
        _differences(text, keeper.differences)
    _steps(text, hit.steps)
    _lines(text, [("shard", f"{place.shard} row {place.row}") for place in hit.shards])
    _lines(text, [("row", f"{hit.file} row {hit.row}")])
    if hit.excerpt is not None:
        more = "" if len(hit.excerpt) < EXCERPT_CHARS else f", the first {EXCERPT_CHARS} characters"
        _lines(text, [("text", f"{hit.text_bytes:,} bytes{more}")])
        for line in visible(hit.excerpt, keep="\n\t").expandtabs(4).split("\n"):
            text.append(f"    │ {line}\n", style="dim")
    return text


def _differences(text: Text, apart: Differences | None) -> None:
    """The passages that only the duplicate (-) or only its keeper (+) has."""
    if apart is None or not apart.passages:
        return
    more = f", the first {len(apart.passages)}" if apart.num_passages > len(apart.passages) else ""
    text.append(f"    {apart.num_passages} passage{'s differ' if apart.num_passages > 1 else ' differs'}{more}\n", style="dim")
    for one in apart.passages:
        text.append(f"      … {shown(one.before)}\n", style="dim")
        if one.here:
            text.append(f"      - {shown(one.here)}\n", style="red")
        if one.there:
            text.append(f"      + {shown(one.there)}\n", style="green")


def _origin(hit: Hit) -> list[tuple[str, Any]]:
    """Where it came from, as (label, value)."""
    origin = hit.origin
    status = origin.get("http_status")
    place = f"{origin.get('container')} at {origin.get('offset')}, length {origin.get('length')}"
    return [
        ("id", hit.id),
        ("url", hit.url),
        ("domain", hit.domain),
        ("source", hit.source),
        ("container", place),
        ("record", origin.get("record_id")),
        ("answer", ", ".join(filter(None, (status and f"status {status}", origin.get("mime")))) or None),
        ("fetched", hit.fetched_at),
        ("digest", hit.payload_digest),
        *((f"header {shown(name)}", value) for name, value in hit.headers),
        *((name, value) for name, value in hit.carried.items()),
    ]


def _lines(text: Text, pairs: Sequence[tuple[str, Any]]) -> None:
    for label, value in pairs:
        text.append(f"  {label:<11} ", style="bold")
        text.append(f"{shown(value)}\n")


def _steps(text: Text, steps: Sequence[StepStory]) -> None:
    for step in steps:
        uses = f" ({step.uses})" if step.uses != step.step else ""
        text.append(f"  {step.step}{uses}: ", style="bold")
        late = (
            f", would have removed it as {shown(step.drop)}" if step.drop is not None and step.state == "measured after it had left" else ""
        )
        text.append(f"{step.state}{late}\n", style=_STYLES.get(step.state, ""))
        if step.state in ("not reached", "not for this source"):
            continue
        for measure in step.measures:
            for line, value in enumerate(_listed(measure.value)):
                label = measure.name if line == 0 else ""
                rules = f"    [{'; '.join(measure.rules)}]" if measure.rules and line == 0 else ""
                text.append(f"    {label:<24} {shown(value)}{shown(rules)}\n")


def _listed(value: Any) -> list[Any]:
    """A list of records one a line, such as the evidence of a licence; all else as one value."""
    return value if isinstance(value, list) and value and all(isinstance(one, dict) for one in value) else [value]


def shown(value: Any) -> str:
    """A value on one line of a terminal: control characters written out, long ones cut."""
    if value is None:
        return "–"
    if isinstance(value, Mapping):
        value = ", ".join(f"{name}={one}" for name, one in value.items() if one is not None)
    text = visible(str(value))
    return text if len(text) <= VALUE_CHARS else text[: VALUE_CHARS - 1] + "…"
