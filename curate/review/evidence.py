"""Where in a text the evidence of a verdict stands: repeated lines and n-grams, lines that are short or do not end, symbols, personal data.

A mark shows a person where to look. The verdict itself is the measure that stands beside it; the two are counted by different code, so a
mark may be one word wider or narrower. Bounded: the first MAX_WORDS words and MAX_MARKS marks. Price: some milliseconds for 40 kB.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from curate.card.folder import Folder, StepSaid
from curate.card.html import Html, joined, tag
from curate.review.shell import inert
from curate.schema import column

MAX_WORDS = 20_000
MAX_MARKS = 600
SHORT_CHARS = 30
"""fineweb counts lines of at most so many characters as short."""
WORD = re.compile(r"\w+(?:['’]\w+)*", re.UNICODE)
LINE = re.compile(r"[^\n]+")
PARAGRAPH = re.compile(r"[^\n]+(?:\n[^\n]+)*")
BULLET = re.compile(r"^[ \t]*[•‣◦⁃∙·●○▪▫–\-*]\s.*$", re.MULTILINE)
ENDS = tuple(".?!\"'”’»。！？")
STOP = re.compile(r"\b(?:the|be|to|of|and|that|have|with)\b", re.IGNORECASE)
PERSONAL = re.compile(
    r"<(?:EMAIL|IP_ADDRESS|PHONE_NUMBER|IBAN|CARD_NUMBER|NATIONAL_ID|SECRET)(?:_[a-p]{12})?>|\b(?:email@example\.com|firstname\.lastname@example\.org)\b"
)
KINDS = {
    "dup": "stands before already",
    "top": "the most frequent one",
    "short": "counted line",
    "sym": "counted sign",
    "word": "counted word",
    "pii": "personal data was here",
    "claim": "evidence of the claim",
    "hit": "item of a benchmark",
    "apart": "only here",
}
Span = tuple[int, int]
Finder = Callable[[str], Iterable[Span]]


@dataclass(frozen=True)
class Mark:
    """Characters start to end of a text, and why they are marked."""

    start: int
    end: int
    kind: str


def repeated(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    """Lines or paragraphs that stand before in the text."""
    seen: set[str] = set()
    for match in pattern.finditer(text):
        said = match.group().strip()
        if not said:
            continue
        if said in seen:
            yield match.span()
        seen.add(said)


def _words(text: str) -> list[Span]:
    found = []
    for match in WORD.finditer(text):
        found.append(match.span())
        if len(found) == MAX_WORDS:
            break
    return found


def repeated_ngrams(n: int, text: str) -> Iterator[Span]:
    """Runs of n words that stand before in the text, without overlap."""
    spans, seen, at = _words(text), set(), 0
    words = [text[start:end] for start, end in spans]
    while at + n <= len(words):
        gram = tuple(words[at : at + n])
        if gram in seen:
            yield spans[at][0], spans[at + n - 1][1]
            at += n
        else:
            seen.add(gram)
            at += 1


def top_ngram(n: int, text: str) -> Iterator[Span]:
    """The run of n words that takes most of the text, wherever it stands."""
    spans = _words(text)
    words = [text[start:end] for start, end in spans]
    counts = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    if not counts:
        return
    best = max(counts, key=lambda gram: (counts[gram] > 1, counts[gram] * sum(map(len, gram)), gram))
    for i in range(len(words) - n + 1):
        if tuple(words[i : i + n]) == best and counts[best] > 1:
            yield spans[i][0], spans[i + n - 1][1]


def lines(test: Callable[[str], bool], text: str) -> Iterator[Span]:
    """Lines of which something holds."""
    return (match.span() for match in LINE.finditer(text) if match.group().strip() and test(match.group().strip()))


def every(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    """All places of a pattern."""
    return (match.span() for match in pattern.finditer(text))


def _unlettered(text: str) -> Iterator[Span]:
    return (match.span() for match in re.finditer(r"\S+", text) if not any(map(str.isalpha, match.group())))


def _extreme(longest: bool, text: str) -> list[Span]:
    """The words that pull the mean up or down."""
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    return [(start, end) for start, end in spans if (end - start > 12 if longest else end - start < 3)]


_END_ELLIPSIS: Finder = partial(lines, lambda one: one.endswith(("...", "…")))
FINDERS: dict[tuple[str, str], tuple[str, Finder]] = {
    ("gopher_repetition", "dup_lines"): ("dup", partial(repeated, LINE)),
    ("gopher_repetition", "dup_line_chars"): ("dup", partial(repeated, LINE)),
    ("gopher_repetition", "dup_paragraphs"): ("dup", partial(repeated, PARAGRAPH)),
    ("gopher_repetition", "dup_paragraph_chars"): ("dup", partial(repeated, PARAGRAPH)),
    **{("gopher_repetition", f"top_{n}_gram"): ("top", partial(top_ngram, n)) for n in (2, 3, 4)},
    **{("gopher_repetition", f"dup_{n}_grams"): ("dup", partial(repeated_ngrams, n)) for n in range(5, 11)},
    ("gopher_quality", "too_many_hashes"): ("sym", partial(every, re.compile("#"))),
    ("gopher_quality", "too_many_ellipses"): ("sym", partial(every, re.compile(r"\.\.\.|…"))),
    ("gopher_quality", "too_many_bullets"): ("short", partial(every, BULLET)),
    ("gopher_quality", "too_many_end_ellipses"): ("short", _END_ELLIPSIS),
    ("gopher_quality", "too_few_letters"): ("sym", _unlettered),
    ("gopher_quality", "too_few_stop_words"): ("word", partial(every, STOP)),
    ("gopher_quality", "short_words"): ("word", partial(_extreme, False)),
    ("gopher_quality", "long_words"): ("word", partial(_extreme, True)),
    ("fineweb", "few_line_ends"): ("short", partial(lines, lambda one: not one.endswith(ENDS))),
    ("fineweb", "short_lines"): ("short", partial(lines, lambda one: len(one) <= SHORT_CHARS)),
    ("fineweb", "dup_line_chars"): ("dup", partial(repeated, LINE)),
    ("fineweb", "list_like"): ("short", partial(lines, lambda one: len(one.split()) < 4)),
    ("c4", "lorem_ipsum"): ("word", partial(every, re.compile("lorem ipsum", re.IGNORECASE))),
    ("c4", "curly_bracket"): ("sym", partial(every, re.compile("[{}]"))),
    ("pii", "much_personal_data"): ("pii", partial(every, PERSONAL)),
}
"""(step, reason) → how its evidence is found in a text."""


def marks(folder: Folder, row: Mapping[str, Any], text: str) -> list[Mark]:
    """What to mark in (the beginning of) a row's text: why it left, personal data, licences, benchmarks; the first of two that overlap."""
    name, _, reason = (row.get("removed_by") or "").partition(":")
    by_name = {step.name: step for step in folder.steps}
    found: list[Mark] = []
    step = by_name.get(name)
    if step is not None and (step.uses, reason) in FINDERS:
        kind, finder = FINDERS[step.uses, reason]
        found += [Mark(start, end, kind) for start, end in finder(text)]
    found += [Mark(start, end, "hit") for start, end in _contaminated(folder, row, text)]
    found += [Mark(start, end, "claim") for start, end in _claimed(folder, row, text)]
    found += [Mark(start, end, "pii") for start, end in personal(folder, row, text)]
    return apart(found)


def personal(folder: Folder, row: Mapping[str, Any], text: str) -> list[Span]:
    """Where personal data was replaced: as the step tells it, if no step after it changed the text; else what looks like its tags."""
    steps = folder.using("pii")
    if not steps:
        return []
    replacing = [step.name for step in folder.steps if step.declared is not None and "text" in getattr(step.declared, "replaces", ())]
    told = row.get(column(steps[-1], "spans")) if replacing[-1:] == steps[-1:] else None
    if told is None:
        return list(every(PERSONAL, text))
    encoded = text.encode("utf-8", "surrogatepass")
    found: list[Span] = []
    at = chars = 0
    for start, end in sorted((one["start"], one["end"]) for one in told):
        if at <= start <= end <= len(encoded):
            before = chars + len(encoded[at:start].decode("utf-8", "ignore"))
            chars = before + len(encoded[start:end].decode("utf-8", "ignore"))
            found.append((before, chars))
            at = end
    return found


def can_mark(step: StepSaid, reason: str) -> bool:
    """Whether the evidence of a reason stands at some place of the text."""
    return (step.uses, reason) in FINDERS


def _contaminated(folder: Folder, row: Mapping[str, Any], text: str) -> Iterator[Span]:
    """Places of benchmark items, which are told in bytes of the text as it was: of a text that was cut there they say nothing any more."""
    for step in folder.steps:
        if step.uses == "decontaminate" and step.fields.get("action") != "cut":
            hits = row.get(column(step.name, "hits")) or ()
            encoded = text.encode("utf-8", "surrogatepass") if hits else b""
            for hit in hits:
                start, end = (len(encoded[: hit[side]].decode("utf-8", "ignore")) for side in ("start", "end"))
                if start < end:
                    yield start, end


def _claimed(folder: Folder, row: Mapping[str, Any], text: str) -> Iterator[Span]:
    """Places in the text at which the snippet or the value of a licence claim stands."""
    for name in folder.using("license"):
        for claim in row.get(column(name, "evidence")) or ():
            for said in (claim.get("snippet"), claim.get("value")):
                at = text.find(said) if said and len(said) > 3 else -1
                if at >= 0:
                    yield at, at + len(said)
                    break


def apart(found: Iterable[Mark]) -> list[Mark]:
    """Marks in order without overlaps; of two that overlap the one that begins first, then the one named first."""
    ordered = sorted(enumerate(found), key=lambda one: (one[1].start, one[0]))
    kept: list[Mark] = []
    for _, mark in ordered:
        if not kept or mark.start >= kept[-1].end:
            kept.append(mark)
    return kept[:MAX_MARKS]


def drawn(text: str, found: Sequence[Mark], start: int = 0, end: int | None = None) -> Html:
    """Characters start to end of the text with their marks, escaped."""
    end = len(text) if end is None else min(end, len(text))
    pieces: list[Html] = []
    at = start
    for mark in found:
        low, high = max(mark.start, start), min(mark.end, end)
        if low >= high:
            continue
        pieces.append(inert(text[at:low]))
        pieces.append(tag("mark", inert(text[low:high]), class_=mark.kind, title=KINDS[mark.kind]))
        at = high
    return joined([*pieces, inert(text[at:end])])


def block(text: str | None, found: Sequence[Mark] = (), start: int = 0, end: int | None = None) -> Html:
    """A text as people read it: its own direction, its own line breaks."""
    if text is None:
        return tag("p", "no text", class_="dim")
    return tag("div", drawn(text, found, start, end) if text else "(empty)", class_="text", dir="auto", tabindex="0")


def gaps(found: Sequence[Mark], width: int) -> int:
    """Where the densest stretch of `width` characters with marks begins, so that evidence far down is what is shown."""
    best, at = 0, 0
    starts = [mark.start for mark in found]
    for first, start in enumerate(starts):
        inside = sum(1 for other in starts[first : first + 50] if other < start + width)
        if inside > best:
            best, at = inside, start
    return at


def legend(found: Sequence[Mark]) -> Html | None:
    """What the colours mean."""
    kinds = list(dict.fromkeys(mark.kind for mark in found))
    return tag("p", *(tag("mark", KINDS[kind], class_=kind) for kind in kinds), class_="legend") if kinds else None
