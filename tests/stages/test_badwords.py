"""Bad words: counts, reasons, and where lists come from."""

import pyarrow as pa
import pytest

from curate.stages.badwords import Config, badwords, models


def run(texts, config):
    measured = badwords.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config, "b")
    return {n.removeprefix("b__"): c.to_pylist() for n, c in (measured | badwords.judge(measured, config, "b")).items()}


def test_counts_and_reasons():
    out = run(["Darn, darn it. Heck!", "A darning needle.", "", None, "heck"], Config(words=["Darn", "heck"]))
    assert out["num_badwords"] == [3, 0, 0, None, 1]
    assert out["distinct_badwords"] == [2, 0, 0, None, 1]
    assert out["badword"] == ["darn", None, None, None, "heck"]
    assert out["drop"] == ["badwords", None, None, None, "badwords"]
    assert out["value"] == ["3", None, None, None, "1"]


def test_limits():
    config = Config(words=["darn", "heck"], max_badwords=None, max_distinct_badwords=1)
    assert run(["darn darn darn", "darn heck"], config)["drop"] == [None, "distinct_badwords"]


def test_inside_words():
    assert run(["a darning needle"], Config(words=["darn"], whole_words=False))["num_badwords"] == [1]


def test_exceptions_are_taken_off():
    assert run(["sm darn"], Config(words=["SM", "darn"], except_words=["sm"]))["badword"] == ["darn"]


def test_lists_from_files(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("\ufeffdarn\r\n# a comment\n#hash\n\n".encode())
    config = Config(word_files=[str(path)])
    assert run(["darn", "a comment", "so #hash"], config)["num_badwords"] == [1, 0, 1]
    before = models(config)
    path.write_text("heck\n")
    assert models(config) != before
    assert run(["darn", "heck"], config)["num_badwords"] == [0, 1]


def test_a_list_that_is_no_text(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Exception, match=r"badwords: expected a readable list in UTF-8, got .*words.txt.*; convert it or give another"):
        run(["x"], Config(word_files=[str(path)]))


def test_bad_config():
    assert Config().lacks() == ["words: expected a list of words, got none; give words or word_files"]
    with pytest.raises(ValueError, match="expected a file with one entry a line, got /no/such/list; give a path that exists"):
        Config(word_files=["/no/such/list"])
