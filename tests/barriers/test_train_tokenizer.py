"""The tokenizer barrier: one result for every cut of the work, equal to the library's, bounded by the recipe."""

import hashlib
import json

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError
from tokenizers import Tokenizer

from curate import barrier
from curate.errors import StageError
from curate.tokenizer.pretokenize import count
from tests.barrier_runner import Cut, last_rows, parts_of
from tests.tokenizer import reference
from tests.tokenizer.texts import docstrings

TRAIN = barrier.load("train_tokenizer")
TEXTS = [*docstrings(60_000)[:400], None, "", "a" * 5000, " 漢字 naïve 12345"]


def documents(texts, sources=None):
    ids = pa.array([hashlib.blake2b(str(i).encode(), digest_size=16).digest() for i in range(len(texts))], pa.binary(16))
    sources = pa.array(["one"] * len(texts) if sources is None else sources, pa.string())
    return pa.table({"id": ids, "text": pa.array(texts, pa.large_string()), "source": sources})


def finding(texts, cut=None, sources=None, **settings):
    config, cut = TRAIN.config(**{"vocab_size": 600, **settings}), cut or Cut()
    rows = last_rows(TRAIN, config, parts_of(documents(texts, sources), cut), cut)
    pieces = [] if rows is None else [rows.slice(start, 100) for start in range(0, rows.num_rows, 100)]
    return TRAIN.finding(iter(pieces), config)


@pytest.fixture(scope="module")
def plain():
    return finding(TEXTS)


@pytest.mark.parametrize(
    "cut",
    [
        Cut(parts=5, batch_rows=7, ranges=7, table_rows=3, seed=1),
        Cut(parts=2, batch_rows=1, ranges=64, table_rows=1000, seed=2),
        Cut(ranges=64, table_rows=1),
    ],
    ids=str,
)
def test_the_cut_of_the_work_changes_no_byte(cut, plain):
    assert finding(TEXTS, cut) == plain


def test_the_order_of_documents_changes_no_byte(plain):
    assert finding(TEXTS[::-1]) == plain


@pytest.mark.parametrize("pattern", ["gpt2", "gpt4"])
def test_it_is_the_tokenizer_of_the_library(pattern):
    texts = [text for text in TEXTS if text is not None]
    vocabulary, merges = reference.trained(texts, pattern=pattern, vocab_size=600)
    model = json.loads(finding(TEXTS, pattern=pattern, max_pretoken_bytes=65_536)["tokenizer.json"])["model"]
    assert model["vocab"] == vocabulary
    assert [tuple(merge) for merge in model["merges"]] == merges


def test_a_pattern_of_ones_own():
    from tokenizers import Regex, pre_tokenizers

    cutter = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(r"\w+|\s"), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    texts = [text for text in TEXTS if text is not None]
    vocabulary, merges = reference.trained(texts, vocab_size=600, cutter=cutter)
    model = json.loads(finding(TEXTS, pattern={"regex": r"\w+|\s"}, max_pretoken_bytes=65_536)["tokenizer.json"])["model"]
    assert model["vocab"] == vocabulary
    assert [tuple(merge) for merge in model["merges"]] == merges


def test_a_weight_counts_a_document_so_many_times():
    texts = [text for text in TEXTS if text is not None]
    sources = [["a", "b", "c"][i % 3] for i in range(len(texts))]
    weighted = finding(texts, Cut(parts=3, batch_rows=50), sources, weights={"values": {"a": 3, "b": 0}})
    repeated = [text for text, source in zip(texts, sources, strict=True) for _ in range({"a": 3, "b": 0, "c": 1}[source])]
    assert weighted["tokenizer.json"] == finding(repeated)["tokenizer.json"]
    ours, theirs = (json.loads(files["report.json"]) for files in (weighted, finding(repeated)))
    assert ours["num_tokens"] == theirs["num_tokens"]
    assert ours["bytes_per_token"] == theirs["bytes_per_token"]
    assert ours["weights"] == {"column": "source", "values": {"a": 3, "b": 0}, "other": 1}


def test_weights_of_a_half_are_exact():
    texts = ["ab ab", "cd"]
    settings = {"vocab_size": 259, "special_tokens": ["<e>"], "min_frequency": 0}
    first = [json.loads(finding(texts, None, ["x", "y"], weights={"values": {"y": y}}, **settings)["tokenizer.json"]) for y in (1.5, 2.5)]
    assert ["".join(f["model"]["merges"][0]) for f in first] == ["ab", "cd"]


def test_the_report_tells_what_was_seen(plain):
    report = json.loads(plain["report.json"])
    texts = [text for text in TEXTS if text is not None]
    found = count(pa.array(texts, pa.large_string()), "gpt2", 1024)
    assert report["num_documents"] == len(texts)
    assert report["text_bytes"] == sum(len(text.encode()) for text in texts)
    assert (report["num_long_pretokens"], report["long_pretoken_bytes"]) == (1, 5000)
    assert report["num_distinct_pretokens"] == report["num_pretokens_learned_from"] == len(found.counts)
    assert report["num_pretokens"] == found.counts.sum()
    assert report["bytes_learned_from"] == report["text_bytes"] - 5000
    assert (report["vocab_size_wanted"], report["vocab_size"], report["num_merges"]) == (600, 600, 343)
    assert report["bytes_per_token"] == round(report["bytes_learned_from"] / report["num_tokens"], 4)
    loaded = Tokenizer.from_str(plain["tokenizer.json"].decode())
    ids = [i for text in texts if len(text) != 5000 for i in loaded.encode(text).ids]
    assert report["num_tokens"] == len(ids)
    unused = {token for token, i in loaded.get_vocab().items() if i not in set(ids)} - {"<|endoftext|>"}
    assert (report["num_unused_tokens"], set(report["unused_tokens"])) == (len(unused), unused)


@pytest.mark.parametrize("ranges", [1, 7])
def test_the_most_frequent_pretokens_are_taken_and_the_cut_is_told(ranges):
    texts = ["ab " * 5 + "cd " * 4 + "ef " * 3 + " gh"]
    files = finding(texts, Cut(ranges=ranges, table_rows=1), max_pretokens=2, vocab_size=300, min_frequency=0)
    report = json.loads(files["report.json"])
    assert (report["num_pretokens_learned_from"], report["num_pretokens_cut"], report["num_distinct_pretokens"]) == (2, 4, 6)
    vocabulary = json.loads(files["tokenizer.json"])["model"]["vocab"]
    assert "Ġcd" in vocabulary
    assert "Ġab" in vocabulary
    assert "ef" not in vocabulary


def test_the_finding_stops_reading_at_its_bound():
    config = TRAIN.config(vocab_size=300, max_pretokens=3)
    rows = last_rows(TRAIN, config, parts_of(documents(TEXTS), Cut()), Cut())
    read = []

    def tables():
        for start in range(0, rows.num_rows, 10):
            read.append(start)
            yield rows.slice(start, 10)

    TRAIN.finding(tables(), config)
    assert len(read) <= 2 < rows.num_rows // 10


def test_documents_are_capped():
    report = json.loads(finding(["ab cd", "ééé"], max_chars_per_document=2)["report.json"])
    assert (report["capped_bytes"], report["bytes_learned_from"]) == (3 + 2, 2 + 4)


@pytest.mark.parametrize("texts", [[], [None], [""]], ids=["no rows", "null", "empty"])
def test_nothing_to_learn_from(texts):
    files = finding(texts, special_tokens=["<|endoftext|>", "<|user|>"])
    assert Tokenizer.from_str(files["tokenizer.json"].decode()).get_vocab_size() == 258
    report = json.loads(files["report.json"])
    assert (report["vocab_size"], report["num_tokens"], report["bytes_per_token"]) == (258, 0, None)


def test_rows_out_of_order_are_refused():
    config = TRAIN.config()
    rows = last_rows(TRAIN, config, parts_of(documents(["a b c a"]), Cut()), Cut())
    backwards = rows.take(pa.array(np.arange(rows.num_rows)[::-1]))
    with pytest.raises(
        StageError, match="barrier train_tokenizer: expected rows in the order of their keys, got key 0 after 0; sort the exchange"
    ):
        TRAIN.finding(iter([backwards]), config)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vocab_size": 256}, r"vocab_size: expected at least 257 \(256 bytes and the special tokens\), got 256; raise it"),
        ({"vocab_size": 258, "special_tokens": ["<a>", "<b>", "<c>"]}, "vocab_size: expected at least 259 .*, got 258"),
        ({"special_tokens": []}, r"special_tokens: expected one or more different texts, got \[\]; the first ends documents"),
        ({"special_tokens": ["<a>", "<a>"]}, r"special_tokens: expected one or more different texts, got \['<a>', '<a>'\]"),
        ({"pattern": "gpt3"}, "Input should be 'gpt2' or 'gpt4'"),
        ({"pattern": {"regex": "(a"}}, r"pattern.regex: expected a regular expression of Oniguruma, got '\(a'"),
        (
            {"weights": {"values": {"a": 0.0001}}},
            "weights.values.a: expected 0 to 1,000,000 with at most three decimals, got 0.0001; round it",
        ),
        ({"weights": {"values": {"a": -1}}}, "weights.values.a: expected 0 to 1,000,000 with at most three decimals, got -1.0"),
        ({"vocab": 1000}, "Extra inputs are not permitted"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValidationError, match=message):
        TRAIN.config(**settings)
