"""Two processes are one: the same batches, the same losses up to the order of sums, checkpoints that either can go on with."""

import json

import numpy as np
import processes
import pytest

from train.config import TrainError
from train.distributed import World

OPTIONS = [
    "--steps",
    "6",
    "--context",
    "16",
    "--batch-tokens",
    "128",
    "--depth",
    "2",
    "--width",
    "64",
    "--micro-rows",
    "2",
    "--threads",
    "1",
]
OPTIONS += ["--eval-every", "3", "--checkpoint-every", "2"]


def start(size, shards, output, *more):
    """`train` in `size` processes, as torchrun would start them; what each said."""
    output.parent.mkdir(exist_ok=True)
    words = ["--shards", str(shards), "--output", str(output), "--device", "cpu", *more]
    codes, outputs = processes.start(processes.world(size), words, output.parent)
    assert codes == [0] * size, outputs
    return outputs


def record(output):
    return [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def alone(shards, tmp_path_factory):
    output = tmp_path_factory.mktemp("alone") / "run"
    start(1, shards, output, *OPTIONS)
    return record(output)


def same(lines, alone):
    assert [line["batch_digest"] for line in lines] == [line["batch_digest"] for line in alone]
    assert [line["tokens"] for line in lines] == [line["tokens"] for line in alone]
    for name in ("loss", "grad_norm"):
        assert np.allclose([line[name] for line in lines], [line[name] for line in alone], rtol=1e-4)
    assert lines[-1]["bits_per_byte"] == pytest.approx(alone[-1]["bits_per_byte"], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [[], ["--shard"], ["--sharded-checkpoints"], ["--shard", "--sharded-checkpoints"]],
    ids=["ddp", "fsdp", "ddp parts", "fsdp parts"],
)
def test_two_processes_are_one_and_one_goes_on_where_two_stopped(more, alone, shards, tmp_path):
    output = tmp_path / "run"
    said = start(2, shards, output, *OPTIONS, *more, "--stop-after", "4")
    assert "stopped at step 4 of 6" in said[0]
    assert "stopped" not in said[1]
    kept = output / "checkpoints" / "step-00000004"
    assert len(list(kept.glob("__*_0.distcp"))) == (2 if "--sharded-checkpoints" in more else 0)
    if "--sharded-checkpoints" in more:  # and back
        start(1, shards, output, "--resume", "--stop-after", "5", "--sharded-checkpoints")
    start(2 if "--sharded-checkpoints" in more else 1, shards, output, "--resume", *more)
    same(record(output), alone)


def test_batches_that_cannot_be_shared_out():
    assert World(1, 4).rows(8) == 2
    with pytest.raises(TrainError, match="--batch-tokens: expected a multiple of 3 rows, one part a process, got 8 rows"):
        World(0, 3).rows(8)
