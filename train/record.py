"""What a run writes down of itself: run.json, from which it is resumed, and metrics.jsonl, one line a step."""

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curate.shards.reader import Corpus
from train.config import Config, TrainError


class Metrics:
    """metrics.jsonl; steps after the checkpoint are cut off first, so that a resumed run's file reads like an uninterrupted one's."""

    def __init__(self, path: Path, step: int, writes: bool = True) -> None:
        kept = []
        if path.is_file():
            for line in path.read_text().splitlines():
                try:
                    if json.loads(line)["step"] <= step:
                        kept.append(line)
                except ValueError:
                    break  # a line cut by a crash, the last one
        self.kept: list[dict[str, Any]] = [json.loads(line) for line in kept]
        self.last = dict(self.kept[-1]) if kept else {}
        self._path, self._file = path, None
        if writes:
            path.write_text("".join(line + "\n" for line in kept))
            self._file = path.open("a")

    def write(self, metrics: dict[str, Any]) -> None:
        if self._file is not None:
            strict = {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in metrics.items()}
            self._file.write(json.dumps(strict) + "\n")
            with self._told():
                self._file.flush()

    def sync(self) -> None:
        """To the disk, before a checkpoint says that these steps are done."""
        if self._file is not None:
            with self._told():
                os.fsync(self._file.fileno())

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TrainError(f"{self._path}: expected to write it, got {error}; free space and go on with --resume") from None


def write_config(output: Path, config: Config, corpus: Corpus | None = None) -> None:
    """run.json, in one rename; with the corpus, where its shards lie too, which `train trace` uses."""
    output.mkdir(parents=True, exist_ok=True)
    said = config.to_json()
    if corpus is not None:
        said["shards"] = os.path.relpath(corpus.folder, output)
    elif (output / "run.json").exists():
        said |= {name: value for name, value in json.loads((output / "run.json").read_bytes()).items() if name == "shards"}
    part = output / ".run.json.part"
    part.write_text(json.dumps(said, indent=1) + "\n")
    part.replace(output / "run.json")


def read_config(output: Path, corpus: Corpus) -> Config:
    """The config of the run in `output`; TrainError if there is none, or it is of other shards."""
    path = output / "run.json"
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise TrainError(f"{output}: expected a run to resume, got no run.json; leave --resume off") from None
    except ValueError as error:
        raise TrainError(f"{path}: expected JSON, got {error}; start a new --output") from None
    values.pop("shards", None)
    config = Config.from_json(values)
    if config.corpus_id != corpus.corpus_id:
        raise TrainError(
            f"{path}: expected shards {config.corpus_id}, got {corpus.corpus_id}; give the shards of that run, or start a new --output"
        )
    return config
