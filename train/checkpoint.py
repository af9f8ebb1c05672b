"""Checkpoints that are whole or absent: written under a temporary name, synced, renamed; the newest k are kept.

    checkpoints/step-00000120/
      model.safetensors       Llama's parameter names; with config.json the folder opens in `transformers`
      optimizer.safetensors   exp_avg.<name>, exp_avg_sq.<name>, step.<name>; momentum_buffer.<name> where Muon has the matrix
      state.json              step, next row, plan and corpus, the run's config, digests of the two files; written last

They are of no number of processes: parameters are whole; where no process can hold them all, sharded.py writes parts in place of the two files.
Training goes on while one is written; it waits for the copy into memory only.
"""

import json
import os
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import xxhash
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim import Optimizer

from train import sharded
from train.config import ModelConfig, TrainError
from train.distributed import World
from train.model import Decoder

WEIGHTS, OPTIMIZER, STATE = "model.safetensors", "optimizer.safetensors", "state.json"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose files are whole."""

    path: Path
    state: dict[str, Any]


@dataclass(frozen=True)
class Snapshot:
    """Parameters and optimizer state at a step, copied, whole and on the CPU."""

    weights: dict[str, Tensor]
    moments: dict[str, Tensor]
    config: ModelConfig
    eos_id: int


def snapshot(model: Decoder, optimizers: list[Optimizer], eos_id: int) -> Snapshot:
    """Copy what a checkpoint holds. With sharded parameters every process must call it."""
    # named_parameters lists a shared matrix once, under the embedding's name, as safetensors and transformers want it
    weights = {name: _whole(parameter) for name, parameter in model.named_parameters()}
    moments = {
        f"{kind}.{name}": _whole(value)
        for name, parameter in model.named_parameters()
        for optimizer in optimizers
        for kind, value in optimizer.state.get(parameter, {}).items()
    }
    return Snapshot(weights, moments, model.config, eos_id)


def _whole(tensor: Tensor) -> Tensor:
    full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return full.detach().to("cpu", copy=True).contiguous()


def write(folder: Path, taken: Snapshot, state: dict[str, Any], keep: int) -> Path:
    """Write folder/step-<n>, then remove all but the newest `keep`. An OSError becomes a TrainError that names the folder."""

    def files(part: Path) -> None:
        _emptied(part)
        save_file(taken.weights, part / WEIGHTS, metadata={"format": "pt"})
        save_file(taken.moments, part / OPTIMIZER)

    return put(folder, state, keep, llama_config(taken.config, taken.eos_id), files)


def part_of(folder: Path, step: int) -> Path:
    """Where a checkpoint is written before it is one."""
    return folder / f".step-{step:08d}.part"


def _emptied(part: Path) -> None:
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)


def put(folder: Path, state: dict[str, Any], keep: int, config: dict[str, Any], files: Callable[[Path], None]) -> Path:
    """A checkpoint whose tensors `files` writes into the folder it is given: synced and renamed when whole. TrainError where that fails."""
    path, part = folder / f"step-{state['step']:08d}", part_of(folder, state["step"])
    try:
        files(part)
        digests = {file.name: _digest(file) for file in sorted(part.iterdir())}
        (part / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        (part / STATE).write_text(json.dumps(state | {"files": digests}, indent=1) + "\n")
        for file in part.iterdir():
            _sync(file)
        _sync(part)
        shutil.rmtree(path, ignore_errors=True)
        part.rename(path)
        _sync(folder)
    except (SafetensorError, *sharded.FAILURES) as error:
        told = _unwritten(path, error)
        shutil.rmtree(part, ignore_errors=True)
        raise told from None
    for old in _steps(folder)[keep:]:
        shutil.rmtree(old)
    return path


def _unwritten(path: Path, error: BaseException) -> TrainError:
    said = sharded.reason(error)
    with suppress(OSError):  # there may be no such folder
        said += f" ({shutil.disk_usage(path.parent).free >> 20:,} MiB free there)"
    return TrainError(f"checkpoint {path}: expected to write it, got {said}; free space and go on with --resume, from the one before it")


class Saver:
    """Writes checkpoints while training goes on, one at a time; what went wrong is told at the next step."""

    def __init__(self, folder: Path, keep: int, world: World, parts: bool, eos_id: int) -> None:
        """parts: each process writes its own (sharded.py); every process must make one then."""
        self.folder, self.keep, self.world, self.eos_id = folder, keep, world, eos_id
        self.parts, self._group = parts, sharded.group() if parts else None
        self._thread: threading.Thread | None = None
        self._error: TrainError | None = None

    def save(self, model: Decoder, optimizers: list[Optimizer], state: dict[str, Any]) -> None:
        """Copy and begin to write; waits for the one before. Every process must call it."""
        self.wait()
        if self.parts:
            write_it = self._own_part(model, optimizers, state)
        else:
            taken = snapshot(model, optimizers, self.eos_id)
            write_it = partial(write, self.folder, taken, state, self.keep)
        if self.parts or self.world.leads:
            self._thread = threading.Thread(target=self._run, args=(write_it,))
            self._thread.start()

    def _own_part(self, model: Decoder, optimizers: list[Optimizer], state: dict[str, Any]) -> Callable[[], object]:
        """What waits until this process's part is written, and with the lead until the checkpoint is whole."""
        part = part_of(self.folder, state["step"])
        if self.world.leads:
            try:
                _emptied(part)
            except OSError as error:
                raise _unwritten(part, error) from None
        self.world.wait()  # what a crash left there is gone
        until = sharded.begin(part, model, optimizers, self._group)
        if not self.world.leads:
            return until
        config = llama_config(model.config, self.eos_id)
        return lambda: put(self.folder, state, self.keep, config, lambda _: until())

    def _run(self, write_it: Callable[[], object]) -> None:
        try:
            write_it()
        except TrainError as error:
            self._error = error
        except sharded.FAILURES as error:
            self._error = _unwritten(self.folder, error)

    def failure(self) -> str | None:
        """What went wrong with the one that was begun last, as soon as it is known."""
        return None if self._error is None else str(self._error)

    def wait(self) -> None:
        """Until all is written; TrainError if something was not."""
        if self._thread is not None:
            self._thread.join()
        self._thread, error, self._error = None, self._error, None
        if error is not None:
            raise error


def newest(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest whole checkpoint, and a line for each damaged one that was passed over."""
    passed: list[str] = []
    for path in _steps(folder):
        found = _open(path)
        if isinstance(found, Checkpoint):
            return found, passed
        passed.append(f"checkpoint {path.name}: expected whole files, got {found}; the one before it is used")
    return None, passed


def at(folder: Path, step: int) -> Checkpoint | None:
    """The checkpoint of a step; None where there is none, or it is damaged."""
    found = _open(folder / f"step-{step:08d}")
    return found if isinstance(found, Checkpoint) else None


def _open(path: Path) -> Checkpoint | Exception:
    """A checkpoint whose files have the digests that it names, or what is wrong with it."""
    try:
        state = json.loads((path / STATE).read_bytes())
        for name, digest in state["files"].items():
            if _digest(path / name) != digest:
                raise ValueError(f"another digest of {name}")
        return Checkpoint(path, state)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return error


def restore(checkpoint: Checkpoint, model: Decoder, optimizers: list[Optimizer]) -> None:
    """Fill model and optimizers in place, whatever the number of processes was; no optimizers: the model alone.

    TrainError if the checkpoint is of another model.
    """
    parts = (checkpoint.path / sharded.METADATA).exists()
    weights = {} if parts else load_file(checkpoint.path / WEIGHTS)
    own = dict(model.named_parameters())
    stored = sharded.sizes(checkpoint.path) if parts else {name: list(tensor.shape) for name, tensor in weights.items()}
    for name in sorted(own.keys() | stored.keys()):
        here, there = list(own[name].shape) if name in own else None, stored.get(name)
        if here != there:
            raise TrainError(
                f"checkpoint {checkpoint.path}: expected {name} of shape {here}, got {there}; it is of another model: start a new --output"
            )
    if parts:
        sharded.restore(checkpoint.path, model, optimizers)
        return
    moments: dict[str, dict[str, Tensor]] = {}
    for key, value in (load_file(checkpoint.path / OPTIMIZER) if optimizers else {}).items():
        kind, _, name = key.partition(".")
        moments.setdefault(name, {})[kind] = value
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(_like(weights[name], parameter))
            for optimizer in optimizers:
                if any(parameter is one for group in optimizer.param_groups for one in group["params"]):
                    optimizer.state[parameter] = {kind: _like(value, parameter) for kind, value in moments.get(name, {}).items()}


def _like(whole: Tensor, parameter: Tensor) -> Tensor:
    """A whole tensor where the parameter lies, cut as the parameter is; a counter is not cut."""
    if isinstance(parameter, DTensor) and whole.ndim:
        return distribute_tensor(whole.to(parameter.device), parameter.device_mesh, parameter.placements)
    return whole.to(parameter.device)


def llama_config(config: ModelConfig, eos_id: int) -> dict[str, Any]:
    """config.json as `transformers` reads it for LlamaForCausalLM."""
    return {
        "architectures": ["Qwen3ForCausalLM" if config.qk_norm else "LlamaForCausalLM"],
        "model_type": "qwen3" if config.qk_norm else "llama",
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
        "bos_token_id": config.boundary_id,
        "eos_token_id": eos_id,
        "torch_dtype": "float32",
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
