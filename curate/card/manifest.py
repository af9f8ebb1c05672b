"""The form of a card's facts: what `card/facts.json` holds, typed, a sentence under each field. `curate card --schema` prints it as JSON Schema.

Everything is counted from the run's ledger, tables and shards but `people`, which is what people said. Text that came from the crawl
(values of tables, URIs) stands as it is: whoever shows it escapes it.
"""

from typing import Any, Literal

from curate.card.manifest_groups import BalanceFacts, IdentityFacts, ToxicityFacts
from curate.card.manifest_rows import ContentFacts, Count, Facet, MeasuresFacts

FORMAT: Literal["curate/facts/2"] = "curate/facts/2"


class RecipeFacts(Facet):
    """The recipe, by its digest."""

    digest: str
    """Of everything in it that can change a row or a token."""
    after_verdict: str | None
    """Whether rows with a verdict were measured further."""
    accept_orphans: bool
    """Whether a step may remove the copy for which others left."""


class InputFacts(Facet):
    """One input of the recipe."""

    uri: str
    """Where it lies, as the recipe says it."""
    source: str
    """Its name."""


class TypeFacts(Facet):
    """A field with one type."""

    records: Count
    """Records in which it has it."""
    files: Count
    """Files with such records."""
    first: str
    """The first of them by name."""


class FieldFacts(Facet):
    """A field of the records of a source."""

    name: str
    """As the records call it."""
    types: dict[str, TypeFacts]
    """Type → where; JSON's types, or those of Parquet; null among them."""
    missing_files: Count
    """Files of the source without it."""
    first_missing: str | None
    """The first of them by name."""
    missing_sources: list[str]
    """Other sources with fields of which no record has it."""
    differing_sources: list[str]
    """Other sources in which it has other types, null aside."""
    drifts: bool
    """Whether files of the source differ in having it, or its types, null aside, are more than one."""


class SchemaFacts(Facet):
    """What the records of a source look like."""

    source: str
    """Its name."""
    files: Count
    """Its files."""
    records: Count
    """Records that have fields, errors among them."""
    drifting: Count
    """Fields that drift."""
    fields: list[FieldFacts]
    """Those that drift first, then by name."""
    others: Count
    """Fields that are not listed."""


class ReadFacts(Facet):
    """What reading gave."""

    records: Count
    """Documents, skipped records and errors."""
    documents: Count
    """Records that became documents."""
    skipped: dict[str, Count]
    """Records that are no documents, by type."""
    errors: Count
    """Records that could not be read."""
    text_bytes: Count
    """UTF-8 bytes of text that came with them; pages have none before `markup`."""


class Amount(Facet):
    """Documents and their text."""

    documents: Count
    """How many."""
    text_bytes: Count
    """UTF-8 bytes of their text."""


class SplitFacts(Facet):
    """What a step cut."""

    documents: Count
    """Documents that were cut."""
    segments: Count
    """Segments that went on in their place."""


class StepFacts(Facet):
    """One step, in the order in which they ran."""

    step: str
    """Its name in the recipe."""
    uses: str
    """The stage or barrier."""
    only: list[str] | None
    """Sources whose documents it saw; null: all."""
    rules: dict[str, str]
    """Reason → rule as it ran."""
    measured: Count
    """Documents that it measured."""
    documents_in: Count
    """Documents that came."""
    documents_out: Count
    """Documents that went on."""
    text_bytes_in: Count
    """Their text as it came."""
    text_bytes_out: Count
    """And as it went on."""
    text_bytes_added: Count
    """Bytes that the step put in."""
    text_bytes_cut: Count
    """Bytes that it took out of documents that stayed or left later."""
    removed: dict[str, Amount]
    """Reason → what left."""
    split: SplitFacts | None = None
    """What it cut into segments; only of a step that does so. documents_out = documents_in + segments - documents cut - removed."""


class RemovedFacts(Amount):
    """All that left, read errors not counted."""

    by_source: dict[str, Count]
    """Documents by source."""


class KeptFacts(Amount):
    """All that stayed."""

    ids: str
    """Sum of all ids mod 2^128, in hex: a fingerprint of the set."""


class DuplicateFacts(Facet):
    """What a step found of copies."""

    step: str
    """Its name."""
    removed: Count
    """Copies that left."""
    clusters: Count
    """Documents that stand for them."""
    largest_cluster: Count
    """Members of the largest group."""


class BenchmarkFacts(Facet):
    """One benchmark in the corpus."""

    benchmark: str
    """Its name."""
    documents: Count
    """Documents that hold items of it."""
    removed: Count
    """Those of them that left for it."""
    items: Count
    """Different items found."""


class ContaminationFacts(Facet):
    """What a step found of benchmarks."""

    step: str
    """Its name."""
    benchmarks: list[BenchmarkFacts]
    """By benchmark."""


class TokenizerFacts(Facet):
    """The tokenizer of the shards."""

    fingerprint: str
    """Of its file."""
    probe_hash: str
    """Of what it makes of a set of probes."""
    vocab_size: Count
    """Entries."""
    trained_here: bool
    """On these documents, or given."""


class TokenFacts(Facet):
    """Tokens of what was kept, each document's boundary token included."""

    corpus_id: str
    """The digest that names the shards."""
    tokens: Count
    """In all."""
    documents: Count
    """In the shards."""
    forgotten_documents: Count
    """Removed from them afterwards."""
    left_out_documents: Count
    """Not taken by the mixture."""
    by_split: dict[str, Count]
    """Tokens by side."""
    mixture: dict[str, Any] | None
    """Mixture wanted and got."""
    shards: Count
    """Files."""
    bytes_per_token: float | None
    """Text bytes by tokens."""
    by_source: dict[str, Count]
    """Tokens by source."""
    by_license: dict[str, Count]
    """Tokens by licence."""
    tokenizer: TokenizerFacts
    """What made them."""
    usage: dict[str, Any] | None
    """How the tokenizer falls on the text, as tokenizer/usage.json."""


class Column(Facet):
    """A column of documents/."""

    name: str
    """Its name."""
    type: str
    """Its Arrow type."""


class Question(Facet):
    """What only people can answer."""

    name: str
    """Key of the answer."""
    asks: str
    """The question."""
    required: list[str]
    """Forms that are drafts without an answer."""
    open: bool
    """Whether nobody has answered."""


class PeopleFacts(Facet):
    """What people said."""

    said: dict[str, str]
    """Question → answer."""
    questions: list[Question]
    """All of them."""
    draft: bool
    """Whether one that the card needs is open."""


class DecidedFacts(Facet):
    """What stewards decided."""

    decisions: dict[str, Count]
    """Decision (keep, remove, hold, approve, deny, quarantine) → documents on which it fell."""
    overridden: dict[str, Count]
    """`step:reason` → documents that would have left by it, had a steward not kept them; one document may stand at several."""


class FileFacts(Facet):
    """A file that the facts were computed from."""

    digest: str
    """BLAKE3."""
    sha256: str
    """SHA-256, which Croissant asks for."""
    files: Count | None = None
    """Parts that a manifest lists."""
    bytes: Count | None = None
    """Bytes of these."""


class ForgottenFacts(Facet):
    """What was forgotten on request since the run."""

    requests: Count
    """Calls of `curate forget`."""
    documents: Count
    """Documents that left documents/ by them."""
    removed: Count
    """Rows of removed/ that were emptied by them."""
    revision: Count
    """1 for the corpus as it was made, one more for each request that took documents out."""
    version_before: str | None
    """Of the corpus, before the first; null where people gave none."""
    version: str | None
    """Of the corpus, now."""


class Facts(Facet):
    """The manifest."""

    format: Literal["curate/facts/2"]
    """Of this file."""
    name: str
    """Of the recipe."""
    recipe: RecipeFacts
    """By its digest."""
    inputs: list[InputFacts]
    """What was read."""
    read: ReadFacts
    """What reading gave."""
    steps: list[StepFacts]
    """What each step did."""
    removed: RemovedFacts
    """What left."""
    kept: KeptFacts
    """What stayed."""
    content: ContentFacts
    """What is in it."""
    measures: MeasuresFacts
    """How measures are spread."""
    duplicates: list[DuplicateFacts]
    """Copies."""
    contamination: list[ContaminationFacts]
    """Benchmarks."""
    balance: list[BalanceFacts]
    """Groups of documents: in, kept, ratio."""
    identity: list[IdentityFacts]
    """Groups of people that documents name; a table for each step that looked."""
    toxicity: list[ToxicityFacts]
    """What steps `toxicity` found, by language."""
    schemas: list[SchemaFacts] | None = None
    """Fields of the inputs' records, by source, and where they drift; only where a source has some."""
    decided: DecidedFacts | None = None
    """What stewards decided; only in a run with a file of decisions."""
    forgotten: ForgottenFacts | None = None
    """What was forgotten on request; only where somebody asked."""
    orphans: Count | None
    """Copies of which none is left; null where the recipe refuses that."""
    tokens: TokenFacts | None
    """Null for a run without shards."""
    versions: dict[str, str]
    """Distribution → version, installed when the card was written."""
    columns: list[Column]
    """Of documents/."""
    people: PeopleFacts
    """What people said."""
    files: dict[str, FileFacts]
    """What this was computed from; part sizes show here and nowhere else."""


def checked(facts: dict[str, Any]) -> dict[str, Any]:
    """The same facts, after a check of their form; pydantic's ValidationError for a bug of ours."""
    Facts.model_validate(facts)
    return facts


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of card/facts.json."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Facts.model_json_schema()
