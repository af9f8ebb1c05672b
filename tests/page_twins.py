"""A page through the kernels and through their slow twins: every number of every block, what the trees make of them, and what is chosen."""

import naive_html_model as twin
import numpy as np
from naive_html import Scanner

from curate.kernels import html_tables as ht
from curate.kernels.html_batch import ARTICLE, ROW, held_of
from curate.kernels.html_bytes import WIDTH
from curate.kernels.html_features import features
from curate.kernels.html_names import NAMES, NUM_ANCESTORS, NUM_FEATURES, NUM_SUMS
from curate.kernels.html_page import NUM_KINDS, described, probabilities
from curate.kernels.html_scan import scan
from curate.kernels.html_trees import NAMES_OF_CONTEXT, NUM_CONTEXT, ONE, context
from curate.web.main_text import columns_of, load, main_text, main_texts

PAGES = np.zeros(1, ht.SCANNED)
COUNTS = {
    "units": ht.UNITS,
    "link": ht.LINK_UNITS,
    "commas": ht.COMMAS,
    "enders": ht.ENDERS,
    "digits": ht.DIGITS,
    "capitals": ht.CAPITALS,
    "letters": ht.LETTERS,
    "links": ht.LINKS,
    "breaks": ht.BREAKS,
}


def scanned(page, open_noscript=False):
    data = np.frombuffer(page.encode(), np.uint8)
    out = np.empty(2 * len(data) + 64, np.uint8)
    scan(PAGES[0], data, out, open_noscript)
    return PAGES[0], data, out


def span(data, start, end):
    return data[start:end].tobytes().decode()


def by_kernel(page, open_noscript=False):
    """What the scanner found, in the twin's words."""
    made, data, out = scanned(page, open_noscript)
    state = made["state"]
    blocks = [
        (span(out, b[ht.START], b[ht.END]), *b[[ht.ELEMENT, ht.IN_PRE, ht.AT]].tolist(), {name: int(b[at]) for name, at in COUNTS.items()})
        for b in made["blocks"][: state[ht.NUM_BLOCKS]]
    ]
    elements = [
        (
            *(ht.TAGS[e[ht.TAG]], int(e[ht.PARENT]), int(e[ht.FIRST]), int(e[ht.LAST]), int(e[ht.DEPTH]), bool(e[ht.HIDDEN])),
            made["tokens"][e[ht.TOKENS] : e[ht.TOKENS_END]].tolist(),
            int(e[ht.SIGNATURE]),
        )
        for e in made["elements"][: state[ht.NUM_ELEMENTS]]
    ]
    images = [(span(data, *i[:2]), span(data, *i[2:4]), int(i[4])) for i in made["images"][: state[ht.NUM_IMAGES]]]
    title, lang, body = (span(data, state[at], state[at + 1]) for at in (ht.TITLE_AT, ht.LANG_AT, ht.BODY_AT))
    return blocks, elements, images, title, lang, int(state[ht.SIGNS]), int(state[ht.NESTING]), body


def by_twin(page, open_noscript=False):
    twin = Scanner(page, open_noscript)
    blocks = [(b.text, b.element, b.pre, b.at, b.counts) for b in twin.blocks]
    elements = [(e.tag, e.parent, e.first, e.last, e.depth, e.hidden, e.tokens, e.signature) for e in twin.elements]
    return blocks, elements, twin.images, twin.title, twin.lang, twin.signs, twin.nesting, twin.body


class Compiled:
    """One page in the kernels' hands."""

    def __init__(self, data, open_noscript):
        self.page, self.data, self.out = PAGES[0], np.frombuffer(data, np.uint8), np.empty(2 * len(data) + 64, np.uint8)
        scan(self.page, self.data, self.out, np.bool_(open_noscript))
        n = self.page["state"][ht.NUM_BLOCKS]
        self.made = np.empty((n, NUM_FEATURES + NUM_CONTEXT), np.float32)
        self.sums, self.above = np.zeros((NUM_SUMS, n + 1), np.int64), np.empty((n, NUM_ANCESTORS), np.int32)
        self.groups, self.sections = np.empty(n, np.int32), np.empty(n, np.int32)

    def features(self):
        model = load()
        self.count = features(self.page, self.data, self.out, model.scores, self.made, self.sums, self.above, self.groups, self.sections)
        return self.made[:, :NUM_FEATURES]

    def context(self, p):
        context(self.page, np.array(p), self.sums, self.above, self.groups, self.count, self.sections, self.made)
        return self.made[:, NUM_FEATURES:]

    def probabilities(self):
        """(p int64[blocks], of an article), as a batch of this page alone."""
        model, held = load(), held_of(len(self.data), WIDTH, NUM_KINDS)
        described(self.page, self.data, self.out, model.scores, 0, held)
        held.places[1, ROW] = len(self.made)
        return probabilities(self.page, held, np.empty(0, np.int32), 1, model), int(held.places[0, ARTICLE])


def differing(names, made, expected):
    """(block, name, kernel's, twin's) of all numbers that are not the same float32."""
    wanted = np.array([[row[name] for name in names] for row in expected], np.float32)
    return [(int(b), names[f], float(made[b, f]), float(wanted[b, f])) for b, f in np.argwhere(made != wanted)]


def agree(html, strictness=1.0, standfirst=False):
    """Raises AssertionError with what differs. Returns the twin's page."""
    data = html.encode()
    page, numbers, p, article, _, expected, keep, fallback = twin.decided(html, strictness, standfirst)
    found = main_text(data, load(), strictness=strictness, standfirst=standfirst)
    assert (found.blocks, found.fallback) == (page.n, fallback)
    if not page.n:
        return page
    kernel = Compiled(data, page.open_noscript)
    assert differing(NAMES, kernel.features(), numbers) == []
    made, p_article = kernel.probabilities()
    assert (made.tolist(), p_article) == (p, article)
    assert differing(NAMES_OF_CONTEXT, kernel.context(p), twin.context(page, p)) == []
    units = page.units(page.all)
    told = (expected / ONE, article / ONE, page.units(b for b in page.all if keep[b]) / units) if units else (None, None, None)
    assert (found.expected_f1, found.article, found.kept_share) == told
    texts = [block.text for block, kept in zip(page.blocks, keep, strict=True) if kept]
    assert squeezed(found.text) == squeezed("".join(texts))
    return page


def agree_on_all_text(html, markdown):
    """The same of all visible text, as plain lines or Markdown. Returns the letters."""
    found = main_text(html.encode(), load(), main_only=False, fall_back=False, markdown=markdown)
    blocks = by_twin(html)[0]
    assert found.blocks == len(blocks)
    assert letters(found.text) == letters("".join(text for text, *_ in blocks))
    return letters(found.text)


def agree_together(pages, **options):
    """The same of pages that are judged in one column as of each alone."""
    data = [page.encode() for page in pages]
    ends = np.cumsum([0, *map(len, data)])
    found = main_texts(np.frombuffer(b"".join(data), np.uint8), np.stack([ends[:-1], ends[1:]], axis=1), load(), **options)
    columns = columns_of(data, found, options.get("main_only", True), None)
    for row, page in enumerate(data):
        assert {name: column[row].as_py() for name, column in columns.items()} == main_text(page, load(), **options)._asdict()


SIGNS_OF_MARKDOWN = str.maketrans("", "", "-|#>`\\.0123456789")


def letters(text):
    """Without white space and what Markdown may add."""
    return "".join(text.split()).translate(SIGNS_OF_MARKDOWN)


def squeezed(text):
    """Without white space and the marks of list items."""
    return "".join(text.split()).replace("-", "")
