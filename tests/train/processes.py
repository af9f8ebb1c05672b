"""Processes of `train` for tests: forked from one that has loaded the libraries, so that each starts in a moment; else they are what torchrun starts."""

import multiprocessing
import os
import socket
import sys
from pathlib import Path

LIBRARIES = ["train.__main__", "train.loop", "train.card", "train.choose", "train.checkpoint", "torch._dynamo"]
LIBRARIES += ["matplotlib.backends.backend_svg", "fsspec.implementations.local"]


def train(environment, words, log):
    """What runs in the child: the command `train`, its output in a file."""
    os.environ.update(environment)
    with open(log, "wb") as sink:
        for stream in (1, 2):
            os.dup2(sink.fileno(), stream)
    sys.argv = ["train", *words]
    from train.__main__ import main

    main()


def start(environments, words, logs: Path):
    """Run `train WORDS` once with each environment, all at a time; (exit codes, outputs)."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LIBRARIES)
    files = [logs / f"said-{number}.txt" for number in range(len(environments))]
    children = [context.Process(target=train, args=(one, words, file)) for one, file in zip(environments, files, strict=True)]
    for child in children:
        child.start()
    for child in children:
        child.join(240)
        child.kill()
        child.join()
    return [child.exitcode for child in children], [file.read_text(encoding="utf-8") for file in files]


def world(size):
    """The environments of `size` processes of one run, as torchrun sets them."""
    with socket.socket() as found:
        found.bind(("localhost", 0))
        port = found.getsockname()[1]
    same = {"WORLD_SIZE": str(size), "MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    return [same | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(size)]
