"""Numbers of people: telephones, payment cards, bank accounts, and national identity numbers, each by its form and its check digits.

Telephones are what libphonenumber holds valid: with a country's code, or as written in one of the regions asked for; with a word such as `call` before them,
any grouped number of seven to fifteen digits. Cards: prefix, length and Luhn (ISO/IEC 7812). IBAN: ISO 13616, length by country and mod 97. National numbers by
python-stdnum; one that is only digits, of which every tenth passes its check, needs its name before it.
"""

import importlib
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

Span = tuple[int, int]

MIN_DIGITS, MAX_DIGITS = 7, 15
"""Of a telephone number with its country's code (E.164)."""
CONTEXT = 40
"""Bytes before a number in which a telling word counts."""
_CALL = re.compile(
    r"phone|telef|\btel\b|\btel[.:]|call|mobile|mobil|\bcell|\bfax|whatsapp|dial|\bring\b|\bsms\b|t[ée]l[.: ]|contact|handy|answer|messag|reach"
)
_NOT_ONE = re.compile(r"isbn|issn|doi|pmid|arxiv|version|sku|order|invoice|\bcase\b|item|part no|serial")
EXTENSION = re.compile(r" ?(?:x|ext\.? ?)\d{1,6}(?!\w)", re.IGNORECASE)
_AFTER = re.compile(r"[ -]?\(?(?:office|fax|mobile|cell|home|work|phone)\b", re.IGNORECASE)
_DAY, _MONTH, _YEAR = "(?:0?[1-9]|[12][0-9]|3[01])", "(?:0?[1-9]|1[0-2])", "(?:1[5-9]|20)[0-9][0-9]"
_DATE = re.compile(
    rf"(?:{_YEAR}[-./ ]{_MONTH}[-./ ]{_DAY}|{_DAY}[-./ ]{_MONTH}[-./ ](?:{_YEAR}|[0-9]{{2}})|{_MONTH}[-./]{_DAY}[-./](?:{_YEAR}|[0-9]{{2}})"
    rf"|{_YEAR} ?[-/ ] ?{_YEAR})(?![-.]?[0-9])"
)
_ISO_DATE = re.compile(rf"(?<![0-9]){_YEAR}-(?:0[1-9]|1[0-2])-(?:[0-2][0-9]|3[01])(?![0-9])")
_CARD = re.compile(r"(?<!\d)(?:\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{1,7}|\d{4}[ -]\d{6}[ -]\d{4,5}|\d{12,19})(?!\d)")
_ISSUER = re.compile(
    r"4\d{12}(?:\d{3}){0,2}$|5[1-5]\d{14}$|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}$|3[47]\d{13}$|3(?:0[0-5]|[689]\d)\d{11,16}$"
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12,15}$|(?:2131|1800)\d{11}$|35\d{14,17}$|(?:5[0678]|6[0-9])\d{10,17}$"
)
_PIECE = re.compile(r"\+?\(?\d(?:[\d()]|[ ./-](?![ ./-])|[ ./-]{1,2}(?=\(?\d)){5,24}\d")
_TIED, _SIGNS = tuple("#=/_&%"), tuple("$€£¥,:?")
NATIONAL = {
    "us.ssn": (r"\d{3}-\d{2}-\d{4}", ""),
    "br.cpf": (r"\d{3}\.\d{3}\.\d{3}-\d{2}", ""),
    "br.cnpj": (r"\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}", ""),
    "gb.nhs": (r"\d{3}[ -]?\d{3}[ -]?\d{4}", r"\bnhs\b"),
    "fr.nir": (r"[12] ?\d{2} ?\d{2} ?\d{2} ?\d{3} ?\d{3} ?\d{2}", r"s[ée]cu|\bnir\b|insee"),
    "de.idnr": (r"\d{2} ?\d{3} ?\d{3} ?\d{3}", r"steuer|\bidnr|tax"),
    "nl.bsn": (r"\d{9}|\d{4}\.\d{2}\.\d{3}", r"\bbsn\b|burgerservice"),
    "pl.pesel": (r"\d{11}", r"pesel"),
    "in_.aadhaar": (r"\d{4}[ -]?\d{4}[ -]?\d{4}", r"aadh?aar|\buid"),
    "ca.sin": (r"\d{3}[ -]\d{3}[ -]\d{3}", r"\bsin\b|social insurance"),
    "se.personnummer": (r"(?:\d{2})?\d{6}-\d{4}", ""),
    "be.nn": (r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", ""),
    "cn.ric": (r"\d{17}\d", ""),
}
"""Module of python-stdnum → (the whole form, the word that must stand before it, if any)."""


def cards(run: str) -> Iterator[Span]:
    """Payment cards in a run of digits and separators."""
    for match in _CARD.finditer(run):
        digits = re.sub(r"\D", "", match.group())
        if len(set(digits)) > 1 and _ISSUER.match(digits) and _luhn(digits):
            yield match.span()


def _luhn(digits: str) -> bool:
    total = sum(int(d) for d in digits[-1::-2]) + sum(sum(divmod(2 * int(d), 10)) for d in digits[-2::-2])
    return total % 10 == 0


def national(run: str, before: str, wanted: tuple[str, ...]) -> Iterator[Span]:
    """National identity numbers in a run of digits and separators, with what stands before it in small letters."""
    for name in wanted:
        form, word = _form(name)
        if word is None or word.search(before):
            for match in form.finditer(run):
                if _check(name)(match.group()):
                    yield match.span()


@lru_cache(maxsize=64)
def _form(name: str) -> tuple[re.Pattern[str], re.Pattern[str] | None]:
    form, word = NATIONAL[name]
    return re.compile(rf"(?<![\d.-])(?:{form})(?![\d]|[-.]\d)"), re.compile(word) if word else None


@lru_cache(maxsize=64)
def _check(name: str) -> Callable[[str], bool]:
    valid: Callable[[str], bool] = importlib.import_module(f"stdnum.{name}").is_valid
    return valid


def iban(text: str) -> Span | None:
    """The bank account number that begins the text, of at most 42 characters, with or without spaces."""
    from stdnum import iban as check

    match = re.match(r"[A-Za-z]{2}\d\d(?: ?[A-Za-z0-9]){11,30}", text)
    if not match:
        return None
    size = _iban_sizes().get(text[:2].upper())
    places = [at for at, char in enumerate(match.group(), 1) if char != " "]
    if size is None or len(places) < size:
        return None
    end = places[size - 1]
    if (end < len(text) and (text[end].isalnum() or text[end] == "_")) or not check.is_valid(text[:end]):
        return None
    return 0, end


@lru_cache(maxsize=1)
def _iban_sizes() -> dict[str, int]:
    """Length of an account number by country, from the structures that python-stdnum has."""
    from stdnum import iban

    sizes = {}
    for first in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        for second in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
            info = iban._ibandb.info(first + second)[0][1]
            if "bban" in info:
                sizes[first + second] = 4 + sum(int(n) for n in re.findall(r"(\d+)!", info["bban"]))
    return sizes


def phones(run: str, before: str, after: str, regions: tuple[str, ...]) -> Iterator[Span]:
    """Telephone numbers in a run of digits and separators, with what stands before it in small letters and behind it."""
    called = bool(_CALL.search(before) or _AFTER.match(after))
    if before[-1:] in _TIED or (before[-1:] in _SIGNS and not called):
        return
    if _NOT_ONE.search(before) and not called:
        return
    at = 0
    while match := _PIECE.search(run, at):
        start, at = match.start(), match.end()
        for end in _ends(match.group()):
            piece = match.group()[:end]
            near = called and (start == 0 or start + end == len(run))
            if not _DATE.match(piece) and _phone(piece, near, regions):
                yield start, start + end
                at = start + end
                break


def _ends(piece: str) -> Iterator[int]:
    """Where a number of 7 to 15 digits that begins the piece may end: at its end, or before a space."""
    for end in [len(piece), *(m.start() for m in reversed(list(re.finditer(" ", piece))))]:
        if MIN_DIGITS <= sum(c.isdigit() for c in piece[:end]) <= MAX_DIGITS and piece[end - 1].isdigit():
            yield end


@lru_cache(maxsize=1 << 14)
def _phone(piece: str, called: bool, regions: tuple[str, ...]) -> bool:
    import phonenumbers

    digits = sum(c.isdigit() for c in piece)

    grouped = len(re.findall(r"\d+", piece)) >= 2
    if piece.startswith("+"):
        try:
            return (
                phonenumbers.is_possible_number(phonenumbers.parse(piece))
                if called
                else phonenumbers.is_valid_number(phonenumbers.parse(piece))
            )
        except phonenumbers.NumberParseException:
            return False
    if _ISO_DATE.search(piece):
        return False
    if called and (grouped or digits >= 9):
        return True
    groups = len(re.findall(r"\d+", piece))
    if "." in piece and re.search(r"[ ()/-]", piece):  # decimals in a table
        return False
    if digits < 9 or groups < (2 if piece[0] in "(0" else 3) or re.search(r"[./]\d{1,2}$", piece):
        return False
    for region in regions:
        try:
            number = phonenumbers.parse(piece, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number_for_region(number, region) and _as_written_there(piece, number):
            return True
    return False


def _as_written_there(piece: str, number: Any) -> bool:
    """Whether the groups of digits are those in which the region writes the number; figures in a table are grouped otherwise."""
    import phonenumbers

    forms = {phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.INTERNATIONAL}
    groups = re.findall(r"\d+", piece)
    return any(groups[-2:] == re.findall(r"\d+", phonenumbers.format_number(number, form))[-2:] for form in forms)
