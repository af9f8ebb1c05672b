"""The part of a card's facts that compares groups: of documents, of those that name a group of people, of languages. manifest.py has the rest."""

from typing import Literal

from curate.card.manifest_rows import Count, Facet


class GroupFacts(Facet):
    """One group of documents."""

    value: str
    """What they share."""
    documents: Count
    """How many came, records read twice and read errors not counted."""
    kept: Count
    """How many of them stayed."""
    ratio: float
    """Kept by come."""
    interval: list[float]
    """[low, high] of the ratio, 95 % (Wilson)."""


class BalanceFacts(Facet):
    """Whether groups are kept alike."""

    by: Literal["source", "language", "script", "region", "region and language", "year"]
    """What they are grouped by; region is the top level of the domain, year that of fetching."""
    groups: list[GroupFacts]
    """The largest, most documents first."""
    others: Count
    """Groups that are not listed."""
    missing: Count
    """Documents without the value, most of them since they left before it was measured."""


class TermFacts(Facet):
    """Documents that name a group."""

    term: str
    """What they name."""
    documents: Count
    """How many of those that were measured."""
    share: float
    """Of all that were measured."""
    kept: Count
    """How many stayed."""
    ratio: float
    """Kept by measured."""
    interval: list[float]
    """[low, high] of the ratio, 95 % (Wilson)."""


class TermRuleFacts(Facet):
    """One rule and one term: removal rates with and without it."""

    step: str
    """Which removed."""
    reason: str
    """Of the rule."""
    term: str
    """What is named."""
    reached: Count
    """Documents with the term that came to the step."""
    removed: Count
    """Of these, by this rule."""
    others: Count
    """Documents without the term that came to the step."""
    others_removed: Count
    """Of these, by this rule."""
    ratio: float
    """Rate with the term by rate without."""
    interval: list[float]
    """[low, high] of the ratio, 95 % (Katz)."""
    differs: bool
    """Whether the interval leaves out 1."""


class IdentityFacts(Facet):
    """Whether rules fall on groups of people alike."""

    step: str
    """Which looked for terms."""
    documents: Count
    """How many it measured."""
    kept: Count
    """How many of them stayed."""
    terms: list[TermFacts]
    """Terms, those in most documents first."""
    others: Count
    """Terms that are not listed."""
    rules: list[TermRuleFacts]
    """Every rule on every term that is listed."""


class ToxicityLanguage(Facet):
    """Documents of one language."""

    language: str | None
    """Its label; null for documents without one."""
    documents: Count
    """How many were measured, those that left later included."""
    listed: Count
    """How many hold a listed word."""
    likely: Count | None
    """How many the model takes for toxic rather than not (a score above 0.5); null without a model."""
    removed: Count
    """How many the step removed."""


class ToxicityFacts(Facet):
    """What a step found of toxic text, by language."""

    step: str
    """Which looked."""
    languages: list[ToxicityLanguage]
    """Most documents first."""
