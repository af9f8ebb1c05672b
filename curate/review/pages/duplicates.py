"""Duplicates: who stands for whom, and where two texts differ, side by side."""

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from curate.card.html import Html, figures, joined, tag
from curate.review import said, shell
from curate.review.ask import Ask, Data, MissingError, Page
from curate.review.pages.samples import first
from curate.review.shell import document_link, inert, verdict
from curate.schema import column

PER_PAGE = 25
MEMBERS = 10
DIFF_CHARS = 12_000
DIFF_WORDS = 2500
"""Of each text so much is aligned; Ratcliff and Metzener's algorithm is quadratic at worst."""
SAME_WORDS = 24
"""A longer stretch that both have is folded."""
EDGE_WORDS = 8


def listed(ask: Ask) -> Data:
    index, start = ask.index, ask.number("start", 0, 0, 1 << 30)
    step = ask.word("step")
    steps = index.cluster_steps
    where, values = ("where step = ?", [step]) if step in steps else ("", [])
    sql = f"select no, step, keeper, hex(keeper_id) as keeper_id, size, least from clusters {where} order by size desc, no limit ? offset ?"
    found = index.query(sql, *values, PER_PAGE + 1, start)
    told = {row["row"]: row for row in index.told([one["keeper"] for one in found if one["keeper"] is not None])}
    clusters = [one | {"keeper_id": one["keeper_id"].lower(), "keeper": told.get(one["keeper"])} for one in found[:PER_PAGE]]
    return {"clusters": clusters, "steps": steps, "step": step if step in steps else "", "start": start, "more": len(found) > PER_PAGE}


def list_body(found: Data, ask: Ask) -> Iterator[Html]:
    if not found["clusters"]:
        yield shell.notice("no document of this run left because another one stands for it")
        return
    yield tag(
        "form",
        shell.choice("Found by", "step", [("", "all steps"), *((name, name) for name in found["steps"])], found["step"]),
        tag("p", tag("button", "Show"), class_="field"),
        method="get",
        class_="bar",
        data_auto=True,
    )
    rows = [
        tag(
            "tr",
            tag("th", tag("a", _name(one), href=f"/duplicates/{one['no']}", data_open=True), scope="row"),
            tag("td", f"{one['size']:,}", class_="n"),
            tag("td", "–" if one["least"] is None else f"{one['least']:.3g}", class_="n"),
            tag("td", one["step"]),
            tag("td", verdict(one["keeper"]["reason"]) if one["keeper"] else tag("span", "of an earlier run", class_="dim")),
            data_item=True,
        )
        for one in found["clusters"]
    ]
    heads = [("Stands for the others", None), ("Documents", "n"), ("Least alike", "n"), ("Found by", None), ("Became", None)]
    head = tag("tr", *(tag("th", name, scope="col", class_=kind) for name, kind in heads))
    yield tag(
        "div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="wide", tabindex="0", role="region", aria_label="Clusters"
    )
    yield shell.pager(ask, found["start"], PER_PAGE, found["more"]) or Html("")


def _name(one: Data) -> Html:
    return shell.url(one["keeper"]["url"]) if one["keeper"] and one["keeper"]["url"] else tag("code", one["keeper_id"])


def data(ask: Ask) -> Data:
    index = ask.index
    number = ask.params["no"]
    sql = "select no, step, keeper, hex(keeper_id) as keeper_id, size, least, first from clusters where no = ?"
    found = index.query(sql, int(number)) if number.isdigit() else []
    if not found:
        raise MissingError(f"cluster {number}: expected a number of the list, got none with it; see /duplicates")
    one = found[0]
    start = ask.number("start", 0, 0, 1 << 30)
    low = one["first"] + start
    rows = [int(row) for row in index.members[low : min(low + MEMBERS, one["first"] + one["size"] - 1)]]
    alike = [float(value) for value in index.alike[low : low + len(rows)]]
    members = [
        row | {"similarity": None if value != value else round(value, 4)} for row, value in zip(index.told(rows), alike, strict=True)
    ]
    at = min(ask.number("with", 0, 0, MEMBERS), max(0, len(rows) - 1))
    keeper = index.told([one["keeper"]])[0] if one["keeper"] is not None else None
    sides = [_text(ask, row) for row in ((keeper or {}).get("row"), rows[at] if rows else None)]
    return {
        "title": "Duplicates side by side",
        "no": one["no"],
        "step": one["step"],
        "size": one["size"],
        "least": one["least"],
        "keeper_id": one["keeper_id"].lower(),
        "keeper": keeper,
        "members": members,
        "start": start,
        "with": at,
        "said": said.about_document(ask, members[at]["id"], said.rule_of(members[at])) if members else None,
        "more": start + MEMBERS < one["size"] - 1,
        "claims": [_claims(ask, row) for row in ((keeper or {}).get("row"), rows[at] if rows else None)],
        "passages": compared(sides[0], sides[1]) if sides[0] is not None and sides[1] is not None else None,
        "cut": any(side is not None and len(side) == DIFF_CHARS for side in sides),
    }


def _text(ask: Ask, row: int | None) -> str | None:
    return None if row is None else ask.index.text(row, 0, DIFF_CHARS)


def _claims(ask: Ask, row: int | None) -> Data | None:
    """What speaks for or against a member: its licence, language, time."""
    steps = ask.index.folder.using("license")
    held = None if row is None else ask.index.some(row, ["source", "fetched_at", *(column(step, "spdx") for step in steps)])
    if held is None:
        return None
    licence = first(held, steps, "spdx")
    return {
        "licence": licence,
        "fetched_at": (held["fetched_at"] or "")[:10] or None,
        "source": held["source"],
        "bytes": int(ask.index.bytes[row]),
    }


def compared(left: str, right: str) -> list[list[str]]:
    """[kind, left, right] in order; kinds: same, only (one or both have something of their own there), rest (not looked at)."""
    here, there = left.split(), right.split()
    a, b = here[:DIFF_WORDS], there[:DIFF_WORDS]
    found = []
    for kind, i, k, j, m in SequenceMatcher(None, a, b, autojunk=len(a) + len(b) > 2000).get_opcodes():
        found.append(["same" if kind == "equal" else "only", " ".join(a[i:k]), " ".join(b[j:m])])
    if here[DIFF_WORDS:] or there[DIFF_WORDS:]:
        found.append(["rest", f"{len(here) - len(a):,} words", f"{len(there) - len(b):,} words"])
    return found


def body(found: Data, ask: Ask) -> Iterator[Html]:
    least = "–" if found["least"] is None else f"{found['least']:.3g}"
    yield figures([("documents, with the one that stays", found["size"]), ("least alike", least), ("found by", found["step"])])
    if found["keeper"] is None:
        yield shell.notice(f"the keeper {found['keeper_id']} is a document of an earlier run, or its file is damaged")
    picks = [
        tag(
            "li",
            tag("a", f"{one['similarity']:g}" if one["similarity"] is not None else "equal", href=ask.link(**{"with": number})),
            " ",
            document_link(one),
            class_="on" if number == found["with"] else None,
            data_item=True,
        )
        for number, one in enumerate(found["members"])
    ]
    yield tag("details", tag("summary", "Members, most alike first"), tag("ul", *picks, class_="list"), open=len(picks) > 1)
    yield shell.pager(ask, found["start"], MEMBERS, found["more"]) or Html("")
    if found["members"]:
        member = found["members"][found["with"]]
        heads = [_side("stays", found["keeper"], found["claims"][0]), _side("left", member, found["claims"][1])]
        yield tag("div", *heads, class_="pair")
        yield _passages(found)
        yield said.label_form(ask, member, f"/document/{member['id']}", found["said"])
    yield said.comments(ask, "cluster", found["keeper_id"])


def _side(word: str, row: Data | None, claims: Data | None) -> Html:
    """Head of one side."""
    if row is None:
        return tag("div", shell.chip(word, "good"), tag("p", "not in this run", class_="dim"))
    facts = [("licence", (claims or {}).get("licence")), ("fetched", (claims or {}).get("fetched_at")), ("bytes", f"{row['bytes']:,}")]
    chip = shell.chip(word, "good" if word == "stays" else "bad")
    return tag("div", chip, " ", document_link(row), shell.tags([(name, value) for name, value in facts if value is not None]))


def _passages(found: Data) -> Html:
    if found["passages"] is None:
        return shell.notice("one of the two texts cannot be read")
    if all(kind == "same" for kind, _, _ in found["passages"]):
        yield_ = tag("p", "The words of both are the same.", class_="dim")
    else:
        apart = sum(kind == "only" for kind, _, _ in found["passages"])
        yield_ = tag("p", f"{apart:,} place{'s differ' if apart != 1 else ' differs'}; what both have is folded.", class_="dim")
    rows: list[Any] = []
    for kind, left, right in found["passages"]:
        if kind == "same":
            rows.append(tag("div", tag("div", _folded(left), dir="auto"), tag("div", _folded(right), dir="auto"), class_="pair same"))
        elif kind == "only":
            sides = [tag(name, inert(text)) if text else None for name, text in (("del", left), ("ins", right))]
            rows.append(tag("div", *(tag("div", side, dir="auto") for side in sides), class_="pair only"))
        else:
            rows.append(tag("div", tag("div", f"{left} not compared"), tag("div", f"{right} not compared"), class_="pair dim"))
    cut = tag("p", f"The first {DIFF_CHARS:,} characters of each are compared.", class_="dim") if found["cut"] else None
    return tag("section", yield_, *rows, cut, class_="diff", aria_label="The two texts")


def _folded(text: str) -> Html:
    words = text.split(" ")
    if len(words) <= SAME_WORDS:
        return inert(text)
    middle = tag("details", tag("summary", f"… {len(words) - 2 * EDGE_WORDS:,} words …"), inert(" ".join(words[EDGE_WORDS:-EDGE_WORDS])))
    return joined([inert(" ".join(words[:EDGE_WORDS])), middle, inert(" ".join(words[-EDGE_WORDS:]))])


LIST = Page(path="/duplicates", title="Duplicates", data=listed, body=list_body, menu="Duplicates", key="d")
PAGE = Page(path="/duplicates/{no}", title="Duplicates", data=data, body=body, post=said.take_comment)
