"""What Meta sent, applied once more by hand: what failed, what came since some moment, or what is named."""

import re
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm.management.since import NOT_POSSIBLE, moment_since
from crm.waking import wake
from whatsapp.choices import EventState
from whatsapp.models import WebhookEvent
from whatsapp.models.events import WebhookEventQuerySet
from whatsapp.tasks import apply_events

SHOWN = 50
EXPLANATION = """
Los filtros se suman: --failed --since 3 son los avisos con fallos de los últimos tres días. Sin ninguno no hace nada;
para todos los que se conservan (90 días) está --all.
Lo que ya se procesó no se repite: ningún mensaje se duplica y el bot no vuelve a responder. Lo que todavía espera no se
toca. Los procesa el worker; sin él quedan por procesar.

Ejemplos:
  manage.py replay_whatsapp --failed --dry-run
  manage.py replay_whatsapp --since 2026-03-01T08:00
  manage.py replay_whatsapp --event 31 32

Termina con 0 también cuando no hay nada que repetir, y con 2 si falta un filtro o uno no es válido.
"""


class Command(BaseCommand):
    help = "Procesa de nuevo avisos de Meta guardados (webhooks de WhatsApp)."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, epilog=EXPLANATION, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--failed", action="store_true", help="los que tienen fallos")
        parser.add_argument("--event", nargs="+", metavar="ID", help="estos avisos")
        parser.add_argument(
            "--since", metavar="FECHA_O_DÍAS", help="los recibidos desde una fecha ISO o en los últimos días"
        )
        parser.add_argument("--all", action="store_true", help="todos los que se conservan")
        parser.add_argument("--dry-run", action="store_true", help="solo dice cuáles serían")

    def handle(
        self,
        *args: Any,
        failed: bool,
        event: list[str] | None,
        since: str | None,
        dry_run: bool,
        **options: Any,
    ) -> None:
        if not (failed or event or since or options["all"]):
            raise CommandError("Diga cuáles: --failed, --event, --since o --all.", returncode=NOT_POSSIBLE)
        chosen = WebhookEvent.objects.all()
        if failed:
            chosen = chosen.failed()
        if event:
            chosen = chosen.filter(pk__in=_named(event))
        if since:
            chosen = chosen.filter(received_at__gte=moment_since(since))
        self._tell_of_waiting(chosen)
        rows = chosen.filter(state__in=[EventState.APPLIED, EventState.FAILED])
        self._list(rows)
        if dry_run:
            self.stdout.write(f"Se procesarían de nuevo: {_count(rows.count())} (--dry-run: no se ha hecho nada).")
            return
        replayed = rows.replay()
        wake(apply_events)
        self.stdout.write(self.style.SUCCESS(f"Se procesan de nuevo: {_count(replayed)}."))

    def _list(self, rows: WebhookEventQuerySet) -> None:
        for row in rows.defer("body").order_by("id")[:SHOWN]:
            when = f"{timezone.localtime(row.received_at):%d/%m/%Y %H:%M}"
            line = f"  {row.pk}  {when}  {row.get_state_display():<10}  {row.failures} de {row.items} con fallos"
            self.stdout.write(f"{line}  {row.error}".rstrip())
        if (more := rows.count() - SHOWN) > 0:
            self.stdout.write(f"  y {more} más")

    def _tell_of_waiting(self, chosen: WebhookEventQuerySet) -> None:
        if waiting := chosen.waiting().count():
            self.stdout.write(f"Todavía por procesar, no se tocan: {_count(waiting)}.")


def _count(number: int) -> str:
    return "1 aviso" if number == 1 else f"{number} avisos"


def _named(ids: list[str]) -> list[int]:
    """The events that were named; a name that nothing has is a mistake worth stopping for."""
    found = {name: int(name) for name in ids if re.fullmatch(r"[0-9]{1,18}", name)}
    there = set(WebhookEvent.objects.filter(pk__in=found.values()).values_list("pk", flat=True))
    for name in ids:
        if found.get(name) not in there:
            raise CommandError(f"No existe ningún aviso «{name}».", returncode=NOT_POSSIBLE)
    return sorted(there)
