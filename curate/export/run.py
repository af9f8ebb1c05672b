"""`curate export`: choose documents of the shards, and write each split as another trainer reads it.

Documents come in the order of the shards, which is shuffled already. A document that `mix` repeats k times comes in the first k passes over
the chosen ones, so copies lie far apart. Forgotten documents are not in the shards that are read here, so they cannot come along.

    OUTPUT/<split>…               the format's own files; splits without a document are left out
    OUTPUT/<split>.documents.arrow    doc_id, tokens, source, license and pass of each document written, in order
    OUTPUT/export.json            from which corpus, by which condition, how many, and xxh3_64 of every file
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from curate.errors import ShardError, StoreError
from curate.export.formats import BOUNDARY, WRITERS, Boundary, Format
from curate.export.where import Condition, Words
from curate.shards.boundary import FIRST, bare
from curate.shards.format import SPLITS
from curate.shards.reader import Corpus
from curate.store import Store

EXPORT_FORMAT = "curate/export/1"
EXPORTS = "exports.jsonl"
"""In the run: a line for each export made from it, `folder`, `to`, `corpus_id`, so that `curate forget` finds them."""
TEXT_KIND = "text"
Around = tuple[np.ndarray, np.ndarray]
"""The tokens before and behind each document."""


@dataclass(frozen=True)
class Chosen:
    """The documents of a corpus, and which of them are meant. Document d is rows first[d] to first[d] + rows[d]."""

    first: np.ndarray
    rows: np.ndarray
    tokens: np.ndarray
    repeats: np.ndarray
    split: np.ndarray
    mask: np.ndarray

    def passes(self, split: int) -> Iterator[tuple[int, np.ndarray]]:
        """(pass, int64[k] numbers of documents in it): all that are chosen, then those that come again, and so on."""
        mine = np.flatnonzero(self.mask & (self.split == split))
        for number in range(int(self.repeats[mine].max(initial=0))):
            yield number, mine[self.repeats[mine] > number]


def choose(corpus: Corpus, where: str | None, classes: dict[str, str]) -> Chosen:
    """The documents that a condition means, all without one. `classes`: licence → class. ShardError where it means none."""
    first = np.flatnonzero(corpus.column("piece") == 0)
    tokens = np.add.reduceat(corpus.lengths(), first) if len(first) else np.empty(0, dtype=np.int64)
    source, license_, split, repeats, n_bytes, pieces = (
        corpus.column(name)[first].astype(np.int64) for name in ("source", "license", "split", "repeats", "n_bytes", "pieces")
    )
    names = sorted(set(classes.values()))
    class_of = np.array([names.index(classes[one]) for one in corpus.meta.licenses], dtype=np.int64)
    columns: dict[str, Words | np.ndarray] = {
        "source": Words(source, corpus.meta.sources),
        "license": Words(license_, corpus.meta.licenses),
        "license_class": Words(class_of[license_] if len(class_of) else license_, tuple(names)),
        "split": Words(split, SPLITS),
        "tokens": tokens,
        "n_bytes": n_bytes,
        "repeats": repeats,
    }
    mask = Condition(where, columns).mask() if where is not None else np.ones(len(first), dtype=bool)
    if not mask.any():
        raise ShardError(
            f"export: expected documents where {where or 'anything'}, got 0 of {len(first)}; `curate shards stats` lists sources and licences"
        )
    return Chosen(first, pieces, tokens, repeats, split, mask)


def export(
    corpus: Corpus, output: str | Path, to: Format, where: str | None, classes: dict[str, str], boundary: Boundary | None = None
) -> dict[str, Any]:
    """Write the chosen documents; returns what `export.json` says. StoreError where the output folder is not empty."""
    if corpus.meta.kind != TEXT_KIND:
        raise ShardError(
            f"export: expected shards of kind {TEXT_KIND}, got {corpus.meta.kind}; {to} has no place for what is learned: read the shards "
            "themselves"
        )
    folder = Path(output)
    if folder.exists() and any(folder.iterdir()):
        raise StoreError(f"output {folder}: expected an empty folder, got one with {next(folder.iterdir()).name}; choose another --output")
    folder.mkdir(parents=True, exist_ok=True)
    chosen = choose(corpus, where, classes)
    place = boundary or _boundary(corpus, to)
    around = around_of(corpus, place)
    chosen = replace(chosen, tokens=chosen.tokens - corpus.meta.around + len(around[0]) + len(around[1]))
    splits: dict[str, Any] = {}
    for code, split in enumerate(SPLITS):
        passes = list(chosen.passes(code))
        if passes:
            splits[split] = _write(corpus, folder, split, to, chosen, passes, around)
    done = {
        "format": EXPORT_FORMAT,
        "to": to,
        "corpus_id": corpus.corpus_id,
        "where": where,
        "boundary": place,
        "boundary_token": corpus.meta.eos_id,
        **({"bos_token": corpus.meta.bos_id} if corpus.meta.bos_id is not None else {}),
        "vocab_size": corpus.meta.vocab_size,
        "tokenizer_fingerprint": corpus.meta.tokenizer_fingerprint,
        "splits": splits,
    }
    Store(str(folder)).write("export.json", (json.dumps(done, indent=1, ensure_ascii=False) + "\n").encode())
    return done


def _write(
    corpus: Corpus, folder: Path, split: str, to: Format, chosen: Chosen, passes: list[tuple[int, np.ndarray]], around: Around
) -> dict[str, Any]:
    """One split: its files, its side-car, and what came of it."""
    order = np.concatenate([documents for _, documents in passes])
    number = np.repeat([one for one, _ in passes], [len(documents) for _, documents in passes])
    stream = (_tokens(corpus, int(chosen.first[d]), int(chosen.rows[d]), around) for d in order.tolist())
    dtype = np.dtype(corpus.meta.token_type.to_pandas_dtype())
    name = {"train": "train", "validation": "val", "test": "test"}[split]
    paths = WRITERS[to](folder, name, stream, dtype, corpus.meta.vocab_size, corpus.meta.tokenizer_fingerprint)
    paths.append(_side_car(corpus, folder / f"{name}.documents.arrow", chosen, order, number))
    return {
        "documents": len(np.unique(order)),
        "documents_with_repeats": len(order),
        "tokens": int(chosen.tokens[order].sum()),
        "files": [{"path": path.name, "bytes": path.stat().st_size, "xxh3_64": file_hash(path)} for path in paths],
    }


def _boundary(corpus: Corpus, to: Format) -> Boundary:
    """Where the tokens between documents stand if nobody says: as the recipe has it where it says something, else as the format's own tools do."""
    said: Boundary = corpus.meta.boundary_policy  # type: ignore[assignment]
    return BOUNDARY[to] if said == FIRST else said


def around_of(corpus: Corpus, place: Boundary) -> Around:
    """The tokens before and behind each document of an export, of none, one or both."""
    eos = [corpus.meta.eos_id]
    bos = eos if corpus.meta.bos_id is None else [corpus.meta.bos_id]
    before, behind = {"first": (eos, []), "last": ([], eos), "both": (bos, eos), "none": ([], [])}[place]
    dtype = corpus.meta.token_type.to_pandas_dtype()
    return np.array(before, dtype=dtype), np.array(behind, dtype=dtype)


def _tokens(corpus: Corpus, first: int, rows: int, around: Around) -> np.ndarray:
    """A document's tokens, those around it where the export has them."""
    pieces = [corpus.row_tokens(row) for row in range(first, first + rows)]
    text = bare(pieces[0] if rows == 1 else np.concatenate(pieces), corpus.meta.before, corpus.meta.behind)
    return np.concatenate([around[0], text, around[1]])


def _side_car(corpus: Corpus, path: Path, chosen: Chosen, order: np.ndarray, number: np.ndarray) -> Path:
    """Which document each one was: other formats know no ids."""
    first = chosen.first[order]
    ids = pa.Array.from_buffers(pa.binary(16), len(order), [None, pa.py_buffer(np.ascontiguousarray(corpus.ids()[first]))])
    table = pa.table(
        {
            "doc_id": ids,
            "tokens": pa.array(chosen.tokens[order], pa.uint64()),
            "source": pa.array(corpus.meta.sources, pa.string()).take(pa.array(corpus.column("source")[first])),
            "license": pa.array(corpus.meta.licenses, pa.string()).take(pa.array(corpus.column("license")[first])),
            "pass": pa.array(number, pa.uint16()),
        }
    )
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)
    return path


def note(run: Store, output: str | Path, done: dict[str, Any]) -> None:
    """Write down in the run that an export of it was made, each folder once."""
    lines = run.read(EXPORTS).splitlines() if run.exists(EXPORTS) else []
    line = json.dumps({"folder": str(Path(output).absolute()), "to": done["to"], "corpus_id": done["corpus_id"]}, ensure_ascii=False)
    run.write(EXPORTS, b"".join(one + b"\n" for one in dict.fromkeys([*lines, line.encode("utf-8", "surrogatepass")])))


def file_hash(path: Path) -> str:
    """xxh3_64 of a file, 16 hex digits."""
    digest = xxhash.xxh3_64()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()
