"""Forgetting in an export: its files written again without some documents, from themselves alone.

The side-car says which document each one is and how many tokens it has, and documents lie one behind the other in every format, so neither the run nor its
shards are needed: an export that was copied elsewhere can be treated there too. A whole new folder is written beside the old one and takes its place.

Misses: files that somebody added to the folder by hand, which are carried along as they are.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import StoreError
from curate.export.formats import LLMC_HEADER_BYTES, WRITERS
from curate.export.run import EXPORT_FORMAT, file_hash
from curate.shards.format import UINT16_VOCAB

SIDE_CAR = ".documents.arrow"
NOTE = "export.json"


def described(folder: Path) -> dict[str, Any]:
    """What an export's folder says of itself. StoreError where it is none."""
    try:
        about = json.loads((folder / NOTE).read_bytes())
    except (OSError, ValueError) as error:
        raise StoreError(f"export {folder}: expected the folder of `curate export` with {NOTE}, got {error}; give its path") from None
    if not isinstance(about, dict) or about.get("format") != EXPORT_FORMAT:
        raise StoreError(f"export {folder}: expected {NOTE} of format {EXPORT_FORMAT}, got another; export again with this version")
    return about


def holds(folder: Path, ids: set[bytes]) -> int:
    """Different documents of `ids` in an export."""
    wanted, found = pa.array(sorted(ids), pa.binary(16)), set()
    for path in folder.glob(f"*{SIDE_CAR}"):
        column = _side_car(path)["doc_id"]
        found.update(column.take(pc.indices_nonzero(pc.is_in(column, value_set=wanted))).to_pylist())
    return len(found)


def forget(folder: Path, ids: set[bytes]) -> int:
    """Write an export again without some documents; how many different ones it held. Nothing changes where it held none."""
    half, old = (folder.with_name(f"{folder.name}.{word}") for word in ("forgetting", "before"))
    if not folder.exists() and (half / NOTE).exists():
        half.rename(folder)  # an earlier request was killed between the two renames
    about = described(folder)
    shutil.rmtree(old, ignore_errors=True)
    count = holds(folder, ids)
    if not count:
        return 0
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir()
    splits = {}
    for split, said in about["splits"].items():
        left = _split(folder, half, about, said, ids)
        if left is not None:
            splits[split] = left
    listed = {file["path"] for said in about["splits"].values() for file in said["files"]} | {NOTE}
    for path in folder.iterdir():
        if path.name not in listed:
            (shutil.copytree if path.is_dir() else shutil.copy2)(path, half / path.name)
    text = json.dumps(about | {"splits": splits, "forgotten": about.get("forgotten", 0) + count}, indent=1, ensure_ascii=False)
    (half / NOTE).write_text(text + "\n", encoding="utf-8")
    folder.rename(old)
    half.rename(folder)
    shutil.rmtree(old)
    return count


def _split(folder: Path, half: Path, about: dict[str, Any], said: dict[str, Any], ids: set[bytes]) -> dict[str, Any] | None:
    """One split without the documents; None where none is left."""
    side = next(file["path"] for file in said["files"] if file["path"].endswith(SIDE_CAR))
    table, name = _side_car(folder / side), side.removesuffix(SIDE_CAR)
    stay = ~np.asarray(pc.is_in(table["doc_id"], value_set=pa.array(sorted(ids), pa.binary(16))))
    if not stay.any():
        return None
    dtype = np.dtype(np.uint16 if about["vocab_size"] <= UINT16_VOCAB else np.uint32)
    data = [folder / file["path"] for file in said["files"] if Path(file["path"]).suffix in (".bin", ".ds")]
    documents = _documents(data, dtype, LLMC_HEADER_BYTES if about["to"] == "llmc" else 0, np.asarray(table["tokens"]), stay)
    paths = WRITERS[about["to"]](half, name, documents, dtype, about["vocab_size"], about["tokenizer_fingerprint"])
    left = table.take(pa.array(np.flatnonzero(stay)))
    with pa.ipc.new_file(str(half / side), left.schema) as writer:
        writer.write_table(left)
    first = left.take(pc.indices_nonzero(pc.equal(left["pass"], 0)))
    return {
        "documents": first.num_rows,
        "documents_with_repeats": left.num_rows,
        "tokens": int(pc.sum(left["tokens"]).as_py()),
        "files": [{"path": path.name, "bytes": path.stat().st_size, "xxh3_64": file_hash(path)} for path in [*paths, half / side]],
    }


def _side_car(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def _documents(data: list[Path], dtype: np.dtype, header: int, lengths: np.ndarray, stay: np.ndarray) -> Iterator[np.ndarray]:
    """The tokens of each document that stays; a document may go on in the next file. Memory: one document, the files are mapped."""
    maps = [np.memmap(path, np.uint8, "r")[header:].view(dtype.newbyteorder("<")) for path in data if path.stat().st_size > header]
    ends = np.cumsum([0, *(len(one) for one in maps)])
    if int(lengths.sum()) != int(ends[-1]):
        raise StoreError(f"export {data[0].parent}: expected {int(lengths.sum())} tokens as in its side-car, got {ends[-1]}; export again")
    place = 0
    for length, stays in zip(lengths.tolist(), stay.tolist(), strict=True):
        if stays:
            pieces = []
            at, left = place, length
            while left:
                number = int(np.searchsorted(ends, at, "right")) - 1
                piece = maps[number][at - ends[number] : at - ends[number] + left]
                pieces.append(piece)
                at, left = at + len(piece), left - len(piece)
            yield np.concatenate(pieces).astype(dtype) if pieces else np.empty(0, dtype)
        place += length
