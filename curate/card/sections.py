"""The tables of a card, each made from the facts alone."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from curate.card.content import QUANTILES
from curate.card.drift import said
from curate.card.markdown import Raw, cell, fenced, number, share, size, table
from curate.signoff import States

Facts = Mapping[str, Any]
HEADINGS = {
    "languages": ("Languages", "Language", "as labelled by the step `language`"),
    "scripts": ("Scripts", "Script", "as labelled by the step `language`"),
    "licenses": ("Licences", "SPDX expression", "as found in or beside the pages; a claim of the page is no legal finding"),
    "license_classes": ("Licence classes", "Class", "what the expressions permit, in the classes that recipes use"),
    "consent_verdicts": ("Wishes about machine use", "Verdict", "what pages and hosts said, under the policy of the recipe"),
    "consent_bases": ("Where these wishes were found", "Basis", "one a document"),
    "host_verdicts": (
        "Wishes of hosts",
        "Verdict",
        "robots.txt and its kin, under the policy of the recipe; unseen: nobody asked the host",
    ),
    "host_bases": ("Where the wishes of hosts were found", "Basis", "policy, mechanism, file and day, or why there is none"),
    "repository_licenses": ("Licences by repository", "SPDX expression", "of files, by their own tag or the nearest licence file"),
    "repository_classes": ("Licence classes by repository", "Class", "what these expressions permit"),
    "domains": ("Domains", "Registered domain", "by the bundled public suffix list"),
    "years": ("Years of fetching", "Year", "of the record's date, UTC"),
}
LABELS = 5
"""Values shown of a label."""
SHOWN = 20
"""Rows of a list in the page; facts.json has 50."""


def inputs(facts: Facts) -> str:
    """Where the documents came from, and what reading them gave."""
    kept = {entry["value"]: entry["documents"] for entry in facts["content"]["sources"]["top"]}
    tokens = (facts["tokens"] or {}).get("by_source", {})
    removed = facts["removed"]["by_source"]
    rows, seen = [], set[str]()
    for one in facts["inputs"]:
        source = one["source"]
        again = source in seen
        seen.add(source)
        columns = [Raw("〃")] * 3 if again else [number(n.get(source, 0)) for n in (kept, removed, tokens)]
        rows.append([source, one["uri"], *(columns if tokens else columns[:2])])
    head = ["Source", "Location", "Documents kept", "Documents removed", *(["Tokens"] if tokens else [])]
    read = facts["read"]
    skipped = ", ".join(f"{cell(kind)} {count:,}" for kind, count in sorted(read["skipped"].items())) or "none"
    counts = f"{read['documents']:,} documents, {sum(read['skipped'].values()):,} skipped by type ({skipped})"
    balance = f"{read['records']:,} records were read: {counts}, "
    return (
        table(head, rows, 2)
        + f"\n\n{balance}{read['errors']:,} that could not be read (they lie in `removed/` with their place and the reason)."
    )


def drift(facts: Facts) -> str:
    """Fields that appear, vanish or change their type between files of a source, or that other sources lack; nothing where none does."""
    rows = list(said(facts))
    return table(["Source", "Field", "What differs"], rows, 3) if rows else ""


def steps(facts: Facts) -> str:
    """What each step did to documents and text."""
    whole = facts["read"]["documents"]
    rows = []
    for step in facts["steps"]:
        name = step["step"] if step["step"] == step["uses"] else f"{step['step']} ({step['uses']})"
        only = f", only {', '.join(step['only'])}" if step["only"] is not None else ""
        left = sum(reason["documents"] for reason in step["removed"].values())
        rows.append([
            name + only, number(step["documents_in"]), number(left), number(step["documents_out"]), share(step["documents_out"], whole),
            size(step["text_bytes_in"]), size(step["text_bytes_added"]), size(step["text_bytes_cut"]), size(step["text_bytes_out"]),
        ])  # fmt: skip
    head = ["Step", "Documents in", "Removed", "Documents out", "Of all read", "Text in", "Added", "Cut", "Text out"]
    cut = [
        f"{cell(step['step'])} cut {step['split']['documents']:,} documents into {step['split']['segments']:,} segments."
        for step in facts["steps"]
        if "split" in step
    ]
    return "\n\n".join([table(head, rows), *cut])


def reasons(facts: Facts) -> str:
    """Why documents left: by step and reason, with the rule as it ran."""
    rows = []
    for step in facts["steps"]:
        for reason, count in sorted(step["removed"].items(), key=lambda item: (-item[1]["documents"], item[0])):
            entered = number(count["documents"]), share(count["documents"], step["documents_in"]), size(count["text_bytes"])
            rows.append([step["step"], reason, step["rules"].get(reason), *entered])
    silent = [
        f"{cell(step['step'])}: {cell(reason)}"
        for step in facts["steps"]
        for reason, rule in sorted(step["rules"].items())
        if reason not in step["removed"] and not rule.endswith(": off")
    ]
    said = table(["Step", "Reason", "Rule", "Documents", "Of those that came", "Text"], rows, 3) if rows else "No document was removed."
    return said + (f"\n\nRules that removed nothing: {', '.join(silent)}." if silent else "")


def content(facts: Facts) -> Iterator[tuple[str, str]]:
    """(heading, text) for what is in the kept documents."""
    whole = facts["kept"]["documents"]
    for name, (heading, column, how) in HEADINGS.items():
        counted = facts["content"].get(name)
        if counted is None:
            continue
        top = counted["top"] if name == "years" else counted["top"][:SHOWN]
        rows = [[entry["value"], number(entry["documents"]), share(entry["documents"], whole)] for entry in top]
        rest = whole - counted["missing"] - sum(entry["documents"] for entry in top)
        if rest:
            rows.append([f"{counted['distinct'] - len(top):,} others", number(rest), share(rest, whole)])
        if counted["missing"]:
            rows.append(["not known", number(counted["missing"]), share(counted["missing"], whole)])
        if counted["distinct"] == 0:
            yield heading, f"Not known of any document ({how})."
            continue
        yield heading, f"Different values: {counted['distinct']:,}; {how}.\n\n" + table([column, "Documents", "Share"], rows)
    if facts["content"]["labels"]:
        yield "Other labels", _labels(facts)
    yield "Length", _lengths(facts)


def _labels(facts: Facts) -> str:
    """Text measures with few values, the most frequent of each."""
    whole = facts["kept"]["documents"]
    rows = []
    for one in facts["content"]["labels"]:
        top = ", ".join(f"{value['value']} {share(value['documents'], whole)}" for value in one["top"][:LABELS])
        rows.append([f"{one['step']}: {one['measure']}", top, number(one["distinct"]), number(one["missing"])])
    return table(["Measure", "Most frequent", "Different", "Without"], rows, 2)


def _lengths(facts: Facts) -> str:
    spread = [("Text, bytes", facts["content"]["text_bytes_per_document"]), ("Tokens", facts["content"].get("tokens_per_document"))]
    found = [(name, quantiles) for name, quantiles in spread if quantiles]
    words = {"min": "Shortest", "p50": "Median", "max": "Longest"}
    head = ["Per document", *(words.get(name) or f"{int(name[1:])} %" for name in QUANTILES)]
    return table(head, [[name, *(number(quantiles[quantile]) for quantile in QUANTILES)] for name, quantiles in found])


def duplicates(facts: Facts) -> str | None:
    """How many copies left, and how they were grouped; None where no step looked for copies."""
    if not facts["duplicates"]:
        return None
    rows = [[one["step"], number(one["removed"]), number(one["clusters"]), number(one["largest_cluster"])] for one in facts["duplicates"]]
    said = table(["Step", "Copies removed", "Documents that stand for them", "Largest group"], rows)
    if facts["orphans"] is not None:
        said += (
            f"\n\n{facts['orphans']:,} of the copies are orphans: what stood for them was removed by a later step. The recipe accepts that."
        )
    return said


def contamination(facts: Facts) -> str | None:
    """Which benchmarks stand in how many documents; None where no step looked for any."""
    if not facts["contamination"]:
        return None
    rows = [
        [one["step"], found["benchmark"], number(found["documents"]), number(found["removed"]), number(found["items"])]
        for one in facts["contamination"]
        for found in one["benchmarks"]
    ]
    if not rows:
        return "No document holds an item of the benchmarks that were looked for."
    return table(["Step", "Benchmark", "Documents that hold items of it", "Of them removed for it", "Different items"], rows, 2)


def tokens(facts: Facts) -> str | None:
    """Tokens of what was kept; None for a run without shards."""
    made = facts["tokens"]
    if made is None:
        return None
    tokenizer = made["tokenizer"]
    origin = "trained on these documents" if tokenizer["trained_here"] else "given by the recipe"
    ratio = f"; {made['bytes_per_token']:.4g} bytes of text a token" if made["bytes_per_token"] is not None else ""
    text = (
        f"{made['tokens']:,} tokens in {made['shards']:,} shards, the boundary token of each document included{ratio}. "
        f"The tokenizer has {tokenizer['vocab_size']:,} entries and was {origin}; its fingerprint is `{tokenizer['fingerprint']}`. "
        f"The shards are named by `{made['corpus_id']}`."
    )
    if made["forgotten_documents"]:
        text += f" {made['forgotten_documents']:,} documents were forgotten after the shards had been written."
    if len(made["by_split"]) > 1:
        sides = ", ".join(f"{name} {count:,}" for name, count in made["by_split"].items())
        text += f" Sides, drawn for families of near-duplicates and of segments whole: {sides} tokens."
    text += mixture(made)
    by_license = sorted(made["by_license"].items(), key=lambda item: (-item[1], item[0]))
    if not by_license:
        return text
    rows = [[name, number(count), share(count, made["tokens"])] for name, count in by_license[:SHOWN]]
    if rest := sum(count for _, count in by_license[SHOWN:]):
        rows.append([f"{len(by_license) - SHOWN:,} others", number(rest), share(rest, made["tokens"])])
    return text + "\n\n" + table(["Licence", "Tokens", "Share"], rows)


def mixture(made: dict[str, Any]) -> str:
    """The mixture as wanted and as it is; empty where nothing was mixed."""
    if not made["mixture"]:
        return ""
    groups = made["mixture"]["groups"]
    wanted, given = (sum(group[key] for group in groups) for key in ("tokens_wanted", "tokens_an_epoch"))
    rows = [
        [
            group["group"],
            number(group["tokens_available"]),
            number(group["tokens_wanted"]),
            share(group["tokens_wanted"], wanted),
            number(group["tokens_an_epoch"]),
            share(group["tokens_an_epoch"], given),
        ]
        for group in groups
    ]
    head = [f"Mixed by {made['mixture']['by']}", "Tokens there", "Wanted", "Share wanted", "In an epoch", "Share"]
    left_out = f"Mixing left {made['left_out_documents']:,} documents out of the shards; they are in documents/."
    return f"\n\n{table(head, rows)}\n\n{left_out}"


def reproduce(facts: Facts, recipe: str) -> str:
    """The command and the recipe that it needs."""
    command = fenced("curate run recipe.yaml", "sh")
    return (
        "Save the recipe below as `recipe.yaml` (the run's folder has it too) and run, with the same inputs and versions:\n\n"
        f"{command}\n\n"
        "Locations in it are relative to the folder in which the command runs. The same recipe gives the same documents, tokenizer and "
        "shards, byte for byte, on any engine and with any number of workers. "
        f"Digest of what can change the outcome: `{facts['recipe']['digest']}`.\n\n{fenced(recipe, 'yaml')}"
    )


def versions(facts: Facts) -> str:
    """Versions of the libraries."""
    said = "Installed when this card was written:\n\n"
    return said + table(["Distribution", "Version"], sorted(facts["versions"].items()), 2)


def limits(facts: Facts, about: Mapping[str, str]) -> str:
    """What the steps say of themselves that they miss, and what holds for every card. `about`: step → documentation of its module."""
    lines = [
        "Languages, licences and other labels are measured or claimed, not checked by people; tables count documents, not their worth.",
        "Nothing here says that a document may be used for a purpose: that is for people to decide, with the licence claims as evidence.",
    ]
    if not any("consent" in step["uses"] for step in facts["steps"]):
        lines.append("No step looked at robots.txt, opt-outs or other wishes about machine use.")
    if not any("pii" in step["uses"] for step in facts["steps"]):
        lines.append("No step looked for personal data.")
    if not any("decontaminate" in step["uses"] for step in facts["steps"]):
        lines.append("No step looked for texts of benchmarks.")
    for step in facts["steps"]:
        missed = misses(about.get(step["step"], ""))
        if missed:
            lines.append(f"{cell(step['step'])} misses {prose(missed)}")
    return "\n".join(f"- {line}" for line in dict.fromkeys(lines))


def misses(documentation: str) -> str:
    """What follows `Misses:` in a module's documentation, up to the end of its paragraph or its next label (`Price:`); on one line."""
    for paragraph in re.split(r"\n\s*\n", documentation):
        found = re.search(r"(?:^|\s)Misses:\s+(.*?)(?=(?:^|[.;]\s+|\s+)[A-Z][a-z]+: |$)", " ".join(paragraph.split()))
        if found:
            text = found.group(1)
            return text if text.endswith(".") else f"{text}."
    return ""


def prose(text: str) -> str:
    """A sentence of our own documentation: words between backticks stay code, all else is escaped."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(piece if piece.startswith("`") and piece.endswith("`") and len(piece) > 2 else _words(piece) for piece in pieces)


def _words(text: str) -> str:
    return " ".join(cell(word) if word else "" for word in text.split(" "))


def signoffs(signed: States | str) -> str:
    """Who signed the card, or why the sign-offs do not hold."""
    if isinstance(signed, str):
        return f"> **The sign-offs do not hold.** {cell(signed)}"
    if not signed:
        return "Nobody has signed this card."
    rows = [[one.name, one.role, one.date, one.statement, state] for one, state in signed]
    return table(["Signed by", "Role", "Date", "Statement", "Signed"], rows, 5)


def decided(facts: Facts) -> str | None:
    """What stewards decided, and what they kept against which rules; None where nobody decided."""
    found = facts.get("decided")
    if not found:
        return None
    rows = [["decided", what, number(count)] for what, count in found["decisions"].items()]
    rows += [["kept against", reason, number(count)] for reason, count in found["overridden"].items()]
    return table(["", "Decision or rule", "Documents"], rows, 2) if rows else "No decision met a document of this run."


def forgotten(facts: Facts) -> str | None:
    """What was forgotten on request, and what that made of the version; None where nobody asked."""
    found = facts.get("forgotten")
    if not found:
        return None
    version = found["version"]
    raised = f" This is revision {found['revision']:,} of the corpus."
    raised += (
        f" Its version is {cell(version)}; before, it was {cell(found['version_before'])}." if version and found["version_before"] else ""
    )
    return (
        f"Requests to forget that were carried out after this corpus was made: {found['requests']:,}. Documents that left it by them: "
        f"{found['documents']:,}; rows of documents that had left before, and were emptied: {found['removed']:,}.{raised} "
        "What was forgotten is in no file of the run; later runs know it by keyed hashes and leave it out. Copies made before, and models "
        "trained on them, are not reached by this."
    )


def personal_data(facts: Facts) -> str | None:
    """What was found of personal data; None where no step looked."""
    rows = [
        [one["step"], kind["kind"], number(kind["found"]), number(kind["documents"])]
        for one in facts["content"]["pii"]
        for kind in one["kinds"]
    ]
    return table(["Step", "Kind", "Found in kept documents", "Documents"], rows, 2) if rows else None


def questions(facts: Facts) -> str:
    """What only people can answer: what they said, and what is open."""
    rows = []
    for one in facts["people"]["questions"]:
        needed = "card" in one["required"]
        state = Raw("answered" if not one["open"] else "**open**" if needed else "open")
        rows.append([one["name"], one["asks"], state, ", ".join(one["required"]) or None])
    said = table(["Question", "What is asked", "State", "Required by"], rows, 4)
    return said + (
        "\n\nAnswers stand under `card:` in the recipe, or in `card.yaml` in the run's folder (`curate card --questions`). "
        "A form with an open question that it requires is a draft."
    )


def files(facts: Facts) -> str:
    """What the facts were computed from."""
    rows = [[path, Raw(f"`{entry['digest']}`")] for path, entry in sorted(facts["files"].items())]
    return table(["File", "Digest"], rows, 2)
