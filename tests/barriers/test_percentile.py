"""Percentiles: the limits are numpy's on plain data, each language has its own, and the file that a run leaves decides alike in a later run."""

import json

import numpy as np
import pyarrow as pa
import pytest
from barrier_runner import Cut as Way
from barrier_runner import last_rows, parts_of, run

import curate
from curate import stage as stages
from curate.barriers import percentile as module
from curate.barriers.percentile import Config, bucket, percentile
from curate.engine.corpus import make
from curate.engine.local import LocalEngine
from curate.errors import RecipeError
from curate.recipe import from_dict
from curate.store import Store
from curate.thresholds import loaded

LIMITS = {"gopher_quality": {"min_alpha_words": 10, "max_mean_word_length": 95}, "length": {"min_words": 20, "max_bytes": 99}}


def documents(n=400):
    rs = np.random.RandomState(3)
    label = rs.choice(["de", "en", "en", "xx"], n).astype(object)
    label[::50] = None
    measures = {
        "gopher_quality__alpha_words": np.round(rs.rand(n), 4),
        "gopher_quality__mean_word_length": np.round(rs.rand(n) * 9 + (label == "de") * 4, 4),
    }
    whole = {"length__words": rs.randint(0, 100, n), "length__bytes": rs.randint(0, 3_000_000, n)}
    gone = pa.array(rs.rand(n) < 0.05)
    return pa.table(
        {"id": pa.array([rs.bytes(16) for _ in range(n)], pa.binary(16)), "language__label": pa.array(label, pa.string())}
        | {name: pa.array(values, mask=np.asarray(gone)) for name, values in measures.items()}
        | {name: pa.array(values) for name, values in whole.items()}
    )


def law_case():
    small = documents(400)
    first = small.slice(0, 1).to_pylist()[0] | {"gopher_quality__alpha_words": 0.9, "gopher_quality__mean_word_length": 5.0}
    first |= {"length__words": 60, "length__bytes": 500}
    return Config(limits=LIMITS, min_documents=30), pa.concat_tables([pa.Table.from_pylist([first], schema=small.schema), small.slice(1)])


def found(config, table):
    rows = last_rows(percentile, config, parts_of(table, Way()), Way())
    return loaded(percentile.finding(iter([] if rows is None else [rows]), config)[module.FILE])


def test_limits_are_order_statistics():
    table = documents().filter(pa.compute.equal(documents()["language__label"], "en"))
    values = np.sort(table["length__words"].to_numpy())
    alpha = np.sort(table["gopher_quality__alpha_words"].drop_null().to_numpy())
    steps = found(Config(limits=LIMITS, min_documents=30), table)
    assert steps["length"]["en"]["min_words"] == values[len(values) * 20 // 100]
    assert steps["gopher_quality"]["en"]["min_alpha_words"] == alpha[len(alpha) * 10 // 100]


def test_at_most_the_wanted_share_leaves_and_nearly_all_of_it():
    config = Config(limits={"length": {"max_bytes": 90}}, by=None, min_documents=1)
    out = run(percentile, config, documents())
    left = 400 - out["percentile__drop"].null_count
    assert 36 <= left <= 40
    assert set(out["percentile__drop"].to_pylist()) == {None, "length_too_many_bytes"}
    row = next(row for row in out.to_pylist() if row["percentile__drop"])
    assert row["percentile__value"] == str(row["length__bytes"])
    assert row["percentile__threshold"] == f"> {found(config, documents())['length']['default']['max_bytes']}"


def test_languages_have_their_own_limits_and_rare_ones_those_of_all():
    steps = found(Config(limits=LIMITS, min_documents=150), documents())["gopher_quality"]
    assert set(steps) == {"en", "default"}
    steps = found(Config(limits=LIMITS, min_documents=30), documents())["gopher_quality"]
    assert set(steps) == {"de", "en", "xx", "default"}
    assert steps["de"]["max_mean_word_length"] > steps["en"]["max_mean_word_length"] + 2


def ways(**limits):
    """The limits of two measures by these ways, and the values by language."""
    table = documents(3000)
    told = {
        "gopher_quality": {"max_mean_word_length": limits},
        "length": {"min_words": {**limits, **({"limit": 20} if "limit" in limits else {})}},
    }
    steps = found(Config(limits=told, min_documents=300), table)
    frame = {name: np.asarray(table[name].to_pylist(), dtype=object) for name in table.column_names}
    labels = frame["language__label"]
    values = {}
    for name in ("gopher_quality__mean_word_length", "length__words"):
        there = np.array([one is not None for one in frame[name]])
        values[name] = {label: frame[name][there & (labels == label)].astype(float) for label in ("de", "en", "xx")}
    lengths = {label: steps["gopher_quality"][label]["max_mean_word_length"] for label in ("de", "en", "xx")}
    words = {label: steps["length"][label]["min_words"] for label in ("de", "en", "xx")}
    return lengths, values["gopher_quality__mean_word_length"], words, values["length__words"]


def test_limits_carried_over_by_mean_and_deviation():
    lengths, values, words, counts = ways(way="mean_std", limit=8.0)
    for label in ("de", "en", "xx"):
        z, least = (8 - values["en"].mean()) / values["en"].std(), (20 - counts["en"].mean()) / counts["en"].std()
        assert lengths[label] == pytest.approx(values[label].mean() + z * values[label].std(), abs=2e-3)
        assert words[label] == np.ceil(round(counts[label].mean() + least * counts[label].std(), 4))
    assert (lengths["en"], words["en"]) == (8.0, 20)


def test_limits_carried_over_by_the_median_and_by_quantile():
    lengths, values, words, counts = ways(way="median_ratio", limit=8.0)
    median = {label: np.sort(one)[len(one) // 2] for label, one in values.items()}
    assert lengths["de"] == pytest.approx(8 * median["de"] / median["en"], rel=1e-3)
    lengths, values, words, counts = ways(way="quantile", limit=8.0)
    for label in ("de", "en", "xx"):
        assert (values[label] > lengths[label]).mean() == pytest.approx((values["en"] > 8).mean(), abs=3e-3)
        assert (counts[label] < words[label]).mean() == pytest.approx((counts["en"] < 20).mean(), abs=2e-2)


def test_the_median_less_a_deviation_between_bounds():
    lengths, values, words, counts = ways(way="median_std", times=0.5)
    assert lengths["de"] == pytest.approx(np.median(values["de"]) + values["de"].std() / 2, abs=2e-2)
    assert words["de"] == pytest.approx(np.median(counts["de"]) - counts["de"].std() / 2, abs=1.5)
    assert set(ways(way="median_std", least=3, greatest=3)[2].values()) == {3}
    assert set(ways(way="mean_std", limit=8.0, like="nobody")[0].values()) == {8.0}
    language = {"language": {"min_score": {"way": "mean_std", "limit": 0.9}}}
    table = documents().append_column("language__score", pa.array(np.linspace(0, 1, 400).round(4)))
    assert all(0 <= one["min_score"] <= 1 for one in found(Config(limits=language, min_documents=1), table)["language"].values())


@pytest.mark.parametrize("sign", [1, -1])
def test_buckets_hold_their_values(sign):
    values = np.unique(np.r_[np.arange(40_000), 2 ** np.arange(62), 2 ** np.arange(1, 62) - 1]) * sign
    edges = bucket(values)
    assert (edges <= values).all()
    assert (edges[np.abs(values) < 2**14] == values[np.abs(values) < 2**14]).all()
    assert (values - edges <= np.abs(values) / 2**13).all()
    assert (np.diff(edges[np.argsort(values)]) >= 0).all()


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"gopher": {"min_words": 5}}, "expected the names of stages, got gopher"),
        ({"length": {"min_wrods": 5}}, r"expected limits of its rules \[.*min_words.*\], got min_wrods"),
        ({"length": {"min_words": 101}}, "expected a percentile from 0 to 100, got 101"),
        (
            {"length": {"min_words": {"way": "mean_std"}}},
            "expected one for the ways that carry it over, and none for median_std, got None for mean_std",
        ),
    ],
)
def test_what_cannot_be_computed_is_told(limits, message):
    with pytest.raises(ValueError, match=message):
        Config(limits=limits)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("percentile")
    rs = np.random.RandomState(5)
    with (folder / "in.jsonl").open("w") as file:
        for i in range(200):
            text = " ".join("wort" * (1 + i % 3) for _ in range(rs.randint(1, 60)))
            file.write(json.dumps({"id": i, "text": text, "lang": ["de", "en", None][i % 3]}) + "\n")
    return folder


def recipe(corpus, steps, **more):
    uri = str(corpus / "in.jsonl")
    return from_dict({"name": "p", "input": [{"uri": uri, "fields": {"lang": "lang"}}], "steps": steps, **more})


def outcome(root):
    opened = curate.open(root)
    kept = {row["id"] for batch in opened.documents().to_batches() for row in batch.select(["id"]).to_pylist()}
    gone = {row["id"]: (row["value"], row["threshold"]) for batch in opened.removed().to_batches() for row in batch.to_pylist()}
    return kept, gone


def test_the_file_of_one_run_decides_alike_in_the_next(corpus, tmp_path):
    limits = {"length": {"min_words": 15, "max_bytes": 90}}
    steps = [{"length": {}}, {"percentile": {"limits": limits, "by": "lang", "min_documents": 40}}]
    make(recipe(corpus, steps), Store(str(tmp_path / "a")), LocalEngine(1))
    file = tmp_path / "a" / "findings" / "percentile-thresholds.yaml"
    make(recipe(corpus, steps, limits={"part_bytes": 2_000}), Store(str(tmp_path / "b")), LocalEngine(1), min_ranges=7)
    assert (tmp_path / "b" / "findings" / file.name).read_bytes() == file.read_bytes()
    make(recipe(corpus, [{"length": {"thresholds": str(file)}}]), Store(str(tmp_path / "c")), LocalEngine(1))
    first, second, third = (outcome(tmp_path / name) for name in "abc")
    assert first == second == third
    assert 20 < len(first[1]) < 60
    assert len({threshold for _, threshold in first[1].values()}) > 4


def test_thresholds_by_language(corpus, tmp_path):
    """Each document by the setting of its language; what the file does not speak of, by the recipe."""
    file = tmp_path / "t.yaml"
    file.write_text("by: lang\nsteps:\n  length:\n    de: {min_words: 30}\n    en: {min_words: null}\n")
    batch = pa.record_batch({"text": ["a b"] * 4, "lang": ["de", "en", None, "fr"]})
    made = recipe(corpus, [{"length": {"thresholds": str(file), "min_words": 3}}])
    from curate.engine.plan import plan

    call = plan(made).segments[0].steps[0]
    assert call.columns(batch)["length__threshold"].to_pylist() == ["< 30", None, "< 3", "< 3"]
    assert call.columns(batch.slice(1))["length__threshold"].to_pylist() == [None, "< 3", "< 3"]
    assert call.columns(batch.slice(0, 0))["length__threshold"].to_pylist() == []
    before = call.identity()
    file.write_text(file.read_text().replace("30", "31"))
    changed = plan(recipe(corpus, [{"length": {"thresholds": str(file), "min_words": 3}}])).segments[0].steps[0]
    assert changed.identity() != before
    assert from_dict(from_yaml(made)) == recipe(corpus, from_yaml(made)["steps"]) != made
    assert "thresholds" in json.dumps(curate.recipe.json_schema()["properties"]["steps"]["items"]["properties"]["length"]["properties"])
    assert stages.load("length").config().min_words is None


def from_yaml(made):
    from curate.recipe import to_yaml, yaml

    return yaml.parse(to_yaml(made), "t").data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: {length: {de: {min_wrods: 3}}}", r"t.yaml:1: steps.length.de.min_wrods: expected one of .*did you mean min_words\?"),
        ("steps: {lenght: {de: {}}}", r"expected thresholds for length in .*t.yaml, got \[lenght\]; did you mean lenght\?"),
        ("by: nothing\nsteps: {length: {de: {}}}", "steps.length: expected column nothing"),
        (": :", "steps.length.thresholds: .*t.yaml:1: .*expected text as a key, got null"),
    ],
)
def test_a_file_of_thresholds_is_checked(text, message, corpus, tmp_path):
    (tmp_path / "t.yaml").write_text(text)
    with pytest.raises(RecipeError, match=message):
        recipe(corpus, [{"length": {"thresholds": str(tmp_path / "t.yaml")}}])
