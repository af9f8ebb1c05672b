"""The card as a page: `card/README.md` with the YAML front matter that the Hugging Face Hub reads, beside `card/facts.json`.

The page is made from the facts, the recipe as run and the documentation of its steps; it counts nothing itself. What came from the crawl is
escaped (markdown.py); what people wrote under `card:` stands as they wrote it.

Misses: the front matter is written to the Hub's documented keys and lists, but whether the Hub knows a language code is not checked.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from curate.card import sections, tokenizer
from curate.card.facts import FACTS, compute
from curate.card.folder import RECIPE, about, open_folder
from curate.card.markdown import cell, size
from curate.recipe import yaml
from curate.store import File, Store

README = "card/README.md"
SIZES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
HUB_LICENSES = frozenset(
    [
        *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc", "cc0-1.0", "gfdl", "etalab-2.0", "unknown", "other"),
        *("odc-by", "odbl", "pddl", "cdla-sharing-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0"),
        *("cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nd-4.0"),
        *("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0"),
        *("cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
    ]
)
"""Licence ids that the Hub knows and that a collection of text may have (hub-docs, repositories-licenses)."""
SAME_LICENSE = {"odc-by-1.0": "odc-by", "odbl-1.0": "odbl", "pddl-1.0": "pddl"}
"""SPDX id → the Hub's."""
LANGUAGE = re.compile(r"^[a-z]{2,3}(?=$|[_-])")


def publish(store: Store) -> list[File]:
    """Count a finished run and write its card."""
    return write(store, compute(store))


def write(store: Store, facts: Mapping[str, Any]) -> list[File]:
    """Write both files of the card; the page last, so that a page never stands beside older facts."""
    folder = open_folder(store)
    documentation = {step.name: about(step) for step in folder.steps}
    page = render(facts, store.read(RECIPE).decode("utf-8", "replace"), documentation)
    return [store.write_json(FACTS, facts), store.write(README, page.encode("utf-8", "replace"))]


def render(facts: Mapping[str, Any], recipe: str, documentation: Mapping[str, str]) -> str:
    """The page. `recipe`: text of recipe.yaml; `documentation`: step → docstring of its module."""
    parts = [f"---\n{yaml.dump(front_matter(facts))}---", f"# {_title(facts)}", *_draft(facts), _summary(facts)]
    for heading, text in _body(facts, recipe, documentation):
        parts.append(f"{heading}\n\n{text}")
    return "\n\n".join(parts) + "\n"


def front_matter(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The Hub's keys: those that the facts or the people answer, no other."""
    said, kept = facts["people"]["said"], facts["kept"]["documents"]
    matter: dict[str, Any] = {"pretty_name": _title_text(facts)}
    languages = hub_languages(facts)
    if languages:
        matter |= {"language": languages, "multilinguality": ["monolingual" if len(languages) == 1 else "multilingual"]}
    if "license" in said:
        matter |= hub_license(str(said["license"]))
    matter |= {
        "size_categories": [size_category(kept)],
        "task_categories": ["text-generation"],
        "task_ids": ["language-modeling"],
        "annotations_creators": ["no-annotation"],
        "language_creators": ["found"],
        "source_datasets": ["original"],
        "tags": ["curate", "pretraining", "text", *(["draft"] if facts["people"]["draft"] else [])],
    }
    if kept:
        matter["configs"] = [{"config_name": "default", "data_files": [{"split": "train", "path": "documents/*.parquet"}]}]
    return matter


def size_category(count: int) -> str:
    """The Hub's band for a number of documents."""
    if count < 1000:
        return "n<1K"
    for power, (low, high) in enumerate(pairwise(SIZES), 3):
        if count < 10 ** (power + 1):
            return f"{low}<n<{high}"
    return "n>1T"


def hub_license(license_: str) -> dict[str, str]:
    """`license`, and `license_name` where the Hub has no id for it."""
    known = SAME_LICENSE.get(license_.strip().lower(), license_.strip().lower())
    if known in HUB_LICENSES:
        return {"license": known}
    return {"license": "other", "license_name": re.sub(r"[^a-z0-9.]+", "-", known).strip("-") or "other"}


def hub_languages(facts: Mapping[str, Any]) -> list[str]:
    """ISO 639 codes of languages with at least 1 % of the documents, most frequent first."""
    counted = facts["content"].get("languages") or {"top": []}
    enough = [entry["value"] for entry in counted["top"] if entry["documents"] * 100 >= facts["kept"]["documents"]]
    codes = [match.group() for value in enough if (match := LANGUAGE.match(str(value)))]
    return list(dict.fromkeys(codes))


def _title_text(facts: Mapping[str, Any]) -> str:
    return " ".join(str(facts["people"]["said"].get("title") or facts["name"]).split())


def _title(facts: Mapping[str, Any]) -> str:
    return cell(_title_text(facts))


def _draft(facts: Mapping[str, Any]) -> Iterator[str]:
    people = facts["people"]
    if people["draft"]:
        names = ", ".join(f"`{one['name']}`" for one in people["questions"] if one["open"] and one["required"])
        yield f"> **DRAFT.** Questions that only people can answer are open: {names}."
    if facts["kept"]["documents"] == 0:
        yield "> **This run kept no document.** What it read, and why all of it left, is below."


def _summary(facts: Mapping[str, Any]) -> str:
    """The corpus in two sentences of counts."""
    kept, read = facts["kept"], facts["read"]
    tokens = f", {facts['tokens']['tokens']:,} tokens" if facts["tokens"] else ""
    percent = f" ({100 * kept['documents'] / read['documents']:.1f} %)" if read["documents"] else ""
    return (
        f"{kept['documents']:,} documents, {size(kept['text_bytes'])} of text{tokens}. "
        f"Of {read['documents']:,} documents read, {facts['removed']['documents']:,} were removed and {kept['documents']:,} kept{percent}; "
        "every number on this page is counted from the run's ledger and tables, and `facts.json` beside it has them all."
    )


def _body(facts: Mapping[str, Any], recipe: str, documentation: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(heading, text) of all that follows the summary."""
    said = facts["people"]["said"]
    for name, heading in (
        ("description", "Description"),
        ("purpose", "Purpose"),
        ("creators", "Made by"),
        ("contact", "Contact"),
        ("license", "Licence of the collection"),
        ("version", "Version"),
        ("url", "Published at"),
        ("citation", "Citation"),
    ):
        if name in said:
            yield f"## {heading}", str(said[name]).strip()
    yield "## Inputs", sections.inputs(facts)
    yield "## What happened, step by step", sections.steps(facts)
    yield "### Why documents left", sections.reasons(facts)
    if facts["kept"]["documents"]:
        yield "## What is in it", "Counted over the documents that were kept."
        for heading, text in sections.content(facts):
            yield f"### {heading}", text
    for heading, made in (
        ("Duplicates", sections.duplicates(facts)),
        ("Contamination", sections.contamination(facts)),
        ("Tokens", sections.tokens(facts)),
        ("How the tokenizer falls on the text", tokenizer.usage(facts)),
    ):
        if made is not None:
            yield f"## {heading}", made
    yield "## How to reproduce", sections.reproduce(facts, recipe)
    yield "## Versions", sections.versions(facts)
    yield "## Known limits", sections.limits(facts, documentation)
    yield "## Questions that only people can answer", sections.questions(facts)
    yield "## What this was computed from", sections.files(facts)
