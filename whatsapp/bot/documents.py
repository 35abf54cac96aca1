"""A document number in what a person writes, and whose it is.

Only what is nothing but a number is taken for one, unless the person was asked for it: then it may stand in a sentence
("mi DNI es 12.345.678"). A number that nobody was asked for and nobody has is just a number.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crm.models import Contact
from crm.text import tidy_document, words
from whatsapp.bot.provider import DocumentFinding, DocumentState

# Shapes of Latin America and Spain, tidied: no point, hyphen or blank, capitals.
_SHAPES = tuple(
    re.compile(shape)
    for shape in (
        r"\d{6,11}",  # DNI of Peru and Argentina, CE, cédula of Colombia, RUC
        r"[VEJGP]\d{6,9}",  # cédula of Venezuela
        r"\d{7,8}[\dK]",  # RUT of Chile
        r"[XYZ]\d{7}[A-Z]",  # NIE of Spain
        r"\d{8}[A-Z]",  # DNI of Spain
        r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z\d]\d",  # CURP of Mexico
        r"[A-ZÑ&]{3,4}\d{6}[A-Z\d]{3}",  # RFC of Mexico
        r"(?=(?:[A-Z]*\d){4})[A-Z\d]{6,13}",  # passports and the rest: mostly digits
    )
)
_WORD = re.compile(r"[^\s,;:]+")
_WORD_BEFORE_MORE = re.compile(r"[^\W\d_]{2,}\s")
# "DNI: 12345678" is nothing but a number too.
_KIND = re.compile(
    r"^(?:d\.?n\.?i|c\.?[ceid]|c[ée]dula|rut|run|ni[ef]|curp|rfc|ruc|pasaporte|documento)\b[\s.:#°º]*(?=.*\d)",
    re.IGNORECASE,
)
# Digits that people write in groups: "12 345 678".
_GROUPS = re.compile(r"(?<!\S)[A-Za-z]?\d{1,3}(?: \d{3})+(?:[- ]?[\dKk])?(?!\S)")
# What may stand beside the number when it is all that is said.
_BESIDE_IT = set(
    words(
        "Hola, buenos días, buenas tardes, buenas noches, sí, claro, ok, aquí está, este es el número (nro., num., nº)"
        " de mi / su / la / le / una DNI, D.N.I., documento, doc. de identidad, cédula, ced., C.C., C.E., C.I., carné,"
        " carnet de extranjería, CURP, RFC, RUC, RUT, RUN, NIE, NIF, pasaporte, soy, sería, va, o, y"
    )
)
LONGEST_TEXT = 300
MOST_CANDIDATES = 5
_VENEZUELA = "58"


@dataclass(frozen=True)
class Candidate:
    number: str
    # Whether nothing else is said: then an unknown number is worth a word.
    is_all: bool


def candidates_in(texts: Iterable[str], *, asked: bool) -> list[Candidate]:
    """The numbers that may be a document's, the likeliest first."""
    found: dict[str, Candidate] = {}
    for text in texts:
        stripped = _KIND.sub("", text.strip().strip(".!¡¿?").strip())
        if not stripped or len(stripped) > LONGEST_TEXT or stripped.startswith("+"):
            continue
        if is_document(stripped):
            number = str(tidy_document(stripped))
            found[number] = Candidate(number, is_all=True)
        elif asked:
            for raw in (*_GROUPS.findall(stripped), *_WORD.findall(stripped)):
                if not raw.startswith("+") and is_document(raw.strip(".!?()")):
                    number = str(tidy_document(raw.strip(".!?()")))
                    found.setdefault(number, Candidate(number, is_all=_is_all_but_fillers(stripped, raw)))
    return list(found.values())[:MOST_CANDIDATES]


def is_document(text: str) -> bool:
    """Whether a text, as it stands, has the shape of a document number."""
    tidied = tidy_document(text) or ""
    if _WORD_BEFORE_MORE.search(text):  # "calle 45 67"
        return False
    return any(shape.fullmatch(tidied) for shape in _SHAPES)


def look_up(texts: Sequence[str], *, asked: bool, address: str = "") -> DocumentFinding | None:
    """Whose number was written; None when none was, or none that is worth a word.

    Exactly one contact must have it: of two who share a number nobody can tell which one writes.
    """
    candidates = candidates_in(texts, asked=asked)
    for candidate in candidates:
        holders = holders_of(candidate.number, address=address)
        if len(holders) == 1:
            is_all = candidate.is_all and not _says_more(texts, candidate.number)
            return DocumentFinding(candidate.number, DocumentState.RECOGNISED, holders[0].pk, is_all)
    alone = next((candidate for candidate in candidates if candidate.is_all), None)
    return DocumentFinding(alone.number, DocumentState.UNKNOWN) if asked and alone else None


def _says_more(texts: Sequence[str], number: str) -> bool:
    """Whether another message of the burst says more than a greeting."""
    others = [text for text in texts if number not in (tidy_document(text) or "")]
    return any(set(words(text)) - _BESIDE_IT for text in others)


def holders_of(number: str, *, address: str = "") -> list[Contact]:
    """Present contacts with this document; two are enough to know that it is not one.

    Venezuelans leave the V or E away, or write it where the CRM has none: only for who writes from there, since
    elsewhere the same digits are somebody else.
    """
    spellings = [number]
    if address.lstrip("+").startswith(_VENEZUELA):
        spellings += [f"V{number}", f"E{number}"] if number.isdigit() else [number.lstrip("VE")]
    found = {contact.pk: contact for one in spellings for contact in Contact.objects.with_document(one)[:2]}
    return list(found.values())


def _is_all_but_fillers(text: str, raw: str) -> bool:
    return set(words(text.replace(raw, " ", 1))) <= _BESIDE_IT
