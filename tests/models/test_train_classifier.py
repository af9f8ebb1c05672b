"""Training a classifier: the same bytes, a file that fastText reads, figures that can be counted by hand, a floor on labelled web text."""

import hashlib
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from curate.__main__ import app
from curate.errors import SourceError
from curate.kernels.fasttext_train import exp
from curate.models import evaluation, fasttext
from curate.models.train_classifier import Documents, Options, split, train

GOOD, BAD = "the theory explains how energy is conserved in each closed system", "buy cheap now best price click here free shipping today"


def documents(number=400, seed=0):
    """(id, text, label): words of one list mostly, of the other at times."""
    rng = np.random.default_rng(seed)
    for i in range(number):
        label = i % 2
        own, other = (GOOD, BAD) if label else (BAD, GOOD)
        words = [str(rng.choice((own if rng.random() < 0.8 else other).split())) for _ in range(int(rng.integers(5, 40)))]
        yield hashlib.blake2b(str(i).encode(), digest_size=16).digest(), " ".join(words), label


@given(st.floats(-30, 30))
def test_exp(x):
    assert exp(x) == pytest.approx(math.exp(x), rel=1e-13)


def scores(file, tmp_path, part, label="hq"):
    (tmp_path / "m.bin").write_bytes(file)
    offsets, data = part.joined()
    return fasttext.load(tmp_path / "m.bin", "test").of(label, offsets[:-1], offsets[1:], data)[1]


def test_same_input_same_bytes_and_another_seed_others():
    learn, _ = split(documents(), 0.2)
    assert train(learn, ("hq", "cc"), Options(buckets=500)) == train(learn, ("hq", "cc"), Options(buckets=500))
    assert train(learn, ("hq", "cc"), Options(buckets=500)) != train(learn, ("hq", "cc"), Options(buckets=500, seed=1))


@pytest.mark.parametrize("ngrams", [1, 2, 3])
def test_it_learns_and_fasttext_reads_it(tmp_path, ngrams):
    import fasttext as peer

    learn, test = split(documents(), 0.2)
    got = scores(train(learn, ("hq", "cc"), Options(buckets=500, word_ngrams=ngrams)), tmp_path, test)
    assert evaluation.report(got, np.array(test.labels))["auc"] > 0.95
    model = peer.load_model(str(tmp_path / "m.bin")).f
    for text, score in zip(test.texts, got, strict=True):
        named = {label: p for p, label in model.predict(text.decode() + "\n", -1, -1.0, "strict")}
        assert named["__label__hq"] == pytest.approx(score, abs=1e-4)


def test_what_is_held_out_depends_on_the_id_alone():
    every = list(documents())
    _, test = split(every, 0.2)
    _, fewer = split(every[:200], 0.2)
    assert fewer.texts == test.texts[: len(fewer.texts)]
    assert 40 <= len(test.texts) <= 120


def test_a_side_without_documents():
    with pytest.raises(SourceError, match="classifier train: expected positive documents in the training part, got none"):
        split(((i, t, 0) for i, t, _ in documents()), 0.2)


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.25, 0.5, 0.9]), st.integers(0, 1)), min_size=2, max_size=30).filter(
        lambda r: len({y for _, y in r}) == 2
    )
)
def test_figures_are_those_counted_by_hand(rows):
    got, labels = np.array([s for s, _ in rows]), np.array([y for _, y in rows])
    made = evaluation.report(got, labels, 0.25)
    pairs = [(p > n) + 0.5 * (p == n) for p in got[labels == 1] for n in got[labels == 0]]
    assert made["auc"] == pytest.approx(sum(pairs) / len(pairs), abs=1e-4)
    for point in made["curve"]:
        kept = labels[got >= point["threshold"]]
        assert point["precision"] == pytest.approx(kept.mean(), abs=1e-4)
        assert point["recall"] == pytest.approx(kept.sum() / labels.sum(), abs=1e-4)
    for one in made["keep"]:
        assert one["pool_kept"] <= one["keep_rate"] + 1e-4
        assert one["pool_kept"] == pytest.approx((got[labels == 0] >= one["threshold"]).mean(), abs=1e-4)


def test_the_command(tmp_path):
    for label, name in ((1, "good"), (0, "pool")):
        rows = [json.dumps({"text": text, "id": i.hex()}) for i, text, y in documents() if y == label]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows))
    asked = ["classifier", "train", "--positive", f"{tmp_path}/good.jsonl", "--negative", f"{tmp_path}/pool.jsonl", "--buckets", "500"]
    files = []
    for name in ("a", "b"):
        done = CliRunner().invoke(
            app, [*asked, "--output", f"{tmp_path}/{name}/m.bin", "--keep", "0.15"] if name == "a" else [*asked, "-o", f"{tmp_path}/m.bin"]
        )
        assert done.exit_code == 0, done.output
        files.append((tmp_path / "a" if name == "a" else tmp_path) / "m.bin")
    assert files[0].read_bytes() == files[1].read_bytes()
    made = json.loads((tmp_path / "a" / "m.report" / "report.json").read_text())
    assert made["auc"] > 0.9
    assert 0.15 in [one["keep_rate"] for one in made["keep"]]
    assert "15.0%" in (tmp_path / "a" / "m.report" / "README.md").read_text()
    assert (tmp_path / "a" / "m.report" / "curve.svg").read_text().startswith("<svg")


def test_natural_and_unnatural_web_text(shared, tmp_path):
    """A classifier of the languages with labelled spam tells natural text from unnatural better than chance on documents that it did not see."""
    import zstandard

    raw = zstandard.ZstdDecompressor().stream_reader((shared("quality-hplt-a") / "annotated.jsonl.zst").read_bytes()).read()
    rows = [json.loads(line) for line in raw.decode().splitlines()]
    given_ = [(bytes.fromhex(r["id"]), r["text"], int(r["unnatural"] == 0)) for r in rows if r["unnatural"] in (0, 1)]
    learn, test = split(given_, 0.3)
    got = scores(train(learn, ("hq", "cc"), Options(buckets=50_000, dim=16, epochs=10)), tmp_path, test)
    made = evaluation.report(got, np.array(test.labels))
    assert made["auc"] > 0.7, made["auc"]


def test_documents_join():
    offsets, data = Documents([b"ab", b""], [1, 0]).joined()
    assert (offsets.tolist(), data.tobytes()) == ([0, 2, 2], b"ab")
