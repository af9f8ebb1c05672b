"""`train --processes` on a local Ray cluster is `train`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from train.config import TrainError
from train.ray import launch

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_two_processes_on_ray(shards, tmp_path):
    """Losses of one process and of two on Ray, from the command as a person gives it; a process that fails says why."""
    words = [
        "--steps",
        "3",
        "--context",
        "16",
        "--batch-tokens",
        "128",
        "--depth",
        "1",
        "--width",
        "64",
        "--device",
        "cpu",
        "--threads",
        "1",
    ]
    found = {}
    for name, more in {"one": [], "two": ["--processes", "2"]}.items():
        command = [sys.executable, "-m", "train", "--shards", str(shards), "--output", str(tmp_path / name), *words, *more]
        subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=300)
        lines = [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        found[name] = [(line["batch_digest"], round(line["loss"], 4)) for line in lines]
    assert found["one"] == found["two"]


@pytest.mark.slow
def test_no_room():
    with pytest.raises(TrainError, match=r"--processes: expected room for 9999 times \{'CPU': 1.0\} on the Ray cluster, got \{'CPU': "):
        launch([], 9999, None, False)
