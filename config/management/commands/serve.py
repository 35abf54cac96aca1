"""`make run`: the whole product in one process (contract sections 7 and 8)."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NoReturn

from django.conf import settings
from django.core.checks import Tags, run_checks
from django.core.management import BaseCommand, call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from config import demo, process
from config.celery import app as celery_app
from config.env import ENV
from crm.models import User


class Command(BaseCommand):
    help = (
        "Pone en marcha Puente CRM en un solo proceso: servidor web, tareas en segundo plano y reloj. "
        "Sin configuración, como demostración con SQLite y datos inventados; con DATABASE_URL y REDIS_URL, "
        "sobre PostgreSQL y Redis. HOST y PORT eligen la dirección, DATA_DIR la carpeta de los archivos. "
        "Se detiene con Ctrl-C."
    )
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        process.stop_on_signals()
        try:
            self._serve()
        except KeyboardInterrupt:
            self.stdout.write("Puente CRM se ha detenido.")

    def _serve(self) -> None:
        self._refuse_incomplete_settings()
        holder = self._take_address()
        self._prepare_folders()
        self._prepare_database()
        server = self._open_web_server(holder)
        background = process.start_background(celery_app)
        self._say_ready(process.url_of(holder))
        if settings.DEMONSTRATION and process.is_reachable_from_outside(holder):
            self._warn_of_the_open_door()
        server.run()
        self.stdout.write("Deteniendo…")
        if not background.stop():
            process.leave()

    def _refuse_incomplete_settings(self) -> None:
        errors = [message for message in run_checks(tags=[Tags.security]) if message.is_serious()]
        if errors:
            lines = [f"  - {error.msg} {error.hint or ''}".rstrip() for error in errors]
            self._refuse("La configuración está incompleta:", *lines)

    def _take_address(self) -> socket.socket:
        try:
            return process.reserve_address(ENV.host, ENV.port)
        except OSError as error:
            self._refuse(
                f"No se puede escuchar en {ENV.host}:{ENV.port} ({error.strerror or error}). "
                "Elija otra dirección, por ejemplo: PORT=8001 make run"
            )

    def _prepare_folders(self) -> None:
        """The folders under DATA_DIR, and the right to write there."""
        database = ENV.data_dir / "puente.sqlite3"
        try:
            # WhiteNoise warns about a static folder that is not there.
            for folder in (ENV.data_dir, settings.STATIC_ROOT, settings.MEDIA_ROOT):
                os.makedirs(folder, exist_ok=True)
            for needed in (ENV.data_dir, database):
                if needed.exists() and not os.access(needed, os.W_OK):
                    raise PermissionError(f"sin permiso de escritura en {needed}")
        except OSError as error:
            self._refuse(f"No se puede escribir en {ENV.data_dir} ({error}). Elija otra carpeta con DATA_DIR.")

    def _prepare_database(self) -> None:
        try:
            if lags_behind():
                self.stdout.write("Preparando la base de datos…")
                with one_at_a_time():
                    call_command("migrate", interactive=False, verbosity=0)
            if settings.DEMONSTRATION and demo.is_wanted():
                self.stdout.write("Cargando los datos de demostración…")
                demo.load()
        except DatabaseError as error:
            self._refuse(f"La base de datos no responde o no admite cambios: {str(error).strip()}")

    def _open_web_server(self, holder: socket.socket) -> Any:
        from config.wsgi import application

        # Otherwise the first request would wait until every view is imported.
        import_module(settings.ROOT_URLCONF)
        try:
            return process.web_server(
                application,
                holder,
                trusted_proxies=ENV.trusted_proxies,
                largest_body=2 * settings.IMPORT_MAX_BYTES,
            )
        except OSError as error:
            # Two that started at the same moment: only one may listen.
            self._refuse(f"No se puede escuchar en {ENV.host}:{ENV.port} ({error.strerror or error}).")

    def _say_ready(self, url: str) -> None:
        lines = [
            "",
            self.style.SUCCESS(f"Puente CRM está listo en {url}"),
            "",
            *(self._for_the_demonstration(url) if settings.DEMONSTRATION else self._for_a_deployment(url)),
            f"  API:    {url}/api/docs/",
            "  Parar:  Ctrl-C",
            "",
        ]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()

    def _for_the_demonstration(self, url: str) -> list[str]:
        accounts = demo.accounts_that_exist()
        signed = [f"    {email:<24}{who}" for email, who in accounts]
        return [
            f"  Demostración con datos inventados, guardados en {ENV.data_dir}",
            *([f"  Cuentas (contraseña de todas: {demo.PASSWORD})", *signed] if signed else []),
            "",
            "  Para empezar:",
            f"    1. Entre en {url}/admin/ como administrador y mire las tareas de hoy y las vencidas.",
            "    2. Registre una llamada con próxima fecha: la tarea de seguimiento aparece sola.",
            "    3. Elija varias oportunidades y asígnelas en bloque; o siga con curl el recorrido del README.",
            "",
        ]

    def _for_a_deployment(self, url: str) -> list[str]:
        if User.objects.administrators().exists():
            return [f"  Panel:  {url}/admin/"]
        return [
            "  Todavía no hay ningún administrador. Créelo con:",
            f"    {sys.executable} manage.py createsuperuser",
            "",
            f"  Panel:  {url}/admin/",
        ]

    def _warn_of_the_open_door(self) -> None:
        self.stderr.write(
            self.style.WARNING(
                f"Atención: la demostración, con contraseñas públicas, está abierta a la red en {ENV.host}. "
                "No guarde en ella datos reales."
            )
        )

    def _refuse(self, *lines: str) -> NoReturn:
        self.stderr.write("\n".join(lines))
        sys.exit(1)


def lags_behind() -> bool:
    """Whether a migration is missing. One query; `migrate` itself would also look through every model."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Several that start at once on a new release: the first migrates, the others wait and find it done."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended('puente migrate', 0))")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended('puente migrate', 0))")
