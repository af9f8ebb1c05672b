"""Bad words: documents that hold words of a list. After C4's filter (Raffel et al. 2020, §2.2), with lists that the recipe gives.

A word counts where no letter, digit or mark touches it, whatever its case; words of scripts without spaces count anywhere in such text
(`curate/kernels/lexicon.py`). C4 and datatrove cut such words out of a regular expression with one flanking character, so that they miss
the second of two words that share it, and subtract the exceptions of Japanese and Chinese from every language; neither is done here. No
list is shipped: theirs is LDNOOBW. The order of lists does not matter.
Misses: spellings made to hide a word. Falsely finds: medicine, quotation, place names; where a list is crude, raise the limits.
Price: about 120 MB of text a second and core with a short list, 80 with a thousand words.

column              type    meaning
num_badwords        int64   occurrences of listed words; one inside a longer one counts too
distinct_badwords   int64   different listed words found
badword             string  the one that ends first, as it is compared; null where none is found
"""

from functools import lru_cache

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator

from curate import arrow, listed
from curate.kernels.lexicon import Lexicon, find, lexicon
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base


class Config(Base):
    """Lists of words, and how many a document may hold; null switches a rule off."""

    words: list[str] = Field(default_factory=list)
    """Words and phrases."""
    word_files: list[str] = Field(default_factory=list)
    """Files of such words in UTF-8, one a line; a line that begins with `# ` is a comment. `package:NAME/FILE`: of an installed package."""
    except_words: list[str] = Field(default_factory=list)
    """Words that are taken off the lists."""
    whole_words: bool = True
    """Whether letters, digits and marks beside a word make it another; off, it is found inside words too."""
    max_badwords: int | None = Field(default=0, ge=0)
    """More occurrences: `badwords`; C4 removes from one on."""
    max_distinct_badwords: int | None = Field(default=None, ge=0)
    """More different words: `distinct_badwords`."""

    _there = field_validator("word_files")(listed.there)

    def lacks(self) -> list[str]:
        """A list."""
        return [] if self.words or self.word_files else ["words: expected a list of words, got none; give words or word_files"]


def models(config: Config) -> dict[str, str]:
    """sha256 of every list file."""
    return listed.digests(config.word_files)


@stage(
    version=1,
    reads=("text",),
    adds={"num_badwords": pa.int64(), "distinct_badwords": pa.int64(), "badword": pa.string()},
    rules=(
        Rule("badwords", "num_badwords", ">", "max_badwords"),
        Rule("distinct_badwords", "distinct_badwords", ">", "max_distinct_badwords"),
    ),
    models=models,
)
def badwords(batch: pa.RecordBatch, config: Config) -> Columns:
    text = arrow.utf8(batch["text"])
    searched = _searched(config.model_dump_json(), tuple(models(config).items()))
    rows, _, _, words = find(text.offsets, text.data, searched, config.whole_words)
    pairs = np.unique(np.stack([rows, words], axis=1), axis=0)
    first: list[str | None] = [None] * batch.num_rows
    found, at = np.unique(rows, return_index=True)
    for row, place in zip(found.tolist(), at.tolist(), strict=True):
        first[row] = searched.words[words[place]]
    return {
        "num_badwords": pa.array(np.bincount(rows, minlength=batch.num_rows), pa.int64(), mask=~text.valid),
        "distinct_badwords": pa.array(np.bincount(pairs[:, 0], minlength=batch.num_rows), pa.int64(), mask=~text.valid),
        "badword": pa.array(first, pa.string()),
    }


@lru_cache(maxsize=8)
def _searched(config_json: str, _digests: tuple[tuple[str, str], ...]) -> Lexicon:
    config = Config.model_validate_json(config_json)
    taken = set(lexicon(config.except_words).words)
    return lexicon(word for word in lexicon([*config.words, *listed.entries(config.word_files, "badwords")]).words if word not in taken)
