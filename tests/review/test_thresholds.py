"""What another threshold would do is what it does: against the tables row by row, for every rule and many limits."""

import csv
import io

import numpy as np
import pyarrow as pa
import pytest
from desk_client import client

from curate.review.thresholds import COMPARE, flips


@pytest.fixture(scope="session")
def table(index):
    """All rows of the run; `removed_by` is null where they stayed."""
    tables = [index.parts.table(part, [*dict.fromkeys(one.column for one in index.rules), "id", "removed_by"]) for part in index.parts.all]
    return pa.concat_tables(tables, promote_options="default")


def limits(values):
    """Some below, between, at and above all values."""
    known = np.unique(values[~np.isnan(values)])
    if not len(known):
        return [0.0]
    return [known[0] - 1, *known[:: max(1, len(known) // 5)], (known[0] + known[-1]) / 2, known[-1] + 1]


def test_flips_are_those_of_the_rows(index, table):
    order = [step.name for step in index.folder.steps]
    removed = table["removed_by"].to_pylist()
    moved = 0
    for one in index.rules:
        values = table[one.column].cast(pa.float64()).to_numpy()
        fires = COMPARE[one.rule.operator]
        for at in limits(values):
            told = flips(one, index.spread(one.column), float(at))
            now = fires(values, one.rule.limit) if one.active else np.zeros(len(values), bool)
            newly, gone = fires(values, at) & ~now, now & ~fires(values, at)
            later = [name is not None and name.partition(":")[0] in order[order.index(one.step.name) + 1 :] for name in removed]
            assert told.leave == sum(hit and name is None for hit, name in zip(newly, removed, strict=True))
            assert told.earlier == sum(hit and left for hit, left in zip(newly, later, strict=True))
            assert told.released == sum(hit and name == one.name for hit, name in zip(gone, removed, strict=True))
            moved += told.leave + told.released
    assert moved > 500


def test_what_another_rule_of_the_step_catches_is_not_released(index, table):
    """Rows that dup_lines removed and that dup_line_chars, or any other of its step, would have removed as well."""
    one = next(rule for rule in index.rules if rule.name == "gopher_repetition:dup_lines")
    told = flips(one, index.spread(one.column), None)
    others = [rule for rule in index.rules if rule.step.name == one.step.name and rule is not one and rule.active]
    fires = [COMPARE[rule.operator](table[rule.column].cast(pa.float64()).to_numpy(), rule.rule.limit) for rule in map(_flat, others)]
    mine = np.array([name == one.name for name in table["removed_by"].to_pylist()])
    assert told.released == mine.sum() > 0
    assert told.caught == (mine & np.logical_or.reduce(fires)).sum() > 0


def _flat(judged):
    from types import SimpleNamespace

    return SimpleNamespace(operator=judged.rule.operator, column=judged.column, rule=judged.rule)


def test_examples_would_really_flip_and_csv_has_all(index, served):
    ada = client(served)
    for at in (30, 120, 200):
        told = ada.get(f"/rules/gopher_quality/short_doc.json?at={at}").json()
        rows = list(csv.DictReader(io.StringIO(ada.get(f"/rules/gopher_quality/short_doc/flips.csv?at={at}").text)))
        moved = told["flips"]
        assert len(rows) == moved["leave"] + moved["released"]
        ids = {row["id"] for row in rows}
        shown = told["would_leave"] + told["would_return"]
        assert shown
        assert {one["id"] for one in shown} <= ids
        assert all((one["value"] < at) != (one["value"] < 50) for one in shown)


def test_the_histogram_counts_every_row_once(index, served):
    ada = client(served)
    for one in index.rules:
        told = ada.get(f"/rules/{one.step.name}/{one.rule.reason}.json").json()
        assert sum(told["kept"]) == index.folder.documents.num_rows
        assert len(told["kept"]) == len(told["removed"]) == len(told["edges"]) - 1


def test_a_rule_that_is_off_can_be_tried(served):
    ada = client(served)
    told = ada.get("/rules/gopher_quality/too_few_stop_words.json?at=3").json()
    assert told["flips"]["leave"] >= 0
    off = next(one["rule"] for one in ada.get("/rules.json").json()["rules"] if one["reads"].endswith("off"))
    step, reason = off.split(":")
    assert ada.get(f"/rules/{step}/{reason}").status_code == 200
    assert ada.get(f"/rules/{step}/{reason}.json?at=0").json()["limit"] is None
