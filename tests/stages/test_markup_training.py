"""The training of the model of `markup`: the same bytes from the same pages, and a model that the kernels read."""

import pytest

from curate.web import main_text
from tests.bench import markup_sets as sets

SMALL_PAGE = 60_000
SMALL = {"kind": 4, "first": 6, "second": 6}


def test_training_again_gives_the_same_bytes(shared, tmp_path, monkeypatch):
    pytest.importorskip("lightgbm")
    from tests.bench import train_markup

    monkeypatch.setattr(train_markup, "TREES", SMALL)
    pages = list(train_markup.labelled(list(sets.pages("wcxb-dev", shared("extract-wcxb-dev").parent, SMALL_PAGE))[::8]))
    for name in ("a.json", "b.json"):
        train_markup.write(tmp_path / name, pages)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    model = main_text.load(tmp_path / "a.json")
    assert all(main_text.main_text(page["data"], model).text for page in pages[:5])
