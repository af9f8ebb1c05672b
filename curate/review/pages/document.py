"""One document: its text with the evidence marked, and its whole story; and the beginning of a text, for lists."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from curate import why
from curate.card.html import Html, foreign, tag
from curate.card.lookup import Found
from curate.review import evidence, said, shell
from curate.review.ask import Ask, Data, MissingError, Page, part
from curate.review.pages import samples
from curate.review.shell import chip, verdict
from curate.schema import column

PAGE_CHARS = 20_000
LEAD_CHARS = 220
SHOWN = 2000
"""Characters of a measure that is a long list."""


def row_of(ask: Ask) -> list[int]:
    """Rows with the id of the path: one, or several where a record was read twice."""
    key = ask.params["id"].lower()
    found = ask.index.by_id(key) if why.ID.fullmatch(key) else []
    if not found:
        raise MissingError(f"document {key[:40]}: expected an id of this run, got none; look for it under /search")
    return found


def data(ask: Ask) -> Data:
    index = ask.index
    rows = row_of(ask)
    number = rows[min(ask.number("reading", 0, 0, len(rows) - 1), len(rows) - 1)]
    row = index.parts.row(number)
    if row is None:
        raise MissingError(f"document {index.hex(number)}: expected its file to be readable, got {next(iter(index.parts.damage.values()))}")
    text = row.pop("text")
    start = min(ask.number("from", 0, 0, 1 << 40), max(0, len(text or "") - 1))
    shown = (text or "")[start : start + PAGE_CHARS]
    marks = evidence.marks(index.folder, row, shown) if text else []
    part = index.parts.part_of(number)
    hit = why.hit(index.folder, Found(part.file, number - part.start, row | {"text": None, "raw": None}), ())
    return {
        "title": row["url"] or row["id"].hex(),
        "readings": len(rows),
        "said": said.about_document(ask, row["id"].hex(), said.rule_of(row)),
        "id": row["id"].hex(),
        "story": asdict(hit),
        "cluster": _cluster(ask, row),
        "text": shown if text is not None else None,
        "text_start": start,
        "text_chars": len(text or ""),
        "text_bytes": int(index.bytes[number]),
        "marks": [[mark.start, mark.end, mark.kind] for mark in marks],
        "bytes": int(index.bytes[number]),
        "removed_by": row.get("removed_by"),
        "overridden": row.get("overridden"),
        "value": row.get("value"),
        "threshold": row.get("threshold"),
        "measure": samples.measure(ask, row.get("removed_by")),
    }


def _cluster(ask: Ask, row: Data) -> int | None:
    """The cluster that it stands for, or that it left for."""
    step = (row.get("removed_by") or "").partition(":")[0]
    keeper = row.get(column(step, "keeper")) if step else None
    found = ask.index.query("select no from clusters where keeper_id = ? order by size desc limit 1", keeper or row["id"])
    return int(found[0]["no"]) if found else None


def body(found: Data, ask: Ask) -> Iterator[Html]:
    story = found["story"]
    domain = story["domain"]
    yield tag(
        "p",
        verdict(found["removed_by"] or "kept"),
        samples.stays(found),
        chip(found["story"]["source"]),
        tag("a", foreign(domain), href=f"/domains/{part(domain)}", class_="chip") if domain else None,
        tag("a", "its duplicates", href=f"/duplicates/{found['cluster']}", class_="chip") if found["cluster"] is not None else None,
        chip(f"{found['text_bytes']:,} bytes"),
    )
    yield samples.reading(found) or Html("")
    if found["readings"] > 1:
        yield shell.notice(f"this record was read {found['readings']} times; this is the row that counts")
    marks = [evidence.Mark(start, end, kind) for start, end, kind in found["marks"]]
    yield said.label_form(ask, found, ask.path, found["said"])
    yield from _text(found, marks, ask)
    yield said.comments(ask, "document", found["id"])
    yield tag("section", tag("h2", "Its way through the steps"), *_steps(story), class_="panel")
    yield tag("section", tag("h2", "Where it comes from"), _origin(story), class_="panel")


def _text(found: Data, marks: list[evidence.Mark], ask: Ask) -> Iterator[Html]:
    yield evidence.legend(marks) or Html("")
    yield evidence.block(found["text"], marks)
    end = found["text_start"] + len(found["text"] or "")
    if found["text_chars"] > PAGE_CHARS:
        yield tag("p", f"Characters {found['text_start'] + 1:,} to {end:,} of {found['text_chars']:,}.", class_="dim")
        yield shell.pager(ask, found["text_start"], PAGE_CHARS, end < found["text_chars"], "from") or Html("")


def _steps(story: Data) -> Iterator[Html]:
    for step in story["steps"]:
        kind = {"removed it": "bad", "error": "bad", "passed": "good"}.get(step["state"], "")
        head = tag("summary", tag("b", step["step"]), " ", chip(step["state"], kind))
        rows = [
            tag(
                "tr",
                tag("th", one["name"], scope="row"),
                tag("td", _value(one["value"])),
                tag("td", tag("code", "; ".join(one["rules"])) if one["rules"] else None),
            )
            for one in step["measures"]
            if one["value"] is not None
        ]
        inner = tag("table", tag("tbody", *rows)) if rows else tag("p", "nothing measured", class_="dim")
        yield tag("details", head, tag("div", inner, class_="wide", tabindex="0"), open=kind == "bad")


def _value(value: Any) -> Html:
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        items = [tag("li", foreign(why.shown(one))) for one in value[:20]]
        return tag("ul", *items)
    text = str(value)
    return foreign(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")


def _origin(story: Data) -> Html:
    origin = story["origin"]
    rows = [
        ("id", story["id"]),
        ("URL", story["url"]),
        ("container", f"{origin.get('container')} at {origin.get('offset')}, length {origin.get('length')}"),
        ("answer", f"status {origin.get('http_status')}, {origin.get('mime')}"),
        ("fetched", story["fetched_at"]),
        ("digest", story["payload_digest"]),
        ("row", f"{story['file']} row {story['row']}"),
        *((f"header {name}", value) for name, value in story["headers"]),
        *((name, why.shown(value)) for name, value in story["carried"].items()),
        *(("shard", f"{place['shard']} row {place['row']}") for place in story["shards"]),
    ]
    made = [tag("tr", tag("th", name, scope="row"), tag("td", foreign(value))) for name, value in rows if value is not None]
    return tag("div", tag("table", tag("tbody", *made)), class_="wide", tabindex="0")


def lead(ask: Ask) -> Data:
    """The beginning of a text, or what stands around the words that were searched for."""
    number = row_of(ask)[0]
    words = ask.word("q").split()
    text = ask.index.text(number, 0, PAGE_CHARS if words else LEAD_CHARS) or ""
    lower = text.lower()
    places = [place for word in words if (place := lower.find(word.lower())) >= 0]
    start = max(0, min(places) - LEAD_CHARS // 3) if places else 0
    return {"lead": ("…" if start else "") + " ".join(text[start : start + LEAD_CHARS].split())}


PAGE = Page(path="/document/{id}", title="Document", data=data, body=body, post=said.take_document)
