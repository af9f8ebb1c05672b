"""Join: columns from a table by document id, URL, host or registered domain: losses from `train`, ratings of domains, lists to suppress.

    - join: {table: losses.parquet, on: id, columns: [bits_per_byte], max: {bits_per_byte: 4.0}, as: loss}

Parquet, CSV (`.csv`, `.tsv`) or JSON Lines, `.gz` too; a glob takes several files of one form as one table. Each column of the table becomes a column
`<step>__<column>` of the documents, null where the table does not have the document. Whole numbers become int64, others float64, text and truth values
stay; dates, lists and structs are refused. Ids are 16 bytes or 32 hex digits; hosts and domains are compared in lower case; a URL must be the same to
the letter. A key that stands twice is refused, since its row would depend on the order of the file. A column may remove documents (`min`, `max`), and
so may being in the table at all (`remove`). The tables' digests are part of the recipe's fingerprint: an edited table is another task.
Misses: hosts below a listed one (join on `domain` for those); a document whose id changed since the table was made.
Price: a table is held in memory by each worker, 24 bytes a row beside its columns; then some million ids a second and core, 300,000 hosts.

column     type    meaning
found      bool    whether the table has the document; null without a table
drop       string  listed, unlisted, too_low or too_high
value      string  what was found: `<column> <value>`, or the key
threshold  string  the rule that it met
"""

import gzip
import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import lru_cache
from hashlib import sha256
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq
from pydantic import Field, field_validator, model_validator

from curate.arrow import missing, one_chunk, utf8
from curate.stage import DROP, THRESHOLD, VALUE, VERDICT, Columns, rounded, stage
from curate.stage import Config as Base

On = Literal["id", "url", "host", "domain"]
FORMS = {"parquet": "parquet", "csv": "csv", "tsv": "csv", "jsonl": "json", "ndjson": "json"}
NAMES = r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$"


class Config(Base):
    """Which table, and what is taken of it."""

    table: str | None = None
    """The table: a Parquet, CSV or JSONL file, anywhere fsspec reaches, or a glob of such files."""
    on: On = "id"
    """What documents are looked up by: id, url, host (of the URL) or domain (registered)."""
    key: str | None = None
    """The table's column with the keys; default: the one named as `on`."""
    columns: list[str] | dict[str, str] = Field(default_factory=list)
    """Columns to take, or new name → column of the table; default: all but the key."""
    min: dict[str, float] = Field(default_factory=dict)
    """Column taken → least value; a smaller one leaves as `too_low`."""
    max: dict[str, float] = Field(default_factory=dict)
    """Column taken → largest value; a larger one leaves as `too_high`."""
    remove: Literal["nothing", "listed", "unlisted"] = "nothing"
    """Whether documents that are in the table leave (as `listed`), or those that are not (as `unlisted`)."""

    def lacks(self) -> list[str]:
        """Without a table nothing is joined."""
        return [] if self.table else ["table: expected a Parquet, CSV or JSONL file, got none; give one, or take the step out"]

    def removes(self) -> bool:
        """Whether anything can leave."""
        return bool(self.min or self.max) or self.remove != "nothing"

    @field_validator("columns")
    @classmethod
    def _names(cls, columns: list[str] | dict[str, str]) -> list[str] | dict[str, str]:
        for name in columns:
            if not re.match(NAMES, name):
                raise ValueError(f"expected names of lower case words joined by single underscores, got {name!r}; say `new_name: {name}`")
        return columns

    @model_validator(mode="after")
    def _fits(self) -> "Config":
        if self.table is None:
            return self
        try:
            types = _read(self.table, _state(self.table), self.on, self.key, _wanted(self)).types
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            raise ValueError(f"expected a table, got {self.table} ({' '.join(str(error).split())[:200]}); check the path") from None
        for field in ("min", "max"):
            for name in getattr(self, field):
                numbers = sorted(column for column, dtype in types.items() if dtype in (pa.int64(), pa.float64()))
                if name not in numbers:
                    raise ValueError(f"expected {field} of columns of numbers, which are {numbers}, got {name!r}; change it")
        return self


class Table(NamedTuple):
    """A table, ready to be looked up in."""

    keys: np.ndarray
    """S16[rows], rising."""
    columns: Mapping[str, pa.Array]
    """By new name, in the order of `keys`."""

    @property
    def types(self) -> dict[str, pa.DataType]:
        return {name: array.type for name, array in self.columns.items()}

    def rows(self, keys: np.ndarray) -> np.ndarray:
        """int64[n]: the row of each key S16[n], -1 where there is none."""
        at = np.minimum(np.searchsorted(self.keys, keys), max(0, len(self.keys) - 1))
        return np.where(self.keys[at] == keys, at, -1) if len(self.keys) else np.full(len(keys), -1)


def _wanted(config: Config) -> tuple[tuple[str, str], ...]:
    """(new name, column of the table); none: all."""
    names = config.columns.items() if isinstance(config.columns, dict) else ((name, name) for name in config.columns)
    return tuple(names)


def _files(pattern: str) -> tuple[Any, list[str]]:
    fs, path = fsspec.core.url_to_fs(pattern)
    return fs, sorted(fs.glob(path)) if any(mark in path for mark in "*?[") else [path]


def _state(pattern: str) -> tuple[tuple[str, str], ...]:
    """Size and time of each file: what tells that it is read already. ValueError where there is none."""
    fs, paths = _files(pattern)
    told = ("size", "mtime", "LastModified", "ETag", "updated")
    found = tuple((path, repr([fs.info(path).get(name) for name in told])) for path in paths)
    if not found:
        raise ValueError(f"expected a file, got {pattern}, which matches none; check the path")
    return found


@lru_cache(maxsize=8)
def _digests(pattern: str, _state: tuple[tuple[str, str], ...]) -> dict[str, str]:
    fs, paths = _files(pattern)
    found = {}
    for path in paths:
        digest = sha256()
        with fs.open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        found[path] = "sha256:" + digest.hexdigest()
    return found


def models(config: Config) -> dict[str, str]:
    """sha256 of the table's files, in the order of their names: another table is another task."""
    if config.table is None:
        return {}
    return {f"table {number}": digest for number, digest in enumerate(_digests(config.table, _state(config.table)).values())}


@lru_cache(maxsize=4)
def _read(pattern: str, _state: tuple[tuple[str, str], ...], on: On, key: str | None, wanted: tuple[tuple[str, str], ...]) -> Table:
    fs, paths = _files(pattern)
    tables = [_table(fs, path, key or on) for path in paths]
    table = pa.concat_tables(tables, promote_options="default")
    if (key or on) not in table.column_names:
        raise ValueError(f"expected a column {key or on} with keys, got {table.column_names} in {pattern}; say `key:`")
    names = wanted or tuple((name, name) for name in table.column_names if name != (key or on))
    keys = _table_keys(one_chunk(table[key or on]), on, pattern)
    order = np.argsort(keys, kind="stable")
    twice = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    if len(twice):
        raise ValueError(f"expected one row a key, got two for {table[key or on][int(order[twice[0]])]} in {pattern}; leave one out")
    take = pa.array(order)
    columns = {new: _plain(one_chunk(_column(table, old, pattern)), old, new).take(take) for new, old in names}
    return Table(keys[order], columns)


def _table(fs: Any, path: str, key: str) -> pa.Table:
    bare = path.removesuffix(".gz")
    form = FORMS.get(bare.rpartition(".")[2].lower())
    if form is None:
        raise ValueError(f"expected a file ending in {sorted(FORMS)}, perhaps with .gz, got {path}; rename it")
    with fs.open(path, "rb") as raw:
        if form == "parquet":
            return pq.read_table(raw)
        with gzip.open(raw) if path.endswith(".gz") else nullcontext(raw) as file:
            if form == "json":
                return pa.json.read_json(file)
            delimiter = pa.csv.ParseOptions(delimiter="\t" if bare.endswith("tsv") else ",")
            options = pa.csv.ConvertOptions(column_types={key: pa.string()}, strings_can_be_null=True)
            return pa.csv.read_csv(file, parse_options=delimiter, convert_options=options)


def _column(table: pa.Table, name: str, pattern: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise ValueError(f"expected columns of {table.column_names}, got {name!r}, which {pattern} does not have; change `columns`")
    return table[name]


def _plain(column: pa.Array, old: str, new: str) -> pa.Array:
    """The column in the type that documents carry."""
    if not re.match(NAMES, new) or new in ("found", *VERDICT):
        raise ValueError(f"expected a new name for column {old!r}, which documents cannot carry; say `columns: {{new_name: {old}}}`")
    dtype = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_integer(dtype):
        return column.cast(pa.int64())
    if pa.types.is_floating(dtype) or pa.types.is_decimal(dtype):
        return rounded(column.cast(pa.float64()))
    if pa.types.is_boolean(dtype):
        return column
    if pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or pa.types.is_null(dtype):
        return column.cast(pa.string())
    raise ValueError(f"expected columns of numbers, text or truth values, got {old!r} of {dtype}; leave it out of `columns`")


def _table_keys(column: pa.Array, on: On, pattern: str) -> np.ndarray:
    """S16[rows]: the table's keys as documents have them. ValueError for what is no key."""
    if column.null_count:
        raise ValueError(f"expected a key in every row, got {column.null_count} empty ones in {pattern}; fill them, or leave the rows out")
    if on == "id" and pa.types.is_fixed_size_binary(column.type) and column.type.byte_width == 16:
        return _id_keys(column)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        wanted = "32 hex digits or 16 bytes" if on == "id" else "text"
        raise ValueError(f"expected keys as {wanted}, got {column.type} in {pattern}; write them so, or name another `key`")
    if on == "id":
        try:
            made = [bytes.fromhex(one) for one in column.to_pylist()]
            return _id_keys(pa.array(made, pa.binary(16)))
        except (ValueError, pa.ArrowInvalid):
            raise ValueError(f"expected ids of 32 hex digits, got others in {pattern}; `curate why` prints them") from None
    if on != "url":
        column = pc.utf8_rtrim(pc.utf8_lower(pc.utf8_trim_whitespace(column)), ".")
    return _hashed(column)


def _id_keys(column: pa.Array) -> np.ndarray:
    """S16[n]; a null is sixteen zero bytes."""
    if len(column) == 0 or column.null_count == len(column):
        return np.zeros(len(column), dtype="S16")
    return np.frombuffer(column.buffers()[1], dtype="S16")[column.offset : column.offset + len(column)]


def _hashed(column: pa.Array) -> np.ndarray:
    """S16[n]: BLAKE3-128 of each text."""
    from curate.kernels.blake3 import digests

    text = utf8(column.cast(pa.large_string()))
    out = np.zeros((len(column), 4), dtype=np.uint32)
    digests(text.offsets, text.data, np.arange(len(column), dtype=np.int64), out)
    return np.ascontiguousarray(out).view("S16").ravel()


def _host(url: str | None) -> str | None:
    try:
        return ((urlsplit(url).hostname or "") if url else "").rstrip(".") or None
    except ValueError:  # brackets that are no IPv6 address
        return None


def _looked_up(batch: pa.RecordBatch, on: On) -> pa.Array:
    """The column that documents are looked up by."""
    if on == "host":
        return pa.array([_host(url) for url in batch["url"].to_pylist()], pa.string())
    return pc.utf8_lower(batch["domain"]) if on == "domain" else batch[on]


def brings(config: Config) -> dict[str, pa.DataType]:
    """The columns that the table has."""
    return {} if config.table is None else _loaded(config).types


def _loaded(config: Config) -> Table:
    assert config.table is not None
    return _read(config.table, _state(config.table), config.on, config.key, _wanted(config))


@stage(version=1, reads=("id", "url", "domain"), adds={"found": pa.bool_(), **VERDICT}, models=models, brings=brings)
def join(batch: pa.RecordBatch, config: Config) -> Columns:
    n = batch.num_rows
    if config.table is None:
        return {"found": pa.nulls(n, pa.bool_())} | {name: pa.nulls(n, dtype) for name, dtype in VERDICT.items()}
    table, keys = _loaded(config), _looked_up(batch, config.on)
    has_key = np.asarray(keys.is_valid())
    rows = table.rows(_id_keys(keys) if config.on == "id" else _hashed(keys))
    there = (rows >= 0) & has_key
    take = pa.array(rows, mask=~there)
    columns = {name: column.take(take) for name, column in table.columns.items()}
    return columns | {"found": pa.array(there)} | _verdicts(columns, there, keys, config)


def _verdicts(columns: Columns, there: np.ndarray, keys: pa.Array, config: Config) -> dict[str, pa.Array]:
    """The first rule that a document meets: `remove`, then `min`, then `max`, columns in the order of the recipe."""
    told: dict[str, np.ndarray] = {name: np.full(len(there), None, dtype=object) for name in VERDICT}

    def mark(hit: np.ndarray, reason: str, threshold: str, values: Sequence[object]) -> None:
        for row in np.flatnonzero(hit & missing(told[DROP])).tolist():
            told[DROP][row], told[THRESHOLD][row], told[VALUE][row] = reason, threshold, str(values[row])

    if config.remove != "nothing":
        words = [one.hex() if isinstance(one, bytes) else one for one in keys.to_pylist()]
        inside = config.remove == "listed"
        mark(there if inside else ~there, config.remove, f"{config.on} {'in' if inside else 'not in'} table", words)
    for limits, compare, reason, sign in ((config.min, pc.less, "too_low", "<"), (config.max, pc.greater, "too_high", ">")):
        for name, limit in limits.items():
            hit = np.asarray(pc.fill_null(compare(columns[name], pa.scalar(limit)), False))
            mark(hit, reason, f"{sign} {limit!r}", [f"{name} {value}" for value in columns[name].to_pylist()])
    return {name: pa.array(values, pa.string()) for name, values in told.items()}
