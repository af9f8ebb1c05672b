"""The shape of the house: who may import whom, what may be said in one place only, how long things may be."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
MAY_IMPORT = {
    "curate.errors": set(),
    "curate.collector": set(),
    "curate.kernels": {"curate.collector"},
    "curate.arrow": set(),
    "curate.scans": {"curate.arrow", "curate.kernels", "curate.words"},
    "curate.words": {"curate.arrow", "curate.kernels", "curate.errors"},
    "curate.schema": {"curate.errors"},
    "curate.turns": {"curate.arrow"},
    "curate.store": {"curate.errors"},
    "curate.stage": {"curate.schema", "curate.arrow", "curate.errors"},
    "curate.benchmarks": {"curate.errors"},
    "curate.dedup": {"curate.barrier", "curate.stage", "curate.schema", "curate.arrow", "curate.kernels", "curate.errors"},
    "curate.barrier": {"curate.stage", "curate.schema", "curate.arrow", "curate.errors"},
    "curate.web": {"curate.schema", "curate.arrow", "curate.kernels", "curate.errors"},
    "curate.models": {"curate.kernels", "curate.errors"},
    "curate.personal": {"curate.kernels", "curate.errors"},
    "curate.listed": {"curate.errors"},
    "curate.thresholds": {"curate.stage", "curate.errors"},
    "curate.limits": {"curate.stage"},
    "curate.consent": {"curate.errors"},
    "curate.rights": {"curate.stage"},
    "curate.datatrove": {"curate.errors"},
    "curate.stages": {
        "curate.datatrove",
        "curate.rights",
        "curate.consent",
        "curate.scans",
        "curate.words",
        "curate.listed",
        "curate.steward",
        "curate.suppress",
        "curate.turns",
        "curate.personal",
        "curate.models",
        "curate.stage",
        "curate.schema",
        "curate.arrow",
        "curate.kernels",
        "curate.web",
        "curate.benchmarks",
        "curate.errors",
    },
    "curate.barriers": {
        "curate.rights",
        "curate.thresholds",
        "curate.limits",
        "curate.consent",
        "curate.turns",
        "curate.barrier",
        "curate.dedup",
        "curate.stage",
        "curate.schema",
        "curate.arrow",
        "curate.kernels",
        "curate.tokenizer",
        "curate.errors",
    },
    "curate.tokenizer": {
        "curate.turns",
        "curate.stage",
        "curate.barrier",
        "curate.schema",
        "curate.arrow",
        "curate.kernels",
        "curate.errors",
    },
    "curate.read": {"curate.web", "curate.turns", "curate.schema", "curate.store", "curate.kernels", "curate.collector", "curate.errors"},
    "curate.shards": {"curate.stage", "curate.schema", "curate.arrow", "curate.kernels", "curate.store", "curate.errors"},
    "curate.export": {"curate.shards", "curate.store", "curate.errors"},
    "curate.recipe": {
        "curate.turns",
        "curate.steward",
        "curate.suppress",
        "curate.thresholds",
        "curate.stage",
        "curate.barrier",
        "curate.schema",
        "curate.errors",
    },
    "curate.catalog": {"curate.recipe", "curate.stage", "curate.barrier", "curate.schema", "curate.errors"},
    "curate.ledger": {"curate.schema", "curate.store", "curate.errors"},
    "curate.engine": {
        "curate.collector",
        "curate.thresholds",
        "curate.scans",
        "curate.steward",
        "curate.suppress",
        "curate.turns",
        "curate.stage",
        "curate.barrier",
        "curate.read",
        "curate.recipe",
        "curate.ledger",
        "curate.shards",
        "curate.tokenizer",
        "curate.store",
        "curate.schema",
        "curate.arrow",
        "curate.kernels",
        "curate.card",
        "curate.errors",
    },
    "curate.signoff": {"curate.store", "curate.errors"},
    "curate.steward": {"curate.stage", "curate.errors"},
    "curate.suppress": {"curate.schema", "curate.errors"},
    "curate.review": {
        "curate.arrow",
        "curate.card",
        "curate.ledger",
        "curate.recipe",
        "curate.schema",
        "curate.shards",
        "curate.signoff",
        "curate.stage",
        "curate.steward",
        "curate.store",
        "curate.why",
        "curate.errors",
    },
    "curate.card": {
        "curate.steward",
        "curate.arrow",
        "curate.signoff",
        "curate.ledger",
        "curate.recipe",
        "curate.stage",
        "curate.barrier",
        "curate.schema",
        "curate.store",
        "curate.shards",
        "curate.errors",
    },
    "curate.forget": {
        "curate.suppress",
        "curate.engine",
        "curate.card",
        "curate.ledger",
        "curate.schema",
        "curate.shards",
        "curate.export",
        "curate.store",
        "curate.errors",
    },
    "curate.diff": {
        "curate.card",
        "curate.schema",
        "curate.store",
        "curate.shards",
    },
    "curate.keepers": {"curate.card", "curate.schema", "curate.stage", "curate.store", "curate.errors"},
    "curate.why": {
        "curate.suppress",
        "curate.card",
        "curate.keepers",
        "curate.ledger",
        "curate.recipe",
        "curate.stage",
        "curate.barrier",
        "curate.schema",
        "curate.store",
        "curate.shards",
        "curate.errors",
    },
    "curate.progress": {"curate.engine", "curate.ledger"},
    "train": {"curate.shards", "curate.errors"},
}
"""Room → what of this repository it may import. `__main__`, `api` and the tests may import anything in curate."""
ONLY_HERE = {
    "numba": ("curate/kernels/", "train/kernels.py"),
    "ray": ("curate/engine/ray.py", "train/ray.py"),
    "torch": ("train/", "curate/stages/transformer.py"),
}
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 80


def modules():
    return [path for top in ("curate", "train") for path in sorted((ROOT / top).rglob("*.py"))]


def named(path):
    return str(path.relative_to(ROOT))


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{named(path)}: imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module in ("curate", "train"))


def room(dotted):
    return next((r for r in sorted(MAY_IMPORT, key=len, reverse=True) if dotted == r or dotted.startswith(r + ".")), None)


@pytest.mark.parametrize("path", modules(), ids=named)
def test_imports_only_what_its_room_may(path):
    me = room(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    for name in imports(path):
        other = room(name)
        if other and me and other != me:
            assert other in MAY_IMPORT[me], f"{named(path)} imports {name}; {me} may import only {sorted(MAY_IMPORT[me])}"
        for library, homes in ONLY_HERE.items():
            if name.split(".")[0] == library:
                assert named(path).startswith(homes), f"{named(path)}: {library} belongs to {homes}"


@pytest.mark.parametrize("path", modules(), ids=named)
def test_no_file_and_no_function_is_too_long(path):
    text = path.read_text()
    assert text.count("\n") <= MAX_FILE_LINES, f"{named(path)} has {text.count(chr(10))} lines"
    tree = ast.parse(text)
    assert ast.get_docstring(tree) or not tree.body, f"{named(path)} needs a module docstring"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{named(path)}: {node.name} has {length} lines"


@pytest.mark.parametrize("kind", ["stages", "barriers"])
def test_every_step_has_its_test_file(kind):
    for path in sorted((ROOT / "curate" / kind).glob("[a-z]*.py")):
        assert (ROOT / "tests" / kind / f"test_{path.stem}.py").exists(), f"{named(path)} has no test file of its own"


def test_rows_leave_in_one_place_only():
    guilty = [named(path) for path in modules() if ".filter(" in path.read_text() and path.name != "settle.py" and path.parts[-2] != "card"]
    assert guilty == []


def test_no_room_without_a_name():
    assert [named(path) for path in modules() if path.stem in ("utils", "helpers", "common", "core", "misc")] == []


def test_top_level_stays():
    allowed = {"pyproject.toml", "README.md", "LICENSE", "Dockerfile", "curate", "train", "pipelines", "tests", "data_cards"}
    import subprocess

    listed = subprocess.run(["git", "ls-tree", "--name-only", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    assert {name for name in listed.stdout.split() if not name.startswith(".")} <= allowed
