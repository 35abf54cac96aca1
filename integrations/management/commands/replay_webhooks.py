"""Messages again, by hand: what is dead, what was written since some moment, or what is named."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone

from crm.management.since import NOT_POSSIBLE, moment_since
from integrations.choices import FINISHED_STATES
from integrations.events import PRESENCE_TEST
from integrations.models import WebhookDelivery
from integrations.models.deliveries import WebhookDeliveryQuerySet

SHOWN = 50
EXPLANATION = """
Los filtros se suman: --dead --since 3 son los envíos sin entregar de los últimos tres días. Sin ninguno no hace nada.
Solo se repite lo que ya terminó; lo que está en camino llega por sí solo. Cada mensaje conserva su identificador, así
que el destino reconoce lo que ya tiene. Sin --ids no se repiten las pruebas ni lo que un mensaje posterior sobre la
misma cita, ya entregado, dejó atrás.

Ejemplos:
  manage.py replay_webhooks --dead --dry-run
  manage.py replay_webhooks --since 2026-03-01T08:00
  manage.py replay_webhooks --ids CRM-31 CRM-32

Termina con 0 también cuando no hay nada que repetir, y con 2 si falta un filtro o uno no es válido.
"""


class Command(BaseCommand):
    help = "Vuelve a poner en cola envíos terminados, con todos sus intentos por delante."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, epilog=EXPLANATION, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dead", action="store_true", help="los que no se entregaron o quedaron apartados")
        parser.add_argument(
            "--since", metavar="FECHA_O_DÍAS", help="los escritos desde una fecha ISO o en los últimos días"
        )
        parser.add_argument("--ids", nargs="+", metavar="ID", help="estos: id del envío, msg_… o CRM-…")
        parser.add_argument("--dry-run", action="store_true", help="solo dice cuáles serían")

    def handle(
        self,
        *args: Any,
        dead: bool,
        since: str | None,
        ids: list[str] | None,
        dry_run: bool,
        **options: Any,
    ) -> None:
        if not (dead or since or ids):
            raise CommandError("Diga cuáles: --dead, --since o --ids.", returncode=NOT_POSSIBLE)
        chosen = WebhookDelivery.objects.all()
        if dead:
            chosen = chosen.failed()
        if since:
            chosen = chosen.filter(created_at__gte=moment_since(since))
        chosen = (
            chosen.filter(_named(ids)) if ids else chosen.exclude(chosen.outdated()).exclude(event=PRESENCE_TEST.name)
        )
        self._tell_of_unfinished(chosen)
        rows = chosen.filter(state__in=FINISHED_STATES).replayable()
        self._list(rows)
        if dry_run:
            self.stdout.write(f"Volverían a la cola: {_count(rows.count())} (--dry-run: no se ha hecho nada).")
        else:
            replayed = rows.replay(also_outdated=bool(ids))
            self.stdout.write(self.style.SUCCESS(f"Vuelven a la cola: {_count(replayed)}."))

    def _list(self, rows: WebhookDeliveryQuerySet) -> None:
        for row in rows.order_by("created_at", "id")[:SHOWN]:
            when = f"{timezone.localtime(row.created_at):%d/%m/%Y %H:%M}"
            self.stdout.write(f"  {row.pk}  {when}  {row.get_state_display():<12}  {row.subject}  {row.last_error}")
        if (more := rows.count() - SHOWN) > 0:
            self.stdout.write(f"  y {more} más")

    def _tell_of_unfinished(self, chosen: WebhookDeliveryQuerySet) -> None:
        if waiting := chosen.unfinished().count():
            self.stdout.write(f"Todavía en camino, no se tocan: {_count(waiting)}.")


def _count(number: int) -> str:
    return "1 envío" if number == 1 else f"{number} envíos"


def _named(ids: list[str]) -> Q:
    """The deliveries that were named; a name that nothing has is a mistake worth stopping for."""
    chosen = Q(pk__in=[])
    for name in ids:
        one = Q(pk=found) if (found := _as_uuid(name)) else Q(subject=name.strip().upper())
        if not WebhookDelivery.objects.filter(one).exists():
            raise CommandError(f"No existe ningún envío «{name}».", returncode=NOT_POSSIBLE)
        chosen |= one
    return chosen


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text.strip().removeprefix("msg_"))
    except ValueError:
        return None
