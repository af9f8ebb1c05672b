"""The card as `card/README.md`, with the YAML front matter that the Hugging Face Hub reads.

The page is made from the facts, the recipe as run and the documentation of its steps; it counts nothing itself. What came from the crawl is
escaped (markdown.py); what people wrote stands as they wrote it, except that it can open no HTML.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from curate.card import sections, sections_groups, tokenizer
from curate.card.forms import hub
from curate.card.markdown import cell, size
from curate.recipe import yaml
from curate.signoff import States


def render(facts: Mapping[str, Any], recipe: str, documentation: Mapping[str, str], signed: States | str = ()) -> str:
    """The page. `recipe`: text of recipe.yaml; `documentation`: step → docstring of its module; `signed`: sign-offs, or why they do not hold."""
    parts = [f"---\n{yaml.dump(hub.fill(facts)[1])}---", f"# {_title(facts)}", *_draft(facts), _summary(facts)]
    parts.append(sections.signoffs(signed))
    for heading, text in _body(facts, recipe, documentation):
        parts.append(f"{heading}\n\n{text}")
    return "\n\n".join(parts) + "\n"


def _title_text(facts: Mapping[str, Any]) -> str:
    return " ".join(str(facts["people"]["said"].get("title") or facts["name"]).split())


def _title(facts: Mapping[str, Any]) -> str:
    return cell(_title_text(facts))


def _draft(facts: Mapping[str, Any]) -> Iterator[str]:
    people = facts["people"]
    if people["draft"]:
        names = ", ".join(f"`{one['name']}`" for one in people["questions"] if one["open"] and "card" in one["required"])
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
            yield f"## {heading}", str(said[name]).strip().replace("<", "&lt;")
    yield "## Inputs", sections.inputs(facts)
    if drift := sections.drift(facts):
        yield "### Fields that differ between files and sources", drift
    yield "## What happened, step by step", sections.steps(facts)
    yield "### Why documents left", sections.reasons(facts)
    if facts["kept"]["documents"]:
        yield "## What is in it", "Counted over the documents that were kept."
        for heading, text in sections.content(facts):
            yield f"### {heading}", text
    for heading, made in (
        ("What stewards decided", sections.decided(facts)),
        ("Kept by group", sections_groups.balance(facts)),
        ("Identity terms", sections_groups.identity(facts)),
        ("Toxic text", sections_groups.toxicity(facts)),
        ("Forgotten on request", sections.forgotten(facts)),
        ("Duplicates", sections.duplicates(facts)),
        ("Personal data", sections.personal_data(facts)),
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
