"""Bytes to text without ever raising: byte-order mark, then the declared charset, else UTF-8; what does not fit becomes U+FFFD.

Charset labels follow the WHATWG Encoding Standard where it widens them (latin-1 and ASCII are read as windows-1252, gbk as
gb18030). Labels outside that list, among them Python's odd ones (`punycode`, `unicode_escape`, `utf-7`), count as undeclared.
Misses: undeclared legacy code pages; guessing them is the business of `markup` and `unicode`, which see the language.
"""

import codecs
import re

_WIDENED = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
_WIDENED |= {"iso8859-9": "cp1254", "tis-620": "cp874", "iso8859-11": "cp874", "utf-16": "utf-16-le"}
_KNOWN = frozenset(
    [
        "utf-8",
        "utf-16-le",
        "utf-16-be",
        "koi8-r",
        "koi8-u",
        "gb18030",
        "big5hkscs",
        "euc_jp",
        "iso2022_jp",
        "cp932",
        "cp949",
        "cp866",
        "cp874",
        "mac-roman",
    ]
    + [f"cp125{n}" for n in range(9)]
    + [f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)]
)
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_.:\-]+)""", re.IGNORECASE)


def charset(content_type: str | None) -> str | None:
    """The charset parameter of a content type, as written."""
    found = _CHARSET.search(content_type or "")
    return found.group(1) if found else None


def codec(label: str | None) -> str | None:
    """The Python codec for a charset label, or None where it is none that the web uses."""
    if not label:
        return None
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    name = _WIDENED.get(name, name)
    return name if name in _KNOWN else None


def decoded(data: bytes, label: str | None = None) -> str:
    """The text of `data`; a byte-order mark wins over the label and is dropped."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    return data.decode(codec(label) or "utf-8", "replace")


def utf8_safe(text: str) -> str:
    """The text with lone surrogates, which UTF-8 cannot hold, as U+FFFD; surrogate pairs are joined."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
