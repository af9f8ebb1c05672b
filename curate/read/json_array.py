"""One JSON array over a whole file, or objects that are spread over lines, one after the other: the values in bounded memory, with the bytes that each
of them is.

Price: the standard library's parser; a value that does not end in what is held is parsed again when twice as much is there. Misses: an array
inside an object.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

BETWEEN = re.compile(r"[\s,\ufeff]*")
ESCAPE = "surrogateescape"


_SPREAD = re.compile(rb"\[|\{[ \t]*\r?\n")


def begins(head: bytes) -> bool:
    """Whether a file that starts so is an array, or an object over several lines. No line of JSON lines starts so, since those are objects."""
    return _SPREAD.match(head.removeprefix(b"\xef\xbb\xbf").lstrip()) is not None


class _Window:
    """What is held of a file: text from byte `at` on, of which `place` characters are done."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces, self.decoder = iter(pieces), codecs.getincrementaldecoder("utf-8")(ESCAPE)
        self.text, self.at, self.place, self.over = "", 0, 0, False

    def pass_over(self, end: int) -> int:
        """Go to a place; the bytes up to it."""
        length = len(self.text[self.place : end].encode("utf-8", ESCAPE))
        self.at, self.place = self.at + length, end
        return length

    def grow(self) -> None:
        """Hold twice as much, or all that is left."""
        self.text, self.place = self.text[self.place :], 0
        wanted = 2 * len(self.text) + 1
        while len(self.text) < wanted and not self.over:
            piece = next(self.pieces, b"")
            self.over = not piece
            self.text += self.decoder.decode(piece, final=self.over)

    def between(self) -> str:
        """The next character that is not between values; nothing where the file is over."""
        while True:
            gap = BETWEEN.match(self.text, self.place)
            self.pass_over(gap.end() if gap else self.place)
            if self.place < len(self.text) or self.over:
                return self.text[self.place : self.place + 1]
            self.grow()


def values(pieces: Iterable[bytes], longest: int) -> Iterator[tuple[int, int, Any]]:
    """(offset, length, value) of the values of an array, in bytes. ValueError, after the last sound one, where it is damaged, where it does not
    end, or where a value has more than `longest` characters. Bytes that are no UTF-8 come as lone surrogates."""
    window, parser = _Window(pieces), json.JSONDecoder()
    if array := window.between() == "[":
        window.pass_over(window.place + 1)
    while (next_one := window.between()) != "]" or not array:
        if not next_one and not array:
            return
        if not next_one:
            raise ValueError("expected a JSON array that ends with ], got the end of the file")
        try:
            value, end = parser.raw_decode(window.text, window.place)
        except (ValueError, RecursionError) as error:
            shown = window.text[window.place : window.place + 40]
            if window.over or isinstance(error, RecursionError):
                raise ValueError(f"expected a value of a JSON array, got {shown!r} ({type(error).__name__})") from None
            if len(window.text) - window.place > longest:
                raise ValueError(f"expected a value of at most {longest} characters in a JSON array, got {shown!r}…") from None
            window.grow()
            continue
        if end == len(window.text) and not window.over:  # a number may go on
            window.grow()
            continue
        offset = window.at
        yield offset, window.pass_over(end), value
