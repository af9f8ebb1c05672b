"""The works that a corpus has to name: title, author, source, licence and its address, as attribution licences ask (CC BY 4.0 §3(a)).

Every licence that asks for a notice counts: attribution, share-alike, copyleft, non-commercial, no-derivatives, and permissive ones but
for those that waive it. A document with an expression of several licences names all of it.

Misses: authors are named only where the source carries an `author` column; licences that want their whole text reproduced are named with
their address, their text is not.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

NO_NOTICE = frozenset(["0BSD", "MIT-0", "Unlicense", "WTFPL", "BSL-1.0"])
ASKING = frozenset(["attribution", "share-alike", "copyleft", "non-commercial", "no-derivatives", "permissive"])
AUTHOR_COLUMNS = ("author", "authors", "creator")
CHANGES = "text extracted, cleaned and tokenised"
"""What was changed, which CC BY asks to be said."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One entry of the list."""

    id: str
    title: str | None
    author: str | None
    url: str | None
    source: str
    license: str
    license_url: str
    changes: str = CHANGES


def asks(spdx: str, bits: Iterable[str]) -> bool:
    """Whether a licence asks for a notice."""
    return spdx not in NO_NOTICE and bool(ASKING & set(bits))


def license_url(spdx: str) -> str:
    """Where a licence can be read; Creative Commons' own page where it is one of theirs."""
    parts = spdx.lower().split("-")
    if parts[0] == "cc" and len(parts) > 2 and parts[1] in ("by",):
        version = next((i for i, part in enumerate(parts) if part[:1].isdigit()), len(parts))
        return "https://creativecommons.org/licenses/" + "/".join(["-".join(parts[1:version]), *parts[version:]]) + "/"
    return f"https://spdx.org/licenses/{spdx}.html" if not spdx.startswith("LicenseRef-") and " " not in spdx else ""


def works(
    rows: Iterable[Mapping[str, Any]], license_column: str, title_column: str | None, bits: Callable[[str], Iterable[str]]
) -> Iterator[Work]:
    """The works among documents (rows with id, source, url, and the named columns) whose licence asks for a notice."""
    for row in rows:
        spdx = row.get(license_column)
        if not spdx or not asks(spdx, bits(spdx)):
            continue
        author = next((row[name] for name in AUTHOR_COLUMNS if row.get(name)), None)
        yield Work(
            id=row["id"].hex(),
            title=row.get(title_column) if title_column else None,
            author=author,
            url=row.get("url"),
            source=row["source"],
            license=spdx,
            license_url=license_url(spdx),
        )


def plain(work: Work) -> dict[str, Any]:
    """One work as JSON values."""
    return asdict(work)
