"""Facts as sentences, the same in every form. Plain text: whoever writes them into Markdown or HTML escapes them."""

from collections.abc import Mapping
from typing import Any

from curate.card.markdown import size

Facts = Mapping[str, Any]
SHOWN = 10
PURPOSES = {
    "markup": "text and claims are taken out of pages",
    "unicode": "encodings are repaired, one normal form",
    "license": "licence claims are collected",
    "repository_license": "files get the licence of the licence file nearest above them",
    "consent": "reservations and opt-outs are looked for",
    "host_consent": "what robots.txt, ai.txt and tdmrep.json ask is looked for",
    "language": "the language is labelled",
    "length": "lengths are measured",
    "pii": "personal data are found and replaced",
    "decontaminate": "texts of benchmarks are found",
    "exact_dedup": "copies leave",
    "near_dedup": "near copies leave",
    "passage_dedup": "repeated passages are cut",
    "url": "addresses on block lists leave",
}
"""Stage → what it is for, in the words of a form; others are named alone."""


def counts(facts: Facts) -> str:
    """Documents, text and tokens."""
    kept = facts["kept"]
    tokens = f", {facts['tokens']['tokens']:,} tokens" if facts["tokens"] else ""
    return f"{kept['documents']:,} documents, {size(kept['text_bytes'])} of text{tokens}"


def month(day: str) -> str:
    """`2026-11-24` as `11/2026`."""
    return f"{day[5:7]}/{day[:4]}"


def period(facts: Facts) -> str:
    """First and last month of fetching."""
    days = facts["content"]["fetched"]
    return f"{month(days[0])}–{month(days[1])}" if days else "no document says when it was fetched"


def shares(facts: Facts, name: str, limit: int = SHOWN) -> str:
    """`en 92.1 %, de 7.9 %`; what the column does not know is said."""
    counted, whole = facts["content"].get(name), facts["kept"]["documents"]
    if counted is None:
        return "no step of this run looked for it"
    if not whole:
        return "no document was kept"
    said = [f"{one['value']} {100 * one['documents'] / whole:.1f} %" for one in counted["top"][:limit]]
    rest = counted["distinct"] - len(said)
    if rest > 0:
        said.append(f"{rest:,} others")
    if counted["missing"]:
        said.append(f"not known {100 * counted['missing'] / whole:.1f} %")
    return ", ".join(said)


def inputs(facts: Facts) -> str:
    """Names and locations of the inputs."""
    return "; ".join(f"{one['source']}: {one['uri']}" for one in facts["inputs"])


def steps(facts: Facts) -> str:
    """What each step did, and what left with it."""
    whole = facts["read"]["documents"]
    said = []
    for one in facts["steps"]:
        left = one["documents_in"] - one["documents_out"]
        purpose = f" ({PURPOSES[one['uses']]})" if one["uses"] in PURPOSES else ""
        gone = f"{left:,} documents left" if left else "no document left"
        cut = f", {size(one['text_bytes_cut'])} of text cut" if one["text_bytes_cut"] else ""
        said.append(f"{one['step']}{purpose}: {gone}{cut}")
    return "; ".join(said) + f". Of {whole:,} documents read, {facts['kept']['documents']:,} were kept."


def personal_data(facts: Facts) -> str:
    """What was found of personal data, or that nothing looked."""
    if not facts["content"]["pii"]:
        return "No step of this run looked for personal data; the texts may hold any."
    found = [
        f"{kind['found']:,} {kind['kind']} in {kind['documents']:,} documents ({one['step']})"
        for one in facts["content"]["pii"]
        for kind in one["kinds"]
    ]
    return f"Found in kept documents: {'; '.join(found)}. Other kinds were not looked for, and what was missed is in the texts."


def reservations(facts: Facts) -> str:
    """What was done about reservations of rights, from the steps that ran."""
    names = [one["step"] for one in facts["steps"] if "consent" in one["uses"]]
    if not names:
        return "No step of this run looked for reservations or opt-outs."
    left = sum(reason["documents"] for one in facts["steps"] if "consent" in one["uses"] for reason in one["removed"].values())
    signals = ", ".join(f"{one['value']} {one['documents']:,}" for one in facts["content"]["consent_signals"]["top"][:SHOWN]) or "none"
    return f"Signals of pages and hosts were read by {', '.join(names)}; {left:,} documents left for them. Signals among kept documents: {signals}."


def missing(facts: Facts) -> str:
    """Records that did not become documents."""
    read = facts["read"]
    skipped = ", ".join(f"{kind} {count:,}" for kind, count in sorted(read["skipped"].items())) or "none"
    return f"Of {read['records']:,} records, {read['errors']:,} could not be read and these were skipped by type: {skipped}."


def duplicates(facts: Facts) -> str:
    """What was found of copies."""
    found = [f"{one['step']}: {one['removed']:,} copies of {one['clusters']:,} documents" for one in facts["duplicates"]]
    return "; ".join(found) or "No step of this run looked for copies."


def kinds(facts: Facts) -> str:
    """What a document is: media types as received."""
    mimes = [one["value"] for one in facts["content"]["mimes"]["top"][:SHOWN]]
    return "Text" + (f", taken from {', '.join(map(str, mimes))}" if mimes else "")
