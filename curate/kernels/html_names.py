"""The names of the features of a block, where each group of them stands, and three small measures that all of them use."""

import numpy as np

from curate.kernels import html_tables as ht
from curate.kernels.compiled import njit
from curate.kernels.html_elements import INHERITED, NAMES_OF_INHERITED
from curate.kernels.html_openings import OPENINGS


def _words(text):
    return text.split()


LONG_UNITS = 100
"""A long paragraph has 20 words, and under 30 % of them in links."""
SHORT_UNITS = 200
"""Only blocks of up to 40 words are compared with the title."""
NUM_ANCESTORS = 3

_OWN = _words("""units chars_per_unit link_density links commas enders ends_sentence ends_colon digits capitals letters begins_lower begins_other breaks
tag heading is_paragraph is_item is_cell is_pre repeats earlier_repeats title_share title_cover bytes_per_unit body_share""") + [
    f"opens_{name}" for name in OPENINGS
]
_PLACE = _words("""index index_share units_before_share blocks_to_h1 blocks_from_heading last_heading blocks_from_long blocks_to_long depth
units_from_h1 section_units section_links section_long byte_share h1s_seen articles_seen""") + [f"heading_{name}" for name in OPENINGS]
_NEAR = _words("units link_density long alike sibling heading")
_WINDOW = _words("units link_density long_share enders")
_ABOVE = _words("units link_density blocks page_share long_share enders class tag")
_CANDIDATE = _words("in_top top_share parent_share top_distance")
_GROUP = _words("size units link_density long_share page_share earlier from_first span density")
_PAGE = _words("""units blocks link_density long_units long_blocks long_share images bytes_per_unit headings items
articles h1s body_runs body_found""") + [f"page_{name}" for name in ht.SIGN_WORDS]
NEAR, WINDOWS = (-2, -1, 1, 2), (4, 12)
NAMES = [
    *_OWN,
    *_PLACE,
    *NAMES_OF_INHERITED,
    *(f"near{at:+d}_{name}" for at in NEAR for name in _NEAR),
    *(f"within{at}_{name}" for at in WINDOWS for name in _WINDOW),
    *(f"above{at}_{name}" for at in range(1, NUM_ANCESTORS + 1) for name in _ABOVE),
    *_CANDIDATE,
    *(f"group_{name}" for name in _GROUP),
    *(name if name.startswith("page_") else f"page_{name}" for name in _PAGE),
]
"""The features of a block, in their order."""
PLACE_AT = len(_OWN)
OPENS_AT = PLACE_AT - len(OPENINGS)
BODY_SHARE = OPENS_AT - 1
INHERITED_AT = PLACE_AT + len(_PLACE)
HEADING_AT = INHERITED_AT - len(OPENINGS)
NEAR_AT = INHERITED_AT + INHERITED
WINDOW_AT = NEAR_AT + 4 * len(_NEAR)
ABOVE_AT = WINDOW_AT + 2 * len(_WINDOW)
CANDIDATE_AT = ABOVE_AT + NUM_ANCESTORS * len(_ABOVE)
GROUP_AT = CANDIDATE_AT + len(_CANDIDATE)
PAGE_AT = GROUP_AT + len(_GROUP)
NUM_FEATURES = PAGE_AT + len(_PAGE)
# rows of the prefix sums
S_UNITS, S_LINK, S_LONG, S_ENDERS, S_LONGS, S_HEADINGS, S_ITEMS = range(7)
NUM_SUMS = 7


@njit(nogil=True, cache=True)
def is_long(block):
    return block[ht.UNITS] >= LONG_UNITS and 10 * block[ht.LINK_UNITS] < 3 * block[ht.UNITS]


@njit(nogil=True, cache=True)
def ratio(a, b):
    """a / b as float32, 0 where b is 0."""
    return np.float32(np.float64(a) / np.float64(b)) if b != 0 else np.float32(0)


@njit(nogil=True, cache=True)
def is_heading(tag):
    return tag >= ht.H1 and tag <= ht.H6
