"""The tokenizer.json that `tokenizers` and `transformers` load: written with the same bytes for the same tokens, and read with care.

Written by us and not by the library, so that its bytes do not change with the library's version. Format: that of `tokenizers`, version
"1.0".
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from curate.errors import ShardError
from curate.tokenizer import pretokenize

END_OF_TEXT = "<|endoftext|>"
KNOWN_ENDS = (END_OF_TEXT, "<|end_of_text|>", "</s>", "<eos>", "<|im_end|>", "<|eot_id|>", "<｜end▁of▁sentence｜>")
"""Names by which a tokenizer of others may call the token between documents, in order of preference."""
UINT16_TOKENS = 1 << 16


@lru_cache(maxsize=1)
def byte_characters() -> str:
    """The 256 characters by which byte-level BPE writes bytes in its vocabulary (GPT-2, encoder.py): printable Latin-1 as itself, the
    others from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [b for b in range(256) if b not in printable]
    return "".join(chr(b) if b in printable else chr(0x100 + others.index(b)) for b in range(256))


@lru_cache(maxsize=1)
def _tables() -> tuple[dict[int, str], dict[str, int]]:
    """Byte → character, and back."""
    return dict(enumerate(byte_characters())), {c: b for b, c in enumerate(byte_characters())}


def written(token: bytes) -> str:
    """A token's bytes as the vocabulary writes them."""
    return token.decode("latin-1").translate(_tables()[0])


def unwritten(text: str) -> bytes | None:
    """The bytes that a vocabulary entry stands for; None where it has characters that stand for no byte."""
    table = _tables()[1]
    return bytes(table[c] for c in text) if all(c in table for c in text) else None


def to_json(specials: Sequence[str], vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], pattern: str) -> bytes:
    """A byte-level BPE tokenizer as the bytes of a tokenizer.json; ids of `vocabulary` in ascending order."""
    return as_bytes(byte_level({s: vocabulary[s] for s in specials}, vocabulary, merges, pretokenize.as_json(pattern)))


def byte_level(
    specials: Mapping[str, int],
    vocabulary: Mapping[str, int],
    merges: Sequence[tuple[str, str]],
    pre_tokenizer: Mapping[str, Any],
    ignore_merges: bool = False,
) -> dict[str, Any]:
    """A tokenizer.json as a value: byte-level BPE. `ignore_merges`: a whole pre-token that is a token is taken as it is."""
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": ignore_merges,
        "vocab": dict(vocabulary),
        "merges": [list(pair) for pair in merges],
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [special(text, number) for text, number in specials.items()],
        "normalizer": None,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": model,
    }


def special(text: str, number: int, is_special: bool = True) -> dict[str, Any]:
    """An entry of `added_tokens`."""
    shape = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": number, "content": text, **shape, "special": is_special}


def as_bytes(whole: Mapping[str, Any]) -> bytes:
    """The file."""
    return (json.dumps(whole, ensure_ascii=False, indent=1) + "\n").encode()


def config_json(end: str, specials: Iterable[str], bos: str | None = None) -> bytes:
    """The tokenizer_config.json beside it, so that `transformers.AutoTokenizer` opens the folder: the token between documents is its first
    (but for a `bos`), its last and its padding token."""
    roles = dict.fromkeys(("bos_token", "eos_token", "pad_token"), end) | ({"bos_token": bos} if bos else {})
    others = [token for token in specials if token not in (end, bos)]
    shape = {"clean_up_tokenization_spaces": False, "model_max_length": int(1e30)}
    return as_bytes({"tokenizer_class": "PreTrainedTokenizerFast", **roles, "additional_special_tokens": others, **shape})


class Facts(NamedTuple):
    """What the rest of the house needs to know about a tokenizer."""

    vocab_size: int
    """One more than the largest id, added tokens counted."""
    end: str
    """The token between documents."""
    end_id: int
    special_ids: Mapping[str, int]
    """All special tokens."""
    byte_level: bool
    """Whether it is byte-level BPE, which can write any text."""
    pattern: pretokenize.Pattern | None
    """The pre-tokenizer pattern, where it is one of ours."""
    unknown_id: int = -1
    """The token for what no other token can write; -1 if there is none."""

    @property
    def dtype(self) -> str:
        """The smallest of uint16 and uint32 that holds every id."""
        return "uint16" if self.vocab_size <= UINT16_TOKENS else "uint32"


def parse(tokenizer_json: bytes, name: str = "tokenizer.json") -> dict[str, Any]:
    """The file as JSON, checked to be a tokenizer; ShardError names what is wrong with it."""
    try:
        whole = json.loads(tokenizer_json)
    except (ValueError, UnicodeDecodeError) as error:
        raise ShardError(
            f"{name}: expected a tokenizer.json, got {tokenizer_json[:40]!r} ({error}); save the tokenizer with `tokenizers`"
        ) from None
    if not isinstance(whole, dict) or not isinstance(whole.get("model"), dict) or "vocab" not in whole["model"]:
        found = sorted(whole) if isinstance(whole, dict) else type(whole).__name__
        raise ShardError(
            f"{name}: expected an object with `model.vocab`, got {found}; a vocab.json or tokenizer_config.json is not a tokenizer.json"
        )
    return whole


def read(tokenizer_json: bytes, end: str | None = None, name: str = "tokenizer.json") -> Facts:
    """Facts of a tokenizer.json, its own or an imported one. `end` names the token between documents where it has an unusual name.

    ShardError where the bytes are no tokenizer, where `tokenizers` cannot load them, or where no such token is known.
    """
    from tokenizers import Tokenizer

    whole = parse(tokenizer_json, name)
    try:
        loaded = Tokenizer.from_str(tokenizer_json.decode())
    except Exception as error:
        raise ShardError(f"{name}: expected a file that `tokenizers` loads, got the error {error}; save it anew") from None
    specials = {t["content"]: int(t["id"]) for t in whole.get("added_tokens") or [] if t.get("special")}
    largest = max(loaded.get_vocab(with_added_tokens=True).values(), default=-1)
    chosen = _end(specials, end, name)
    parts = json.dumps([whole.get("pre_tokenizer"), whole.get("decoder")])
    byte_level = whole["model"].get("type") == "BPE" and '"ByteLevel"' in parts
    pattern = pretokenize.from_json(whole.get("pre_tokenizer"))
    unknown = whole["model"].get("unk_id", loaded.token_to_id(whole["model"].get("unk_token") or ""))
    return Facts(largest + 1, chosen, specials[chosen], specials, byte_level, pattern, -1 if unknown is None else unknown)


def _end(specials: Mapping[str, int], wanted: str | None, name: str) -> str:
    known = [wanted] if wanted is not None else [*KNOWN_ENDS, *(specials if len(specials) == 1 else ())]
    for token in known:
        if token in specials:
            return token
    expected = f"the special token {wanted!r}" if wanted is not None else "a special token that ends documents, such as <|endoftext|>"
    raise ShardError(f"{name}: expected {expected}, got {sorted(specials)[:20]}; name one of these, or add it to the tokenizer")
