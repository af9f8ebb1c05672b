"""Steps of datatrove in a process of their own: whatever they need is installed for another interpreter, none of it here.

`peer` gives this process's connection to such an interpreter, started when it is first needed and again when it died; `server.py` is the other end.
"""

import atexit
import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from curate.errors import StageError

SERVER = Path(__file__).with_name("server.py")
STRIKES = 2
"""How often the process must die on a document before the document is an error: the first death may have had another cause."""
REQUEST = pa.schema([("id", pa.string()), ("text", pa.large_string()), ("metadata", pa.string())])
LINES_KEPT = 20
REAP_SECONDS = 10


class Answer(NamedTuple):
    """What a step said of one document."""

    kept: bool | None
    """None: it raised `error`."""
    reason: str | None
    text: str | None
    """The text that it made; None: as it was."""
    metadata: str | None
    """JSON of the metadata that it added or changed."""
    error: str | None


class _DiedError(Exception):
    """The process ended while it was at the documents behind `answers`."""

    def __init__(self, answers: list[Answer], began: bool) -> None:
        super().__init__()
        self.answers = answers
        self.began = began
        """Whether it had the request."""


class Peer:
    """An interpreter with datatrove, as a process that this one talks to. One request at a time."""

    def __init__(self, python: str, path: tuple[str, ...]) -> None:
        self.python = python
        self._path = path
        self._process: subprocess.Popen[bytes] | None = None
        self._said: deque[bytes] = deque(maxlen=LINES_KEPT)
        self._lock = threading.Lock()
        self._end = ""
        """How the last process ended, the same in words for the same cause."""

    def about(self, call: str) -> dict[str, Any]:
        """What the step is and what its answers depend on. StageError where it cannot be made; the message names the field."""
        try:
            found: dict[str, Any] = {}
            list(self._ask(call, REQUEST.empty_table(), found))
        except _DiedError:
            raise self._useless("ended while it made the step") from None
        return found

    def judge(self, call: str, rows: pa.Table) -> list[Answer]:
        """The answers for documents (REQUEST), in their order. A document that ends the process is an error; the others are asked again."""
        answers: list[Answer] = []
        strikes = 0
        while len(answers) < rows.num_rows:
            try:
                answers += self._ask(call, rows.slice(len(answers)), {})
            except _DiedError as died:
                strikes = 1 if died.answers else strikes + 1
                answers += died.answers
                if strikes >= STRIKES and not died.began:
                    raise StageError(f"datatrove: python: expected answers from {self.python}, got {self._end}; see what ends it") from None
                if strikes >= STRIKES:
                    answers.append(Answer(None, None, None, None, f"expected the step to return, got {self._end}"))
                    strikes = 0
        return answers

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            for stream in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    stream.close()  # type: ignore[union-attr]
            process.kill()
            process.wait()

    def _ask(self, call: str, rows: pa.Table, about: dict[str, Any]) -> list[Answer]:
        """One request; `about` takes what the step says of itself. _DiedError with what was answered before."""
        with self._lock:
            process = self._started()
            answers: list[Answer] = []
            began = False
            try:
                process.stdin.write(_framed(rows.replace_schema_metadata({"call": call})))  # type: ignore[union-attr]
                process.stdin.flush()  # type: ignore[union-attr]
                about |= json.loads(self._frame(process).schema.metadata[b"about"])
                began = True
                if "wrong" in about:
                    raise StageError(f"datatrove: {about['where']}: {about['wrong']}")
                while len(answers) < rows.num_rows:
                    answers += [Answer(**row) for row in self._frame(process).to_pylist()]
                return answers
            except (EOFError, OSError):
                self._reap()
                raise _DiedError(answers, began) from None

    def _started(self) -> "subprocess.Popen[bytes]":
        """The process, alive; a new one says first whether it has what it needs."""
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
        environment |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONHASHSEED": "0"}
        if self._path:
            environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(folder) for folder in self._path)
        self._said.clear()
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        try:
            self._process = subprocess.Popen([self.python, str(SERVER)], env=environment, **pipes)  # type: ignore[call-overload]
        except OSError as error:
            raise StageError(
                f"datatrove: python: expected a Python interpreter, got {self.python} ({error.strerror}); name another"
            ) from None
        process: subprocess.Popen[bytes] = self._process
        threading.Thread(target=self._said.extend, args=(process.stderr,), daemon=True).start()
        try:
            hello = json.loads(process.stdout.readline())  # type: ignore[union-attr]
        except (ValueError, OSError):
            self._reap()
            raise self._useless(self._end) from None
        if "wrong" in hello:
            self.close()
            raise StageError(f"datatrove: {hello['where']}: {hello['wrong']}")
        return process

    @staticmethod
    def _frame(process: "subprocess.Popen[bytes]") -> pa.Table:
        """The next frame. EOFError where the process ended."""
        head = process.stdout.read(8)  # type: ignore[union-attr]
        size = int.from_bytes(head, "little")
        frame = process.stdout.read(size) if len(head) == 8 else b""  # type: ignore[union-attr]
        if len(frame) < max(1, size):
            raise EOFError
        with pa.ipc.open_stream(frame) as stream:
            return stream.read_all()

    def _reap(self) -> None:
        """Wait for the end of a process that answers no more."""
        assert self._process is not None
        try:
            code = self._process.wait(REAP_SECONDS)
        except subprocess.TimeoutExpired:
            code = 0  # it closed its side and lives on
        self._end = f"the death of its process (signal {-code})" if code < 0 else f"the end of its process (exit code {code})"
        self.close()

    def _useless(self, how: str) -> StageError:
        """The error of an interpreter that does not answer."""
        last = b" ".join(self._said).decode(errors="replace").split()
        self.close()
        said = f", saying {' '.join(last)[-300:]}" if last else ""
        return StageError(
            f"datatrove: python: expected a Python interpreter with datatrove, got {self.python}, {how}{said}; try `{self.python} -c 'import datatrove'`"
        )


def _framed(rows: pa.Table) -> bytes:
    """A table as a frame."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    frame = sink.getvalue()
    return frame.size.to_bytes(8, "little") + frame.to_pybytes()


_PEERS: dict[tuple[int, str, tuple[str, ...]], Peer] = {}


def peer(python: str | None, path: tuple[str, ...]) -> Peer:
    """This process's peer under the interpreter `python`; None: the one that we run under. StageError where there is none of that name."""
    name = os.path.expanduser(python or sys.executable)
    found = shutil.which(name)
    if found is None:
        advice = "name one with datatrove: python -m venv dt && dt/bin/pip install 'datatrove[io,processing,multilingual]' 'xxhash<4'"
        raise StageError(f"datatrove: python: expected a Python interpreter, got {name}, which is none; {advice}")
    key = (os.getpid(), found, path)
    if key not in _PEERS:
        _PEERS[key] = Peer(found, path)
    return _PEERS[key]


def calls(step: str, args: dict[str, Any]) -> str:
    """A step with its arguments, as a request names it."""
    return json.dumps({"step": step, "args": args}, sort_keys=True)


def close() -> None:
    """End the processes that this one started."""
    for (process, *_), one in _PEERS.items():
        if process == os.getpid():
            one.close()
    _PEERS.clear()


atexit.register(close)
