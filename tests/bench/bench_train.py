"""Training on a CPU: tokens a second of our step beside the stock one, and of the loader beside random crops of a flat file.

    python tests/bench/bench_train.py [--threads 1] [--vocab 8192] [--seconds 10]

Stock is the plain recipe of small GPT loops: the same model, whole logits, `cross_entropy`, unfused AdamW. Both sides take turns, so that a
busy machine is busy for both. The loader's peer copies T + 1 tokens from a random place of a memory map, as nanoGPT does, without ids,
order or exact resume.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
import token_corpora

from curate.shards.reader import open_shards
from train.config import Config, Device, model_config
from train.plan import Plan
from train.step import make, update


def stock_step(model, optimizer, batch):
    tokens = torch.from_numpy(batch).long()
    logits = model(tokens[:, :-1])
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def steps(vocab, threads, seconds):
    """(ours, stock) in tokens a second: medians of steps that took turns."""
    config = Config(model=model_config(vocab, 256, 4, 128), corpus_id="bench", steps=1, batch_tokens=1024, threads=threads)
    device = Device()
    model, optimizers, loss_of = make(config, device)
    other, _, _ = make(config, device)
    stock = torch.optim.AdamW(other.parameters(), lr=1e-3, fused=False)
    rng, times, end = np.random.default_rng(0), ([], []), time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < 4:
        batch = rng.integers(0, vocab, (4, 257), dtype=np.int32)
        for side, step in enumerate(
            (lambda b: update(model, optimizers, loss_of, b, 1.0, config, device), lambda b: stock_step(other, stock, b))
        ):
            started = time.perf_counter()
            step(batch)
            times[side].append(time.perf_counter() - started)
    return [1024 / float(np.median(side[1:])) for side in times]


def loaders(folder, seconds):
    """(ours, crops) in tokens a second, T = 2048, documents of about 600 tokens."""
    docs, meta = token_corpora.documents(4000, low=200, high=1000), token_corpora.meta()
    corpus = open_shards(token_corpora.write(folder / "run", [token_corpora.table(docs, meta)]))
    plan = Plan(corpus, context=2048, seed=0, share=0.05)
    (folder / "flat.bin").write_bytes(np.concatenate(docs).tobytes())
    rng, counts, spent = np.random.default_rng(0), [0, 0], [0.0, 0.0]
    plan.batch(0, 32)  # compiles, and packs the first epoch
    row = 0
    while sum(spent) < seconds:
        started = time.perf_counter()
        batch = plan.batch(row % (len(plan.streams["*"].rows(0)) - 32), 32)
        spent[0] += time.perf_counter() - started
        counts[0], row = counts[0] + batch[:, :-1].size, row + 32
        started = time.perf_counter()
        flat = np.memmap(folder / "flat.bin", dtype=np.uint16, mode="r")
        crops = np.stack([flat[i : i + 2049].astype(np.int32) for i in rng.integers(0, len(flat) - 2049, 32)])
        spent[1] += time.perf_counter() - started
        counts[1] += crops[:, :-1].size
    return [count / time_spent for count, time_spent in zip(counts, spent, strict=True)]


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--vocab", type=int, default=8192)
    options.add_argument("--seconds", type=float, default=10.0)
    wanted = options.parse_args()
    print(f"{'':24}{'ours':>14}{'peer':>14}{'ratio':>8}")
    ours, stock = steps(wanted.vocab, wanted.threads, wanted.seconds)
    print(f"{'step, tokens/s':24}{ours:14,.0f}{stock:14,.0f}{ours / stock:8.2f}")
    with tempfile.TemporaryDirectory() as folder:
        ours, crops = loaders(Path(folder), min(wanted.seconds, 3.0))
    print(f"{'loader, tokens/s':24}{ours:14,.0f}{crops:14,.0f}{ours / crops:8.2f}")


if __name__ == "__main__":
    main()
