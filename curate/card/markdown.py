"""Text of strangers in a Markdown page, and numbers for people.

A domain, a licence or a URL comes from the crawl and may hold anything: pipes that break a table, HTML, links, controls that turn the
reading direction. Every such character becomes a numeric character reference, which CommonMark (section 2.5) never reads as structure: it
shows as itself and does nothing.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

SAFE = re.compile(r"[A-Za-z0-9 ,;/()+%=.:-]")
INSIDE_WORD = re.compile(r"(?<=[A-Za-z0-9])&#95;(?=[A-Za-z0-9])")
MAX_CHARS = 200
"""A longer value is cut in a table."""
HIDDEN = frozenset(["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"])
"""Unicode categories whose characters do not show, or change how others show."""


def visible(text: str, keep: str = "") -> str:
    """The text with characters that do not show written out (`\\n`, `\\x1b`, `\\u202e`), except those in `keep`."""
    return "".join(_shown(char) if char not in keep and unicodedata.category(char) in HIDDEN else char for char in text)


def _shown(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def cell(value: Any) -> str:
    """A value as a table's cell or a line of text: it shows as it is and can be nothing else. None is an en dash."""
    if value is None:
        return "–"
    text = visible(str(value))
    text = text if len(text) <= MAX_CHARS else text[: MAX_CHARS - 1] + "…"
    escaped = "".join(char if SAFE.match(char) or (not char.isascii() and char.isprintable()) else f"&#{ord(char)};" for char in text)
    escaped = INSIDE_WORD.sub("_", escaped)  # underscores inside a word are no emphasis, and names are full of them
    # GitHub makes links of what looks like an address
    return re.sub(r"(?i)www\.", lambda m: m.group()[:3] + "&#46;", escaped.replace("://", "&#58;//"))


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], numbers_from: int = 1) -> str:
    """A GFM table; columns from `numbers_from` on are set right. Text is escaped by `cell`, `Raw` is taken as it is."""
    rule = ["---" if i < numbers_from else "---:" for i in range(len(head))]
    lines = [head, rule, *([one if isinstance(one, Raw) else cell(one) for one in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


class Raw(str):
    """Markdown of our own, not to be escaped."""


def fenced(text: str, language: str = "") -> str:
    """A code block whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{visible(text.rstrip(chr(10)), keep=chr(10))}\n{fence}"


def number(count: int | None) -> Raw:
    """`1,234,567`."""
    return Raw("–" if count is None else f"{count:,}")


def size(count: int) -> Raw:
    """Bytes in decimal units, three figures: `12.3 MB`."""
    amount, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB", "PB"):
        if amount < 999.5 or unit == "PB":
            break
        amount /= 1000
    return Raw(f"{count} B" if unit == "B" else f"{amount:.3g} {unit}")


def share(part: int, whole: int) -> Raw:
    """`12.3 %`; an en dash of nothing."""
    return Raw(f"{100 * part / whole:.1f} %" if whole else "–")
