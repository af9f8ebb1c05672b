"""Identity: which groups of people a document names. It removes nothing: the card tells from it whether later rules fall on some groups more than on others.

Terms come from the recipe, from files of the user's or of an installed package; forms of one term stand on one line, `woman | women | female`, and are told
under the first. A term counts where no letter, digit or mark touches it, whatever its case. Put the step before those that remove: what left earlier is not
compared. The card has, for each term, in how many documents it stands, how many of them are kept, and for each rule after this step the ratio of removal
rates with and without the term (`curate/card/identity.py`), after Dodge et al. 2021 (§5.3), who counted what C4's word list removed.
Misses: people who are meant and not named; terms in languages that the list does not have. Falsely finds: other meanings of a word (a black cat).
Price: about 120 MB of text a second and core.

column  type          meaning
terms   list<string>  the different terms that stand in the text, sorted; empty where none does
"""

from functools import lru_cache

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator

from curate import arrow, listed
from curate.errors import SourceError
from curate.kernels.lexicon import Lexicon, find, folded, lexicon
from curate.stage import Columns, stage
from curate.stage import Config as Base

FORMS = "|"


class Config(Base):
    """Which terms."""

    terms: list[str] = Field(default_factory=list)
    """Terms; forms of one are separated by `|`, and told under the first."""
    files: list[str] = Field(default_factory=list)
    """Files of such terms in UTF-8, one a line; a line that begins with `# ` is a comment. `package:NAME/FILE`: of an installed package."""

    _there = field_validator("files")(listed.there)

    def lacks(self) -> list[str]:
        """A list."""
        return [] if self.terms or self.files else ["terms: expected terms, got none; give terms or files"]


def models(config: Config) -> dict[str, str]:
    """sha256 of every file."""
    return listed.digests(config.files)


@stage(version=1, reads=("text",), adds={"terms": pa.list_(pa.string())}, models=models)
def identity(batch: pa.RecordBatch, config: Config) -> Columns:
    text = arrow.utf8(batch["text"])
    names, searched, term_of = _searched(config.model_dump_json(), tuple(models(config).items()))
    found = find(text.offsets, text.data, searched)
    pairs = np.unique(np.stack([found.rows, term_of[found.words]], axis=1), axis=0)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(pairs[:, 0], minlength=batch.num_rows))]).astype(np.int32)
    values = pa.array(names, pa.string()).take(pa.array(pairs[:, 1], pa.int64()))
    return {"terms": pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(~text.valid))}


@lru_cache(maxsize=8)
def _searched(config_json: str, _digests: tuple[tuple[str, str], ...]) -> tuple[list[str], Lexicon, np.ndarray]:
    """Names of the terms, sorted; all forms; int64[forms]: the term of each form."""
    config = Config.model_validate_json(config_json)
    term_of: dict[str, str] = {}
    for line in [*config.terms, *listed.entries(config.files, "identity")]:
        forms = [form for form in map(folded, line.split(FORMS)) if form]
        for form in forms:
            if term_of.setdefault(form, forms[0]) != forms[0]:
                raise SourceError(f"identity: expected each form under one term, got {form!r} under {term_of[form]!r} and {forms[0]!r}")
    names, searched = sorted(set(term_of.values())), lexicon(term_of)
    return names, searched, np.array([names.index(term_of[word]) for word in searched.words], dtype=np.int64)
