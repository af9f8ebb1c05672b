"""Turns of a dialogue in one text: how they are joined, and how they are found again after steps that replace text.

The text of a document of kind `messages` or `preference` is the contents of its turns, each but the first behind two newlines and MARK, a private
code point that stands nowhere else in it (readers put U+FFFD in its place). Who speaks stands in the column `roles`, joined by commas. So every
stage sees prose, and one that redacts or repairs text does so in the turns.

Kinds: `text`; `messages`: turns by roles, those of the assistant are learned; `preference`: turns of a prompt, then two turns of the roles
`chosen` and `rejected`, which are answers to it.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.arrow import one_chunk

TEXT, MESSAGES, PREFERENCE = KINDS = ("text", "messages", "preference")
MARK = "\uf8fe"
GAP = "\n\n"
ROLES = "roles"
"""Column of documents that have turns: string, as `user,assistant`."""
CHOSEN, REJECTED = "chosen", "rejected"


def joined(contents: Sequence[str]) -> str:
    """The text of turns with these contents."""
    return f"{GAP}{MARK}".join(content.replace(MARK, "\ufffd") for content in contents)


def apart(texts: pa.Array) -> tuple[np.ndarray, pa.Array]:
    """(int64[n + 1], large_string): turns offsets[i] to offsets[i + 1] are those of text i. The inverse of `joined`; nulls have none.

    Where a step has cut newlines before a mark, what is left of them still goes.
    """
    pieces = pc.split_pattern(pc.fill_null(texts.cast(pa.large_string()), ""), MARK)
    offsets = np.asarray(pieces.offsets).astype(np.int64)
    offsets -= offsets[0] if len(offsets) else 0
    flat = one_chunk(pieces.flatten())
    last = np.zeros(len(flat), dtype=bool)
    last[offsets[1:] - 1] = True
    return offsets, pc.if_else(pa.array(last), flat, pc.replace_substring_regex(flat, r"\n{1,2}\z", ""))


def speakers(roles: pa.Array) -> tuple[np.ndarray, pa.Array]:
    """(int64[n + 1], string): the roles offsets[i] to offsets[i + 1] are those of document i."""
    pieces = pc.split_pattern(pc.fill_null(roles, ""), ",")
    offsets = np.asarray(pieces.offsets).astype(np.int64)
    return offsets - (offsets[0] if len(offsets) else 0), one_chunk(pieces.flatten())


def prose(texts: pa.Array) -> pa.Array:
    """The texts without marks."""
    return pc.replace_substring(texts, MARK, "")
