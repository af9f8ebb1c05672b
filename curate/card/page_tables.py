"""Tables of `card.html`, each made from the facts alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from curate.card.content import QUANTILES
from curate.card.drift import said
from curate.card.html import Html, foreign, table, tag
from curate.card.markdown import share, size
from curate.card.sections_groups import differing

Facts = Mapping[str, Any]
LABELS = 5
"""Values shown of a label."""


def inputs(facts: Facts) -> Html:
    """Where documents came from."""
    kept = {one["value"]: one["documents"] for one in facts["content"]["sources"]["top"]}
    rows = [[one["source"], foreign(one["uri"]), kept.get(one["source"], 0)] for one in facts["inputs"]]
    return table("Inputs", ["Source", "Location", "Documents kept"], rows, 2)


def drift(facts: Facts) -> Iterator[Html]:
    """Fields that differ between files and sources."""
    if rows := [[foreign(part) for part in row] for row in said(facts)]:
        yield table("Fields that differ between files and sources", ["Source", "Field", "What differs"], rows, 3)


def values(heading: str, counted: Mapping[str, Any], whole: int) -> Html:
    """All listed values of a column."""
    more = [name for name in ("text_bytes", "tokens") if counted["top"] and name in counted["top"][0]]
    rows = []
    for one in counted["top"]:
        extra = [Html(size(one[name])) if name == "text_bytes" else one[name] for name in more]
        rows.append([str(one["value"]), one["documents"], Html(share(one["documents"], whole)), *extra])
    names = {"text_bytes": "Text", "tokens": "Tokens"}
    return table(f"{heading} of kept documents", ["Value", "Documents", "Share", *(names[name] for name in more)], rows)


def labels(found: Sequence[Mapping[str, Any]], whole: int) -> Html:
    """Text measures with few values."""
    rows = []
    for one in found:
        said = tag("ul", *(tag("li", foreign(value["value"]), f" {share(value['documents'], whole)}") for value in one["top"][:LABELS]))
        rows.append([f"{one['step']}: {one['measure']}", said, one["distinct"], one["missing"]])
    return table("Labels that steps gave", ["Measure", "Most frequent", "Different", "Without"], rows, 2)


def lengths(content: Mapping[str, Any]) -> Html:
    """Quantiles of lengths."""
    found = [("Text, bytes", content["text_bytes_per_document"]), ("Tokens", content.get("tokens_per_document"))]
    rows = [[name, *(spread[quantile] for quantile in QUANTILES)] for name, spread in found if spread]
    return table("Length of kept documents", ["Per document", *QUANTILES], rows)


def spreads(caption: str, found: Sequence[Mapping[str, Any]]) -> Html:
    """Measures in a table: kept, then removed."""
    rows = []
    for one in found:
        medians = [_number(one[side], name) for side in ("kept", "removed") for name in ("p10", "p50", "p90")]
        rows.append([f"{one['step']}: {one['measure']}", *medians])
    head = ["Measure", *(f"{side}, {mark}" for side in ("Kept", "Removed") for mark in ("10 %", "median", "90 %"))]
    return table(caption, head, rows)


def _number(spread: Mapping[str, Any] | None, name: str) -> Html:
    return Html(f"{spread['quantiles'][name]:g}") if spread else Html("–")


SHOWN_GROUPS = 15


def decided(facts: Facts) -> Iterator[Html]:
    """What stewards decided, and what they kept against which rules; nothing in a run without decisions."""
    found = facts.get("decided")
    if not found:
        return
    rows = [["decided", what, count] for what, count in found["decisions"].items()]
    rows += [["kept against", reason, count] for reason, count in found["overridden"].items()]
    yield table("What stewards decided", ["", "Decision or rule", "Documents"], rows, 2)


def identity(facts: Facts) -> Iterator[Html]:
    """Terms for groups of people, and rules that fall on documents with one otherwise than on those without."""
    for one in facts.get("identity") or ():
        rows = [
            [t["term"], t["documents"], t["kept"], f"{t['ratio']:.1%}", "{:.1%} to {:.1%}".format(*t["interval"])]
            for t in one["terms"][:SHOWN_GROUPS]
        ]
        if rows:
            yield table("Kept by identity term", ["Term", "Documents in", "Kept", "Ratio", "95 % interval"], rows)
        told = differing(one)
        if told:
            yield tag(
                "p",
                tag("strong", "Warning. "),
                f"{len(told)} of {len(one['rules']):,} pairs of rule and identity term have an interval of the removal-rate ratio that leaves out 1; "
                "one in twenty does so by chance.",
            )
            rows = [
                [
                    f"{r['step']}:{r['reason']}",
                    r["term"],
                    r["removed"],
                    r["reached"],
                    f"{r['ratio']:.2f}",
                    "{:.2f} to {:.2f}".format(*r["interval"]),
                ]
                for r in told[:SHOWN_GROUPS]
            ]
            yield table("Rules that fall on a term otherwise", ["Rule", "Term", "Removed", "Documents", "Ratio", "95 % interval"], rows, 2)


def toxicity(facts: Facts) -> Iterator[Html]:
    """What was found of toxic text, by language; nothing where no step looked."""
    for one in facts.get("toxicity") or ():
        rows = [
            [said["language"], said["documents"], said["listed"], said["likely"], said["removed"]]
            for said in one["languages"][:SHOWN_GROUPS]
        ]
        yield table("Toxic text by language", ["Language", "Documents", "With listed words", "Likely toxic by the model", "Removed"], rows)


def forgotten(facts: Facts) -> Iterator[Html]:
    """What was forgotten on request; nothing where nobody asked."""
    found = facts.get("forgotten")
    if found:
        rows = [[found["requests"], found["documents"], found["removed"], found["revision"], found["version_before"], found["version"]]]
        head = ["Requests", "Documents that left", "Rows emptied", "Revision now", "Version before", "Version now"]
        yield table("Forgotten on request", head, rows)


def balance(facts: Facts) -> Iterator[Html]:
    """Groups of documents: how many came and how many stayed, with the interval of their ratio."""
    for one in facts.get("balance") or ():
        rows = [
            [group["value"], group["documents"], group["kept"], f"{group['ratio']:.1%}", "{:.1%} to {:.1%}".format(*group["interval"])]
            for group in one["groups"][:SHOWN_GROUPS]
        ]
        if len(rows) > 1:
            yield table(f"Kept by {one['by']}", [one["by"].capitalize(), "Documents in", "Kept", "Ratio", "95 % interval"], rows)


def checks(facts: Facts) -> Iterator[Html]:
    """Copies, personal data, benchmarks: what was looked for and what was found."""
    if facts["duplicates"]:
        rows = [[one["step"], one["removed"], one["clusters"], one["largest_cluster"]] for one in facts["duplicates"]]
        yield table("Copies", ["Step", "Copies removed", "Documents that stand for them", "Largest group"], rows)
    else:
        yield tag("p", "No step looked for copies.")
    if facts["orphans"] is not None:
        yield tag("p", f"{facts['orphans']:,} of the copies are orphans: what stood for them was removed by a later step.")
    rows = [[one["step"], kind["kind"], kind["found"], kind["documents"]] for one in facts["content"]["pii"] for kind in one["kinds"]]
    if rows:
        yield table("Personal data in kept documents", ["Step", "Kind", "Found", "Documents"], rows, 2)
    else:
        yield tag("p", "No step looked for personal data.")
    if facts["contamination"]:
        rows = [
            [one["step"], found["benchmark"], found["documents"], found["removed"], found["items"]]
            for one in facts["contamination"]
            for found in one["benchmarks"]
        ]
        yield table("Benchmarks", ["Step", "Benchmark", "Documents that hold items", "Removed for it", "Different items"], rows, 2)
    else:
        yield tag("p", "No step looked for texts of benchmarks.")


def tokens(facts: Facts) -> Iterator[Html]:
    """Tokens by source and licence, mixture, and how the tokenizer falls on the text."""
    made = facts["tokens"]
    made_by = "trained on these documents" if made["tokenizer"]["trained_here"] else "given by the recipe"
    yield tag(
        "p",
        f"{made['tokens']:,} tokens in {made['shards']:,} shards, {made['bytes_per_token']} bytes of text a token; the tokenizer has "
        f"{made['tokenizer']['vocab_size']:,} entries and was {made_by}. The shards are named by ",
        tag("code", made["corpus_id"]),
        ".",
    )
    for name, groups in (("source", made["by_source"]), ("licence", made["by_license"]), ("side", made["by_split"])):
        ordered = sorted(groups.items(), key=lambda one: (-one[1], one[0]))
        yield table(
            f"Tokens by {name}", [name, "Tokens", "Share"], [[key, count, Html(share(count, made["tokens"]))] for key, count in ordered]
        )
    if made["mixture"]:
        rows = [[one["group"], one["tokens_available"], one["tokens_wanted"], one["tokens_an_epoch"]] for one in made["mixture"]["groups"]]
        yield table(f"Mixture by {made['mixture']['by']}", ["Group", "Tokens there", "Wanted", "In an epoch"], rows)
    for name in ("source", "language", "script"):
        groups = ((made["usage"] or {}).get(f"by_{name}") or {}).items()
        rows = [
            [
                key,
                one["documents"],
                one["tokens"],
                *(Html("–" if one[r] is None else f"{one[r]:.2f}") for r in ("bytes_per_token", "tokens_per_word")),
            ]
            for key, one in groups
        ]
        if rows:
            yield table(f"The tokenizer by {name}", [name, "Documents", "Tokens", "Bytes a token", "Tokens a word"], rows)


def reproduce(facts: Facts, recipe: str) -> Iterator[Html]:
    """The command, the recipe as run, versions, and what all this was computed from."""
    yield tag(
        "p", "Save the recipe as recipe.yaml and run, with the same inputs and versions: ", tag("code", "curate run recipe.yaml"), "."
    )
    yield tag("p", "Digest of all in it that can change the outcome: ", tag("code", facts["recipe"]["digest"]), ".")
    yield tag("p", "Seconds of work by step are in compute.json beside this folder, since they are other ones in every run.")
    yield tag("details", tag("summary", "The recipe as run"), tag("pre", recipe))
    yield table("Versions", ["Distribution", "Version"], [[name, version] for name, version in sorted(facts["versions"].items())], 9)
    rows = [[path, tag("code", one["digest"])] for path, one in sorted(facts["files"].items())]
    yield table("Computed from", ["File", "Digest"], rows, 9)
