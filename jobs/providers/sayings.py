"""What is said in simulated calls: a few dialogues, always the same for the same number."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jobs.choices import Outcome
from jobs.providers.script import below


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What remains of a call: the agent's notes, and every word."""

    summary: str = ""
    sentiment: str = ""
    successful: bool | None = None
    transcript: str = ""
    collected: Mapping[str, str] = field(default_factory=dict)


NOTHING = Told()
_GREETING = "Agent: Buenos días, le llamo por el pago que tiene pendiente. ¿Hablo con el titular?"


def of(number: str, outcome: Outcome, at: datetime) -> Told:
    """What was said to whoever has this number, in a call that ended so at that moment."""
    if outcome == Outcome.OPT_OUT:
        return Told(
            summary="Pidió que no se le vuelva a llamar.",
            sentiment="Negative",
            successful=False,
            transcript=f"{_GREETING}\nUser: No me llamen más, por favor.\nAgent: Tomo nota. Disculpe la molestia.",
        )
    if outcome == Outcome.CALL_BACK:
        return _call_back(number, at)
    if outcome in (Outcome.BRIEF, Outcome.STOPPED):
        return Told(summary="La llamada se cortó al empezar.", sentiment="Unknown", transcript=_GREETING)
    return _refusal() if below(3, number, "pays") == 0 else _promise(number, at)


def _promise(number: str, at: datetime) -> Told:
    day = (at + timedelta(days=2 + below(20, number, "day"))).date()
    amount = str(5_000 * (2 + below(40, number, "amount")))
    return Told(
        summary=f"Reconoce la deuda y acuerda pagar {amount} el {day:%d/%m/%Y}.",
        sentiment="Positive",
        successful=True,
        transcript=f"{_GREETING}\nUser: Sí, soy yo.\nAgent: ¿Cuándo podría pagar?\n"
        f"User: El {day:%d/%m} puedo pagar {amount}.\nAgent: Perfecto, queda anotado. Gracias.",
        collected={"fecha_pago_cliente": day.isoformat(), "monto_pago_cliente": amount},
    )


def _refusal() -> Told:
    return Told(
        summary="Reconoce la deuda, pero no puede dar una fecha de pago.",
        sentiment="Neutral",
        successful=False,
        transcript=f"{_GREETING}\nUser: Sí, pero ahora no puedo pagar.\nAgent: Entiendo. Le volveremos a escribir.",
    )


def _call_back(number: str, at: datetime) -> Told:
    when = (at + timedelta(days=1 + below(3, number, "back"))).replace(hour=16, minute=0, second=0, microsecond=0)
    return Told(
        summary=f"No puede hablar ahora y pide que se le llame el {when:%d/%m/%Y a las %H:%M} (UTC).",
        sentiment="Neutral",
        successful=False,
        transcript=f"{_GREETING}\nUser: Ahora no puedo hablar, llámeme otro día.\nAgent: De acuerdo, le llamaremos.",
        collected={"fecha_rellamada": when.isoformat()},
    )
