"""Texts for `sample:` that are on any machine where the project is installed, and that nobody here wrote.

From the standard library and the distributions that the base install brings (the closure of our own requirements; ours is left
out): docstrings of modules and classes read with `ast` (nothing is imported), the language-reference topics of `pydoc_data`, the
long descriptions in package metadata, licence and notice files. A distribution gives at most MAX_MODULES modules, chosen by hash
of their names, so that none is more than a good tenth of the sample. A page holds at most PAGE characters; what is longer goes on
to further pages.

Order and content depend on the installed versions alone: names are sorted, addresses of objects are blanked, no path of the
machine enters.
"""

import ast
import importlib.metadata
import os
import re
import sys
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

MAX_MODULES = 500
PAGE = 48_000
MIN_TEXT = 120
SITES = ("site-packages", "dist-packages")
OWN = "curate"
BESIDE = ("pip", "setuptools")
"""Installers carry copies of other packages: the mirrors of this crawl."""

_LEFT_OUT = re.compile(r"(^|/)(tests?|testing|idle_test|site-packages|dist-packages|__pycache__|lib2to3|_sysconfigdata[^/]*)(/|$)|^\.\.")
_LICENCE_FILE = re.compile(r"(^|/)(licen[cs]e|copying|notice|authors)[^/]*$", re.IGNORECASE)
_ADDRESS = re.compile(r"\b(at )0x[0-9a-fA-F]{6,16}\b")
_OSI = re.compile(r"License :: (?:OSI Approved :: )?(.+)")


@dataclass(frozen=True, kw_only=True)
class Work:
    """What pages are made from: a distribution, or Python itself."""

    name: str
    version: str
    license: str
    """As its metadata states it: an SPDX expression, or words; empty where it says nothing."""
    summary: str


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and the plain text under it; `code` marks headings that are signatures."""

    heading: str
    text: str
    code: bool = False


@dataclass(frozen=True, kw_only=True)
class Text:
    """One page's worth: where it stands in the work, what it is about, and the text."""

    work: Work
    path: str
    """Below the host, without a leading slash."""
    title: str
    kind: str
    """module, class, topic, description, license"""
    sections: tuple[Section, ...]


def requirements() -> list[importlib.metadata.Distribution]:
    """The distributions that the base install brings, by name; all that are installed where our own metadata is missing."""
    installed: dict[str, importlib.metadata.Distribution] = {}
    for one in importlib.metadata.distributions(path=site_folders(sys.path)):
        if one.metadata["Name"]:
            installed.setdefault(_normal(one.metadata["Name"]), one)
    seen: dict[str, importlib.metadata.Distribution] = {}
    todo = [OWN, *BESIDE]
    while todo:
        name = _normal(todo.pop())
        if name in seen or name not in installed:
            continue
        seen[name] = installed[name]
        named = (line.partition(";") for line in seen[name].requires or [])
        todo += [found.group() for line, _, marker in named if "extra" not in marker and (found := re.match(r"\s*[\w.\-]+", line))]
    if OWN not in seen:
        seen = installed
    return [seen[name] for name in sorted(seen) if name != OWN]


def site_folders(path: Sequence[str]) -> list[str]:
    """Folders of `sys.path` that people install into. Ray puts folders of its own package there, in some processes and not in others."""
    entries = [os.path.abspath(entry) for entry in path]
    return [
        entry for entry in entries if os.path.basename(entry) in SITES or not any(entry.startswith(other + os.sep) for other in entries)
    ]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def texts(distributions: list[importlib.metadata.Distribution]) -> Iterator[Text]:
    """All texts, in an order that depends on names alone."""
    yield from of_python()
    for distribution in distributions:
        yield from of_distribution(distribution)


def of_python() -> Iterator[Text]:
    """The standard library, the language reference and Python's licence."""
    python = Work(
        name="python", version=".".join(sysconfig.get_python_version().split(".")[:2]), license="Python-2.0", summary="The standard library"
    )
    stdlib = Path(sysconfig.get_path("stdlib"))
    yield from _of_modules(python, {name: stdlib / name for name in _stdlib_files(stdlib)}, None)
    yield from _topics(python, stdlib / "pydoc_data" / "topics.py")
    yield from _license_files(python, {"LICENSE.txt": stdlib / "LICENSE.txt"})


def of_distribution(distribution: importlib.metadata.Distribution) -> Iterator[Text]:
    """Modules, description and licence files of one distribution."""
    work = _work(distribution)
    names = {str(file).replace(os.sep, "/"): Path(str(distribution.locate_file(file))) for file in distribution.files or []}
    yield from _of_modules(work, {name: path for name, path in names.items() if name.endswith(".py")}, MAX_MODULES)
    yield from _description(work, distribution)
    yield from _license_files(work, {n: p for n, p in names.items() if _LICENCE_FILE.search(n) and not n.endswith((".py", ".pyc"))})


def _work(distribution: importlib.metadata.Distribution) -> Work:
    metadata = distribution.metadata
    written = _stated(metadata, "License")
    classified = [found.group(1) for line in metadata.get_all("Classifier") or [] if (found := _OSI.match(line))]
    license_ = (
        _stated(metadata, "License-Expression")
        or (written if 0 < len(written) <= 60 and "\n" not in written else "")
        or "; ".join(classified)
    )
    return Work(
        name=_normal(metadata["Name"]), version=_stated(metadata, "Version"), license=license_, summary=_stated(metadata, "Summary")
    )


def _stated(metadata: importlib.metadata.PackageMetadata, field: str) -> str:
    return ((metadata.get_all(field) or [""])[0] or "").strip()


def _stdlib_files(stdlib: Path) -> Iterator[str]:
    for folder, below, names in os.walk(stdlib):
        place = Path(folder).relative_to(stdlib).as_posix()
        below[:] = [name for name in below if not _LEFT_OUT.search(name)]
        yield from (name if place == "." else f"{place}/{name}" for name in names if name.endswith(".py"))


def _of_modules(work: Work, files: dict[str, Path], most: int | None) -> Iterator[Text]:
    names = [name for name in files if not _LEFT_OUT.search(name)]
    chosen = sorted(names, key=lambda name: blake3(f"{work.name}/{name}".encode()).digest())[:most]
    for name in sorted(chosen):
        tree = _parsed(files[name])
        if tree is not None:
            module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            yield from _module(work, module, tree)


def _parsed(path: Path) -> ast.Module | None:
    try:
        source = path.read_bytes()
        if b'"""' not in source and b"'''" not in source:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # templates and files for other versions


def _module(work: Work, module: str, tree: ast.Module) -> Iterator[Text]:
    yield from _pages(work, module, "module", _documented(tree, ""))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _pages(work, f"{module}.{node.name}", "class", _documented(node, f"{node.name}."))


def _documented(node: ast.Module | ast.ClassDef, prefix: str) -> list[Section]:
    """The docstring of a module or class, then those of its functions under their signatures."""
    own = ast.get_docstring(node)
    sections = [Section(heading="", text=own)] if own else []
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and (text := ast.get_docstring(child)):
            if child.name.startswith("_") and not child.name.startswith("__"):
                continue
            sections.append(Section(heading=f"{prefix}{child.name}({ast.unparse(child.args)})", text=text, code=True))
    return sections


def _topics(work: Work, path: Path) -> Iterator[Text]:
    tree = _parsed(path)
    for node in tree.body if tree else []:
        value = getattr(node, "value", None)
        if isinstance(value, ast.Dict):
            for key, text in zip(value.keys, value.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield from _pages(work, f"reference.{key.value!s}", "topic", [Section(heading="", text=text.value)])


def _description(work: Work, distribution: importlib.metadata.Distribution) -> Iterator[Text]:
    payload = distribution.metadata.get_payload()  # type: ignore[attr-defined]
    text = payload if isinstance(payload, str) and payload.strip() else _stated(distribution.metadata, "Description")
    yield from _pages(work, f"{work.name} {work.version}", "description", [Section(heading="", text=text)])


def _license_files(work: Work, files: dict[str, Path]) -> Iterator[Text]:
    for name in sorted(files):
        try:
            text = files[name].read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        yield from _pages(work, name.rsplit("/", 1)[-1], "license", [Section(heading="", text=text)], folder=name.rpartition("/")[0])


def _pages(work: Work, title: str, kind: str, sections: list[Section], folder: str = "") -> Iterator[Text]:
    """One page, or several of at most PAGE characters: cut between sections, or between paragraphs of a long one."""
    sections = [Section(heading=s.heading, text=_ADDRESS.sub(r"\g<1>0x…", s.text.strip()), code=s.code) for s in sections]
    if sum(len(s.text) for s in sections) < MIN_TEXT:
        return
    pages: list[list[Section]] = [[]]
    room = PAGE
    for section in (piece for s in sections for piece in _pieces(s)):
        if len(section.text) > room and pages[-1]:
            pages.append([])
            room = PAGE
        pages[-1].append(section)
        room -= len(section.text)
    slug = re.sub(r"[^\w.\-]+", "-", f"{folder}-{title}").strip("-") or "index"
    for number, page in enumerate(pages, 1):
        name = slug if number == 1 else f"{slug}.{number}"
        yield Text(work=work, path=f"{kind}/{name}.html", title=title, kind=kind, sections=tuple(page))


def _pieces(section: Section) -> Iterator[Section]:
    text = section.text
    heading = section.heading
    while len(text) > PAGE:
        at = text.rfind("\n\n", 1, PAGE)
        at = at if at > 0 else PAGE
        yield Section(heading=heading, text=text[:at], code=section.code)
        text, heading = text[at:].lstrip("\n"), ""
    yield Section(heading=heading, text=text, code=section.code)
