"""Imports a spreadsheet of contacts or leads from the shell: the same verbs as the API.

Exit code 0: every row is in, or was there already. 2: some rows failed. 1: the file was refused.
"""

import time
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.management.base import BaseCommand, CommandError

from crm.acting import acting_as
from crm.choices import ImportKind, ImportState
from crm.exceptions import Conflict, Refusal
from crm.importing import reports, running
from crm.models import ImportRun, User

SOME_ROWS_FAILED = 2
INTERRUPTED = 130


class Command(BaseCommand):
    help = "Importa contactos o leads de un CSV o XLSX. Termina con 0 si todo está, 2 si hay filas con error."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--kind", choices=ImportKind.values, required=True)
        parser.add_argument("--duplicates", choices=["merge", "report"], default="report")
        parser.add_argument("--dry-run", action="store_true", help="Solo dice qué pasaría.")
        parser.add_argument("--user", help="Correo de quien importa.")
        parser.add_argument("--responsible", help="Correo de quien se hace cargo de lo que se cree.")
        parser.add_argument("--errors", type=Path, help="Dónde dejar las filas con error, como CSV.")

    def handle(self, *args: Any, path: Path, **options: Any) -> None:
        author = _user_with(options["user"])
        responsible = _user_with(options["responsible"], responsible=True)
        with acting_as(author):
            run = self._preview(path, options["kind"], author)
            if options["dry_run"]:
                failed = run.preview["counts"]["failed"]
                run.forget_file()
                run.delete()
            else:
                self._carry_out(run, merge=options["duplicates"] == "merge", responsible=responsible)
                failed = run.failed_rows
                self._write_errors(run, options["errors"])
        if failed:
            raise CommandError(f"{failed} filas con error.", returncode=SOME_ROWS_FAILED)

    def _preview(self, path: Path, kind: str, author: User | None) -> ImportRun:
        try:
            with path.open("rb") as stream:
                run = running.preview_file(File(stream), name=path.name, kind=kind, by=author)
        except OSError as error:
            raise CommandError(f"No se puede abrir {path}. Compruebe que es un archivo y que se puede leer.") from error
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        counts = run.preview["counts"]
        self.stdout.write(
            f"{run.total_rows} filas. Se crearían {counts['created']}, ya están {counts['duplicate']}, "
            f"con error {counts['failed']}."
        )
        for warning in run.preview["warnings"]:
            self.stdout.write(self.style.WARNING(warning))
        return run

    def _carry_out(self, run: ImportRun, *, merge: bool, responsible: User | None) -> None:
        try:
            running.start(run, merge_duplicates=merge, responsible_user=responsible)
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        try:
            self._work(run)
        except KeyboardInterrupt:
            with suppress(Conflict):
                run.cancel()
            raise CommandError("Cancelada; lo ya importado queda.", returncode=INTERRUPTED) from None
        self._report(run)

    def _work(self, run: ImportRun) -> None:
        """Until it is done; a worker may have been faster, then its progress is shown."""
        while not run.is_finished:
            running.carry_out(run, progress=self._show_progress)
            if not run.is_finished:
                time.sleep(1)
                run.refresh_from_db()
                self._show_progress(run)

    def _show_progress(self, run: ImportRun) -> None:
        self.stdout.write(f"{run.progress:3d} %  {run.processed_rows} de {run.total_rows}")

    def _report(self, run: ImportRun) -> None:
        if run.state != ImportState.DONE:
            raise CommandError(run.error or "La importación se canceló.")
        self.stdout.write(
            self.style.SUCCESS(
                f"Creadas {run.created_rows}, completadas {run.merged_rows}, "
                f"ya estaban {run.duplicate_rows}, con error {run.failed_rows}."
            )
        )

    def _write_errors(self, run: ImportRun, path: Path | None) -> None:
        if path is not None and run.failed_rows:
            path.write_bytes(b"".join(reports.errors_csv(run)))
            self.stdout.write(f"Filas con error: {path}")


def _user_with(email: str | None, *, responsible: bool = False) -> User | None:
    if not email:
        return None
    people = User.objects.responsible() if responsible else User.objects.active()
    found = people.filter(email=email.strip().lower()).first()
    if found is None:
        raise CommandError(f"No hay un usuario activo con el correo {email}.")
    return found
