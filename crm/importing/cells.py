"""One cell of a file read as what its column means. What cannot be meant is an `Unclear` with a Spanish reason."""

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models

from crm.models import User
from crm.phones import Phone, iter_phones
from crm.text import tidy_document, words

# What people write where there is nothing to write.
_NOTHING = {"-", "--", "---", ".", "n/a", "s/n", "null", "none", "no tiene", "sin dato", "sin datos"}
_YES = {"si", "s", "x", "1", "verdadero", "true", "yes", "y"}
_NO = {"no", "n", "0", "falso", "false"}
_DATE_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d/%m/%y", "%d-%m-%y", "%Y/%m/%d")
# A spreadsheet counts days from here; a date that lost its format is left as such a count.
_DAY_ZERO = date(1899, 12, 30)
_EARLIEST, _LATEST = date(1900, 1, 1), date(2100, 1, 1)


class Unclear(Exception):
    """The cell cannot be read; the text is the Spanish reason."""


@dataclass(slots=True)
class Surroundings:
    """What a cell's meaning depends on besides the cell."""

    region: str = ""
    responsibles: dict[str, UUID] = field(default_factory=dict)


Reader = Callable[[str, Surroundings], Any]


def is_nothing(cell: str) -> bool:
    return not cell or cell.lower() in _NOTHING


def plain(text: str) -> str:
    """How two spellings of one word are compared."""
    return " ".join(words(text))


def line_of(model: type[models.Model], name: str) -> Reader:
    """Text of one line that fits into the field `name`."""
    longest: int = getattr(model._meta.get_field(name), "max_length", None) or 255

    def read(cell: str, around: Surroundings) -> str:
        text = " ".join(cell.split())
        if len(text) > longest:
            raise Unclear(f"Tiene {len(text)} caracteres y caben {longest}.")
        return text

    return read


def read_text(cell: str, around: Surroundings) -> str:
    return cell


def name_of(model: type[models.Model], name: str) -> Reader:
    read_line = line_of(model, name)

    def read(cell: str, around: Surroundings) -> str:
        text: str = read_line(cell, around)
        if not any(char.isalpha() for char in text):
            raise Unclear(f"«{shown(text)}» no es un nombre.")
        return text

    return read


def read_phones(cell: str, around: Surroundings) -> list[Phone]:
    """Every number of the cell, at least one."""
    found = list(iter_phones(cell, around.region or settings.PHONE_REGION))
    if found:
        return found
    if re.search(r"\de\+?\d", cell, re.IGNORECASE):
        raise Unclear(f"«{shown(cell)}» perdió cifras en Excel: dé a la columna formato de texto.")
    raise Unclear(f"«{shown(cell)}» no es un teléfono posible.")


def read_email(cell: str, around: Surroundings) -> str:
    address = cell.replace(" ", "").removeprefix("mailto:").lower()
    try:
        validate_email(address)
    except ValidationError:
        raise Unclear(f"«{shown(cell)}» no es un correo.") from None
    if len(address) > 254:
        raise Unclear("El correo es demasiado largo.")
    return address


def document_of(model: type[models.Model], name: str) -> Reader:
    read_line = line_of(model, name)

    def read(cell: str, around: Surroundings) -> str:
        text = re.sub(r"^(?:DNI|RUC|CE|N)[:°º]*(?=\d)", "", tidy_document(cell) or "")
        if not text.isalnum():
            raise Unclear(f"«{shown(cell)}» no es un número de documento.")
        if re.fullmatch(r"\d+E\+?\d+", text):
            raise Unclear(f"«{shown(cell)}» perdió cifras en Excel: dé a la columna formato de texto.")
        return str(read_line(text, around))

    return read


def read_date(cell: str, around: Surroundings) -> date:
    """Day before month, as Spanish writes it; ISO; or the day count of a spreadsheet."""
    text = cell.split("T")[0].split(" ")[0]
    found = _day_count(text) if re.fullmatch(r"\d{5}(?:\.\d+)?", text) else _written_date(text)
    if found is None or not _EARLIEST <= found <= _LATEST:
        raise Unclear(f"«{shown(cell)}» no es una fecha válida (día/mes/año).")
    return found


def _written_date(text: str) -> date | None:
    for form in _DATE_FORMATS:
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None


def _day_count(text: str) -> date:
    return _DAY_ZERO + timedelta(days=int(float(text)))


def read_flag(cell: str, around: Surroundings) -> bool:
    word = plain(cell)
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise Unclear(f"«{shown(cell)}» no es sí ni no.")


def read_age(cell: str, around: Surroundings) -> int:
    found = re.fullmatch(r"(\d{1,3})(?:\.0+)?(?:\s*años)?", cell, re.IGNORECASE)
    if found is None or int(found[1]) > 130:
        raise Unclear(f"«{shown(cell)}» no es una edad.")
    return int(found[1])


def one_of(choices: type[models.TextChoices], thing: str) -> Reader:
    """A value of a closed list, however it is spelled; a near miss is answered with the nearest value."""
    known = spellings(choices)

    def read(cell: str, around: Surroundings) -> str:
        value = known.get(cell.lower()) or known.get(plain(cell))
        if value is None:
            raise Unclear(f"{thing} «{shown(cell)}» no existe. {suggestion(cell, choices, known)}")
        return value

    return read


def spellings(choices: type[models.TextChoices]) -> dict[str, str]:
    """Value by spelling: value and label as they are; plainly, and by either side of "(…)", where that is one value
    only ("B+" and "B-" are plainly the same)."""
    exact: dict[str, str] = {}
    loose: dict[str, set[str]] = {}
    for value, label in choices.choices:
        exact[value.lower()] = exact[str(label).lower()] = value
        for part in (value, str(label), *(re.split(r"[()]", value) if "(" in value else [])):
            loose.setdefault(plain(part), set()).add(value)
    return {part: min(values) for part, values in loose.items() if part and len(values) == 1} | exact


def suggestion(cell: str, choices: type[models.TextChoices], known: dict[str, str]) -> str:
    """ "¿Quiso decir «…»?" when something is near, else what there is, if that is short."""
    near = difflib.get_close_matches(plain(cell), known, n=1, cutoff=0.6)
    if near:
        return f"¿Quiso decir «{choices(known[near[0]]).label}»?"
    if len(choices) <= 10:
        return f"Use {_listed(choices.labels)}."
    return "La plantilla trae los valores admitidos."


def _listed(values: Iterable[str]) -> str:
    *most, last = [f"«{value}»" for value in values]
    return f"{', '.join(most)} o {last}" if most else last


def read_responsible(cell: str, around: Surroundings) -> UUID:
    """A colleague by e-mail, user name or full name."""
    found = around.responsibles.get(cell.strip().lower()) or around.responsibles.get(plain(cell))
    if found is None:
        raise Unclear(f"No hay un usuario «{shown(cell)}» que pueda ser responsable. Escriba su correo.")
    return found


def known_responsibles() -> dict[str, UUID]:
    """Everybody who may be responsible, by each way to write them; names that two people share are left out."""
    by_name: dict[str, set[UUID]] = {}
    found: dict[str, UUID] = {}
    for user in User.objects.responsible().only("email", "username", "first_name", "last_name"):
        for address in filter(None, (user.email, user.username)):
            found[address.lower()] = user.pk
        by_name.setdefault(plain(user.full_name), set()).add(user.pk)
    return {name: min(people) for name, people in by_name.items() if name and len(people) == 1} | found


def shown(cell: str) -> str:
    """A cell inside a sentence."""
    text = " ".join(cell.split())
    return text if len(text) <= 60 else f"{text[:59]}…"
