"""Conditions over documents of shards, as text: `license in (CC0-1.0, "CC-BY-4.0") and not source = forum and tokens >= 128`.

    condition   what joins with `and`, `or`, `not` and parentheses; `or` binds least
    term        column = value, column != value, column < <= > >= number, column in (value, …), column not in (value, …)
    columns     source, license, license_class, split (words); tokens, n_bytes, repeats (numbers)

A value with other characters than letters, digits and `._+-/:` stands in quotes. Words are compared as they are, letter by letter.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from curate.errors import RecipeError

WORDS = re.compile(r"""\s*(?:(?P<quoted>"[^"]*"|'[^']*')|(?P<sign><=|>=|!=|<>|==|[=<>(),])|(?P<word>[\w.+/:-]+))""")
SIGNS: Mapping[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
Mask = np.ndarray


@dataclass(frozen=True)
class Words:
    """A column of words as codes: int64[n] into names."""

    codes: np.ndarray
    names: tuple[str, ...]

    def among(self, values: list[str]) -> Mask:
        """bool[n]: rows whose word is one of the values."""
        return np.isin(self.codes, [code for code, name in enumerate(self.names) if name in values])


class Condition:
    """A parser that evaluates as it reads: every term becomes bool[n]."""

    def __init__(self, text: str, columns: Mapping[str, Words | np.ndarray]) -> None:
        self.text, self.columns = text, columns
        self.tokens = list(_tokens(text))
        self.at = 0

    def mask(self) -> Mask:
        """bool[n]: the documents that the condition means. RecipeError where it cannot be read."""
        found = self._or()
        if self.at < len(self.tokens):
            raise self._expected("`and`, `or` or the end")
        return found

    def _or(self) -> Mask:
        found = self._and()
        while self._take("or"):
            found = found | self._and()
        return found

    def _and(self) -> Mask:
        found = self._not()
        while self._take("and"):
            found = found & self._not()
        return found

    def _not(self) -> Mask:
        if self._take("not"):
            return ~self._not()
        if self._take("("):
            found = self._or()
            self._need(")")
            return found
        return self._term()

    def _term(self) -> Mask:
        name = self._next("a column")
        if name not in self.columns:
            raise self._wrong(f"expected a column of {', '.join(self.columns)}, got {name}")
        column = self.columns[name]
        negated = self._take("not")
        if negated or (self.at < len(self.tokens) and self.tokens[self.at].lower() == "in"):
            self._need("in")
            found = self._in(column, name)
            return ~found if negated else found
        sign = self._next("=, !=, <, <=, >, >= or `in`")
        if sign not in SIGNS:
            self.at -= 1
            raise self._expected("=, !=, <, <=, >, >= or `in`")
        value = self._value()
        if isinstance(column, Words):
            if sign not in ("=", "==", "!=", "<>"):
                raise self._wrong(f"expected = or != for {name}, got {sign}; {name} has words, not numbers")
            found = column.among([value])
            return found if sign.startswith("=") else ~found
        return SIGNS[sign](column, self._number(name, value))

    def _in(self, column: Words | np.ndarray, name: str) -> Mask:
        self._need("(")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._need(")")
        return column.among(values) if isinstance(column, Words) else np.isin(column, [self._number(name, value) for value in values])

    def _value(self) -> str:
        value = self._next("a value")
        if value in SIGNS or value in ("(", ")", ","):
            self.at -= 1
            raise self._expected("a value")
        return value[1:-1] if value[0] in "\"'" else value

    def _number(self, name: str, value: str) -> float:
        try:
            return float(value)
        except ValueError:
            raise self._wrong(f"expected a number for {name}, got {value}") from None

    def _take(self, word: str) -> bool:
        taken = self.at < len(self.tokens) and self.tokens[self.at].lower() == word
        self.at += taken
        return taken

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise self._expected(f"`{word}`")

    def _next(self, what: str) -> str:
        if self.at >= len(self.tokens):
            raise self._expected(what)
        self.at += 1
        return self.tokens[self.at - 1]

    def _expected(self, what: str) -> RecipeError:
        got = self.tokens[self.at] if self.at < len(self.tokens) else "the end"
        return self._wrong(f"expected {what} at word {self.at + 1}, got {got}")

    def _wrong(self, what: str) -> RecipeError:
        return RecipeError(f"where {self.text!r}: {what}; write such as: license in (CC0-1.0, CC-BY-4.0) and tokens >= 128")


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    while text[at:].strip():
        match = WORDS.match(text, at)
        if match is None:
            raise RecipeError(
                f"where {text!r}: expected words, numbers and quoted values, got {text[at:].strip()[:20]!r}; put quotes around it"
            )
        found.append(match.group().strip())
        at = match.end()
    return found
