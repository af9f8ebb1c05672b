"""The model card of a run that is not finished, and names that could break a table."""

from dataclasses import replace

import pyarrow as pa
import token_corpora

from curate.shards.reader import open_shards
from train.card import smooth, write_card


def test_an_unfinished_run_has_a_card(run, config, corpus, tmp_path):
    summary, _ = run("unfinished", replace(config, steps=5), stop_after=2)
    card = write_card(tmp_path / "unfinished", corpus, summary).read_text()
    assert "| held-out bits per byte | not measured: the run is unfinished |" in card
    assert "Trained for 2 of 5 steps" in card
    assert summary.plan_id in card


def test_licences_are_sorted_by_tokens_and_stay_in_their_cells(run, config, tmp_path):
    meta = token_corpora.meta(licenses=("a|b", "MIT", ""))
    table = token_corpora.table(token_corpora.documents(90), meta)
    codes = pa.array([0] * 10 + [1] * 70 + [2] * 10, pa.uint16())
    table = table.set_column(4, table.schema.field("license"), codes)
    corpus = open_shards(token_corpora.write(tmp_path / "corpus", [table], meta))
    summary, _ = run("licences", replace(config, steps=1), on=corpus)
    card = write_card(tmp_path / "licences", corpus, summary).read_text()
    rows = [line.split(" | ")[0] for line in card.split("| licence |")[1].split("\n\n")[0].splitlines()[2:]]
    assert rows[0] == "| MIT"
    assert set(rows[1:]) == {"| a\\|b", "| (none)"}


def test_the_moving_mean_of_the_plot_leaves_out_what_is_no_number():
    losses = [4.0, None, 2.0, *[1.0] * 97]
    found = smooth(losses)
    assert found[0] == 4.0
    assert found[1] == 4.0  # over two steps, of which one has a loss
    assert found[2] == 2.0
    assert found[3] == 1.5
    assert found[-1] == 1.0
