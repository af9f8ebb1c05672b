"""Front matter of `README.md` as the Hugging Face Hub reads it (hub-docs, datasetcard.md): only keys that facts or people answer.

Misses: `dataset_info`, which the Hub makes itself from Parquet, and whether the Hub knows a language code.
"""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from curate.card.forms.book import Book

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


def fill(facts: Mapping[str, Any]) -> tuple[Book, dict[str, Any]]:
    """The form, and the front matter."""
    book, kept = Book("card", facts), facts["kept"]["documents"]
    named = book.asked("pretty_name", "title")
    matter: dict[str, Any] = {"pretty_name": " ".join(str(named or facts["name"]).split())}
    languages = hub_languages(facts)
    if languages:
        matter["language"] = book.computed("language", languages, "content.languages")
        kind = "monolingual" if len(languages) == 1 else "multilingual"
        matter["multilinguality"] = [book.computed("multilinguality", kind, "content.languages")]
    license_ = book.asked("license", "license")
    if license_:
        matter |= hub_license(license_)
    matter["size_categories"] = [book.computed("size_categories", size_category(kept), "kept.documents")]
    matter["task_categories"] = book.fixed("task_categories", ["text-generation"])
    matter["task_ids"] = book.fixed("task_ids", ["language-modeling"])
    matter["annotations_creators"] = book.fixed("annotations_creators", ["no-annotation"])
    if kept and facts["content"]["over_http"] == kept:
        matter["language_creators"] = [book.computed("language_creators", "found", "content.over_http")]
        matter["source_datasets"] = [book.computed("source_datasets", "original", "content.over_http")]
    tags = ["curate", "pretraining", "text", *(["draft"] if facts["people"]["draft"] else [])]
    matter["tags"] = book.computed("tags", tags, "people.draft")
    if kept:
        files = [{"split": "train", "path": "documents/*.parquet"}]
        matter["configs"] = book.computed("configs", [{"config_name": "default", "data_files": files}], "kept.documents")
    return book, matter


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
