"""The tools: numba over numpy; no Arrow, no Python objects. Each has a slow twin in the tests.

Compiled code is cached per machine under a digest of all kernel sources: numba's own cache does not see an edit in a function that was imported
from another file, and a stale kernel would be a silent wrong answer.
"""

import os
import sys
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path


def cache_folder() -> Path:
    """Where compiled kernels lie: below CURATE_CACHE, or the user's cache folder."""
    base = os.environ.get("CURATE_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "curate")
    digest = sha256(version("numba").encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    return Path(base) / f"kernels-{digest.hexdigest()[:16]}"


if "NUMBA_CACHE_DIR" not in os.environ or "curate/kernels-" in os.environ["NUMBA_CACHE_DIR"].replace(os.sep, "/"):
    os.environ["NUMBA_CACHE_DIR"] = str(cache_folder())
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]
