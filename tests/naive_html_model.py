"""The slow twin of the page's model: features as bytes, trees as the file has them, what the first stage says of a block's surroundings, the cut, and
the blocks that are kept.

Probabilities are whole numbers of ONE from the logistic function on, as they are declared to be; all else is Python's arithmetic.
"""

import json
import math
from functools import lru_cache

import numpy as np
from naive_html_choice import chosen
from naive_html_features import Page, around, features, ratio

from curate.kernels.html_bytes import scale_of
from curate.kernels.html_elements import LANDMARKS, WORD_LISTS
from curate.kernels.html_names import NAMES
from curate.web import main_text

ONE, FAR = 10_000, 1000
STEPS = {"count": (16, 0), "large": (16, 4), "share": (16, -11), "signed": (8, 0), "score": (16, -5)}
"""Steps to the octave, and the power of two at which the first begins."""
EVEN = {"even": 1.0, "tag": 255.0, "p": 10_000.0}
"""255 steps from 0 to this."""
PAGE = [name for name in NAMES if name.startswith("page_")]
INHERITED = [*(f"in_{name}" for name in LANDMARKS), *(f"words_{name}" for name in WORD_LISTS), "hidden"]


@lru_cache(maxsize=1)
def model():
    read = json.loads(main_text.MODEL.read_text(encoding="utf-8"))
    scores = np.zeros(65536, np.float32)
    for token, score in read["tokens"]:
        scores[token] = score / 100
    return read, scores


def as_byte(name, number):
    """The step of 256 that a feature is in."""
    kind, x = scale_of(name), np.float32(number)
    if kind in EVEN:  # to the nearest, a half to the even one
        return min(max(round(float(x * np.float32(255 / EVEN[kind]))), 0), 255)
    steps, least = STEPS[kind]
    mantissa, octave = math.frexp(abs(float(x)))  # from a half to one
    size = max((octave - 1 - least) * steps + int((2 * mantissa - 1) * steps) + 1, 0) if x else 0
    zero = 128 if kind in ("signed", "score") else 0
    return min(max(zero + (size if x > 0 else -size), 0), 255)


def logistic(leaves):
    """Leaves are in 1e-4 of log-odds."""
    return math.floor(ONE / (1 + math.exp(-min(max(leaves / 10_000, -30), 30))) + 0.5)


def judged(trees, names, numbers):
    """What trees say of features by name."""
    steps, total = [as_byte(name, numbers[name]) for name in names], 0
    for tree in trees:
        node = 0 if tree["feature"] else -1
        while node >= 0:
            node = tree["left" if steps[tree["feature"][node]] <= tree["bound"][node] else "right"][node]
        total += tree["value"][~node]
    return logistic(total)


def kind_features(page, numbers):
    """The page's own, and means by words of what its blocks inherit."""
    weights = [page.units([b]) for b in page.all]
    means = {f"mean_{name}": sum(x[name] * w for x, w in zip(numbers, weights, strict=True)) / max(sum(weights), 1) for name in INHERITED}
    return {name: numbers[0][name] for name in PAGE} | means


def context(page, p):
    """By block: what first probabilities p say of its surroundings."""

    def mass(blocks):
        return sum(p[b] * page.units([b]) for b in blocks)

    def mean(blocks):
        return ratio(mass(blocks), page.units(blocks) * ONE)

    def run(b, high):
        """Blocks up to this one that are all likely, or all not."""
        length = 0
        while b - length >= 0 and (p[b - length] >= ONE / 2) == high:
            length += 1
        return length

    sure, total, found = [b for b in page.all if p[b] >= 0.8 * ONE], mass(page.all), []
    for b in page.all:
        element, parent = page.places[b]
        group, section = [o for o in page.all if page.alike[o] == page.alike[b]], page.section(b)
        found.append(
            {
                "p": p[b],
                **{f"p_near{step:+d}": p[b + step] if 0 <= b + step < page.n else -1 for step in (-3, -2, -1, 1, 2, 3)},
                **{f"p_within{width}": mean(range(max(0, b - width), min(page.n, b + width + 1))) for width in (2, 4, 12)},
                "p_element": mean(page.inside(element)),
                "p_parent": mean(page.inside(parent)),
                **{f"p_above{step}": mean(page.inside(page.elements[at])) for step, at in enumerate(around(page, b), start=1)},
                "p_group": mean(group),
                "p_section": mean(section),
                "p_before": ratio(mass(range(b)), total),
                "p_after": ratio(mass(range(b + 1, page.n)), total),
                "p_from_sure": min((min(b - o, FAR) for o in sure if o < b), default=FAR),
                "p_to_sure": min((min(o - b, FAR) for o in sure if o > b), default=FAR),
                "p_page": mean(page.all),
                "p_best": max(p),
                "p_expected_units": total / ONE,
                "p_expected_share": ratio(mass([b]), total),
                "p_run_low": run(b, False),
                "p_run_high": run(b, True),
                "p_group_best": max(p[o] for o in group),
                "p_section_best": max(p[o] for o in section),
            }
        )
    return found


def probabilities(page, numbers):
    """(p by block, p of an article) of ONE."""
    read, _ = model()
    articles, others = (expert["stages"] for expert in read["experts"])
    names, gate = read["features"], read["cut"]["gate"]
    article = judged(read["kind"], read["kind_features"], kind_features(page, numbers))

    def staged(stages, first):
        """first: what stands for the first stage, where it is not None."""
        p = [judged(stages[0], names[: len(NAMES)], x) if given is None else given for x, given in zip(numbers, first, strict=True)]
        return [judged(stages[1], names, x | y) if q >= gate else q for x, y, q in zip(numbers, context(page, p), p, strict=True)]

    p = staged(others, [None] * page.n)
    if article < read["cut"]["prose"]:
        return p, article
    both = staged(articles, [None if 2 * q >= gate else q for q in p])
    return [one + (two - one) * article * read["cut"]["share"] // (ONE * ONE) for one, two in zip(p, both, strict=True)], article


def cut(page, p, article, strictness=1.0):
    """(threshold, expected F1) of ONE: half of the best F1 that is expected of the words of all blocks at or above one of 256 steps of p."""
    read, _ = model()
    weights = [page.units([b]) for b in page.all]
    total, best = sum(q * w for q, w in zip(p, weights, strict=True)), 0.0
    for step in {q * 256 // ONE for q in p}:
        kept = [(q, w) for q, w in zip(p, weights, strict=True) if q * 256 // ONE >= step]
        if units := sum(w for _, w in kept):
            best = max(best, 2 * sum(q * w for q, w in kept) / (units * ONE + total))
    factor = read["experts"][0 if article >= read["cut"]["prose"] else 1]["factor"] * strictness
    threshold = math.floor(best * 0.5 * factor * ONE + 0.5)
    return min(max(threshold, read["cut"]["least"]), read["cut"]["most"]), math.floor(best * ONE + 0.5)


def decided(html, strictness=1.0, standfirst=False):
    """(page, features, p, p of an article, threshold, expected F1, blocks kept, None or why all or more was taken)."""
    _, scores = model()
    page, fallback = Page(html, scores), None
    if page.units(page.all) < 100 and ("noscript" in html.lower() or "template" in html.lower()):
        opened = Page(html, scores, open_noscript=True)
        if opened.units(opened.all) > page.units(page.all):
            page, fallback = opened, "noscript"
    if not page.n:
        return page, [], [], None, None, None, [], fallback
    numbers = features(page)
    p, article = probabilities(page, numbers)
    threshold, expected = cut(page, p, article, strictness)
    keep = chosen(page, p, article, threshold, standfirst)
    if page.units(page.all) and not any(keep):
        keep, fallback = [True] * page.n, "all"
    return page, numbers, p, article, threshold, expected, keep, fallback
