"""Pages that were made to hurt, and pages that are none: each ends with a text or a reason, in memory that grows as the page does."""

import random
import tracemalloc

import pyarrow as pa
import pytest

from curate import schema
from curate.stages.markup import Config, markup

WORDS = "The words of an article that anybody could read in the morning, with a comma and a full stop. "
BOMBS = {  # name → (page of about n bytes, the reason for which it leaves; None: it has a text)
    "nested boxes": (lambda n: "<div>" * (n // 5) + WORDS, "too_nested"),
    "nested lists": (lambda n: "<ul><li>a" * (n // 9), "too_nested"),
    "nested spans": (lambda n: "<span>" * (n // 6) + WORDS, None),
    "unknown elements, nested": (lambda n: "<x-y>" * (n // 5) + WORDS, None),
    "tables in tables": (lambda n: "<table><tr><td>" * (n // 15) + WORDS, None),
    "end tags alone": (lambda n: f"<p>{WORDS}</p>" + "</div>" * (n // 6), None),
    "one attribute": (lambda n: f'<p title="{"a" * n}">{WORDS}</p>', None),
    "an attribute without its end": (lambda n: f'<p>{WORDS}</p><a href="{"b" * n}', None),
    "many attributes": (lambda n: f"<p>{WORDS}</p><p " + "a=b " * (n // 4) + f">{WORDS}</p>", None),
    "entities": (lambda n: "<p>" + "&amp;" * (n // 5), "no_text"),
    "entities that are none": (lambda n: "<p>" + "&nosuchthing " * (n // 13), None),
    "numbers of no character": (lambda n: "<p>" + "&#99999999999;" * (n // 14) + WORDS, None),
    "comments that never end": (lambda n: f"<p>{WORDS}</p>" + "<!--" * (n // 4), None),
    "less-than signs": (lambda n: f"<p>{WORDS}</p>" + "<" * n, None),
    "a script that never ends": (lambda n: f"<p>{WORDS}</p><script>" + "</scrip" * (n // 7), None),
    "many titles": (lambda n: "<title>a</title>" * (n // 16) + WORDS, None),
    "no markup at all": (lambda n: WORDS * (n // len(WORDS)), None),
    "one word": (lambda n: "a" * n, None),
}


def through(pages, content_type="text/html"):
    """What the stage measures and judges of each page."""
    batch = pa.record_batch(
        {
            "raw": pa.array([page.encode() if isinstance(page, str) else page for page in pages], pa.large_binary()),
            "headers": pa.array([[{"name": "Content-Type", "value": content_type}]] * len(pages), schema.HEADERS),
            "text": pa.array([None] * len(pages), pa.large_string()),
        }
    )
    made = markup.measure(batch, Config(), "markup")
    judged = markup.judge(made, Config(), "markup")
    columns = {name.removeprefix("markup__"): column.to_pylist() for name, column in (made | judged).items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def peak(pages):
    """Bytes that Python and numpy held at most while the pages were read."""
    through(pages[:1])
    tracemalloc.start()
    try:
        through(pages)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_has_a_text_or_a_reason_and_hurts_no_other_page(name):
    make, reason = BOMBS[name]
    bomb, good = make(500_000), f"<html><body><h1>Title</h1><p>{WORDS * 5}</p></body></html>"
    before, row, after = through([good, bomb, good])
    assert row["drop"] == reason
    assert bool(row["text"]) == (reason is None)
    assert len(row["text"]) <= len(bomb)
    assert len(row["claims"] or ()) + len(row["wishes"] or ()) + len(row["media"] or ()) < 100
    assert before == after == through([good])[0]
    assert before["text"].count("article") == 5


def test_memory_grows_as_the_page_does():
    for name, (make, _) in BOMBS.items():
        small, large = (peak([make(size)]) for size in (100_000, 800_000))
        assert large < 9 * small + 1_000_000, name


def test_the_numbers_that_people_try():
    """100,000 nested tags, an attribute of 50 MB, a million entities among words."""
    nested, attribute, entities = through(
        ["<div>" * 100_000 + WORDS, f'<p title="{"a" * 50_000_000}">{WORDS}</p>', "<p>" + "one &amp; two &lt; " * 500_000]
    )
    assert (nested["drop"], nested["value"]) == ("too_nested", str(100_000 * 100_001 // 2))
    assert (attribute["drop"], attribute["html_bytes"]) == ("too_large", 50_000_000 + len(f'<p title="">{WORDS}</p>'))
    assert entities["text"] == ("one & two < " * 500_000).strip()


def test_a_large_attribute_is_passed_over_where_the_limit_allows_it():
    (row,) = through([f'<p title="{"a" * 5_000_000}">{WORDS}</p>'])
    assert (row["drop"], row["text"]) == (None, WORDS.strip())


NOISE = random.Random(1).randbytes(3000)
NO_PAGES = [  # bytes, declared type, reason
    (b"", "text/html", "no_text"),
    (b" \r\n\t ", "text/html", "no_text"),
    (b"\xef\xbb\xbf", "text/html", "no_text"),
    (b"<>", "text/html", "no_text"),
    (b"<!DOCTYPE html><html><head></head><body></body></html>", "text/html", "no_text"),
    (NOISE, "text/html", "not_text"),
    (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + NOISE, "text/html; charset=utf-8", "not_text"),
    (b"\xff\xd8\xff\xe0\x00\x10JFIF" + NOISE, "text/html; charset=iso-8859-1", "not_text"),
    (b"PK\x03\x04" + NOISE, "text/html; charset=shift_jis", "not_text"),
    (b"\x00" * 2000, "text/html", "not_text"),
    (WORDS.encode(), "text/html; charset=utf-16", None),
    (WORDS.encode(), "text/html; charset=nothing-that-is", None),
    (WORDS.encode(), "text/html; charset=", None),
    ("Grüße aus Köln, schöne Tage. ".encode("cp1252") * 9, "text/html; charset=utf-8", None),
    ("Привет из Москвы, хорошего дня. ".encode("cp1251") * 9, "text/html; charset=iso-8859-1", None),
    ("こんにちは世界、今日はいい天気です。".encode("euc_jp") * 9, "text/html; charset=utf-8", None),
]


@pytest.mark.parametrize(("raw", "content_type", "reason"), NO_PAGES)
def test_what_is_no_page_or_says_the_wrong_charset_has_a_text_or_a_reason(raw, content_type, reason):
    (row,) = through([raw], content_type)
    assert (row["drop"], row["html_bytes"]) == (reason, len(raw))
    if reason is None:
        assert row["text"]
        assert row["charset"]
