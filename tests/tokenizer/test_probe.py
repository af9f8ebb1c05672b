"""The probe never changes, and sees what it must see."""

import hashlib
import json

from curate.tokenizer.encode import Encoder
from curate.tokenizer.probe import probe_hash, probe_texts
from tests.tokenizer import reference

TEXTS_DIGEST = "a2d9940c28cc859b362b766645e4318fa1a0659469ce8f6d25610a9b19fce499"


def test_the_texts_are_these():
    texts = probe_texts()
    assert len(texts) == len(set(texts)) == 1000
    assert texts[0] == ""
    assert hashlib.sha256("\x1f".join(texts).encode()).hexdigest() == TEXTS_DIGEST
    assert any("<|endoftext|>" in text for text in texts)


def test_one_merge_less_is_another_hash():
    whole = reference.tokenizer_json(["banconder form graph " * 9], vocab_size=265)
    less = json.loads(whole)
    dropped = less["model"]["merges"].pop()
    less["model"]["vocab"].pop("".join(dropped))
    hashes = {probe_hash(Encoder(data)) for data in (whole, json.dumps(less).encode())}
    assert len(hashes) == 2
    assert all(len(h) == 71 and h.startswith("sha256:") for h in hashes)


def test_files_that_differ_in_form_only_have_one_hash():
    whole = reference.tokenizer_json(["banconder form graph " * 9], vocab_size=265)
    other = json.dumps(json.loads(whole), sort_keys=True).encode()
    assert other != whole
    assert probe_hash(Encoder(other)) == probe_hash(Encoder(whole))
    assert probe_hash(Encoder(whole, backend="tokenizers")) == probe_hash(Encoder(whole, backend="kernel"))
