"""Provenance metadata of the Data & Trust Alliance (Data Provenance Standards 1.0.0): source, provenance and use, as JSON.

Fields with an open question are null and named under `open`. Misses: the concept lists of the standard are not checked beyond those used.
"""

from collections.abc import Mapping
from typing import Any

from curate.card.forms import phrases
from curate.card.forms.book import Book

VERSION = "1.0.0"


def fill(facts: Mapping[str, Any]) -> tuple[Book, dict[str, Any]]:
    """The form, and the document."""
    book = Book("dpi", facts)
    document = {"version": book.fixed("version", VERSION), "source": _source(book), "provenance": _provenance(book), "use": _use(book)}
    return book, document | {"open": book.open}


def _source(book: Book) -> dict[str, Any]:
    facts, book.section = book.facts, "source"
    return {
        "version": book.asked("version", "version"),
        "title": book.asked("title", "title") or facts["name"],
        "id": book.computed("id", f"urn:curate:{facts['kept']['ids']}", "kept.ids"),
        "location": book.asked("location", "url"),
        "issuer": [{"name": book.asked("issuer.name", "creators"), "address": book.asked("issuer.address", "contact")}],
        "description": book.asked("description", "description"),
    }


def _provenance(book: Book) -> dict[str, Any]:
    facts, book.section = book.facts, "provenance"
    days = facts["content"]["fetched"]
    http = facts["content"]["over_http"]
    method = "web-scraping-crawling-textual" if http else "other"
    formats = [str(one["value"]) for one in facts["content"]["mimes"]["top"][: phrases.SHOWN]]
    made: dict[str, Any] = {
        "origin-geography": book.asked("origin-geography", "origin"),
        "date": book.asked("date", "date_published"),
        "generation-method": [book.computed("generation-method", method, "content.over_http")],
        "format": book.computed("format", [*formats, "application/vnd.apache.parquet"], "content.mimes"),
        "sub-provenance": book.computed(
            "sub-provenance", [{"source": one["source"], "location": one["uri"]} for one in facts["inputs"]], "inputs"
        ),
        "lineage": book.computed(
            "lineage", {"recipe": facts["recipe"]["digest"], "steps": [one["step"] for one in facts["steps"]]}, "recipe.digest", "steps"
        ),
    }
    if days:
        made["generation-period"] = book.computed("generation-period", {"start": days[0], "end": days[1]}, "content.fetched")
    return made


def _use(book: Book) -> dict[str, Any]:
    facts, book.section = book.facts, "use"
    tools = [one["step"] for one in facts["content"]["pii"]]
    found = {kind["kind"]: kind["found"] for one in facts["content"]["pii"] for kind in one["kinds"]}
    privacy = [{"tool-category": "redaction", "tool-used": tool, "result": found} for tool in tools]
    return {
        "classification": [
            {
                "regulation": "pi",
                "evaluated": book.computed("classification.evaluated", bool(tools), "steps"),
                "tool": ", ".join(tools) or None,
            }
        ],
        "privacy-enhancing": book.computed("privacy-enhancing", privacy, "steps"),
        "consents": book.asked("consents", "consent_documents"),
        "consent-signals": book.computed("consent-signals", phrases.reservations(facts), "steps"),
        "processing-and-storage": book.asked("processing-and-storage", "processing_limits"),
        "license": book.asked("license", "license"),
        "licenses-of-documents": book.computed(
            "licenses-of-documents", phrases.shares(facts, "licenses"), "content.licenses" if "licenses" in facts["content"] else "steps"
        ),
        "intended-purpose": book.asked("intended-purpose", "purpose"),
        "copyright-patent-trademark": book.asked("copyright-patent-trademark", "intellectual_property"),
    }
