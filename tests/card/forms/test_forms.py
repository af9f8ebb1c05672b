"""All forms: how much of them is computed, that nothing in them is invented, and what an answer and an open question do."""

import json
import re

import pytest

from curate.card import facts as counting
from curate.card import publish, questions
from curate.card.forms import ab2013, croissant, dpi, eu, written
from curate.card.forms.book import Book, lookup
from curate.card.forms.phrases import month
from curate.card.markdown import size

ASKED_FOR = ("card", "croissant", "eu_summary", "ab2013")
NUMBER = re.compile(r"\d[\d,.]*")


@pytest.fixture(scope="module")
def facts(tokenized):
    return counting.compute(tokenized)


@pytest.fixture(scope="module")
def answered(facts):
    said = {name: f"said <b>{name}</b>" for name in questions.NAMES} | {"date_published": "2026-11-24", "version": "1.2.0"}
    people = facts["people"] | {"said": said, "questions": [one | {"open": False} for one in facts["people"]["questions"]], "draft": False}
    return facts | {"people": people}


def test_three_fifths_of_the_fields_are_computed(facts, capsys):
    counts = {book.form: book.counts() for book in publish.forms(facts)}
    own = {form: (count["computed"], count["computed"] + count["said"] + count["open"]) for form, count in counts.items()}
    print({form: f"{done} of {whole}" for form, (done, whole) in own.items()})
    done, whole = (sum(own[form][i] for form in ASKED_FOR) for i in (0, 1))
    assert done / whole >= 0.6, own


def test_every_computed_field_names_facts_that_are_there(facts):
    for book in publish.forms(facts):
        for one in book.fields:
            if one.origin == "computed":
                assert one.basis
                assert one.value is not None
                assert all(lookup(facts, path) is not None for path in one.basis), one
            elif one.origin == "fixed":
                assert one.basis == ()
            else:
                assert one.basis[0] in questions.NAMES


def test_a_form_cannot_compute_from_nothing(facts):
    book = Book("card", facts)
    with pytest.raises(KeyError, match=r"form card: expected the fact no\.such for x, got none"):
        book.computed("x", 1, "no.such")
    with pytest.raises(ValueError, match="expected a value with its facts for x"):
        book.computed("x", 1)
    with pytest.raises(ValueError, match="expected a value with its facts for x, got None"):
        book.computed("x", None, "kept")
    with pytest.raises(KeyError, match="expected a question, got nobody"):
        book.asked("x", "nobody")


def numbers_of(value):
    """Every number in the facts, as a form may write it."""
    if isinstance(value, dict):
        return set().union(*(numbers_of(one) for one in [*value, *value.values()]))
    if isinstance(value, list):
        return set().union(set(), {str(len(value))}, *(numbers_of(one) for one in value))
    if isinstance(value, bool) or value is None:
        return set()
    if isinstance(value, int):
        return {str(value), f"{value:,}", *NUMBER.findall(str(size(value)))}
    text = str(value)
    return {*NUMBER.findall(text), *(NUMBER.findall(month(text)) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else ())}


def test_every_number_in_a_computed_field_is_one_of_the_facts(facts):
    """Shares are the one thing that a form works out: each must be a count of the facts by the kept or read documents."""
    known = numbers_of(facts)
    whole = facts["kept"]["documents"]
    known |= {f"{100 * count / whole:.1f}" for count in range(whole + 1)}
    known |= {f"{one['documents_in'] - one['documents_out']:,}" for one in facts["steps"]}
    known |= {str(counted["distinct"] - 10) for counted in facts["content"].values() if isinstance(counted, dict) and "distinct" in counted}
    known |= {"1.1", "1.0", "16", "0"}
    seen = 0
    for book in publish.forms(facts):
        for one in book.fields:
            if one.origin == "computed":
                for found in NUMBER.findall(json.dumps(one.value, ensure_ascii=False)):
                    seen += 1
                    assert found.strip(",.") in known or found in known or one.name == "Size", (book.form, one.name, found)
    assert seen > 100


def test_another_run_gives_other_values(facts, finished):
    """What is computed depends on the run: with other counts no field with a count in it stays as it was."""
    changed = json.loads(json.dumps(facts))
    changed["kept"] |= {"documents": 7, "text_bytes": 70, "ids": "0" * 32}
    changed["read"] |= {"records": 977}
    changed["tokens"]["tokens"] = 5 * 10**12
    changed["content"]["fetched"] = ["1999-01-02", "2001-03-04"]
    before = {(book.form, one.name): one.value for book in publish.forms(facts) for one in book.fields}
    after = {(book.form, one.name): one.value for book in publish.forms(changed) for one in book.fields}
    moved = {key for key in before if before[key] != after.get(key)}
    assert {
        ("eu_summary", "Size"),
        ("eu_summary", "Latest date of acquisition"),
        ("eu_summary", "Period of collection"),
        ("ab2013", "Number"),
        ("ab2013", "Period"),
        ("croissant", "size"),
        ("croissant", "dataCollection"),
        ("croissant", "temporalCoverage"),
        ("dpi", "generation-period"),
        ("dpi", "id"),
    } <= moved
    assert "1 billion to 10 trillion" in after["eu_summary", "Size"]


@pytest.mark.parametrize(("tokens", "band"), [(0, "less than 1 b"), (10**9, "1 billion to 10 t"), (10**13, "more than 10 t")])
def test_bands_of_the_template(tokens, band):
    assert eu.size_band(tokens).startswith(band)


def test_answers_stand_word_for_word_and_escaped(answered):
    for book in publish.forms(answered):
        assert book.open == []
        said = [one for one in book.fields if one.origin == "said"]
        assert all(one.value == answered["people"]["said"][one.basis[0]] for one in said)
        assert not [one for one in book.fields if one.origin == "open"]
    for form in (eu, ab2013):
        page = written.page(form.fill(answered), form.TITLE, form.LEAD)
        assert "DRAFT" not in page
        assert "<b>" not in page
        assert "&#60;b&#62;purpose" in page or form is eu


def test_open_questions_make_a_draft_that_lists_them(facts):
    for form in (eu, ab2013):
        book = form.fill(facts)
        page = written.page(book, form.TITLE, form.LEAD)
        assert page.split("\n\n")[1].startswith("> **DRAFT.**")
        assert all(f"`{name}`" in page for name in book.open)
        assert "*Open (`synthetic_data`): Whether text was made by models" in page


def test_the_twelve_items_are_twelve(facts):
    sections = list(dict.fromkeys(one.section for one in ab2013.fill(facts).fields))
    assert [int(section.partition(".")[0]) for section in sections] == list(range(1, 13))


def test_the_template_has_all_its_sections(facts):
    sections = {one.section.partition(" ")[0] for one in eu.fill(facts).fields} - {"Header"}
    assert sections == {"1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "3.1", "3.2", "3.3"}


def test_provenance_metadata_has_the_fields_of_the_standard(facts, answered):
    _book, document = dpi.fill(answered)
    assert {"version", "title", "id", "location", "issuer", "description"} == set(document["source"])
    assert {"origin-geography", "date", "generation-method", "format", "generation-period"} <= set(document["provenance"])
    assert {"classification", "consents", "privacy-enhancing", "license", "intended-purpose"} <= set(document["use"])
    assert document["open"] == []
    assert dpi.fill(facts)[1]["open"] == ["purpose", "creators", "license", "origin", "consent_documents", "processing_limits"]


def test_croissant_validates_offline(answered, facts, tmp_path, monkeypatch):
    mlc = pytest.importorskip("mlcroissant")
    import socket

    def refused(*_, **__):
        raise AssertionError("the validator went to the network")

    monkeypatch.setattr(socket, "create_connection", refused)
    for made, warnings in ((answered, 0), (facts, 4)):
        document = croissant.fill(made)[1]
        path = tmp_path / "croissant.json"
        path.write_text(json.dumps(document))
        issues = mlc.Dataset(path).metadata.ctx.issues
        assert not issues.errors
        assert len(issues.warnings) == warnings, issues.warnings


def test_croissant_tells_what_the_validator_does_not(facts, answered):
    assert croissant.missing(croissant.fill(answered)[1]) == []
    assert croissant.missing(croissant.fill(facts)[1]) == ["description", "license", "url", "creator", "datePublished"]
    broken = croissant.fill(answered)[1]
    del broken["distribution"][0]["sha256"]
    broken["distribution"][-1]["includes"] = ""
    assert croissant.missing(broken) == [f"{broken['distribution'][0]['@id']}: sha256", "shards: includes"]
    assert croissant.missing({}) == list(croissant.REQUIRED)


def test_croissant_names_columns_and_files_of_the_run(facts, tokenized):
    import hashlib

    document = croissant.fill(facts)[1]
    fields = {one["name"]: one["dataType"] for one in document["recordSet"][0]["field"]}
    assert fields | {"text": "sc:Text", "fetched_at": "sc:DateTime", "tongue__score": "sc:Float", "unicode__edits": "sc:Integer"} == fields
    for one in document["distribution"]:
        if one["@type"] == "cr:FileObject":
            assert hashlib.sha256(tokenized.read(one["contentUrl"])).hexdigest() == one["sha256"]
    assert document["rai:dataCollectionTimeframe"] == facts["content"]["fetched"]
    assert [one["name"] for one in document["prov:wasGeneratedBy"]] == [one["step"] for one in facts["steps"]]


def test_a_run_without_a_document_fills_its_forms(facts, finished):
    empty = json.loads(json.dumps(counting.load(finished)))
    empty["kept"] |= {"documents": 0, "text_bytes": 0}
    empty["columns"] = []
    empty["content"] |= {"fetched": None, "over_http": 0}
    for name, counted in empty["content"].items():
        if isinstance(counted, dict) and "top" in counted:
            empty["content"][name] = counted | {"top": [], "distinct": 0, "missing": 0} | ({"largest": []} if "largest" in counted else {})
    books = {book.form: {one.name: one.value for one in book.fields} for book in publish.forms(empty)}
    assert books["eu_summary"]["Latest date of acquisition"].startswith("not known")
    assert books["ab2013"]["Period"] == "no document says when it was fetched"
    assert books["eu_summary"]["Linguistic characteristics"] == "no document was kept"
