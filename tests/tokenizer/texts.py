"""Text that is on any machine where the tests run: docstrings of the standard library and of installed packages; and what Hypothesis
draws from."""

import ast
import sysconfig
from functools import lru_cache
from pathlib import Path

from hypothesis import strategies as st

TRICKY = "ab'sStTrReEvVlLdDmM 129²\n\r\t\u00a0\u2003é한́ſ。-!😀漢\u0301"
"""Letters of contractions, digits, blanks of every kind, a letter outside ASCII that folds to s, marks."""

short_texts = st.text(st.sampled_from(TRICKY), max_size=24) | st.text(max_size=24)


@lru_cache
def docstrings(num_bytes):
    """At least `num_bytes` bytes of docstrings, in the order of file names, or all there are."""
    found, size = [], 0
    for key in ("stdlib", "purelib"):
        for path in sorted(Path(sysconfig.get_path(key)).rglob("*.py")):
            if "test" in path.name or size >= num_bytes:
                continue
            try:
                tree = ast.parse(path.read_text(encoding="utf-8"))
            except (SyntaxError, UnicodeDecodeError, ValueError):
                continue
            nodes = (n for n in ast.walk(tree) if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef))
            texts = [doc for doc in map(ast.get_docstring, nodes) if doc]
            texts = [doc.encode("utf-8", "replace").decode() for doc in texts]
            found += texts
            size += sum(map(len, texts))
    return tuple(found)
