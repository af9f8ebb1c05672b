"""Files of words and addresses that a recipe names, one entry a line: whether they are there, and which version of them a task used.

`package:NAME/FILE` is a file that an installed package brings along, such as `package:better_profanity/profanity_wordlist.txt`.
"""

from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from curate.errors import SourceError

PACKAGE = "package:"


def place(path: str) -> Path:
    """Where a file lies. ValueError for one of a package that is not installed, or is installed as an archive."""
    if not path.startswith(PACKAGE):
        return Path(path)
    name, _, inside = path.removeprefix(PACKAGE).partition("/")
    try:
        found = files(name).joinpath(inside)
    except (ModuleNotFoundError, ValueError, TypeError):
        raise ValueError(f"expected a file of an installed package, got {path}: no package {name}; install it") from None
    return Path(str(found))


def there(paths: list[str]) -> list[str]:
    """The paths; ValueError, for a config's validator, where one leads to no file."""
    for path in paths:
        if not place(path).is_file():
            raise ValueError(f"expected a file with one entry a line, got {path}; give a path that exists")
    return paths


def digests(paths: Sequence[str]) -> dict[str, str]:
    """Path → sha256 of the file: what a stage's `models` returns, so that an edited list is another task."""
    return {path: "sha256:" + sha256(place(path).read_bytes()).hexdigest() for path in paths}


def entries(paths: Sequence[str], step: str) -> list[str]:
    """The lines of files in UTF-8; one that begins with `# ` is a comment. SourceError, which names the step, for a file that cannot be read."""
    found: list[str] = []
    for path in paths:
        try:
            lines = place(path).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise SourceError(f"{step}: expected a readable list in UTF-8, got {path}: {error}; convert it or give another") from error
        found += [line for line in lines if line != "#" and not line.startswith("# ")]
    return found
