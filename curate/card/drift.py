"""Drift of schemas: fields that appear, vanish or change their type between the files of a source, and between sources.

From what tasks noted in the ledger of the records that they read, added up by file, so that neither parts nor order show. A null is no type: a
field that is null in some records has not changed. Sources without fields (web archives, text files) have no part in it.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from curate.card.folder import LEDGER, Folder

MAX_SOURCES = 5
MAX_LISTED = 100
"""Fields of a source that are listed; those that drift come first."""
NULL = "null"
Sources = dict[str, defaultdict[str, set[str]]]
"""Source → field → its types in any file."""
File = tuple[int, Counter[tuple[str, str]]]
"""Records, and how many of them have a field of a type."""


def schemas(folder: Folder) -> list[dict[str, Any]] | None:
    """A mapping for each source whose records have fields, in the form of `manifest.SchemaFacts`; None where no source has any."""
    found = _files(folder)
    sources: Sources = {source: defaultdict(set) for source in found}
    for source, files in found.items():
        for _, counts in files.values():
            for name, dtype in counts:
                sources[source][name].add(dtype)
    return [_source(source, found[source], sources) for source in sorted(found)] or None


def _files(folder: Folder) -> dict[str, dict[str, File]]:
    """Source → container → what was counted of it."""
    found: dict[str, dict[str, File]] = defaultdict(dict)
    for raw in folder.store.read(LEDGER).splitlines():
        if b'"schema":{' not in raw:
            continue
        told = json.loads(raw)["facts"].get("schema")
        keys = [(name, dtype) for name, dtype in told["fields"]]
        for container, (records, *counts) in told["files"].items():
            total, before = found[told["source"]].get(container, (0, Counter()))
            before.update({key: count for key, count in zip(keys, counts, strict=True) if count})
            found[told["source"]][container] = (total + records, before)
    return found


def _source(source: str, files: dict[str, File], sources: Sources) -> dict[str, Any]:
    fields = [_field(name, files, source, sources) for name in sorted(sources[source])]
    fields.sort(key=lambda one: (not one["drifts"], one["name"]))
    return {
        "source": source,
        "files": len(files),
        "records": sum(records for records, _ in files.values()),
        "drifting": sum(one["drifts"] for one in fields),
        "fields": fields[:MAX_LISTED],
        "others": max(0, len(fields) - MAX_LISTED),
    }


def _field(name: str, files: dict[str, File], source: str, sources: Sources) -> dict[str, Any]:
    types: dict[str, dict[str, Any]] = {}
    missing = []
    for container in sorted(files):
        here = {dtype: count for (field, dtype), count in files[container][1].items() if field == name}
        if not here:
            missing.append(container)
        for dtype, count in here.items():
            one = types.setdefault(dtype, {"records": 0, "files": 0, "first": container})
            one["records"] += count
            one["files"] += 1
    return {
        "name": name,
        "types": dict(sorted(types.items())),
        "missing_files": len(missing),
        "first_missing": missing[0] if missing else None,
        "missing_sources": sorted(other for other, names in sources.items() if name not in names),
        "differing_sources": sorted(
            other for other, names in sources.items() if name in names and names[name] - {NULL} != sources[source][name] - {NULL}
        ),
        "drifts": bool(missing) or len(types.keys() - {NULL}) > 1,
    }


def said(facts: Mapping[str, Any]) -> Iterator[list[str]]:
    """[source, field, what drifts] for a table: the drift between files of a source, then the fields that other sources have not."""
    for one in facts.get("schemas") or ():
        for field in one["fields"]:
            types = [
                f"{dtype} in {told['records']:,} records of {told['files']:,} files (first {told['first']})"
                for dtype, told in field["types"].items()
                if dtype != NULL
            ]
            parts = types if len(types) > 1 else []
            if field["missing_files"]:
                parts.append(f"missing in {field['missing_files']:,} of {one['files']:,} files (first {field['first_missing']})")
            for words, others in (("not in", field["missing_sources"]), ("of another type in", field["differing_sources"])):
                if others:
                    parts.append(f"{words} {', '.join(others[:MAX_SOURCES])}" + (" and others" if len(others) > MAX_SOURCES else ""))
            if parts:
                yield [one["source"], field["name"], "; ".join(parts)]
