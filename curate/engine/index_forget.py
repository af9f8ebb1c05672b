"""Forgetting in the index of a family of runs: the hashes of some documents leave the segment of one run.

Their keyed rows go; their entries are emptied and stay in their place, since keyed rows know a document by the number of its entry. Later runs
that are made again compare with what is left. Files are written under their new names before the manifest names them.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.engine.exchange import write_run
from curate.engine.index import MANIFEST, digest_of_json, manifest_of
from curate.engine.recall import check_size
from curate.engine.steps import Segment
from curate.engine.tasks_index import EntriesWriter
from curate.store import File, Store


def forget(index: Store, run: str, ids: set[bytes], write: bool = True) -> dict[str, Any] | None:
    """Take documents out of a run's segment: how many by step, digests before and after; None where the index has no such run."""
    if not index.exists(f"{run}/{MANIFEST}"):
        return None
    about = dict(manifest_of(index, run))
    before, steps, counts = digest_of_json(about), {}, {}
    made: set[str] = set()
    for name, step in about["steps"].items():
        slots, gone = [], 0
        for slot in step["slots"]:
            new, count = _slot(index, run, slot, ids, write)
            slots.append(new)
            gone += count
            made |= {entry["path"] for entry in [*new["keys"], new["entries"]] if entry}
        steps[name] = dict(step) | {"slots": slots, "documents": step["documents"] - gone}
        counts[name] = gone
    about["steps"] = steps
    after = digest_of_json(about)
    if write and after != before:
        index.write_json(f"{run}/{MANIFEST}", about | {"digest": after})
        for name in index.list(run):
            if name != MANIFEST and name not in made:
                index.remove(f"{run}/{name}")
    return {"run": run, "by_step": counts, "manifest_before": before, "manifest_after": after if write else before}


def _slot(index: Store, run: str, slot: Mapping[str, Any], ids: set[bytes], write: bool) -> tuple[dict[str, Any], int]:
    """The slot without the documents, and how many they were."""
    wanted = pa.array(sorted(ids), pa.binary(16))
    segment = Segment(root=index.root, run=run, digest="", slots=())
    keys, seen = [], set()
    for entry in slot["keys"]:
        table = pa.Table.from_batches(list(_batches(index, segment, entry)))
        hit = pc.is_in(table["id"], value_set=wanted)
        seen.update(table.take(pc.indices_nonzero(hit))["id"].to_pylist())
        if write and pc.any(hit).as_py():
            left = table.take(pc.indices_nonzero(pc.invert(hit)))
            half = f"{run}/{entry['path']}.new"
            keys.append(_named(index, run, half, write_run(index, half, left.replace_schema_metadata(None), sealed=True)))
        else:
            keys.append(dict(entry))
    entries = slot["entries"]
    if entries is not None:
        entries, found = _emptied(index, segment, entries, wanted, write)
        seen |= found
    return {"keys": keys, "entries": entries}, len(seen)


def _emptied(index: Store, segment: Segment, entry: Mapping[str, Any], wanted: pa.Array, write: bool) -> tuple[dict[str, Any], set[bytes]]:
    """Entries with those of some documents emptied, and whose they were."""
    found: set[bytes] = set()
    half = f"{segment.run}/{entry['path']}.new"
    with ExitStack() as stack:
        writer = EntriesWriter(index, half, stack)
        for batch in _batches(index, segment, entry):
            hit = pc.is_in(batch["id"], value_set=wanted)
            found.update(batch.take(pc.indices_nonzero(hit))["id"].to_pylist())
            if write:
                arrays = [
                    pc.if_else(hit, pa.scalar(bytes(16) if pa.types.is_fixed_size_binary(array.type) else [], array.type), array)
                    for array in batch.columns
                ]
                writer.write(pa.table(arrays, names=batch.schema.names))
        files = writer.close() if write else []
    if not found:
        if write:
            index.remove(half)
        return dict(entry), found
    return (_named(index, segment.run, half, files[0]) if write else dict(entry)), found


def _batches(index: Store, segment: Segment, entry: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
    file = File(**{**entry, "path": f"{segment.run}/{entry['path']}"})
    check_size(segment, file)
    with index.open(file.path) as source:
        reader = pa.ipc.open_file(source)
        empty = reader.num_record_batches == 0
        if empty:
            yield pa.RecordBatch.from_pylist([], schema=reader.schema)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def _named(index: Store, run: str, half: str, file: File) -> dict[str, Any]:
    """A new file under the name that its content gives it; its entry in the manifest."""
    path = f"{file.digest.partition(':')[2]}.arrow"
    index.copy(half, f"{run}/{path}")
    index.remove(half)
    return asdict(file) | {"path": path}
