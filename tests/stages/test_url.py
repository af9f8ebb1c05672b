"""URL: every list, their order, and where they come from."""

import pyarrow as pa
import pytest

from curate.stages.url import Config, models, url

LISTS = {
    "domains": ["bad.example", "host.good.co.uk"],
    "urls": ["https://www.fine.example/one-page/"],
    "hard_words": ["worst"],
    "soft_words": ["mild", "soft", "faint"],
    "parts": ["evil-stuff"],
}


def run(urls, config):
    batch = pa.record_batch({"url": pa.array(urls, pa.string())})
    return {n.removeprefix("url__"): c.to_pylist() for n, c in url.measure(batch, config, "url").items()}


@pytest.mark.parametrize(
    ("address", "reason", "value"),
    [
        ("https://ok.example/page", None, None),
        ("https://bad.example/", "listed_domain", "bad.example"),
        ("http://www.bad.example:8080/x", "listed_domain", "bad.example"),
        ("http://user@sub.BAD.example/x", "listed_domain", "bad.example"),
        ("https://host.good.co.uk/", "listed_host", "host.good.co.uk"),
        ("https://other.good.co.uk/", None, None),
        ("http://fine.example/one-page", "listed_url", "fine.example/one-page"),
        ("https://fine.example/one-page/2", None, None),
        ("https://ok.example/the-Worst.html", "hard_word", "worst"),
        ("https://ok.example/worstcase", None, None),
        ("https://ok.example/mild", None, None),
        ("https://ok.example/mild/mild", None, None),
        ("https://mild.example/soft", "soft_words", "2"),
        ("https://ok.example/ev-il/st_uff", "listed_part", "evilstuff"),
        (None, None, None),
        ("", None, None),
        ("http://[broken", None, None),
    ],
)
def test_lists(address, reason, value):
    out = run([address], Config(**LISTS))
    assert (out["drop"], out["value"]) == ([reason], [value])
    assert (out["threshold"] == [None]) == (reason is None)


def test_nothing_is_listed_by_default():
    assert run(["https://bad.example/worst"], Config())["drop"] == [None]


def test_lists_from_files(tmp_path):
    path = tmp_path / "domains.txt"
    path.write_text("# a comment\nbad.example  # why\n\nWWW.Other.example\n")
    config = Config(domain_files=[str(path)])
    assert run(["http://bad.example", "http://other.example/x", "http://ok.example"], config)["drop"] == [
        "listed_domain",
        "listed_domain",
        None,
    ]
    assert list(models(config)) == [str(path)]


def test_a_changed_list_is_another_model(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("one\n")
    before = models(Config(hard_word_files=[str(path)]))
    assert run(["http://x.example/two"], Config(hard_word_files=[str(path)]))["drop"] == [None]
    path.write_text("two\n")
    assert models(Config(hard_word_files=[str(path)])) != before
    assert run(["http://x.example/two"], Config(hard_word_files=[str(path)]))["drop"] == ["hard_word"]


def test_bad_config():
    with pytest.raises(ValueError, match=r"expected a file with one entry a line, got /no/such/list; give a path that exists"):
        Config(domain_files=["/no/such/list"])
