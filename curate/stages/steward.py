"""Steward: what people decided on single documents and on domains, from a file that the review desk writes (`curate.steward` tells its form).

The recipe's `steward: decisions.json` puts this stage before all others. A document marked `remove` or of a denied domain leaves as `steward:<reason>`, one
on `hold` or of a quarantined domain as `steward:held_<reason>`. One marked `keep` stays whatever later steps say; one of an approved domain stays
whatever the steps say that the approval's scope names: `licence` outweighs license and repository_license, `consent` what consent and host_consent
hold, `agreement` all of these, opt-outs too. What was outweighed goes to the column `overridden`. A decision on the document comes before one on its
domain. What cannot be overridden: a record read twice, a step that fails on the document, and the lack of any text.
Misses: documents whose id changed since they were decided on. Price: one look into a table of ids; Python for each URL of a decided domain.

column     type    meaning
decision   string  keep, remove, hold, approve, deny or quarantine; null where nobody decided
by         string  who decided, and when
scope      string  of an approval: licence, consent or agreement
licence    string  the SPDX expression that an approval states; `license` takes it before all that it detects
drop       string  the reason with which it leaves
value      string  the steward's note
threshold  string  `remove`, `hold`, or the domain that was decided on
"""

from functools import lru_cache
from hashlib import sha256

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import field_validator

from curate import steward as decided
from curate.errors import RecipeError
from curate.rights import expression
from curate.stage import HELD, VERDICT, Columns, stage
from curate.stage import Config as Base

Decision = decided.DocumentDecision | decided.DomainDecision
COLUMNS = ("decision", "by", "scope", "licence", *VERDICT)


class Config(Base):
    """Which decisions."""

    file: str | None = None
    """A file of decisions, as `curate review RUN --export decisions.json` writes it."""

    def lacks(self) -> list[str]:
        """Without a file nobody decided anything."""
        return [] if self.file else ["file: expected a file of decisions, got none; give one, or take the step out"]

    @field_validator("file")
    @classmethod
    def _whole(cls, path: str | None) -> str | None:
        if path is None:
            return None
        try:
            domains = decided.decode(read(path), path).domains
            if bad := next((one for one in domains if one.licence is not None and expression(one.licence) is None), None):
                raise ValueError(
                    f"{path}: domains: {bad.host}: licence: expected an SPDX expression, got {bad.licence!r}; see https://spdx.org/licenses"
                )
        except RecipeError as error:
            raise ValueError(str(error)) from None
        except OSError as error:
            raise ValueError(f"expected a file of decisions, got {path} ({error}); check the path") from None
        return path


def read(path: str) -> bytes:
    """The file's bytes, anywhere fsspec reaches."""
    with fsspec.open(path, "rb") as file:
        data: bytes = file.read()
        return data


def models(config: Config) -> dict[str, str]:
    """sha256 of the file: other decisions are another task."""
    return {"decisions": "sha256:" + sha256(read(config.file)).hexdigest()} if config.file else {}


class _Table:
    """Decisions, ready to be looked up in."""

    def __init__(self, data: bytes, path: str):
        decisions = decided.decode(data, path)
        self.documents = decisions.documents
        self.ids = pa.array([bytes.fromhex(one.id) for one in decisions.documents], pa.binary(16))
        self.domains = decided.Domains(decisions.domains)
        self.any_domain = bool(decisions.domains)

    def of(self, batch: pa.RecordBatch) -> np.ndarray:
        """object[n]: the decision that holds for each row, or None."""
        held = np.full(batch.num_rows, None, dtype=object)
        if self.any_domain:
            held[:] = [self.domains.of(url) for url in batch["url"].to_pylist()]
        at = pc.index_in(batch["id"], value_set=self.ids)
        for row in np.flatnonzero(np.asarray(at.is_valid())):
            held[row] = self.documents[at[int(row)].as_py()]
        return held


@lru_cache(maxsize=4)
def _table(path: str, _digest: str) -> _Table:
    return _Table(read(path), path)


@stage(version=3, reads=("id", "url"), adds={name: pa.string() for name in COLUMNS}, models=models)
def steward(batch: pa.RecordBatch, config: Config) -> Columns:
    held = _table(config.file, models(config)["decisions"]).of(batch) if config.file else [None] * batch.num_rows
    columns: dict[str, list[str | None]] = {name: [] for name in COLUMNS}
    for one in held:
        told = (
            (None,) * len(columns) if one is None else (one.decision, f"{one.by}, {one.date}", _scope(one), _licence(one), *_verdict(one))
        )
        for name, value in zip(columns, told, strict=True):
            columns[name].append(value)
    return {name: pa.array(values, pa.string()) for name, values in columns.items()}


def _scope(one: Decision) -> str | None:
    """What an approval clears."""
    if isinstance(one, decided.DocumentDecision) or one.decision != decided.APPROVE:
        return None
    return one.scope or decided.LICENCE


def _licence(one: Decision) -> str | None:
    """The licence that it states, as SPDX writes it."""
    if isinstance(one, decided.DocumentDecision) or one.licence is None:
        return None
    found = expression(one.licence)
    return found.spdx if found else None


def _verdict(one: Decision) -> tuple[str | None, str | None, str | None]:
    """Reason, note and what was decided on; nothing for a document that stays."""
    if one.decision in (decided.KEEP, decided.APPROVE):
        return None, None, None
    waits = one.decision in (decided.HOLD, decided.QUARANTINE)
    what = one.decision if isinstance(one, decided.DocumentDecision) else f"{one.decision} {one.host}{one.path}"
    return (HELD if waits else "") + one.reason, one.note, what
