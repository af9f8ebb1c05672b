from collections import Counter

import pytest

from curate.errors import ReviewError
from curate.review.decisions import NotAllowedError
from curate.review.labels import DISPUTED
from tests.review.conftest import hex_id

RULES = {
    "length:too_few_words": [hex_id(n) for n in range(100)],
    "c4:lorem_ipsum": [hex_id(n) for n in range(100, 107)],
    "kept": [hex_id(999)],
}


def walk(labels, names, verdict=lambda name, item: "right"):
    """All the names label all they get, in turns; who got what."""
    got = []
    while True:
        taken = [(name, item) for name in names if (item := labels.next_item(name))]
        if not taken:
            return got
        for name, item in taken:
            labels.label(item.document, item.rule, verdict(name, item), by=name)
            got.append((item.document, item.rule, name))


def test_any_beginning_of_the_queue_has_as_many_of_each_rule(labels):
    assert labels.enqueue(RULES, per_rule=5, seed=3, by="Ada") == 11
    items = [labels.next_item("Bo")]
    while items[-1]:
        labels.label(items[-1].document, items[-1].rule, "right", by="Bo")
        items.append(labels.next_item("Bo"))
    assert sorted(item.rule for item in items[:3]) == sorted(RULES)
    assert Counter(item.rule for item in items[:-1]) == {"length:too_few_words": 5, "c4:lorem_ipsum": 5, "kept": 1}


def test_the_seed_draws_and_a_longer_draw_begins_with_the_shorter(labels, desk, tmp_path):
    from curate.review.decisions import DecisionStore
    from curate.review.labels import Labels

    def drawn(seed, per_rule, name):
        other = DecisionStore(tmp_path / name)
        other.join("Ada", "steward")
        queue = Labels(other)
        queue.enqueue({rule: ids[::-1] for rule, ids in RULES.items()}, per_rule=per_rule, seed=seed, by="Ada")
        with other.connection() as db:
            return [tuple(row) for row in db.execute("SELECT document, rule FROM items ORDER BY rank")]

    assert drawn(1, 5, "a") == drawn(1, 5, "b") != drawn(2, 5, "c")
    assert set(drawn(1, 5, "d")) < set(drawn(1, 20, "e"))


def test_each_item_is_labelled_by_as_many_people_as_it_has_raters(labels):
    labels.enqueue(RULES, per_rule=10, seed=3, by="Ada", raters=2)
    got = walk(labels, ["Bo", "Cy", "Di"])
    raters = Counter((document, rule) for document, rule, _ in got)
    assert set(raters.values()) == {2}
    assert len(raters) == 18
    assert len(set(got)) == len(got)
    assert all(one.complete == one.items for one in labels.progress())
    assert labels.next_item("Bo") is None


def test_nobody_sees_anothers_label_until_all_are_in(labels, desk):
    labels.enqueue({"kept": [hex_id(1)]}, per_rule=1, seed=0, by="Ada")
    labels.label(hex_id(1), "kept", "wrong", by="Bo", note="it is spam")
    desk.comment("document", hex_id(1), "such spam", by="Bo")
    for viewer in ("Cy", "Ada"):
        seen = labels.seen(hex_id(1), "kept", viewer)
        assert (seen.labels, seen.hidden, seen.verdict, seen.complete) == ((), 1, None, False)
        assert desk.comments("document", hex_id(1), viewer) == []
        told = [entry.said for entry in desk.audit(viewer) if entry.action in ("label", "comment")]
        assert all(said["hidden"] and "spam" not in str(said) and "wrong" not in str(said) for said in told)
        assert len(told) == 2
    assert labels.seen(hex_id(1), "kept", "Bo").labels[0].note == "it is spam"
    assert labels.ratings() == []
    seen = labels.label(hex_id(1), "kept", "right", by="Cy")
    assert [(one.reviewer, one.verdict) for one in seen.labels] == [("Cy", "right"), ("Bo", "wrong")]
    assert seen.verdict == DISPUTED
    assert [one.text for one in desk.comments("document", hex_id(1), "Cy")] == ["such spam"]


def test_a_label_changed_after_the_others_were_seen_keeps_what_was_said_blind(labels, desk):
    labels.enqueue({"kept": [hex_id(1)]}, per_rule=1, seed=0, by="Ada")
    labels.label(hex_id(1), "kept", "unsure", by="Bo")
    labels.label(hex_id(1), "kept", "wrong", by="Bo")  # before anybody could see: a slip, corrected
    labels.label(hex_id(1), "kept", "right", by="Cy")
    seen = labels.label(hex_id(1), "kept", "right", by="Bo")
    assert seen.verdict == "right"
    late = labels.label(hex_id(1), "kept", "right", by="Di")
    assert {one.reviewer: one.blind for one in late.labels} == {"Bo": "wrong", "Cy": "right", "Di": None}
    assert labels.ratings() == [("kept", hex_id(1), "Bo", "wrong"), ("kept", hex_id(1), "Cy", "right")]
    assert desk.verify() is None


def test_stewards_resolve_what_is_disputed(labels, desk):
    labels.enqueue({"kept": [hex_id(1), hex_id(2)]}, per_rule=2, seed=0, by="Ada")
    walk(labels, ["Bo", "Cy"], lambda name, item: "right" if name == "Bo" or item.document == hex_id(2) else "wrong")
    assert [one.document for one in labels.disputed("Ada")] == [hex_id(1)]
    with pytest.raises(NotAllowedError):
        labels.disputed("Bo")
    with pytest.raises(NotAllowedError):
        labels.resolve(hex_id(1), "kept", "wrong", by="Bo")
    with pytest.raises(ReviewError, match="expected labels that are all in and differ"):
        labels.resolve(hex_id(2), "kept", "wrong", by="Ada")
    assert labels.resolve(hex_id(1), "kept", "wrong", by="Ada").verdict == "wrong"
    assert labels.progress()[0].outcomes == {"right": 1, "wrong": 1, "unsure": 0, "disputed": 0}
    assert labels.disputed("Ada") == []
    assert desk.verify() is None


def test_what_was_taken_waits_for_who_took_it_until_it_is_given_back(labels):
    labels.enqueue({"kept": [hex_id(1)]}, per_rule=1, seed=0, by="Ada")
    assert labels.next_item("Bo") == labels.next_item("Bo") == labels.next_item("Cy")
    assert labels.next_item("Di") is None
    with pytest.raises(NotAllowedError):
        labels.release(hex_id(1), "kept", by="Di", reviewer="Bo")
    labels.release(hex_id(1), "kept", by="Ada", reviewer="Bo")
    assert labels.next_item("Di").document == hex_id(1)
    with pytest.raises(ReviewError, match="expected an item that Ada took, got none"):
        labels.release(hex_id(1), "kept", by="Ada")


def test_labels_of_documents_that_nobody_drew_count_for_nothing(labels):
    assert labels.label(hex_id(5), "kept", "wrong", by="Bo").verdict == "wrong"
    assert labels.ratings() == []
    assert labels.progress() == []
    with pytest.raises(ReviewError, match=r"expected one of .*, got .bad."):
        labels.label(hex_id(5), "kept", "bad", by="Bo")
    with pytest.raises(ReviewError, match="expected an id of 32 hex digits"):
        labels.label("5", "kept", "right", by="Bo")
    with pytest.raises(NotAllowedError):
        labels.enqueue(RULES, per_rule=5, seed=3, by="Bo")
