"""One cell of a campaign's file: amounts, documents, phones. What cannot be meant is an `Unclear` in Spanish."""

import re
from decimal import Decimal

from crm.importing.cells import Unclear, shown
from crm.phones import Phone, iter_phones
from crm.text import tidy_document

_MOST = Decimal(10) ** 12
_MONEY_SIGNS = re.compile(r"(?:clp|cop|ars|mxn|pen|eur|usd|s/\.?|u\$s|us\$|[$€])", re.IGNORECASE)
# What a number cell of a workbook and a text with thousands both look like; a number cell never ends in 0.
_EITHER = re.compile(r"[1-9]\d{0,2}\.\d\d[1-9]\Z")
_EMPTY_CENTS = re.compile(r"[.,]-+$")
_GROUPED = re.compile(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*\Z")
_PLAIN_NUMBER = re.compile(r"\d+(?:[.,]\d+)?\Z")
_WHOLE_FLOAT = re.compile(r"(\d+)\.0+\Z")
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?e\+?\d+\Z", re.IGNORECASE)
_PREFIX_OF_DOCUMENT = re.compile(r"^(?:DNI|RUT|RUC|CC|CE|N)[:°º]*(?=\d)")
_RUT = re.compile(r"(\d{6,8})([\dK])\Z")
# Fewer characters are a running number, or something that stands where a document is not known.
_SHORTEST_DOCUMENT, _LONGEST_DOCUMENT = 5, 40
_DNI_DIGITS = 8
_LOST_DIGITS = "«{cell}» perdió cifras en Excel: dé a la columna formato de texto."
# So many digits name their country also without a plus.
_WITH_COUNTRY = 11


def read_amount(cell: str, *, is_text: bool) -> Decimal:
    """Money as people write it: "1.234,56", "1,234.56", "1234.56", "$ 45.000".

    Of two kinds of separators the last one is decimal. One kind, with exactly three digits behind each, is thousands:
    nobody writes thousandths of money. But a number cell of a workbook (`is_text` false) comes as "45.125" too, and
    may mean it: what cannot be told apart is refused, never guessed.
    """
    bare = _MONEY_SIGNS.sub("", "".join(cell.split()).replace("'", "").replace("\u2019", ""))
    bare = _EMPTY_CENTS.sub("", bare)
    if _SCIENTIFIC.match(bare):
        raise Unclear(_LOST_DIGITS.format(cell=shown(cell)))
    if bare.startswith(("-", "(")):
        raise Unclear(f"«{shown(cell)}» es un importe negativo.")
    if not is_text and bare == cell and _EITHER.match(bare):
        raise Unclear(f"«{shown(cell)}» puede ser miles o decimales: escriba el importe con dos decimales o ninguno.")
    number = _without_thousands(bare)
    if number is None or Decimal(number) > _MOST:
        raise Unclear(f"«{shown(cell)}» no es un importe.")
    return round(Decimal(number), 2)


def _without_thousands(bare: str) -> str | None:
    """Digits with at most one point."""
    if "." in bare and "," in bare:
        decimal = max(".,", key=bare.rfind)
        whole, _, cents = bare.rpartition(decimal)
        if decimal in whole or not _GROUPED.match(whole) or not cents.isdecimal():
            return None
        return f"{_digits(whole)}.{cents}"
    if _GROUPED.match(bare) and not bare.startswith("0"):
        return _digits(bare)
    return bare.replace(",", ".") if _PLAIN_NUMBER.match(bare) else None


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def read_document(cell: str, country: str) -> str:
    """A document number as it tells people apart: "12.345.678-k" → "12345678K", a Peruvian DNI with its zeros."""
    whole = _WHOLE_FLOAT.match(cell)
    text = _PREFIX_OF_DOCUMENT.sub("", tidy_document(whole[1] if whole else cell) or "")
    if _SCIENTIFIC.match(cell.strip()):
        raise Unclear(_LOST_DIGITS.format(cell=shown(cell)))
    if country == "CL":
        text = text.lstrip("0")
    if country == "PE" and text.isdecimal() and len(text) >= _SHORTEST_DOCUMENT:
        text = text.zfill(_DNI_DIGITS)
    if not text.isascii() or not text.isalnum() or not _SHORTEST_DOCUMENT <= len(text) <= _LONGEST_DOCUMENT:
        raise Unclear(f"«{shown(cell)}» no es un número de documento.")
    return text


def has_wrong_check_digit(document: str, country: str) -> bool:
    """Whether a Chilean RUT does not agree with its own last digit. A warning: lists are full of slips."""
    found = _RUT.match(document) if country == "CL" else None
    if found is None:
        return False
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(found[1])))
    expected = 11 - total % 11
    return found[2] != {11: "0", 10: "K"}.get(expected, str(expected))


def read_phones(cell: str, country: str) -> list[Phone]:
    """The numbers of a cell, each in use in its country; one that is not is refused, never mended (3.4).

    Without its country code a number is one of `country`: "345 678 901" is not Spanish because Chile has no such.
    """
    found = list(iter_phones(cell, country))
    if not found and _SCIENTIFIC.search(cell.strip()):
        raise Unclear(_LOST_DIGITS.format(cell=shown(cell)))
    if not found or not all(phone.is_valid for phone in found):
        raise Unclear(f"«{shown(cell)}» no es un teléfono en uso.")
    if any(phone.region != country and not _names_country(cell, phone) for phone in found):
        raise Unclear(f"«{shown(cell)}» parece de otro país: escríbalo con + y el código del país.")
    return found


def _names_country(cell: str, phone: Phone) -> bool:
    return "+" in cell or cell.lstrip(" (").startswith("00") or len(phone.number) - 1 >= _WITH_COUNTRY


def read_days(cell: str) -> int:
    found = re.fullmatch(r"(-?\d{1,5})(?:[.,]0+)?", cell.strip())
    if found is None:
        raise Unclear(f"«{shown(cell)}» no es un número de días.")
    return max(0, int(found[1]))
