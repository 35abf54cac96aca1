"""Puts the numbers of a file on the list of those whom no campaign calls.

Exit code 0: every number is on the list. 2: some rows could not be read. 1: the file was refused.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.management.base import BaseCommand, CommandError

from crm.exceptions import Refusal
from crm.text import in_number
from jobs.choices import Country
from jobs.importing.do_not_call import Taken, take_list
from jobs.models import Account

SOME_ROWS_FAILED = 2
SHOWN = 20


class Command(BaseCommand):
    help = "Añade a la lista de no llamar los teléfonos de un CSV o XLSX. Termina con 2 si hay filas ilegibles."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="ARCHIVO", help="CSV o libro, con una columna «telefono».")
        parser.add_argument("--account", metavar="CUENTA", help="Solo para esta cuenta; sin ella, para todas.")
        parser.add_argument("--country", choices=Country.values, help="De los números sin código de país.")
        parser.add_argument(
            "--reason", metavar="MOTIVO", default="", help="Motivo, p. ej. el registro del que viene la lista."
        )

    def handle(self, *args: Any, path: Path, **options: Any) -> None:
        account = _account(options["account"])
        country = options["country"] or (account.country if account else settings.PHONE_REGION)
        try:
            with path.open("rb") as stream:
                taken = take_list(File(stream), country=country, account=account, reason=options["reason"])
        except OSError as error:
            raise CommandError(f"No se puede abrir {path}. Compruebe que es un archivo y que se puede leer.") from error
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        self._report(taken)

    def _report(self, taken: Taken) -> None:
        self.stdout.write(self.style.SUCCESS(f"Añadidos {taken.added}, ya estaban {taken.known}."))
        for problem in taken.problems[:SHOWN]:
            self.stdout.write(self.style.WARNING(problem))
        if taken.problems:
            unread = in_number(len(taken.problems), "teléfono no se pudo leer.", "teléfonos no se pudieron leer.")
            raise CommandError(unread, returncode=SOME_ROWS_FAILED)


def _account(given: str | None) -> Account | None:
    if not given:
        return None
    account: Account | None = Account.objects.named(given).first()
    if account is None:
        raise CommandError(f"No hay una cuenta «{given}».")
    return account
