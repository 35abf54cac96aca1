"""Issue a token for another program, from the shell (contract section 1, "Machine tokens")."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError
from django.utils import timezone

from crm.models import ApiToken, User

EXAMPLES = """
Ejemplos:
  manage.py create_api_token --user marcador@ejemplo.com --name "Marcador"
  manage.py create_api_token --user marcador@ejemplo.com --name "Marcador" --expires 90
  manage.py create_api_token --user panel@ejemplo.com --name "Panel" --value token-fijo-del-cliente

El valor sale solo, en la salida estándar y una única vez; lo demás va a la salida de errores:
  TOKEN=$(manage.py create_api_token --user marcador@ejemplo.com --name "Marcador")

Quien lo tenga entra con los permisos de ese usuario: Authorization: Bearer <valor>
Se revoca en el panel o con DELETE /api/api-tokens/{id}. Termina con 0 si lo creó y con 1 si no.
"""


class Command(BaseCommand):
    help = "Crea un token de API con nombre, para que otro programa entre en nombre de un usuario."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, metavar="CORREO", help="usuario en cuyo nombre actúa")
        parser.add_argument("--name", required=True, metavar="NOMBRE", help="cómo se llama el programa")
        parser.add_argument(
            "--value", default="", metavar="VALOR", help="un valor dado, para un cliente que ya lo lleva dentro"
        )
        parser.add_argument("--expires", type=int, metavar="DÍAS", help="caduca tras estos días; si falta, nunca")

    def handle(self, *args: Any, user: str, name: str, value: str, expires: int | None, **options: Any) -> None:
        owner = User.objects.by_name(user).first()
        if owner is None:
            raise CommandError(f"No existe ningún usuario «{user}».")
        if not owner.is_active:
            raise CommandError(f"El usuario {owner.email} está desactivado: su token no serviría.")
        if expires is not None and not 1 <= expires <= 36_500:
            raise CommandError("--expires son días: de 1 a 36500.")
        ends = timezone.now() + timedelta(days=expires) if expires else None
        try:
            token, shown = ApiToken.issue(user=owner, name=name.strip(), value=value, expires_at=ends)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except IntegrityError as error:  # the same value, registered by somebody else at this very moment
            raise CommandError("Este valor ya está registrado como token.") from error
        until = f" hasta el {timezone.localtime(ends):%d/%m/%Y}" if ends else ""
        self.stderr.write(f"Token «{token.name}» de {owner.email}{until}. Guárdelo ahora: no se volverá a mostrar.")
        self.stdout.write(shown)
