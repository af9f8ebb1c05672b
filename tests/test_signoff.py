"""Sign-offs: what a line says, and that no line can be changed, taken out or put between unseen."""

import json

import pytest

from curate import signoff
from curate.errors import StoreError
from curate.store import Store

ANNA = {"name": "Anna", "role": "steward", "date": "2026-11-24", "statement": "I looked at 300 removals."}


@pytest.fixture
def store(tmp_path):
    made = Store(str(tmp_path))
    made.write_json("card/facts.json", {"kept": 1})
    return made


@pytest.fixture
def signed(store):
    """Three sign-offs, the second of a changed card."""
    signoff.sign(store, **ANNA)
    store.write_json("card/facts.json", {"kept": 2})
    signoff.sign(store, **ANNA | {"name": "בועז", "statement": "line\nbreak <b>"})
    signoff.sign(store, **ANNA | {"statement": "Withdrawn."})
    return store


def lines(store):
    return store.read(signoff.SIGNOFF).decode().splitlines()


def test_a_line_says_who_signed_what_after_whom(signed):
    first, second, third = signoff.read(signed)
    assert (first.name, second.name, second.statement) == ("Anna", "בועז", "line\nbreak <b>")
    assert (first.previous, second.previous, third.previous) == (None, first.hash, second.hash)
    assert first.card_digest != second.card_digest == third.card_digest == signoff.card_digest(signed)
    assert sorted(json.loads(lines(signed)[0])) == ["card_digest", "corpus_digest", "date", "hash", "name", "previous", "role", "statement"]


def test_without_the_file_nobody_has_signed(store):
    assert signoff.read(store) == ()


@pytest.mark.parametrize("line", [0, 1, 2])
def test_a_changed_line_is_told(signed, line):
    found = lines(signed)
    found[line] = found[line].replace("steward", "director")
    signed.write(signoff.SIGNOFF, "\n".join(found).encode())
    with pytest.raises(StoreError, match=rf"signoff\.jsonl:{line + 1}: expected hash blake3:.*, got .*; the line was changed"):
        signoff.read(signed)


@pytest.mark.parametrize("line", [0, 1])
def test_a_line_taken_out_is_told(signed, line):
    found = lines(signed)
    del found[line]
    signed.write(signoff.SIGNOFF, "\n".join(found).encode())
    with pytest.raises(StoreError, match=rf"signoff\.jsonl:{line + 1}: expected previous .*; a line was taken out or put between"):
        signoff.read(signed)


@pytest.mark.parametrize("bad", ["{", "[]", '{"name": "x"}', ""])
def test_what_is_no_sign_off_is_told(signed, bad):
    signed.write(signoff.SIGNOFF, ("\n".join([*lines(signed), bad]) + "\n").encode())
    with pytest.raises(StoreError, match=r"signoff\.jsonl:4: expected a sign-off, got"):
        signoff.read(signed)
    with pytest.raises(StoreError, match="expected a sign-off"):
        signoff.sign(signed, **ANNA)


@pytest.mark.parametrize(("field", "value", "told"), [("name", " ", "' '"), ("statement", "x" * 2001, "2001 characters")])
def test_an_empty_or_endless_field_is_refused(store, field, value, told):
    with pytest.raises(StoreError, match=f"sign-off: expected {field} of 1 to 2000 characters, got {told}; say it anew"):
        signoff.sign(store, **ANNA | {field: value})


def test_a_run_without_a_card_cannot_be_signed(tmp_path):
    with pytest.raises(StoreError, match=r"expected card/facts\.json to sign, got no card; write it with `curate card`"):
        signoff.sign(Store(str(tmp_path)), **ANNA)


def test_a_sign_off_does_not_outlive_the_corpus_that_was_signed(store):
    def states():
        digests = signoff.card_digest(store), signoff.corpus_digest(store)
        return [one.state(*digests) for one in signoff.read(store)]

    store.write_json("documents/manifest.json", {"rows": 1})
    signoff.sign(store, **ANNA)
    assert states() == ["this card"]
    store.write_json("card/facts.json", {"kept": 1, "people": "an answer"})
    assert states() == ["an earlier card of this corpus"]
    store.write_json("documents/manifest.json", {"rows": 2})
    signoff.sign(store, **ANNA)
    assert states() == ["no longer holds: the corpus changed after it", "this card"]
    store.write_json("shards/manifest.json", {"tokens": 2})  # even where the facts should come out alike
    assert states() == ["no longer holds: the corpus changed after it"] * 2


def test_lines_of_earlier_versions_hold_and_are_left_as_they_are(store):
    line = ANNA | {"card_digest": signoff.card_digest(store), "previous": None}
    old = json.dumps(line | {"hash": signoff.hash_of(line)}, sort_keys=True)
    store.write(signoff.SIGNOFF, old.encode())
    signoff.sign(store, **ANNA)
    assert lines(store)[0] == old
    first, second = signoff.read(store)
    assert first.state(first.card_digest, second.corpus_digest) == "this card"
    assert first.state("blake3:other", second.corpus_digest) == "an earlier card"
