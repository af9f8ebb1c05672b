"""The other end of the step `datatrove`: runs as a script under an interpreter of the user's that has datatrove and pyarrow, and imports nothing of ours.

It says a line of JSON when it is ready, then answers requests. A frame is eight bytes (its length, little-endian) and an Arrow IPC stream; the schema's
metadata `call` is JSON: the step's dotted name and its arguments. A request holds documents (`id` string, `text` large_string, `metadata` string: JSON);
the answer begins with a frame without rows, whose metadata `about` says what the step is or what is wrong with it, and then has a frame for each
document, so that who reads knows which one the process was at when it died.
"""

import hashlib
import importlib
import inspect
import io
import json
import os
import platform
import random
import re
import sys
from importlib import metadata as installed
from typing import Any, BinaryIO

NEED = "pip install 'datatrove[io,processing,multilingual]' 'xxhash<4'"


class WrongError(Exception):
    """What a user has to put right: the field of the step, what was expected and what was got."""

    def __init__(self, where: str, said: str) -> None:
        super().__init__(said)
        self.where = where


def main() -> None:
    """Serve until the other end closes."""
    sys.path[:] = [folder for folder in sys.path if os.path.realpath(folder or ".") != os.path.dirname(os.path.realpath(__file__))]
    die_with_parent()
    stdin, stdout = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a step prints must not come between the frames
    try:
        import pyarrow  # noqa: F401

        importlib.import_module("datatrove")
        version = installed.version("datatrove")
    except ImportError as error:
        tell(
            stdout,
            {"where": "python", "wrong": f"expected an interpreter with datatrove and pyarrow, got {sys.executable} ({error}); {NEED}"},
        )
        return
    tell(stdout, {"datatrove": version})
    steps: dict[str, Step] = {}
    while True:
        head = stdin.read(8)
        if len(head) < 8:
            return
        answer(stdin.read(int.from_bytes(head, "little")), steps, stdout)


def die_with_parent() -> None:
    """Where the system can (Linux), end with the process that asks, even in the middle of a document."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(1, 9)
    except (ImportError, OSError, AttributeError):
        pass


def tell(stdout: BinaryIO, said: dict[str, str]) -> None:
    """A line of JSON."""
    stdout.write(json.dumps(said).encode() + b"\n")
    stdout.flush()


def answer(request: bytes, steps: "dict[str, Step]", stdout: BinaryIO) -> None:
    """Answer one request."""
    import pyarrow as pa

    with pa.ipc.open_stream(request) as stream:
        call, rows = stream.schema.metadata[b"call"].decode(), stream.read_all()
    try:
        if call not in steps:
            steps[call] = Step(**json.loads(call))
        send(stdout, [], {"about": json.dumps(steps[call].about)})
    except WrongError as wrong:
        send(stdout, [], {"about": json.dumps({"where": wrong.where, "wrong": str(wrong)})})
        return
    for identity, text, known in zip(*(rows[name].to_pylist() for name in ("id", "text", "metadata")), strict=True):
        send(stdout, [steps[call].judge(identity, text, json.loads(known))])


def send(stdout: BinaryIO, rows: list[dict[str, Any]], said: dict[str, str] | None = None) -> None:
    """A frame of answers."""
    import pyarrow as pa

    schema = pa.schema(
        [("kept", pa.bool_()), ("reason", pa.string()), ("text", pa.large_string()), ("metadata", pa.string()), ("error", pa.string())],
        metadata=said or {},
    )
    frame = io.BytesIO()
    with pa.ipc.new_stream(frame, schema) as stream:
        stream.write_table(pa.Table.from_pylist(rows, schema=schema))
    stdout.write(len(frame.getbuffer()).to_bytes(8, "little"))
    stdout.write(frame.getbuffer())
    stdout.flush()


class Step:
    """A filter, or a formatter, with its arguments."""

    def __init__(self, step: str, args: dict[str, Any]) -> None:
        self.document = importlib.import_module("datatrove.data").Document
        self.seed = args.get("seed")
        self.step = made(step, args)
        self.chances = chances(self.step)
        self.about = {**about(type(self.step)), "args": args}

    def judge(self, identity: str, text: str, known: dict[str, Any]) -> dict[str, Any]:
        """The answer for one document."""
        self.draw(identity)
        try:
            document = self.document(text=text, id=identity, metadata=dict(known))
            if hasattr(self.step, "filter"):
                (told,) = self.step.filter_batch([document])
            else:
                told, document.text = True, self.step.format(text)
            kept, reason = told if isinstance(told, tuple) else (told, None)
            document.text.encode()
            changed = {str(key): plain(value) for key, value in document.metadata.items() if key not in known or known[key] != value}
            return {
                "kept": bool(kept),
                "reason": None if kept else str(reason or "filtered"),
                "text": None if document.text == text else document.text,
                "metadata": json.dumps(changed, ensure_ascii=False, sort_keys=True, allow_nan=False) if changed else None,
            }
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}".encode(errors="replace").decode()}

    def draw(self, identity: str) -> None:
        """Chance comes from the document's id and the argument `seed`, not from how many documents were before."""
        number = int.from_bytes(hashlib.blake2b(f"{self.seed}\0{identity}".encode(), digest_size=8).digest(), "little")
        random.seed(number)
        if "numpy" in sys.modules:
            from numpy import random as chance

            chance.seed(number % 2**32)
            for name, method in self.chances:
                generator = chance.default_rng(number)
                setattr(self.step, name, getattr(generator, method) if method else generator)


def made(name: str, args: dict[str, Any]) -> Any:
    """The step of that dotted name."""
    module, _, attribute = name.rpartition(".")
    base = importlib.import_module("datatrove.pipeline.filters.base_filter").BaseFilter
    bases = (base, importlib.import_module("datatrove.pipeline.formatters.base").BaseFormatter)
    try:
        home = importlib.import_module(module) if module else None
    except ImportError as error:
        raise WrongError(
            "step", f"expected the dotted name of a filter that imports, got {name} ({error}); correct it, or install that"
        ) from None
    found = getattr(home, attribute, None)
    if found is None:
        steps = sorted(key for key, value in vars(home or object).items() if isinstance(value, type) and issubclass(value, bases))
        raise WrongError("step", f"expected the dotted name of a filter, got {name}; {near(attribute, steps, module)}")
    if not (isinstance(found, type) and issubclass(found, bases)):
        kinds = "a filter (a BaseFilter of datatrove) or a formatter"
        raise WrongError("step", f"expected {kinds}, got {name}; other steps of datatrove see more than one document, or write files")
    try:
        return found(**args)
    except ImportError as error:
        raise WrongError(
            "python", f"expected what {name} needs, got {' '.join(str(error).split())}; install it for {sys.executable}"
        ) from None
    except Exception as error:
        names = [key for key in inspect.signature(found).parameters if key != "exclusion_writer"]
        unknown = next((key for key in args if key not in names), None)
        advice = near(unknown, names) if unknown else f"it takes {', '.join(names)}"
        raise WrongError(
            "args", f"expected arguments of {name}, got {json.dumps(args)} ({type(error).__name__}: {error}); {advice}"
        ) from None


def near(name: str, names: list[str], module: str = "") -> str:
    """The likeliest names."""
    from difflib import get_close_matches

    close = get_close_matches(name, names, 1)
    listed = f"{module} has {', '.join(names)}" if module else f"it takes {', '.join(names)}"
    return f"did you mean {close[0]}?" if close else listed if names else "correct it"


def chances(step: Any) -> list[tuple[str, str | None]]:
    """(attribute, method or None) of the step's generators of random numbers, and of their methods."""
    if "numpy" not in sys.modules:
        return []
    from numpy.random import Generator

    generators = [(name, None) for name, value in vars(step).items() if isinstance(value, Generator)]
    owned = [(name, value) for name, value in vars(step).items() if isinstance(getattr(value, "__self__", None), Generator)]
    return generators + [(name, value.__name__) for name, value in owned]


def about(kind: type) -> dict[str, Any]:
    """What the step's answers depend on: the interpreter, datatrove and what it requires, and the step's own source where that is elsewhere."""
    source = None
    if not kind.__module__.startswith("datatrove."):
        with open(inspect.getfile(kind), "rb") as file:
            source = hashlib.sha256(file.read()).hexdigest()
    return {
        "step": f"{kind.__module__}.{kind.__name__}",
        "python": platform.python_version(),
        "packages": requirements("datatrove"),
        "source": source,
    }


def requirements(name: str) -> dict[str, str]:
    """{distribution: version} of a distribution, of all it may require, and of all that those require; those that are installed."""
    found, todo = {}, [(name, True)]
    while todo:
        name, extras = todo.pop()
        name = re.sub(r"[-_.]+", "-", name).lower()
        if name in found:
            continue
        try:
            distribution = installed.distribution(name)
        except installed.PackageNotFoundError:
            continue
        found[name] = distribution.version
        for line in distribution.requires or []:
            if extras or "extra ==" not in line:
                todo.append((re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0], False))
    return dict(sorted(found.items()))


def plain(value: Any) -> Any:
    """A value of the metadata as JSON has it; floats to four decimals, so that they do not depend on the CPU."""
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()
    if isinstance(value, float):
        return round(value, 4) + 0.0 if abs(value) < 1e300 else str(value)
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value), key=repr)
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


if __name__ == "__main__":
    main()
