"""fastText's models: the kernel, its naive twin and fastText itself agree; broken files are told."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_fasttext import HS, NS, OVA, SOFTMAX, make, probabilities

from curate.errors import SourceError
from curate.models.fasttext import load

WORDS = [b"the", b"caf\xc3\xa9", "日本語".encode(), b"x", b"a-long-word-of-more-than-thirty-one-bytes"]
LABELS = [b"en", b"de", b"zho_Hans", b"fr", b"hq"]
TOKENS = [
    *[w.decode() for w in WORDS], "</s>", "__label__en", "__label__none", "__label_", "e\u0301", "\u0301", "the", "שלום", "👩‍👩‍👧", "\x00",
    "\u2003", "\x85", "<", ">", "a" * 300, "\ufeff",
]  # fmt: skip
TEXT = st.lists(st.one_of(st.sampled_from(TOKENS), st.text(max_size=5)), max_size=12).flatmap(
    lambda parts: st.sampled_from([" ", "\n", "\t", " \r\v\f ", ""]).map(lambda gap: gap.join(parts))
)
SHAPES = [
    (SOFTMAX, 3, 0, 0, 2, 40, "dense"),
    (HS, 4, 2, 4, 1, 64, "pruned"),
    (OVA, 5, 1, 3, 3, 100, "quantized"),
    (NS, 1, 0, 0, 1, 0, "dense"),
    (HS, 16, 3, 6, 5, 129, "dense"),
    (SOFTMAX, 7, 2, 2, 2, 30, "both"),
    (SOFTMAX, 6, 2, 3, 1, 50, "norms"),
]


def views(texts):
    data = [t if isinstance(t, bytes) else t.encode() for t in texts]
    ends = np.cumsum([len(d) for d in data]).astype(np.int64)
    return np.r_[0, ends[:-1]].astype(np.int64), ends, np.frombuffer(b"".join(data), dtype=np.uint8)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """(twin, ours, fastText's) of each shape."""
    import fasttext

    made = []
    for seed, (loss, dim, minn, maxn, ngrams, bucket, kind) in enumerate(SHAPES):
        twin = make(seed, WORDS, LABELS if seed != 3 else LABELS[:1], loss, dim, minn, maxn, ngrams, bucket, kind, end=seed != 5)
        path = tmp_path_factory.mktemp("models") / f"{seed}.bin"
        path.write_bytes(twin.file)
        made.append((twin, load(path, "test"), fasttext.load_model(str(path)).f))
    return made


@settings(max_examples=30)
@given(st.lists(TEXT, min_size=1, max_size=4))
def test_three_that_agree(models, texts):
    for twin, ours, theirs in models:
        number, score = ours.best(*views(texts))
        for row, text in enumerate(texts):
            expected = probabilities(twin, text.encode())
            reference = theirs.predict(text.replace("\n", " ") + "\n", -1, 0.0, "strict") if text.strip() else []
            if expected is None or not reference:
                assert number[row] == -1
                assert score[row] == 0
                continue
            assert score[row] == pytest.approx(min(1.0, max(expected)), abs=1e-6)
            assert min(1.0, reference[0][0]) == pytest.approx(score[row], abs=1e-4)
            named = {label.removeprefix("__label__"): p for p, label in reference}
            assert named[ours.labels[number[row]]] == pytest.approx(reference[0][0], abs=1e-4)
            for label in ours.labels:
                got = ours.of(label, *views([text]))[1][0]
                assert got == pytest.approx(min(1.0, expected[ours.labels.index(label)]), abs=1e-6)
                assert label not in named or got == pytest.approx(min(1.0, named[label]), abs=1e-4)


def test_what_was_seen_before_changes_nothing(models):
    rng = np.random.default_rng(0)
    texts = [" ".join("".join(rng.choice(list("abcdeé漢"), rng.integers(1, 9))) for _ in range(200)) for _ in range(40)]
    for _, ours, _ in models:
        first = ours.best(*views(texts))
        again = ours.best(*views(texts[::-1]))
        assert (first[0] == again[0][::-1]).all()
        assert (first[1] == again[1][::-1]).all()


def test_bytes_that_are_no_utf8(models):
    for _, ours, theirs in models:
        for text in (b"\xff\xfe the", b"\x80\x80 x", b"caf\xc3", b"\xe6\x97 the \xf0\x9f"):
            found = theirs.predict(text.decode("latin-1"), 1, 0.0, "strict")  # only that it answers; bytes cannot be handed over
            number, score = ours.best(*views([text]))
            assert number[0] >= 0 or not found
            assert 0 <= score[0] <= 1


def test_one_word_of_eight_megabytes_is_a_word(models):
    _, ours, _ = models[1]
    number, score = ours.best(*views(["ab" * 4_000_000]))
    assert number[0] >= 0
    assert 0 < score[0] <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: b"", "fewer than 8 bytes"),
        (lambda f: f[:4], "fewer than 8 bytes"),
        (lambda f: f[:40], "cut short: 48 bytes wanted at 8 of 40"),
        (lambda f: f[:100], "cut short in entry"),
        (lambda f: f[:-1], "cut short: .* bytes wanted"),
        (lambda f: b"no model" * 100, "begins with 1830842222"),
        (lambda f: f[:8] + struct.pack("<i", 999) + f[12:], ".* for dim 999"),
        (lambda f: f[:36] + struct.pack("<i", 1) + f[40:], r"not a supervised model \(model 1"),
    ],
)
def test_a_broken_file(tmp_path, change, message):
    (tmp_path / "m.bin").write_bytes(change(make(0, WORDS, LABELS, SOFTMAX, 3, 0, 0, 2, 40, "dense").file))
    with pytest.raises(SourceError, match=rf"lang: expected a fastText model, got .*m.bin: {message}.*; set `model`"):
        load(tmp_path / "m.bin", "lang")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lid-lingua-a", "lid-tatoeba"])
def test_labels_of_all_labelled_sentences_are_those_of_fasttext(shared, name):
    import fasttext
    import zstandard

    from curate.stages.language import Config, model_path

    path = model_path(Config())
    theirs, ours = fasttext.load_model(str(path)).f, load(path, "language")
    raw = zstandard.ZstdDecompressor().stream_reader((shared(name) / "lid.tsv.zst").read_bytes()).read().decode()
    texts = [line.split("\t")[-1] for line in raw.splitlines()[1:]]
    number, score = ours.best(*views(texts))
    for row, text in enumerate(texts):
        ((probability, label),) = theirs.predict(text + "\n", 1, 0.0, "strict")
        assert label.removeprefix("__label__") == ours.labels[number[row]]
        assert abs(min(1.0, probability) - score[row]) <= 1e-4
