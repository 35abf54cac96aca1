"""Parts of the sentences in which a rule says why, and until when."""

from datetime import datetime
from zoneinfo import ZoneInfo

DAYS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
# Where the name of a time zone is not what people call the place.
_PLACES = {
    "Bogota": "Bogotá",
    "Canary": "Canarias",
    "Cancun": "Cancún",
    "Cordoba": "Córdoba",
    "Lisbon": "Lisboa",
    "London": "Londres",
    "Mexico_City": "Ciudad de México",
    "New_York": "Nueva York",
    "Panama": "Panamá",
    "Sao_Paulo": "São Paulo",
    "Tucuman": "Tucumán",
}


def day_and_hour(moment: datetime, lane: str) -> str:
    """In the local time of who is called: "el lunes 23/11 a las 09:00 (hora de Lima)"."""
    zone = lane.partition(":")[2]
    local = moment.astimezone(ZoneInfo(zone))
    return f"el {DAYS[local.weekday()]} {local:%d/%m} a las {local:%H:%M} (hora de {place_of(zone)})"


def place_of(zone: str) -> str:
    """What people call the place whose clock it is: "America/Bogota" is Bogotá's."""
    name = zone.rpartition("/")[2]
    return _PLACES.get(name, name.replace("_", " "))


def clause(sentence: str) -> str:
    """A sentence as the end of another: "La red bloquea." → "la red bloquea."; names in capitals stay."""
    text = sentence.strip().rstrip(".")
    is_word = len(text) > 1 and text[1].islower()
    return f"{text[:1].lower() if is_word else text[:1]}{text[1:]}."


def times(number: int) -> str:
    return "1 vez" if number == 1 else f"{number} veces"
