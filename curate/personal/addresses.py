"""E-mail and IP addresses. The patterns are those of datatrove's formatter, which FineWeb used; boundaries around numbers are ours, IPv6 as well."""

import ipaddress
import re

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
