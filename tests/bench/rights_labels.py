"""Labelled licences: pages whose licence people wrote down, links as a DOM finds them, and licence texts with their names."""

import io
import json
import re
import tarfile
from collections import Counter
from functools import lru_cache
from importlib.resources import files

import pyarrow as pa
import zstandard
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from curate import schema
from curate.rights import of_url, spdx_ids
from curate.rights.prose import of_prose
from curate.rights.texts import licences_of, share_of
from curate.stages.license import Config, license
from curate.stages.markup import CLAIMS
from curate.web.charset import decode
from curate.web.claims import evidence_of

UNIT = re.compile(r"\bCC[ -](BY(?:-(?:NC|SA|ND))*)")
DEED = re.compile(r"creativecommons\.org/(?:licen[sc]es|publicdomain)/", re.IGNORECASE)


def lines(path):
    data = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(path.open("rb")).read()
    return [json.loads(line) for line in data.split(b"\n") if line]


@lru_cache(maxsize=1)
def pages(folder):
    """[(name, page in UTF-8)] of the pages of a labelled set that name Creative Commons' host."""
    data = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader((folder / "html.tar.zst").open("rb")).read()
    found = []
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            raw = archive.extractfile(member).read() if member.isfile() else b""
            if b"creativecommons.org" in raw:
                found.append((member.name, decode(raw, None).text.encode("utf-8", "replace")))
    return found


def row_of(page):
    """What `license` says of a page."""
    claims = [claim._asdict() for claim in evidence_of(page)[0]]
    columns = {"headers": pa.array([[]], schema.HEADERS), "markup__claims": pa.array([claims], CLAIMS)}
    measured = license.measure(pa.record_batch(columns), Config(), "license")
    return {name.removeprefix("license__"): column[0].as_py() for name, column in measured.items()}


def labelled(folder):
    """(labels, found, right) over pages with a written licence that have a deed's address: which Creative Commons licence is on the page."""
    truth = {one["file"]: UNIT.search(one["license"]) for one in lines(folder / "truth.jsonl.zst") if one.get("license")}
    labels = found = right = 0
    for name, page in pages(folder):
        if truth.get(name) is None or b"creativecommons.org/licenses/" not in page.lower():
            continue
        labels += 1
        row = row_of(page)
        told = [row["spdx"], *(one["spdx"] or "" for one in row["evidence"])]
        first = next((unit[1] for spdx in told if (unit := UNIT.search(spdx))), None)
        found += first is not None
        right += first == truth[name][1]
    return labels, found, right


def links(folder):
    """(links in the DOM, links found, both) over pages: addresses of deeds in `<a href>`, as SPDX, each once a page."""
    there = got = both = 0
    for _, page in pages(folder):
        tree = HTMLTree.parse(page.decode("utf-8", "replace"))
        hrefs = {a.getattr("href") or "" for a in tree.document.query_selector_all('a[href*="creativecommons.org"]')}
        truth = {of_url(href).spdx for href in hrefs if DEED.search(href) and of_url(href)}
        found = {of_url(c.value).spdx for c in evidence_of(page)[0] if c.kind in ("href", "rel", "rdfa", "microdata") and of_url(c.value)}
        found = {spdx for spdx in found if spdx.startswith(("CC", "LicenseRef-CC"))}
        there, got, both = there + len(truth), got + len(found), both + len(truth & found)
    return there, got, both


def spdx_texts(folder):
    """(name, text) of the living licences of the SPDX list."""
    return [(one["id"], one["text"]) for one in lines(folder / "spdx_texts.jsonl.zst") if one["id"] in spdx_ids()]


def scancode_texts(folder):
    """(SPDX name, text) of ScanCode's cases with one licence of which at least nine tenths stand there: whole texts, not notices."""
    index = json.loads(files("license_expression").joinpath("data", "scancode-licensedb-index.json").read_text())
    names = {one["license_key"]: one.get("spdx_license_key") for one in index}
    cases = [one for one in lines(folder / "cases.jsonl.zst") if not one["expected_failure"] and len(one["expressions"]) == 1]
    known = [(names.get(one["expressions"][0]), one["text"]) for one in cases]
    return [(name, text) for name, text in known if name in spdx_ids() and share_of(text, name) >= 0.9]


def same(name, found):
    """Whether a name is the one of the text; -only and -or-later have one text, and so have the GFDL's kinds."""
    bare = re.sub(r"(?:-(?:no-)?invariants)?-(?:only|or-later)$", "", name)
    return re.sub(r"(?:-(?:no-)?invariants)?-(?:only|or-later)$", "", found) == bare


def recognised(texts):
    """(texts, first name right, nothing found, the wrong ones)."""
    wrong, none = Counter(), 0
    right = 0
    for name, text in texts:
        held = licences_of(text)
        none += not held
        right += bool(held) and same(name, held[0].spdx)
        if held and not same(name, held[0].spdx):
            wrong[f"{name} as {held[0].spdx}"] += 1
    return len(texts), right, none, wrong


def told_in_cases(folder):
    """(cases with one licence whose sentences name one, right ones, the wrong ones): ScanCode's files that are no whole licence texts."""
    index = json.loads(files("license_expression").joinpath("data", "scancode-licensedb-index.json").read_text())
    names = {one["license_key"]: one.get("spdx_license_key") for one in index}
    wrong: Counter[str] = Counter()
    total = right = 0
    for case in lines(folder / "cases.jsonl.zst"):
        name = names.get(case["expressions"][0]) if len(case["expressions"]) == 1 and not case["expected_failure"] else None
        if name not in spdx_ids():
            continue
        said = [one for one in of_prose(case["text"], page=False) if one.whole and one.licence.strictest != "all-rights-reserved"]
        if not said:
            continue
        total += 1
        right += any(same(name, one.licence.spdx) for one in said)
        if not any(same(name, one.licence.spdx) for one in said):
            wrong[f"{name} as {said[0].licence.spdx}: {said[0].value[:80]}"] += 1
    return total, right, wrong


def told_on_pages(folder):
    """(pages with a written Creative Commons licence, those whose sentences name one, right ones): the text of the whole page, footer and all."""
    truth = {one["file"]: UNIT.search(one["license"]) for one in lines(folder / "truth.jsonl.zst") if one.get("license")}
    labelled = found = right = 0
    for name, page in pages(folder):
        if truth.get(name) is None:
            continue
        labelled += 1
        text = extract_plain_text(HTMLTree.parse(page.decode("utf-8", "replace")), main_content=False)
        said = [one for one in of_prose(text, page=True) if one.whole and one.licence.spdx.startswith(("CC", "LicenseRef-CC"))]
        found += bool(said)
        right += bool(said) and UNIT.search(said[0].licence.spdx)[1] == truth[name][1]
    return labelled, found, right
