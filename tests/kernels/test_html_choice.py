"""Which blocks stay: whatever a model says of them, the kernel and its slow twin choose the same, and what is known of text without a model holds."""

import naive_html_choice as twin
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_html_features import Page
from page_twins import scanned

from curate.kernels import html_tables as ht
from curate.kernels.html_choice import decided
from curate.kernels.html_emit import PLACE_COLUMNS, places

SENTENCE = "The tide came in over the flats before anyone had seen it, and the boats rose. "
POINTERS = [
    "Read more: <a>The boats of the bay</a>",
    "<a>Lea también: Los barcos de la bahía</a>",
    "» À lire aussi » <a>Les bateaux de la baie</a>",
    "[Related → <a>Boats, tides and bays</a>]",
    "相关阅读：<a>海湾里的船</a>",
]
TEXTS = [
    *POINTERS,
    SENTENCE,
    SENTENCE * 2,
    SENTENCE * 6,
    "Photo: " + SENTENCE,
    "Short.",
    f"<a>{SENTENCE}</a>",
    "More",
    "Read the whole of more words: <a>The boats</a>",
    "",
]
WRITTEN = ["<p>{}</p>"] * 4 + [
    "<h1>{}</h1>",
    "<h2>{}</h2>",
    "<li>{}</li>",
    "<div><p>{}</div>",
    "<blockquote><p>{}</blockquote>",
    "<pre>{}</pre>",
    "<figcaption>{}</figcaption>",
    "<table><tr><td>{}<td>cell</table>",
]
PIECES = st.lists(st.builds(str.format, st.sampled_from(WRITTEN), st.sampled_from(TEXTS)), min_size=1, max_size=14).map("".join)
CHANCES = st.lists(st.sampled_from([0, 200, 900, 1500, 4000, 6000, 9800]), min_size=40, max_size=40)


def chosen(page, p, article=9000, threshold=4800, standfirst=False):
    """By the kernel; p is cut to the blocks of the page."""
    made, _, out = scanned(page)
    n = made["state"][ht.NUM_BLOCKS]
    units = np.concatenate([[0], np.cumsum(made["blocks"][:n, ht.UNITS], dtype=np.int64)])
    place, keep = np.empty((made["state"][ht.NUM_ELEMENTS], PLACE_COLUMNS), np.int32), np.zeros(n, np.bool_)
    places(made, units, place)
    decided(made, out, np.resize(np.array(p), n), article, threshold, units, place, standfirst, keep)
    return keep.tolist()


@settings(max_examples=150)
@given(PIECES, CHANCES, st.sampled_from([0, 4000, 9000]), st.sampled_from([3000, 4800]), st.booleans())
def test_as_the_slow_twin(page, p, article, threshold, standfirst):
    slow = Page(page, np.zeros(65536, np.float32))
    p = np.resize(np.array(p), slow.n).tolist()
    assert chosen(page, p, article, threshold, standfirst) == twin.chosen(slow, p, article, threshold, standfirst)


@pytest.mark.parametrize("pointer", POINTERS)
def test_what_points_to_another_article_goes(pointer):
    assert chosen(f"<p>{SENTENCE}<p>{pointer}<p>{SENTENCE}", [9900]) == [True, False, True]


@pytest.mark.parametrize(
    "text",
    [
        "Read more: it says so in the book.",
        "<a>Read more of this</a>",
        "More people than ever were there: <a>sixty</a>",
        f"Read more: <a>{SENTENCE * 3}</a>",
        "<code>x</code>: <a>the boats of the bay</a>",
    ],
)
def test_other_text_with_a_link_or_a_colon_stays(text):
    assert chosen(f"<p>{SENTENCE}<p>{text}<p>{SENTENCE}", [9900]) == [True, True, True]


def test_the_body_of_an_article_stays_whole_where_much_of_it_would_go():
    """The last paragraphs of a long article, of which the model is less and less sure; one call to act of ten goes."""
    paragraph = f"<p>{SENTENCE * 2}</p>"
    assert chosen(f"<div>{paragraph * 10}</div>", [9000] * 6 + [2500] * 4) == [True] * 10
    assert chosen(f"<div>{paragraph * 10}</div>", [9000] * 6 + [2500] * 4, article=4000) == [True] * 6 + [False] * 4
    assert chosen(f"<div>{paragraph * 10}</div>", [9000] * 9 + [2500]) == [True] * 9 + [False]
    assert chosen(f"<div>{paragraph * 6}</div><div>{paragraph * 4}</div>", [9000] * 6 + [2500] * 4) == [True] * 6 + [False] * 4


def test_a_standfirst_stays_by_option():
    page = f"<p>{SENTENCE * 2}</p><h1>The bay</h1><p>{SENTENCE * 2}</p><p>Photo: {SENTENCE * 2}</p><p>{SENTENCE * 4}</p>"
    assert chosen(page, [900, 900, 900, 900, 9000]) == [False, False, False, False, True]
    assert chosen(page, [900, 900, 900, 900, 9000], standfirst=True) == [False, False, True, False, True]
