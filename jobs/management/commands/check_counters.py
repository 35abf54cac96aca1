"""Compare the counts of campaigns and accounts with their rows."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.management.since import NOT_POSSIBLE
from jobs.checking import Line, compare
from jobs.models import Account, Batch

WORDS = {
    "pending": "pendientes",
    "in_progress": "en llamada",
    "completed": "completados",
    "failed": "fallidos",
    "suspended": "apartados",
    "cancelled": "cancelados",
    "seconds": "segundos",
    "cost_micros": "coste (millonésimas)",
    "dials": "intentos por horas",
}
EXPLANATION = """
Cuenta los jobs por estado, suma los segundos y el coste de sus intentos de llamada, y cuenta los intentos de cada
cuenta por cuartos de hora, de donde sale su límite diario; todo en una sola consulta y por tanto en un solo instante.
Lo compara con lo guardado. Puede ejecutarse con todo en marcha. No corrige nada: los recuentos los lleva la base de
datos misma, y una diferencia es un fallo que hay que encontrar.

Ejemplos:
  manage.py check_counters
  manage.py check_counters batch-20261120-9f3c1a2b
  manage.py check_counters --json

Termina con 0 si todo cuadra, con 1 si algo difiere y con 2 si no existe una campaña o cuenta nombrada.
"""


class Command(BaseCommand):
    help = "Comprueba que los recuentos de campañas y cuentas coinciden con sus filas. No corrige nada."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, epilog=EXPLANATION, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "owners", nargs="*", metavar="CAMPAÑA", help="_id o batch_id (también de una cuenta); sin ninguno, todas"
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="escribe el resultado como JSON")

    def handle(self, *args: Any, owners: list[str], as_json: bool, **options: Any) -> None:
        lines = compare([_key_of(name) for name in owners] if owners else None)
        wrong = [line for line in lines if not line.is_right]
        if as_json:
            self.stdout.write(json.dumps(_as_json(lines, wrong), ensure_ascii=False))
        else:
            self._print(lines if owners else wrong)
            self.stdout.write(_verdict(lines, wrong))
        if wrong:
            raise SystemExit(1)

    def _print(self, lines: list[Line]) -> None:
        if not lines:
            return
        names = _names({line.owner for line in lines})
        self.stdout.write(f"{'':2}{'De':<40}{'Qué':<22}{'Guardado':>14}{'Contado':>14}")
        for line in lines:
            mark = " " if line.is_right else "✗"
            name = names.get(line.owner, line.owner)[:38]
            self.stdout.write(f"{mark:2}{name:<40}{WORDS[line.name]:<22}{line.kept:>14}{line.counted:>14}")


def _verdict(lines: list[Line], wrong: list[Line]) -> str:
    owners = len({line.owner for line in lines})
    among = f"{owners} campañas y cuentas" if owners != 1 else "1 campaña o cuenta"
    if not wrong:
        return f"Todo cuadra: {len(lines)} recuentos de {among}."
    return f"No cuadran {len(wrong)} de {len(lines)} recuentos de {among}. No se ha corregido nada."


def _as_json(lines: list[Line], wrong: list[Line]) -> dict[str, Any]:
    return {
        "ok": not wrong,
        "checked": len(lines),
        "differences": [
            {"owner": line.owner, "name": line.name, "kept": line.kept, "counted": line.counted} for line in wrong
        ],
    }


def _key_of(name: str) -> str:
    """The key of a campaign, removed ones too, or of an account; a name that nothing has is a mistake."""
    found: Batch | Account | None = Batch.objects.named(name).first() or Account.objects.named(name).first()
    if found is None:
        raise CommandError(f"No existe ninguna campaña ni cuenta «{name}».", returncode=NOT_POSSIBLE)
    return str(found.pk)


def _names(owners: set[str]) -> dict[str, str]:
    return {
        **dict(Account.objects.filter(pk__in=owners).values_list("pk", "account_id")),
        **dict(Batch.objects.filter(pk__in=owners).values_list("pk", "batch_id")),
    }
