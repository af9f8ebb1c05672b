"""Questions and answers: where an answer may stand, which one counts, and what is refused."""

import card_runs
import pytest
from typer.testing import CliRunner

from curate import signoff
from curate.__main__ import app
from curate.card import facts, publish, questions
from curate.errors import RecipeError
from curate.recipe import CardConfig
from curate.store import Store


def test_names_are_once_and_the_recipes_own_are_among_them():
    assert len(set(questions.NAMES)) == len(questions.NAMES)
    assert set(CardConfig.model_fields) - {"file"} <= set(questions.NAMES)
    assert all(one.asks.endswith(".") and set(one.required) <= set(questions.FORMS) for one in questions.QUESTIONS)


def test_later_answers_stand_before_earlier_ones(pages, tmp_path):
    said = tmp_path / "card.yaml"
    said.write_text("contact: file\nprovider: Example Ltd\nversion: 1.2\nbiases:\n", encoding="utf-8")
    recipe = card_runs.recipe(pages, card={"title": "inline", "contact": "inline", "file": str(said)})
    store = Store(str(card_runs.run(tmp_path / "run", recipe)))
    assert facts.load(store)["people"]["said"] == {"title": "inline", "contact": "file", "version": "1.2", "provider": "Example Ltd"}
    store.write("card.yaml", b"contact: beside\n")
    made = publish.publish(store)
    assert made["people"]["said"]["contact"] == "beside"
    assert made["people"]["said"]["provider"] == "Example Ltd"
    card_runs.run(tmp_path / "run", card_runs.recipe(pages, card={"title": "again"}))
    assert facts.load(store)["people"]["said"] == {"title": "again", "contact": "beside"}  # the recipe names no file any more


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"contct: me\n", r"card\.yaml:1: contct: expected one of \[.*\], got contct; did you mean contact\?"),
        (b"title: x\ncontact: [a]\n", r"card\.yaml:2: contact: expected text of at most 10000 characters, got \[\"a\"\]; put quotes"),
        (b"title: true\n", r"expected text of at most 10000 characters, got true; put quotes around it"),
        (b"- title\n", r"card\.yaml: expected questions with answers, got \[\"title\"\]; `curate card --questions` writes the list"),
        (b"date_published: soon\n", r"card\.yaml:1: date_published: expected a day such as 2026-11-24, got \"soon\""),
        (b"title: \xff\n", r"card\.yaml: expected UTF-8, got byte 0xff at offset 7; save it as UTF-8"),
        (b"title: 'x\n", r"card\.yaml:.*: expected YAML 1\.2"),
    ],
)
def test_what_is_no_answer_is_told(text, told):
    with pytest.raises(RecipeError, match=told):
        questions.parse(text, "card.yaml")


def test_an_empty_file_answers_nothing():
    assert questions.parse(b"", "card.yaml") == questions.parse(b"title:\n", "card.yaml") == {}


def test_a_file_that_is_not_there_is_told_before_anything_is_read(pages, tmp_path):
    with pytest.raises(
        RecipeError, match=r"card: expected a file of answers, got none\.yaml \(No such file or directory\); check the path"
    ):
        card_runs.run(tmp_path / "run", card_runs.recipe(pages, card={"file": "none.yaml"}))
    assert not (tmp_path / "run").exists()


def test_a_slip_in_the_runs_own_file_is_told_before_anything_is_read(pages, tmp_path):
    (tmp_path / "card.yaml").write_text("titel: x\n")
    with pytest.raises(RecipeError, match=r"card\.yaml:1: titel: expected one of .*; did you mean title\?"):
        card_runs.run(tmp_path, card_runs.recipe(pages))
    assert not (tmp_path / "work").exists()


def test_the_sheet_comes_back_as_the_answers():
    said = {"title": "A: b # c", "description": "two\nlines", "date_published": "2026-11-24"}
    assert questions.parse(questions.sheet(said).encode(), "card.yaml") == said
    assert all(f"\n{name}:" in questions.sheet({}) for name in questions.NAMES)


def test_the_command_writes_the_sheet_and_the_schema(finished, tmp_path):
    sheet = CliRunner().invoke(app, ["card", finished.root, "--questions"]).stdout
    assert questions.parse(sheet.encode(), "card.yaml") == {}
    assert '"title": "Facts"' in CliRunner().invoke(app, ["card", "--schema"]).stdout
    refused = CliRunner().invoke(app, ["card"])
    assert str(refused.exception) == "card: expected the folder of a run, got none; give one, such as runs/web"


def test_a_card_is_final_when_its_questions_are_answered_and_it_is_signed(finished, copy):
    store = copy(finished)

    def told(*forms):
        return str(CliRunner().invoke(app, ["card", store.root, *(word for form in forms for word in ("--final", form))]).exception)

    assert told("cart").startswith("card: expected one of [card, croissant, eu_summary, ab2013, dpi], got cart; did you mean card?")
    assert told("card") == (
        "card: expected card to be final, got open questions title, description, purpose, contact, creators, license; "
        f"answer them in {store.root}/card.yaml"
    )
    answers = "".join(f"{one.name}: said\n" for one in questions.QUESTIONS if "card" in one.required)
    store.write("card.yaml", answers.encode())
    assert "got 0 of other cards; sign it in `curate review" in told("card")
    signoff.sign(store, name="Anna", role="steward", date="2026-11-24", statement="I looked.")
    assert told("card") == "None"
    assert "expected ab2013 to be final, got open questions owners" in told("card", "ab2013")
    store.write("card.yaml", answers.replace("said", "other").encode())
    assert "got 1 of other cards" in told("card")
    store.write(signoff.SIGNOFF, b"{}\n")
    assert "card: expected sign-offs that hold, got review/signoff.jsonl:1: expected a sign-off" in told("card")
