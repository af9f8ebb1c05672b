"""Tokenizers of others, made into a tokenizer.json: files of tiktoken (a line a token: base64 of its bytes, its rank) and of sentencepiece.

tiktoken merges by the rank of the result and takes a whole pre-token that is a token as it is; every way in which two tokens make a third
becomes a merge, and `ignore_merges` is set. Its file has neither pattern nor special tokens: those of r50k_base, p50k_base and cl100k_base
are known by name, others come from the recipe. Of sentencepiece, models of type BPE and unigram are read (format:
sentencepiece_model.proto; a few fields, decoded here); control pieces get a score at which no text makes them. Misses: sentencepiece
models that escape no blanks or put them behind words, and those of type word and char; they are refused.
"""

import base64
import binascii
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from curate.errors import ShardError
from curate.tokenizer import pretokenize
from curate.tokenizer.file import END_OF_TEXT, as_bytes, byte_level, parse, special, written

TIKTOKEN_LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2} [0-9]+\s*")
KNOWN: dict[str, tuple[str, dict[str, int]]] = {
    "r50k_base": ("gpt2", {END_OF_TEXT: 50256}),
    "p50k_base": ("gpt2", {END_OF_TEXT: 50256}),
    "cl100k_base": (
        "gpt4",
        {END_OF_TEXT: 100257, "<|fim_prefix|>": 100258, "<|fim_middle|>": 100259, "<|fim_suffix|>": 100260, "<|endofprompt|>": 100276},
    ),
}
"""Published tiktoken files: pattern and special tokens (openai/tiktoken, openai_public.py)."""
UNIGRAM, BPE = 1, 2
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
NEVER = -1e6
"""Score of a piece that no text may make."""
META = "\u2581"
"""The mark by which sentencepiece writes a blank."""


def imported(data: bytes, name: str, pattern: str | None = None, special_tokens: Mapping[str, int] | None = None) -> bytes:
    """The tokenizer.json that a tokenizer file stands for; a tokenizer.json is given back as it is.

    `pattern` (gpt2, gpt4 or a regular expression) and `special_tokens` (text → id) are for tiktoken files whose name is not known.
    ShardError where the bytes are none of the three kinds, or a kind that cannot be carried over exactly.
    """
    if data.lstrip()[:1] in (b"{", b"["):
        parse(data, name)
        if pattern is not None or special_tokens:
            raise ShardError(
                f"{name}: expected no `pattern` or `special_tokens` for a tokenizer.json, which has its own, got some; leave them out"
            )
        return data
    if TIKTOKEN_LINE.fullmatch(data[: data.find(b"\n") + 1] or data):
        return _tiktoken(data, name, pattern, special_tokens)
    return _sentencepiece(data, name)


def _tiktoken(data: bytes, name: str, pattern: str | None, special_tokens: Mapping[str, int] | None) -> bytes:
    ranks = _ranks(data, name)
    known_pattern, known_specials = KNOWN.get(PurePosixPath(name).name.removesuffix(".tiktoken"), (None, {}))
    pattern, specials = pattern or known_pattern, dict(special_tokens or known_specials)
    if pattern is None or not specials:
        raise ShardError(
            f"{name}: expected `pattern` and `special_tokens` for a tiktoken file whose name is not one of {sorted(KNOWN)}, "
            f"got pattern {pattern!r} and special_tokens {specials}; say both in the recipe"
        )
    taken = sorted(set(specials.values()) & set(ranks.values()))
    if taken or len(set(specials.values())) < len(specials):
        raise ShardError(f"{name}: expected special tokens with ids of their own, got {specials}; {taken or 'one id'} is taken")
    lacking = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if lacking:
        raise ShardError(f"{name}: expected a token for every byte, got none for {lacking[:5]}; the file is cut short or no byte-level BPE")
    merges = []
    for token in sorted(ranks, key=ranks.__getitem__):
        halves = [(token[:i], token[i:]) for i in range(1, len(token)) if token[:i] in ranks and token[i:] in ranks]
        merges += [(written(a), written(b)) for a, b in sorted(halves, key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))]
    vocabulary = {written(token): rank for token, rank in ranks.items()} | specials
    return as_bytes(byte_level(specials, vocabulary, merges, pretokenize.as_json(pattern), ignore_merges=True))


def _ranks(data: bytes, name: str) -> dict[bytes, int]:
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            token, rank = line.split()
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (ValueError, binascii.Error):
            raise ShardError(f"{name}:{number}: expected a token in base64 and its rank, got {line[:40]!r}; the file is damaged") from None
    if len(set(ranks.values())) < len(ranks):
        raise ShardError(
            f"{name}: expected a rank of its own for each token, got {len(ranks)} tokens with {len(set(ranks.values()))} ranks"
        )
    return ranks


def _sentencepiece(data: bytes, name: str) -> bytes:
    try:
        model = list(_fields(data))
        pieces = [_piece(value) for field, value in model if field == 1]
        trainer = dict(_fields(next((value for field, value in model if field == 2), b"")))
        rules = dict(_fields(next((value for field, value in model if field == 3), b"")))
    except (ValueError, IndexError, struct.error, UnicodeDecodeError, AttributeError, TypeError):
        pieces = []
    if not pieces:
        raise ShardError(
            f"{name}: expected a tokenizer.json, a tiktoken file or a sentencepiece model, got {data[:40]!r}; give one of these"
        )
    kind = trainer.get(3, UNIGRAM)
    if kind not in (UNIGRAM, BPE) or not rules.get(5, 1) or trainer.get(24, 0):
        raise ShardError(
            f"{name}: expected a sentencepiece model of type unigram or BPE with blanks written before words, got type {kind}, "
            f"escape_whitespaces {rules.get(5, 1)}, treat_whitespace_as_suffix {trainer.get(24, 0)}; save it as a tokenizer.json"
        )
    fallback = any(type_ == BYTE for _, _, type_ in pieces)
    unknown = next((i for i, piece in enumerate(pieces) if piece[2] == UNKNOWN), 0)
    made = _bpe(pieces, unknown, fallback) if kind == BPE else _unigram(pieces, unknown, fallback)
    added = [
        special(text, i, type_ != USER_DEFINED) for i, (text, _, type_) in enumerate(pieces) if type_ in (UNKNOWN, CONTROL, USER_DEFINED)
    ]
    whole = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": _normalizer(rules),
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": _decoder(bool(rules.get(3, 1)), fallback),
        "model": made,
    }
    return as_bytes(whole)


def _fields(data: Any) -> Iterator[tuple[int, Any]]:
    """(number, value) of a protocol buffer's fields: int for varints, bytes for what has a length and for fixed widths."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        width = {1: 8, 5: 4}.get(tag & 7)
        if tag & 7 == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if tag & 7 == 2:
            width, at = _varint(data, at)
        if width is None or at + width > len(data) or tag >> 3 == 0:
            raise ValueError("no protocol buffer")
        yield tag >> 3, data[at : at + width]
        at += width


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _piece(data: bytes) -> tuple[str, float, int]:
    fields = dict(_fields(data))
    return fields[1].decode(), struct.unpack("<f", fields.get(2, bytes(4)))[0], fields.get(3, NORMAL)


def _bpe(pieces: list[tuple[str, float, int]], unknown: int, fallback: bool) -> dict[str, Any]:
    """Every way in which two pieces make a third is a merge, those with the best score first."""
    text_pieces = {text: (-score, i) for i, (text, score, type_) in enumerate(pieces) if type_ in (NORMAL, USER_DEFINED)}
    merges = []
    for text in sorted(text_pieces, key=text_pieces.__getitem__):
        halves = [(text[:i], text[i:]) for i in range(1, len(text)) if text[:i] in text_pieces and text[i:] in text_pieces]
        merges += sorted(halves, key=lambda pair: (text_pieces[pair[0]], text_pieces[pair[1]]))
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": pieces[unknown][0],
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": True,
        "byte_fallback": fallback,
        "ignore_merges": False,
        "vocab": {text: i for i, (text, _, _) in enumerate(pieces)},
        "merges": [list(pair) for pair in merges],
    }


def _unigram(pieces: list[tuple[str, float, int]], unknown: int, fallback: bool) -> dict[str, Any]:
    vocabulary = [[text, score if type_ in (NORMAL, USER_DEFINED) else NEVER] for text, score, type_ in pieces]
    return {"type": "Unigram", "unk_id": unknown, "vocab": vocabulary, "byte_fallback": fallback}


def _normalizer(rules: Mapping[int, Any]) -> dict[str, Any]:
    """The rules of `NormalizerSpec`: the table of characters, blanks that are too many, the blank before the text, the mark for blanks."""
    steps: list[dict[str, Any]] = []
    if rules.get(2):
        steps.append({"type": "Precompiled", "precompiled_charsmap": base64.b64encode(rules[2]).decode()})
    if rules.get(4, 1):
        steps.append({"type": "Strip", "strip_left": True, "strip_right": True})
        steps.append({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "})
    if rules.get(3, 1):
        steps.append({"type": "Prepend", "prepend": META})
    steps.append({"type": "Replace", "pattern": {"String": " "}, "content": META})
    return {"type": "Sequence", "normalizers": steps}


def _decoder(prefixed: bool, fallback: bool) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"type": "Replace", "pattern": {"String": META}, "content": " "}]
    steps += [{"type": "ByteFallback"}] if fallback else []
    steps.append({"type": "Fuse"})
    steps += [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if prefixed else []
    return {"type": "Sequence", "decoders": steps}
