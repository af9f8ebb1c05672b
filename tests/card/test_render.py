"""The page: what the Hub reads of it, what people must still say, and that no text of the crawl gets out of its cell."""

from itertools import pairwise

import card_runs
import pytest
from markdown_it import MarkdownIt

from curate.card import facts as counting
from curate.card import publish, questions
from curate.card.content import QUANTILES
from curate.card.sections import misses, prose
from curate.recipe import yaml
from curate.store import Store

GFM = MarkdownIt("commonmark").enable("table")
ANSWERS = {name: f"said {name}" for name in counting.REQUIRED} | {"title": "Harbour | tales\nof the bay", "license": "ODC-By-1.0"}


def page_of(store):
    return store.read(publish.README).decode()


def front(page):
    return yaml.parse(page.split("---\n")[1], "card").data


def tables(page):
    """Heading → rows of its first table, as a reader sees them."""
    found, heading, row, rows = {}, "", [], None
    tokens = GFM.parse(page.split("---\n", 2)[2])
    for before, token in pairwise(tokens):
        if before.type == "heading_open":
            heading = token.content
        elif token.type == "table_open":
            rows = found.setdefault(heading, [])
        elif token.type == "tr_open":
            row = []
        elif token.type == "inline" and before.type in ("td_open", "th_open"):
            row.append("".join(child.content for child in token.children))
        elif token.type == "tr_close":
            rows.append(row)
    return found


def test_the_run_has_a_card_that_its_facts_make_again(tokenized, finished, copy):
    store = copy(finished)
    before = page_of(store)
    files = publish.write(store, counting.compute(store))
    assert files[0].path == "card/facts.json"
    assert {file.path for file in files} | {"card/domains.csv"} == {f"card/{name}" for name in finished.list("card")}
    assert page_of(store) == before
    publish.write(store, counting.load(finished))  # whatever the order of keys
    assert page_of(store) == before
    assert store.read("card/facts.json") == finished.read("card/facts.json")


def test_tables_show_the_counts_of_the_facts(finished):
    facts = counting.load(finished)
    seen = tables(page_of(finished))
    counts = [str(facts[what]["documents"]) for what in ("kept", "removed")]
    assert seen["Inputs"][1] == [card_runs.SOURCE, facts["inputs"][0]["uri"], *counts]
    flow = seen["What happened, step by step"][1:]
    assert [row[0] for row in flow] == ["unicode", "license", "read (same_record)", "exact_dedup", "tongue (language)"]
    assert [int(row[3].replace(",", "")) for row in flow] == [step["documents_out"] for step in facts["steps"]]
    reasons = {(row[0], row[1]): int(row[3]) for row in seen["Why documents left"][1:]}
    assert reasons == {(step["step"], reason): n["documents"] for step in facts["steps"] for reason, n in step["removed"].items()}
    languages = {entry["value"]: entry["documents"] for entry in facts["content"]["languages"]["top"]}
    assert {row[0]: int(row[1]) for row in seen["Languages"][1:]} == languages
    assert ["Text, bytes", *(f"{facts['content']['text_bytes_per_document'][name]:,}" for name in QUANTILES)] in seen["Length"]
    assert f"{facts['orphans']:,} of the copies are orphans" in page_of(finished)
    for path, entry in facts["files"].items():
        assert [path, entry["digest"]] in seen["What this was computed from"]


def test_tokens_and_licences_of_a_run_with_shards(tokenized, copy):
    store = copy(tokenized)
    facts = counting.compute(store)
    publish.write(store, facts)
    page = page_of(store)
    assert f"{facts['tokens']['tokens']:,} tokens in 2 shards" in page
    assert facts["tokens"]["corpus_id"] in page
    assert {row[0]: int(row[1].replace(",", "")) for row in tables(page)["Tokens"][1:]} == facts["tokens"]["by_license"]
    assert tables(page)["Length"][2][0] == "Tokens"


def test_the_recipe_in_the_card_is_the_recipe_as_run(finished):
    fences = [token for token in GFM.parse(page_of(finished)) if token.type == "fence"]
    assert [token.info for token in fences] == ["sh", "yaml"]
    assert fences[1].content == finished.read("recipe.yaml").decode()


def test_the_hub_reads_the_front_matter(finished):
    hub = pytest.importorskip("huggingface_hub")
    data = hub.DatasetCard(page_of(finished)).data
    assert data.language == ["en", "de"]
    assert data.size_categories == ["n<1K"]
    assert data.license is None
    assert data.pretty_name == "harbour"
    assert data.multilinguality == ["multilingual"]
    assert data.to_dict()["configs"][0]["data_files"] == [{"split": "train", "path": "documents/*.parquet"}]


def test_a_card_is_a_draft_until_people_have_answered(finished, copy):
    open_ = page_of(finished)
    names = "`title`, `description`, `purpose`, `contact`, `creators`, `license`"
    assert f"> **DRAFT.** Questions that only people can answer are open: {names}." in open_
    assert "draft" in front(open_)["tags"]
    store = copy(finished)
    recipe = yaml.parse(store.read("recipe.yaml").decode(), "recipe").data
    store.write("recipe.yaml", yaml.dump(recipe | {"card": recipe["card"] | ANSWERS}).encode())
    facts = counting.compute(store)
    assert {one["name"] for one in facts["people"]["questions"] if not one["open"]} == set(ANSWERS)
    assert facts["people"]["draft"] is False
    publish.write(store, facts)
    page = page_of(store)
    assert "DRAFT" not in page
    assert front(page) | {"license": "odc-by", "pretty_name": "Harbour | tales of the bay"} == front(page)
    assert "draft" not in front(page)["tags"]
    states = {row[0]: row[2] for row in tables(page)["Questions that only people can answer"][1:]}
    assert states == dict.fromkeys(ANSWERS, "answered") | dict.fromkeys(set(questions.NAMES) - set(ANSWERS), "open")


def test_text_of_the_crawl_stays_in_its_cell(finished, copy):
    store = copy(finished)
    facts = counting.compute(store)
    nasty = ["<script>alert(1)</script>", "a|b", "x\n# heading", "[c](javascript:1)", "\u202etxt"]
    for name in ("domains", "licenses", "languages"):
        facts["content"][name]["top"] = [{"value": value, "documents": 1} for value in nasty]
    facts["read"]["skipped"] = {"<b>request</b>|": 2}
    publish.write(store, facts)
    page = page_of(store)
    assert "<script" not in page
    assert "<b>" not in page.replace(store.read("recipe.yaml").decode(), "")
    assert {"html_block", "html_inline", "link_open"}.isdisjoint({t.type for top in GFM.parse(page) for t in [top, *(top.children or [])]})
    assert [row[0] for row in tables(page)["Domains"][1:6]] == [nasty[0], nasty[1], "x\\n# heading", nasty[3], "\\u202etxt"]


def test_a_run_that_kept_nothing_says_so(pages, tmp_path):
    recipe = card_runs.recipe(pages, steps=[{"exact_dedup": {}}, {"language": {"keep": ["fi"]}}])
    page = page_of(Store(str(card_runs.run(tmp_path, recipe))))
    assert "> **This run kept no document.**" in page
    assert "What is in it" not in page
    assert "configs" not in front(page)
    assert tables(page)["What happened, step by step"][-1][3] == "0"


def test_limits_are_what_the_steps_say_of_themselves(finished):
    limits = page_of(finished).split("## Known limits")[1].split("##")[0]
    assert "No step looked at robots.txt" in limits
    assert "- license misses licences told in prose in other words" in limits
    assert "No step looked for personal data." in limits


def test_misses_is_a_sentence_of_a_docstring():
    assert misses("A: b.\n\nMisses: one\nand two.\nPrice: little.\n") == "one and two."
    assert misses("A. Misses: one; Two\nthree. Price: a few\n\nMore.") == "one; Two three."
    assert misses("Misses: pairs below 0.8: of them half.\n\nPrice: x") == "pairs below 0.8: of them half."
    assert misses("Nothing.") == ""
    assert prose("a `b|c` <d>") == "a `b|c` &#60;d&#62;"
