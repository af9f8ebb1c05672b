"""Running steps over a batch: verdicts, skipped rows, isolation of a failing row, and bytes of replaced text."""

import sys
import types
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from curate.engine.steps import StageCall, Walk, message
from curate.errors import StageError
from curate.ledger import Balance
from curate.schema import DOCUMENT, document_id
from curate.stage import Config, Rule, stage


class Limits(Config):
    """Settings of the stages below."""

    max_length: int | None = 5
    """Longer texts leave."""


@stage(version=1, reads=("text",), adds={"length": pa.int64()}, rules=(Rule("too_long", "length", ">", "max_length"),))
def measured(batch: pa.RecordBatch, config: Limits):
    """Length of the text; a text that says BOOM cannot be measured."""
    if any("BOOM" in text for text in batch["text"].to_pylist() if text):
        raise ValueError(f"no length at {hex(0x7F0000000000 + batch.num_rows)}")
    return {"length": pc.cast(pc.utf8_length(batch["text"]), pa.int64())}


@stage(version=1, reads=("text",), adds={"edits": pa.int32()}, replaces=("text",))
def doubled(batch: pa.RecordBatch, config: Limits):
    """Texts with `d` are doubled, texts with `c` are cut to one letter."""
    texts = [t * 2 if "d" in t else t[:1] if "c" in t else t for t in batch["text"].to_pylist()]
    return {"text": pa.array(texts, pa.large_string()), "edits": pa.array([1] * batch.num_rows, pa.int32())}


def documents(texts, source="s"):
    rows = [{"id": document_id(source, str(n), None, b""), "source": source, "origin": {}, "text": t} for n, t in enumerate(texts)]
    return pa.RecordBatch.from_pylist(rows, schema=DOCUMENT)


def call(declared, **changes):
    options = {key: changes.pop(key) for key in ("only",) if key in changes}
    return StageCall(step=declared.name, stage=declared, config=Limits(**changes), **options)


def test_rows_with_a_verdict_are_not_measured_further():
    walk = Walk(documents(["ok", "much too long", "fine"]), Balance())
    walk.run(call(measured))
    walk.run(StageCall(step="again", stage=measured, config=Limits()))
    assert walk.batch["measured__drop"].to_pylist() == [None, "too_long", None]
    assert walk.batch["measured__threshold"].to_pylist() == [None, "> 5", None]
    assert walk.batch["again__length"].to_pylist() == [2, None, 4]
    assert walk.balance.entered == Counter(measured=3, again=2)


def test_after_verdict_measure():
    walk = Walk(documents(["much too long"]), Balance(), measure_all=True)
    walk.run(call(measured))
    walk.run(StageCall(step="again", stage=measured, config=Limits()))
    assert walk.batch["again__length"].to_pylist() == [13]


def test_a_limit_of_none_switches_the_rule_off():
    walk = Walk(documents(["much too long"]), Balance())
    walk.run(call(measured, max_length=None))
    assert walk.batch["measured__drop"].to_pylist() == [None]


@pytest.mark.parametrize("guilty", [0, 3, 6])
def test_a_failing_row_is_found_and_the_others_go_on(guilty):
    texts = ["a", "bb", "ccc", "dddd", "e", "ff", "much too long"]
    texts[guilty] = "BOOM"
    walk = Walk(documents(texts), Balance())
    walk.run(call(measured))
    walk.run(StageCall(step="again", stage=measured, config=Limits()))
    assert [n for n, entry in enumerate(walk.failed) if entry] == [guilty]
    assert walk.failed[guilty] == ("measured", "ValueError: no length at 0x…")
    lengths = walk.batch["measured__length"].to_pylist()
    assert lengths == [None if n == guilty else len(t) for n, t in enumerate(texts)]


def test_only_some_sources():
    walk = Walk(documents(["much too long"], source="a"), Balance())
    walk.run(call(measured, only=("b",)))
    assert walk.batch["measured__length"].to_pylist() == [None]
    assert walk.balance.entered["measured"] == 0


def test_replaced_text_is_counted_by_byte_and_only_where_it_was_replaced():
    walk = Walk(documents(["dé", "cut", "same", "much too long d"]), Balance())
    walk.run(call(measured))
    walk.run(call(doubled))
    assert walk.batch["text"].to_pylist() == ["dédé", "c", "same", "much too long d"]
    assert walk.balance.added["doubled"] == 3
    assert walk.balance.cut["doubled"] == 2


def test_a_step_that_breaks_its_declaration_is_a_bug_not_a_document():
    with pytest.raises(StageError, match="step measured: expected columns \\['text'\\], got \\['x'\\]; put the step that adds"):
        measured.measure(pa.record_batch({"x": pa.array([1])}), Limits(), "measured")


def test_empty_batches_pass():
    walk = Walk(documents([]), Balance())
    walk.run(call(measured))
    walk.run(call(doubled))
    assert "doubled__edits" in walk.batch.schema.names
    assert walk.batch.num_rows == 0


def test_messages_are_one_line_bounded_and_without_addresses():
    text = message(RuntimeError("at <x 0x7f12ab34cd56>\n" + "y" * 900))
    assert text.startswith("RuntimeError: at <x 0x…> yyy")
    assert len(text) == 500


def test_the_stage_of_a_call_crosses_a_process_boundary():
    import pickle

    module = types.ModuleType("curate.stages.only_for_this_test")
    sys.modules[module.__name__] = module
    try:
        exec("import pyarrow as pa\nfrom curate.stage import Config, stage\nclass C(Config):\n    '''c'''\n", module.__dict__)
        exec("@stage(version=1, reads=('text',), adds={'n': pa.int64()})\ndef one(batch, config: C):\n    return {}\n", module.__dict__)
        made = StageCall(step="x", stage=module.one, config=module.C())
        assert pickle.loads(pickle.dumps(made.stage)) is made.stage
    finally:
        del sys.modules[module.__name__]


def test_rules_compare_as_written():
    values = pa.array([1.0, 2.0, None])
    for operator, expected in {"<": [1, 0, 0], "<=": [1, 1, 0], ">": [0, 0, 0], ">=": [0, 1, 0], "==": [0, 1, 0], "!=": [1, 0, 0]}.items():
        assert Rule("r", "m", operator, "l").holds(values, 2.0).astype(int).tolist() == expected, operator
    words = pa.array(["a", "b", None])
    assert Rule("r", "m", "in", "l").holds(words, ["a"]).astype(int).tolist() == [1, 0, 0]
    assert Rule("r", "m", "not in", "l").holds(words, ["a"]).astype(int).tolist() == [0, 1, 0]
    assert isinstance(Rule("r", "m", "in", "l").holds(words, []), np.ndarray)
