"""Bytes of a page to text: which charset, and how many characters it could not explain.

Order, after the WHATWG encoding standard and HTML §13.2.3 with two departures that real pages ask for: bytes that are valid UTF-8 are
UTF-8 whatever the page declares (a false label is far more common than another charset that happens to be valid UTF-8), and a declared
charset that explains the bytes badly gives way to the next candidate. So does windows-1252, which is what a declared ISO-8859-1 means and what many
servers declare for all that they send, where the bytes form no words of Latin letters and another candidate explains them. Candidates: byte order
mark, HTTP header, `<meta>` prescan of the first 16 KiB, the detector of resiliparse (uchardet), windows-1252. Nothing here raises on any bytes.
Misses: charsets outside the WHATWG table (UTF-7, UTF-32, EBCDIC), HZ, declarations after the first 16 KiB.
Price: about 1 GB/s for UTF-8, 20–100 MB/s where something must be detected.
"""

import codecs
import re
from functools import lru_cache
from typing import NamedTuple

PRESCAN_BYTES = 16_384
"""How far a declaration is looked for. The standard's prescan reads 1,024 bytes, but its parser honours a later `<meta>` by starting
again."""
WIDE_BYTES = 1024
"""How much is looked at for the NUL pattern of UTF-16."""
GOOD_SHARE = 0.001
"""A candidate that leaves at most this share of replacement characters is taken at once."""

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# What browsers mean by a label is often a superset of what Python's codec of that name knows.
_SUPERSETS = {
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "ascii": "cp1252",
}
_LATIN = frozenset(["cp1250", "cp1252", "cp1254", "cp1257", "cp1258", *(f"iso8859-{n}" for n in (2, 3, 4, 9, 10, 13, 14, 15, 16))])
_OF_THE_WEB = frozenset([*_SUPERSETS.values(), "mac-cyrillic"])
"""Codecs of the WHATWG table under names that it has not; of the others that uchardet knows, those of DOS, the web has no pages."""
_BEYOND, _RUNS = re.compile(rb"[\xa1-\xff]"), re.compile(rb"[\xa1-\xff]{3,}")
MIN_LETTERS = 24
"""Bytes beyond ASCII from which on it can be told that they are no Latin letters: those stand alone or in pairs, between others that are ASCII."""
_SPACE = b"\t\n\x0c\r "
_HEADER = re.compile(r"""charset\s*=\s*["']?\s*([^\s"';,]+)""", re.IGNORECASE)


class Decoded(NamedTuple):
    """Text, the charset that made it, what named that charset (bom, utf-8, header, meta, detected, fallback), and U+FFFD put in."""

    text: str
    charset: str
    basis: str
    bad: int


def decode(raw: bytes, content_type: str | None = None) -> Decoded:
    """The text of `raw`, given the Content-Type header if there was one. Never raises."""
    found = plain(raw)
    if found is not None:
        return found
    for mark, name in _BOMS:
        if raw.startswith(mark):
            return _decoded(raw[len(mark) :], name, "bom")
    return _best(raw, label_of_header(content_type))


def plain(raw: bytes) -> Decoded | None:
    """The text of bytes that are UTF-8 whatever is said of them; None where more must be known."""
    if raw.startswith(codecs.BOM_UTF8) or b"\x1b" in raw or _has_nul(raw):  # ISO-2022-JP is seven-bit: valid as UTF-8, and wrong
        return None
    try:
        return Decoded(raw.decode(), "utf-8", "utf-8", 0)
    except UnicodeDecodeError:  # among them the byte order marks of UTF-16
        return None


def _best(raw: bytes, header: str | None) -> Decoded:
    """The first candidate that explains the bytes well, else the one that explains them best (the earlier one wins a tie)."""
    found: list[Decoded] = []
    beyond = 0  # bytes beyond ASCII, once they cast doubt on what was declared
    for basis in ("wide", "header", "meta", "escape", "detected", "fallback"):
        name = _candidate(raw, header, basis)
        if name is None or any(name == earlier.charset for earlier in found):
            continue
        decoded = _decoded(raw, name, basis)
        if name == "cp1252" and basis in ("header", "meta"):
            beyond = _not_latin(raw)
        doubtful = beyond and (name in _LATIN or 10 * decoded.bad > beyond)
        if _explains(decoded) and not doubtful:
            return decoded
        found.append(decoded)
    return min(found, key=lambda d: d.bad / max(1, len(d.text)))


def _explains(decoded: Decoded) -> bool:
    """Whether little of a text is bad: of all its characters, or of UTF-8 those that are not ASCII, since other charsets hardly ever look like them."""
    if decoded.bad <= GOOD_SHARE * len(decoded.text):
        return True
    text = decoded.text
    return decoded.charset == "utf-8" and 10 * decoded.bad <= len(text) - len(text.encode("ascii", "ignore")) - text.count("\ufffd")


def _candidate(raw: bytes, header: str | None, basis: str) -> str | None:
    if basis == "wide":
        return _wide(raw)
    if basis == "header":
        return codec(header)
    if basis == "meta":
        return codec(prescan(raw))
    if basis == "escape":  # an escape byte, but nobody declared ISO-2022-JP
        return "utf-8" if b"\x1b" in raw and header is None and not _SHIFTS.search(raw) else None
    if basis == "detected":
        name = _known(_detector()(raw, html5_compatible=False) or "utf-8")  # its map to the WHATWG table makes UTF-8 of Korean
        return name if name in _OF_THE_WEB else codec(name)
    return "cp1252"


def _not_latin(raw: bytes) -> int:
    """Bytes beyond ASCII, if most of them stand in runs, as those of Cyrillic, Greek, Korean do; else 0. Rows of one sign, such as `»»»`, are no such
    run."""
    beyond = len(_BEYOND.findall(raw))
    in_runs = sum(len(run) for run in _RUNS.findall(raw) if len(set(run)) > 1) if beyond >= MIN_LETTERS else 0
    return beyond if 2 * in_runs > beyond else 0


def _decoded(raw: bytes, name: str, basis: str) -> Decoded:
    text = raw.decode(name, "replace")
    bad = text.count("\ufffd")
    if bad and name == "utf-8":
        bad = max(0, bad - raw.count(b"\xef\xbf\xbd"))  # the page's own U+FFFD are not our failure
    return Decoded(text, name, basis, bad)


def controls(decoded: Decoded) -> int:
    """Control characters that no text has, beside white space and the escapes of ISO 2022. Not looked for in what was valid UTF-8 from the start:
    archives, images and programs never are."""
    if decoded.basis == "utf-8":
        return 0
    written = decoded.text.encode("utf-8", "replace")
    return len(written) - len(written.translate(None, _CONTROLS))


_CONTROLS = bytes(code for code in range(32) if code not in (*_SPACE, 0x0B, 0x0E, 0x0F, 0x1A, 0x1B))


_SHIFTS = re.compile(rb"\x1b\$[@B]")
"""What opens Japanese in ISO-2022-JP."""


def _has_nul(raw: bytes) -> bool:
    return b"\x00" in raw[:WIDE_BYTES]


def _wide(raw: bytes) -> str | None:
    """UTF-16 without a byte order mark: nearly every second byte of markup is NUL, always on the same side."""
    head = raw[:WIDE_BYTES]
    half = max(1, len(head) // 2)
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > 0.7 * half and even < 0.1 * half:
        return "utf-16-le"
    if even > 0.7 * half and odd < 0.1 * half:
        return "utf-16-be"
    return None


@lru_cache(maxsize=1)
def _detector():  # type: ignore[no-untyped-def]
    from resiliparse.parse.encoding import detect_encoding

    return detect_encoding


@lru_cache(maxsize=1024)
def codec(label: str | None) -> str | None:
    """The Python codec for a charset label of the web, or None where the WHATWG table does not know it."""
    if not label:
        return None
    from resiliparse.parse.encoding import map_encoding_to_html5

    name = map_encoding_to_html5(label.strip().lower(), fallback_utf8=False)
    if not name:
        return None
    return _known(name)


def _known(name: str) -> str | None:
    """The name of the codec that browsers would take for a codec of Python's; None where it has none."""
    try:
        name = codecs.lookup(name).name
        return codecs.lookup(_SUPERSETS.get(name, name)).name
    except LookupError:
        return None


def label_of_header(content_type: str | None) -> str | None:
    """The charset parameter of a Content-Type header."""
    found = _HEADER.search(content_type) if content_type else None
    return found.group(1) if found else None


def prescan(raw: bytes) -> str | None:
    """The charset label that a `<meta>` in the first PRESCAN_BYTES declares (HTML standard, "prescan a byte stream"). UTF-16 means
    UTF-8."""
    head = raw[:PRESCAN_BYTES]
    at, last = 0, head.lower().rfind(b"charset")  # after it nothing declares one
    while 0 <= (at := head.find(b"<", at)) < last:
        rest = head[at : at + 6].lower()
        if rest.startswith(b"<!--"):
            end = head.find(b"-->", at + 2)
            at = end + 3 if end >= 0 else len(head)
        elif rest[:5] == b"<meta" and rest[5:6] in (b"\t", b"\n", b"\x0c", b"\r", b" ", b"/"):
            label, at = _meta(head, at + 5)
            if label is not None:
                return _meant(label)
        elif rest[1:2].isalpha() or (rest[1:2] == b"/" and rest[2:3].isalpha()):
            at = _past_tag(head, at)
        elif rest[1:2] in (b"!", b"/", b"?"):
            end = head.find(b">", at)
            at = end + 1 if end >= 0 else len(head)
        else:
            at += 1
    return None


def _meant(label: str) -> str:
    lower = label.strip().lower()
    if lower.startswith(("utf-16", "utf16")):
        return "utf-8"  # a declaration that one could read as ASCII cannot be in UTF-16
    return "windows-1252" if lower == "x-user-defined" else label


def _past_tag(head: bytes, at: int) -> int:
    end = head.find(b">", at)
    if end >= 0 and head.find(b'"', at, end) < 0 and head.find(b"'", at, end) < 0:
        return end + 1
    while at < len(head) and head[at] not in b"\t\n\x0c\r >":
        at += 1
    while True:
        name, _, at = _attribute(head, at)
        if not name:
            return max(at, 1)


def _meta(head: bytes, at: int) -> tuple[str | None, int]:
    """The label that one `<meta` tag declares, or None, and where reading goes on."""
    seen: set[bytes] = set()
    pragma, needs_pragma, label = False, None, None
    while True:
        name, value, at = _attribute(head, at)
        if not name:
            break
        if name in seen:
            continue
        seen.add(name)
        if name == b"http-equiv":
            pragma = pragma or value == b"content-type"
        elif name == b"content" and label is None:
            label = _of_content(value)
            needs_pragma = needs_pragma if label is None else True
        elif name == b"charset":
            label, needs_pragma = value.decode("latin-1").strip(), False
    if at > len(head):  # the bytes end inside the tag
        return None, at
    if needs_pragma is None or (needs_pragma and not pragma) or codec(_meant(label or "")) is None:
        return None, at
    return label, at


def _of_content(value: bytes) -> str | None:
    """The charset in the `content` of a `http-equiv` meta."""
    found = re.search(rb"charset[\t\n\x0c\r ]*=[\t\n\x0c\r ]*(?:\"([^\"]*)\"|'([^']*)'|([^\"'\t\n\x0c\r ;][^\t\n\x0c\r ;]*))", value)
    if not found:
        return None
    return next(group for group in found.groups() if group is not None).decode("latin-1")


def _attribute(head: bytes, at: int) -> tuple[bytes, bytes, int]:
    """One attribute (name and value in lower case) and the position after it; an empty name at the end of the tag."""
    end = len(head)
    while at < end and head[at] in b"\t\n\x0c\r /":
        at += 1
    if at >= end or head[at] == 0x3E:
        return b"", b"", at + 1
    start = at
    while at < end and (head[at] not in b"=\t\n\x0c\r />" or (head[at] == 0x3D and at == start)):
        at += 1
    name = head[start:at].lower()
    while at < end and head[at] in _SPACE:
        at += 1
    if at >= end or head[at] != 0x3D:
        return name, b"", at
    at += 1
    while at < end and head[at] in _SPACE:
        at += 1
    if at < end and head[at] in b"\"'":
        close = head.find(head[at : at + 1], at + 1)
        if close < 0:
            return b"", b"", end + 1
        return name, head[at + 1 : close].lower(), close + 1
    start = at
    while at < end and head[at] not in b"\t\n\x0c\r >":
        at += 1
    return (name, head[start:at].lower(), at) if at < end else (b"", b"", end + 1)
