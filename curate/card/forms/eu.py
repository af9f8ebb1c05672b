"""Public summary of training content, Art. 53(1)(d) of the AI Act, in the sections of the Commission's template (C(2025) 5235, 24 July 2025).

The summary is about a model; a corpus can answer for its part of it. `domains.csv` beside it has the tenth of all registered domains with
most text, as section 2.3 asks. Misses: other modalities than text, of which there are none here.
"""

from collections.abc import Mapping
from typing import Any

from curate.card.forms import phrases
from curate.card.forms.book import Book

BANDS = ((10**9, "less than 1 billion tokens"), (10**13, "1 billion to 10 trillion tokens"))
TITLE = "Public summary of training content"
LEAD = "Sections of the template of the European Commission for Article 53(1)(d) of Regulation (EU) 2024/1689."


def fill(facts: Mapping[str, Any]) -> Book:
    """The form."""
    book = Book("eu_summary", facts)
    _general(book)
    _sources(book)
    _processing(book)
    return book


def _general(book: Book) -> None:
    facts = book.facts
    book.section = "Header"
    book.asked("Version of the summary", "version")
    book.computed(
        "Data to which it refers", f"recipe {facts['recipe']['digest']}, documents {facts['kept']['ids']}", "recipe.digest", "kept.ids"
    )
    book.section = "1.1 Provider"
    book.asked("Name and contact of the provider", "provider")
    book.asked("Authorised representative", "representative")
    book.section = "1.2 Model"
    book.asked("Versioned model names and dependencies", "model_names")
    book.asked("Date of placement on the Union market", "market_date")
    book.section = "1.3 Modalities, size and characteristics"
    book.fixed("Modality", "Text")
    band = size_band(facts["tokens"]["tokens"]) if facts["tokens"] else "not known in tokens: the run made none"
    book.computed("Size", f"{band} ({phrases.counts(facts)})", "kept.documents", *(["tokens.tokens"] if facts["tokens"] else []))
    book.computed("Types of content", phrases.kinds(facts), "content.mimes")
    days = facts["content"]["fetched"]
    latest = phrases.month(days[1]) if days else "not known: no document says when it was fetched"
    book.computed("Latest date of acquisition", latest, "content.fetched" if days else "content.years")
    languages = "content.languages" if "languages" in facts["content"] else "steps"
    book.computed("Linguistic characteristics", phrases.shares(facts, "languages", 20), languages)
    by_script = "scripts" in facts["content"]
    if by_script:
        book.computed("Scripts", phrases.shares(facts, "scripts"), "content.scripts")
    book.asked("Other characteristics, such as national or demographic ones", "biases")


def size_band(tokens: int) -> str:
    """The template's band for text."""
    return next((said for limit, said in BANDS if tokens < limit), "more than 10 trillion tokens")


def _sources(book: Book) -> None:
    facts = book.facts
    book.section = "2.1 Publicly available datasets"
    book.asked("Large public datasets, and a description of the rest", "public_datasets")
    book.section = "2.2 Private datasets"
    book.asked("Commercially licensed from rightsholders", "licensed_data")
    book.asked("Other private datasets", "private_data")
    book.section = "2.3 Data crawled and scraped"
    kept, http = facts["kept"]["documents"], facts["content"]["over_http"]
    book.computed(
        "Crawled",
        f"{'Yes' if http else 'No'}: {http:,} of {kept:,} documents carry the status of a web server's answer",
        "content.over_http",
    )
    book.asked("Names, purposes and behaviour of crawlers", "crawlers")
    book.computed("Period of collection", phrases.period(facts), "content.years")
    book.computed("Kinds of content", phrases.kinds(facts), "content.mimes")
    book.computed(
        "Licence classes",
        phrases.shares(facts, "license_classes"),
        "content.license_classes" if "license_classes" in facts["content"] else "steps",
    )
    domains = facts["content"]["domains"]
    top = ", ".join(str(one["value"]) for one in (domains["largest"] or [])[:20])
    book.computed("Number of registered domains", f"{domains['distinct']:,}", "content.domains.distinct")
    book.computed(
        "Domains with most text", f"{top or 'none'}; the tenth of all with most text is in domains.csv", "content.domains.largest"
    )
    book.section = "2.4 User data"
    book.asked("Interactions with models, and data of other services", "user_data")
    book.section = "2.5 Synthetic data"
    book.asked("Generating models and data", "synthetic_data")
    book.section = "2.6 Other sources"
    book.asked("Other sources", "other_sources")


def _processing(book: Book) -> None:
    facts = book.facts
    book.section = "3.1 Reservations of rights"
    book.asked("Code of practice, and measures beside those below", "code_of_practice")
    book.computed("Measures of this run", phrases.reservations(facts), "steps")
    book.section = "3.2 Illegal content"
    book.asked("Measures against illegal content", "illegal_content")
    book.section = "3.3 Other processing"
    book.computed("Steps", phrases.steps(facts), "steps")
    book.computed("Personal data", phrases.personal_data(facts), "content.pii" if facts["content"]["pii"] else "steps")
    book.computed("Copies", phrases.duplicates(facts), "steps")
