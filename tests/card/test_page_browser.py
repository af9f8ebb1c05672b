"""card.html in a browser: nothing on the console, nothing fetched, no sideways scrolling on a phone, dark and light, drawn to its end."""

import shutil

import pytest

from curate.card import publish

SIZES = {"phone": (390, 844), "desk": (1280, 900)}


@pytest.fixture(scope="module")
def page_path(tokenized, tmp_path_factory):
    from curate.store import Store

    root = tmp_path_factory.mktemp("browser") / "run"
    shutil.copytree(tokenized.root, root)
    publish.publish(Store(str(root)))
    return root / publish.PAGE


@pytest.mark.parametrize(("scheme", "size"), [("light", "desk"), ("dark", "phone")])
def test_it_opens_quietly_and_fits(browser, page_path, scheme, size, tmp_path):
    width, height = SIZES[size]
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
    page, heard, fetched = context.new_page(), [], []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(page_path.as_uri())
    assert heard == []
    assert fetched == [page_path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 29)"}[scheme]
    bars = page.evaluate("[...document.querySelectorAll('svg rect')].map(r => r.getBoundingClientRect()).filter(r => r.width > 0).length")
    assert bars > 20
    assert page.evaluate("[...document.querySelectorAll('svg text')].every(t => t.getBoundingClientRect().height >= 10)")
    shot = tmp_path / "card.png"
    page.screenshot(path=shot, full_page=True)
    assert shot.stat().st_size > 20_000
    context.close()


def test_paper_is_white_and_has_no_contents_list(browser, page_path):
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(page_path.as_uri())
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert page.pdf(format="A4")[:5] == b"%PDF-"
    context.close()


def test_a_keyboard_reaches_the_content_first(browser, page_path):
    context = browser.new_context()
    page = context.new_page()
    page.goto(page_path.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url.endswith("#main"))  # not there at once on a busy machine
    context.close()
