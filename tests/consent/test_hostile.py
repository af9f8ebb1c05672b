"""Whatever a host or a page sends: an answer and no exception, and nothing that was not said."""

from hypothesis import example, given
from hypothesis import strategies as st

from curate.consent import hosts, rsl, tdmrep, words
from curate.consent.policy import ALLOW, DENY, NONE, TRAINERS, UNCLEAR
from curate.consent.robots import Robots, ai_txt, signals
from curate.rights import of_url, of_words
from curate.rights.dep5 import is_dep5, of_path

LINES = st.sampled_from(
    [
        "User-agent: *",
        "User-agent: GPTBot",
        "Disallow: /",
        "Allow: /a*b$",
        "Content-Signal: ai-train=no",
        "Content-Usage: /x train-ai=y",
        "License: x",
        "\ufeff",
        "#",
    ]
)
TEXT = st.text(max_size=60) | st.lists(LINES | st.text(max_size=20), max_size=12).map("\n".join)
SAYS = {DENY, ALLOW, NONE, UNCLEAR}


@given(TEXT, st.text("/ab*$%?#é\ud800", max_size=12))
@example("User-agent: *\nDisallow: /%zz%\ud800", "/%zz")
def test_robots(text, path):
    found = signals(Robots(text), hosts.of_url(f"https://x/{path}"), TRAINERS)
    assert {one.says for one in found} <= SAYS
    assert found
    if "isallow" not in text.lower() and "no" not in text and "=n" not in text:
        assert DENY not in {one.says for one in found}
    assert ai_txt(text, "/" + path, TRAINERS).says in SAYS


@given(TEXT)
def test_fields(text):
    found = [
        *words.usage(text, "header"),
        *words.content_signal(text, "header"),
        *words.robots_tokens(text, "meta"),
        words.reservation(text, "meta"),
    ]
    assert {one.says for one in found} <= SAYS
    assert all(one.says != ALLOW or "=y" in one.value or one.value.strip() == "0" for one in found)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from(["/", "*", "tdm-reservation"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["location", "tdm-reservation", "x"]), inner, max_size=3),
    max_leaves=8,
)


@given(JSON | TEXT)
def test_tdmrep(value):
    import json

    text = value if isinstance(value, str) else json.dumps(value)
    assert tdmrep.signal(text, "/a").says in SAYS
    assert tdmrep.signal(f"[{text}]", "/a").says in SAYS


PIECES = st.sampled_from(
    [
        "<rsl>",
        "</rsl>",
        "<content url='/'>",
        "</content>",
        "<license>",
        "</license>",
        "<permits type='usage'>",
        "all",
        "</permits>",
        "<payment/>",
        "&",
        "]]>",
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_rsl(text):
    says = rsl.signal(text, "https://x/a", "rsl").says
    assert says in SAYS
    assert says != ALLOW or "<license>" in text


def test_a_deep_document_is_read():
    assert rsl.signal("<rsl>" + "<a>" * 20_000 + "</a>" * 20_000 + "</rsl>", "https://x/", "rsl").says == NONE


@given(TEXT | st.text("creativommns.org/licenses/by-4.0%&;", max_size=60))
def test_licences(text):
    for found in (of_url(text), of_url(f"https://creativecommons.org/licenses/{text}"), of_words(text), of_path(text, "a")):
        assert found is None or found.bits
    assert is_dep5(text) in (True, False)
