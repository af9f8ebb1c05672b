"""Compute used: by step, each task once, and apart from the card."""

import json

from curate.card import compute, publish


def test_seconds_are_those_of_the_last_times(finished, copy):
    store = copy(finished)
    made = compute.used(store)
    latest = {}
    for line in store.read("times.jsonl").decode().splitlines():
        entry = json.loads(line)
        latest[entry["task"]] = entry["seconds"]
    assert made["tasks"] == len(latest) == made["all_attempts"]["tasks"]
    assert abs(made["seconds"] - sum(sum(one.values()) for one in latest.values())) < 0.01
    assert {"unicode", "license", "tongue"} <= set(made["seconds_by_step"])
    task = next(iter(latest))
    again = [{"task": task, "kind": "segment", "seconds": {"unicode": 1000.0}}, {"task": "other", "kind": "x", "seconds": {"gone": 5.0}}]
    more = "".join(json.dumps(one) + "\n" for one in again) + '{"task": "half'
    store.write("times.jsonl", store.read("times.jsonl") + more.encode())
    later = compute.used(store)
    assert later["tasks"] == made["tasks"]
    assert 1000 <= later["seconds_by_step"]["unicode"] < 1001
    assert "gone" not in later["seconds_by_step"]
    assert later["all_attempts"]["tasks"] == made["tasks"] + 2


def test_the_card_does_not_change_with_the_times(finished, copy):
    store = copy(finished)
    publish.publish(store)
    before = {name: store.read(f"card/{name}") for name in store.list("card")}
    store.write("times.jsonl", store.read("times.jsonl") * 2)
    publish.publish(store)
    assert {name: store.read(f"card/{name}") for name in store.list("card")} == before
    assert store.read_json("compute.json")["all_attempts"]["tasks"] == 2 * store.read_json("compute.json")["tasks"]


def test_a_run_without_times_has_no_compute(finished, copy):
    store = copy(finished)
    store.remove("times.jsonl")
    assert compute.used(store) is None
