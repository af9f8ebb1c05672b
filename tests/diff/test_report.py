"""The comparison as a whole: JSON, terminal and page; nothing of a crawl gets out of its place."""

import io
import json
from html.parser import HTMLParser

import pytest
from rich.console import Console
from typer.testing import CliRunner

from curate.__main__ import app
from curate.diff import page, report, text
from curate.errors import StoreError
from curate.store import Store


@pytest.fixture(scope="module")
def made(before, after):
    return report.compare(before, after)


def test_the_same_folders_give_the_same_bytes(made, before, after):
    assert json.dumps(report.compare(before, after)) == json.dumps(made)
    assert json.loads(json.dumps(made)) == made


def test_it_says_what_changed(made, before):
    changed = {one["field"]: (one["before"], one["after"]) for one in made["recipe"]}
    assert changed["steps.tongue.keep"] == (["en", "de"], ["en"])
    assert set(changed) == {"steps.tongue.keep", "input[0].uri"}
    assert [run["kept"] for run in made["runs"]] == [100, made["runs"][1]["kept"]]
    assert sum(one["documents"] for one in made["flips"]) + made["same"] == 120
    same = report.compare(before, before)
    assert (same["recipe"], same["flips"]) == ([], [])
    assert {one["divergence"] for one in same["columns"]} <= {0.0, None}
    assert same["vocabulary"]["divergence"] == 0


def test_the_terminal_shows_text_and_interprets_none(made):
    nasty = json.loads(json.dumps(made))
    nasty["flips"][0]["samples"][0] |= {"url": "[red]x[/red]\x1b[31m", "text": "a\u202eb \x07"}
    out = io.StringIO()
    Console(file=out, width=200).print(text.render(nasty))
    said = out.getvalue()
    assert "[red]x[/red]\\x1b[31m" in said
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "kept → tongue:wrong_language, for example" in said
    assert "steps.tongue.keep" in said


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = set()

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        assert not [name for name, _ in attributes if name.startswith("on")]


def test_the_page_holds_the_samples_as_text(made):
    nasty = json.loads(json.dumps(made))
    nasty["flips"][0]["samples"][0] |= {
        "url": "https://x/<script>alert(1)</script>",
        "text": "</pre><img src=x onerror=alert(1)>",
        "value": "<i>",
    }
    nasty["columns"][1]["contributors"] = [{"value": '"><svg onload=1>', "before": 0.1, "after": 0.2, "part": 0.1}]
    written = page.render(nasty)
    tags = Tags()
    tags.feed(written)
    assert tags.seen.isdisjoint({"script", "img", "i", "iframe", "link"})
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in written
    for one in made["flips"]:
        assert f"<h3>{one['before']} → {one['after']}</h3>" in written
    assert page.render(made) == page.render(json.loads(json.dumps(made)))


def test_a_run_that_kept_nothing_can_be_compared(before, pages, tmp_path):
    import card_runs

    recipe = card_runs.recipe(pages, steps=[{"unicode": {}}, {"language": {"as": "tongue", "keep": ["fi"]}}])
    empty = Store(str(card_runs.run(tmp_path, recipe)))
    for sides in ((before, empty), (empty, before), (empty, empty)):
        made = report.compare(*sides)
        assert {one["divergence"] for one in made["columns"]} | {made["vocabulary"]["divergence"]} == {None}
        assert made["measures"] == []
        assert page.render(made).endswith("</html>\n")
        Console(file=io.StringIO()).print(text.render(made))
    assert report.compare(empty, empty)["same"] == 120


def test_the_command(before, after, tmp_path):
    target = tmp_path / "diff.html"
    result = CliRunner().invoke(app, ["diff", before.root, after.root, "--json", "--html", str(target), "--samples", "1"])
    assert result.exit_code == 0
    said = json.loads(result.stdout)
    assert all(len(one["samples"]) == 1 for one in said["flips"])
    assert target.read_text().startswith("<!doctype html>")
    assert "Documents whose fate changed" in CliRunner().invoke(app, ["diff", before.root, after.root]).stdout


def test_a_run_that_goes_on_is_refused(before, tmp_path):
    with pytest.raises(StoreError, match=r"expected the folder of a finished run, got no recipe\.yaml"):
        report.compare(before, Store(str(tmp_path)))
