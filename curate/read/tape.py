"""A tape: bytes that arrive in pieces, with lookahead and skipping, so that framing never holds more than one record."""

from collections.abc import Callable, Iterator

from curate.read.packing import DamageError


class Jumping:
    """Pieces of a plain file that can jump."""

    def __init__(self, at: Callable[[int, int], bytes], size: int, start: int, step: int = 1 << 16) -> None:
        self._read, self.size, self._at, self._step = at, size, start, step

    def __iter__(self) -> "Jumping":
        return self

    def __next__(self) -> bytes:
        piece = self._read(self._at, self._step)
        if not piece:
            raise StopIteration
        self._at += len(piece)
        return piece

    def jump(self, at: int) -> None:
        """Go on from `at`."""
        self._at = at


class Tape:
    """Bytes from pieces, with lookahead. `damage` holds the message if the pieces ended in DamageError."""

    def __init__(self, pieces: Iterator[bytes], at: int = 0) -> None:
        self._pieces = pieces
        self._buffer = b""
        self._used = 0
        self._at = at
        self.damage: str | None = None

    @property
    def at(self) -> int:
        """Position in the stream."""
        return self._at

    def ahead(self, length: int) -> bytes:
        """The next `length` bytes without moving; fewer only at the end."""
        have = len(self._buffer) - self._used
        if have < length:
            parts = [self._buffer[self._used :]]
            while have < length and (piece := self._next()):
                parts.append(piece)
                have += len(piece)
            self._buffer, self._used = b"".join(parts), 0
        return self._buffer[self._used : self._used + length]

    def _next(self) -> bytes:
        try:
            return next(self._pieces, b"")
        except DamageError as damage:
            self.damage = str(damage)
            return b""

    def read(self, length: int) -> bytes:
        """The next `length` bytes; fewer only at the end."""
        data = self.ahead(length)
        self._move(len(data))
        return data

    def _move(self, length: int) -> None:
        self._used += length
        self._at += length

    def skip(self, length: int) -> int:
        """Move on by `length`, jumping where the source can; returns how far it went, less only at the end."""
        done = min(length, len(self._buffer) - self._used)
        self._move(done)
        if isinstance(self._pieces, Jumping) and done < length:
            step = min(length - done, self._pieces.size - self._at)
            self.rewind(self._at + step)
            return done + step
        while done < length and (piece := self._next()):
            self._buffer, self._used = piece, 0
            step = min(length - done, len(piece))
            self._move(step)
            done += step
        return done

    @property
    def rewinds(self) -> bool:
        """Whether `rewind` works."""
        return isinstance(self._pieces, Jumping)

    def rewind(self, at: int) -> None:
        """Go on from stream position `at`; only for sources that can jump."""
        assert isinstance(self._pieces, Jumping)
        self._pieces.jump(at)
        self._buffer, self._used, self._at = b"", 0, at
