"""The slow twin of the features of a block: each from what its name means, over the slow scanner's blocks and elements, one block at a time.

Where a name says less than the number means, a comment says it. Numbers are Python's; the kernels' are the nearest float32. Only scores of class
words are added and multiplied in float32 here too, since they go through as many steps as an element is deep.
"""

import re
from functools import cached_property

import numpy as np
from naive_html import Scanner

from curate.kernels.html_elements import LANDMARKS, WORD_LISTS
from curate.kernels.html_openings import OPENINGS
from curate.kernels.html_tables import ID, SIGN_WORDS

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
NO_H1, FAR = -1000, 1000
"""What is told of the first `h1` where there is none; distances in blocks end here."""
SHORT = 200
"""Units (40 words) up to which a block is compared with the title and the openings."""
WORD, LETTERS = re.compile(rb"[a-z0-9\x80-\xff]+"), re.compile(rb"[a-z\x80-\xff]+")
BODY_WORD = re.compile("[\u2e80-\u2fff\u3040-\ufeff][a-z0-9\xc0-\u1fff]*|[a-z0-9\xc0-\u1fff]+")
"""A wide character begins a word, and narrow ones after it go on with it."""
UPPER = str.maketrans({chr(code): chr(code + 32) for code in range(65, 91)})
ENDS_SENTENCE, ENDS_COLON = (re.compile(f"[{marks}][\u201d\u2019]?[\"')\\]]*\\Z") for marks in (".!?\u3002\uff01\uff1f\u2026", ":"))


def ratio(a, b):
    return a / b if b else 0


def hashed(codes):
    key = 14695981039346656037
    for code in codes:
        key = ((key ^ code) * 1099511628211) % 2**64
    return key


def in_16_bits(word):
    key = hashed(word)
    return (key ^ key >> 16 ^ key >> 32 ^ key >> 48) & 0xFFFF


def in_10_bits(word):
    key = hashed(word)
    return (key ^ key >> 32) & 0x3FF


OPENING = {name: {in_16_bits(word.encode()) for word in listed.split()} for name, listed in OPENINGS.items()}
LISTED = {name: {in_16_bits(word.encode()) for word in listed.split()} for name, listed in WORD_LISTS.items()}


def openings(text):
    """The lists that one of the first three words in the first 96 bytes is in."""
    first = {in_16_bits(word) for word in LETTERS.findall(text.encode()[:96].replace("：".encode(), b":").lower())[:3]}
    return {name for name, listed in OPENING.items() if listed & first}


def title_words(text):
    """Words are told apart by ten bits of their hash."""
    return [in_10_bits(word) for word in WORD.findall(text.encode().lower())]


def runs(text):
    """Runs of three words, told apart by 16 bits of a hash; of at most 20,000 words."""
    keys = [hashed(map(ord, word)) for word in BODY_WORD.findall(text.translate(UPPER))[:20_000]]
    grams = [((key ^ old * 3 ^ older * 7) * 1099511628211) % 2**64 for older, old, key in zip(keys, keys[1:], keys[2:], strict=False)]
    return [(gram ^ gram >> 32) & 0xFFFF for gram in grams]


def narrow(text):
    """Characters beyond three bytes are no letters."""
    return re.sub("[\U00010000-\U0010ffff]", "\ufffd", text)


def unescaped(body):
    """The text of a JSON string with HTML in it: escapes of letters resolved; others, tags and references part words."""
    piece = rb"\\u(?P<code>[0-9a-fA-F]{4})|\\.|&[^;]{0,8};|<[^>]{0,1998}>|[&<]"

    def meant(found):
        return chr(int(found["code"], 16)).encode("utf-8", "surrogatepass") if found["code"] else b" "

    return narrow(re.sub(piece, meant, body.encode(), flags=re.DOTALL).decode("utf-8", "surrogatepass"))


class Page(Scanner):
    """A page of the slow scanner, and what is asked of ranges of its blocks."""

    def __init__(self, page, scores, open_noscript=False):
        super().__init__(page, open_noscript)
        self.scores, self.n, self.size = scores, len(self.blocks), len(page.encode())
        self.places = [(self.elements[block.element], self.elements[self.elements[block.element].parent]) for block in self.blocks]
        self.tags = [element.tag for element, _ in self.places]
        self.titled, self.in_body = title_words(self.title), runs(unescaped(self.body))
        self.begins = [(text[:48], len(text)) for text in (block.text.encode() for block in self.blocks)]
        self.headings = [b for b in range(self.n) if self.tags[b] in HEADINGS]
        self.h1s = [b for b in range(self.n) if self.tags[b] == "h1"]
        self.longs = [b for b in range(self.n) if self.is_long(b)]

    def counted(self, name, blocks):
        return sum(self.blocks[b].counts[name] for b in blocks)

    def units(self, blocks):
        return self.counted("units", blocks)

    def link_density(self, blocks):
        return ratio(self.counted("link", blocks), self.units(blocks))

    def long_share(self, blocks):
        return ratio(self.units(b for b in blocks if b in self.longs), self.units(blocks))

    def enders(self, blocks):
        """Commas too."""
        return ratio(self.counted("enders", blocks) + self.counted("commas", blocks), self.units(blocks))

    def is_long(self, b):
        """20 words, and under 30 % of them in links."""
        units = self.units([b])
        return units >= 100 and 10 * self.counted("link", [b]) < 3 * units

    @cached_property
    def all(self):
        return range(self.n)

    def inside(self, element):
        return range(element.first, element.last)

    def path(self, at):
        """Numbers of the elements from the one below the document down to element `at`."""
        found = []
        while at > 0:
            found.append(at)
            at = self.elements[at].parent
        return found[::-1]

    @cached_property
    def alike(self):
        """By block: tag and classes of its element and of the parent of it."""
        return [(one.tag, one.signature, two.tag, two.signature) for one, two in self.places]

    def section(self, b):
        """Blocks from the last heading, this block among them, to before the next; the first ones have none."""
        first = max((h for h in self.headings if h <= b), default=0)
        return range(first, min((h for h in self.headings if h > b), default=self.n))

    @cached_property
    def votes(self):
        """Readability's: a long paragraph gives points to the parent of its element, and half as many to the parent of that."""
        votes = [0.0] * len(self.elements)
        for b in self.longs:
            units, (element, parent) = self.units([b]), self.places[b]
            points = (1 + self.counted("commas", [b]) + min(units / 100, 3)) * (1 - self.counted("link", [b]) / units)
            votes[element.parent] += points
            if element.parent > 0:
                votes[parent.parent] += points / 2
        return votes


def own(page, b):
    block, tag, text = page.blocks[b], page.tags[b], page.blocks[b].text
    count, size, units = block.counts, len(text.encode()), block.counts["units"]
    same = [o for o in page.all if page.begins[o] == page.begins[b]]
    body, told = runs(narrow(text)) if page.in_body else [], title_words(text)
    hits = [word for word in told if word in page.titled] if units <= SHORT else []
    return {
        "units": units,
        "chars_per_unit": ratio(count["letters"], units),  # letters only
        "link_density": ratio(count["link"], units),
        "links": count["links"],  # `a` after the first character of the block
        "commas": ratio(count["commas"], units),
        "enders": ratio(count["enders"], units),
        "ends_sentence": bool(ENDS_SENTENCE.search(text)),
        "ends_colon": bool(ENDS_COLON.search(text)),
        "digits": ratio(count["digits"], size),
        "capitals": ratio(count["capitals"], count["letters"]),
        "letters": ratio(count["letters"], size),
        "begins_lower": "a" <= text[0] <= "z",
        "begins_other": text[0] < "\x80" and not text[0].isalpha(),
        "breaks": count["breaks"],
        "tag": ID[tag],
        "heading": HEADINGS.index(tag) + 1 if tag in HEADINGS else 0,
        "is_paragraph": tag == "p",
        "is_item": tag in ("li", "dt", "dd"),
        "is_cell": tag in ("td", "th"),
        "is_pre": block.pre,
        "repeats": len(same),  # the block itself among them
        "earlier_repeats": same.index(b),
        "title_share": ratio(len(hits), len(told)),
        "title_cover": ratio(len(hits), len(page.titled)),  # above 1 where words of the title are repeated
        "bytes_per_unit": ratio(size, units),
        "body_share": -1 if not body else len([run for run in body if run in page.in_body]) / len(body),
        **opens("opens", page, b),
    }


def opens(prefix, page, b):
    """Of short blocks, by list: whether they begin with a word of it; b: None where there is no block."""
    found = openings(page.blocks[b].text) if b is not None and page.units([b]) <= SHORT else ()
    return {f"{prefix}_{name}": name in found for name in OPENINGS}


def place(page, b):
    heading = max((h for h in page.headings if h <= b), default=None)
    section, h1 = page.section(b), page.h1s[0] if page.h1s else None
    return {
        "index": b,
        "index_share": b / page.n,
        "units_before_share": ratio(page.units(range(b)), page.units(page.all)),
        "blocks_to_h1": b - h1 if h1 is not None else NO_H1,  # below zero before it
        "blocks_from_heading": min(b - heading, FAR) if heading is not None else FAR,
        "last_heading": HEADINGS.index(page.tags[heading]) + 1 if heading is not None else 0,
        "blocks_from_long": min((b - o for o in page.longs if o < b), default=FAR),
        "blocks_to_long": min((o - b for o in page.longs if o > b), default=FAR),
        "depth": page.places[b][0].depth,
        "units_from_h1": (page.units(range(b)) - page.units(range(h1))) if h1 is not None else NO_H1,
        "section_units": page.units(section),
        "section_links": page.link_density(section),
        "section_long": page.long_share(section),
        "byte_share": page.blocks[b].at / page.size,
        "h1s_seen": len([h for h in page.h1s if h <= b]),
        "articles_seen": len([e for e in page.elements if e.tag == "article" and e.first <= b]),
        **opens("heading", page, heading),
    }


def score(page, element):
    """(score, word lists) of an element's class words; none of one that holds over 85 % of the page's words."""
    if page.units(page.inside(element)) > 0.85 * page.units(page.all):
        return np.float32(0), set()
    total = np.float32(0)
    for token in element.tokens:
        total += page.scores[token]
    return min(max(total, np.float32(-6)), np.float32(6)), {name for name, listed in LISTED.items() if listed.intersection(element.tokens)}


def inherited(page, at):
    """What element `at` and those that it stands in say: extremes over the path (the document has 0), sums that fade by 0.7 a level, counts."""
    path = [page.elements[each] for each in page.path(at)]
    scores, lists = zip(*[score(page, element) for element in path], strict=True) if path else ((), ())
    faded = np.float32(0)
    for each in scores:
        faded = faded * np.float32(0.7) + each
    return {
        "class_own": scores[-1] if path else 0,
        "class_least": min((0, *scores)),
        "class_most": max((0, *scores)),
        "class_decayed": faded,
        "class_nearest": next((each for each in scores[::-1] if each), 0),
        **{f"in_{name}": len([e for e in path if e.tag == name]) for name in LANDMARKS},
        **{f"words_{name}": len([each for each in lists if name in each]) for name in WORD_LISTS},
        "hidden": any(element.hidden for element in path),
    }


def near(page, b):
    found = {}
    for step in (-2, -1, 1, 2):
        o = b + step
        there = 0 <= o < page.n
        found |= {
            f"near{step:+d}_units": page.units([o]) if there else -1,
            f"near{step:+d}_link_density": page.link_density([o]) if there else -1,
            f"near{step:+d}_long": o in page.longs if there else -1,
            f"near{step:+d}_alike": page.alike[o] == page.alike[b] if there else -1,
            f"near{step:+d}_sibling": page.places[o][0].parent == page.places[b][0].parent if there else -1,
            f"near{step:+d}_heading": o in page.headings if there else -1,
        }
    for width in (4, 12):
        window = range(max(0, b - width), min(page.n, b + width + 1))
        found |= {
            f"within{width}_units": page.units(window) / len(window),  # of a block
            f"within{width}_link_density": page.link_density(window),
            f"within{width}_long_share": page.long_share(window),
            f"within{width}_enders": page.enders(window),
        }
    return found


def around(page, b):
    """Three elements around the block, each the nearest that holds over a third more words than the last (the first: than the block), or the document."""
    found, at, held = [], page.blocks[b].element, page.units([b])
    for _ in range(3):
        more = held + held // 3 + 1
        while at > 0 and page.units(page.inside(page.elements[at])) < more:
            at = page.elements[at].parent
        found.append(at)
        held = max(more, page.units(page.inside(page.elements[at])))
    return found


def above(page, b):
    found = {}
    for step, at in enumerate(around(page, b), start=1):
        blocks = page.inside(page.elements[at])
        found |= {
            f"above{step}_units": page.units(blocks),
            f"above{step}_link_density": page.link_density(blocks),
            f"above{step}_blocks": len(blocks),
            f"above{step}_page_share": ratio(page.units(blocks), page.units(page.all)),
            f"above{step}_long_share": page.long_share(blocks),
            f"above{step}_enders": page.enders(blocks),
            f"above{step}_class": inherited(page, at)["class_decayed"],
            f"above{step}_tag": ID[page.elements[at].tag],
        }
    return found


def candidate(page, b):
    """The element with most votes; without any the document stands for it, and the distance is counted from its end, below zero."""
    best = max(page.votes)
    top = page.elements[page.votes.index(best)]
    inside = best > 0 and b in page.inside(top)
    distance = top.first - b if b < top.first else b - top.last + 1
    return {
        "in_top": inside,
        "top_share": ratio(page.units(page.inside(top)), page.units(page.all)),
        "parent_share": ratio(page.votes[page.places[b][0].parent], best),
        "top_distance": 0 if inside else distance,
    }


def group(page, b):
    """Blocks alike: the same tags and classes of their elements and of the parents of them."""
    members = [o for o in page.all if page.alike[o] == page.alike[b]]
    span = members[-1] - members[0] + 1
    return {
        "group_size": len(members),
        "group_units": page.units(members) / len(members),  # of a block
        "group_link_density": page.link_density(members),
        "group_long_share": page.long_share(members),
        "group_page_share": ratio(page.units(members), page.units(page.all)),
        "group_earlier": members.index(b),
        "group_from_first": b - members[0],
        "group_span": span,
        "group_density": len(members) / span,
    }


def whole(page):
    """What is the same for all blocks of the page."""
    texts = [runs(narrow(block.text)) for block in page.blocks] if page.in_body else []
    return {
        "page_units": page.units(page.all),
        "page_blocks": page.n,
        "page_link_density": page.link_density(page.all),
        "page_long_units": page.units(page.longs),
        "page_long_blocks": len(page.longs),
        "page_long_share": page.long_share(page.all),
        "page_images": len(page.images),
        "page_bytes_per_unit": ratio(page.blocks[-1].at, page.units(page.all)),  # up to the last block
        "page_headings": len(page.headings) / page.n,
        "page_items": page.tags.count("li") / page.n,
        "page_articles": place(page, page.n - 1)["articles_seen"],
        "page_h1s": len(page.h1s),
        "page_body_runs": len(page.in_body),
        "page_body_found": ratio(len([run for text in texts for run in text if run in page.in_body]), len(page.in_body)),
        **{f"page_{name}": page.signs >> at & 1 for at, name in enumerate(SIGN_WORDS)},
    }


def features(page):
    """By block: name → number."""
    same = whole(page) if page.n else {}
    return [
        own(page, b)
        | place(page, b)
        | inherited(page, page.blocks[b].element)
        | near(page, b)
        | above(page, b)
        | candidate(page, b)
        | group(page, b)
        | same
        for b in page.all
    ]
