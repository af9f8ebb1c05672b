"""Debian's machine-readable copyright files (DEP-5, format 1.0): which licence holds for which file of a package.

Paragraphs are separated by empty lines; a field goes on in lines that begin with white space. `Files` lists patterns with `*`, `?` and `\\` and
the last paragraph that matches a path wins; `License` gives short names, joined by `and`, `or`, `,`, which are not SPDX's everywhere
(`Expat` is MIT, `GPL-2+` is GPL-2.0-or-later).
"""

import re
from collections.abc import Iterator

from curate.rights import Licence, expression

_NAMES = {
    "expat": "MIT",
    "zlib": "Zlib",
    "artistic": "Artistic-1.0-Perl",
    "apache-2.0": "Apache-2.0",
    "public-domain": "LicenseRef-scancode-public-domain",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd-4-clause": "BSD-4-Clause",
    "cc0": "CC0-1.0",
    "cc0-1.0": "CC0-1.0",
    "mpl-1.1": "MPL-1.1",
    "mpl-2.0": "MPL-2.0",
    "isc": "ISC",
    "psf-2": "PSF-2.0",
    "w3c": "W3C",
    "ofl-1.1": "OFL-1.1",
    "perl": "Artistic-1.0-Perl OR GPL-1.0-or-later",
}
_GNU = re.compile(r"^(?P<kind>[al]?gpl|gfdl)-(?P<version>\d(?:\.\d)?)(?P<later>\+?)$")
_NAME = re.compile(r"[^\s,()]+")


def is_dep5(text: str) -> bool:
    """Whether a text begins as such a file does."""
    return text.lstrip("\ufeff \n").lower().startswith("format:") and "copyright-format" in text[:400] and "\nlicense:" in text.lower()


def of_path(text: str, path: str | None) -> Licence | None:
    """The licence of a file of the package; without a path, of all its files at once (joined by AND). None where one cannot be read."""
    chosen: list[str] = []
    for fields in _paragraphs(text):
        if "files" in fields and "license" in fields:
            name = fields["license"].split("\n", 1)[0].strip()
            if path is None:
                chosen.append(name)
            elif any(_matches(pattern, path) for pattern in fields["files"].split()):
                chosen = [name]
    licences = [_of_names(name) for name in dict.fromkeys(chosen)]
    if not licences or any(one is None for one in licences):
        return None
    return expression(" AND ".join(f"({one.spdx})" for one in licences if one is not None))


def _paragraphs(text: str) -> Iterator[dict[str, str]]:
    """Fields by lower-case name."""
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        fields: dict[str, str] = {}
        name = ""
        for line in block.split("\n"):
            if line[:1] in (" ", "\t"):
                fields[name] = fields.get(name, "") + "\n" + line.strip()
            elif ":" in line and not line.startswith("#"):
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        yield fields


def _matches(pattern: str, path: str) -> bool:
    """Whether a pattern of DEP-5 is a path's: `*` and `?` match slashes too. Walks both once, with one way back, so that no pattern is slow."""
    parts = [
        part[1] if part[0] == "\\" and len(part) > 1 else {"*": None, "?": ""}.get(part, part) for part in re.findall(r"\\.|.", pattern)
    ]
    at = place = 0
    star, mark = -1, 0
    while at < len(path):
        if place < len(parts) and parts[place] is None:
            star, mark, place = place, at, place + 1
        elif place < len(parts) and parts[place] in ("", path[at]):
            at, place = at + 1, place + 1
        elif star >= 0:
            mark, place = mark + 1, star + 1
            at = mark
        else:
            return False
    return all(part is None for part in parts[place:])


def _of_names(words: str) -> Licence | None:
    """Short names, joined as Debian joins them, as an SPDX expression. A comma binds least."""
    sides = [re.sub(r"(?i)^\s*(?:and|or)\s+", "", side) for side in words.split(",")]
    joint = " OR " if re.search(r",\s*or\b", words, re.IGNORECASE) else " AND "
    return expression(joint.join(f"({_translated(side)})" for side in sides if side.strip()))


def _translated(side: str) -> str:
    """Names of Debian in names of SPDX; `and`, `or` and `with` stay."""
    side = re.sub(r"(?i)\bwith\s+(\S+)\s+exception\b", "", side)  # Debian names exceptions freely: without it the licence is stricter
    return _NAME.sub(lambda found: _name(found[0]), side)


def _name(word: str) -> str:
    lower = word.lower()
    if lower in ("and", "or"):
        return lower.upper()
    if gnu := _GNU.match(lower):
        version = gnu["version"] if "." in gnu["version"] else gnu["version"] + ".0"
        return f"{gnu['kind'].upper()}-{version}-{'or-later' if gnu['later'] else 'only'}"
    return _NAMES.get(lower, word)
