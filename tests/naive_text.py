"""Slow twins of the kernels over text: plain Python, one rule a line, nothing shared with the kernels but the published lists."""

import re
import unicodedata
from collections import Counter

import naive_words

from curate.kernels import marks, specials

PUNCTUATION = {chr(c) for c in range(0x110000) if marks.punctuation()[c] & marks.SYMBOL}
TERMINAL = {chr(c) for c in range(0x110000) if marks.punctuation()[c] & marks.TERMINAL}


def nesting(page):
    total = depth = 0
    for closes, _ in re.findall(rb"<(/?)(div|article|ul|ol)(?=[>/\x20\t\n\x0b\x0c\r])", page):
        depth = max(0, depth - 1) if closes else depth + 1
        total += 0 if closes else depth
    return total


def spacy(text):
    """Tokens by spaCy's rules alone."""
    return [token for run in text.split() for token in _run(run)]


def tokens(text):
    """The same, and words of scripts without spaces."""
    return [token for run in text.split() for token in run_tokens(run)]


def run_tokens(run):
    return [token for part, spaceless in naive_words.pieces(run) for token in ([part] if spaceless else _run(part))]


_SPECIALS = specials.specials()
_PUNCT = specials._PUNCT
_QUOTES = specials._QUOTES
_CURRENCY = specials._CURRENCY
_UNITS = sorted(specials._UNITS.split(), key=len, reverse=True)


def _is_icon(c):
    return 0xA0 <= ord(c) < 0x1FB00 and unicodedata.category(c) == "So"


def _small(c):
    return c.isalpha() and unicodedata.category(c) != "Lu"


def _capital(c):
    return c.isalpha() and unicodedata.category(c) != "Ll"


def _digit(c):
    return c in "0123456789" and c != ""


def _front(run):
    dots = re.match(r"\.\.+", run)
    if dots:
        return dots.end()
    if run[0] == "+":
        return 0 if _digit(run[1:2]) else 1
    for money in ("US$", "A$", "C$"):
        if run.startswith(money):
            return len(money)
    return int(run[0] in _PUNCT + _QUOTES + _CURRENCY + "§%=—–" or _is_icon(run[0]))


def _back(run):
    if run.endswith("."):
        dots = re.search(r"\.+$", run).group()
        if len(dots) > 1:
            return len(dots)
        left = run[-2:-1]
        if not left:
            return 0
        if _digit(left) or left in "%²-+" + _PUNCT + _QUOTES or _small(left):
            return 1
        return int(_capital(left) and _capital(run[-3:-2] or "."))
    if run[-2:] in ("'s", "'S", "’s", "’S"):
        return 2
    for unit in _UNITS:
        if run.endswith(unit) and _digit(run[-len(unit) - 1 : -len(unit)]) and not any(_digit(c) for c in unit):
            return len(unit)
    if run[-1] in "+" + _CURRENCY and _digit(run[-2:-1]):
        return 1
    return int(run[-1] in _PUNCT + _QUOTES + "—–" or _is_icon(run[-1]))


_HOST = re.compile(
    r"((?:[A-Za-z0-9\u00a1-\uffff](?:[\w\u00a1-\uffff-]*[A-Za-z0-9\u00a1-\uffff])?\.)+)([^\s.:/?#]{2,63})(:\d{2,5})?([/?#].*)?", re.S | re.A
)


def _is_host(text):
    found = _HOST.fullmatch(text)
    return (
        bool(found)
        and all(_small(c) for c in found.group(2))
        and all(re.fullmatch(r"[A-Za-z0-9_\u00a1-\uffff-]*", label) for label in found.group(1).split("."))
    )


def _is_address(run):
    scheme = run.find("://", 2)
    rest = run[scheme + 3 :] if scheme >= 0 else run
    return _is_host(rest) or any(_is_host(rest[i + 1 :]) for i, c in enumerate(rest) if c == "@" and i > 0)


def _cut(run, i):
    """Characters of the mark at run[i] that cuts the run, or 0."""
    dots = re.match(r"\.\.+", run[i:])
    if dots:
        return dots.end()
    c = run[i]
    if c == "…" or _is_icon(c):
        return 1
    if i == 0 or i + 1 == len(run):
        return 0
    left, right = run[i - 1], run[i + 1]
    if c in "+-*^" and _digit(left) and (_digit(right) or right == "-"):
        return 1
    if c == ".":
        return int((_small(left) or left in _QUOTES) and (_capital(right) or right in _QUOTES))
    if c == ",":
        return int(left.isalpha() and right.isalpha())
    if not (left.isalpha() or _digit(left)):
        return 0
    hyphens = re.match(r"-{1,3}|—{1,2}|–|~", run[i:])
    if hyphens:
        return hyphens.end() if run[i + hyphens.end() : i + hyphens.end() + 1].isalpha() else 0
    return int(c in ":<>=/" and right.isalpha())


def _run(run):
    before, after = [], []
    while run and run not in _SPECIALS:
        front = _front(run)
        if front and run[front:] in _SPECIALS:
            before.append(run[:front])
            run = run[front:]
            continue
        back = _back(run[front:]) if run[front:] else 0
        if not front and not back:
            break
        if back and run[:-back] in _SPECIALS:
            front = 0
        if front:
            before.append(run[:front])
            run = run[front:]
        if back:
            after.insert(0, run[-back:])
            run = run[:-back]
    if not run:
        return before + after
    if run in _SPECIALS:
        cut = _SPECIALS[run]
        raw = run.encode()
        return [*before, *([raw[: cut[0]].decode(), raw[cut[0] :].decode()] if cut else [run]), *after]
    if _is_address(run):
        return [*before, run, *after]
    middle, start, i = [], 0, 0
    while i < len(run):
        size = _cut(run, i)
        if size and i > start:
            middle += [run[start:i], run[i : i + size]]
            start = i + size
        i += size or 1
    return before + middle + ([run[start:]] if start < len(run) else []) + after


def quality(text, stop_words):
    found = tokens(text)
    solid = [t for t in found if any(c not in PUNCTUATION for c in t)]
    lines = text.splitlines()
    return [
        len(solid),
        _ratio(sum(map(len, solid)), len(solid)),
        _ratio(text.count("#"), len(found)),
        _ratio(text.count("...") + text.count("…"), len(found)),
        _ratio(sum(line.lstrip().startswith(("•", "-")) for line in lines), len(lines)),
        _ratio(sum(line.rstrip().endswith(("...", "…")) for line in lines), len(lines)),
        _ratio(sum(any(c.isalpha() for c in t) for t in found), len(found)),
        len(set(found) & set(stop_words)),
    ]


def _ratio(part, whole):
    return part / whole if whole else 0.0


def _repeats(segments):
    seen, number, chars = set(), 0, 0
    for segment in segments:
        if segment in seen:
            number += 1
            chars += len(segment)
        seen.add(segment)
    return number, chars


def segments(text):
    out = []
    for parts in (re.split(r"\n{2,}", text.strip()), re.split(r"\n+", text)):
        number, chars = _repeats(parts)
        out += [number / len(parts), _ratio(chars, len(text))]
    return out


def ngrams(text):
    found = tokens(text)
    out = []
    for n in (2, 3, 4):
        grams = Counter(" ".join(found[i : i + n]) for i in range(len(found) - n + 1))
        gram, count = grams.most_common(1)[0] if grams else ("", 0)
        out.append(_ratio(len(gram) * count, len(text)))
    for n in range(5, 11):
        seen, chars, i = set(), 0, 0
        while i < len(found) - n + 1:
            gram = "".join(found[i : i + n])
            if gram in seen:
                chars += len(gram)
                i += n
            else:
                seen.add(gram)
                i += 1
        out.append(_ratio(chars, len(text)))
    return out


def fineweb(text, short=30):
    lines = [line for line in text.split("\n") if line.strip()]
    return [
        len(lines),
        _ratio(sum(line[-1] in TERMINAL for line in lines), len(lines)),
        _ratio(sum(len(line) <= short for line in lines), len(lines)),
        _ratio(_repeats(lines)[1], len(text.replace("\n", ""))),
        _ratio(text.count("\n"), len(tokens(text))),
    ]


def sentences(line):
    total, closed = 0, False
    for token in tokens(line):
        terminal = token in TERMINAL
        punctuation = all(unicodedata.category(c)[0] == "P" for c in token)
        if not total or (closed and not punctuation and not terminal):
            total += 1
            closed = terminal
        elif terminal:
            closed = True
    return total


_POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")


def c4(text, ends=False, min_words=3):
    """(reason or None, the kept text, sentences) by the rules in their order."""
    kept, count = [], 0
    for line in text.splitlines():
        line = line.strip()
        split = naive_words.line_words(line)
        if any(len(word) > 1000 for word in split):
            continue
        line = re.sub(r"\[\d*]|\[edit]|\[citation needed]", "", line)
        if ends and (not line.endswith((".", "?", "!", '"', "'")) or line.endswith("...")):
            continue
        if len(split) < min_words:
            continue
        lower = line.lower()
        if "lorem ipsum" in lower:
            return "lorem_ipsum", text, None
        if "javascript" in lower:
            continue
        if "{" in line:
            return "curly_bracket", text, None
        if any(phrase in lower for phrase in _POLICY):
            continue
        kept.append(line)
    made = "\n".join(kept).strip()
    count = sum(sentences(line) for line in made.split("\n"))
    return ("too_few_sentences", text, count) if count < 5 else (None, made, count)
