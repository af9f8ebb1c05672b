"""The rows of a run under one number each: first `documents/`, then `removed/`, file by file as their manifests list them.

A file that cannot be read keeps its numbers, so that the others keep theirs; what is wrong with it is noted once and told on every page.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.card.folder import Folder, Rows
from curate.errors import StoreError
from curate.store import File

HELD_BYTES = 192 << 20
"""Texts that were read lately are held up to so many bytes."""
AROUND_ROWS = 512
"""Rows of a row group that are read together; what lies behind them in the group is not decoded."""


@dataclass(frozen=True)
class Part:
    """One Parquet file: where its rows begin in the numbering of the run."""

    rows: Rows
    file: File
    start: int

    @property
    def kept(self) -> bool:
        return self.rows.folder == "documents"


@dataclass
class Parts:
    """All files of a run."""

    folder: Folder
    damage: dict[str, str] = field(default_factory=dict)
    """Path of a file that cannot be read → what is wrong with it."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[int, int, int], pa.Array] = OrderedDict()

    @cached_property
    def all(self) -> tuple[Part, ...]:
        made, start = [], 0
        for rows in (self.folder.documents, self.folder.removed):
            for file in rows.files:
                made.append(Part(rows, file, start))
                start += file.rows
        return tuple(made)

    @cached_property
    def num_rows(self) -> int:
        return sum(part.file.rows for part in self.all)

    @cached_property
    def starts(self) -> np.ndarray:
        return np.array([part.start for part in self.all], dtype=np.int64)

    @cached_property
    def schema(self) -> dict[str, pa.DataType]:
        """Columns of both folders, from the first file of each that opens."""
        found: dict[str, pa.DataType] = {}
        for rows in (self.folder.documents, self.folder.removed):
            for part in (part for part in self.all if part.rows is rows):
                opened = self.open(part)
                if opened is not None:
                    found |= {one.name: one.type for one in opened.schema_arrow}
                    break
        return found

    def open(self, part: Part) -> pq.ParquetFile | None:
        """The file; None if it is damaged, which is then noted."""
        if part.file.path in self.damage:
            return None
        try:
            return part.rows.parquet(part.file)
        except (StoreError, pa.ArrowException, OSError) as error:
            self.damage[part.file.path] = str(error)
            return None

    def table(self, part: Part, columns: Sequence[str]) -> pa.Table | None:
        """Those of the columns that the file has, all rows of it; None if it is damaged. For narrow columns, not for texts."""
        with Closing(self.open(part)) as opened:
            if opened is None:
                return None
            try:
                return opened.read(columns=[name for name in columns if name.partition(".")[0] in opened.schema_arrow.names])
            except (pa.ArrowException, OSError) as error:
                self.damage[part.file.path] = str(part.rows.damaged(part.file, error))
                return None

    def groups(self, part: Part, columns: Sequence[str] | None = None) -> Iterator[tuple[int, pa.Table]]:
        """(number of the first row, rows) of each row group that can be read; all columns but `raw` if none are named."""
        with Closing(self.open(part)) as opened:
            if opened is None:
                return
            names = [name for name in opened.schema_arrow.names if name != "raw" and (columns is None or name in columns)]
            first = part.start
            for number in range(opened.num_row_groups):
                try:
                    yield first, opened.read_row_group(number, columns=names)
                except (pa.ArrowException, OSError) as error:
                    self.damage[part.file.path] = str(part.rows.damaged(part.file, error))
                    return
                first += opened.metadata.row_group(number).num_rows

    def part_of(self, number: int) -> Part:
        """The file that holds a row."""
        return self.all[int(np.searchsorted(self.starts, number, side="right")) - 1]

    def row(self, number: int, columns: Sequence[str] | None = None) -> dict[str, Any] | None:
        """One row with all columns but `raw`, or with those named, less `text`; None if its file is damaged."""
        part = self.part_of(number)
        with Closing(self.open(part)) as opened:
            if opened is None:
                return None
            group, inside = _group_of(opened, number - part.start)
            names = [name for name in opened.schema_arrow.names if name not in ("raw", "text") and (columns is None or name in columns)]
            try:
                found = _around(opened, group, inside, names).slice(inside % AROUND_ROWS, 1).to_pylist()[0]
            except (pa.ArrowException, OSError) as error:
                self.damage[part.file.path] = str(part.rows.damaged(part.file, error))
                return None
        return found if columns is not None else found | {"text": self.text(number)}

    def text(self, number: int) -> str | None:
        """One text; None if there is none. Those around it are held for the next one who asks."""
        part = self.part_of(number)
        with Closing(self.open(part)) as opened:
            if opened is None or "text" not in opened.schema_arrow.names:
                return None
            group, inside = _group_of(opened, number - part.start)
            key = (part.start, group, inside // AROUND_ROWS)
            with self._lock:
                texts = self._held.get(key)
                if texts is not None:
                    self._held.move_to_end(key)
            if texts is None:
                try:
                    texts = _around(opened, group, inside, ["text"])["text"]
                except (pa.ArrowException, OSError) as error:
                    self.damage[part.file.path] = str(part.rows.damaged(part.file, error))
                    return None
                self._hold(key, texts)
            value = texts[inside % AROUND_ROWS].as_py()
            return None if value is None else str(value)

    def _hold(self, key: tuple[int, int, int], texts: pa.Array) -> None:
        with self._lock:
            self._held[key] = texts
            while len(self._held) > 1 and sum(one.nbytes for one in self._held.values()) > HELD_BYTES:
                self._held.popitem(last=False)


def _around(opened: pq.ParquetFile, group: int, inside: int, columns: Sequence[str]) -> pa.RecordBatch:
    """The AROUND_ROWS rows of a row group among which one is."""
    batches = opened.iter_batches(batch_size=AROUND_ROWS, row_groups=[group], columns=list(columns), use_threads=False)
    return next(batch for number, batch in enumerate(batches) if number == inside // AROUND_ROWS)


def _group_of(opened: pq.ParquetFile, inside: int) -> tuple[int, int]:
    """Row group of a row of a file, and the row's number in it."""
    for number in range(opened.num_row_groups):
        count = opened.metadata.row_group(number).num_rows
        if inside < count:
            return number, inside
        inside -= count
    raise IndexError(inside)


class Closing:
    """`with` for a file that may be None."""

    def __init__(self, opened: pq.ParquetFile | None):
        self.opened = opened

    def __enter__(self) -> pq.ParquetFile | None:
        return self.opened

    def __exit__(self, *error: object) -> None:
        if self.opened is not None:
            self.opened.close()


def strings(column: pa.ChunkedArray) -> list[str | None]:
    """A column of strings as Python has them; bytes that are no UTF-8 are replaced."""
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        return [None if one is None else one.decode("utf-8", "replace") for one in pc.cast(column, pa.large_binary()).to_pylist()]
