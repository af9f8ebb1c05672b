"""Pages for Hypothesis: of pieces that a scanner stumbles over, and of paragraphs, boxes and small print as articles are made of."""

from hypothesis import strategies as st

from curate.kernels import html_tables as ht

NAMES = st.sampled_from([*ht.TAGS[1:], "b", "SPAN", "x-y", "em", "Div", "P", "LI", "A"])
VALUES = st.sampled_from(
    [
        "a",
        "post-body mainContent",
        'x"y',
        "display: NONE",
        "true",
        "http://x/a.png",
        "data:x",
        "og:type",
        "article",
        "math/tex",
        "a>b",
        "Ünï x",
        "",
    ]
)
KEYS = st.sampled_from(
    [
        "class",
        "id",
        "CLASS",
        "role",
        "itemprop",
        "itemtype",
        "hidden",
        "aria-hidden",
        "style",
        "lang",
        "src",
        "data-src",
        "alt",
        "alttext",
        "type",
        "name",
        "property",
        "content",
        "href",
    ]
)
QUOTED = st.sampled_from(['{}="{}"', "{}='{}'", "{}={}", "{} = {}", "{}", '{}="{}', "={}", "{}=''{}"])
ATTRIBUTES = st.lists(st.builds(lambda form, key, value: " " + form.format(key, value), QUOTED, KEYS, VALUES), max_size=3).map("".join)
TAGS = st.builds(
    lambda a, n, b, c: a + n + b + c, st.sampled_from(["<", "</", "< "]), NAMES, ATTRIBUTES, st.sampled_from([">", "/>", " >", "", "\n>"])
)
TEXTS = st.one_of(
    st.sampled_from(
        [
            "word ",
            "One, two. ",
            " ",
            "\n",
            "\t",
            "42",
            "漢字かな。",
            "é",
            "\xa0",
            "\u200b",
            "\x00",
            "…",
            "a-b",
            "x&lt;y",
            "<",
            "&",
            "&#",
            "\r\n",
        ]
    ),
    st.sampled_from(
        [
            "&amp;",
            "&ampx",
            "&#8212;",
            "&#x80;",
            "&nbsp;",
            "&notit;",
            "&#0;",
            "&#1114112;",
            "&CounterClockwiseContourIntegral;",
            "&acE;",
            "&#x;",
        ]
    ),
    st.text(max_size=6).filter(lambda text: all(not 0xD800 <= ord(c) < 0xE000 for c in text)),
)
ODD = st.sampled_from(
    ["<!-- a -->", "<!-->", "<!--->", "<!-- a --!>", "<!-- ", "<!doctype html>", "<?x?>", "</>", "<script>if(a<b)</script>", "<title>T &amp; t</title>",
     '<script type="application/ld+json">{"@type": ["NewsArticle", "X"], "a": {"@type":"FAQPage"}}</script>', '<script type="math/tex">x<y^2</script>',
     '<math alttext="z"><annotation encoding="application/x-tex">a &lt; b</annotation></math>', "<pre>\n  x\n\n y </pre>", "<br><br>", "<br>",
     "<table><tr><td>a<td>b<tr><td>c</table>", '<script type="application/ld+json">{"articleBody": "A \\"B\\\\", "articleBody":"articleBody":"é',
     '<script type=application/ld+json>["articleBody" :\n"One\\u0020two"]</script>', '"}</script>', '{"articleBody":"',
     "<ul><li>a<li>b<ul><li>c</ul></ul>", '<meta property="og:type" content="article">', "<svg/>", "<noscript>n</noscript>", "<video a </video>",
     "<ruby>b<rt>c</ruby>",
     "<NoScript>m</NoScript>", "<TEMPLATE>t</TEMPLATE>",
     "<table><tr>", "<td>c<td>", '<meta name="article:published_time">']
)  # fmt: skip
MADE = st.lists(st.one_of(TAGS, TEXTS, ODD), max_size=30).map("".join)
"""Of awkward pieces: few words, much that is broken."""


def sampled(words):
    return st.sampled_from(words.split())


WORDS = sampled(
    """the of a morning, paper One two Three. four! five: read more Foto credit by comments Share 42 3.14 don't UPPER été Füße из 漢字かな。 中文 😀
    &amp; &eacute; “quoted”, (so). — x"""
)
SENTENCES = st.one_of(st.lists(WORDS, min_size=1, max_size=6), st.lists(WORDS, min_size=20, max_size=40)).map(" ".join)
CLASSES = st.sampled_from(
    [
        "",
        "content",
        "article-body",
        "sidebar nav",
        "post",
        "postMeta byline",
        "comment-list",
        "related share",
        "ad banner",
        "card item",
        "x y z",
    ]
)
INLINE = st.one_of(SENTENCES, SENTENCES, SENTENCES.map("<a href=x>{}</a>".format), st.just("<br>"), st.just('<img src=a alt="b">'))
BLOCKS = st.builds(
    lambda tag, name, parts: f'<{tag} class="{name}">{"".join(parts)}</{tag}>',
    sampled("p p p p h1 h2 h3 li li div td dd pre blockquote figcaption"),
    CLASSES,
    st.lists(INLINE, min_size=1, max_size=3),
)
BOX_TAGS = sampled("div div section article main nav aside header footer ul ol table tr td form blockquote pre figure")
BOXES = st.builds(
    lambda tag, name, more: f'<{tag} class="{name}"{more}>',
    BOX_TAGS,
    CLASSES,
    st.sampled_from(["", "", "", " hidden", " id=main", " role=main", ' itemprop="articleBody"']),
)
ENDS = BOX_TAGS.map("</{}>".format)
PARTS = st.lists(st.one_of(BLOCKS, BLOCKS, BLOCKS, BOXES, ENDS, TAGS, ODD), min_size=10, max_size=30).map("".join)
BODIES = st.lists(
    st.one_of(SENTENCES, st.sampled_from(["\\n", "\\u00e9", "\\ud83d\\ude00", "<p>", "&nbsp;", "<br/>", '\\"'])), max_size=4
).map(" ".join)
ARTICLES = st.builds(
    lambda title, body, parts: f'<title>{title}</title><script type="application/ld+json">{{"articleBody": "{body}"}}</script>{parts}',
    SENTENCES,
    BODIES,
    PARTS,
)
"""As articles are made: paragraphs of many words, boxes with class names that mean something, a title and a text in JSON-LD."""
