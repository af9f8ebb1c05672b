"""From token rows back to text, and the proof that this way is the one on which the tokens came.

Only a byte-level tokenizer without a normaliser gives back what it was given; others are not compared (`lossless`).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curate.errors import ShardError
from curate.shards.boundary import bare, framed
from curate.shards.reader import Corpus, bytes_id


class Decoder:
    """Token ids to text with the corpus' own tokenizer.json; ShardError where it is not the one that encoded the shards."""

    def __init__(self, corpus: Corpus, tokenizer: str | Path | None = None) -> None:
        from tokenizers import Tokenizer

        self.path = corpus.check_tokenizer(tokenizer)
        self.data = self.path.read_bytes()
        self.lossless = lossless(json.loads(self.data))
        self._around = corpus.meta.before, corpus.meta.behind
        self._tokenizer = Tokenizer.from_file(str(self.path))

    def text(self, tokens: np.ndarray) -> str:
        """The text of a document's tokens; those around it are left out."""
        return self.spelled(bare(tokens, *self._around))

    def spelled(self, tokens: np.ndarray) -> str:
        """What tokens spell, special ones by their name."""
        return str(self._tokenizer.decode(tokens.tolist(), skip_special_tokens=False))


def lossless(tokenizer: dict[str, Any]) -> bool:
    """Whether decoding gives back every byte: byte-level, nothing normalised, no space put in front."""
    decoder, pre = (tokenizer.get(name) or {} for name in ("decoder", "pre_tokenizer"))
    steps = [pre, *pre.get("pretokenizers", [])]
    spaced = any(step.get("add_prefix_space") for step in steps if step.get("type") == "ByteLevel")
    return tokenizer.get("normalizer") is None and decoder.get("type") == "ByteLevel" and not spaced


@dataclass(frozen=True, kw_only=True)
class Sample:
    """How many documents were decoded and measured, and why none was."""

    documents: int
    tokens: int
    skipped: str | None = None


def sample_rows(corpus: Corpus, num: int) -> np.ndarray:
    """int64[k]: up to `num` first pieces of documents, evenly spread over the corpus."""
    starts = np.flatnonzero(corpus.column("piece") == 0)
    return starts[np.unique(np.linspace(0, len(starts) - 1, min(num, len(starts))).astype(np.int64))] if len(starts) else starts


def check_sample(corpus: Corpus, decoder: Decoder, encode: Any, num: int) -> Sample:
    """Decode documents and encode the text again: ids and bytes must be those of the shard. ShardError if not.

    `encode(text) → ids` gives the boundary token first, as `Encoder` does.
    """
    if corpus.meta.kind != "text":
        return Sample(documents=0, tokens=0, skipped=f"turns of kind {corpus.meta.kind} are encoded one by one")
    if not decoder.lossless:
        return Sample(documents=0, tokens=0, skipped="this tokenizer does not give back what it was given")
    ids, n_bytes, total = corpus.ids(), corpus.column("n_bytes"), 0
    rows = sample_rows(corpus, num)
    for row in rows.tolist():
        doc_id = bytes_id(ids, row)
        tokens = corpus.document_tokens(doc_id)
        assert tokens is not None
        text = decoder.text(tokens)
        if len(text.encode()) != n_bytes[row]:
            got = len(text.encode())
            raise ShardError(
                f"document {doc_id.hex()}: expected {n_bytes[row]} bytes of text, got {got} from its tokens; write the shards again"
            )
        plain = encode(text)
        again = framed(np.array([0, len(plain)]), plain, corpus.meta.before, corpus.meta.behind)[1]
        if not np.array_equal(again, tokens):
            raise ShardError(
                f"document {doc_id.hex()}: expected its text to give {len(tokens)} tokens as in the shard, got {len(again)} others; "
                "the tokenizer library encodes otherwise than when the shards were written"
            )
        total += len(tokens)
    return Sample(documents=len(rows), tokens=total)
