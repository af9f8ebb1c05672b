"""One document of 50 million tokens among small ones, through a whole run: time, memory at its highest, and that not a token is lost.

    python -m tests.bench.bench_long_document [MILLIONS]

The run is a process of its own, so that its memory is its own; the figures beside it are those of the same run without the long document.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import curate
from curate.export.run import export
from curate.shards.format import MAX_ROW_TOKENS
from curate.shards.reader import bytes_id, open_shards
from tests.tokenizer import reference

WORDS = [first + second + third + fourth for first in "bdfg" for second in "aeio" for third in "lmnr" for fourth in "kpst"]
"""256 words of four letters; with the blank before it each is one token."""


def main(millions: float = 50) -> None:
    """Make the inputs, run twice, compare the long document with what was written, print."""
    with tempfile.TemporaryDirectory() as name:
        folder, rng = Path(name), np.random.default_rng(0)
        number = int(millions * 1e6)
        drawn = rng.integers(0, len(WORDS), number)
        table = np.frombuffer("".join(" " + word for word in WORDS).encode(), np.uint8).reshape(-1, 5)
        text = table[drawn].tobytes().decode()
        (folder / "tokenizer.json").write_bytes(reference.tokenizer_json([" " + " ".join(WORDS)] * 9, vocab_size=1200))
        small = [text[start : start + 5000] for start in range(0, 500_000, 5000)]
        for which, texts in (("small", small), ("long", [*small, text])):
            with open(folder / f"{which}.jsonl", "w") as file:
                file.writelines(json.dumps({"id": str(n), "text": one}) + "\n" for n, one in enumerate(texts))
            said = subprocess.run([sys.executable, "-m", __spec__.name, "run", name, which], check=True, capture_output=True, text=True)
            print(f"{which}: {said.stdout.strip().splitlines()[-1]}")
        check(folder, text, drawn)


def check(folder: Path, text: str, drawn: np.ndarray) -> None:
    """AssertionError unless the long document is whole in shards, locator and export."""
    started = time.process_time()
    corpus = open_shards(folder / "long" / "shards")
    corpus.verify()
    rows = np.flatnonzero(corpus.column("pieces") > 1)
    one = bytes_id(corpus.ids(), int(rows[0]))
    tokens = corpus.document_tokens(one)
    assert tokens is not None
    assert len(tokens) == len(drawn) + 1
    assert len(corpus.find(one)) == len(rows) == -(-len(tokens) // MAX_ROW_TOKENS)
    ids = np.unique(tokens[1:])
    assert len(ids) == len(WORDS)
    first = np.array([tokens[1:][np.argmax(drawn == word)] for word in range(len(WORDS))])
    assert np.array_equal(first[drawn], tokens[1:])
    print(f"verified, found, read: {len(tokens):,} tokens in {len(rows)} rows, {time.process_time() - started:.1f} s of CPU")
    started = time.process_time()
    export(corpus, folder / "out", "megatron", "tokens > 1000000", {"NOASSERTION": "unknown"})
    written = np.fromfile(folder / "out" / "train.bin", np.uint16)
    assert np.array_equal(written, np.roll(tokens, -1))
    print(f"exported to Megatron: one sequence, {time.process_time() - started:.1f} s of CPU")


def run(folder: str, which: str) -> None:
    """One run of the recipe; its time and memory."""
    recipe = {
        "name": which,
        "input": [{"uri": f"{folder}/{which}.jsonl", "source": "s"}],
        "steps": [{"exact_dedup": {}}],
        "tokenizer": {"file": f"{folder}/tokenizer.json"},
        "shards": {},
        "limits": {"document_bytes": 1 << 30},
    }
    curate.run(recipe, output=f"{folder}/{which}", workers=1)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{used.ru_utime + used.ru_stime:.1f} s of CPU, {_highest() / 1024:,.0f} MB of memory at most")


def _highest() -> int:
    """KB that this program has held at most; `ru_maxrss` is that of the process which started it, where that was more."""
    said = Path("/proc/self/status")
    lines = dict(line.split(":", 1) for line in said.read_text().splitlines()) if said.exists() else {}
    return int(lines["VmHWM"].split()[0]) if lines else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        run(*sys.argv[2:])
    else:
        main(*map(float, sys.argv[1:]))
