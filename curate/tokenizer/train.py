"""From the counts of a whole corpus to the files of a tokenizer: tokenizer.json, tokenizer_config.json and report.json, the same bytes for
the same counts."""

from typing import Annotated, Any, Self

import numpy as np
from pydantic import AfterValidator, Field, field_validator, model_validator

from curate.stage import DECIMALS, Config
from curate.tokenizer import pretokenize
from curate.tokenizer.file import END_OF_TEXT, as_bytes, config_json, to_json
from curate.tokenizer.merges import Learned, first_tokens, learn

SCALE = 1000
"""Weighted counts are whole numbers of thousandths, so that they add up to the same in any order."""


def _tokens(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value or "" in value or len(set(value)) < len(value):
        raise ValueError(f"special_tokens: expected one or more different texts, got {list(value)}; the first ends documents")
    return value


class Expression(Config):
    """A pattern of one's own."""

    regex: Annotated[str, Field(min_length=1), AfterValidator(pretokenize.checked)]
    r"""Pre-tokens are its matches and what lies between them, as `tokenizers` reads it (Oniguruma: \p{L}, look-ahead). Counted by
    `tokenizers` at about 2 MB/s."""


def _exact(weights: dict[str, float]) -> dict[str, float]:
    for name, weight in weights.items():
        if not (0 <= weight <= 1e6) or abs(weight * SCALE - round(weight * SCALE)) > 1e-6:
            raise ValueError(f"weights.values.{name}: expected 0 to 1,000,000 with at most three decimals, got {weight}; round it")
    return weights


class Weights(Config):
    """How much documents count, by a column."""

    column: str = "source"
    """The column that tells: `source`, or a measure such as `language__label`."""
    values: Annotated[dict[str, float], AfterValidator(_exact)]
    """Value of the column → how often its documents count; up to three decimals, 0 leaves them out."""
    other: float = Field(default=1.0, ge=0, le=1e6)
    """Weight of documents whose value is not named, or missing."""

    @field_validator("other")
    @classmethod
    def _other(cls, value: float) -> float:
        return _exact({"other": value})["other"]

    def scaled(self, value: str | None) -> int:
        """The weight as a whole number of thousandths."""
        return round((self.other if value is None else self.values.get(value, self.other)) * SCALE)


class TokenizerConfig(Config):
    """How the tokenizer is trained."""

    vocab_size: int = Field(default=32_768, ge=1, le=1 << 24)
    """Tokens wanted, special tokens and the 256 bytes included; fewer where the text has no more pairs. Up to 65,536 fit into uint16
    shards."""
    pattern: pretokenize.Pattern | Expression = "gpt2"
    """Where text is cut before merging: as GPT-2 does, as GPT-4 (digits in threes, contractions of any case, line ends kept together), or
    `{regex: …}`."""
    special_tokens: Annotated[tuple[str, ...], AfterValidator(_tokens)] = (END_OF_TEXT,)
    """Tokens that no text can make, with the first ids; the first of them stands before every document."""
    min_frequency: int = Field(default=2, ge=0)
    """A pair that occurs less often is not merged."""
    max_pretokens: int = Field(default=2_000_000, ge=1)
    """Distinct pre-tokens that the merges see, at most: the most frequent, ties by hash. Bounds the one task that learns; the report says
    what it cut."""
    max_pretoken_bytes: int = Field(default=1024, ge=16, le=65_536)
    """A longer pre-token (a run of one character, encoded data) is not counted; the report says how many."""
    max_chars_per_document: int | None = Field(default=None, ge=1)
    """Only so many code points of a document are counted; None counts all."""
    dialogue: bool = False
    """Whether texts are dialogues, whose marks between turns are not counted; the recipe's kind says so."""
    weights: Weights | None = None
    """How much documents count, by source, language or any column; none: all alike. `min_frequency` is compared with weighted counts."""
    compare: tuple[str, ...] = ()
    """Other tokenizers (files as in `tokenizer: {file: …}`) whose figures stand beside this one's in usage.json and the card."""
    compare_share: float = Field(default=0.02, gt=0, le=1)
    """Share of the documents, chosen by their place in the shuffle, that the others encode."""

    @property
    def expression(self) -> str:
        """The pattern's name, or its regular expression."""
        return self.pattern.regex if isinstance(self.pattern, Expression) else self.pattern

    @property
    def scale(self) -> int:
        """What a count of one stands for in the counted rows."""
        return SCALE if self.weights is not None else 1

    @model_validator(mode="after")
    def _room(self) -> Self:
        least = len(first_tokens(self.special_tokens)[0])
        if self.vocab_size < least:
            raise ValueError(f"vocab_size: expected at least {least} (256 bytes and the special tokens), got {self.vocab_size}; raise it")
        return self


def files(offsets: np.ndarray, data: np.ndarray, counts: np.ndarray, totals: dict[str, int], config: TokenizerConfig) -> dict[str, bytes]:
    """tokenizer.json, tokenizer_config.json and report.json from distinct words (uint8 data, int64 offsets and counts, scaled) and the
    corpus's totals."""
    learned = learn(offsets, data, counts, config.special_tokens, config.vocab_size, config.min_frequency * config.scale)
    whole = to_json(config.special_tokens, learned.vocabulary, learned.merges, config.expression)
    summary = report(learned, int(np.dot(np.diff(offsets), counts)), len(counts), totals, config)
    beside = config_json(config.special_tokens[0], config.special_tokens)
    return {"tokenizer.json": whole, "tokenizer_config.json": beside, "report.json": as_bytes(summary)}


def report(learned: Learned, seen_bytes: int, seen_pretokens: int, totals: dict[str, int], config: TokenizerConfig) -> dict[str, Any]:
    """What was asked, what came out, and what was left aside. Bytes per token are over the words that were counted and not cut; numbers of
    pre-tokens, tokens and the bytes learned from are weighted where the recipe weighs."""
    num_tokens = int(learned.token_counts.sum())
    specials = set(config.special_tokens)
    unused = [name for name, count in zip(learned.vocabulary, learned.token_counts, strict=True) if count == 0 and name not in specials]
    asked = {} if config.weights is None else {"weights": config.weights.model_dump()}
    return {
        "pattern": config.expression,
        "special_tokens": list(config.special_tokens),
        "vocab_size_wanted": config.vocab_size,
        "vocab_size": len(learned.vocabulary),
        "num_merges": len(learned.merges),
        "min_frequency": config.min_frequency,
        **asked,
        **totals,
        "num_pretokens": _unscaled(totals["num_pretokens"], config),
        "num_pretokens_learned_from": seen_pretokens,
        "num_pretokens_cut": totals["num_distinct_pretokens"] - seen_pretokens,
        "bytes_learned_from": _unscaled(seen_bytes, config),
        "num_tokens": _unscaled(num_tokens, config),
        "bytes_per_token": round(seen_bytes / num_tokens, DECIMALS) if num_tokens else None,
        "num_unused_tokens": len(unused),
        "unused_tokens": unused[:256],
    }


def _unscaled(count: int, config: TokenizerConfig) -> int | float:
    return count if config.scale == 1 else round(count / config.scale, DECIMALS)
