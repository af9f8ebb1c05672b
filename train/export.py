"""A run's model as a folder that other programs open: `transformers`, vLLM, llama.cpp's converter.

model.safetensors, config.json       Llama's names and fields, whatever the checkpoint was written as
tokenizer.json, tokenizer_config.json   of the shards
README.md                            the run's model card, where it has one
"""

import json
import shutil
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file

from train.answer import load
from train.checkpoint import WEIGHTS, llama_config, snapshot
from train.config import TrainError

TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def export(run: Path, output: Path, step: int | None = None, shards: Path | None = None) -> int:
    """Write the folder; the step of the checkpoint that it is of. TrainError for a folder that is not empty or cannot be written."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise TrainError(f"{output}: expected an empty folder, got one with files; choose another --output")
    asked = load(run, step, shards)
    taken = snapshot(asked.model, [], asked.corpus.meta.eos_id)
    tokenizer = asked.corpus.check_tokenizer(None).parent
    try:
        output.mkdir(parents=True, exist_ok=True)
        save_file(taken.weights, output / WEIGHTS, metadata={"format": "pt"})
        (output / "config.json").write_text(json.dumps(llama_config(taken.config, taken.eos_id), indent=1) + "\n")
        for file in (*(tokenizer / name for name in TOKENIZER), run / "README.md"):
            if file.is_file():
                shutil.copyfile(file, output / file.name)
    except (OSError, SafetensorError) as error:
        raise TrainError(f"{output}: expected to write it, got {error}; free space, or choose another --output") from None
    return asked.step
