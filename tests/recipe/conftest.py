"""Tiny stages and a barrier that stand beside the installed ones while recipes are tested, and recipes from text."""

import importlib
import itertools
import sys
import textwrap
from contextlib import contextmanager
from functools import partial

import pytest

from curate import barrier, recipe, stage
from curate.errors import RecipeError
from curate.recipe.parse import training_config

STEPS = {
    "stages/tag_strip.py": '''
        """Strips tags. Makes text of raw."""
        import pyarrow as pa
        from curate.stage import Config as Base, stage

        class Config(Base):
            """None needed."""

        @stage(version=1, reads=("raw", "text"), adds={"edits": pa.int64()}, replaces=("text",))
        def tag_strip(batch, config: Config):
            return {}
    ''',
    "stages/wordy.py": '''
        """Counts words."""
        from typing import Annotated, Literal
        import pyarrow as pa
        from pydantic import Field, field_validator
        from curate.stage import Config as Base, Rule, stage

        class Config(Base):
            """How many words."""

            min_words: int | None = Field(default=50, ge=0)
            """Fewer words leave."""
            max_words: int | None = 100_000
            """More words leave."""
            min_score: Annotated[float, Field(ge=0, le=1)] = 0.65
            """A share."""
            keep: tuple[str, ...] = ("en",)
            """Languages."""
            mode: Literal["fast", "exact"] = "fast"
            """How."""
            strip: bool = False
            """Whether."""
            word: str = "the"
            """One word."""
            file: str | None = None
            """A list of words."""

            @field_validator("word")
            @classmethod
            def _short(cls, word):
                if len(word) > 20:
                    raise ValueError("expected at most 20 letters")
                return word

        @stage(version=1, reads=("text",), adds={"words": pa.int64()},
               rules=(Rule("too_few", "words", "<", "min_words"), Rule("too_many", "words", ">", "max_words")))
        def wordy(batch, config: Config):
            return {}
    ''',
    "stages/after_wordy.py": '''
        """Reads what wordy measured."""
        import pyarrow as pa
        from curate.stage import Config as Base, stage

        class Config(Base):
            """None needed."""

        @stage(version=1, reads=("wordy__words",), adds={"twice": pa.int64()})
        def after_wordy(batch, config: Config):
            return {}
    ''',
    "stages/raw_look.py": '''
        """Looks at raw bytes."""
        import pyarrow as pa
        from curate.stage import Config as Base, stage

        class Config(Base):
            """One field has no default."""

            needle: str
            """What to look for."""

        @stage(version=1, reads=("raw",), adds={"found": pa.bool_()})
        def raw_look(batch, config: Config):
            return {}
    ''',
    "barriers/same_text.py": '''
        """Removes copies."""
        from curate.barrier import Barrier, Config as Base, Round
        from curate.stage import VERDICT

        class Config(Base):
            """Which copy stays."""

            best: tuple[str, ...] = ()
            """Columns to sort by."""

        same_text = Barrier(name="same_text", version=1, config=Config, reads=lambda config: ("text", *config.best),
                            rounds=lambda config: (), adds=VERDICT, module=__name__)
    ''',
}


@contextmanager
def installed(root, files):
    """Step modules beside the installed ones for as long as this lasts."""
    packages = {kind: importlib.import_module(f"curate.{kind}") for kind in ("stages", "barriers")}
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(textwrap.dedent(text).lstrip())
    for kind, package in packages.items():
        package.__path__.append(str(root / kind))
    _forget()
    yield
    for kind, package in packages.items():
        package.__path__.remove(str(root / kind))
    for name in files:
        sys.modules.pop("curate." + name.removesuffix(".py").replace("/", "."), None)
    _forget()


def _forget():
    for cached in (stage.names, barrier.names, stage._by_module, barrier._by_module, training_config):
        cached.cache_clear()


@pytest.fixture(autouse=True, scope="module")
def _tiny_steps(tmp_path_factory):
    with installed(tmp_path_factory.mktemp("steps"), STEPS):
        yield


@pytest.fixture
def install(tmp_path):
    """A function from file names and texts to a context in which these steps are installed."""
    return partial(installed, tmp_path / "more")


@pytest.fixture
def load(tmp_path):
    """A function from recipe text to the recipe, read from a file."""
    numbers = itertools.count()

    def load_text(text, *overrides, inputs=()):
        path = tmp_path / f"r{next(numbers)}.yaml"
        path.write_text(textwrap.dedent(text))
        return recipe.load(path, overrides, inputs)

    return load_text


@pytest.fixture
def refused(load, tmp_path):
    """A function from recipe text to the lines of the error, without the folder."""

    def lines(text, *overrides, **options):
        with pytest.raises(RecipeError) as caught:
            load(text, *overrides, **options)
        return str(caught.value).replace(f"{tmp_path}/", "").splitlines()

    return lines
