"""The files of four trainers, each written from its specification; a stream of documents in, bytes out, no more than one document in memory.

format      files                       after
megatron    NAME.bin NAME.idx           megatron-core `indexed_dataset.py`: version 1, one sequence a document
datatrove   NAME.ds .ds.index .ds.metadata   datatrove `TokenizedFile`: ends of documents as uint64
nanogpt     NAME.bin                    nanoGPT `data/openwebtext/prepare.py`: bare uint16
llmc        NAME_000000.bin …           llm.c `data_common.py`: 256 int32 of header, at most 2^31 - 1 tokens a file

All integers are little-endian. The boundary token stands first in our rows, unless the recipe says otherwise, and in llm.c's; the other three have it
last.
Misses: ids above 2^31 - 1 in Megatron's int32, and any id above 65,535 in nanoGPT, which are refused.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from curate.errors import ShardError
from curate.shards.format import UINT16_VOCAB

Format = Literal["megatron", "datatrove", "nanogpt", "llmc"]
Boundary = Literal["first", "last", "both", "none"]
BOUNDARY: dict[str, Boundary] = {"megatron": "last", "datatrove": "last", "nanogpt": "last", "llmc": "first"}
"""Where each format's own tools put the token between documents."""
MEGATRON_MAGIC = b"MMIDIDX\x00\x00"
MEGATRON_CODES = {2: 8, 4: 4}
"""Token size → code: uint16 is 8, int32 is 4."""
LLMC_HEADERS = {2: (20240520, 1), 4: (20240801, 7)}
"""Token size → magic and version."""
LLMC_HEADER_BYTES = 256 * 4
LLMC_MAX_TOKENS = (1 << 31) - 1
Documents = Iterable[np.ndarray]


def megatron(folder: Path, name: str, documents: Documents, dtype: np.dtype, vocab_size: int, tokenizer: str) -> list[Path]:
    """`NAME.bin` and `NAME.idx`; documents uint16 or uint32[k]."""
    if vocab_size > 1 << 31:
        raise ShardError(f"megatron: expected a vocabulary of at most 2^31, got {vocab_size}; its files hold int32")
    data, index = folder / f"{name}.bin", folder / f"{name}.idx"
    lengths = _lengths(data, documents)
    if lengths.max(initial=0) >= 1 << 31:
        raise ShardError(f"megatron: expected documents of less than 2^31 tokens, got {lengths.max()}; leave them out with --where")
    ends = np.concatenate([[0], np.cumsum(lengths)])
    with index.open("wb") as sink:
        sink.write(MEGATRON_MAGIC + struct.pack("<QBQQ", 1, MEGATRON_CODES[dtype.itemsize], len(lengths), len(lengths) + 1))
        sink.write(lengths.astype("<i4").tobytes())
        sink.write((ends[:-1] * dtype.itemsize).astype("<i8").tobytes())
        sink.write(np.arange(len(lengths) + 1, dtype="<i8").tobytes())
    return [data, index]


def datatrove(folder: Path, name: str, documents: Documents, dtype: np.dtype, vocab_size: int, tokenizer: str) -> list[Path]:
    """`NAME.ds`, `NAME.ds.index` and `NAME.ds.metadata`."""
    data = folder / f"{name}.ds"
    index, metadata = (folder / f"{name}.ds.{suffix}" for suffix in ("index", "metadata"))
    ends = np.cumsum(_lengths(data, documents))
    index.write_bytes(ends.astype("<u8").tobytes())
    total = int(ends[-1]) if len(ends) else 0
    metadata.write_text(f"{tokenizer}|{dtype.itemsize}\n{total}\n{_human(total)}", encoding="utf-8")
    return [data, index, metadata]


def nanogpt(folder: Path, name: str, documents: Documents, dtype: np.dtype, vocab_size: int, tokenizer: str) -> list[Path]:
    """`NAME.bin`."""
    if vocab_size > UINT16_VOCAB:
        raise ShardError(f"nanogpt: expected a vocabulary of at most {UINT16_VOCAB}, got {vocab_size}; it reads uint16: export to llmc")
    data = folder / f"{name}.bin"
    _lengths(data, documents)
    return [data]


def llmc(
    folder: Path, name: str, documents: Documents, dtype: np.dtype, vocab_size: int, tokenizer: str, max_tokens: int = LLMC_MAX_TOKENS
) -> list[Path]:
    """`NAME_000000.bin`, …: a file is closed where the next document would pass max_tokens; only a longer document is cut."""
    paths: list[Path] = []
    sink: BinaryIO | None = None
    held = 0
    for document in _cut(documents, max_tokens):
        if sink is None or held + len(document) > max_tokens:
            if sink is not None:
                _close_llmc(sink, held, dtype)
            paths.append(folder / f"{name}_{len(paths):06}.bin")
            sink, held = _open_llmc(paths[-1]), 0
        sink.write(_plain(document))
        held += len(document)
    if sink is None:
        paths.append(folder / f"{name}_000000.bin")
        sink = _open_llmc(paths[-1])
    _close_llmc(sink, held, dtype)
    return paths


WRITERS: dict[str, Callable[[Path, str, Documents, np.dtype, int, str], list[Path]]] = {
    "megatron": megatron,
    "datatrove": datatrove,
    "nanogpt": nanogpt,
    "llmc": llmc,
}


def _open_llmc(path: Path) -> BinaryIO:
    sink = path.open("wb")
    sink.write(bytes(LLMC_HEADER_BYTES))
    return sink


def _close_llmc(sink: BinaryIO, num_tokens: int, dtype: np.dtype) -> None:
    """The header says how many tokens follow, so it is written last."""
    header = np.zeros(256, dtype="<i4")
    header[:3] = (*LLMC_HEADERS[dtype.itemsize], num_tokens)
    sink.seek(0)
    sink.write(header.tobytes())
    sink.close()


def _cut(documents: Documents, max_tokens: int) -> Iterator[np.ndarray]:
    for document in documents:
        for start in range(0, len(document), max_tokens):
            yield document[start : start + max_tokens]


def _lengths(path: Path, documents: Documents) -> np.ndarray:
    """Write the tokens one behind the other; int64[d]: tokens of each."""
    lengths = []
    with path.open("wb", buffering=1 << 20) as sink:
        for document in documents:
            sink.write(_plain(document))
            lengths.append(len(document))
    return np.array(lengths, dtype=np.int64)


def _plain(tokens: np.ndarray) -> bytes:
    return tokens.astype(tokens.dtype.newbyteorder("<"), copy=False).tobytes()


def _human(count: int) -> str:
    """`1.23 GT`, as a person reads it."""
    amount, prefix = float(count), ""
    for prefix in ("", "k", "M", "G", "T"):
        if amount < 1000 or prefix == "T":
            break
        amount /= 1000
    return f"{amount:.3g} {prefix}T"
