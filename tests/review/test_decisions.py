import sqlite3
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import steward
from curate.errors import ReviewError, StoreError
from curate.review import chain
from curate.review.decisions import EXPORT, LOG, DecisionStore, NotAllowedError, place
from curate.store import Store
from tests.review.conftest import hex_id

RUN = {"recipe": "web", "manifest": "blake3:00"}


def test_decisions_are_kept_changed_and_taken_back(desk):
    desk.decide_document(hex_id(1), "remove", reason="spam", by="Ada")
    desk.decide_document(hex_id(1), "keep", reason="good_prose", note="a fine page", by="Ada")
    assert desk.document_decision(hex_id(1)).decision == "keep"
    assert desk.document_decision(hex_id(1)).by == "Ada"
    desk.decide_document(hex_id(1), None, by="Ada")
    assert desk.document_decisions() == []
    with pytest.raises(ReviewError, match="expected an earlier decision to take back, got none"):
        desk.decide_document(hex_id(1), None, by="Ada")
    assert desk.verify() is None


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"id": "xyz", "decision": "keep", "reason": "a"}, "id: expected 32 hex digits, got 'xyz'"),
        ({"id": hex_id(1), "decision": "burn", "reason": "a"}, "decision: expected one of .*, got 'burn'"),
        ({"id": hex_id(1), "decision": "hold", "reason": "held_x"}, "reason: expected words in snake case"),
        ({"id": hex_id(1), "decision": "hold", "reason": "Not good"}, "reason: expected words in snake case"),
        ({"id": hex_id(1), "decision": "keep", "reason": "a", "note": "x" * 3000}, "note: expected text of at most 2000"),
    ],
)
def test_a_decision_must_say_what_it_must(desk, said, message):
    with pytest.raises(ReviewError, match=message):
        desk.decide_document(**said, by="Ada")
    assert desk.document_decisions() == []


def test_reviewers_do_not_decide_and_strangers_do_nothing(desk):
    with pytest.raises(NotAllowedError, match="expected a steward, got a reviewer"):
        desk.decide_document(hex_id(1), "keep", reason="a", by="Bo")
    with pytest.raises(NotAllowedError):
        desk.decide_domain("example.org", "deny", reason="a", by="Bo")
    with pytest.raises(NotAllowedError):
        desk.join("Eve", "steward", by="Bo")
    with pytest.raises(ReviewError, match="expected somebody at this desk, got a stranger"):
        desk.comment("run", "", "hello", by="Eve")
    with pytest.raises(ReviewError, match="expected a role of"):
        desk.join("Eve", "king")


def test_the_longest_host_and_path_decide(desk):
    desk.decide_domain("example.org", "deny", reason="owner_objects", by="Ada")
    desk.decide_domain("blog.Example.org.", "approve", reason="letter", by="Ada", until="2027-01-01")
    desk.decide_domain("blog.example.org", "quarantine", path="/old/", reason="unclear", by="Ada")

    def found(url):
        one = desk.domain_decision(url)
        return one and one.decision

    assert found("https://www.example.org/x") == "deny"
    assert found("https://BLOG.example.org:8080/new") == "approve"
    assert found("https://blog.example.org/old/x?y") == "quarantine"
    assert found("https://badexample.org/") is None
    assert found("not an address") is None
    assert found("http://[::1") is None
    with pytest.raises(ReviewError, match=r"host: expected a host in lower case, without scheme or port, got 'https://x.org'"):
        desk.decide_domain("https://x.org", "deny", reason="a", by="Ada")
    desk.decide_domain("letter.example", "approve", reason="letter", scope="agreement", note="letter of 2026-11-02", by="Ada")
    assert desk.domain_decision("https://letter.example/").scope == "agreement"
    assert desk.decide_domain("open.example", "approve", reason="letter", licence="CC-BY-4.0", by="Ada").licence == "CC-BY-4.0"
    assert desk.export(RUN).domains[-1].licence == "CC-BY-4.0"
    assert desk.verify() is None
    with pytest.raises(ReviewError, match="note: expected where the owner's agreement is written"):
        desk.decide_domain("letter.example", "approve", reason="letter", scope="agreement", by="Ada")
    with pytest.raises(ReviewError, match="until: expected a day"):
        desk.decide_domain("x.org", "deny", reason="a", until="soon", by="Ada")


def test_a_desk_of_an_earlier_version_gets_the_scope(desk):
    desk.decide_domain("example.org", "approve", reason="letter", by="Ada")
    with desk.connection() as db:
        for name in ("scope", "licence"):
            db.execute(f"ALTER TABLE domains DROP COLUMN {name}")
    again = DecisionStore(desk.path, desk.clock)
    assert again.domain_decision("https://example.org/").scope is None
    assert again.verify() is None


def test_thresholds_are_proposed_by_anybody_and_settled_by_stewards(desk):
    one = desk.propose_threshold("length", "min_words", before=50, value=30, note="short poems", effect={"flips": 12}, by="Bo")
    with pytest.raises(NotAllowedError):
        desk.settle_threshold(one.number, accept=True, by="Bo")
    assert desk.settle_threshold(one.number, accept=True, by="Ada").state == "accepted"
    with pytest.raises(ReviewError, match="expected an open one, got none"):
        desk.settle_threshold(one.number, accept=False, by="Ada")
    exported = desk.export(RUN).thresholds
    assert [(t.step, t.field, t.value, t.by) for t in exported] == [("length", "min_words", 30, "Ada")]


def test_the_exported_file_reads_back_and_names_run_and_log(desk, tmp_path):
    desk.decide_document(hex_id(2), "hold", reason="ask_owner", note="<script>alert(1)</script>", by="Ada")
    desk.decide_domain("example.org", "deny", reason="owner_objects", by="Ada")
    made = desk.export(RUN)
    assert steward.decode(made.encode(), "d.json") == made
    assert made.log == dict(zip(("entries", "head"), desk.head(), strict=True))
    store = Store(str(tmp_path / "run"))
    desk.publish(store, RUN)
    assert steward.decode(store.read(EXPORT), EXPORT) == made
    assert len(store.read(LOG).splitlines()) == desk.head()[0]


def test_the_log_refuses_changes(desk):
    with desk.connection() as db:
        for query in ("UPDATE audit SET by = 'Bo'", "DELETE FROM audit", "INSERT INTO audit VALUES (99, 'x', 'x', 'x', '{}', NULL, 'x')"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(query)


def _behind_its_back(desk, *queries):
    with desk.connection() as db:
        for name in ("audit_no_update", "audit_no_delete", "audit_in_order"):
            db.execute(f"DROP TRIGGER {name}")
        for query in queries:
            db.execute(query)


def test_verify_names_the_first_broken_entry(desk):
    for number in range(3):
        desk.comment("run", "", f"remark {number}", by="Bo")
    assert desk.verify() is None
    _behind_its_back(desk, """UPDATE audit SET said = replace(said, 'remark 1', 'praise 1') WHERE said LIKE '%remark 1%'""")
    assert desk.verify().startswith("entry 6: expected hash blake3:")


def test_verify_sees_an_entry_that_was_taken_out_or_forged(desk):
    desk.comment("run", "", "a remark", by="Bo")
    _behind_its_back(desk, "DELETE FROM audit WHERE number = 2")
    assert desk.verify() == "entry 2: expected it after entry 1, got entry 3; one was taken out"


def test_verify_sees_tables_that_were_changed(desk):
    desk.decide_document(hex_id(1), "keep", reason="good", by="Ada")
    with desk.connection() as db:
        db.execute("UPDATE documents SET decision = 'remove'")
    assert desk.verify().startswith(f"table documents: expected what the log says, got another row about {hex_id(1)}")


@given(st.lists(st.sampled_from(["keep", "remove", "hold", None]), max_size=12), st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_any_walk_verifies_and_any_flipped_byte_does_not(tmp_path_factory, walk, place_):
    desk = DecisionStore(tmp_path_factory.mktemp("desk") / "d.sqlite")
    desk.join("Ada", "steward")
    for decision in walk:
        if decision or desk.document_decision(hex_id(1)):
            desk.decide_document(hex_id(1), decision, reason="a" if decision else "", by="Ada")
    assert desk.verify() is None
    with desk.connection() as db:
        entries = list(chain.read(db))
    lines = [chain.canonical(vars(entry)) for entry in entries]
    number = place_ % len(lines)
    changed = vars(entries[number]) | {"at": "2001-01-01T00:00:00Z"}
    forged = [*entries[:number], chain.Entry(**changed), *entries[number + 1 :]]
    assert chain.broken(iter(forged)).startswith(f"entry {number + 1}:")


def test_two_threads_and_two_processes_write_at_once(desk):
    code = (
        "import sys; from pathlib import Path; from curate.review.decisions import DecisionStore\n"
        "desk = DecisionStore(Path(sys.argv[1]))\n"
        "for n in range(20): desk.decide_document(f'{n:032x}', 'keep', reason='a', by='Ada')"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(desk.path)]) for _ in range(2)]
    threads = [threading.Thread(target=lambda: [desk.comment("run", "", "x", by="Bo") for _ in range(20)]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait(60) for process in processes] == [0, 0]
    assert desk.head()[0] == 4 + 40 + 40
    assert len(desk.document_decisions()) == 20
    assert desk.verify() is None


def test_a_run_in_an_object_store_needs_a_local_folder(tmp_path):
    with pytest.raises(StoreError, match="expected a local folder for decisions, got a run in an object store"):
        place(Store("memory://bucket/run"))
    assert place(Store("memory://bucket/run"), tmp_path) == tmp_path / "decisions.sqlite"
    assert place(Store(str(tmp_path))) == tmp_path / "review" / "decisions.sqlite"


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "d.sqlite").write_bytes(b"not a database, but long enough to look at" * 40)
    with pytest.raises(StoreError, match="expected a review desk's SQLite file, got"):
        DecisionStore(tmp_path / "d.sqlite")
