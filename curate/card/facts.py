"""The facts of a card: one manifest computed from a run's folder, and from nothing else.

The same folder gives the same facts, byte for byte; so do other engines, numbers of workers and, but for the section `files`, other part
sizes and orders of inputs. No time, host or path of the machine enters. Counts are integers; the one ratio is rounded to four decimals.
Facts that only people can give are listed by name as open until the recipe's `card` says them.

Price: the ledger, the counted columns of `documents/` and `removed/`, and four columns of the shards.
Misses: versions are those installed when the card is written, since the ledger keeps them only inside the names of its tasks.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from blake3 import blake3

from curate import barrier
from curate.card import content, manifest, measures, questions
from curate.card.balance import balance
from curate.card.decided import decided
from curate.card.drift import schemas
from curate.card.folder import FORGET, LEDGER, READ, READ_ERROR, RECIPE, Folder, StepSaid, add, open_folder, read_json
from curate.card.forgotten import forgotten, receipts, version_now
from curate.card.identity import identity
from curate.card.toxicity import toxicity
from curate.errors import LedgerError, ShardError
from curate.ledger import Balance
from curate.schema import ID_MODULUS
from curate.shards import format as layout
from curate.stage import DECIMALS, Stage, versions
from curate.store import Store

FACTS = "card/facts.json"
DISTRIBUTIONS = ("curate", "blake3", "fastwarc", "numba", "numpy", "pyarrow", "tldextract", "tokenizers", "xxhash", "zstandard")
"""What every run uses; steps name the rest."""
REQUIRED = tuple(one.name for one in questions.QUESTIONS if "card" in one.required)
"""Answers without which a card is a draft."""
USAGE = "tokenizer/usage.json"
SHARDS, TOKENIZER = f"shards/{layout.MANIFEST}", "tokenizer/tokenizer.json"


def compute(store: Store) -> dict[str, Any]:
    """The facts of a finished run, as plain JSON values in the form of `manifest.Facts`.

    StoreError: no run, one still going, or damaged files. LedgerError, ShardError: ledger, tables and shards do not tell the same.
    """
    return gather(store)[0]


def gather(store: Store) -> tuple[dict[str, Any], content.Contents]:
    """The facts, and the counts of all values of which they hold the top."""
    folder = open_folder(store)
    first, last = folder.segments[0], folder.segments[-1]
    shards = _shards(folder)
    by_reason, by_source, duplicates = content.removed(folder)
    _compare(folder, by_reason)
    contents = content.kept(folder, shards)
    facts: dict[str, Any] = {
        "format": manifest.FORMAT,
        "name": folder.name,
        "recipe": _recipe(folder),
        "inputs": sorted(
            ({"uri": one["uri"], "source": one["source"]} for one in folder.recipe["input"]), key=lambda i: (i["source"], i["uri"])
        ),
        "read": {
            "records": first.records,
            "documents": first.documents,
            "skipped": dict(sorted(first.skipped.items())),
            "errors": first.read_errors,
            "text_bytes": first.bytes_in,
        },
        "steps": list(flow(folder)),
        "removed": {
            "documents": folder.removed.num_rows - first.read_errors,
            "text_bytes": sum(segment.bytes_removed for segment in folder.segments),
            "by_source": dict(sorted(by_source.items())),
        },
        "kept": {"documents": last.kept, "text_bytes": last.bytes_kept, "ids": f"{last.ids_kept % ID_MODULUS:032x}"},
        "content": contents.facts(tokens=shards is not None),
        "measures": measures.distributions(folder),
        "balance": balance(folder, contents),
        "identity": identity(folder),
        "toxicity": toxicity(folder),
        "duplicates": duplicates,
        "contamination": content.contamination(folder),
        "orphans": content.orphans(folder) if folder.recipe.get("accept_orphans") else None,
        "tokens": _tokens(folder, shards),
        "versions": _versions(folder),
        "columns": [{"name": one.name, "type": str(one.type)} for one in folder.documents.schema],
        "people": _people(folder),
        "files": _files(folder),
    }
    if (fields := schemas(folder)) is not None:
        facts["schemas"] = fields
    if (people := decided(folder)) is not None:
        facts["decided"] = people
    if (asked := forgotten(store, questions.answers(store, folder.recipe).get("version"))) is not None:
        facts["forgotten"] = asked
    return manifest.checked(facts), contents


def _recipe(folder: Folder) -> dict[str, Any]:
    """The recipe by its digest."""
    said = folder.recipe
    return {
        "digest": recipe_digest(said),
        "after_verdict": said.get("after_verdict"),
        "accept_orphans": bool(said.get("accept_orphans")),
    }


def recipe_digest(said: Mapping[str, Any]) -> str:
    """Of everything in a recipe, as run, that can change a row or a token."""
    inputs = sorted(layout.canonical_json(one).decode("utf-8", "surrogatepass") for one in said["input"])
    means = {key: value for key, value in said.items() if key not in ("card", "limits", "input") and value is not None}
    means |= {"input": inputs, "document_bytes": (said.get("limits") or {}).get("document_bytes")}
    return "blake3:" + blake3(layout.canonical_json(means)).hexdigest()


def flow(folder: Folder) -> Iterator[dict[str, Any]]:
    """Step by step in the order in which they ran: documents and bytes of text in, out, removed by reason, added and cut."""
    documents, text = folder.segments[0].documents, folder.segments[0].bytes_in
    for segment, steps in zip(folder.segments, _by_segment(folder), strict=True):
        for name, step in steps:
            reasons = {
                key.partition(":")[2]: {"documents": count, "text_bytes": segment.removed_bytes[key]}
                for key, count in sorted(segment.removed.items())
                if key.startswith(f"{name}:") and key != READ_ERROR
            }
            entry: dict[str, Any] = {
                "step": name,
                "uses": step.uses if step else FORGET if name == FORGET else "same_record",
                "only": list(step.only) if step and step.only is not None else None,
                "rules": {rule.reason: rule.text for rule in step.rules} if step else {},
                "measured": segment.entered[name],
                "documents_in": documents,
                "text_bytes_in": text,
                "text_bytes_added": segment.added[name],
                "text_bytes_cut": segment.cut[name],
                "removed": reasons,
            }
            declared = step.declared if step else None
            if isinstance(declared, Stage) and declared.splits:
                entry["split"] = {"documents": segment.split[name], "segments": segment.born[name]}
            documents += segment.born[name] - segment.split[name] - sum(reason["documents"] for reason in reasons.values())
            text += segment.added[name] - segment.cut[name] - sum(reason["text_bytes"] for reason in reasons.values())
            yield entry | {"documents_out": documents, "text_bytes_out": text}
        if (documents, text) != (segment.kept, segment.bytes_kept):
            after = steps[-1][0] if steps else READ
            raise LedgerError(
                f"{folder.store.root}/{LEDGER}: expected {segment.kept} documents and {segment.bytes_kept} bytes after {after}, "
                f"got {documents} and {text}; run the recipe again"
            )


def _by_segment(folder: Folder) -> list[list[tuple[str, StepSaid | None]]]:
    """The steps of each segment; `read` (records read twice leave) and `forget` stand where they ran, None as their step."""
    own = (READ, FORGET)
    placed: list[list[tuple[str, StepSaid | None]]] = [
        [(one, None) for one in own if one in segment.entered] for segment in folder.segments
    ]
    current = 0
    for step in folder.steps:
        current = next((i for i in range(current, len(placed)) if step.name in folder.segments[i].entered), current)
        placed[current].append((step.name, step))
    return placed


def _compare(folder: Folder, by_reason: Mapping[str, int]) -> None:
    """What lies in removed/ must be what the ledger counted, reason by reason."""
    total = Balance()
    for segment in folder.segments:
        add(total, segment)
    counted = {reason: count for reason, count in total.removed.items() if count}
    for reason in sorted(counted.keys() | by_reason.keys()):
        if counted.get(reason, 0) != by_reason.get(reason, 0):
            raise LedgerError(
                f"{folder.store.root}/removed: expected {counted.get(reason, 0)} rows of {reason} as in {LEDGER}, "
                f"got {by_reason.get(reason, 0)}; run the recipe again"
            )


def _shards(folder: Folder) -> dict[str, Any] | None:
    """The shards' manifest, checked against the documents; None for a run without shards."""
    manifest = folder.json(SHARDS)
    if manifest is None:
        return None
    where = f"{folder.store.root}/{SHARDS}"
    if manifest.get("format") not in (*layout.MANIFEST_FORMATS.values(), layout.POLICY_MANIFEST_FORMAT):
        raise ShardError(f"{where}: expected format {layout.MANIFEST_FORMAT}, got {manifest.get('format')}; run the recipe again")
    if manifest.get("corpus_id") != layout.corpus_id(manifest):
        raise ShardError(f"{where}: expected corpus_id {layout.corpus_id(manifest)}, got {manifest.get('corpus_id')}; run the recipe again")
    found = sum(manifest[name]["documents"] for name in ("totals", "forgotten", "left_out"))
    if found != (wanted := folder.documents.num_rows + folder.forgotten_documents):
        raise ShardError(f"{where}: expected {wanted} documents as in documents/, got {found}; run the recipe again")
    return manifest


def _tokens(folder: Folder, shards: dict[str, Any] | None) -> dict[str, Any] | None:
    """Tokens of what was kept, each document's boundary token included; None for a run without shards."""
    if shards is None:
        return None
    totals, tokenizer = shards["totals"], shards["tokenizer"]
    hidden = shards["deletions"] or {"documents": 0, "tokens": 0, "text_bytes": 0}
    said = folder.recipe.get("tokenizer") or {}
    return {
        "corpus_id": shards["corpus_id"],
        "tokens": totals["tokens"] - hidden["tokens"],
        "documents": totals["documents"] - hidden["documents"],
        "forgotten_documents": shards["forgotten"]["documents"] + hidden["documents"],
        "left_out_documents": shards["left_out"]["documents"],
        "by_split": totals["split_tokens"],
        "mixture": shards["mixture"],
        "shards": totals["shards"],
        "bytes_per_token": round(totals["text_bytes"] / totals["tokens"], DECIMALS) if totals["tokens"] else None,
        "by_source": totals["source_tokens"],
        "by_license": totals["license_tokens"],
        "tokenizer": {
            "fingerprint": tokenizer["fingerprint"],
            "probe_hash": tokenizer["probe_hash"],
            "vocab_size": tokenizer["vocab_size"],
            "trained_here": "file" not in said,
        },
        "usage": json.loads(folder.store.read(USAGE)) if folder.store.exists(USAGE) else None,
    }


def _versions(folder: Folder) -> dict[str, str]:
    """Installed versions of what every run uses and of what the steps declare."""
    declared = [step.declared for step in folder.steps]
    said = folder.recipe.get("tokenizer")
    if said is not None and "file" not in said and "train_tokenizer" in barrier.names():
        declared.append(barrier.load("train_tokenizer"))
    wanted = {*DISTRIBUTIONS, *(name for one in declared if one is not None for name in one.distributions)}
    return {name: version for name, version in versions(tuple(sorted(wanted))).items() if version != "absent"}


def _people(folder: Folder) -> dict[str, Any]:
    """What people said, and which questions are open; one that the card needs makes it a draft."""
    said = questions.answers(folder.store, folder.recipe)
    if "version" in said:
        said["version"] = str(version_now(said["version"], receipts(folder.store)))
    asked: list[dict[str, Any]] = [
        {"name": one.name, "asks": one.asks, "required": list(one.required), "open": one.name not in said} for one in questions.QUESTIONS
    ]
    return {"said": said, "questions": asked, "draft": any("card" in one["required"] and one["open"] for one in asked)}


def _files(folder: Folder) -> dict[str, Any]:
    """Digests of what the facts were computed from. Part sizes show here, and only here."""
    store = folder.store
    listed: dict[str, dict[str, Any]] = {}
    for path in (RECIPE, LEDGER, "documents/manifest.json", "removed/manifest.json", SHARDS, TOKENIZER):
        if store.exists(path):
            data = store.read(path)
            listed[path] = {"digest": "blake3:" + blake3(data).hexdigest(), "sha256": hashlib.sha256(data).hexdigest()}
    for rows in (folder.documents, folder.removed):
        listed[f"{rows.folder}/manifest.json"] |= {"files": len(rows.files), "bytes": sum(file.bytes for file in rows.files)}
    return listed


def load(store: Store) -> dict[str, Any]:
    """The facts as a card has them on disk; StoreError without a card."""
    return read_json(store, FACTS)
