"""A run that is killed at random moments and resumed on 1, 2 and 4 processes reads what the uninterrupted one reads.

    python -m tests.bench.resume [--kills 6]

Prints a line a part: processes, steps, how it ended; and at the end whether all batch digests are the same and how far the losses are apart
(other numbers of processes add gradients in another order).
"""

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import token_corpora

ROOT = Path(__file__).parents[2]
OPTIONS = ["--context", "32", "--batch-tokens", "512", "--depth", "2", "--width", "64", "--micro-rows", "2", "--threads", "1"]
OPTIONS += ["--device", "cpu", "--checkpoint-every", "3", "--eval-every", "1000"]


def start(processes: int, shards: Path, output: Path, steps: int) -> list[subprocess.Popen]:
    """`train` as torchrun starts it, resumed where there is something to resume."""
    with socket.socket() as found:
        found.bind(("localhost", 0))
        port = found.getsockname()[1]
    more = ["--resume"] if (output / "run.json").exists() else ["--steps", str(steps), *OPTIONS]
    children = []
    for rank in range(processes):
        world = {"WORLD_SIZE": processes, "RANK": rank, "LOCAL_RANK": rank, "MASTER_ADDR": "localhost", "MASTER_PORT": port}
        environment = os.environ | {key: str(value) for key, value in world.items()} | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "train", "--shards", str(shards), "--output", str(output), *more]
        children.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    return children


def record(output: Path) -> list[dict]:
    try:
        return [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    except (FileNotFoundError, ValueError):
        return []


def part(processes: int, shards: Path, output: Path, steps: int, kill: bool) -> bool:
    """One start; True where the run came to its end."""
    children, before = start(processes, shards, output, steps), len(record(output))
    moment, killed = random.uniform(0.2, 2.0), False
    while any(child.poll() is None for child in children):
        if kill and not killed and len(record(output)) > before and (output / "checkpoints").exists():
            time.sleep(moment)
            killed = True
        if killed or any(child.poll() not in (None, 0) for child in children):
            for child in children:
                if child.poll() is None:
                    child.send_signal(signal.SIGKILL)
        time.sleep(0.02)
    done = all(child.returncode == 0 for child in children)
    print(f"{processes} processes: {before} to {len(record(output))} steps, {'done' if done else 'killed'}", flush=True)
    return done


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=6)
    options.add_argument("--steps", type=int, default=400)
    options.add_argument("--seed", type=int, default=0)
    wanted = options.parse_args()
    random.seed(wanted.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shards = token_corpora.small(folder / "corpus", num=2000)
        part(1, shards, folder / "straight", wanted.steps, False)
        kills, done = 0, False
        while not done:
            done = part((1, 2, 4)[kills % 3], shards, folder / "killed", wanted.steps, kills < wanted.kills)
            kills += 1
        one, other = record(folder / "straight"), record(folder / "killed")
    same = [line["batch_digest"] for line in one] == [line["batch_digest"] for line in other]
    apart = max(abs(a["loss"] - b["loss"]) for a, b in zip(one, other, strict=True))
    print(f"{len(one)} steps, {kills - 1} kills: batch digests {'the same' if same else 'NOT the same'}; losses at most {apart:.1e} apart")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
