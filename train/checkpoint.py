"""Checkpoints that are whole or absent: written under a temporary name, synced, renamed; the newest k are kept.

    checkpoints/step-00000120/
      model.safetensors       Llama's parameter names; with config.json the folder opens in `transformers`
      optimizer.safetensors   exp_avg.<name>, exp_avg_sq.<name>, step.<name>
      state.json              step, next row, plan and corpus, the run's config, digests of the two files; written last

Misses: the write blocks training.
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import xxhash
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from train.config import ModelConfig, TrainError
from train.model import Decoder

WEIGHTS, OPTIMIZER, STATE = "model.safetensors", "optimizer.safetensors", "state.json"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose files are whole."""

    path: Path
    state: dict[str, Any]


def save(folder: Path, model: Decoder, optimizer: torch.optim.Optimizer, state: dict[str, Any], eos_id: int, keep: int) -> Path:
    """Write folder/step-<n>, then remove all but the newest `keep`. An OSError becomes a TrainError that names the folder."""
    path = folder / f"step-{state['step']:08d}"
    part = folder / f".{path.name}.part"
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        save_file(_weights(model), part / WEIGHTS, metadata={"format": "pt"})
        save_file(_moments(model, optimizer), part / OPTIMIZER)
        (part / "config.json").write_text(json.dumps(llama_config(model.config, eos_id), indent=1) + "\n")
        files = {name: _digest(part / name) for name in (WEIGHTS, OPTIMIZER)}
        (part / STATE).write_text(json.dumps(state | {"files": files}, indent=1) + "\n")
        for file in part.iterdir():
            _sync(file)
        _sync(part)
        shutil.rmtree(path, ignore_errors=True)
        part.rename(path)
        _sync(folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise TrainError(f"checkpoint {path}: expected to write it, got {error}; free space and go on with --resume") from None
    for old in _steps(folder)[keep:]:
        shutil.rmtree(old)
    return path


def newest(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest whole checkpoint, and a line for each damaged one that was passed over."""
    passed: list[str] = []
    for path in _steps(folder):
        try:
            state = json.loads((path / STATE).read_bytes())
            for name, digest in state["files"].items():
                if _digest(path / name) != digest:
                    raise ValueError(f"another digest of {name}")
            return Checkpoint(path, state), passed
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            passed.append(f"checkpoint {path.name}: expected whole files, got {error}; the one before it is used")
    return None, passed


def restore(checkpoint: Checkpoint, model: Decoder, optimizer: torch.optim.Optimizer) -> None:
    """Fill model and optimizer in place. TrainError if the checkpoint is of another model."""
    weights = load_file(checkpoint.path / WEIGHTS)
    own = _weights(model)
    for name in sorted(own.keys() | weights.keys()):
        here, there = (list(side[name].shape) if name in side else None for side in (own, weights))
        if here != there:
            raise TrainError(
                f"checkpoint {checkpoint.path}: expected {name} of shape {here}, got {there}; it is of another model: start a new --output"
            )
    moments = load_file(checkpoint.path / OPTIMIZER)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weights[name])
            on = {"step": torch.device("cpu") if parameter.device.type == "cpu" else parameter.device}
            optimizer.state[parameter] = {
                kind: moments[f"{kind}.{name}"].to(on.get(kind, parameter.device)) for kind in ("step", "exp_avg", "exp_avg_sq")
            }


def llama_config(config: ModelConfig, eos_id: int) -> dict[str, Any]:
    """config.json as `transformers` reads it for LlamaForCausalLM."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": config.vocab_size,
        "hidden_size": config.width,
        "intermediate_size": config.hidden,
        "num_hidden_layers": config.depth,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.width // config.heads,
        "max_position_embeddings": config.context,
        "rope_theta": config.rope_theta,
        "rms_norm_eps": config.norm_eps,
        "tie_word_embeddings": config.tied,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": eos_id,
        "eos_token_id": eos_id,
        "torch_dtype": "float32",
    }


def _weights(model: Decoder) -> dict[str, torch.Tensor]:
    # named_parameters lists a shared matrix once, under the embedding's name, as safetensors and transformers want it
    return {name: parameter.detach().cpu().contiguous() for name, parameter in model.named_parameters()}


def _moments(model: Decoder, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    return {
        f"{kind}.{name}": optimizer.state[parameter][kind].detach().cpu().contiguous()
        for name, parameter in model.named_parameters()
        for kind in ("step", "exp_avg", "exp_avg_sq")
    }


def _steps(folder: Path) -> list[Path]:
    """Finished checkpoints, newest first."""
    return sorted(folder.glob("step-*"), reverse=True) if folder.is_dir() else []


def _digest(path: Path) -> str:
    digest = xxhash.xxh3_64()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
