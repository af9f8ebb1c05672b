"""The sample: what is written, that it is written alike twice, and that what it says of itself is so."""

import re
import sys
from pathlib import Path

import pytest

from curate.consent.robots import Robots
from curate.errors import SourceError
from curate.read import sample, sample_html, sample_texts
from curate.read.chunk import Source
from curate.read.files import Input, resolve, spans
from read.reading import read

FEW = ("click", "fsspec", "typing-extensions", "rich")


@pytest.fixture(scope="module")
def some():
    """Texts of a few distributions."""
    chosen = [d for d in sample_texts.requirements() if sample_texts._normal(d.metadata["Name"]) in FEW]
    return [text for d in chosen for text in sample_texts.of_distribution(d)]


@pytest.fixture(scope="module")
def built(some, tmp_path_factory):
    """(folder, its pages as read)."""
    folder = tmp_path_factory.mktemp("sample")
    sample.build(folder, iter(some))
    return folder, [read(path) for path in sorted(folder.glob("*.warc.gz"))]


def test_two_builds_are_the_same_bytes(some, built, tmp_path):
    sample.build(tmp_path, iter(some))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == sample.FILES + 1
    assert all((tmp_path / name).read_bytes() == (built[0] / name).read_bytes() for name in names)


def test_every_text_is_a_page_and_the_rest_is_counted(some, built):
    outcomes = built[1]
    pages = {f"https://{sample_html.host(text.work)}/{text.path}" for text in some}
    assert sorted(row["url"] for o in outcomes for row in o.rows) == sorted(pages)
    assert len(pages) > 200
    assert not any(o.errors for o in outcomes)
    assert {word for o in outcomes for word in o.skipped} == {"warcinfo", "request", "response_status", "response_robots"}
    assert sum(o.skipped["warcinfo"] for o in outcomes) == sample.FILES
    assert all(o.rows for o in outcomes)


def test_every_host_has_a_robots_txt_that_says_what_it_is_and_refuses_nobody(built):
    files = [row for o in built[1] for row in o.hosts]
    assert {row["host"] for row in files} == {row["url"].split("/")[2] for o in built[1] for row in o.rows}
    assert all(row["kind"] == "robots" and "invented" in row["text"] for row in files)
    assert not any(Robots(row["text"]).of("gptbot").refused("/a") for row in files)


def test_pages_hold_the_text_their_navigation_and_the_stated_license(some, built):
    rows = {row["url"]: row for o in built[1] for row in o.rows}
    evidence = set()
    for text in some:
        row = rows[f"https://{sample_html.host(text.work)}/{text.path}"]
        markup = row["raw"].decode()
        assert all(element in markup for element in ("<nav", "<footer", "<main>"))
        stated = sample_html.license_url(text.work)
        links = [h["value"] for h in row["headers"] if h["name"] == "Link"]
        if stated and any(stated in value for value in [*links, markup]):
            evidence.add(("link", bool(links)))
        elif text.work.license and text.work.license in markup:
            evidence.add(("words", False))
    assert evidence


def test_no_path_of_this_machine_and_no_address_of_an_object_enters(built):
    places = [sys.prefix, str(Path(sample_texts.__file__).parents[2])]
    for outcome in built[1]:
        for row in outcome.rows:
            assert not any(place.encode() in row["raw"] for place in places if len(place) > 5)
            assert not re.search(rb"\bat 0x[0-9a-f]{6}", row["raw"])


def test_a_page_is_bounded_and_nothing_of_a_long_text_is_lost():
    work = sample_texts.Work(name="w", version="1", license="MIT", summary="")
    text = "\n\n".join(f"paragraph {n} " + "words " * 30 for n in range(1500))
    pages = list(sample_texts._pages(work, "long", "module", [sample_texts.Section(heading="h", text=text)]))
    assert len(pages) > 5
    assert all(sum(len(s.text) for s in page.sections) <= sample_texts.PAGE for page in pages)
    assert "\n\n".join(s.text for page in pages for s in page.sections).split() == text.split()
    assert len({page.path for page in pages}) == len(pages)


def test_addresses_are_blanked_and_short_texts_left_out():
    work = sample_texts.Work(name="w", version="1", license="", summary="")
    section = sample_texts.Section(heading="", text="<object at 0x7f12ab34cd56> and the mask 0xFFFFFFFF " * 5)
    (page,) = sample_texts._pages(work, "t", "module", [section])
    assert "at 0x… and" not in page.sections[0].text
    assert "at 0x…> and the mask 0xFFFFFFFF" in page.sections[0].text
    assert not list(sample_texts._pages(work, "t", "module", [sample_texts.Section(heading="", text="short")]))


def test_blocks_of_plain_text_become_markup():
    text = (
        "Title\n=====\n\nA <b> paragraph\nof two lines.\n\n- one\n- two\n  more\n\n    code = 1\n\n"
        ">>> 1 + 1\n2\n\n## Next ##\n```py\nx\n\ny\n```"
    )
    assert sample_html.blocks(text) == [
        "<h3>Title</h3>",
        "<p>A &lt;b&gt; paragraph\nof two lines.</p>",
        "<ul>\n<li>one</li>\n<li>two\nmore</li>\n</ul>",
        "<pre><code>code = 1</code></pre>",
        "<pre><code>&gt;&gt;&gt; 1 + 1\n2</code></pre>",
        "<pre><code>## Next ##\nx\n\ny</code></pre>",
    ]


def test_our_own_words_are_not_in_it():
    assert sample_texts.OWN not in {sample_texts._normal(d.metadata["Name"]) for d in sample_texts.requirements()}


def test_packages_that_ray_carries_do_not_enter(monkeypatch, tmp_path):
    """Ray puts folders of its own on `sys.path`: the driver's sample would not be its workers'."""
    before = [d.metadata["Name"] for d in sample_texts.requirements()]
    site = next(Path(entry) for entry in sys.path if Path(entry).name == "site-packages")
    monkeypatch.setattr(sys, "path", [str(site / "ray" / "thirdparty_files"), *sys.path])
    assert [d.metadata["Name"] for d in sample_texts.requirements()] == before
    assert sample_texts.site_folders(["/a/target", "/a/target/ray/own", "/a/target/lib/site-packages"]) == [
        "/a/target",
        "/a/target/lib/site-packages",
    ]


def test_the_cache_is_where_it_is_told_and_is_built_once(some, tmp_path, monkeypatch):
    monkeypatch.setenv("CURATE_CACHE", str(tmp_path))
    monkeypatch.setattr(sample_texts, "texts", lambda distributions: iter(some[:40]))
    files = resolve([Input(uri="sample:", source=Source(name="s"))])
    assert [f.container for f in files] == [f"sample/sample-{n:02}.warc.gz" for n in range(sample.FILES)]
    assert all(Path(f.uri).is_relative_to(tmp_path) and Path(f.uri).stat().st_size == f.size for f in files)
    monkeypatch.setattr(sample_texts, "texts", lambda distributions: pytest.fail("built a second time"))
    assert resolve([Input(uri="sample:", source=Source(name="s"))]) == files
    assert len(spans([Input(uri="sample:", source=Source(name="s"))], 1 << 30)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [f"sample-{sample._digest()}"]


def test_a_build_that_dies_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("CURATE_CACHE", str(tmp_path))

    def dies(distributions):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(sample_texts, "texts", dies)
    with pytest.raises(KeyboardInterrupt):
        sample.files()
    assert not list(tmp_path.iterdir())


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CURATE_CACHE", str(tmp_path / "file"))
    with pytest.raises(
        SourceError, match=r"input sample:: expected a cache folder that can be written, got .*Error at .*file; set CURATE_CACHE"
    ):
        sample.files()


@pytest.mark.slow
def test_the_whole_sample_is_large_enough_and_has_mirrors():
    outcomes = [read(Path(file.uri)) for file in sample.files()]
    rows = [row for outcome in outcomes for row in outcome.rows]
    assert len(rows) >= 3000
    assert max(len(row["raw"]) for row in rows) < 1 << 18
    articles = [row["raw"].partition(b"<article>")[2].partition(b"</article>")[0] for row in rows]
    assert len(set(articles)) < len(articles)
    assert len({row["id"] for row in rows}) == len(rows)
