"""Personal data: e-mail, IP addresses, telephone, card, account and national numbers, and secrets are replaced in the text.

Found by form and check digits (`curate/personal/`), not by a list of what was seen: a kernel marks places, patterns, libphonenumber and python-stdnum
look at those only. The same value is replaced by the same thing wherever it stands, so that the result does not depend on the order of
documents (datatrove's does). `compat` is datatrove's formatter, which FineWeb used: e-mail and IPv4 addresses, without boundaries around numbers, so that
version numbers such as 1.2.3.4.5 are rewritten as well. Kept are counts, types and places, never what was found.
E-mail addresses are found in every alphabet with case, and so with letters that only look Latin. Names are an option (`names`), off: by lists and without a
model, right in about nine of ten finds, which still spoils every tenth; of full names they find about one in four. Whoever has a model puts a step of
their own before this one.
Misses: names (but see above) and street addresses; addresses in alphabets without case; numbers written as words;
telephone numbers without separators, country code or a word such as `call` before them; secrets of services not listed in `curate/personal/secrets.py`
whose name does not say that they are; passwords that are a word (`password = "letmein"`), or without quotes.
Price: about 110 MB of web text a second and core; where numbers are many (tables, changelogs) 44, and 8 while each of them is new.

column            type                             meaning
edits             int32                            replacements in all
num_emails        int64                            e-mail addresses replaced
num_ips           int64                            public IPv4 and IPv6 addresses replaced
num_phones        int64                            telephone numbers replaced
num_cards         int64                            payment card numbers replaced
num_ibans         int64                            international bank account numbers replaced
num_national_ids  int64                            national identity numbers replaced
num_secrets       int64                            keys, tokens and passwords replaced
spans             list<struct<type, start, end>>   where the replacements stand, in bytes of the text as it leaves this step; null under compat
"""

from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from blake3 import blake3
from pydantic import Field, field_validator, model_validator

from curate import arrow
from curate.errors import SourceError
from curate.personal import compat, names
from curate.personal.find import TYPES, Found, Wanted, find
from curate.personal.numbers import NATIONAL
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base

TAGS = {
    "email": "EMAIL",
    "ip": "IP_ADDRESS",
    "phone": "PHONE_NUMBER",
    "card": "CARD_NUMBER",
    "iban": "IBAN",
    "national_id": "NATIONAL_ID",
    "secret": "SECRET",
    "name": "PERSON",
}
COUNTS = {kind: f"num_{kind}s" for kind in TAGS}
EXAMPLES = {"email": "email@example.com", "ip": "192.0.2.1"}
"""Names and addresses reserved for examples (RFC 2606, RFC 5737)."""
RESERVED = ("@example.com", "@example.org", "@example.net")
SPANS = pa.list_(pa.struct({"type": pa.string(), "start": pa.int64(), "end": pa.int64()}))
LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
"""A pseudonym has no digits, which might be taken for a number."""
MIN_KEY = 16
REGIONS = ["US", "CA", "GB", "IE", "AU", "NZ", "IN", "DE", "FR", "ES", "IT", "NL", "BE", "CH", "AT", "SE", "PL", "PT", "BR"]


class Config(Base):
    """What is replaced, and by what."""

    replace: Literal["tag", "example", "pseudonym", "compat"] = "tag"
    """tag: <EMAIL>, <IP_ADDRESS>, …; example: one reserved address each, other types as tags; pseudonym: <EMAIL_kfgahbdpoien>, the same for the same value
    under one key; compat: datatrove's patterns for e-mail and IPv4 and its lists of addresses in turn, begun anew in each document."""
    key_file: str | None = None
    """File with the secret key of pseudonyms, at least 16 bytes; who has it can test guesses, who loses it cannot go on with them."""
    emails: bool = True
    """Replace e-mail addresses."""
    ips: bool = True
    """Replace IP addresses that are public; private and reserved ones stay."""
    phones: bool = True
    """Replace telephone numbers."""
    phone_regions: list[str] = Field(default=REGIONS)
    """Regions (ISO 3166) whose numbers are known without a country's code, as they are written there."""
    cards: bool = True
    """Replace payment card numbers."""
    ibans: bool = True
    """Replace international bank account numbers."""
    national_ids: list[str] = Field(default=list(NATIONAL))
    """National identity numbers to replace, as python-stdnum names them; an empty list replaces none."""
    secrets: bool = True
    """Replace keys, tokens and passwords."""
    names: bool = False
    """Replace persons' full names that stand in the lists of the package Faker (extra `names`), counted in `num_names`. On made-up people 94 % of the
    finds are right, and 26 % of the full names are found (`python -m tests.bench.bench_pii`); firms, streets and ships with names of people are lost."""
    max_found: int | None = Field(default=None, ge=0)
    """A document with more replacements leaves as `much_personal_data`; Dolma removed from six on."""

    @field_validator("national_ids")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        unknown = sorted(set(names) - set(NATIONAL))
        if unknown:
            raise ValueError(f"expected names among {', '.join(NATIONAL)}, got {unknown}")
        return names

    @field_validator("phone_regions")
    @classmethod
    def _regions(cls, names: list[str]) -> list[str]:
        import phonenumbers

        unknown = sorted(set(names) - set(phonenumbers.SUPPORTED_REGIONS))
        if unknown:
            raise ValueError(f"expected regions such as US or DE, got {unknown}")
        return names

    @model_validator(mode="after")
    def _keyed(self) -> "Config":
        if (self.replace == "pseudonym") != (self.key_file is not None):
            raise ValueError(
                f"key_file: expected a file with `replace: pseudonym` and none without, got {self.key_file} with {self.replace}"
            )
        return self


def wanted(config: Config) -> Wanted:
    """What a config looks for."""
    asked = {
        "email": config.emails, "ip": config.ips, "phone": config.phones, "card": config.cards, "iban": config.ibans,
        "national_id": bool(config.national_ids), "secret": config.secrets, "name": config.names,
    }  # fmt: skip
    return Wanted(frozenset(kind for kind in TYPES if asked[kind]), tuple(config.phone_regions), tuple(config.national_ids))


def models(config: Config) -> dict[str, str]:
    """sha256 of the key, and the version of the lists of names, so that another is another step."""
    key = {} if config.key_file is None else {"key": "sha256:" + sha256(_key(config.key_file)).hexdigest()}
    return key | ({"names": names.version()} if config.names else {})


def brings(config: Config) -> dict[str, pa.DataType]:
    """The count of names, where they are looked for."""
    return {COUNTS["name"]: pa.int64()} if config.names else {}


@lru_cache(maxsize=4)
def _key(path: str) -> bytes:
    try:
        key = Path(path).read_bytes()
    except OSError as error:
        raise SourceError(f"pii: key_file: expected a file with a key, got {path}: {error.strerror}; make one of 32 random bytes") from None
    if len(key) < MIN_KEY:
        raise SourceError(f"pii: key_file: expected at least {MIN_KEY} bytes, got {len(key)} in {path}; make one of 32 random bytes")
    return sha256(key).digest()


@stage(
    version=4,
    reads=("text",),
    adds={"edits": pa.int32(), **{name: pa.int64() for kind, name in COUNTS.items() if kind != "name"}, "spans": SPANS},
    rules=(Rule("much_personal_data", "edits", ">", "max_found"),),
    replaces=("text",),
    distributions=("phonenumbers", "python-stdnum"),
    models=models,
    brings=brings,
)
def pii(batch: pa.RecordBatch, config: Config) -> Columns:
    text = batch["text"]
    n, known = len(text), arrow.valid(text)
    counts = {kind: np.zeros(n, dtype=np.int64) for kind in TAGS}
    changed = np.zeros(n, dtype=np.bool_)
    fresh: list[str] = []
    places: dict[int, list[Found]] = {}
    for row, new, spans in _compat(text, config) if config.replace == "compat" else _replaced(text, config):
        places[row] = spans
        changed[row] = True
        fresh.append(new)
        for _, _, kind in spans:
            counts[kind][row] += 1
    if fresh:
        text = pc.replace_with_mask(text, pa.array(changed), pa.array(fresh, text.type))
    made = {COUNTS[kind]: pa.array(counts[kind], mask=~known) for kind in TAGS if kind != "name" or config.names}
    edits = sum(counts.values(), np.zeros(n, dtype=np.int64))
    spans = pa.nulls(n, SPANS) if config.replace == "compat" else _column(places, known)
    return {"text": text, "edits": pa.array(edits.astype(np.int32), mask=~known), "spans": spans, **made}


def _replaced(text: pa.Array, config: Config) -> Iterator[tuple[int, str, list[Found]]]:
    """(row, new text, spans in it) of each row in which something is replaced, in order."""
    view = arrow.utf8(text)
    for row, spans in find(view.offsets, view.data, wanted(config)).items():
        old = view.data[view.offsets[row] : view.offsets[row + 1]].tobytes()
        new, placed = rewritten(old, spans, config)
        if placed and view.valid[row]:
            yield row, new, placed


def _compat(text: pa.Array, config: Config) -> Iterator[tuple[int, str, list[Found]]]:
    """The same by datatrove's rules; the places are not known."""
    for row in compat.rows(text):
        new, kinds = compat.redacted(text[row].as_py(), config.emails, config.ips)
        if kinds:
            yield row, new, [(0, 0, kind) for kind in kinds]


def rewritten(old: bytes, spans: list[Found], config: Config) -> tuple[str, list[Found]]:
    """The text with its spans replaced, and where the replacements stand; reserved examples stay in the mode that writes them."""
    parts: list[bytes] = []
    placed: list[Found] = []
    done = size = 0
    for start, end, kind in spans:
        value = old[start:end].decode("utf-8", "replace")
        if config.replace == "example" and kind == "email" and value.endswith(RESERVED):
            continue
        new = _instead(kind, value, config).encode()
        parts += (old[done:start], new)
        size += start - done + len(new)
        placed.append((size - len(new), size, kind))
        done = end
    return b"".join([*parts, old[done:]]).decode("utf-8", "replace"), placed


def _instead(kind: str, value: str, config: Config) -> str:
    if config.replace == "example" and kind in EXAMPLES:
        return EXAMPLES[kind]
    if config.key_file is None:
        return f"<{TAGS[kind]}>"
    plain = value.lower() if kind in ("email", "ip") else value if kind == "secret" else "".join(filter(str.isalnum, value)).upper()
    code = blake3(f"{kind}:{plain}".encode(), key=_key(config.key_file)).hexdigest(6)
    return f"<{TAGS[kind]}_{code.translate(LETTERS)}>"


def _column(places: dict[int, list[Found]], known: np.ndarray) -> pa.Array:
    """The column `spans`."""
    ends = np.zeros(len(known) + 1, dtype=np.int64)
    for row, spans in places.items():
        ends[row + 1] = len(spans)
    flat = [span for row in sorted(places) for span in places[row]]
    kinds = pa.array([kind for _, _, kind in flat], pa.string())
    starts, stops = (pa.array([span[side] for span in flat], pa.int64()) for side in (0, 1))
    parts = pa.StructArray.from_arrays([kinds, starts, stops], fields=list(SPANS.value_type))
    return pa.ListArray.from_arrays(pa.array(np.cumsum(ends), pa.int32()), parts, type=SPANS, mask=pa.array(~known))
