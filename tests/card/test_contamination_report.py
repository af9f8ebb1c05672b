"""The card's report by benchmark, against what was put into the texts."""

import json

import card_runs

from curate.card import facts, render
from curate.card.markdown import cell
from curate.store import Store

QUESTIONS = [
    "Which of the red boats came back to the harbour first on the morning after the storm?",
    "How many nets does a crew of five need if every net is mended twice in a winter?",
    "Name the wind that turns the lanterns on the eastern wall, and say in which month it blows.",
]


def test_the_report_by_benchmark(tmp_path):
    for name, asked in (
        ("boats", QUESTIONS[:2]),
        ("more|boats", QUESTIONS[1:]),
        ("none", ["What is seven times eight, and why is it never sixty?"]),
    ):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps({"question": one}) + "\n" for one in asked))
    texts = [card_runs.ENGLISH] * 3 + [f"{card_runs.ENGLISH}. {one} {card_runs.ENGLISH}" for one in (*QUESTIONS, QUESTIONS[0])]
    (tmp_path / "in").mkdir()
    rows = [{"id": str(number), "text": text, "url": f"https://a.example/{number}"} for number, text in enumerate(texts)]
    (tmp_path / "in" / "part.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    first, second, third = (str(tmp_path / f"{name}.jsonl") for name in ("boats", "more|boats", "none"))
    steps = [
        {"decontaminate": {"as": "look", "against": [first, second, third], "action": "mark"}},
        {"decontaminate": {"against": [second]}},
    ]
    recipe = card_runs.recipe(tmp_path / "in", steps=steps, accept_orphans=False)
    store = Store(str(card_runs.run(tmp_path / "run", recipe)))
    found = facts.compute(store)
    assert found["contamination"] == [
        {
            "step": "look",
            "benchmarks": [
                {"benchmark": "boats", "documents": 3, "removed": 0, "items": 2},
                {"benchmark": "more|boats", "documents": 2, "removed": 0, "items": 2},
            ],
        },
        {"step": "decontaminate", "benchmarks": [{"benchmark": "more|boats", "documents": 2, "removed": 2, "items": 2}]},
    ]
    page = render.render(found, "", {})
    assert "## Contamination" in page
    assert f"| decontaminate | {cell('more|boats')} | 2 | 2 | 2 |" in page
    assert "No step looked for texts of benchmarks." not in page


def test_a_run_without_the_step_says_so(finished):
    found = facts.compute(finished)
    assert found["contamination"] == []
    page = render.render(found, "", {})
    assert "## Contamination" not in page
    assert "No step looked for texts of benchmarks." in page
