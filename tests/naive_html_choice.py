"""The slow twin of `curate/kernels/html_choice.py`: the blocks of a page that stay, from their probabilities, which are whole numbers of ONE."""

import itertools
import re

from naive_html_features import openings

ONE = 10_000
POINTS = re.compile(r"(?P<lead>[^:>»→：]*)[:>»→：]")
"""Up to the first sign."""
WORD = re.compile(r"(?:[A-Za-z0-9]|[^\x00-\x7f])+")


def is_row(page, at):
    """A row of a table with data: two cells or more, no text outside of them, none with several blocks or a table, of 300 words at most."""
    row = page.inside(page.elements[at])
    cells = [page.inside(e) for e in page.elements[1:] if e.parent == at and e.tag in ("td", "th")]
    tables = [i for i, e in enumerate(page.elements) if e.tag == "table" and page.inside(e) and at in page.path(i)]
    data = len(cells) >= 2 and len(row) == sum(map(len, cells)) <= len(cells) and not tables
    return page.elements[at].tag == "tr" and data and page.units(row) <= 1500


def of_whole(page):
    """By block: (the row or `pre` that it stays or goes with, or None; whether it is code or a quotation)."""
    rows = {at for at in range(len(page.elements)) if is_row(page, at)}
    for b in page.all:
        path = page.path(page.blocks[b].element)
        around = list(itertools.takewhile(lambda at: at not in rows, path))  # what stands in a row is part of it
        tags = [page.elements[at].tag for at in around]
        whole = path[len(around)] if len(around) < len(path) else around[tags.index("pre")] if "pre" in tags else None
        yield whole, "pre" in tags or "blockquote" in tags


def is_prose(page, b, least):
    """`least` units or more with an end of a sentence, 30 % at most in links, and no first words of small print."""
    units = page.units([b])
    small = openings(page.blocks[b].text) if units <= 200 else ()
    return units >= least and 10 * page.counted("link", [b]) <= 3 * units and page.counted("enders", [b]) > 0 and not small


def lost(page, p, keep):
    """Blocks of an article's body that stay because too many of them would go."""
    paragraphs = [b for b in page.all if page.tags[b] == "p"]
    parents = {b: page.elements[page.blocks[b].element].parent for b in paragraphs}
    bodies = {at: [b for b in paragraphs if parents[b] == at] for at in sorted(set(parents.values()))}
    kept = {at: page.units(b for b in blocks if keep[b]) for at, blocks in bodies.items()}
    body = max(kept, key=kept.get, default=None)  # the first of equal ones
    if body is None or not kept[body]:
        return []
    held, total = page.units(bodies[body]), page.units(b for b in page.all if keep[b])
    found = [b for b in bodies[body] if not keep[b] and p[b] >= 0.1 * ONE and is_prose(page, b, 50)]
    much = 5 * page.units(found) >= held and 5 * kept[body] <= 4 * held
    return found if 2 * kept[body] >= total and 10 * kept[body] >= 3 * held and much else []


def standfirst(page, p, keep):
    """Prose between the headline and the text, at most 30 blocks of it."""
    first = next((b for b in page.all if keep[b] and page.units([b]) >= 75), 0)
    headline = next((b for b in range(first - 1, max(0, first - 30) - 1, -1) if page.tags[b] == "h1"), first)
    between = range(headline + 1, first)
    return [b for b in between if p[b] >= 0.03 * ONE and page.tags[b] not in ("figcaption", "li", "td") and is_prose(page, b, 75)]


def is_pointer(page, b):
    """A few words that lead on, a sign, and a link: `Read more: …`."""
    text, units = page.blocks[b].text, page.units([b])
    if not 0 < units <= 150 or 2 * page.counted("link", [b]) < units or "more" not in openings(text):
        return False
    begins, words = text.encode()[:60].decode(errors="ignore"), 0
    while sign := POINTS.match(begins):
        words += len(WORD.findall(sign["lead"]))
        if words:
            return words <= 4
        begins = begins[sign.end() :]
    return False


def chosen(page, p, article, threshold, with_standfirst=False):
    """By block: whether it stays."""
    keep, apart, whole = [], [], list(of_whole(page))
    for b, (at, quoted) in enumerate(whole):
        blocks = page.inside(page.elements[at]) if at else [b]
        weights = [page.units([o]) for o in blocks] if page.units(blocks) else [1] * len(blocks)
        keep.append(sum(p[o] * weight for o, weight in zip(blocks, weights, strict=True)) >= threshold * sum(weights))
        apart.append(quoted)
    for b in lost(page, p, keep) if article >= 0.5 * ONE else ():
        keep[b] = True
    text = [keep[b] for b in page.all if not apart[b]]
    for b in page.all:
        before = sum(not each for each in apart[:b])
        if apart[b] and 0 < before < len(text) and text[before - 1] and text[before]:
            keep[b] = True
    for b in standfirst(page, p, keep) if with_standfirst and article >= 0.3 * ONE else ():
        keep[b] = True
    return [stays and not (whole[b][0] is None and is_pointer(page, b)) for b, stays in enumerate(keep)]
