"""The ledger: what balances is committed, what does not is refused, and a line survives the way through JSON."""

from collections import Counter

import pytest

from curate.errors import LedgerError
from curate.ledger import Balance, Ledger, Outcome
from curate.store import Store


def balance(**changes):
    """Ten records that balance: two skipped, one unreadable, seven documents, of which five stay."""
    base = {
        "records": 10,
        "skipped": Counter(request=2),
        "read_errors": 1,
        "documents": 7,
        "kept": 5,
        "removed": Counter({"length:too_short": 2, "read:error": 1}),
        "removed_bytes": Counter({"length:too_short": 30}),
        "ids_in": 1000,
        "ids_kept": 600,
        "ids_removed": 400,
        "bytes_in": 500,
        "bytes_kept": 460,
        "bytes_removed": 30,
        "added": Counter(unicode=5),
        "cut": Counter(unicode=15),
    }
    return Balance(**base | changes)


def test_balanced_books_pass():
    balance().check("t")


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ({"records": 11}, "records = documents"),
        ({"kept": 4}, "documents \\+ born by splitting = kept"),
        ({"split": Counter({"segment": 1})}, "documents \\+ born by splitting = kept"),
        ({"ids_born": 1}, "ids in"),
        ({"ids_kept": 601}, "ids in"),
        ({"bytes_kept": 459}, "bytes in"),
        ({"cut": Counter()}, "bytes in"),
    ],
)
def test_a_task_that_does_not_balance_is_refused(tmp_path, change, law):
    ledger = Ledger(Store(str(tmp_path)))
    with pytest.raises(LedgerError, match=f"task t: expected {law}.*; this is a bug, its output is not committed"):
        ledger.commit(Outcome(task="t", kind="segment", balance=balance(**change)))
    assert Ledger(Store(str(tmp_path))).lines == {}


def test_ids_balance_mod_2_to_128():
    balance(ids_in=1000 + (1 << 128)).check("t")


def test_a_line_comes_back_as_it_was(tmp_path):
    store = Store(str(tmp_path))
    file = store.write("work/x", b"abc")
    outcome = Outcome(task="t", kind="segment", balance=balance(), files={"documents": [file]}, facts={"rows": 3}, seconds={"a": 1.0})
    Ledger(store).commit(outcome)
    back = Ledger(store).outcome("t")
    assert back.balance == outcome.balance
    assert back.files == outcome.files
    assert back.facts == outcome.facts
    assert back.seconds == {}, "times are not part of the ledger"


def test_done_only_while_the_files_are_there(tmp_path):
    store = Store(str(tmp_path))
    ledger = Ledger(store)
    file = store.write("work/x", b"abc")
    ledger.commit(Outcome(task="t", kind="k", files={"rows": [file]}))
    assert ledger.done("t") is not None
    assert ledger.done("other") is None
    store.write("work/x", b"ab")
    assert ledger.done("t") is None


def test_compaction_keeps_the_plans_lines_in_order_and_the_others_usable(tmp_path):
    store = Store(str(tmp_path))
    ledger = Ledger(store)
    for name in ("b", "a", "old"):
        ledger.commit(Outcome(task=name, kind="k"))
    ledger.compact(["b", "a"])
    assert [line.split('"task":"')[1][0] for line in store.read("ledger.jsonl").decode().splitlines()] == ["b", "a"]
    assert store.list("ledger") == []
    assert set(Ledger(store).lines) == {"a", "b", "old"}


def test_lines_that_come_fast_are_written_together(tmp_path):
    store = Store(str(tmp_path))
    ledger = Ledger(store)
    for number in range(50):
        ledger.commit(Outcome(task=f"t{number:02}", kind="k"))
    ledger.flush()
    assert store.list("ledger")[0] == "t00.json", "the first waits for nobody"
    assert len(store.list("ledger")) < 10
    assert len(Ledger(store).lines) == 50


def test_a_damaged_line_is_named(tmp_path):
    store = Store(str(tmp_path))
    store.write("ledger.jsonl", b'{"task": "t", "kind": "k", "files": {}, "facts": {}}\n{"task"\n')
    with pytest.raises(LedgerError, match=r"ledger.jsonl:2: expected a ledger line, got '\{\"task\"'.*delete the line"):
        Ledger(store)
