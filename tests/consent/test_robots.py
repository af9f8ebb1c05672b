"""robots.txt: RFC 9309's rules and examples, and the lines that were added for training."""

from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.consent.paths import Paths, fits, normal, of_url
from curate.consent.policy import TRAINERS
from curate.consent.robots import Robots, ai_txt, signals

EXAMPLE = """\
User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot
"""
"""Groups as in RFC 9309 §5.1."""


def may(text, agent, path):
    group = Robots(text).of(agent)
    return group is None or group.refused(of_url(f"https://example.org{path}")) is None


@pytest.mark.parametrize(
    ("agent", "path", "allowed"),
    [
        ("foobot", "/example/page.html", True),
        ("foobot", "/example/allowed.gif", True),
        ("foobot", "/publications/", False),
        ("barbot", "/example/page.html", False),
        ("bazbot", "/example/page.html", False),
        ("barbot", "/example/other.html", True),
        ("BarBot", "/example/page.html", False),
        ("quxbot", "/example/page.html", True),
        ("quxbot", "/a.gif", True),
        ("otherbot", "/a.gif", False),
        ("otherbot", "/a.gif?x", True),
        ("otherbot", "/example/x", False),
        ("otherbot", "/publications/a", True),
        ("otherbot", "/", True),
    ],
)
def test_groups(agent, path, allowed):
    assert may(EXAMPLE, agent, path) == allowed


def test_the_longest_match_wins_and_equal_ones_allow():
    text = "User-agent: foobot\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif\n"
    assert not may(text, "foobot", "/example/page/disallowed.gif")
    assert may(text, "foobot", "/example/page/allowed.gif")
    assert may("User-agent: a\nDisallow: /x\nAllow: /x\n", "a", "/x")
    assert may("User-agent: a\nDisallow: /*\nAllow: /p\n", "a", "/p")


@pytest.mark.parametrize(
    ("rule", "url", "matches"),
    [
        ("/foo/bar?baz=quz", "/foo/bar?baz=quz", True),
        ("/foo/bar?baz=https://foo.bar", "/foo/bar?baz=https%3A%2F%2Ffoo.bar", True),
        ("/foo/bar/\u30c4", "/foo/bar/%E3%83%84", True),
        ("/foo/bar/%E3%83%84", "/foo/bar/\u30c4", True),
        ("/foo/bar/%62%61%7A", "/foo/bar/baz", True),
        ("/path/file-with-a-%2A.html", "/path/file-with-a-*.html", True),
        ("/path/foo-%24", "/path/foo-$", True),
        ("/a%2fb", "/a/b", False),
        ("/a%2fb", "/a%2Fb", True),
        ("/fish", "/Fish", False),
        ("/fish", "/fish/salmon", True),
        ("/fish*.php", "/fishheads/catfish.php?id=1", True),
        ("/*.php$", "/a.php?x", False),
        ("/*.php$", "/a.php.php", True),
        ("/fish$", "/fish", True),
        ("/fish$", "/fishes", False),
        ("*", "/anything", True),
        ("fish", "/fish", True),
    ],
)
def test_paths(rule, url, matches):
    rules = Paths()
    rules.add(rule, True)
    assert bool(rules.longest(of_url(f"https://example.org{url}"))) == matches


@given(st.text("ab*$", max_size=8), st.text("ab", max_size=10))
def test_matching_is_that_of_a_regular_expression(rule, path):
    import re

    body, anchor = (rule[:-1], "$") if rule.endswith("$") else (rule, "")
    pattern = ".*".join(re.escape(piece) for piece in body.split("*")) + ("\\Z" if anchor else "")
    assert fits("/" + rule, "/" + path) == (re.match("/" + pattern, "/" + path, re.DOTALL) is not None)


@given(st.lists(st.tuples(st.text("ab*", min_size=1, max_size=5), st.booleans()), max_size=8), st.text("ab", max_size=8))
def test_looking_up_is_walking_all(rules, path):
    held = Paths()
    for rule, says in rules:
        held.add("/" + rule, says)
    spelled = [(normal("/" + rule).rstrip("*"), says) for rule, says in rules]
    hits = [(len(rule), says) for rule, says in spelled if fits(rule, "/" + path)]
    longest = max((length for length, _ in hits), default=0)
    assert sorted(held.longest("/" + path)) == sorted(says for length, says in hits if length == longest)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_is_forgiven(end):
    text = end.join(
        [
            "\ufeffuser-agent : GPTBot/1.1 # the crawler",
            "",
            "DISSALLOW: /a # not here",
            "Disallow /b",
            "Crawl-delay: 3",
            "useragent: *",
            "Disallow:",
        ]
    )
    assert not may(text, "gptbot", "/a/x")
    assert not may(text, "gptbot", "/b")
    assert may(text, "gptbot", "/c")
    assert may(text, "ccbot", "/a")


def test_groups_of_one_agent_are_one_and_other_lines_do_not_part_them():
    text = "User-agent: a\nSitemap: https://x/s.xml\nUser-agent: b\nDisallow: /x\n\nUser-agent: a\nDisallow: /y\n"
    assert [may(text, agent, path) for agent in "ab" for path in ("/x", "/y")] == [False, False, False, True]


def said(text, path="/page", agents=TRAINERS):
    return {(one.mechanism, one.says) for one in signals(Robots(text), path, agents)}


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("User-agent: *\nAllow: /\nContent-Usage: train-ai=n\n", "/", {("train-ai", "deny")}),
        ("User-agent: *\nContent-Usage: /a train-ai=n\nContent-Usage: /a/b train-ai=y\n", "/a/c", {("train-ai", "deny")}),
        ("User-agent: *\nContent-Usage: /a train-ai=n\nContent-Usage: /a/b train-ai=y\n", "/a/b", {("train-ai", "allow")}),
        ("User-agent: *\nContent-Usage: /a train-ai=n\n", "/b", {("robots", "none")}),
        ("User-agent: *\nContent-Usage: /a\ttrain-ai=n\n", "/a", {("train-ai", "deny")}),
        ("User-agent: *\nContent-Usage: /a train-ai=y\nContent-Usage: /a train-ai=n\n", "/a", {("train-ai", "deny")}),
        ("User-agent: *\nContent-Usage: Train-AI=n\n", "/a", {("train-ai", "unclear")}),
        ("User-agent: *\nContent-Usage: train-ai=n # says the owner\n", "/a", {("train-ai", "deny")}),
        ("User-agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /\n", "/a", {("ai-train", "deny")}),
        ("User-agent: *\nContent-Signal: ai-train=yes, search=yes, ai-input=yes\n", "/a", {("ai-train", "allow")}),
        ("User-agent: *\nContent-Signal: search=yes\n", "/a", {("robots", "none")}),
        ("User-agent: *\nContent-Signal: /b ai-train=no\n", "/a", {("robots", "none")}),
        ("Content-Signal: ai-train=no\n", "/a", {("ai-train", "deny")}),
        ("User-agent: GPTBot\nDisallow: /\n", "/a", {("robots", "deny")}),
        ("User-agent: SomeSearch\nDisallow: /\n", "/a", {("robots", "none")}),
        ("User-agent: *\nDisallowAITraining: /art\n", "/art/1", {("disallow-ai-training", "deny")}),
        ("User-agent: *\nDisallowAITraining: /art\nAllowAITraining: /art/free\n", "/art/free", {("robots", "none")}),
        (
            "User-agent: GPTBot\nContent-Signal: ai-train=no\n\nUser-agent: *\nContent-Signal: ai-train=yes\n",
            "/",
            {("ai-train", "deny"), ("ai-train", "allow")},
        ),
        ("", "/a", {("robots", "none")}),
    ],
)
def test_lines_about_training(text, path, expected):
    assert said(text, path) == expected


def test_licences_of_a_group_replace_those_of_the_file():
    text = "License: https://x/all.xml\nUser-agent: GPTBot\nLicense: https://x/gpt.xml\n\nUser-agent: *\nDisallow: /x\n"
    robots = Robots(text)
    assert robots.licenses_of(robots.of("gptbot")) == ["https://x/gpt.xml"]
    assert robots.licenses_of(robots.of("ccbot")) == ["https://x/all.xml"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("User-Agent: *\nDisallow: *.txt\n", "deny"),
        ("User-Agent: *\nDisallow: *.html\n", "deny"),
        ("User-Agent: *\nDisallow: *.jpg\n", "none"),
        ("User-Agent: *\nDisallow: /\n", "deny"),
        ("User-Agent: *\nAllow: *.html\nDisallow: *.png\n", "allow"),
        ("some prose on a robot", "unclear"),
        ("", "none"),
    ],
)
def test_ai_txt(text, says):
    assert ai_txt(text, "/page", TRAINERS).says == says


def test_hostile_files_take_bounded_time():
    rules = "".join(f"Disallow: /{n}*{n}*a*{n}$\n" for n in range(4_000))
    plain = "".join(f"Disallow: /{letter * n}\n" for letter in ascii_lowercase for n in range(1, 150))
    many = signals(Robots("User-agent: *\n" + rules), "/" + "1a" * 2000, TRAINERS)
    signals(Robots("User-agent: *\n" + plain), "/" + "a" * 4000, TRAINERS)
    Robots("a:" * 50_000), Robots("User-agent: x\n" * 5_000), Robots("*" * 500_000)
    fits(normal("/" + "*a" * 2000 + "$"), "/" + "a" * 4000 + "b")
    assert ("robots", "unclear") in {(one.mechanism, one.says) for one in many}
