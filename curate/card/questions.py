"""What only people can answer: questions with names, and where the answers lie.

An answer stands, later ones before earlier ones, in the recipe's `card:`, in the file that `card: {file: …}` names (a run copies it to
`card/answers.yaml`), or in `card.yaml` in the run's folder, which `curate card` reads. A file of answers is YAML: the name of a question, and
text. What does not apply is answered so, with the reason: `synthetic_data: None; no text was made by a model.`
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from curate.errors import RecipeError
from curate.recipe import yaml
from curate.store import Store

BESIDE, COPIED = "card.yaml", "card/answers.yaml"
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
MAX_CHARS = 10_000


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question."""

    name: str
    asks: str
    required: tuple[str, ...] = ()
    """Forms that are drafts without an answer: card, croissant, eu_summary, ab2013, dpi."""


def _q(name: str, asks: str, *required: str) -> Question:
    return Question(name=name, asks=asks, required=required)


QUESTIONS = (
    _q("title", "Name of the corpus as people say it.", "card"),
    _q("description", "What the corpus is, in a paragraph.", "card", "croissant"),
    _q("purpose", "What it was made for, and what it should not be used for.", "card", "ab2013", "dpi"),
    _q("contact", "Whom to write to, also about removal.", "card"),
    _q("creators", "Who made it.", "card", "croissant", "dpi"),
    _q("license", "Licence of the collection as such; the documents keep their own.", "card", "croissant", "dpi"),
    _q("version", "Version of the corpus, as 1.0.0; a removal raises the first number.", "croissant"),
    _q("url", "Where it is published.", "croissant"),
    _q("citation", "How to cite it."),
    _q("date_published", "Day of publication, as 2026-11-24.", "croissant"),
    _q("biases", "Which biases are known or to be expected, and what they may do."),
    _q("social_impact", "What using it may do to people, and what was done about that."),
    _q("maintenance", "Who keeps it up, how errors are told, and how removals reach copies.", "croissant"),
    _q("owners", "Who owns the sources, or holds rights in them.", "ab2013"),
    _q("intellectual_property", "Whether data are protected by copyright, trademark or patent, or are entirely in the public domain.", "ab2013"),
    _q("licensed_data", "Whether data were bought or licensed, from whom, and of which kinds.", "ab2013", "eu_summary"),
    _q("consumer_information", "Whether it holds aggregate consumer information (Cal. Civ. Code 1798.140(b)).", "ab2013"),
    _q("synthetic_data", "Whether text was made by models, which, and why; of the sources as well.", "ab2013", "eu_summary"),
    _q("first_used", "When it was first used in development.", "ab2013"),
    _q("provider", "Name and contact of the provider of the model.", "eu_summary"),
    _q("representative", "Authorised representative in the Union, if any.", "eu_summary"),
    _q("model_names", "Versioned names of the models trained on it, and models they derive from.", "eu_summary"),
    _q("market_date", "When the model was placed on the Union market.", "eu_summary"),
    _q("public_datasets", "Large public datasets among the inputs, with their addresses, and a description of the rest.", "eu_summary"),
    _q("private_data", "Other private data that was obtained, and from whom.", "eu_summary"),
    _q("crawlers", "Names, purposes and behaviour of the crawlers (robots.txt, paywalls, captchas), own and others'.", "eu_summary"),
    _q("user_data", "Whether data of users of your services or models was used.", "eu_summary"),
    _q("other_sources", "Sources of other kinds, if any.", "eu_summary"),
    _q("code_of_practice", "Whether the provider has signed the Code of Practice, and what else was done to honour reservations of rights.", "eu_summary"),
    _q("illegal_content", "What was done to keep illegal content out.", "eu_summary"),
    _q("origin", "Countries where the data come from.", "dpi"),
    _q("consent_documents", "Where agreements and consents are kept.", "dpi"),
    _q("processing_limits", "Where data may and may not be processed and stored.", "dpi"),
)  # fmt: skip
NAMES = tuple(one.name for one in QUESTIONS)
FORMS = ("card", "croissant", "eu_summary", "ab2013", "dpi")


def answers(store: Store, recipe: Mapping[str, Any]) -> dict[str, str]:
    """All answers of a run. RecipeError for a file that asks for something else."""
    said = {name: str(value) for name, value in (recipe.get("card") or {}).items() if name in NAMES and value not in (None, "")}
    for path in (COPIED, BESIDE):
        if store.exists(path):
            said |= parse(store.read(path), f"{store.root}/{path}")
    return {name: said[name] for name in NAMES if name in said}


def parse(data: bytes, label: str) -> dict[str, str]:
    """The answers of a file. RecipeError with its line where a name is unknown or an answer is no text."""
    try:
        document = yaml.parse(data.decode("utf-8-sig"), label)
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"{label}: expected UTF-8, got byte {error.object[error.start]:#04x} at offset {error.start}; save it as UTF-8"
        ) from None
    if document.data is None:
        return {}
    if not isinstance(document.data, dict):
        raise RecipeError(
            f"{label}: expected questions with answers, got {yaml.shown(document.data)}; `curate card --questions` writes the list"
        )
    found: dict[str, str] = {}
    for name, value in document.data.items():
        where = f"{document.place((name,))}: {name}"
        if name not in NAMES:
            raise RecipeError(f"{where}: {yaml.unknown(name, NAMES)}")
        if value in (None, ""):
            continue
        if not isinstance(value, str | int | float) or isinstance(value, bool) or len(str(value)) > MAX_CHARS:
            raise RecipeError(f"{where}: expected text of at most {MAX_CHARS} characters, got {yaml.shown(value)}; put quotes around it")
        if name == "date_published" and not DATE.fullmatch(str(value)):
            raise RecipeError(f"{where}: expected a day such as 2026-11-24, got {yaml.shown(value)}")
        found[name] = str(value).strip()
    return found


def sheet(said: Mapping[str, str]) -> str:
    """A file of answers: what is answered, and the open questions with their sentences, to be filled in."""
    lines = ["# What only people can say of this corpus. Save it as card.yaml in the run's folder and run `curate card` again.", ""]
    for one in QUESTIONS:
        needed = f" (needed by: {', '.join(one.required)})" if one.required else ""
        lines.append(f"# {one.asks}{needed}")
        lines += [yaml.dump({one.name: said[one.name]}).rstrip() if one.name in said else f"{one.name}:", ""]
    return "\n".join(lines)
