"""Transformer: a tiny model of random weights, on a CPU here; batches and order do not matter, thresholds, what is told of a wrong model."""

import pyarrow as pa
import pytest

from curate.errors import SourceError
from curate.stages.transformer import Config, models, transformer

pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="module", params=[1, 2])
def folder(request, tmp_path_factory):
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    path = tmp_path_factory.mktemp("model")
    words = Tokenizer(WordLevel({"[PAD]": 0, "[UNK]": 1, "good": 2, "bad": 3, "text": 4}, unk_token="[UNK]"))
    words.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(path)
    torch.manual_seed(0)
    size = {"vocab_size": 5, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertForSequenceClassification(
        BertConfig(**size, num_labels=request.param, initializer_range=0.5, max_position_embeddings=64)
    ).save_pretrained(path)
    return request.param, str(path)


def run(texts, config):
    measured = transformer.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config, "t")
    return {n.removeprefix("t__"): c.to_pylist() for n, c in (measured | transformer.judge(measured, config, "t")).items()}


def config(folder, **more):
    outputs, path = folder
    return Config(model=path, label=None if outputs == 1 else "LABEL_1", max_tokens=64, **more)


def test_scores_do_not_depend_on_batches(folder):
    texts = ["good text", None, "bad " * 100, "x", "good bad text", ""]
    out = run(texts, config(folder))["score"]
    assert out[1] is None
    assert out[5] is None
    assert len({out[0], out[2], out[4]}) == 3
    assert run(texts, config(folder, batch=1))["score"] == [one and pytest.approx(one, abs=2e-4) for one in out]
    assert run(texts[::-1], config(folder))["score"] == [one and pytest.approx(one, abs=2e-4) for one in out[::-1]]


def test_thresholds(folder):
    score = run(["good text"], config(folder))["score"][0]
    assert run(["good text"], config(folder, min_score=score + 0.01))["drop"] == ["low_quality"]
    assert run(["good text"], config(folder, min_score=score - 0.01))["drop"] == [None]


def test_models_and_labels(folder, tmp_path):
    assert next(iter(models(config(folder)).values())).startswith("sha256:")
    assert dict(transformer.resources) == {"gpu": 1}
    if folder[0] == 2:
        with pytest.raises(SourceError, match=r"label: expected one of LABEL_0, LABEL_1, got good"):
            run(["a"], Config(model=folder[1], label="good"))
    with pytest.raises(SourceError, match=r"transformer: expected a folder with a config\.json, got"):
        models(Config(model=str(tmp_path)))
    with pytest.raises(ValueError, match="min_score: expected a `model` beside it"):
        Config(min_score=1.0)
    assert Config().lacks() == ["model: expected the folder of a model that `transformers` saved, got none; name one"]
