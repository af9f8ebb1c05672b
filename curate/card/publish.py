"""The folder `card/`: facts, page, Markdown, and the forms that others ask for. The same run gives the same bytes.

facts.json     the manifest                        README.md       with the front matter of the Hub
card.html      one page                            croissant.json  Croissant 1.1 with RAI
eu_summary.md  AI Act, Art. 53(1)(d)               ab2013.md       California, AB 2013
dpi.json       Data & Trust Alliance provenance    forms.json      every field of every form, and where it comes from
licenses.csv   licences with their addresses       domains.csv     the tenth of all domains with most text
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from curate import signoff
from curate.card import compute, page, render
from curate.card.content import Contents
from curate.card.facts import FACTS, gather
from curate.card.folder import RECIPE, about, steps_of
from curate.card.forms import ab2013, croissant, dpi, eu, hub, written
from curate.card.forms.book import Book
from curate.card.markdown import visible
from curate.card.questions import BESIDE
from curate.errors import StoreError
from curate.recipe.yaml import unknown
from curate.shards.attribution import license_url
from curate.store import File, Store

README, PAGE = "card/README.md", "card/card.html"


def publish(store: Store) -> dict[str, Any]:
    """Count a finished run and write its card; returns the facts."""
    facts, contents = gather(store)
    write(store, facts, contents)
    compute.write(store)
    return facts


def forms(facts: Mapping[str, Any]) -> list[Book]:
    """All forms, filled in."""
    return [hub.fill(facts)[0], croissant.fill(facts)[0], eu.fill(facts), ab2013.fill(facts), dpi.fill(facts)[0]]


def write(store: Store, facts: Mapping[str, Any], contents: Contents | None = None) -> list[File]:
    """Write all files of the card, the facts first, so that a page never stands beside older ones. Without contents no domains.csv."""
    documentation = {step.name: about(step) for step in steps_of(store)}
    recipe = store.read(RECIPE).decode("utf-8", "replace")
    files = [store.write_json(FACTS, facts)]
    digest = files[0].digest
    signed = states_of(store, digest)
    filled = forms(facts)
    made = {
        "licenses.csv": _licenses(facts),
        "croissant.json": _json(croissant.fill(facts)[1]),
        "dpi.json": _json(dpi.fill(facts)[1]),
        "eu_summary.md": written.page(eu.fill(facts), eu.TITLE, eu.LEAD),
        "ab2013.md": written.page(ab2013.fill(facts), ab2013.TITLE, ab2013.LEAD),
        "forms.json": _json({book.form: book.plain() for book in filled}),
        "card.html": page.render(facts, recipe, signed, filled),
        "README.md": render.render(facts, recipe, documentation, signed),
    }
    if contents is not None:
        made["domains.csv"] = _domains(contents)
    return [*files, *(store.write(f"card/{name}", text.encode("utf-8", "replace")) for name, text in sorted(made.items()))]


def check_final(store: Store, facts: Mapping[str, Any], names: Sequence[str]) -> None:
    """StoreError where one of these forms is a draft, or where nobody has signed the card as it lies there."""
    books = {book.form: book for book in forms(facts)}
    for name in names:
        if name not in books:
            raise StoreError(f"card: {unknown(name, list(books))}")
        if books[name].open:
            lacks = ", ".join(books[name].open)
            raise StoreError(f"card: expected {name} to be final, got open questions {lacks}; answer them in {store.root}/{BESIDE}")
    digest = signoff.card_digest(store)
    signed = states_of(store, digest)
    if isinstance(signed, str):
        raise StoreError(f"card: expected sign-offs that hold, got {signed}")
    if signoff.CURRENT not in [state for _, state in signed]:
        raise StoreError(
            f"card: expected a sign-off of {digest}, got {len(signed)} of other cards; sign it in `curate review {store.root}`"
        )


def states_of(store: Store, digest: str) -> signoff.States | str:
    """The sign-offs with what each is worth beside a card of this digest, or why they do not hold: a broken chain must show in the card."""
    try:
        corpus = signoff.corpus_digest(store)
        return [(one, one.state(digest, corpus)) for one in signoff.read(store)]
    except StoreError as error:
        return str(error).removeprefix(f"{store.root}/")


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _licenses(facts: Mapping[str, Any]) -> str:
    listed = (facts["content"].get("licenses") or {"top": []})["top"]
    rows = [[one["value"], one["documents"], one.get("text_bytes"), one.get("tokens"), license_url(str(one["value"]))] for one in listed]
    return _csv(["spdx", "documents", "text_bytes", "tokens", "address"], rows)


def _domains(contents: Contents) -> str:
    """The tenth of all domains with most text, rounded up."""
    tally = contents.tallies["domains"]
    rows = tally.rows(-(-tally.distinct // 10), by="text_bytes") if tally.distinct else []
    return _csv(
        ["domain", "documents", "text_bytes", "tokens"],
        [[row["value"], row["count"], row["text_bytes"], row.get("tokens")] for row in rows],
    )


def _csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        # a spreadsheet takes what begins so for a formula
        cells = ["" if one is None else visible(str(one)) for one in row]
        writer.writerow([f"'{one}" if one[:1] in ("=", "+", "-", "@") else one for one in cells])
    return out.getvalue()
