"""Templates from the shell: what the button on the staff page does, with an exit code."""

from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.exceptions import Refusal
from whatsapp.graph import GraphError
from whatsapp.models import Template
from whatsapp.templating import synchronise

NOT_POSSIBLE = 2
EXPLANATION = """
Lee todas las plantillas de la cuenta de WhatsApp (WHATSAPP_BUSINESS_ACCOUNT_ID). Añade las nuevas, corrige las que
cambiaron y marca las que Meta ya no tiene; no borra ninguna. Una que quedó fuera de uso porque Meta la rechazó al
enviarla vuelve a ofrecerse cuando cambió.

Termina con:
  0  las plantillas están al día
  1  Meta no respondió o no lo permite
  2  falta configuración
"""


class Command(BaseCommand):
    help = "Trae las plantillas de WhatsApp tal como Meta las tiene."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, epilog=EXPLANATION, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = synchronise()
        except Refusal as refusal:
            raise CommandError(refusal.message, returncode=NOT_POSSIBLE) from refusal
        except GraphError as error:
            raise CommandError(error.sentence, returncode=1) from error
        total = "1 plantilla" if report.total == 1 else f"{report.total} plantillas"
        self.stdout.write(
            f"En Meta hay {total}: {report.added} nuevas, {report.changed} cambiadas; {report.gone} ya no están."
        )
        self.stdout.write(self.style.SUCCESS(f"Se pueden usar: {Template.objects.usable().count()}."))
