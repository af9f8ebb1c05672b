"""E-mail and IP addresses. The patterns are those of datatrove's formatter, which FineWeb used; boundaries around numbers are ours, IPv6 as well.

Addresses in other alphabets, and those written with letters that only look Latin (`jаne@mail.example` with a Cyrillic а, fullwidth `＠`), are found by the same
pattern over a shadow of the text: every letter that has case stands as `a`, fullwidth forms as what they are forms of. Letters without case (Han, kana, Hebrew,
Arabic) end an address, since such text has no blanks around it.
"""

import ipaddress
import re
import unicodedata
from functools import lru_cache

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)"
EMAIL_COMPAT = re.compile(
    rf"\b{_ATOM}(?:\.{_ATOM})*@(?:(?:{_LABEL}\.)+{_LABEL}|\[(?:{_OCTET}\.){{3}}(?:{_OCTET}|[A-Za-z0-9-]*[A-Za-z0-9]:)\])"
)
EMAIL = re.compile(EMAIL_COMPAT.pattern, re.ASCII)
HOST = re.compile(rf"@(?:{_LABEL}\.{_LABEL}|\[)", re.ASCII)
"""What an `@` of an e-mail address begins."""
QUAD = rf"(?:{_OCTET}\.){{3}}{_OCTET}"
IP_COMPAT = re.compile(QUAD)
IP = re.compile(rf"(?<![\w.]){QUAD}(?!\w|\.\w)", re.ASCII)
MAX_LOCAL, MAX_HOST = 256, 320
"""Characters before and after an `@` that can belong to an address; RFC 5321 allows 64 and 255."""


WIDE_SIGN = re.compile(rb"\xef(?:\xbc\xa0|\xb9\xab)")
"""The other signs that are read as `@`: U+FF20 and U+FE6B in UTF-8."""
_SIGN = re.compile(rb"@|" + WIDE_SIGN.pattern)


@lru_cache(maxsize=4096)
def _shadow(char: str) -> str:
    """One character as the patterns see it."""
    if char < "\x80":
        return char
    plain = unicodedata.normalize("NFKC", char)
    if len(plain) == 1 and plain < "\x80":
        return plain
    return "a" if char.lower() != char.upper() or unicodedata.category(char) == "Lm" else "\x00"


def disguised(data: bytes, at: int, skip: int) -> tuple[int, int] | None:
    """The address around the sign at byte `at` of UTF-8, letters of other alphabets taken for Latin ones; its first byte and its end.

    It begins at byte `skip` or later; what stands before only tells whether a word begins there.
    """
    other = _SIGN.search(data, at + 1)  # no host goes on behind another sign, so that a run of signs costs no more than it is long
    tail = data[at : other.start() if other else len(data)].decode("utf-8", "replace")
    if not HOST.match(behind := "".join(map(_shadow, tail))):
        return None
    first = next((i for i in range(min(4, at)) if data[i] & 0xC0 != 0x80), 0)
    head = data[first:at].decode("utf-8", "replace")
    shadow = "".join(map(_shadow, head)) + behind
    begin = len(data[first:skip].decode("utf-8", "replace")) if skip > first else 0
    match = next((one for one in EMAIL.finditer(shadow, begin) if one.start() < len(head) < one.end()), None)
    if match is None:
        return None
    return at - len(head[match.start() :].encode()), at + len(tail[: match.end() - len(head)].encode())


def is_public(address: str) -> bool:
    """Whether an IPv4 address is one of the public net; with a leading zero it is none."""
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def is_public6(groups: str) -> bool:
    """Whether groups with colons are an IPv6 address of the public net. A shortened one must begin with 2 or 3, the only range in use: `a::b` is more
    often code."""
    try:
        address = ipaddress.IPv6Address(groups)
    except ValueError:
        return False
    if groups.count(":") == 7 and "::" not in groups:
        return not (address.is_private or address.is_link_local or address.is_multicast)
    return address.is_global and address in _IN_USE


_IN_USE = ipaddress.IPv6Network("2000::/3")
