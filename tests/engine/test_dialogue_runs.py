"""Runs of kind `messages` and `preference`: what is in their shards, whatever the cut; and what does not take them."""

import json
import random
import shutil

import numpy as np
import pytest
from tokenizers import Tokenizer
from typer.testing import CliRunner

import curate
from curate.__main__ import app
from curate.engine.corpus import make
from curate.engine.local import LocalEngine
from curate.errors import ShardError
from curate.export.run import export
from curate.recipe import from_dict
from curate.shards.digest import tree_digest
from curate.shards.reader import bytes_id, open_shards
from curate.store import Store

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TOKENS = {"tokenizer": {"vocab_size": 400, "special_tokens": SPECIALS}, "shards": {"tokens_per_shard": 3000}, "split": {}}
WORDS = [
    "why",
    "how",
    "what",
    "is",
    "the",
    "sum",
    "of",
    "two",
    "and",
    "three",
    "apples",
    "because",
    "it",
    "was",
    "so",
    "<|im_end|>",
    "mail",
    "me@example.com",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Dialogues and preferences as JSON lines; some texts name an address, some spell a special token."""
    made, rng = tmp_path_factory.mktemp("dialogues"), random.Random(3)

    def said(low, high):
        return " ".join(rng.choice(WORDS) for _ in range(rng.randint(low, high)))

    with open(made / "messages.jsonl", "w") as file:
        for number in range(120):
            turns = [{"role": role, "content": said(3, 20)} for _ in range(rng.randint(1, 3)) for role in ("user", "assistant")]
            file.write(json.dumps({"id": number, "messages": turns}) + "\n")
        file.write(json.dumps({"messages": [{"role": "user", "content": "alone"}]}) + "\n")
    with open(made / "preference.jsonl", "w") as file:
        for number in range(60):
            file.write(json.dumps({"id": number, "prompt": said(3, 9), "chosen": said(2, 9), "rejected": said(10, 15)}) + "\n")
    return made


def run(folder, root, kind, **changes):
    steps = [{"unicode": {}}, {"pii": {}}, {"exact_dedup": {}}, {"near_dedup": {}}]
    given = {"name": "talk", "kind": kind, "input": [{"uri": f"{folder}/{kind}.jsonl", "source": "s"}], "steps": steps} | TOKENS | changes
    return make(from_dict(given), Store(str(root)), LocalEngine(1))


@pytest.fixture(scope="module", params=["messages", "preference"])
def made(request, folder, tmp_path_factory):
    """(kind, folder of a run)."""
    root = tmp_path_factory.mktemp(request.param) / "run"
    run(folder, root, request.param)
    return request.param, root


def test_every_document_is_its_turns_in_their_frames(made):
    kind, root = made
    corpus = open_shards(root / "shards")
    corpus.verify()
    assert (corpus.meta.kind, corpus.manifest["format"], corpus.manifest["kind"]) == (kind, "curate/manifest/3", kind)
    tokenizer = Tokenizer.from_file(str(root / "tokenizer/tokenizer.json"))
    rows = {row["id"]: row for row in curate.open(root).documents().to_table(columns=["id", "text", "roles"]).to_pylist()}
    ids = corpus.ids()
    assert corpus.num_rows == len(rows) > 50

    def spelled(tokens):
        return tokenizer.decode(tokens.tolist(), skip_special_tokens=False)

    for number in range(corpus.num_rows):
        row = rows[bytes_id(ids, number)]
        turns = list(zip(row["roles"].split(","), row["text"].split("\n\n\uf8fe"), strict=True))
        wanted, learned = "<|endoftext|>", []
        for role, content in turns:
            if role == "rejected":
                assert spelled(corpus.rejected_of(row["id"])) == f"{content}<|im_end|>\n"
                continue
            wanted += f"<|im_start|>{'assistant' if role == 'chosen' else role}\n{content}<|im_end|>\n"
            learned += [f"{content}<|im_end|>\n"] if role in ("assistant", "chosen") else []
        tokens = corpus.row_tokens(number)
        assert spelled(tokens) == wanted
        assert [spelled(tokens[a:b]) for a, b in corpus.learned_spans(number)] == learned
        end = tokenizer.token_to_id("<|im_end|>")
        assert int((tokens == end).sum()) == sum(role != "rejected" for role, _ in turns), "a turn that spells it makes no special token"


def test_steps_see_and_change_the_turns(made):
    _, root = made
    texts = curate.open(root).documents().to_table(columns=["text"])["text"].to_pylist()
    assert not any("me@example.com" in text for text in texts)
    assert sum("\uf8fe" in text for text in texts) == len(texts)


def test_what_is_no_dialogue_is_a_counted_error(folder, tmp_path):
    summary = run(folder, tmp_path / "run", "messages", tokenizer=None, shards=None, split=None)
    assert (summary.first.documents, summary.first.read_errors) == (120, 1)


def test_a_dialogue_that_lost_a_turn_leaves(folder, tmp_path):
    row = {
        "messages": [
            {"role": "user", "content": "Say it."},
            {"role": "assistant", "content": "A sentence that repeats itself word for word."},
        ]
    }
    more = {"messages": [{"role": "user", "content": "Else?"}, {"role": "assistant", "content": row["messages"][1]["content"]}]}
    (tmp_path / "messages.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(more) + "\n")
    summary = run(tmp_path, tmp_path / "run", "messages", steps=[{"c4": {}}], tokenizer=None, shards=None, split=None)
    assert set(summary.removed()) <= {"turns:lost_turns", "c4:too_few_sentences"}
    assert summary.last.kept == 0


def test_other_parts_give_the_same_shards(made, folder, tmp_path):
    kind, root = made
    run(folder, tmp_path / "run", kind, limits={"part_bytes": 2_000, "range_bytes": 20_000})
    assert tree_digest(Store(str(tmp_path / "run")), ("shards", "tokenizer")) == tree_digest(Store(str(root)), ("shards", "tokenizer"))


def test_forgetting_and_compaction_keep_what_is_learned(made, tmp_path):
    kind, root = made
    shutil.copytree(root, tmp_path / "run")
    before = open_shards(root / "shards")
    ids = before.ids()
    first = bytes_id(ids, 0)
    runner = CliRunner()
    done = runner.invoke(app, ["shards", "forget", str(tmp_path / "run"), "--id", first.hex(), "--erase"])
    assert done.exit_code == 0, done.output
    after = open_shards(tmp_path / "run/shards")
    after.verify()
    assert after.document_tokens(first) is None
    left = [row for row in range(before.num_rows) if bytes_id(ids, row) != first]
    assert all(np.array_equal(after.learned_spans(new), before.learned_spans(old)) for new, old in enumerate(left))
    if kind == "preference":
        assert all(np.array_equal(after.rejected_of(bytes_id(ids, row)), before.rejected_of(bytes_id(ids, row))) for row in left)


def test_verbs_say_what_they_do_with_dialogues(made, tmp_path):
    kind, root = made
    runner = CliRunner()
    assert f"not sampled: turns of kind {kind} are encoded one by one" in runner.invoke(app, ["shards", "verify", str(root)]).output
    one = bytes_id(open_shards(root / "shards").ids(), 3).hex()
    shown = runner.invoke(app, ["shards", "cat", str(root), one]).output
    assert shown.startswith("<|im_start|>user\n")
    assert ("\nrejected:\n" in shown) == (kind == "preference")


@pytest.mark.parametrize("to", ["megatron", "nanogpt"])
def test_formats_without_a_place_for_it_are_refused(to, made, tmp_path):
    kind, root = made
    with pytest.raises(ShardError, match=f"export: expected shards of kind text, got {kind}; {to} has no place for what is learned"):
        export(open_shards(root / "shards"), tmp_path / "out", to, None, {})


def test_training_refuses_them(made, tmp_path):
    from train.__main__ import app as train

    kind, root = made
    done = CliRunner().invoke(train, ["--shards", str(root / "shards"), "--output", str(tmp_path / "out"), "--device", "cpu"])
    assert done.exit_code == 2
    assert f"--shards: expected shards of kind text, got {kind} in" in done.output


def test_columns_of_texts_have_none_of_it(laws, reference):
    corpus = open_shards(reference[0] / "shards")
    with pytest.raises(ShardError, match=r"column learned: expected shards that have it, got shards of kind text; see FORMAT\.md"):
        corpus.learned_spans(0)
    assert corpus.manifest["format"] == "curate/manifest/2"
    assert "kind" not in corpus.manifest


def test_real_preferences_and_dialogues(shared, tmp_path):
    """hh-rlhf's dialogues, and self-instruct's tasks: all but the few that are no such thing."""
    markers = {"user": "\n\nHuman: ", "assistant": "\n\nAssistant: "}
    pairs = {"uri": f"{shared('pref-hh-rlhf')}/harmless-base_test.jsonl.gz", "source": "hh", "markers": markers}
    told = run("", tmp_path / "pairs", "preference", input=[pairs], tokenizer=None, shards=None, split=None, steps=[])
    assert (told.first.documents, told.first.read_errors) == (2303, 9)
    task = [{"role": "user", "text": "{instruction}\n\n{instances.0.input}"}, {"role": "assistant", "text": "{instances.0.output}"}]
    tasks = {"uri": f"{shared('sft-self-instruct')}/*.jsonl.gz", "source": "tasks", "turns": task}
    play = [{"role": "user", "text": "{instruction}\n\n{input}"}, {"role": "assistant", "text": "{response}"}]
    plays = {"uri": f"{shared('sft-gpteacher')}/roleplay.json.gz", "source": "plays", "turns": play}
    done = run("", tmp_path / "tasks", "messages", input=[tasks, plays], tokenizer=None, shards=None, split=None, steps=[])
    assert (done.first.documents, done.first.read_errors) == (2350, 0)
