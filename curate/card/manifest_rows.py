"""The part of a card's facts that is counted over rows: values of columns, personal data, spreads of measures. manifest.py has the rest."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]
Quantiles = dict[str, int]


class Facet(BaseModel):
    """Base: frozen, no unknown fields, sentences are documentation."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class Value(Facet):
    """One value of a column."""

    value: str | int | bool
    """As it stands in the rows."""
    documents: Count
    """Documents that have it."""
    text_bytes: Count | None = None
    """Their text; with shards, of those in the shards."""
    tokens: Count | None = None
    """Their tokens; only with shards."""


class Counted(Facet):
    """The values of a column over the kept documents."""

    distinct: Count
    """Different values."""
    missing: Count
    """Documents without one."""
    top: list[Value]
    """The most frequent, ties by value."""
    largest: list[Value] | None = None
    """Those with most text, for domains."""


class PiiKind(Facet):
    """One kind of personal data."""

    kind: str
    """emails, ips, …"""
    found: Count
    """Things found in kept documents."""
    documents: Count
    """Kept documents that held any."""


class PiiFacts(Facet):
    """What a step found of personal data."""

    step: str
    """Its name."""
    kinds: list[PiiKind]
    """By kind."""


class LabelFacts(Counted):
    """A text measure with few values."""

    step: str
    """The step."""
    measure: str
    """The measure."""


class ContentFacts(Facet):
    """What is in the kept documents. A table is there where a step measured its column."""

    sources: Counted
    """By input."""
    domains: Counted
    """By registered domain."""
    years: Counted
    """By year of fetching."""
    mimes: Counted
    """By media type as received."""
    languages: Counted | None = None
    """As labelled by `language`."""
    scripts: Counted | None = None
    """As labelled by `language`, where it tells."""
    licenses: Counted | None = None
    """SPDX expressions."""
    license_classes: Counted | None = None
    """What they ask, in the classes of recipes."""
    license_scopes: Counted | None = None
    """What the claim spoke of."""
    consent_verdicts: Counted | None = None
    """What pages and hosts said about machine use."""
    consent_bases: Counted | None = None
    """By what the verdict was found."""
    host_verdicts: Counted | None = None
    """What `host_consent` made of robots.txt and its kin; `unseen` where nobody asked the host."""
    host_bases: Counted | None = None
    """By what that verdict was found: policy, mechanism, file and day, or why there is none."""
    repository_licenses: Counted | None = None
    """SPDX expressions of files by the licence files of their repository."""
    repository_classes: Counted | None = None
    """What they ask."""
    repository_scopes: Counted | None = None
    """What said so: the file itself, a licence file of its folder or of the repository, metadata."""
    consent_signals: Counted
    """Documents by signal: mechanism, and what it says."""
    fetched: list[str] | None
    """First and last day of fetching."""
    over_http: Count
    """Documents that came as answers of a web server, by their status code."""
    labels: list[LabelFacts]
    """All other text measures with few values, in the order of the recipe."""
    pii: list[PiiFacts]
    """Personal data found, by step."""
    text_bytes_per_document: Quantiles
    """Quantiles."""
    tokens_per_document: Quantiles | None = None
    """Quantiles; only with shards."""


class Spread(Facet):
    """The spread of a measure."""

    count: Count
    """Documents that have the measure."""
    min: float
    """Smallest."""
    max: float
    """Largest."""
    quantiles: dict[str, float]
    """Name → value."""
    intervals: dict[str, list[float]] | None = None
    """Name → [low, high] between which the true quantile lies with 95 %; only of a sample."""


class RuleFacts(Facet):
    """A rule on a measure."""

    reason: str
    """Its word."""
    rule: str
    """As it ran."""
    limit: float | None
    """Its threshold; null where it is no number."""


class MeasureFacts(Facet):
    """A number that a step measured."""

    step: str
    """The step."""
    measure: str
    """The measure."""
    rules: list[RuleFacts]
    """Rules that judge by it."""
    kept: Spread | None
    """Over kept documents."""
    removed: Spread | None
    """Over removed ones that were measured."""
    edges: list[float]
    """Edges of the bins; the first and the last hold what lies beyond."""
    bins: dict[Literal["kept", "removed"], list[Count]]
    """Documents in each bin."""


class MeasuresFacts(Facet):
    """All numbers that steps measured."""

    documents: Count
    """Rows in documents/ and removed/."""
    sampled: Count | None
    """About how many of them were looked at; null: all."""
    measures: list[MeasureFacts]
    """In the order of the recipe."""
