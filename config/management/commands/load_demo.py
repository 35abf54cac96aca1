"""The demonstration's data by hand; `manage.py serve` does the same on an empty database."""

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from config import demo


class Command(BaseCommand):
    help = (
        "Carga los datos de demostración en una base de datos vacía. Repetirlo no cambia nada. "
        "Con DATABASE_URL se niega: una instalación real no tiene datos ni contraseñas de demostración."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMONSTRATION:
            raise CommandError("Los datos de demostración no existen cuando DATABASE_URL está definida.")
        if not demo.is_wanted():
            self.stdout.write("La base de datos ya tiene datos: no se ha cargado nada.")
            return
        for name, number in demo.load().items():
            self.stdout.write(f"{number:>6}  {name}")
