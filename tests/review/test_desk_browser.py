"""The desk in a browser: every page quiet and fitting, keys and buttons, a decision and a sign-off by hand, nothing asked of any network.

With CURATE_SCREENSHOTS=DIR the pictures of the documentation are written there: `CURATE_SCREENSHOTS=data_cards/review`.
"""

import os
import shutil
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from desk_client import PEOPLE, desk_of
from test_pages import PATHS

from curate import signoff
from curate.review.app import make
from curate.store import Store

SIZES = {"phone": (390, 844), "desk": (1280, 860)}
SHOTS = {
    "overview": "/overview",
    "samples": "/samples?rule=gopher_repetition:dup_lines",
    "threshold": "/rules/gopher_quality/short_doc?at=120",
    "duplicates": "/duplicates/7",
    "domains": "/domains",
    "signoff": "/signoff",
}
CONTRAST = """() => {
  const number = (c) => { const v = c / 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => 0.2126 * number(r) + 0.7152 * number(g) + 0.0722 * number(b);
  const parts = (s) => s.match(/[\\d.]+/g).map(Number);
  const ground = (e) => {
    for (; e; e = e.parentElement) { const c = parts(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; }
    return [255, 255, 255];
  };
  const low = [];
  for (const e of document.querySelectorAll("main *, nav *, header *")) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) || e.closest("svg") || !e.checkVisibility({ opacityProperty: true })) continue;
    const [a, b] = [light(parts(getComputedStyle(e).color)), light(ground(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5 && !e.disabled) low.push(e.tagName + " " + e.className + " " + ratio.toFixed(2) + " " + e.textContent.slice(0, 30));
  }
  return low;
}"""


@pytest.fixture(scope="module")
def root(made, tmp_path_factory):
    return shutil.copytree(made, tmp_path_factory.mktemp("seen") / "harbour")


@pytest.fixture(scope="module")
def desk(root):
    return desk_of(root)


@pytest.fixture(scope="module")
def home(desk):
    """The desk on a port of this machine; its address."""
    with listening(desk) as address:
        yield address


@contextmanager
def listening(desk):
    uvicorn = pytest.importorskip("uvicorn")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{bound.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(make(desk, PEOPLE, [host]), log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://{host}"
        server.should_exit = True
        thread.join(10)


@contextmanager
def serving(root):
    """(address, desk) of a run."""
    desk = desk_of(root)
    with listening(desk) as address:
        yield address, desk


def until(page, said):
    """Wait until an expression holds; the page's own policy forbids to wait inside it."""
    for _ in range(200):
        if page.evaluate(said):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"expected {said} within ten seconds")


class Visitor:
    """Somebody with a browser; what the console says and what is fetched is kept."""

    def __init__(self, browser, home, key="ada-key", scheme="light", size="desk", script=True):
        width, height = SIZES[size]
        self.context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height}, java_script_enabled=script)
        self.page, self.home, self.heard, self.fetched = self.context.new_page(), home, [], []
        self.page.on("console", lambda message: self.heard.append(f"{self.page.url}: {message.text}"))
        self.page.on("pageerror", lambda error: self.heard.append(f"{self.page.url}: {error}"))
        self.page.on("request", lambda request: self.fetched.append(request.url))
        self.page.goto(f"{home}/?key={key}")

    def go(self, path):
        answer = self.page.goto(self.home + path)
        assert answer.status == 200, path
        return self.page

    def quiet(self):
        assert self.heard == []
        assert {one.split("/")[2] for one in self.fetched} == {self.home.split("/")[2]}
        self.context.close()


@pytest.mark.parametrize(("scheme", "size"), [("light", "desk"), ("dark", "phone")])
def test_every_page_opens_quietly_and_fits(browser, home, scheme, size):
    visitor = Visitor(browser, home, scheme=scheme, size=size)
    some = visitor.page.request.get(f"{home}/samples.json?rule=kept&n=1").json()["documents_shown"][0]["id"]
    for path in (*(PATHS if size == "desk" else PATHS[::3]), f"/document/{some}"):
        page = visitor.go(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], path
        assert page.locator("h1").count() == 1
        assert page.evaluate(CONTRAST) == [], path
        assert page.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]),select,textarea')].every(e => e.labels.length || e.ariaLabel)"
        ), path
        assert page.evaluate("[...document.querySelectorAll('button,a')].every(e => e.textContent.trim() || e.ariaLabel)"), path
    visitor.quiet()


def test_text_of_the_crawl_runs_nothing(browser, home):
    visitor = Visitor(browser, home)
    found = visitor.page.request.get(f"{home}/search.json?q=title+taken").json()["documents"][0]["id"]
    page = visitor.go(f"/document/{found}")
    assert "<script>document.title" in page.locator(".text").inner_text()
    assert page.locator(".text script, .text img").count() == 0
    page.evaluate("() => { const s = document.createElement('script'); s.textContent = 'window.taken = 1'; document.body.append(s); }")
    assert page.evaluate("window.taken") is None
    assert any("Content Security Policy" in one for one in visitor.heard)
    visitor.context.close()


def test_keys(browser, home):
    visitor = Visitor(browser, home)
    page = visitor.go("/samples?rule=kept&n=5")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("[...document.querySelectorAll('[data-item]')].findIndex(e => e.classList.contains('chosen'))") == 1
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement === document.querySelector('[data-item]')")
    page.keyboard.press("?")
    assert page.locator("dialog[open]").count() == 1
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/domains")
    page.keyboard.press("j")
    page.keyboard.press("o")
    page.wait_for_url("**/domains/*")
    page.keyboard.press("Tab")
    assert (
        page.evaluate("document.activeElement.textContent") in ("To the content", "curate harbour")
        or page.evaluate("document.activeElement.tagName") == "A"
    )
    visitor.quiet()


def test_a_label_by_a_key_stays_where_one_is_and_goes_on(browser, home, desk):
    visitor = Visitor(browser, home, key="bo-key")
    page = visitor.go("/samples?rule=kept&n=5&seed=4")
    first = page.evaluate("document.querySelector('[data-item]').id.slice(1)")
    page.keyboard.press("j")
    page.keyboard.press("2")
    page.wait_for_selector(".toast.on")
    assert page.evaluate("[...document.querySelectorAll('[data-item]')].findIndex(e => e.classList.contains('chosen'))") == 1
    assert "rule=kept&n=5&seed=4" in page.url
    assert desk.labels.seen(first, "kept", "Bo").labels[0].verdict == "wrong"
    visitor.quiet()


def test_the_slider_answers_in_place(browser, home):
    visitor = Visitor(browser, home)
    page = visitor.go("/rules/gopher_quality/short_doc")
    before = page.locator("#flips").inner_text()
    page.evaluate(
        "() => { const r = document.querySelector('input[type=range]'); r.value = 150; r.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    until(page, "document.querySelector('#flips').textContent.includes('Apply it')")
    assert page.locator("#flips").inner_text() != before
    assert "at=150" in page.url
    assert page.locator("#flips svg line.t").count() == 2
    until(page, "[...document.querySelectorAll('.lead')].some(e => e.textContent)")
    visitor.quiet()


def test_without_scripts_decisions_are_made_all_the_same(browser, home, desk):
    visitor = Visitor(browser, home, script=False)
    page = visitor.go("/domains/boats.example")
    page.fill("[name=note]", "asked the owner")
    page.click("button[value=deny]")
    assert "boats.example: deny" in page.locator(".box.said").inner_text()
    assert desk.decisions.domain_decision("https://www.boats.example/").note == "asked the owner"
    page.click("button[data-undo]")
    assert desk.decisions.domain_decision("https://www.boats.example/") is None
    visitor.quiet()


def test_a_refusal_keeps_what_was_written(browser, home):
    visitor = Visitor(browser, home)
    page = visitor.go("/signoff")
    page.fill("[name=role]", " ")
    page.fill("[name=statement]", "A long statement.")
    page.click("text=Sign this card")
    page.wait_for_selector(".box.error")
    assert page.input_value("[name=statement]") == "A long statement."
    assert any("409" in one for one in visitor.heard)
    visitor.context.close()


def test_a_sign_off_on_paper(browser, home, root):
    visitor = Visitor(browser, home, scheme="dark")
    page = visitor.go("/signoff")
    page.fill("[name=name]", "Ada Lovelace")
    page.click("text=Sign this card")
    page.wait_for_selector(".statement")
    assert "this card" in page.locator("article").first.inner_text()
    assert [one.name for one in signoff.read(Store(str(root)))] == ["Ada Lovelace"]
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert page.locator(".statement").is_visible()
    assert page.pdf(format="A4")[:5] == b"%PDF-"
    page.goto(f"{home}/card")
    assert "Ada Lovelace" in page.content()
    visitor.quiet()


def test_pictures(browser, home, tmp_path):
    """What the documentation shows; each small enough for a repository."""
    folder = Path(os.environ.get("CURATE_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    for scheme, size in (("light", "desk"), ("dark", "phone")):
        visitor = Visitor(browser, home, scheme=scheme, size=size)
        shots = [("samples", SHOTS["samples"])] if size == "phone" or folder == tmp_path else SHOTS.items()
        for name, path in shots:
            page = visitor.go(path)
            page.wait_for_timeout(150)
            target = folder / (f"{name}.jpg" if size == "desk" else f"{name}-{size}.jpg")
            page.screenshot(path=target, type="jpeg", quality=72)
            assert 10_000 < target.stat().st_size < 150_000
        visitor.quiet()
