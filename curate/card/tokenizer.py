"""The section of a card on the tokenizer: bytes a token and tokens a word by source, language and script, and other tokenizers beside it."""

from collections.abc import Mapping
from typing import Any

from curate.card.markdown import number, size, table

SHOWN = 20


def usage(facts: Mapping[str, Any]) -> str | None:
    """None for a run without shards, and for one made before this was counted."""
    found = (facts["tokens"] or {}).get("usage")
    if found is None:
        return None
    parts = [
        "Boundary tokens are not counted. Words are what lies between blanks, so tokens a word mean little in scripts that have none. "
        f"{found['num_unused_tokens']:,} tokens of the vocabulary occur nowhere in the corpus."
    ]
    for name, heading in (("source", "Source"), ("language", "Language"), ("script", "Script")):
        groups = list(found.get(f"by_{name}", {}).items())
        if not groups:
            continue
        rows = [_row(value, one) for value, one in groups[:SHOWN]]
        if len(groups) > 1:
            rows.append(_row("all", found["all"]))
        head = [heading, "Documents", "Text", "Tokens", "Bytes a token", "Tokens a word"]
        more = f"\n\n{len(groups) - SHOWN:,} more are in `tokenizer/usage.json`." if len(groups) > SHOWN else ""
        parts.append(table(head, rows, 1) + more)
    if found["compared"]:
        rows = [[one["tokenizer"], number(one["tokens"]), _ratio(one["bytes_per_token"])] for one in found["compared"]]
        seen = found["compared"][0]
        sample = f"On a sample of {seen['documents']:,} documents ({size(seen['text_bytes'])}), chosen by their place in the shuffle:"
        parts += [sample, table(["Tokenizer", "Tokens", "Bytes a token"], rows, 1)]
    return "\n\n".join(parts)


def _row(name: str, one: Mapping[str, Any]) -> list[str]:
    ratios = [_ratio(one["bytes_per_token"]), _ratio(one["tokens_per_word"])]
    return [name, number(one["documents"]), size(one["text_bytes"]), number(one["tokens"]), *ratios]


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
