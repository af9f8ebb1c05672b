"""Secrets: keys and tokens of services by their published forms, private keys, passwords in addresses, values of high entropy that a name such as
`api_key` calls a secret, and short ones such as `password = "hunter2"`. The last are told by form, precision first: the name ends in such a word, the
value stands in quotes (or the line is nothing but `name = value`, as in files of settings), is no placeholder, no word and no name of something else.
In prose a bare string of high entropy is no secret: digests, ids and file names look alike.
"""

import math
import re
from collections import Counter

Span = tuple[int, int]

TOKEN = re.compile(
    r"(?:A(?:KIA|SIA)[0-9A-Z]{16}"  # AWS
    r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}"  # GitHub
    r"|glpat-[A-Za-z0-9_-]{20,64}"  # GitLab
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-[0-9]-[A-Za-z0-9-]{10,250}"  # Slack
    r"|[srp]k_(?:live|test)_[A-Za-z0-9]{16,247}"  # Stripe
    r"|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,500}"  # Google
    r"|ey[A-Za-z0-9_-]{8,500}\.ey[A-Za-z0-9_-]{8,8000}(?:\.[A-Za-z0-9_-]{8,1000})?"  # JSON Web Token (RFC 7519)
    r"|SG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50}"  # SendGrid
    r"|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,500}|hf_[A-Za-z]{34}|do[opr]_v1_[a-f0-9]{64}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"
    r"|sk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,200}|EAACEdEose0cBA[0-9A-Za-z]{20,250})(?![A-Za-z0-9_])"
)
_NAMES = re.compile(
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|auth(?:orization)?|credential|private[_-]?key|client[_-]?secret|bearer)"
    r"[\w.-]{0,24}[\"'\]]?\s{0,4}[:=]{1,2}>?\s?[\"']?$",
    re.IGNORECASE,
)
_NO_SECRET = re.compile(r"hash|digest|checksum|sha\d|md5|public", re.IGNORECASE)
_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_USER = re.compile(r"://[^\s/:@]{1,80}:(?!<SECRET)([^\s/:@]{3,80})$")
MAX_TOKEN = 9_600
"""Characters of the longest token, and one."""
MAX_KEY = 16_384
"""Characters of the longest private key; where its end is missing, so much and no more is looked at."""
MIN_BITS = {"hex": 3.0, "other": 3.5}
"""Shannon entropy of a value, bits a character (detect-secrets takes 3.0 and 4.5 for values without a name)."""


def token(text: str) -> Span | None:
    """The token of a known service that begins the text."""
    match = TOKEN.match(text)
    return match.span() if match else None


def value(before: str, text: str) -> Span | None:
    """The value at the beginning of the text (letters, digits and signs), if what stands before calls it a secret and its entropy is high."""
    named = _NAMES.search(before)
    if not named or _NO_SECRET.search(before, max(0, named.start() - 12)):
        return None
    kind = "hex" if re.fullmatch(r"[0-9a-fA-F]+", text) else "other"
    return (0, len(text)) if entropy(text) >= MIN_BITS[kind] else None


def named(before: str, text: str) -> Span | None:
    """The whole of a short value in quotes or of an environment file, if its name ends in a word for secrets and it looks like one itself."""
    name = _SHORT.search(before)
    if not name or _NO_SECRET.search(before, max(0, name.start() - 12)) or _PLACEHOLDER.search(text):
        return None
    word = (name[1] or name[2]).lower()
    kinds = sum(re.search(kind, text) is not None for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]"))
    if word in ("password", "passwd", "passphrase", "pwd"):
        return (0, len(text)) if (re.search("[0-9]", text) and kinds >= 2) or kinds >= 3 else None
    return (0, len(text)) if len(text) >= 8 and kinds >= 2 and len(re.findall("[0-9]", text)) >= 2 and not _OTHER.search(text) else None


_WORDS = r"password|passwd|passphrase|pwd|secret|token|(?:api|access|auth|secret|signing|encryption)[_-]?key"
_SHORT = re.compile(
    rf"({_WORDS})"
    r"[\"'\]]{0,2}\s{0,4}:?[:=]>?\s{0,3}[\"']$"
    rf"|(?:^|[\r\n])[ \t]{{0,8}}(?:export )?[\w.-]{{0,40}}(?<![a-zA-Z])({_WORDS}) ?= ?$",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"^[$<{%\[(@#&/~]|[{}<>()\[\]$;\\]|\*\*|\.\.|xxx|\b(?:your|my|some|the|example|sample|dummy|fake|placeholder|redacted|changeme)"
    r"|password|passwd|secret|token|api.?key|required|invalid|username|https?:",
    re.IGNORECASE,
)
"""What stands in documentation instead of a secret, code, messages, names of fields."""
_OTHER = re.compile(r"^[a-z]+(?:[-_.][a-z]+)*[-_.]?v?\d{0,2}$|^\d+(?:\.\d+)*$|^[\w-]+(?:\.[\w-]+)+$|/|\s", re.IGNORECASE)
"""Names with a number, numbers, dotted names and paths: what keys and tokens of other kinds look like."""


def entropy(text: str) -> float:
    """Bits a character, by how often each occurs."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def private_key(text: str) -> Span | None:
    """The private key that begins the text, up to its end line, or up to the last line that looks like one."""
    begin = _BEGIN.match(text)
    if not begin:
        return None
    end = _END.search(text, begin.end(), MAX_KEY)
    if end:
        return 0, end.end()
    rest = re.compile(r"(?:\s*[A-Za-z0-9+/=]{16,}|\s*[A-Za-z0-9-]+: [^\n]*)*").match(text, begin.end(), MAX_KEY)
    return 0, rest.end() if rest else begin.end()


def password(before: str) -> Span | None:
    """The password in `scheme://user:password` that ends the text before an `@`, as places counted from its end."""
    match = _USER.search(before)
    return (match.start(1) - len(before), 0) if match else None
