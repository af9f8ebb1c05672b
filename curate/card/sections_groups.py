"""Sections of the card that compare groups: of documents, of those that name a group of people, of languages; as Markdown."""

from collections.abc import Mapping
from typing import Any

from curate.card.markdown import number, table

Facts = Mapping[str, Any]
SHOWN_GROUPS, SHOWN_TERMS = 15, 30


def identity(facts: Facts) -> str | None:
    """Terms, and rules that fall on documents with one otherwise than on those without; None where no step looked."""
    made = []
    for one in facts.get("identity") or ():
        rows = [
            [t["term"], number(t["documents"]), f"{t['share']:.2%}", number(t["kept"]), *_interval(t)] for t in one["terms"][:SHOWN_TERMS]
        ]
        head = ["Term", "Documents", "Of all", "Kept", "Ratio", "95 % interval"]
        made.append(f"`{one['step']}` looked at {one['documents']:,} documents, of which {one['kept']:,} were kept.")
        made.append(table(head, rows, 1) if rows else "None of the terms was found.")
        told = differing(one)
        if told:
            made.append(
                f"> **Warning.** {len(told)} of {len(one['rules']):,} pairs of rule and term have an interval of the removal-rate ratio that leaves out 1: "
                "the rule falls on documents with the term otherwise than on those without. One pair in twenty does so by chance."
            )
            rows = [
                [f"{r['step']}:{r['reason']}", r["term"], f"{r['removed']:,} of {r['reached']:,}", f"{r['others_removed']:,} of {r['others']:,}",
                 f"{r['ratio']:.2f}", "{:.2f} to {:.2f}".format(*r["interval"])]
                for r in told[:SHOWN_TERMS]
            ]  # fmt: skip
            made.append(table(["Rule", "Term", "With it", "Without", "Ratio", "95 % interval"], rows, 2))
        elif one["rules"]:
            made.append(
                f"Of {len(one['rules']):,} pairs of rule and term none has an interval of the removal-rate ratio that leaves out 1."
            )
    return "\n\n".join(made) or None


def differing(one: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Pairs of rule and term that differ, the farthest from 1 first."""
    told = [rule for rule in one["rules"] if rule["differs"]]
    return sorted(told, key=lambda rule: (-max(rule["ratio"], 1 / max(rule["ratio"], 1e-4)), rule["step"], rule["reason"], rule["term"]))


def _interval(group: Mapping[str, Any]) -> tuple[str, str]:
    return f"{group['ratio']:.1%}", "{:.1%} to {:.1%}".format(*group["interval"])


def balance(facts: Facts) -> str | None:
    """Groups of documents: how many came and how many stayed, with the interval of their ratio; None where all are of one group."""
    made = []
    for one in facts.get("balance") or ():
        rows = [
            [group["value"], number(group["documents"]), number(group["kept"]), *_interval(group)] for group in one["groups"][:SHOWN_GROUPS]
        ]
        if len(rows) > 1:
            made.append(table([one["by"].capitalize(), "Documents in", "Kept", "Ratio", "95 % interval"], rows, 1))
    return "\n\n".join(made) or None


def toxicity(facts: Facts) -> str | None:
    """What was found of toxic text, by language; None where no step looked."""
    made = []
    for one in facts.get("toxicity") or ():
        rows = [
            [
                said["language"] or "not told",
                number(said["documents"]),
                *_share(said, "listed"),
                *_share(said, "likely"),
                number(said["removed"]),
            ]
            for said in one["languages"][:SHOWN_GROUPS]
        ]
        head = ["Language", "Documents", "With listed words", "Of all", "Likely toxic by the model", "Of all", "Removed"]
        made.append(f"By `{one['step']}`, over the documents that it measured:")
        made.append(table(head, rows, 1))
    return "\n\n".join(made) or None


def _share(said: Mapping[str, Any], name: str) -> tuple[str | None, str | None]:
    if said[name] is None:
        return None, None
    return number(said[name]), f"{said[name] / said['documents']:.2%}" if said["documents"] else None
