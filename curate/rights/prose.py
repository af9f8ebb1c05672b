"""Licences told in sentences: "This work is licensed under a Creative Commons Attribution 4.0 International License", "All rights reserved", "is in the
public domain".

A sentence claims for what its subject is: the work, the page, all content speak of the whole; software, photos, fonts, data of a part (in a text that is
no page, a file of a program is the whole). A sentence without a subject counts at the head and the end of a text, where notices stand, and a reservation
only beside a copyright mark. Confidence is below that of any declared licence: prose has a say only where nothing else has. What is negated, quoted from
another, or names no licence that is known is no claim. English, and the most usual sentences of German, French and Spanish.
Price: see `GATE`; some microseconds for each sentence that passes it.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from curate.rights import RESERVED, Licence, expression, of_words

GATE = (
    r"(?i)(?:licen[sc]ed|released|available|distributed|published|lizenziert|steht|stehen|disposition|licencia)(?:,[^.\n]{0,60},)?\s+(?:under|unter|sous|selon|bajo)\s"
    r"|rights reserved|rechte vorbehalten|public domain|general public\s"
)
"""RE2: whether a text is worth reading; some 450 MB/s."""
MAX_SENTENCES = 16
EDGE = 1500
"""Characters at the head and the end where notices stand."""
PLAIN, SURE = 0.4, 0.45
_WHOLE = (
    r"this (?:work|page|site|website|web ?site|article|text|book|document|post|blog|publication|paper|report|chapter|tutorial|guide|wiki|material|manual|course"
    r"|documentation|translation|essay|story|poem)|(?:all|the|our|its) (?:\w+ )?(?:content|contents|text|texts|articles|posts|materials?|documentation|site)"
    r"|(?:except|unless) (?:where )?otherwise (?:noted|stated|indicated|specified)[^.]{0,60}|dieses?(?:\\(s\\))? (?:werk|text|seite|artikel)(?: bzw. inhalt)?"
    r"|(?:alle|die|der) inhalte?|(?:alle|die) (?:texte|beiträge)"
    r"|cette (?:œuvre|oeuvre|page)|ce (?:texte|document|site)|esta (?:obra|página)"
)
_SOFTWARE = r"(?:this|the|it|all) ?(?:\w+ ){0,2}?(?:software|program|library|package|project|code|source|module|file|script|tool|app|plugin|framework)?"
_VERB = (
    r"(?:is|are|has been|was|ist|sind|steht|stehen|est|sont|está)?\s?(?:also |now |hereby |freely )?(?:, [^.,\n]{0,50}, ?)?"
    r"(?:licen[sc]ed|released|made available|available|distributed|published|lizenziert|mis(?:e)? à disposition)?\s?(?:under|unter|sous|selon|bajo)\s"
)
_NAME = r"(?:the terms of )?(?:an? |the |einer |der |la |les termes de la )?(?:lizenz |licence |licencia )?(?P<name>(?:[^.;:\n()\[\]]|[.](?=\d)){2,110})"
_GRANT = re.compile(
    rf"(?P<whole>{_WHOLE})(?:[^.\n]|[.](?=\w)){{0,60}}?\b{_VERB}{_NAME}"
    rf"|(?P<software>\b{_SOFTWARE})\s{_VERB}{_NAME.replace('name', 'name2')}"
    rf"|(?P<start>(?:^|[.\n|•·])[\s*#;%!/-]{{0,6}})(?:licen[sc]ed|released|published|available|distributed)\sunder\s{_NAME.replace('name', 'name3')}",
    re.IGNORECASE,
)
_KNOWN = re.compile(
    r"^(?:cc[ -0]|creative commons|(?:gnu )?[al]?gpl|gnu |mit\b|(?:new |modified |simplified |[23][- ]clause )?bsd|apache|mozilla|mpl|isc\b|unlicense"
    r"|artistic|eclipse|boost|zlib|open data commons|odbl|public domain)",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"(?<!if )\bnot\b|n't\b|\bno longer\b|(?<!sofern )(?<!soweit )\bnicht\b|\bwhether\b|\b(?:may|could|should|would) be\b", re.IGNORECASE
)
_DOMAIN = re.compile(
    rf"(?:{_WHOLE})(?:\sby [^.\n]{{1,40}})? (?:is|are|has been|have been) (?:now |hereby |also )?"
    r"(?:in|released (?:in)?to|dedicated to|placed (?:in|into)|part of) the (?:worldwide )?public domain",
    re.IGNORECASE,
)
_RESERVED = re.compile(
    r"all rights (?:are )?reserved|alle rechte vorbehalten|tous droits réservés|todos los derechos reservados", re.IGNORECASE
)
_MARK = re.compile(r"©|\(c\)|copyright|&copy;", re.IGNORECASE)


class Said(NamedTuple):
    """A sentence that claims something."""

    value: str
    licence: Licence
    whole: bool
    """Whether it speaks of the whole text."""
    confidence: float
    at: int
    """Character at which it begins."""


def of_prose(text: str, page: bool) -> list[Said]:
    """What sentences of a text claim, in order, each claim once. `page`: it is a web page, of which software is a part."""
    plain = text if page else _WRAPPED.sub(" ", text[:20_000])
    found = [*_grants(plain, page), *_domains(plain), *_reserved(plain), *([] if page else _notices(plain))]
    first: dict[tuple[str, bool], Said] = {}
    for one in sorted(found, key=lambda said: said.at):
        first.setdefault((one.licence.spdx, one.whole), one)
    return list(first.values())[:MAX_SENTENCES]


def _at_edge(at: int, text: str) -> bool:
    return at < EDGE or at > len(text) - EDGE


_UNDER = re.compile(
    r"(?:licen[sc]ed|released|available|distributed|published|lizenziert|steht|stehen|disposition|licencia)(?:,[^.\n]{0,60},)?\s(?:under|unter|sous|selon|bajo)\s",
    re.IGNORECASE,
)
_WRAPPED = re.compile(r"[ \t]*\r?\n[ \t]*(?:[*#;%!]+|//+|--)?[ \t]*(?=[^\s*#])")
"""The end of a line of a comment, and the sign that begins the next."""
_GNU = re.compile(
    r"under the terms of the (gnu (?:affero |lesser |library )?(?:or lesser )?general public license)(?:,? (?:as published by [^,;.]{1,60}[,;]?)? ?(?:either )?"
    r"(?:v(?:ersion)? ?)?(\d(?:\.\d)?)(?: of the license)?(,? or \(?at your option\)? any later version)?)?",
    re.IGNORECASE,
)
_TRANSLATED = (
    (re.compile(r"namensnennung|reconocimiento|atribuci[oó]n|paternité", re.IGNORECASE), "Attribution"),
    (
        re.compile(
            r"(?:keine|nicht)[- ]?kommerzielle?(?: nutzung)?|nokommerziell|pas d.utilisation commerciale|no ?comercial", re.IGNORECASE
        ),
        "NonCommercial",
    ),
    (re.compile(r"keine[- ]?bearbeitung(?:en)?|pas de modification|sin ?(?:obra ?)?derivadas?", re.IGNORECASE), "NoDerivs"),
    (
        re.compile(
            r"weitergabe unter gleichen bedingungen|partage (?:dans les mêmes conditions|à l.identique)|compartir ?igual", re.IGNORECASE
        ),
        "ShareAlike",
    ),
)
"""Words of translated deeds."""
_PUBLIC = re.compile(r"public domain", re.IGNORECASE)


def _around(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, str]]:
    """(first character, piece) of the lines around what a pattern finds, cut to what may be looked at closely; none twice."""
    done = 0
    for number, match in enumerate(pattern.finditer(text)):
        if number >= 4 * MAX_SENTENCES:
            return
        if match.start() < done:
            continue
        start = max(text.rfind("\n", 0, match.start()) + 1, match.start() - 200, done)
        line = text.find("\n", match.end())
        done = min(match.end() + 200, line if line >= 0 else len(text))
        yield start, text[start:done]


def _grants(text: str, page: bool) -> Iterator[Said]:
    for start, piece in _around(_UNDER, text):
        for match in _GRANT.finditer(piece):
            name = next(match[group] for group in ("name", "name2", "name3") if match[group])
            licence = _licence(name.strip())
            if licence is None or _NOT.search(match[0]):
                continue
            at = start + match.start()
            value = " ".join(match[0].split())[:300]
            if match["whole"]:
                yield Said(value, licence, True, SURE, at)
            elif match["software"]:
                yield Said(value, licence, not page, SURE if not page else 0.1, at)
            else:
                yield Said(value, licence, _at_edge(at, text), PLAIN if _at_edge(at, text) else 0.2, at)


def _licence(name: str) -> Licence | None:
    """The licence of a name; words that follow it are taken off one by one."""
    if not _KNOWN.match(name):
        return None
    for word, english in _TRANSLATED:
        name = word.sub(english, name)
    words = name.split()
    for count in range(min(len(words), 9), 0, -1):
        if found := of_words(" ".join(words[:count]).strip(" ,")):
            return found
    return None


def _notices(text: str) -> Iterator[Said]:
    """The notice that the GNU licences ask for, which names a licence and a version apart from one another."""
    for match in islice(_GNU.finditer(text), MAX_SENTENCES):
        named = " ".join(filter(None, [match[1], match[2] and f"version {match[2]}", match[3] and "or later"]))
        if (licence := of_words(named)) is not None:
            yield Said(" ".join(match[0].split())[:300], licence, True, SURE, match.start())


def _domains(text: str) -> Iterator[Said]:
    public = expression("LicenseRef-public-domain") or of_words("public domain")
    for start, piece in _around(_PUBLIC, text):
        for match in _DOMAIN.finditer(piece):
            if public is not None and not _NOT.search(match[0]):
                yield Said(" ".join(match[0].split())[:300], public, True, SURE, start + match.start())


def _reserved(text: str) -> Iterator[Said]:
    for number, match in enumerate(_RESERVED.finditer(text)):
        if number >= MAX_SENTENCES:
            return
        around = text[max(0, match.start() - 120) : match.end() + 80]
        reserved = expression(RESERVED)
        if reserved is not None and _MARK.search(around):
            edge = _at_edge(match.start(), text)
            yield Said(" ".join(around.split())[:300], reserved, edge, SURE if edge else 0.2, match.start())
