"""What a campaign would do, hour by hour, before anybody is called."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from crm.management.since import NOT_POSSIBLE
from jobs.choices import JobStatus, Outcome
from jobs.dialling.facts import zone_of
from jobs.dialling.wording import DAYS
from jobs.models import Batch
from jobs.money import amount_of
from jobs.rehearsing import Rehearsal, rehearse

HOURS_SHOWN = 60
EXPLANATION = """
Recorre la campaña con un reloj propio: las mismas reglas, horarios, festivos, límites y reintentos que al llamar de
verdad, y los resultados del proveedor simulado. No escribe nada ni llama a nadie. Cuenta con que las demás campañas
están en silencio, y una campaña en pausa se ensaya como si se reanudara.

Con la misma semilla (--seed) sale siempre lo mismo. El coste es el de los resultados simulados, con un margen en el
que cae diecinueve de cada veinte veces.

Ejemplos:
  manage.py rehearse batch-20261120-9f3c1a2b
  manage.py rehearse batch-20261120-9f3c1a2b --from 2026-12-01T09:00 --seed 7
  manage.py rehearse 6740f0c2a1b2c3d4e5f60718 --json

Termina con 0 si se pudo ensayar, también cuando no queda nadie a quien llamar, y con 2 si la campaña no existe, ya no
puede llamar o la fecha no es válida.
"""


class Command(BaseCommand):
    help = "Ensaya una campaña: cuántas llamadas por hora, con qué resultado, cuánto costaría y cuándo acabaría."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, epilog=EXPLANATION, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("batch", metavar="CAMPAÑA", help="su _id o su batch_id")
        parser.add_argument(
            "--from", dest="begins", metavar="FECHA", help="empieza entonces (ISO, hora de la cuenta); si falta, ahora"
        )
        parser.add_argument("--seed", metavar="SEMILLA", help="otros resultados simulados")
        parser.add_argument("--json", action="store_true", dest="as_json", help="escribe el resultado como JSON")

    def handle(
        self, *args: Any, batch: str, begins: str | None, seed: str | None, as_json: bool, **options: Any
    ) -> None:
        campaign = _campaign_named(batch)
        zone = zone_of(campaign.account)
        begins_at = _moment(begins, zone) if begins else timezone.now()
        result = rehearse(campaign, begins_at=begins_at, seed=seed or settings.SIMULATED_SEED)
        if as_json:
            self.stdout.write(json.dumps(_as_json(campaign, result), ensure_ascii=False, indent=2))
            return
        for line in _told(campaign, result, zone):
            self.stdout.write(line)


def _campaign_named(name: str) -> Batch:
    found = Batch.objects.present().select_related("account").named(name).first()
    if found is None:
        raise CommandError(f"No existe ninguna campaña «{name}».", returncode=NOT_POSSIBLE)
    if found.cancelled_at is not None:
        raise CommandError(f"La campaña «{found.name}» está cancelada: ya no llama.", returncode=NOT_POSSIBLE)
    return found


def _moment(text: str, zone: ZoneInfo) -> datetime:
    """As written, by the clock of the account where it says no zone of its own."""
    try:
        moment = parse_datetime(text if "T" in text or " " in text else f"{text}T00:00")
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(
            f"«{text}» no es una fecha; por ejemplo 2026-12-01 o 2026-12-01T09:00.", returncode=NOT_POSSIBLE
        )
    moment = moment if timezone.is_aware(moment) else moment.replace(tzinfo=zone)
    if moment < timezone.now():
        raise CommandError(
            "--from ya pasó; una campaña se ensaya desde ahora o desde más tarde.", returncode=NOT_POSSIBLE
        )
    return moment


# --- For people -------------------------------------------------------------------------------


def _told(batch: Batch, result: Rehearsal, zone: ZoneInfo) -> Iterator[str]:
    yield f"Campaña «{batch.name}» ({batch.batch_id}): {_amount(result.jobs, 'pendiente', 'pendientes')}."
    if not result.jobs:
        yield "No queda nadie a quien llamar."
        return
    yield f"Empieza {_day_and_hour(result.begins_at, zone)}, hora de la cuenta ({zone.key})."
    if result.dials:
        yield from _calls_told(result, zone)
    yield from _people_told(result)


def _calls_told(result: Rehearsal, zone: ZoneInfo) -> Iterator[str]:
    yield ""
    yield "Llamadas por hora:"
    hours = sorted(result.by_hour.items())
    for hour, calls in hours[:HOURS_SHOWN]:
        yield f"  {_day_and_hour(hour, zone):<26} {calls:>6}"
    if len(hours) > HOURS_SHOWN:
        yield f"  y {len(hours) - HOURS_SHOWN} horas más (todas con --json)"
    yield ""
    yield f"Llamadas en total: {result.dials}"
    for outcome, calls in result.outcomes.most_common():
        yield f"  {Outcome(outcome).label:<28} {calls:>6}  {100 * calls / result.dials:5.1f} %"
    yield ""
    least, most = (amount_of(micros) for micros in result.cost_range)
    cost = amount_of(result.cost_micros)
    yield f"Minutos hablados: {result.seconds / 60:.0f}"
    yield f"Coste: {cost:.2f} (entre {least:.2f} y {most:.2f})"
    if result.ends_at is not None:
        yield f"Última llamada: {_day_and_hour(result.ends_at, zone)}"


def _people_told(result: Rehearsal) -> Iterator[str]:
    yield ""
    yield "Cómo acaban los pendientes:"
    for status, how_many in result.ended.most_common():
        yield f"  {JobStatus(status).label:<28} {how_many:>6}"
    if left := result.jobs - sum(result.ended.values()):
        yield f"  {'Siguen pendientes':<28} {left:>6}"
    if result.skipped:
        yield ""
        yield "A quién no se llama, o ya no, y por qué:"
        for code, how_many in result.skipped.most_common():
            yield f"  {how_many:>6}  {result.reasons[code]} [{code}]"


def _day_and_hour(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{DAYS[local.weekday()]} {local:%d/%m/%Y %H:%M}"


def _amount(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


# --- For programs -----------------------------------------------------------------------------


def _as_json(batch: Batch, result: Rehearsal) -> dict[str, Any]:
    least, most = result.cost_range
    return {
        "batch_id": batch.batch_id,
        "jobs": result.jobs,
        "calls": result.dials,
        "begins_at": _iso(result.begins_at),
        "ends_at": _iso(result.ends_at),
        "minutes": round(result.seconds / 60, 2),
        "cost": amount_of(result.cost_micros),
        "cost_least": amount_of(least),
        "cost_most": amount_of(most),
        "outcomes": dict(result.outcomes),
        "ended": dict(result.ended),
        "skipped": [
            {"code": code, "reason": result.reasons[code], "jobs": how_many}
            for code, how_many in result.skipped.most_common()
        ],
        "calls_by_hour": [{"hour": _iso(hour), "calls": calls} for hour, calls in sorted(result.by_hour.items())],
    }


def _iso(moment: datetime | None) -> str | None:
    return f"{timezone.localtime(moment, ZoneInfo('UTC')):%Y-%m-%dT%H:%M:%SZ}" if moment else None
