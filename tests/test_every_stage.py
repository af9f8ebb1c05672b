"""Laws that every stage obeys. A new stage is tested here from the day its file exists."""

import ast
import pickle
from pathlib import Path

import pyarrow as pa
import pytest
from awkward_texts import TEXTS

from curate import schema
from curate import stage as stages

HERE = Path(__file__).parent


def documents(texts, dtype=None):
    """A batch with all document columns, and those that some stages read if a batch has them."""
    columns = {field.name: pa.nulls(len(texts), field.type) for field in schema.DOCUMENT}
    columns["text"] = pa.array(texts, dtype or pa.large_string())
    columns["url"] = pa.array([f"https://example.org/{i % 3}" for i in range(len(texts))])
    columns["headers"] = pa.array(
        [[{"name": "link", "value": "<https://spdx.org/licenses/MIT>; rel=license"}]] * len(texts), schema.HEADERS
    )
    return pa.record_batch(columns)


def run(stage, batch, config=None):
    """All that a stage makes of a batch, judged: {column: list}."""
    config = config or stage.config()
    measured = stage.measure(batch, config, "step")
    return {name: array.to_pylist() for name, array in (measured | stage.judge(measured, config, "step")).items()}


def joined(*parts):
    return {name: [row for part in parts for row in part[name]] for name in parts[0]}


@pytest.fixture(params=stages.names())
def stage(request):
    return stages.load(request.param)


def test_its_file_its_function_and_its_step_have_one_name(stage):
    assert stage.module == f"curate.stages.{stage.name}"


def test_adds_exactly_its_columns(stage):
    out = stage.measure(documents(TEXTS), stage.config(), "step")
    assert set(out) == {schema.column("step", name) for name in stage.adds} | set(stage.replaces)


def test_an_empty_batch(stage):
    assert all(column == [] for column in run(stage, documents([])).values())


def test_a_batch_is_only_packaging(stage):
    whole = run(stage, documents(TEXTS))
    for cut in range(0, len(TEXTS) + 1, 5):
        assert joined(run(stage, documents(TEXTS).slice(0, cut)), run(stage, documents(TEXTS).slice(cut))) == whole


def test_a_slice_is_a_batch(stage):
    whole = run(stage, documents(TEXTS))
    for start in range(1, len(TEXTS), 4):
        part = run(stage, documents(TEXTS).slice(start, 3))
        assert part == {name: column[start : start + 3] for name, column in whole.items()}


def test_strings_are_large_strings(stage):
    assert run(stage, documents(TEXTS, pa.string())) == run(stage, documents(TEXTS))


def test_a_null_text_gets_null_measures(stage):
    columns = run(stage, documents([None, "text", None]))
    assert all(column[0] is None and column[2] is None for column in columns.values())


def test_a_row_does_not_see_its_neighbours(stage):
    texts = [t for t in TEXTS if t is not None]
    whole = run(stage, documents(texts))
    backwards = run(stage, documents(texts[::-1]))
    if stage.name != "url":  # the url column of `documents` goes by position
        assert {name: column[::-1] for name, column in backwards.items()} == whole


def test_reasons_are_declared(stage):
    reasons = {rule.reason for rule in stage.rules}
    given = set(run(stage, documents(TEXTS)).get("step__drop", [])) - {None}
    assert given <= reasons or stages.DROP in stage.adds
    assert all(reason.replace("_", "").isalnum() and reason == reason.lower() for reason in reasons)


def test_crosses_a_process_boundary(stage):
    assert pickle.loads(pickle.dumps(stage)) is stage
    config = stage.config()
    assert pickle.loads(pickle.dumps(config)) == config
    assert stage.config.model_validate_json(config.model_dump_json()) == config


def test_every_field_of_its_config_has_a_default_and_a_sentence(stage):
    assert stage.config()
    for name, field in stage.config.model_fields.items():
        assert len((field.description or "").split()) > 2, f"{stage.name}: {name} has no sentence under it"


def test_unknown_fields_are_refused(stage):
    with pytest.raises(ValueError, match="no_such_field"):
        stage.config(no_such_field=1)


def test_it_says_what_it_misses_and_costs(stage):
    source = (HERE.parent / "curate" / "stages" / f"{stage.name}.py").read_text()
    docstring = ast.get_docstring(ast.parse(source))
    for word in ("Misses:", "Price:"):
        assert word in docstring
    missing = [name for name in stage.adds if name not in docstring and not name.startswith(("top_", "dup_"))]
    assert not missing


def test_it_has_a_test_file_of_its_own(stage):
    assert (HERE / "stages" / f"test_{stage.name}.py").exists()


def test_its_models_are_named_by_digest(stage):
    if stage.models is not None:
        assert all(digest.startswith("sha256:") for digest in stage.models(stage.config()).values())
