"""A stage over documents that do what documents should not: kill native code, never end, eat memory. For the fault tests."""

import ctypes
import os
import re
import time

import pyarrow as pa

from curate.stage import Config, stage


class Nothing(Config):
    """No settings."""


def _segfault() -> None:
    ctypes.string_at(0)


def _never_end() -> None:
    re.match(r"(a+)+$", "a" * 64 + "b")  # exponential, and holds the interpreter's lock all the while


def _eat() -> None:
    held = []
    while True:
        held.append(os.urandom(1 << 20) * 32)
        time.sleep(0.01)


DEEDS = {"KILL": lambda: os._exit(139), "SEGV": _segfault, "HANG": _never_end, "EAT": _eat}


@stage(version=1, reads=("text",), adds={"n": pa.int64()})
def deadly(batch: pa.RecordBatch, config: Nothing):
    """Does what a text asks for."""
    for text in batch["text"].to_pylist():
        for word, deed in DEEDS.items():
            if word in text:
                deed()
    return {"n": pa.array([1] * batch.num_rows, pa.int64())}
