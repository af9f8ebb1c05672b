"""The list behind `curate shards attribution`: kept documents that are in the shards and whose licence asks to be named."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import pyarrow as pa

from curate.card.folder import open_folder
from curate.card.markdown import MAX_CHARS, cell
from curate.errors import ShardError
from curate.rights import expression
from curate.schema import column
from curate.shards.attribution import AUTHOR_COLUMNS, Work, plain, works
from curate.shards.reader import Corpus
from curate.store import Store

FIELDS = ("title", "author", "url", "source", "license", "license_url", "changes", "id")


def listed(run: Store, corpus: Corpus) -> Iterator[Work]:
    """The works, in the order of documents/; none that was forgotten."""
    folder = open_folder(run)
    licensed = folder.using("license")
    if not licensed:
        raise ShardError(
            f"attribution: expected a run with a step `license`, got the steps {[s.name for s in folder.steps]}; add it and run again"
        )
    spdx = column(licensed[0], "spdx")
    titles = [column(name, "title") for name in folder.using("markup")]
    title = next((name for name in (*titles, "title") if name in folder.documents.names), None)
    alive = np.sort(corpus.ids())
    wanted = ["id", "source", "url", spdx, *([title] if title else []), *AUTHOR_COLUMNS]
    for batch in folder.documents.batches(wanted):
        here = np.array(batch["id"].to_pylist(), dtype="S16")
        at = np.searchsorted(alive, here).clip(max=max(0, len(alive) - 1))
        rows = batch.take(pa.array(np.flatnonzero(alive[at] == here))) if len(alive) else batch.slice(0, 0)
        yield from works(rows.to_pylist(), spdx, title, _bits)


def _bits(spdx: str) -> Iterable[str]:
    found = expression(spdx)
    return found.bits if found else ()


def written(found: Iterable[Work], form: Literal["jsonl", "csv", "markdown"]) -> Iterator[str]:
    """The list as lines."""
    if form == "jsonl":
        for work in found:
            yield json.dumps(plain(work), ensure_ascii=False)
    elif form == "csv":
        yield _csv(FIELDS)
        for work in found:
            yield _csv([getattr(work, name) or "" for name in FIELDS])
    else:
        yield "| work | author | source | licence | changes |\n|---|---|---|---|---|"
        for work in found:
            address = f" <{work.url}>" if work.url else ""
            licence = f"{work.license} <{work.license_url}>" if work.license_url else work.license
            cells = (f"{work.title or work.id}{address}", work.author or "not named", work.source, licence, work.changes)
            yield "| " + " | ".join(_whole(one) for one in cells) + " |"


def _whole(value: str) -> str:
    """A table's cell that is not cut: an address that is owed has to be whole."""
    return "".join(cell(value[at : at + MAX_CHARS]) for at in range(0, len(value), MAX_CHARS))


def _csv(values: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()
