"""Phone numbers in one canonical form (docs/adr/0005-phones.md).

A number is stored as E.164 and found by its *match key*, which forgives the national habits that
write one line in two ways: Mexico's old 1 after 52, Argentina's 9 after 54, Brazil's ninth digit.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import phonenumbers
from django.conf import settings
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType, ValidationResult

from crm.text import fold

_MOBILE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
_COUNTRY_REGIONS = {
    "alemania": "DE", "argentina": "AR", "bolivia": "BO", "brasil": "BR", "brazil": "BR", "chile": "CL",
    "colombia": "CO", "costa rica": "CR", "cuba": "CU", "ecuador": "EC", "eeuu": "US", "el salvador": "SV",
    "espana": "ES", "estados unidos": "US", "francia": "FR", "guatemala": "GT", "honduras": "HN",
    "italia": "IT", "marruecos": "MA", "mexico": "MX", "nicaragua": "NI", "panama": "PA", "paraguay": "PY",
    "peru": "PE", "portugal": "PT", "puerto rico": "PR", "reino unido": "GB", "republica dominicana": "DO",
    "rumania": "RO", "spain": "ES", "uruguay": "UY", "usa": "US", "venezuela": "VE",
}  # fmt: skip

# Digits with what people put between them. Letters, or a second plus, end a number.
_RUN = re.compile(r"\+?[\s(]*\d(?:[\d\s()./\\,;|\-]*\d)?")
_EXTENSION = re.compile(r"\b(?:ext|extension|anexo|anx|int|interno)\b\.?\s*:?\s*\d+", re.IGNORECASE)
_DASHES = re.compile(r"[‐-―−~]")
_OF_A_CHAT = re.compile(r"@(?:c\.us|s\.whatsapp\.net)$")
_WHOLE_FLOAT = re.compile(r"\d+\.0+")
_SCIENTIFIC = re.compile(r"\d(?:\.\d+)?e\+?\d+", re.IGNORECASE)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
_SEVERAL = (re.compile(r"[/\\,;|]+"), re.compile(r"\s+"))

LONGEST_TEXT = 200
FEWEST_DIGITS, MOST_DIGITS = 7, 20
# Fewer digits without a plus are too often a local number; then the guess must be a number in use.
SURELY_INTERNATIONAL = 11


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
    name = fold(country or "").strip()
    if len(name) == 2 and name.upper() in phonenumbers.SUPPORTED_REGIONS:
        return name.upper()
    return _COUNTRY_REGIONS.get(name, default)


def parse_phone(raw: object, region: str | None = None) -> Phone | None:
    """Read a phone as people write it; None when it cannot be one. Of several, the first.

    `region` is the country of a number written without its code (default: setting PHONE_REGION).
    A number need only be *possible*: valid-number lists lag behind the numbers in use.
    """
    return next(iter_phones(raw, region), None)


def iter_phones(raw: object, region: str | None = None) -> Iterator[Phone]:
    """Every number of a cell or form field: "987654321 / 01 234-5678 (casa)" holds two."""
    home = region or settings.PHONE_REGION
    for run in _RUN.findall(_plain(raw)):
        yield from _numbers_of_run(run, home, _SEVERAL)


def _numbers_of_run(run: str, home: str, separators: tuple[re.Pattern[str], ...]) -> Iterator[Phone]:
    """A run of digits is one number if it can be, else it is cut at slashes, else at spaces.

    Never at the spaces of a number with a plus: "+999 123456789" is a mistake, not a 123456789.
    """
    phone = _read(run, home)
    if phone is not None:
        yield phone
    elif separators and not (len(separators) == 1 and "+" in run):
        parts = [part for part in separators[0].split(run.strip()) if part]
        for part in parts if len(parts) > 1 else [run]:
            yield from _numbers_of_run(part, home, separators[1:])


def _plain(raw: object) -> str:
    """The text of a cell or form without what hides a number: spreadsheet floats, invisible marks, extensions."""
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal):
        return ""
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    text = unicodedata.normalize("NFKC", str(raw)[:LONGEST_TEXT]).strip()
    text = "".join(char for char in text if unicodedata.category(char) != "Cf")
    if _WHOLE_FLOAT.fullmatch(text):
        return text.partition(".")[0]
    if _SCIENTIFIC.fullmatch(text):
        return _whole_number(text)
    if _THOUSANDS.fullmatch(text):
        return text.replace(",", "")
    text = _OF_A_CHAT.sub("", text)
    if "@" in text:  # the digits of an address are no number
        return ""
    return _DASHES.sub("-", _EXTENSION.sub("", text))


def _whole_number(scientific: str) -> str:
    """ "5.1987654321E+10" is a number that a spreadsheet reformatted; "5.19877E+10" has lost its end."""
    number = Decimal(scientific)
    digits = number.as_tuple().digits
    return str(int(number)) if len(digits) == number.adjusted() + 1 else ""


# Storing a contact reads its number five times over: as given, for the field, its row, its words.
@lru_cache(maxsize=4096)
def _read(text: str, home: str) -> Phone | None:
    """One number in `text`, as one of `home` if it is in use there, else as an international one without its plus."""
    digits = "".join(char for char in text if char.isdigit())
    if not FEWEST_DIGITS <= len(digits) <= MOST_DIGITS:
        return None
    if "+" in text:
        return _phone(_parse(f"+{digits}", None))
    local = _phone(_parse(_without_old_prefix(digits, home), home))
    if local is not None and local.is_valid:
        return local
    abroad = _phone(_parse(f"+{digits.removeprefix('00')}", None))
    if abroad is not None and (abroad.is_valid or (local is None and len(digits) >= SURELY_INTERNATIONAL)):
        return abroad
    return local


def _parse(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return _without_old_habits(phonenumbers.parse(text, region))
    except NumberParseException:
        return None


def _phone(parsed: phonenumbers.PhoneNumber | None) -> Phone | None:
    # "Possible" in the library's loose sense takes numbers without their area code, which nobody can dial.
    possible = parsed and phonenumbers.is_possible_number_with_reason(parsed) == ValidationResult.IS_POSSIBLE
    if parsed is None or not possible:
        return None
    number = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    country = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    return Phone(
        number=number,
        key=match_key(number),
        region=phonenumbers.region_code_for_number(parsed) or country,
        is_valid=phonenumbers.is_valid_number(parsed),
        is_mobile=phonenumbers.number_type(parsed) in _MOBILE,
    )


def _without_old_prefix(digits: str, region: str) -> str:
    """What was dialled before a national number until Mexico (2019) and Chile (2012) did away with it."""
    if region == "MX":
        return re.sub(r"^(?:01|044|045)(?=\d{10}$)", "", digits)
    if region == "CL":
        return re.sub(r"^0(?=9\d{8}$)", "", digits)
    return digits


def _without_old_habits(parsed: phonenumbers.PhoneNumber) -> phonenumbers.PhoneNumber:
    """Mexico's 1 before ten digits is gone since 2019; Brazil's mobiles have nine digits since 2016;
    Argentina writes its mobile 9 or 15, and some write both."""
    national = str(parsed.national_number)
    if parsed.country_code == 52 and len(national) == 11 and national.startswith("1"):
        national = national[1:]
    elif parsed.country_code == 55 and len(national) == 10 and national[2] in "6789":
        national = f"{national[:2]}9{national[2:]}"
    elif parsed.country_code == 54 and len(national) == 13 and national.startswith("9"):
        return phonenumbers.parse(f"+54{national[1:]}", None)
    else:
        return parsed
    return phonenumbers.PhoneNumber(country_code=parsed.country_code, national_number=int(national))


def match_key(number: str) -> str:
    """Of a number in E.164: its digits. Argentina's mobile 9 is dropped: half the world writes it and half does not."""
    digits = number.removeprefix("+")
    if digits.startswith("549") and len(digits) == 13:
        return f"54{digits[3:]}"
    return digits


def numbers_with_key(key: str) -> list[str]:
    """Every number in E.164 that has this match key."""
    is_argentine = key.startswith("54") and len(key) == 12
    return [f"+{key}", f"+549{key[2:]}"] if is_argentine else [f"+{key}"]


def search_words(number: str) -> list[str]:
    """Every ending of a number from four digits up, so that any run of its digits is a word's start."""
    digits = number.removeprefix("+")
    return [digits[start:] for start in range(len(digits) - 3)]
