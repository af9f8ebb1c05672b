"""From the counts of a whole corpus to the files of a tokenizer: tokenizer.json and report.json, the same bytes for the same counts."""

import json
from typing import Annotated, Any, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from curate.stage import DECIMALS, Config
from curate.tokenizer import pretokenize
from curate.tokenizer.file import END_OF_TEXT, to_json
from curate.tokenizer.merges import Learned, first_tokens, learn


def _tokens(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value or "" in value or len(set(value)) < len(value):
        raise ValueError(f"special_tokens: expected one or more different texts, got {list(value)}; the first ends documents")
    return value


class TokenizerConfig(Config):
    """How the tokenizer is trained."""

    vocab_size: int = Field(default=32_768, ge=1, le=1 << 24)
    """Tokens wanted, special tokens and the 256 bytes included; fewer where the text has no more pairs. Up to 65,536 fit into uint16
    shards."""
    pattern: pretokenize.Pattern = "gpt2"
    """Where text is cut before merging: as GPT-2 does, or as GPT-4 (digits in threes, contractions of any case, line ends kept
    together)."""
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

    @model_validator(mode="after")
    def _room(self) -> Self:
        least = len(first_tokens(self.special_tokens)[0])
        if self.vocab_size < least:
            raise ValueError(f"vocab_size: expected at least {least} (256 bytes and the special tokens), got {self.vocab_size}; raise it")
        return self


def files(offsets: np.ndarray, data: np.ndarray, counts: np.ndarray, totals: dict[str, int], config: TokenizerConfig) -> dict[str, bytes]:
    """tokenizer.json and report.json from distinct words (uint8 data, int64 offsets and counts) and the corpus's totals."""
    learned = learn(offsets, data, counts, config.special_tokens, config.vocab_size, config.min_frequency)
    whole = to_json(config.special_tokens, learned.vocabulary, learned.merges, config.pattern)
    summary = report(learned, int(np.dot(np.diff(offsets), counts)), len(counts), totals, config)
    return {"tokenizer.json": whole, "report.json": (json.dumps(summary, indent=1, ensure_ascii=False) + "\n").encode()}


def report(learned: Learned, seen_bytes: int, seen_pretokens: int, totals: dict[str, int], config: TokenizerConfig) -> dict[str, Any]:
    """What was asked, what came out, and what was left aside. Bytes per token are over the words that were counted and not cut."""
    num_tokens = int(learned.token_counts.sum())
    specials = set(config.special_tokens)
    unused = [name for name, count in zip(learned.vocabulary, learned.token_counts, strict=True) if count == 0 and name not in specials]
    return {
        "pattern": config.pattern,
        "special_tokens": list(config.special_tokens),
        "vocab_size_wanted": config.vocab_size,
        "vocab_size": len(learned.vocabulary),
        "num_merges": len(learned.merges),
        "min_frequency": config.min_frequency,
        **totals,
        "num_pretokens_learned_from": seen_pretokens,
        "num_pretokens_cut": totals["num_distinct_pretokens"] - seen_pretokens,
        "bytes_learned_from": seen_bytes,
        "num_tokens": num_tokens,
        "bytes_per_token": round(seen_bytes / num_tokens, DECIMALS) if num_tokens else None,
        "num_unused_tokens": len(unused),
        "unused_tokens": unused[:256],
    }
