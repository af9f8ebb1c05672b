"""Turns that a step has cut are seen."""

import pyarrow as pa

from curate.stages.turns import Config, turns
from curate.turns import MARK, joined


def lost(text, roles="user,assistant"):
    batch = pa.record_batch({"text": pa.array([text], pa.large_string()), "roles": pa.array([roles], pa.string())})
    measured = turns.measure(batch, Config(), "turns")
    return measured["turns__lost"][0].as_py(), turns.judge(measured, Config(), "turns")["turns__drop"][0].as_py()


def test_a_whole_dialogue_stays():
    assert lost(joined(["a", "b"])) == (0, None)


def test_what_is_cut_is_counted():
    assert lost("a\n\nb") == (1, "lost_turns")
    assert lost(joined(["a", " \n"])) == (1, "lost_turns")
    assert lost("") == (2, "lost_turns")


def test_a_turn_too_many_is_no_dialogue_either():
    assert lost(joined(["a", "b"]) + MARK)[1] == "lost_turns"
    assert lost(joined(["a", "b", "c"]))[1] == "lost_turns"


def test_texts_have_no_turns():
    batch = pa.record_batch({"text": pa.array(["a"], pa.large_string())})
    assert turns.measure(batch, Config(), "turns")["turns__lost"].to_pylist() == [None]
