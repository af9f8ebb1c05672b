"""The training loop on one GPU: tokens a second, MFU by both counts, the share of time that waits for data, and resume.

    python -m tests.bench.gpu

Prints a table of a 124M and a 350M model at two contexts in bfloat16 on stock PyTorch, in under 8 minutes. MFU is against the GPU's dense
bfloat16 peak: PaLM's count (output head once, no input embedding), and the exact one with causal attention. Published beside: about 40 %
for 124M and 46 % for 350M on one H100 (llm.c, modded-nanogpt). `--device cpu` runs a tiny model through the same lines.
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
from train import flops
from train.config import Config, Device, ModelConfig, model_config
from train.distributed import World
from train.loader import Loader
from train.optim import set_rate
from train.plan import Plan
from train.step import clip, gradient, make

BUDGET = 460.0
VOCAB = 50_304
SHAPES = {
    "124M, T=1024": {"depth": 12, "width": 768, "context": 1024, "rows": 32},
    "124M, T=2048": {"depth": 12, "width": 768, "context": 2048, "rows": 16},
    "350M, T=1024": {"depth": 24, "width": 1024, "context": 1024, "rows": 16},
    "350M, T=2048": {"depth": 24, "width": 1024, "context": 2048, "rows": 8},
}
TINY = {"tiny, T=128": {"depth": 2, "width": 64, "context": 128, "rows": 4}}


def shape(depth: int, width: int, context: int, vocab: int) -> ModelConfig:
    """Heads of 128 where the width allows it: they keep tensor cores fuller than heads of 64."""
    config = model_config(vocab, context, depth, width)
    heads = max(1, width // 128)
    return ModelConfig(**vars(config) | {"heads": heads, "kv_heads": heads})


def corpus(folder: Path, vocab: int, tokens: int):
    """Shards of random documents of 200 to 3,000 tokens."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(200, 3000, tokens // 1600)
    docs = [np.append(0, rng.integers(1, vocab, n - 1)).astype(np.uint16) for n in lengths]
    meta = token_corpora.meta(vocab_size=vocab)
    return open_shards(token_corpora.write(folder / "run", [token_corpora.table(docs, meta)], meta))


def measure(shards, config: Config, device: Device, seconds: float) -> tuple[float, float, float, float]:
    """(tokens a second, pairs that attention computes a batch, share of time waited for data, gigabytes at the peak)."""
    world = World(device="cuda:0" if device.type == "cuda" else "cpu")
    model, optimizers, loss = make(config, device, None, world)
    plan = Plan.of(shards, config)
    loader = Loader(plan, config, 0, 1, world.device, 0, 1 << 30)
    times, pairs, began = [], [], time.perf_counter()
    try:
        while len(times) < 12 or time.perf_counter() - began < seconds:
            if len(times) == 4:  # compiled and warm
                loader.seconds, measured = 0.0, time.perf_counter()
            started = time.perf_counter()
            batch = loader.next()
            gradient(loss, batch.rows, max(1, batch.num_targets), device, world)
            clip(model, config)
            set_rate(optimizers, 1e-3)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            if device.type == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - started)
            pairs.append(batch.attended)
        waited = loader.seconds / (time.perf_counter() - measured)
    finally:
        loader.close()
    memory = torch.cuda.max_memory_allocated() / 1e9 if device.type == "cuda" else 0.0
    return config.batch_tokens / float(np.median(times[4:])), float(np.mean(pairs[4:])), waited, memory


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    options.add_argument("--seconds", type=float, default=30.0, help="of each shape, after compiling")
    options.add_argument("--muon", action="store_true")
    options.add_argument("--document-mask", action="store_true")
    wanted = options.parse_args()
    if wanted.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("gpu: expected a GPU that torch can see, got none; --device cpu runs a tiny model")
    shapes, vocab = (SHAPES, VOCAB) if wanted.device == "cuda" else (TINY, 512)
    torch.set_float32_matmul_precision("high")
    name = torch.cuda.get_device_name() if wanted.device == "cuda" else "CPU"
    peak = flops.peak("cuda:0" if wanted.device == "cuda" else "cpu")
    print(f"{name}, torch {torch.__version__}; MFU is of {peak}")
    print(f"{'model':16}{'tokens/s':>12}{'MFU, PaLM':>12}{'MFU, exact':>12}{'waited':>10}{'GB':>8}")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        shards = corpus(Path(folder), vocab, 40_000_000 if wanted.device == "cuda" else 400_000)
        for label, sizes in shapes.items():
            if time.perf_counter() - began > BUDGET - 2 * wanted.seconds:
                print(f"{label:16}  left out: the time is up")
                continue
            model = shape(sizes["depth"], sizes["width"], sizes["context"], vocab)
            model = ModelConfig(**vars(model) | {"document_mask": wanted.document_mask})
            batch = sizes["rows"] * sizes["context"] * (4 if wanted.device == "cuda" else 1)
            config = Config(
                model=model, corpus_id=shards.corpus_id, steps=1, batch_tokens=batch, optimizer="muon" if wanted.muon else "adamw"
            )
            device = Device(type=wanted.device, compile=wanted.device == "cuda", micro_rows=sizes["rows"])
            speed, pairs, waited, memory = measure(shards, config, device, wanted.seconds if wanted.device == "cuda" else 1.0)
            counts = (batch * flops.per_token(model), flops.exact(model, batch, pairs))
            told = "".join(f"{f'{100 * speed / batch * count / peak.flops:.1f} %':>12}" for count in counts)
            print(f"{label:16}{speed:12,.0f}{told}{100 * waited:8.2f} %{memory:8.1f}", flush=True)
            if wanted.device == "cuda":
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()


if __name__ == "__main__":
    main()
