"""A test presence from the shell: the same verb as `POST /api/test-webhook/`, with an exit code."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.exceptions import Refusal
from crm.models import Appointment
from integrations.destinations import COMERCIAL, Destination
from integrations.models import WebhookDelivery
from integrations.sending.addresses import refusal_of
from integrations.sending.client import headers_for
from integrations.sending.trial import (
    Trial,
    appointment_named,
    check_configured,
    elsewhere,
    newest_attended,
    payload_for,
    send_test,
)

NOT_POSSIBLE = 2
HIDDEN = {
    "X-CRM-Webhook-Token": "(oculto)",
    "webhook-timestamp": "(la hora del envío)",
    "webhook-signature": "(una firma por cada clave)",
}
EXPLANATION = """
Sin --appointment envía la cita realizada más reciente; si no hay ninguna, una presencia inventada (CRM-TEST-…).
El envío queda anotado con su respuesta, no cuenta como aviso de la cita y no necesita ningún proceso en marcha.

Ejemplos:
  manage.py send_test_webhook
  manage.py send_test_webhook --appointment 31
  manage.py send_test_webhook --url https://pruebas.ejemplo.com/api/webhook-presencia-crm/ --dry-run

Termina con:
  0  el destino la aceptó (o --dry-run la mostró)
  1  el destino la rechazó o no respondió
  2  no se pudo intentar: falta configuración o un argumento no es válido
"""


class Command(BaseCommand):
    help = "Envía ahora una presencia de prueba a la aplicación comercial y muestra qué se envió y qué respondió."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, epilog=EXPLANATION, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--appointment", metavar="CITA", help="id o número de la cita: 31, CRM-31 o su UUID")
        parser.add_argument("--url", metavar="URL", help="otra dirección, con el mismo token y las mismas claves")
        parser.add_argument("--dry-run", action="store_true", help="muestra qué se enviaría y no envía nada")

    def handle(self, *args: Any, appointment: str | None, url: str | None, dry_run: bool, **options: Any) -> None:
        try:
            destination = _destination(url)
            chosen = _appointment(appointment) if appointment else newest_attended()
            if dry_run:
                self._show(destination, payload_for(chosen), chosen)
                self.stdout.write("No se ha enviado nada (--dry-run).")
                return
            trial = send_test(destination=destination, appointment=chosen)
        except Refusal as refusal:
            raise CommandError(refusal.message, returncode=NOT_POSSIBLE) from refusal
        self._show(destination, trial.delivery.payload, chosen, message_id=trial.delivery.message_id)
        self._tell(trial)

    def _show(
        self, destination: Destination, payload: dict[str, Any], appointment: Appointment | None, message_id: str = ""
    ) -> None:
        """What is sent where; the token never."""
        preview = headers_for(destination, WebhookDelivery(payload=payload), b"")
        headers = preview | {name: text for name, text in HIDDEN.items() if name in preview}
        headers["webhook-id"] = message_id or "(el del envío)"
        what = (
            f"cita {appointment.id_presencia_crm} de {appointment.lead.nombre}"
            if appointment
            else "presencia inventada, porque no hay ninguna cita realizada"
        )
        lines = [
            f"Presencia:  {what}",
            f"Destino:    {destination.title}, {destination.url}",
            "Encabezados:",
            *(f"  {name}: {value}" for name, value in headers.items()),
            "Contenido:",
            *(f"  {line}" for line in json.dumps(payload, ensure_ascii=False, indent=2).splitlines()),
        ]
        self.stdout.write("\n".join(lines))

    def _tell(self, trial: Trial) -> None:
        answer = trial.answer
        status = answer.status or "ninguna"
        self.stdout.write(f"Respuesta:  {status}, en {answer.duration_ms} ms (envío {trial.delivery.pk})")
        if answer.head:
            self.stdout.write("\n".join(f"  {line}" for line in answer.head[:1000].splitlines()))
        if not trial.is_success:
            raise CommandError(trial.message, returncode=1)
        self.stdout.write(self.style.SUCCESS(trial.message))


def _destination(url: str | None) -> Destination:
    destination = elsewhere(COMERCIAL, url.strip()) if url else COMERCIAL
    check_configured(destination)
    if refusal := refusal_of(destination.url):
        raise Refusal(refusal)
    return destination


def _appointment(name: str) -> Appointment:
    found = appointment_named(name)
    if found is None:
        raise Refusal(f"No existe ninguna cita «{name}».")
    return found
