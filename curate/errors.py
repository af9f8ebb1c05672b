"""The error tree. The class says who has to act.

CurateError
├── RecipeError   the recipe is wrong: fix the line that it names
├── SourceError   an input cannot be read at all: fix the path, the field map or the file
├── StageError    a stage or barrier broke its own declaration: a bug, not bad data
├── ShardError    token shards or a tokenizer do not fit each other
├── LedgerError   the books do not balance, or belong to another run
├── DedupIndexError  an index of earlier runs is damaged, or made with other parameters
├── ReviewError   a reviewer asked for what cannot be: say it anew, or ask a steward
└── StoreError    an output folder cannot be written, or another driver holds it

A single bad document raises none of these outside its task: it leaves as a counted error with its origin.
"""


class CurateError(Exception):
    """Base of all errors that a user can act on; messages read `where: expected, got VALUE; what to do`."""


class RecipeError(CurateError):
    """A recipe that cannot be run; names file, line and field."""


class SourceError(CurateError):
    """An input that cannot be opened or understood as a whole."""


class StageError(CurateError):
    """A stage or barrier that returned something it did not declare."""


class ShardError(CurateError):
    """Token shards that are damaged, or do not fit the tokenizer or each other."""


class LedgerError(CurateError):
    """Rows, ids or bytes that do not balance, or a ledger of another run."""


class StoreError(CurateError):
    """An output location that cannot be written or is in use."""


class ReviewError(CurateError):
    """A decision that cannot be recorded as it was said."""


class DedupIndexError(CurateError):
    """An index of earlier runs that is damaged, or does not fit the recipe."""
