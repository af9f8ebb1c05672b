"""Domains: how much of the corpus each holds, what it claims, and what a steward decided about it."""

from collections.abc import Iterator

from curate.card.html import Html, figures, foreign, tag
from curate.card.markdown import share
from curate.review import decide, said, shell
from curate.review.ask import Ask, Data, MissingError, Page, part
from curate.review.pages.search import domains as named
from curate.review.shell import amount
from curate.steward import DOMAIN_DECISIONS

PER_PAGE = 50
ROWS = 25
ORDERS = {"bytes": "most text kept", "removed": "most documents removed"}


def listed(ask: Ask) -> Data:
    index = ask.index
    order, start, asked = ask.word("order", "bytes"), ask.number("start", 0, 0, 1 << 30), ask.word("q").lower()
    order = order if order in ORDERS else "bytes"
    state = ask.word("state")
    columns = "code, name, kept, removed, bytes, licence, licensed, denied"
    decided = decide.domains_decided(ask)
    if asked:
        found = [index.query(f"select {columns} from domains where code = ?", one["code"])[0] for one in named(ask, asked, PER_PAGE)]
        more = False
    elif state in DOMAIN_DECISIONS:
        names = sorted(name for name, one in decided.items() if one["decision"] == state)[start : start + PER_PAGE + 1]
        found = [row for name in names for row in index.query(f"select {columns} from domains where name = ?", name)]
        more, found = len(names) > PER_PAGE, found[:PER_PAGE]
    else:
        skip = "where name not in (select value from json_each(?))" if state == "open" else "where ? is not null"
        sql = f"select {columns} from domains {skip} order by {order} desc, code limit ? offset ?"
        found = index.query(sql, decide.as_json(sorted(decided)) if state == "open" else "", PER_PAGE + 1, start)
        more, found = len(found) > PER_PAGE, found[:PER_PAGE]
    for one in found:
        one["decided"] = decided.get(one["name"])
    return {"domains": found, "order": order, "state": state, "q": asked, "start": start, "more": more, "covered": _covered(ask, decided)}


def _covered(ask: Ask, decided: dict[str, Data]) -> Data:
    """How much of the kept text stands under a decision, by decision."""
    whole = ask.index.totals
    found = ask.index.query("select name, bytes from domains where name in (select value from json_each(?))", decide.as_json(list(decided)))
    sums = dict.fromkeys(DOMAIN_DECISIONS, 0)
    for one in found:
        sums[decided[one["name"]]["decision"]] += one["bytes"]
    return {"bytes": whole["bytes"], "domains": whole["domains"], "decided": sums}


def list_body(found: Data, ask: Ask) -> Iterator[Html]:
    covered = found["covered"]
    done = sum(covered["decided"].values())
    said_ = ", ".join(f"{share(size, covered['bytes'])} {word}" for word, size in covered["decided"].items() if size)
    told = f"{covered['domains']:,} domains; decided: {share(done, covered['bytes'])} of the kept text" + (f" ({said_})" if said_ else "")
    yield tag("section", tag("p", told), shell.bar(done / covered["bytes"] if covered["bytes"] else 0, told), class_="panel")
    yield tag(
        "form",
        shell.field("Name", "q", found["q"], "search"),
        shell.choice("Order", "order", list(ORDERS.items()), found["order"]),
        shell.choice("State", "state", [("", "all"), ("open", "not decided"), *((one, one) for one in DOMAIN_DECISIONS)], found["state"]),
        tag("p", tag("button", "Show"), class_="field"),
        method="get",
        class_="bar",
        data_auto=True,
    )
    if not found["domains"]:
        yield shell.notice("no domain here")
        return
    rows = [_row(one, ask) for one in found["domains"]]
    heads = [("Domain", None), ("Text kept", "n"), ("Kept", "n"), ("Removed", "n"), ("Most claimed licence", None), ("Decision", None)]
    head = tag("tr", *(tag("th", name, scope="col", class_=kind) for name, kind in heads))
    yield tag(
        "div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="wide", tabindex="0", role="region", aria_label="Domains"
    )
    yield shell.pager(ask, found["start"], PER_PAGE, found["more"]) or Html("")


def _row(one: Data, ask: Ask) -> Html:
    total = one["kept"] + one["removed"]
    licence = [foreign(one["licence"]), tag("small", f" {share(one['licensed'], total)}")] if one["licence"] else ["–"]
    denied = shell.chip(f"{one['denied']:,} opt out", "bad") if one["denied"] else None
    cells = [
        tag("th", tag("a", foreign(one["name"]), href=f"/domains/{part(one['name'])}", data_open=True), scope="row"),
        tag("td", amount(one["bytes"]), class_="n"),
        tag("td", f"{one['kept']:,}", class_="n"),
        tag("td", f"{one['removed']:,}", class_="n"),
        tag("td", *licence, denied),
        tag("td", decide.domain_buttons(ask, one["name"], one["decided"])),
    ]
    return tag("tr", *cells, data_item=True, id=f"d-{one['code']}")


def data(ask: Ask) -> Data:
    index, name = ask.index, ask.params["name"]
    found = index.query("select * from domains where name = ?", name)
    if not found:
        raise MissingError(f"domain {name[:80]}: expected a domain of this run, got none; look for it under /domains")
    one = found[0]
    start = ask.number("start", 0, 0, 1 << 30)
    rows = index.of_domain(one["code"], start, ROWS)
    return one | {
        "title": one["name"],
        "start": start,
        "documents": index.told(rows),
        "more": start + ROWS < one["kept"] + one["removed"],
        "decided": decide.domains_decided(ask).get(one["name"]),
        "history": said.history(ask, "domain", one["name"]),
    }


def body(found: Data, ask: Ask) -> Iterator[Html]:
    yield figures(
        [("kept", found["kept"]), ("removed", found["removed"]), ("text kept", amount(found["bytes"])), ("opt out", found["denied"])]
    )
    yield tag("section", tag("h2", "Decision"), decide.domain_form(ask, found), class_="panel")
    yield said.comments(ask, "domain", found["name"])
    items = [shell.document_item(one) for one in found["documents"]]
    yield tag("section", tag("h2", "Its documents", tag("small", " in random order")), tag("ul", *items, class_="list"))
    yield shell.pager(ask, found["start"], ROWS, found["more"]) or Html("")


LIST = Page(path="/domains", title="Domains", data=listed, body=list_body, post=decide.take_domain, menu="Domains", key="m")
PAGE = Page(path="/domains/{name}", title="Domain", data=data, body=body, post=decide.take_domain)
