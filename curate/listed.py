"""Files of words and addresses that a recipe names, one entry a line: whether they are there, and which version of them a task used."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path


def there(paths: list[str]) -> list[str]:
    """The paths; ValueError, for a config's validator, where one leads to no file."""
    for path in paths:
        if not Path(path).is_file():
            raise ValueError(f"expected a file with one entry a line, got {path}; give a path that exists")
    return paths


def digests(paths: Sequence[str]) -> dict[str, str]:
    """Path → sha256 of the file: what a stage's `models` returns, so that an edited list is another task."""
    return {path: "sha256:" + sha256(Path(path).read_bytes()).hexdigest() for path in paths}
