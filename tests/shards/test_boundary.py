"""The tokens around documents: put there, taken off, proved; and a whole run under each policy."""

import json
from itertools import pairwise

import numpy as np
import pytest
import token_corpora
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import curate
from curate.__main__ import app
from curate.errors import RecipeError, ShardError
from curate.shards.boundary import POLICIES, bare, check_around, framed
from curate.shards.reader import bytes_id, open_shards
from tests.tokenizer import reference

TEXTS = ["", "plain words here", "spelled <|endoftext|> and <|begin|> inside", "7 " * 500, "last"]
SPECIALS = ["<|endoftext|>", "<|begin|>"]
AROUND = [(0, None), (None, 0), (9, 0), (0, 0)]


@given(texts=st.lists(st.none() | st.lists(st.integers(1, 8), max_size=5), max_size=8), around=st.sampled_from(AROUND))
def test_framed_is_what_a_loop_makes_and_bare_takes_it_off(texts, around):
    before, behind = around
    docs = [[] if text is None else [0, *text] for text in texts]
    offsets = np.concatenate([[0], np.cumsum([len(doc) for doc in docs])]).astype(np.int64)
    made_offsets, made = framed(offsets, np.array([t for doc in docs for t in doc], np.uint16), before, behind)
    found = [made[a:b] for a, b in pairwise(made_offsets)]
    slow = [[] if text is None else [*[before] * (before is not None), *text, *[behind] * (behind is not None)] for text in texts]
    assert [one.tolist() for one in found] == slow
    assert made.dtype == np.uint16
    assert [bare(one, before, behind).tolist() for one in found if len(one)] == [text for text in texts if text is not None]
    there = np.array([bool(doc) for doc in docs], dtype=bool)
    ones = np.ones(int(there.sum()), np.uint32)
    check_around(np.append(made_offsets[:-1][there], len(made)), made, 0 * ones, ones, before, behind)


@pytest.mark.parametrize(
    ("policy", "docs", "said"),
    [
        ("last", [[1, 0], [2]], "shard row 1: expected the boundary token 0 last in each document, got 0; put it there, on the last piece"),
        ("last", [[0, 1, 0]], "shard: expected 1 boundary tokens, one a document, got 2; encode special-token text as plain text"),
        ("both", [[64, 1, 0], [1, 0]], "shard row 1: expected the boundary token 64 first in each document"),
        ("both", [[64, 1]], "shard row 0: expected the boundary token 0 last in each document"),
        ("both", [[64, 1, 64, 0]], "shard: expected 1 boundary tokens, one a document, got 2"),
    ],
)
def test_rows_that_do_not_keep_the_policy(tmp_path, policy, docs, said):
    meta = token_corpora.under(policy, [])[1]
    with pytest.raises(ShardError) as error:
        token_corpora.write(tmp_path / "run", [token_corpora.table([np.array(doc, np.uint16) for doc in docs], meta)], meta)
    assert said in str(error.value)


def test_metadata_that_contradicts_itself():
    with pytest.raises(ShardError, match=r"expected a boundary_policy of .*, got middle; read it with the version that wrote it"):
        token_corpora.meta(boundary_policy="middle")
    for more in ({"boundary_policy": "both"}, {"bos_id": 3}, {"boundary_policy": "both", "bos_id": 64}):
        with pytest.raises(ShardError, match="expected a bos_id below vocab_size 64 with boundary_policy both, and none with another"):
            token_corpora.meta(**more)


def recipe(folder, **shards):
    return {
        "name": "around",
        "input": [{"uri": str(folder / "in.jsonl"), "source": "s"}],
        "steps": [{"cut": {}}],
        "tokenizer": {"file": str(folder / "tokenizer.json")},
        "shards": {"tokens_per_shard": 500} | shards,
    }


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of the same texts under each policy, in one folder after another and in one folder one after the other."""
    folder = tmp_path_factory.mktemp("around")
    (folder / "in.jsonl").write_text("".join(json.dumps({"id": str(n), "text": text}) + "\n" for n, text in enumerate(TEXTS)))
    (folder / "tokenizer.json").write_bytes(reference.tokenizer_json(TEXTS * 5, vocab_size=300, specials=SPECIALS))
    for policy in POLICIES:
        curate.run(recipe(folder, boundary=policy, **({"bos": "<|begin|>"} if policy == "both" else {})), output=folder / policy, workers=1)
    return folder


def documents(folder):
    corpus = open_shards(folder / "shards")
    corpus.verify()
    ids = corpus.ids()
    return corpus, {one: corpus.document_tokens(one).tolist() for one in (bytes_id(ids, row) for row in range(len(ids)))}


def test_a_run_keeps_the_policy_of_its_recipe(runs):
    plain, first = documents(runs / "first")
    assert plain.meta.boundary_policy == "first"
    eos, bos = plain.meta.eos_id, 1
    for policy, before, behind in (("last", [], [eos]), ("both", [bos], [eos])):
        corpus, found = documents(runs / policy)
        assert found == {one: [*before, *tokens[1:], *behind] for one, tokens in first.items()}
        assert (corpus.meta.boundary_policy, corpus.manifest["boundary_policy"]) == (policy, policy)
        assert corpus.meta.bos_id == (bos if policy == "both" else None)
        assert corpus.corpus_id != plain.corpus_id
    said = json.loads((runs / "both" / "tokenizer" / "tokenizer_config.json").read_text())
    assert (said["bos_token"], said["eos_token"]) == ("<|begin|>", "<|endoftext|>")


@pytest.mark.parametrize("policy", POLICIES)
def test_the_verbs_know_the_policy(runs, policy):
    call = CliRunner().invoke
    assert f"{len(TEXTS)} documents (" in call(app, ["shards", "verify", str(runs / policy)]).output
    told = json.loads(call(app, ["shards", "stats", str(runs / policy), "--json"]).output)
    plain = json.loads(call(app, ["shards", "stats", str(runs / "first"), "--json"]).output)
    assert (told["boundary"], told["bytes_per_token"]) == (policy, plain["bytes_per_token"])
    _, found = documents(runs / policy)
    shown = [call(app, ["shards", "cat", str(runs / policy), one.hex()]).output for one in found]
    assert sorted(shown) == sorted(f"{text}\n" for text in TEXTS)


def test_another_policy_in_the_same_folder_is_written_anew_and_back_the_same(runs, tmp_path):
    kept = (runs / "first" / "shards" / "manifest.json").read_bytes()
    curate.run(recipe(runs, boundary="last"), output=runs / "first", workers=1)
    assert documents(runs / "first")[0].manifest == documents(runs / "last")[0].manifest
    curate.run(recipe(runs), output=runs / "first", workers=1)
    assert (runs / "first" / "shards" / "manifest.json").read_bytes() == kept


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shards": {"boundary": "behind"}}, 'shards.boundary: expected first, last or both, got "behind"'),
        ({"shards": {"bos": "<|begin|>"}}, "shards: expected boundary both with bos, got first; with one token a document, name it in"),
        ({"shards": {"boundary": "both", "bos": "<s>"}}, "shards.bos: expected a special token of the tokenizer"),
        (
            {"shards": {"boundary": "both", "bos": "<s>"}, "tokenizer": {"vocab_size": 300}},
            "shards.bos: expected one of tokenizer.special_tokens [<|endoftext|>], got <s>; add it there",
        ),
        ({"shards": {"boundary": "last"}, "kind": "messages"}, "shards.boundary: expected first with kind messages, got last; put what"),
    ],
)
def test_policies_that_cannot_be(runs, tmp_path, changes, said):
    with pytest.raises(RecipeError) as error:
        curate.run(recipe(runs) | changes, output=tmp_path / "run", workers=1)
    assert said in str(error.value)
