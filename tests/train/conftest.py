"""A small corpus, and tiny runs on it."""

from dataclasses import replace

import pytest
import token_corpora

from curate.shards.reader import open_shards
from train.config import Config, Device, ModelConfig
from train.loop import train
from train.record import write_config


class Silent:
    """Watches a run and keeps what it was told."""

    def __init__(self):
        self.notes, self.steps = [], []

    def note(self, line):
        self.notes.append(line)

    def step(self, metrics, steps):
        self.steps.append(metrics)


@pytest.fixture(scope="session")
def shards(tmp_path_factory):
    return token_corpora.small(tmp_path_factory.mktemp("shards") / "run", num=200)


@pytest.fixture(scope="session")
def corpus(shards):
    return open_shards(shards)


@pytest.fixture(scope="session")
def learned(corpus, tmp_path_factory):
    """The folder of a run that has learned something; tests leave it as it is."""
    output = tmp_path_factory.mktemp("learned") / "run"
    model = ModelConfig(vocab_size=64, context=16, depth=1, width=16, heads=2, kv_heads=1, hidden=32)
    config = Config(model=model, corpus_id=corpus.corpus_id, steps=80, batch_tokens=128, lr=0.01, embedding_lr=3.0)
    write_config(output, config, corpus)
    train(output, corpus, config, Device(), Silent())
    return output


@pytest.fixture
def config(corpus):
    model = ModelConfig(vocab_size=64, context=16, depth=1, width=16, heads=2, kv_heads=1, hidden=32)
    return Config(
        model=model, corpus_id=corpus.corpus_id, steps=6, batch_tokens=128, lr=0.01, embedding_lr=3.0, checkpoint_every=1, eval_every=2
    )


@pytest.fixture
def run(corpus, tmp_path):
    """run(name, config, …) → (summary, watcher): trains in a folder of that name."""

    def start(name, config, stop_after=None, on=corpus, seconds=None, **device):
        watch = Silent()
        write_config(tmp_path / name, config)
        return train(tmp_path / name, on, config, replace(Device(), **device), watch, stop_after, seconds), watch

    return start
