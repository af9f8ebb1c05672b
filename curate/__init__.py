"""Turn crawls and collections into a training corpus in which every document can be explained.

read ──► stages ──► barrier ──► stages ──► … ──► tokenize ──► shards ──► train

`curate.run(recipe)` makes a corpus, `curate.open(run)` reads one; `curate --help` is the same on the command line.
The contracts are short: `stage.py` (a pure function over a batch), `barrier.py` (sees all documents), `engine/` (runs them).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curate.api import open, run

__all__ = ["open", "run"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load the Python API on first use, so that importing one room does not furnish the whole house."""
    if name in __all__:
        from curate import api

        return getattr(api, name)
    raise AttributeError(f"module 'curate' has no attribute {name!r}; it offers {__all__}")
