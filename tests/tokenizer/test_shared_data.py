"""Texts of the labelled data get the ids of `tokenizers` from every backend."""

import contextlib
import gzip
import io
import tarfile
import zlib

import numpy as np
import pyarrow as pa
import pytest
import zstandard

from curate.tokenizer.backends import BACKENDS
from curate.tokenizer.encode import Encoder
from tests.tokenizer import reference
from tests.tokenizer.texts import docstrings

SETS = (
    "bench-eval",
    "dedup-minhash",
    "encoding-chardet-a",
    "encoding-ftfy",
    "encoding-unicode-normalization",
    "extract-aeb",
    "extract-zh",
    "license-scancode-a",
    "lid-lingua-a",
    "lid-tatoeba",
    "pii-presidio",
    "pref-hh-rlhf",
    "prose-heldout-a",
    "quality-hplt-a",
    "safety-openai-moderation",
    "secrets-detect-secrets",
    "sft-gpteacher",
)
MAX_BYTES = 300_000
"""Of a set; tests/bench/same_ids.py takes all of all."""


def opened(path):
    data = path.read_bytes()
    if path.suffix == ".gz":
        return b"".join(sound(gzip.GzipFile(fileobj=io.BytesIO(data))))
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    return data


def sound(file):
    """What can be read of a file: some of the sets are damaged on purpose."""
    with contextlib.suppress(EOFError, OSError, zlib.error):
        while block := file.read(1 << 16):
            yield block


def texts(folder, max_bytes):
    """The lines of the set's files, and the members of its archives as they are: whatever is not UTF-8 is replaced."""
    found, size = [], 0
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = opened(path)
        if ".tar" in path.name:
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                pieces = [archive.extractfile(member).read() for member in archive if member.isfile()]
        else:
            pieces = data.splitlines(keepends=True)
        for piece in pieces:
            if size > max_bytes:
                return found
            found.append(piece.decode("utf-8", "replace"))
            size += len(piece)
    return found


def check(rows, data):
    truth = Encoder(data, backend="tokenizers").encode(pa.array(rows, pa.large_string()))
    for backend in BACKENDS:
        if backend == "tokenizers":
            continue
        try:
            encoder = Encoder(data, backend=backend)
        except Exception as error:  # gigatoken is not installed everywhere
            assert "is not installed" in str(error), error  # noqa: PT017
            continue
        offsets, tokens = encoder.encode(pa.array(rows, pa.large_string()))
        assert np.array_equal(offsets, truth[0]), backend
        assert np.array_equal(tokens, truth[1]), backend


@pytest.mark.parametrize("name", SETS)
def test_ids_are_those_of_tokenizers(shared, name):
    rows = texts(shared(name), MAX_BYTES)
    assert rows
    check(rows, reference.tokenizer_json(docstrings(100_000), "gpt4" if len(name) % 2 else "gpt2"))
