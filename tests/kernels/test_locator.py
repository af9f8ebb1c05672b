"""The cache of compiled kernels: an edit in a file that a kernel imports must never leave the old code in use."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from curate.kernels import locator

NAMES = sorted(path.stem for path in locator.HERE.glob("*.py") if path.stem != "__init__")
RUN = "from curate.kernels.outer import outer; print(outer(1), outer.stats.cache_hits)"


def test_every_import_among_the_kernels_is_seen():
    for name in NAMES:
        wanted = set()
        for node in ast.walk(ast.parse((locator.HERE / f"{name}.py").read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("curate.kernels"):
                inner = (node.module or "").removeprefix("curate.kernels").lstrip(".")
                wanted |= {inner} if inner else {one.name for one in node.names if one.name in NAMES}
        assert locator.imports(name) == wanted, name


def test_sources_are_closed_under_imports():
    for name in NAMES:
        assert all(locator.imports(source) <= locator.sources(name) for source in locator.sources(name))


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A house of two kernel files, `outer` calling `inner`, with the cache's own files."""
    kernels = tmp_path / "curate" / "kernels"
    kernels.mkdir(parents=True)
    (tmp_path / "curate" / "__init__.py").write_text("")
    for name in ("__init__.py", "locator.py"):
        (kernels / name).write_text((locator.HERE / name).read_text())
    (kernels / "inner.py").write_text("from numba import njit\n\n@njit(cache=True)\ndef inner(x):\n    return x + 1\n")
    (kernels / "outer.py").write_text(
        "from numba import njit\nfrom curate.kernels.inner import inner\n\n@njit(cache=True)\ndef outer(x):\n    return inner(x)\n"
    )
    return tmp_path


def run(house: Path, cache: Path) -> str:
    env = {**os.environ, "CURATE_CACHE": str(cache), "PYTHONPATH": str(house)}
    done = subprocess.run([sys.executable, "-c", RUN], cwd=house, env=env, capture_output=True, text=True, check=True)
    return done.stdout.split("{")[0].split()[0] + (" cached" if "): 1" in done.stdout else "")


def test_an_edit_behind_an_import_is_compiled_anew_and_going_back_is_not(house: Path):
    inner = house / "curate" / "kernels" / "inner.py"
    before = inner.read_text()
    assert run(house, house / "cache") == "2"
    assert run(house, house / "cache") == "2 cached"
    inner.write_text(before.replace("x + 1", "x + 2"))
    assert run(house, house / "cache") == "3"
    inner.write_text(before)
    assert run(house, house / "cache") == "2 cached"


def test_another_checkout_of_the_same_sources_shares_the_cache(house: Path, tmp_path_factory: pytest.TempPathFactory):
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(house / "curate", other / "curate")
    assert run(house, house / "cache") == "2"
    assert run(other, house / "cache") == "2 cached"


def test_where_the_cache_cannot_be_written_one_among_the_temporary_files_is(house: Path, monkeypatch: pytest.MonkeyPatch):
    (house / "file").write_text("no folder")
    (house / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(house / "tmp"))
    assert run(house, house / "file") == "2"
    assert run(house, house / "file") == "2 cached"


def test_a_temporary_folder_that_others_can_write_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(locator, "gettempdir", lambda: str(tmp_path))
    assert locator._temporary() is not None
    (folder,) = tmp_path.iterdir()
    folder.chmod(0o777)
    assert locator._temporary() is None
