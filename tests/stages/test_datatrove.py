"""Datatrove: the protocol with a small datatrove of our own in the other process; with the real one where CURATE_DATATROVE_PYTHON names an interpreter."""

import os
import signal

import pyarrow as pa
import pytest
from awkward_texts import TEXTS

from curate import datatrove as peers
from curate.engine.steps import StageCall, Walk
from curate.errors import SourceError, StageError
from curate.ledger import Balance
from curate.stage import load
from curate.stages.datatrove import Config, DatatroveError, models

PYTHON = os.environ.get("CURATE_DATATROVE_PYTHON")
DATATROVE = {
    "__init__.py": "",
    "data.py": """
from dataclasses import dataclass, field
@dataclass
class Document:
    text: str
    id: str
    metadata: dict = field(default_factory=dict)
""",
    "pipeline/__init__.py": "",
    "pipeline/formatters/__init__.py": "",
    "pipeline/formatters/base.py": "class BaseFormatter:\n    pass\n",
    "pipeline/filters/base_filter.py": """
class BaseFilter:
    def filter_batch(self, batch):
        return [self.filter(one) for one in batch]
""",
    "pipeline/filters/__init__.py": """
import os, pathlib, sys
from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.pipeline.formatters.base import BaseFormatter
class WordFilter(BaseFilter):
    '''Removes texts with `word`, cuts `cut` out of the others, and does what texts tell it.'''
    def __init__(self, word="bad", cut="", once=None, seed=None):
        if not isinstance(word, str):
            raise ValueError("word must be text")
        self.word, self.cut, self.once = word, cut, once
    def filter(self, doc):
        print("noise for whoever listens")
        if "raise" in doc.text:
            return 1 / 0
        if "die" in doc.text:
            os.kill(os.getpid(), 9)
        if "falter" in doc.text and not os.path.exists(self.once):
            pathlib.Path(self.once).touch()
            sys.exit(3)
        if "surrogate" in doc.text:
            doc.text = chr(0xD800)
        doc.metadata["words"] = len(doc.text.split())
        doc.metadata["share"] = 1 / 3
        doc.metadata["saw"] = doc.metadata.get("url")
        if self.word in doc.text:
            return False, "has the\\nword"
        if self.cut:
            doc.text = doc.text.replace(self.cut, "")
        return "plain no" not in doc.text
class ChanceFilter(BaseFilter):
    def __init__(self, seed=None):
        import numpy as np
        self.uniform = np.random.default_rng().uniform
    def filter(self, doc):
        return self.uniform() < 0.5
class UpperFormatter(BaseFormatter):
    def format(self, text):
        return text.upper()
class Reader:
    pass
""",
}
FILTERS = "datatrove.pipeline.filters"
stage = load("datatrove")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a datatrove of version 0.0.1."""
    folder = tmp_path_factory.mktemp("home")
    for name, source in DATATROVE.items():
        (folder / "datatrove" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "datatrove" / name).write_text(source)
    info = folder / "datatrove-0.0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: datatrove\nVersion: 0.0.1\nRequires-Dist: PyArrow>=1\nRequires-Dist: not-there\n"
    )
    yield folder
    peers.close()


def config(home, name="WordFilter", **more):
    return Config(step=f"{FILTERS}.{name}", path=(str(home),), **more)


def batch(texts):
    ids = pa.array([bytes([n]) * 16 for n in range(len(texts))], pa.binary(16))
    urls = [f"https://example.org/{n}" for n in range(len(texts))]
    return pa.record_batch({"id": ids, "text": pa.array(texts, pa.large_string()), "url": pa.array(urls)})


def run(rows, config):
    measured = stage.measure(rows, config, "d")
    return {name.removeprefix("d__"): column.to_pylist() for name, column in measured.items()}


def test_what_the_step_says_becomes_columns(home):
    out = run(batch(["good cut text", "bad", None, "", "plain no"]), config(home, args={"cut": "cut "}, columns={"words": "whole"}))
    assert out["text"] == ["good text", "bad", None, "", "plain no"]
    assert out["edits"] == [1, 0, None, 0, 0]
    assert out["drop"] == [None, "has the word", None, None, "filtered"]
    assert out["value"] == out["drop"]
    assert out["threshold"] == [None, "WordFilter", None, None, "WordFilter"]
    assert out["words"] == [3, 1, None, 0, 2]
    assert out["metadata"][0] == '{"saw": "https://example.org/0", "share": 0.3333}'
    assert out["metadata"][2] is None


def test_a_formatter_is_a_step_too(home):
    assert run(batch(["ab", None]), config(home, "UpperFormatter"))["text"] == ["AB", None]


def test_awkward_texts_cuts_and_order_change_nothing(home):
    texts = [*TEXTS, "more bad"]
    for name in ("WordFilter", "ChanceFilter"):
        rows, setting = batch(texts), config(home, name, args={"seed": 3})
        whole = run(rows, setting)
        parts = [run(rows.slice(start, 7), setting) for start in range(0, len(texts), 7)]
        assert {key: [one for part in parts for one in part[key]] for key in whole} == whole
        back = run(rows.take(pa.array(range(len(texts))[::-1])), setting)
        assert {key: values[::-1] for key, values in back.items()} == whole
    assert 0 < sum(one is None for one in whole["drop"]) < len(texts)
    assert run(rows, config(home, "ChanceFilter", args={"seed": 4}))["drop"] != whole["drop"]


def test_a_document_that_raises_or_kills_the_process_is_an_error_and_no_other(home, tmp_path):
    texts = ["fine", "raise", "die", "bad", "falter", "surrogate", "last"]
    walk = Walk(batch(texts), Balance())
    walk.run(StageCall(step="d", stage=stage, config=config(home, args={"once": str(tmp_path / "once")})))
    assert walk.failed.tolist() == [
        None,
        ("d", "DatatroveError: ZeroDivisionError: division by zero"),
        ("d", "DatatroveError: expected the step to return, got the death of its process (signal 9)"),
        None,
        None,
        ("d", "DatatroveError: UnicodeEncodeError: 'utf-8' codec can't encode character '\\ud800' in position 0: surrogates not allowed"),
        None,
    ]
    assert walk.batch["d__drop"].to_pylist() == [None, None, None, "has the word", None, None, None]
    assert walk.batch["text"].to_pylist() == texts


def test_a_process_that_died_between_batches_is_started_again(home):
    setting = config(home)
    run(batch(["one"]), setting)
    process = peers.peer(None, (str(home),))._process
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert run(batch(["bad"]), setting)["drop"] == ["has the word"]


def test_metadata_of_another_type_than_declared(home):
    with pytest.raises(DatatroveError, match=r"^columns.saw: expected number, got 'https://example.org/0'; declare what the step adds$"):
        run(batch(["one"]), config(home, columns={"saw": "number"}))
    with pytest.raises(ValueError, match="expected keys of lower case words joined by single underscores"):
        config(home, columns={"edits": "whole"})


def test_the_name_of_the_task_has_versions_and_arguments(home):
    ((name, digest),) = models(config(home)).items()
    assert (name, digest[:7]) == ("datatrove 0.0.1", "sha256:")
    call = StageCall(step="d", stage=stage, config=config(home, args={"word": "x"})).identity()
    assert call["config"]["args"] == {"word": "x"}
    assert call["models"] == {name: digest}
    about = peers.peer(None, (str(home),)).about(peers.calls(f"{FILTERS}.WordFilter", {}))
    assert about["packages"]["datatrove"] == "0.0.1"
    assert about["packages"]["pyarrow"] == pa.__version__
    (home / "mine.py").write_text(f"from {FILTERS} import WordFilter\nclass Mine(WordFilter):\n    pass\n")
    mine = Config(step="mine.Mine", path=(str(home),))
    assert models(mine)[name] != digest


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"step": f"{FILTERS}.WordsFilter"}, r"step: expected the dotted name of a filter, got .*WordsFilter; did you mean WordFilter\?"),
        (
            {"step": "nowhere.Filter"},
            r"step: expected the dotted name of a filter that imports, got nowhere.Filter \(No module named 'nowhere'\)",
        ),
        ({"step": "WordFilter"}, r"step: expected the dotted name of a filter, got WordFilter; correct it"),
        ({"step": f"{FILTERS}.Reader"}, r"step: expected a filter \(a BaseFilter of datatrove\) or a formatter, got .*Reader; other steps"),
        ({"args": {"words": 1}}, r'args: expected arguments of .*WordFilter, got \{"words": 1\} \(TypeError: .*\); did you mean word\?'),
        ({"args": {"word": 1}}, r"args: .*\(ValueError: word must be text\); it takes word, cut, once, seed"),
        ({"python": "/no/python"}, r"python: expected a Python interpreter, got /no/python, which is none; name one with datatrove"),
        (
            {"python": "true"},
            r"python: expected a Python interpreter with datatrove, got .*true, the end of its process \(exit code 0\); try",
        ),
        ({"path": ()}, r"python: expected an interpreter with datatrove and pyarrow, got .* \(No module named 'datatrove'\); pip install"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_read(home, more, message):
    setting = Config(**({"step": f"{FILTERS}.WordFilter", "path": (str(home),)} | more))
    with pytest.raises(SourceError, match=f"^datatrove: {message}"):
        models(setting)
    if not more.keys() & {"python", "path"}:  # the same words from a worker whose machine has another environment
        with pytest.raises(StageError, match=f"^datatrove: {message}"):
            run(batch(["text"]), setting)


@pytest.mark.skipif(PYTHON is None, reason="CURATE_DATATROVE_PYTHON names no interpreter with datatrove")
@pytest.mark.parametrize(("ours", "name"), [("c4", "C4QualityFilter"), ("gopher_quality", "GopherQualityFilter")])
def test_the_real_one_decides_as_our_stages_do(ours, name):
    prose = "The quick brown fox has seen that the dog is lazy. It is not the first time, and it will be with us for long.\n"
    texts = ["short.", prose * 12, prose * 4 + "one\nlorem ipsum is here.", prose * 5 + "Terms of use and more.\n{", "# - 1 2 3 " * 40]
    peer = load(ours)
    measured = peer.measure(batch(texts), peer.config(), "s")
    mine = (measured | peer.judge(measured, peer.config(), "s"))["s__drop"].to_pylist()
    args = {"filter_no_terminal_punct": False} if ours == "c4" else {}
    theirs = run(batch(texts), Config(step=f"{FILTERS}.{name}", args=args, python=PYTHON))
    assert [one is None for one in theirs["drop"]] == [one is None for one in mine]
    assert 0 < sum(one is None for one in mine) < len(texts)
    if ours == "c4":
        assert theirs["text"] == measured["text"].to_pylist()
