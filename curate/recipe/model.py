"""What a recipe is once it has been read: typed, frozen, every default filled in.

The sentences under the fields are the documentation that `curate schema` hands to editors. Files in a recipe (`uri`, `file`) are found
from the current directory, as on a command line, not from the folder of the recipe.
"""

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from string import Formatter
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from curate.stage import Config
from curate.thresholds import Thresholds

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
"""Step and column names: lower case words joined by single underscores; two underscores join a step and its measure."""
ROLE = r"^[a-z][a-z0-9_]*$"
Count = Annotated[int, Field(ge=1)]


def root_parts(uri: str) -> tuple[str, ...]:
    """The components of a location that name it: without scheme, wildcards and file endings (`s3://b/crawl/*.warc.gz` → b, crawl)."""
    scheme, _, rest = uri.rpartition("://")
    if not scheme and re.fullmatch(r"[a-z]+:", uri):
        return (uri[:-1],)
    parts: list[str] = []
    for part in PurePosixPath(rest.replace("\\", "/")).parts:
        if re.search(r"[*?\[{]", part):
            break
        if part not in ("/", ".", ".."):
            parts.append(part)
    if not parts:
        return ("input",)
    if parts[-1] == PurePosixPath(rest).name and "." in parts[-1].lstrip("."):
        parts[-1] = parts[-1].partition(".")[0] or parts[-1]
    return tuple(parts)


def source_name(uri: str, depth: int = 1) -> str:
    """The source's name where the recipe gives none: the last `depth` components of its root."""
    return "/".join(root_parts(uri)[-depth:])


class Turn(Config):
    """One turn of a dialogue, made of the fields of a record."""

    role: Annotated[str, Field(pattern=ROLE)]
    """Who speaks: a role of the chat template."""
    text: Annotated[str, Field(min_length=1)]
    """What is said, fields of the record in braces, such as "{instruction}\n\n{input}"; a turn that comes out empty is left out."""

    @field_validator("text")
    @classmethod
    def _text(cls, text: str) -> str:
        return _templated(text)


def _templated(template: str) -> str:
    """The template, if it names fields."""
    try:
        named = [name for _, name, *_ in Formatter().parse(template)]
    except ValueError as error:
        raise ValueError(f"expected braces that match, got {template!r} ({error}); write {{{{ and }}}} for braces of the text") from None
    if not any(named) or "" in named:
        raise ValueError(f"expected field names in braces such as {{title}}, got {template!r}; name at least one field")
    return template


class Input(Config):
    """Where documents come from."""

    uri: Annotated[str, Field(min_length=1)]
    """A file, glob, folder or fsspec location, from the current directory; its suffix tells the kind; `sample:` is the built-in sample."""
    source: Annotated[str, Field(min_length=1)] = Field(default_factory=lambda data: source_name(data.get("uri", "")))
    """Name of the source, part of every document's id; default: the last part of the location, without its endings."""
    fields: dict[str, str] = Field(default_factory=dict)
    """Column → field of the input record, for JSONL, CSV and Parquet; further columns are carried along as text, lists and objects as JSON."""
    template: str | None = None
    """How the text is put together from fields of the record, such as "{title}\\n\\n{body}"; left out: the text is one field."""
    query: Annotated[str, Field(min_length=1)] | None = None
    """SQL, run by DuckDB; its rows are the records. `uri` is then a .duckdb file, or a Parquet, CSV or JSONL file that the query calls `input`."""

    turns: tuple[Turn, ...] = ()
    """Kind `messages`: the turns of a record, in order; left out: they are a list in field `messages`."""
    markers: dict[Annotated[str, Field(pattern=ROLE)], Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    """Kinds `messages` and `preference`, where a dialogue is one text: role → what its turns begin with, such as "\n\nHuman: "."""

    @field_validator("template")
    @classmethod
    def _template(cls, template: str | None) -> str | None:
        return template and _templated(template)

    @property
    def can_be_markup(self) -> bool:
        """Whether records may arrive as `raw` bytes without a text: WARC, HTML, folders and the sample."""
        if self.template or self.query:
            return False
        name = PurePosixPath(self.uri.partition("://")[2] or self.uri).name.lower()
        return not re.search(r"\.(jsonl|ndjson|json|csv|tsv|parquet|pq|txt|text|md)(\.(gz|zst|bz2|xz))?$", name)


class Limits(Config):
    """Bounds of memory and files; bytes and rows, never seconds, so that they mean the same on every machine."""

    part_bytes: Count = 8 << 20
    """Stored bytes of input that one task reads, about."""
    document_bytes: Count = 256 << 20
    """A payload above this many bytes becomes a read error."""
    file_rows: Count = 65_536
    """Rows of a file between segments, at most."""
    file_bytes: Count = 256 << 20
    """Bytes of text of a file between segments, at most."""
    range_bytes: Count = 256 << 20
    """Bytes of one key range of a barrier's exchange, about: what one resolving task holds in memory."""
    worker_bytes: Count = 8 << 30
    """Memory that one of several workers may hold, mapped files aside; the document that takes more is set aside as an error. Ray is asked for as much."""
    row_group_rows: Count = 8192
    """Rows of a Parquet row group, exactly (but for the last)."""


class ShardsConfig(Config):
    """How tokens are cut into shards."""

    tokens_per_shard: Count = 50_000_000
    """A shard is closed when it has this many tokens."""
    seed: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    """Documents stand in the shards in the order of BLAKE3(seed, id)."""
    boundary: Literal["first", "last", "both"] = "first"
    """Where the tokens between documents stand: one before each document, one behind it, or one on either side. The token is `tokenizer.end`, or the first
    of the special tokens of a tokenizer that is trained."""
    bos: Annotated[str, Field(min_length=1)] | None = None
    """With boundary `both`: the special token before each document; left out: the one that stands behind it."""

    @model_validator(mode="after")
    def _bos_has_a_place(self) -> "ShardsConfig":
        if self.bos is not None and self.boundary != "both":
            raise ValueError(f"expected boundary both with bos, got {self.boundary}; with one token a document, name it in `tokenizer`")
        return self


class SplitConfig(Config):
    """Which documents are held out of training. By the hash of the least id of all near-duplicates (those that steps removed included) and segments
    that a document is connected with, so that none of them stand on two sides and no other document moves it."""

    validation: Annotated[float, Field(ge=0, lt=1)] = 0.005
    """Share of documents for validation."""
    test: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of documents for the test at the end."""
    seed: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    """Draws other documents."""

    @model_validator(mode="after")
    def _leaves_some(self) -> "SplitConfig":
        if self.validation + self.test >= 1:
            raise ValueError(f"expected validation + test below 1, got {self.validation + self.test}")
        return self


class MixConfig(Config):
    """How much each group of documents gives to an epoch, in tokens; written into the shards as `repeats`."""

    by: Annotated[str, Field(min_length=1)] = "source"
    """Column of the documents whose values are the groups: source, language__language, license__class, …"""
    edges: tuple[float, ...] = ()
    """Rising numbers that cut a column of numbers into groups `<a`, `a..b`, `>=b`."""
    weights: dict[str, Annotated[float, Field(ge=0)]] | None = None
    """Group → weight; shares of tokens are proportional to them. `"*"` stands for all groups that are not named."""
    temperature: Annotated[float, Field(gt=0)] | None = None
    """Instead of weights: shares proportional to tokens^(1/temperature); 1 is as it is, higher is flatter."""
    tokens: Count | None = None
    """Tokens of an epoch of training; default: as many as there are."""
    max_repeats: Annotated[float, Field(gt=0, le=65_535)] = 4.0
    """No group gives more than so many times its tokens."""
    caps: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """Group → tokens that it gives at most."""
    repeats: dict[str, Annotated[float, Field(ge=0, le=65_535)]] = Field(default_factory=dict)
    """Group → how many times its tokens it gives, whatever the weights."""

    @model_validator(mode="after")
    def _fits(self) -> "MixConfig":
        if self.weights is not None and self.temperature is not None:
            raise ValueError("expected weights or a temperature, got both; leave one out")
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError(f"expected rising edges, got {list(self.edges)}")
        return self


class Frame(Config):
    """What stands around the turns of one role."""

    before: str = ""
    """In front of what is said; no loss is taken on it. Special tokens of the tokenizer are recognised here and in `after`, nowhere else."""
    after: str = ""
    """Behind what is said; part of what an answer is learned with."""


def _chatml(role: str) -> Frame:
    return Frame(before=f"<|im_start|>{role}\n", after="<|im_end|>\n")


class ChatConfig(Config):
    """How a dialogue becomes tokens."""

    roles: dict[Annotated[str, Field(pattern=ROLE)], Frame] = Field(
        default_factory=lambda: {role: _chatml(role) for role in ("system", "user", "assistant")}
    )
    """Role → what stands around its turns; default: ChatML. `assistant` must be among them; answers of a preference are its turns too."""
    learn: tuple[str, ...] = ("assistant",)
    """Roles whose turns are learned: what they say, and what stands behind it."""

    @model_validator(mode="after")
    def _known(self) -> "ChatConfig":
        missing = [role for role in ("assistant", *self.learn) if role not in self.roles]
        if missing or not self.learn:
            raise ValueError(
                f"expected roles with assistant and those that are learned, got {sorted(self.roles)}; add {missing or 'learn'}"
            )
        if taken := [role for role in ("chosen", "rejected") if role in self.roles]:
            raise ValueError(f"expected other roles, got {taken}; an answer of a preference is a turn of the assistant")
        return self


class IndexConfig(Config):
    """Where a family of runs keeps what it has seen: what one of them kept, copies leave in the next."""

    path: Annotated[str, Field(min_length=1)]
    """A folder, or any fsspec location; each run has a folder of its own in it."""
    run: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] | None = None
    """Name of this run in the index; default: the last part of the output folder."""
    steps: tuple[str, ...] | None = None
    """Steps that are compared with earlier runs, and remembered; default: all that can be, which are exact_dedup and near_dedup."""
    write: bool = True
    """Whether this run is remembered for later ones; without, it is only compared with all that are there."""


class CardConfig(Config):
    """What only people know about a corpus; the rest of the card is counted."""

    title: str | None = None
    """Name of the corpus as people say it."""
    description: str | None = None
    """What the corpus is, in a paragraph."""
    purpose: str | None = None
    """What it was made for, and what it should not be used for."""
    contact: str | None = None
    """Whom to write to, also about removal."""
    creators: str | None = None
    """Who made it."""
    license: str | None = None
    """Licence of the collection as such; the documents keep their own."""
    version: str | None = None
    """Version of the corpus."""
    url: str | None = None
    """Where it is published."""
    citation: str | None = None
    """How to cite it."""
    file: str | None = None
    """A YAML file with answers to these and all further questions of the card's forms, from the current directory; `curate card --questions`
    writes one to fill in."""


class TokenizerFile(Config):
    """A tokenizer that exists already."""

    file: Annotated[str, Field(min_length=1)]
    """A tokenizer.json, a tiktoken file or a sentencepiece model, from the current directory."""
    end: str | None = None
    """The special token that stands before every document; default: the one with a well-known name, or the only one."""
    pattern: str | None = None
    """Pattern of a tiktoken file, which has none: gpt2, gpt4 or a regular expression; known for the published ones."""
    special_tokens: dict[str, int] = Field(default_factory=dict)
    """Special tokens of a tiktoken file with their ids; known for the published ones."""
    compare: tuple[str, ...] = ()
    """Other tokenizers (files of the same kinds) whose figures stand beside this one's in usage.json and the card."""
    compare_share: Annotated[float, Field(gt=0, le=1)] = 0.02
    """Share of the documents, chosen by their place in the shuffle, that the others encode."""


class RecipeFile(Config):
    """The top level of a recipe, but for `steps` and `tokenizer`, whose forms depend on the installed stages and barriers."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] | None = None
    """Name of the recipe, and of its output folder below `runs/`; default: the file's name."""
    kind: Literal["text", "messages", "preference"] = "text"
    """What a document is: a text, a dialogue of which the answers are learned, or a prompt with a chosen and a rejected answer."""
    chat: ChatConfig | None = None
    """How a dialogue becomes tokens; only with kind `messages` or `preference`, which have ChatML where it is left out."""
    input: Annotated[tuple[Input, ...], Field(json_schema_extra={"minItems": 1})]
    """Where documents come from; their order changes nothing."""
    shards: ShardsConfig | None = None
    """Token shards; left out: none are written."""
    mix: MixConfig | None = None
    """How much each group of documents gives to an epoch; left out: each document comes once."""
    split: SplitConfig | None = None
    """Documents held out for validation and test; left out: all are for training, and `train` holds out some of its own."""
    index: Annotated[IndexConfig | None, Field(json_schema_extra=lambda schema: schema["anyOf"].append({"type": "string"}))] = None
    """Where runs keep what they have seen, so that later ones leave copies of it out; a path alone is enough."""
    steward: Annotated[str, Field(min_length=1)] | None = None
    """A file of decisions on documents and domains, as `curate review RUN --export decisions.json` writes it; they come before all steps."""
    suppress: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Lists of what must not come in again, as `curate forget` writes them, each with its key beside it; a path alone is enough."""
    card: CardConfig = CardConfig()
    """What people say about the corpus."""
    limits: Limits = Limits()
    """Bounds of memory and files."""
    keep_raw: bool = False
    """Whether the payload bytes stay after the step that reads the markup."""
    after_verdict: Literal["skip", "measure"] = "skip"
    """Whether a row that has a verdict is measured further, as threshold studies need."""
    accept_orphans: bool = False
    """Whether a step may remove documents after deduplication, and with them the only copy; they are counted."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the walk."""

    name: str
    """Alias, or the step's own name; unique in the recipe, prefix of its columns."""
    uses: str
    """Module name of the stage or barrier; `cut` for a cut."""
    kind: Literal["stage", "barrier", "cut"]
    config: Config | None
    """None for a cut."""
    only: tuple[str, ...] | None = None
    """Sources whose documents it sees; None: all."""
    thresholds: Thresholds | None = None
    """Settings of the config by language, from a file; None: `config` is for all."""
    line: int = field(default=0, compare=False)
    """Line in the recipe file; 0 where it was made from Python."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A recipe that has passed every check that needs no data. Two are equal if they do the same, wherever they were written."""

    name: str
    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    tokenizer: Config | None
    """`train_tokenizer`'s config, a `TokenizerFile`, or None."""
    shards: ShardsConfig | None
    card: CardConfig
    limits: Limits
    mix: MixConfig | None = None
    split: SplitConfig | None = None
    index: IndexConfig | None = None
    kind: Literal["text", "messages", "preference"] = "text"
    chat: ChatConfig | None = None
    keep_raw: bool = False
    after_verdict: Literal["skip", "measure"] = "skip"
    accept_orphans: bool = False
    path: str | None = field(default=None, compare=False)
