"""What the page scanner knows before it sees a page: tag names, classes of bytes, character references, places in its arrays.

Tag names and references are found by their FNV-1a hash in open-addressed tables. Names and references: HTML Living Standard, sections 4
and 13.5, through Python's `html.entities`; numeric references as in section 13.2.5.80 (windows-1252 for 0x80–0x9F).
"""

from html.entities import html5

import numpy as np


def _words(text: str) -> list[str]:
    return text.split()


BLOCK_TAGS = _words(
    """html head body div p h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table caption thead tbody tfoot tr td th section article main aside header
    footer nav form fieldset legend figure figcaption blockquote pre address details summary center menu dir dialog hgroup search button"""
)
RAW_TAGS = _words("title script style noscript template svg iframe textarea select object audio video canvas noframes datalist")
OTHER_TAGS = _words("hr br a img math meta rt rp")
TAGS = ("", "-", *BLOCK_TAGS, *RAW_TAGS, *OTHER_TAGS)
"""Tag names by id; 0 is any other inline tag, 1 any other name with a dash (a custom element, which breaks text)."""
ID = {name: at for at, name in enumerate(TAGS)}
INLINE, BLOCK, RAW, SPECIAL = 0, 1, 2, 3
CUSTOM, HTML, BODY, P, H1, H6 = 1, ID["html"], ID["body"], ID["p"], ID["h1"], ID["h6"]
UL, OL, LI, DL, DT, DD, MENU = (ID[t] for t in _words("ul ol li dl dt dd menu"))
TABLE, CAPTION, THEAD, TBODY, TFOOT, TR, TD, TH = (ID[t] for t in _words("table caption thead tbody tfoot tr td th"))
PRE, BLOCKQUOTE, BUTTON, DIV, ARTICLE, FIGCAPTION = (ID[t] for t in _words("pre blockquote button div article figcaption"))
TITLE, SCRIPT, STYLE, NOSCRIPT, TEMPLATE, TEXTAREA = (ID[t] for t in _words("title script style noscript template textarea"))
HR, BR, A, IMG, MATH, META, RT, RP = (ID[t] for t in OTHER_TAGS)
TAG_SLOTS = 1024

# columns of a block
START, END, ELEMENT, UNITS, LINK_UNITS, COMMAS, ENDERS, DIGITS, CAPITALS, LETTERS, LINKS, BREAKS, IN_PRE, AT = range(14)
BLOCK_COLUMNS = 14
# columns of an element
TAG, PARENT, FIRST, LAST, TOKENS, TOKENS_END, DEPTH, HIDDEN, SIGNATURE = range(9)
ELEMENT_COLUMNS = 9
# columns of an image: two spans of the page, and the block that comes after it
SRC, SRC_END, ALT, ALT_END, BEFORE = range(5)
IMAGE_COLUMNS = 5
# numbers that the scanner keeps while it reads and leaves behind
(
    OUT,
    NUM_BLOCKS,
    NUM_ELEMENTS,
    NUM_TOKENS,
    NUM_IMAGES,
    SIZE,
    OVER,
    LINK,
    SPACE,
    WORD,
    BROKE,
    PRES,
    TITLE_AT,
    TITLE_TO,
    LANG_AT,
    LANG_TO,
) = range(16)
NO_QUOTE, NO_COMMENT, SELF_CLOSED, OPEN_NOSCRIPT, VALUE_AT, VALUE_TO, OPEN = 16, 18, 19, 20, 21, 22, 23
KEY, SIGNS, BOXES, NESTING, BYTES, BODY_AT, BODY_TO = range(24, 31)
STATE = 31
MAX_STACK = 512
WORD_UNITS, CJK_UNITS = 5, 3
"""A word counts as five units, a CJK character as three: .6 of a word."""
MAX_TOKENS = 16
MAX_REFERENCE = 32

# what a page says of its own kind: bits of SIGNS
SIGN_WORDS = {
    "og_article": "article blog news newsarticle",
    "og_website": "website",
    "og_product": "product og:product product.item",
    "published": "article:published_time",
    "ld_article": "Article NewsArticle BlogPosting ReportageNewsArticle AnalysisNewsArticle OpinionNewsArticle Report Blog",
    "ld_document": "TechArticle APIReference ScholarlyArticle HowTo Recipe Course Book",
    "ld_product": "Product Offer AggregateOffer ProductGroup",
    "ld_forum": "DiscussionForumPosting QAPage Question Answer Comment",
    "ld_list": "ItemList CollectionPage SearchResultsPage OfferCatalog",
    "ld_faq": "FAQPage",
    "ld_service": "Service LocalBusiness ProfessionalService Store Restaurant SoftwareApplication",
    "ld_page": "WebPage WebSite AboutPage ContactPage",
}
"""og:type, article:published_time and the types of JSON-LD, by the sign that they are; a word of the first three is a value of og:type."""

# classes of bytes
OTHER, LOWER, UPPER, DIGIT, WHITE, COMMA, ENDER, AMPERSAND, LESS, LEAD, CONTROL = range(11)


def fnv(data: bytes) -> int:
    """FNV-1a, 64 bits."""
    key = 14695981039346656037
    for byte in data:
        key = ((key ^ byte) * 1099511628211) & 0xFFFFFFFFFFFFFFFF
    return key


def _classes() -> np.ndarray:
    found = np.zeros(256, np.uint8)
    found[:32], found[128:] = CONTROL, LEAD
    for members, kind in (
        (b"abcdefghijklmnopqrstuvwxyz", LOWER),
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", UPPER),
        (b"0123456789", DIGIT),
        (b"\t\n\x0b\x0c\r ", WHITE),
        (b",", COMMA),
        (b".!?", ENDER),
        (b"&", AMPERSAND),
        (b"<", LESS),
    ):
        found[list(members)] = kind
    return found


def _open_addressed(names: list[bytes], slots: int) -> tuple[np.ndarray, np.ndarray]:
    """keys uint64[slots] (0 is empty) and the index of the name at each."""
    keys, index = np.zeros(slots, np.uint64), np.full(slots, -1, np.int32)
    for at, name in enumerate(names):
        key = fnv(name)
        slot = key & (slots - 1)
        while keys[slot]:
            slot = (slot + 1) & (slots - 1)
        keys[slot], index[slot] = key, at
    return keys, index


def _references() -> tuple[np.ndarray, ...]:
    """keys uint64[8192], at and to int32[8192] (span of what the name means), and the bytes of all meanings."""
    names = sorted(html5)
    keys, index = _open_addressed([n.encode() for n in names], 8192)
    meanings = [html5[n].encode() for n in names]
    ends = np.cumsum([0] + [len(m) for m in meanings]).astype(np.int32)
    at = np.maximum(index, 0)
    return keys, ends[at], ends[at + 1], np.frombuffer(b"".join(meanings), np.uint8).copy()


def _kinds() -> np.ndarray:
    kinds = np.zeros(len(TAGS), np.uint8)
    for names, kind in ((BLOCK_TAGS, BLOCK), (RAW_TAGS, RAW), (OTHER_TAGS, SPECIAL)):
        kinds[[ID[name] for name in names]] = kind
    kinds[CUSTOM] = BLOCK
    return kinds


def _windows() -> np.ndarray:
    """int32[32]: what numeric references 0x80 to 0x9F mean."""
    codes = [ord(bytes([b]).decode("cp1252", "replace")) for b in range(0x80, 0xA0)]
    return np.array([0x80 + at if code == 0xFFFD else code for at, code in enumerate(codes)], np.int32)


def _signs() -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the words of SIGN_WORDS, and the bit of each."""
    found = [(fnv(word.encode()), 1 << at) for at, words in enumerate(SIGN_WORDS.values()) for word in words.split()]
    return np.array([key for key, _ in found], np.uint64), np.array([bit for _, bit in found], np.int64)


def _in_tag() -> np.ndarray:
    found = np.zeros(256, np.uint8)
    found[list(b"\t\n\x0b\x0c\r /")] = BETWEEN
    found[list(b">=")] = ENDS_NAME
    return found


SIGN_KEYS, SIGN_BITS = _signs()
CLASSES = _classes()
BETWEEN, ENDS_NAME = 1, 2
IN_TAG = _in_tag()
"""Bytes in a tag: what stands between attributes, what ends the name of one, and 0 for all that goes on with a name."""
KINDS = _kinds()
TAG_KEYS, _index = _open_addressed([t.encode() for t in TAGS], TAG_SLOTS)
TAG_IDS = np.maximum(_index, 0).astype(np.int32)
NAMES = np.frombuffer("".join(TAGS).encode(), np.uint8).copy()
NAME_ENDS = np.cumsum([0] + [len(t) for t in TAGS]).astype(np.int32)
ENTITY_KEYS, ENTITY_AT, ENTITY_TO, ENTITY_BYTES = _references()
CP1252 = _windows()

MAX_BLOCKS, MAX_ELEMENTS, MAX_PAGE_TOKENS, MAX_IMAGES = 1 << 16, 1 << 16, 1 << 18, 512
SCANNED = np.dtype(
    [
        ("state", np.int64, (STATE,)),
        ("stack", np.int32, (MAX_STACK, 2)),
        ("opened", np.int32, (len(TAGS),)),
        ("lost", np.int32, (len(TAGS),)),
        ("images", np.int32, (MAX_IMAGES, IMAGE_COLUMNS)),
        ("blocks", np.int32, (MAX_BLOCKS, BLOCK_COLUMNS)),
        ("elements", np.int32, (MAX_ELEMENTS, ELEMENT_COLUMNS)),
        ("tokens", np.uint16, (MAX_PAGE_TOKENS,)),
    ]
)
"""What the scanner makes of a page, and what it remembers meanwhile: stack of (element, tag), how many of each tag are on it, tags whose
end is not to come. One record, 6.6 MB, is used for page after page; it enters kernels as one pointer."""
