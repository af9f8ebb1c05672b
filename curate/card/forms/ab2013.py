"""California, AB 2013 (Civil Code § 3111(a)): the twelve items of documentation on data used to train generative systems."""

from collections.abc import Mapping
from typing import Any

from curate.card.forms import phrases
from curate.card.forms.book import Book

TITLE = "Training data documentation"
LEAD = "The twelve items of California Civil Code § 3111(a)."


def fill(facts: Mapping[str, Any]) -> Book:
    """The form."""
    book = Book("ab2013", facts)
    book.section = "1. Sources or owners"
    book.computed("Sources", phrases.inputs(facts), "inputs")
    book.computed("Registered domains", f"{facts['content']['domains']['distinct']:,}", "content.domains.distinct")
    book.asked("Owners", "owners")
    book.section = "2. How the data further the purpose"
    book.asked("Purpose", "purpose")
    book.section = "3. Number of data points"
    book.computed("Number", phrases.counts(facts), "kept.documents", "kept.text_bytes")
    book.section = "4. Types of data points"
    book.computed("Types", phrases.kinds(facts), "content.mimes")
    book.computed("Languages", phrases.shares(facts, "languages"), "content.languages" if "languages" in facts["content"] else "steps")
    book.section = "5. Copyright, trademark, patent, public domain"
    licensed = "content.license_classes" if "license_classes" in facts["content"] else "steps"
    book.computed("Licence claims of the documents", phrases.shares(facts, "license_classes"), licensed)
    book.asked("Protection", "intellectual_property")
    book.section = "6. Purchased or licensed"
    book.asked("Purchased or licensed", "licensed_data")
    book.section = "7. Personal information"
    book.computed("Personal information", phrases.personal_data(facts), "content.pii" if facts["content"]["pii"] else "steps")
    book.section = "8. Aggregate consumer information"
    book.asked("Aggregate consumer information", "consumer_information")
    book.section = "9. Cleaning, processing and other modification, with its purpose"
    book.computed("Steps", phrases.steps(facts), "steps")
    book.computed("Copies", phrases.duplicates(facts), "steps")
    book.section = "10. Period of collection"
    book.computed("Period", phrases.period(facts), "content.years")
    book.section = "11. First use in development"
    book.asked("First use", "first_used")
    book.section = "12. Synthetic data"
    book.asked("Synthetic data", "synthetic_data")
    return book
