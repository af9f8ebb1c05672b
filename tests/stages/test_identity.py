"""Identity: terms and their forms, as they stand in texts."""

import pyarrow as pa
import pytest

from curate.errors import SourceError
from curate.stages.identity import Config, identity, models


def run(texts, config):
    return identity.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config, "i")["i__terms"].to_pylist()


def test_forms_are_told_under_the_first_and_once():
    config = Config(terms=["woman | Women | female", "deaf", "trans people"])
    texts = ["Women and a woman.", "Deafening!", None, "", "trans  people who are deaf, female", "trans, people"]
    assert run(texts, config) == [["woman"], [], None, [], ["deaf", "trans people", "woman"], []]


def test_terms_from_files(tmp_path):
    path = tmp_path / "terms.txt"
    path.write_text("# groups\nqueer | lgbt\n")
    config = Config(files=[str(path)], terms=["muslim|muslims"])
    assert run(["LGBT Muslims"], config) == [["muslim", "queer"]]
    assert models(config)[str(path)].startswith("sha256:")
    assert Config().lacks()
    with pytest.raises(ValueError, match=r"expected a file with one entry a line, got nowhere\.txt"):
        Config(files=["nowhere.txt"])


def test_a_form_under_two_terms_is_told():
    with pytest.raises(SourceError, match="expected each form under one term, got 'b' under 'a' and 'c'"):
        run(["x"], Config(terms=["a|b", "c|b"]))
