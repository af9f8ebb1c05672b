"""Search: an id, a URL, a domain, or words."""

from collections.abc import Iterator

from curate.card.html import Html, foreign, tag
from curate.review import shell
from curate.review.ask import Ask, Data, Page, part
from curate.review.index import COUNTED, WORD
from curate.review.shell import chip
from curate.why import ID

PER_PAGE = 20
DOMAINS = 12


def data(ask: Ask) -> Data:
    index, asked = ask.index, ask.word("q")
    start = ask.number("start", 0, 0, 10_000)
    where = ask.word("in") if ask.word("in") in ("url", "text") else ""
    found: Data = {
        "q": asked,
        "in": where,
        "start": start,
        "documents": [],
        "domains": [],
        "hits": 0,
        "exact": None,
        "searched": index.meta["rows"],
    }
    if not asked:
        return found
    bare = asked.lower()
    exact = index.by_id(bare) if ID.fullmatch(bare) else index.by_url(asked)
    if exact and not where and not start:
        found["exact"] = "id" if ID.fullmatch(bare) else "url"
        found["documents"] = index.told(exact)
        return found
    if not start and not where:
        found["domains"] = domains(ask, bare, DOMAINS)
    rows, hits = index.search(asked, PER_PAGE, start, where)
    return found | {"documents": index.told(rows), "hits": hits, "words": WORD.findall(asked), "texts": index.meta["texts"]}


def domains(ask: Ask, asked: str, count: int) -> list[Data]:
    """Domains with the words in their name: those that begin so first, then those with most text."""
    columns = "code, name, kept, removed, bytes"
    end = asked + "\U0010ffff"
    found = ask.index.query(f"select {columns} from domains where name >= ? and name < ? order by bytes desc limit ?", asked, end, count)
    if len(found) < count and len(asked) >= 3:
        pattern = "%" + asked.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        codes = (
            "select rowid from domain_names where name like ? escape '\\' limit 500"
            if "%" in asked or "_" in asked
            else ("select rowid from domain_names where name like ? limit 500")
        )
        more = ask.index.query(f"select {columns} from domains where code in ({codes}) order by bytes desc limit ?", pattern, count)
        seen = {one["code"] for one in found}
        found += [one for one in more if one["code"] not in seen]
    return found[:count]


def body(found: Data, ask: Ask) -> Iterator[Html]:
    yield tag(
        "form",
        shell.field("Search", "q", found["q"], "search", autofocus=not found["q"], size=40),
        shell.choice("in", "in", [("", "everything"), ("text", "texts"), ("url", "addresses")], found["in"]),
        tag("p", tag("button", "Search"), class_="field"),
        method="get",
        action=ask.path,
        class_="bar",
    )
    if not found["q"]:
        yield tag(
            "p",
            f"An id of 32 hex digits, an address, a domain, or words that all stand in a document. {found['searched']:,} documents.",
            class_="dim",
        )
        return
    if found["domains"]:
        items = [
            tag(
                "li",
                tag("a", foreign(one["name"]), href=f"/domains/{part(one['name'])}"),
                tag("span", f"{one['kept']:,} kept, {one['removed']:,} removed"),
            )
            for one in found["domains"]
        ]
        yield tag("section", tag("h2", "Domains"), tag("ul", *items, class_="counts"), class_="panel")
    yield _head(found)
    query = f"?q={'+'.join(found.get('words', []))}"
    items = [shell.document_item(one, chip(shell.amount(one["bytes"])), query=query) for one in found["documents"]]
    yield tag("ul", *items, class_="list")
    hits = found["hits"]
    more = hits is not None and hits > found["start"] + PER_PAGE
    yield shell.pager(ask, found["start"], PER_PAGE, more) or Html("")


def _head(found: Data) -> Html:
    if found["exact"]:
        return tag("h2", f"With this {found['exact']}")
    if found["hits"] is None:
        return shell.notice("these words stand in so many documents that the search was stopped; add a rarer one", "warn")
    if not found.get("texts"):
        return shell.notice("texts were not put into the index (--no-text); ids, addresses and domains can be found")
    told = f"more than {COUNTED:,}" if found["hits"] >= COUNTED else f"{found['hits']:,}"
    return tag("h2", "Documents", tag("small", f" {told} with all of the words"))


PAGE = Page(path="/search", title="Search", data=data, body=body, menu="Search", key="f")
