"""Toxicity: counts and shares by hand, lists by language, a model beside them, limits that mark or remove, and floors on labelled data."""

import csv
import gzip
import io
import json

import numpy as np
import pyarrow as pa
import pytest

from curate.errors import SourceError, StageError
from curate.models import train_classifier
from curate.recipe import from_dict
from curate.stages.toxicity import Config, models, toxicity


def run(texts, config, languages=None):
    columns = {"text": pa.array(texts, pa.large_string())}
    if languages is not None:
        columns["language__label"] = pa.array(languages, pa.string())
    measured = toxicity.measure(pa.record_batch(columns), config, "t")
    return {n.removeprefix("t__"): c.to_pylist() for n, c in (measured | toxicity.judge(measured, config, "t")).items()}


def test_occurrences_different_words_and_share():
    texts = ["Darn, darn it. Heck!", "", None, "a darning needle", "bloody heck bloody heck"]
    out = run(texts, Config(words=["darn", "heck", "bloody heck"]))
    assert out["num_listed"] == [3, 0, None, 0, 4]
    assert out["distinct_listed"] == [2, 0, None, 0, 2]
    assert out["share"] == [0.6, 0.0, None, 0.0, round(22 / 23, 4)]  # a word inside a phrase is covered once
    assert set(out["drop"]) == {None}
    assert set(out["score"]) == {None}


def test_limits_remove():
    config = Config(words=["darn"], max_listed=2, max_share=0.5)
    assert run(["darn " * 3, "darn", "darn it all the same"], config)["drop"] == ["listed_words", "listed_share", None]


def test_lists_by_language(tmp_path):
    (tmp_path / "de").write_text("Fanny\n")  # a name elsewhere
    (tmp_path / "en").write_text("gift\nfanny\n")
    config = Config(words=["darn"], by_language={"de": [str(tmp_path / "de")], "en": [str(tmp_path / "en")]}, except_words=["gift"])
    out = run(["fanny", "fanny darn", "gift", "darn fanny"], config, ["de", "en", "en", None])
    assert out["num_listed"] == [1, 2, 0, 1]
    with pytest.raises(StageError, match=r"put the step that adds .*language__label.* before it"):
        run(["a"], config)
    assert len(models(config)) == 2


def test_a_recipe_without_the_language_is_told_before_it_runs(tmp_path):
    from curate.errors import RecipeError

    (tmp_path / "de").write_text("x\n")
    steps = [{"toxicity": {"by_language": {"de": [str(tmp_path / "de")]}}}]
    with pytest.raises(RecipeError, match=r"steps.toxicity: expected column language__label"):
        from_dict({"name": "x", "input": [{"uri": "a.jsonl"}], "steps": steps})
    from_dict({"name": "x", "input": [{"uri": "a.jsonl"}], "steps": [{"language": {}}, *steps]})


def test_a_list_of_an_installed_package():
    assert run(["MIT License"], Config(word_files=["package:curate/stages/markup_model.md"]))["num_listed"] == [0]
    with pytest.raises(ValueError, match=r"expected a file of an installed package, got package:no_such/words\.txt: no package no_such"):
        Config(word_files=["package:no_such/words.txt"])
    with pytest.raises(ValueError, match=r"expected a file with one entry a line, got package:curate/none\.txt"):
        Config(word_files=["package:curate/none.txt"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"max_score": 0.5}, "max_score: expected a `model` beside it, got none"),
        ({"max_share": 0.5}, "expected lists of words beside it, got none"),
        ({"max_share": 2}, "less than or equal to 1"),
    ],
)
def test_limits_without_a_measure(fields, message):
    with pytest.raises(ValueError, match=message):
        Config(**fields)
    assert Config().lacks()


def rows(folder):
    """(text, whether people call it toxic) of surge's comments."""
    data = gzip.decompress((folder / "toxicity_en.csv.gz").read_bytes()).decode()
    return [(row["text"], row["is_toxic"] == "Toxic") for row in csv.DictReader(io.StringIO(data))]


def trained(documents, path):
    """A model of some of them."""
    data = train_classifier.Documents([text.encode() for text, _ in documents], [int(toxic) for _, toxic in documents])
    options = train_classifier.Options(dim=16, epochs=15, rate=0.5, word_ngrams=2, buckets=20_000, min_count=1, seed=0, held_out=0.1)
    path.write_bytes(train_classifier.train(data, ("toxic", "clean"), options))
    return str(path)


def figures(flagged, toxic):
    """Precision and recall."""
    flagged, toxic = np.array(flagged), np.array(toxic)
    right = int((flagged & toxic).sum())
    return right / max(1, int(flagged.sum())), right / int(toxic.sum())


def test_a_model_scores_and_a_label_that_it_lacks(tmp_path):
    path = trained([("you darn fool go away", True), ("a lovely day in the park", False)] * 20, tmp_path / "m.bin")
    out = run(["you darn fool", "a lovely park", None, ""], Config(model=path, max_score=0.5))
    assert out["score"][0] > 0.5 > out["score"][1]
    assert (out["score"][2:], out["label"][:2], out["drop"]) == ([None, 0.0], ["toxic", "clean"], ["toxic", None, None, None])
    with pytest.raises(SourceError, match=r"label: expected a label of .*, got 'toxik'; it has toxic"):
        models(Config(model=path, label="toxik"))


def test_floors_on_comments_that_people_judged(shared, tmp_path):
    comments = rows(shared("safety-surge-toxicity"))
    lists = [str(shared("safety-wordlists") / "ldnoobw" / "en.txt")]
    path = trained([one for n, one in enumerate(comments) if n % 2], tmp_path / "m.bin")
    texts, toxic = zip(*comments[::2], strict=True)
    out = run(list(texts), Config(word_files=lists, model=path))
    precision, recall = figures([n > 0 for n in out["num_listed"]], toxic)
    assert precision >= 0.88
    assert recall >= 0.22
    precision, recall = figures([score > 0.5 for score in out["score"]], toxic)
    assert precision >= 0.72
    assert recall >= 0.72


def test_floors_on_prompts_and_on_everyday_sentences(shared):
    """A list beside categories that people gave; and what it does to sentences that nobody would call toxic, by language."""
    import zstandard

    lists = shared("safety-wordlists") / "ldnoobw"
    lines = gzip.decompress((shared("safety-openai-moderation") / "samples-1680.jsonl.gz").read_bytes()).decode().splitlines()
    asked = [json.loads(line) for line in lines if line.strip()]
    toxic = [any(one.get(key) == 1 for key in ("S", "S3", "H", "H2", "V", "V2", "HR", "SH")) for one in asked]
    precision, recall = figures(
        [n > 0 for n in run([one["prompt"] for one in asked], Config(word_files=[str(lists / "en.txt")]))["num_listed"]], toxic
    )
    assert precision >= 0.64
    assert recall >= 0.59
    data = zstandard.ZstdDecompressor().stream_reader((shared("lid-tatoeba") / "lid.tsv.zst").read_bytes()).read().decode()
    for code, language in (("deu", "de"), ("spa", "es"), ("fra", "fr"), ("jpn", "ja")):
        texts = [line.partition("\t")[2] for line in data.splitlines() if line.startswith(f"{code}\t")]
        own = run(texts, Config(by_language={language: [str(lists / f"{language}.txt")]}), [language] * len(texts))["num_listed"]
        assert len(texts) > 500
        assert sum(n > 0 for n in own) / len(texts) <= 0.012
    german = [line.partition("\t")[2] for line in data.splitlines() if line.startswith("deu\t")]
    every = run(german, Config(word_files=sorted(map(str, lists.glob("*.txt")))))["num_listed"]
    assert sum(n > 0 for n in every) / len(german) > 0.2  # why lists go by language
