"""Phone numbers in one canonical form (docs/adr/0005-phones.md).

A number is stored as E.164 and found by its *match key*, which forgives the national habits that
write one line in two ways: Mexico's old 1 after 52, Argentina's 9 after 54, Brazil's ninth digit.
"""

from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

_MOBILE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
_COUNTRY_REGIONS = {
    "argentina": "AR", "bolivia": "BO", "brasil": "BR", "brazil": "BR", "chile": "CL", "colombia": "CO",
    "costa rica": "CR", "cuba": "CU", "ecuador": "EC", "el salvador": "SV", "espana": "ES", "spain": "ES",
    "estados unidos": "US", "guatemala": "GT", "honduras": "HN", "mexico": "MX", "nicaragua": "NI",
    "panama": "PA", "paraguay": "PY", "peru": "PE", "republica dominicana": "DO", "uruguay": "UY",
    "venezuela": "VE",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Phone:
    """One number. `number` is E.164, `key` finds it whatever its spelling."""

    number: str
    key: str
    region: str
    is_valid: bool
    is_mobile: bool


def region_of_country(country: str | None, default: str) -> str:
    """The dialling region of a country written in Spanish or as ISO code; `default` when unknown."""
    from crm.text import fold

    name = fold(country or "").strip()
    if len(name) == 2 and name.upper() in phonenumbers.SUPPORTED_REGIONS:
        return name.upper()
    return _COUNTRY_REGIONS.get(name, default)


def parse_phone(raw: object, region: str | None = None) -> Phone | None:
    """Read a phone as people write it; None when it cannot be one.

    `region` is the country of a number written without its code (default: setting PHONE_REGION).
    A number need only be *possible*: valid-number lists lag behind the numbers in use.
    """
    from django.conf import settings

    text = _plain(raw)
    if not text:
        return None
    home = region or settings.PHONE_REGION
    parsed = _parse(text, home)
    if parsed is None or not phonenumbers.is_possible_number(parsed):
        # "51999888777": the country code is there, its plus sign is not.
        digits = "".join(char for char in text if char.isdigit())
        parsed = _parse(f"+{digits}", None) if len(digits) >= 10 else None
    if parsed is None:
        return None
    parsed = _without_old_habits(parsed)
    if not phonenumbers.is_possible_number(parsed):
        return None
    number = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    return Phone(
        number=number,
        key=_match_key(number),
        region=phonenumbers.region_code_for_country_code(parsed.country_code or 0),
        is_valid=phonenumbers.is_valid_number(parsed),
        is_mobile=phonenumbers.number_type(parsed) in _MOBILE,
    )


def _plain(raw: object) -> str:
    """Text of a cell or form. Spreadsheets hand numbers over as floats: 612345678.0."""
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    return str(raw).strip() if raw is not None else ""


def _parse(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except NumberParseException:
        return None


def _without_old_habits(parsed: phonenumbers.PhoneNumber) -> phonenumbers.PhoneNumber:
    """Mexico's 1 before ten digits is gone since 2019; Brazil's mobiles have nine digits since 2016."""
    national = str(parsed.national_number)
    if parsed.country_code == 52 and len(national) == 11 and national.startswith("1"):
        national = national[1:]
    elif parsed.country_code == 55 and len(national) == 10 and national[2] in "6789":
        national = f"{national[:2]}9{national[2:]}"
    else:
        return parsed
    return phonenumbers.PhoneNumber(country_code=parsed.country_code, national_number=int(national))


def _match_key(number: str) -> str:
    """Digits only; Argentina's mobile 9 is dropped because half the world writes it and half does not."""
    digits = number.removeprefix("+")
    if digits.startswith("549") and len(digits) == 13:
        return f"54{digits[3:]}"
    return digits


def search_words(number: str) -> list[str]:
    """Every ending of a number from four digits up, so that any run of its digits is a word's start."""
    digits = number.removeprefix("+")
    return [digits[start:] for start in range(len(digits) - 3)]
