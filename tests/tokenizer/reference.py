"""The same tokenizers made by Hugging Face `tokenizers`, to compare with."""

import json

import pyarrow as pa
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from curate.tokenizer import pretokenize
from curate.tokenizer.file import END_OF_TEXT, to_json
from curate.tokenizer.merges import learn


def pre_tokenizer(pattern):
    """The pre-tokenizer that our pattern stands for."""
    if pattern == "gpt2":
        return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    split = pre_tokenizers.Split(Regex(pretokenize.GPT4_REGEX), behavior="isolated")
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def trained(texts, pattern="gpt2", vocab_size=1000, min_frequency=2, specials=(END_OF_TEXT,), cutter=None):
    """(vocabulary, merges) by `BpeTrainer`; `cutter` is a pre-tokenizer in place of the pattern's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = cutter or pre_tokenizer(pattern)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        special_tokens=list(specials),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(merge) for merge in model["merges"]]


def learned(texts, pattern="gpt2", vocab_size=1000, min_frequency=2, specials=(END_OF_TEXT,)):
    """Ours on the same settings."""
    found = pretokenize.count(pa.array(texts, pa.large_string()), pattern, 1 << 30)
    return learn(found.offsets, found.data, found.counts, specials, vocab_size, min_frequency)


def tokenizer_json(texts, pattern="gpt2", vocab_size=1000, **settings):
    """A tokenizer.json of ours."""
    result = learned(texts, pattern, vocab_size, **settings)
    return to_json(settings.get("specials", (END_OF_TEXT,)), result.vocabulary, result.merges, pattern)
