"""Licence laundering: copies of one text that claim different rights. Which claim is true nobody can tell, so that all of them wait for a steward.

A last round of barriers that find copies: their verdicts go back to the documents for what these claim, and then to the cluster, where a member hears
what all have claimed. Members without a claim (`unknown`, null) contradict nothing. Documents of earlier runs, known from an index only, take no part.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.arrow import one_chunk
from curate.barrier import Round, keyed
from curate.stage import DROP, HELD, THRESHOLD, VALUE

REASON = f"{HELD}laundering"
CLAIM, MEMBER = 0, 1
"""Which rows of a cluster come first."""
MAX_CLAIMS = 16
"""Different claims that are told of one cluster."""
SILENT = ("unknown", "NOASSERTION")


def rounds(rights: str | None, cluster: str) -> tuple[Round, ...]:
    """The round that compares the column `rights` within clusters (verdict column `cluster`, the keeper's id); none without such a column."""
    if rights is None:
        return ()
    return (
        Round(
            name="rights", sketch=partial(_claims, rights=rights, cluster=cluster), resolve=partial(_held, rights=rights, cluster=cluster)
        ),
    )


def _claims(batch: pa.RecordBatch, previous: pa.Table | None, config: Any, rights: str, cluster: str) -> pa.Table:
    """Each verdict, at its cluster, and before all verdicts each claim of the batch once."""
    assert previous is not None
    at = previous["key"].to_numpy()
    said = one_chunk(batch[rights].cast(pa.string()).take(one_chunk(previous["row"])))
    told = (
        previous.drop_columns(["key", "sub", "row"])
        .append_column("at", pa.array(at, pa.uint64()))
        .append_column("claim", pa.nulls(len(at), pa.string()))
    )
    of = one_chunk(previous[cluster])  # null: similar to some, but in nobody's cluster
    key = _keys(pc.coalesce(of, one_chunk(previous["id"])))
    speaks = np.asarray(pc.and_(of.is_valid(), pc.and_(said.is_valid(), pc.invert(pc.is_in(said, value_set=pa.array(SILENT))))))
    rows = pa.array(np.flatnonzero(speaks))
    claims = told.take(rows).set_column(told.schema.get_field_index("claim"), "claim", said.take(rows))
    both = pa.concat_tables([claims, told])
    sub = np.r_[np.full(len(rows), CLAIM), np.full(len(at), MEMBER)].astype(np.uint64)
    payload = {name: one_chunk(both[name]) for name in both.column_names if name != "id"}
    return keyed(np.r_[key[speaks], key], sub, one_chunk(both["id"]), **payload)


def _keys(clusters: pa.Array) -> np.ndarray:
    """uint64[n]: the first half of each cluster's id."""
    words = np.frombuffer(b"".join(clusters.to_pylist()), dtype=">u8")
    return words[::2].astype(np.uint64)


def _held(tables: Iterator[pa.Table], config: Any, whole: bool, rights: str, cluster: str) -> Iterator[pa.Table]:
    """The verdicts, those of clusters that disagree turned into quarantine."""
    key, claims = -1, dict[bytes, set[str]]()
    for table in tables:
        held: list[str | None] = []
        members = []
        columns = [table[name].to_pylist() for name in ("key", "sub", cluster, "claim")]
        for number, (here, sub, of, claim) in enumerate(zip(*columns, strict=True)):
            if here != key:
                key, claims = here, {}
            if sub == CLAIM:
                found = claims.setdefault(of, set())
                if len(found) < MAX_CLAIMS:
                    found.add(claim)
            else:
                members.append(number)
                found = claims.get(of, set())
                held.append(", ".join(sorted(found)) if len(found) > 1 or "conflict" in found else None)
        if members:
            yield _told(table.take(pa.array(members)), pa.array(held, pa.string()), rights)


def _told(rows: pa.Table, held: pa.Array, rights: str) -> pa.Table:
    """Verdict rows at their documents."""
    payload = {name: one_chunk(rows[name]) for name in rows.column_names if name not in ("key", "sub", "id", "at", "claim")}
    quarantine = {DROP: pa.scalar(REASON), VALUE: held, THRESHOLD: pa.scalar(f"one {rights}")}
    payload |= {name: pc.if_else(held.is_valid(), value, payload[name]) for name, value in quarantine.items()}
    return keyed(one_chunk(rows["at"]).to_numpy(), None, one_chunk(rows["id"]), **payload)
