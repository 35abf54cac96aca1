"""Is everything there that a message needs to arrive? One sentence for each thing, from the setting to the receiver."""

import socket
import ssl
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from crm.waking import BROKER_FAULTS
from integrations.choices import DeliveryState
from integrations.destinations import COMERCIAL, Destination
from integrations.events import PRESENCE_TEST
from integrations.models import Circuit, WebhookDelivery
from integrations.sending.addresses import refusal_of
from integrations.sending.answers import Answer
from integrations.sending.client import Sender
from integrations.sending.connections import may_connect, resolve
from integrations.sending.signing import LONGEST_KEY, SHORTEST_KEY, key_of
from integrations.sending.trial import Elsewhere, elsewhere

NOT_CONFIGURED = 2
ENDS_SOON = timedelta(days=14)
# The tick comes every five seconds; what has waited this long, nobody is taking care of.
WAITED_TOO_LONG = timedelta(minutes=2)
WRONG_TOKEN = "no-es-el-token"  # noqa: S105
EXPLANATION = """
No cambia nada: al destino le manda un mensaje vacío, que ningún receptor guarda, con un token falso y con el bueno.
Con --offline no se conecta a ninguna parte y solo mira la configuración.

Termina con:
  0  todo está en orden
  1  algo no lo está; cada línea que empieza por MAL dice qué
  2  no hay dirección configurada
"""


@dataclass(frozen=True)
class Finding:
    sentence: str
    is_wrong: bool = False
    is_doubtful: bool = False

    @property
    def mark(self) -> str:
        return "MAL  " if self.is_wrong else "OJO  " if self.is_doubtful else "bien "


def good(sentence: str) -> Finding:
    return Finding(sentence)


def doubtful(sentence: str) -> Finding:
    return Finding(sentence, is_doubtful=True)


def wrong(sentence: str) -> Finding:
    return Finding(sentence, is_wrong=True)


class Command(BaseCommand):
    help = "Comprueba de punta a punta que los avisos pueden llegar a la aplicación comercial."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, epilog=EXPLANATION, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--offline", action="store_true", help="mira solo la configuración")

    def handle(self, *args: Any, offline: bool, **options: Any) -> None:
        if not COMERCIAL.url:
            raise CommandError(
                f"No hay adónde enviar: falta {COMERCIAL.url_setting}. Los avisos esperan hasta que la haya.",
                returncode=NOT_CONFIGURED,
            )
        self.stdout.write(f"Destino: {COMERCIAL.title}, {_shown(COMERCIAL.url)}")
        faults = 0
        for finding in findings(COMERCIAL, is_offline=offline):
            style = self.style.ERROR if finding.is_wrong else self.style.WARNING if finding.is_doubtful else str
            self.stdout.write(f"  {style(finding.mark)} {finding.sentence}")
            faults += finding.is_wrong
        if faults:
            raise CommandError("Hay 1 problema." if faults == 1 else f"Hay {faults} problemas.", returncode=1)
        self.stdout.write(self.style.SUCCESS("Todo está en orden."))


def findings(destination: Destination, *, is_offline: bool) -> Iterator[Finding]:
    """Each thing in turn; where one is wrong on which others stand, those are left out."""
    address = list(_address(destination))
    yield from address
    yield _token(destination)
    yield from _secrets(destination)
    if not is_offline:
        if not any(finding.is_wrong for finding in address):
            yield from _way(destination)
        yield from _broker()
    try:
        yield from list(_outbox(destination))
    except DatabaseError as error:
        yield wrong(f"La base de datos no responde o le faltan tablas («manage.py migrate»): {_first_line(error)}")


# --- What is configured -----------------------------------------------------------------------


def _shown(url: str) -> str:
    """Without a password that does not belong there."""
    return url.rpartition("@")[2] if "@" in url else url


def _address(destination: Destination) -> Iterator[Finding]:
    if refusal := refusal_of(destination.url):
        yield wrong(refusal)
    elif urlsplit(destination.url).scheme == "https":
        yield good("La dirección usa HTTPS.")
    elif settings.WEBHOOK_ALLOW_PRIVATE:
        yield doubtful("La dirección no usa HTTPS: vale solo dentro de la red propia (WEBHOOK_ALLOW_PRIVATE).")
    else:
        yield wrong("La dirección no usa HTTPS.")


def _token(destination: Destination) -> Finding:
    if destination.token:
        return good("Hay un token.")
    return wrong(f"No se puede enviar sin token: falta {destination.token_setting}.")


def _secrets(destination: Destination) -> Iterator[Finding]:
    if not destination.secrets:
        yield doubtful(f"Los mensajes salen sin firmar: falta {destination.secrets_setting}.")
    for position, secret in enumerate(destination.secrets, start=1):
        length = len(key_of(secret))
        if SHORTEST_KEY <= length <= LONGEST_KEY:
            yield good(f"La clave de firma {position} tiene {length} bytes.")
        else:
            yield wrong(
                f"La clave de firma {position} tiene {length} bytes; deben ser de {SHORTEST_KEY} a {LONGEST_KEY}."
            )


# --- The way there ----------------------------------------------------------------------------


def _way(destination: Destination) -> Iterator[Finding]:
    """Name, connection, certificate and answer; each needs the one before."""
    parts = urlsplit(destination.url)
    is_encrypted = parts.scheme == "https"
    host, port = str(parts.hostname), parts.port or (443 if is_encrypted else 80)
    try:
        found = sorted({str(row[4][0]) for row in resolve(host, port, seconds=settings.WEBHOOK_TOTAL_SECONDS)})
    except (OSError, UnicodeError):
        yield wrong(f"El nombre {host} no se puede resolver.")
        return
    allowed = [one for one in found if may_connect(one, is_encrypted=is_encrypted)]
    if not allowed:
        yield wrong(f"{host} lleva a {', '.join(found)}, adonde no se permite enviar (WEBHOOK_ALLOW_PRIVATE, HTTPS).")
        return
    yield good(f"{host} lleva a {', '.join(allowed)}.")
    if is_encrypted and (ends := _certificate_ends(allowed, host, port)):
        yield _certificate(ends)
    yield from _answers(destination)


def _certificate_ends(addresses: list[str], host: str, port: int) -> datetime | None:
    """Until when the certificate is valid; None where no connection comes about, which the answer explains."""
    context = ssl.create_default_context(cafile=settings.WEBHOOK_CA_FILE or None)
    for address in addresses:
        try:
            with (
                socket.create_connection((address, port), timeout=settings.WEBHOOK_CONNECT_SECONDS) as plain,
                context.wrap_socket(plain, server_hostname=host) as safe,
            ):
                certificate = safe.getpeercert() or {}
                return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), tz=UTC)
        except OSError:
            continue
    return None


def _certificate(ends: datetime) -> Finding:
    days = (ends - timezone.now()).days
    sentence = f"El certificado vale hasta el {timezone.localtime(ends):%d/%m/%Y}, {days} días más."
    return good(sentence) if ends - timezone.now() > ENDS_SOON else doubtful(sentence)


@dataclass(frozen=True, kw_only=True)
class _Unknown(Elsewhere):
    """As somebody who does not know the token would send."""

    @property
    def token(self) -> str:
        return WRONG_TOKEN


def _answers(destination: Destination) -> Iterator[Finding]:
    """An empty message is refused by whoever reads it, so neither of these leaves a trace."""
    known = elsewhere(destination, destination.url)
    stranger = _ask(_Unknown(**{name: getattr(known, name) for name in known.__dataclass_fields__}))
    if stranger.status is None:
        yield wrong(stranger.error)
        return
    if stranger.status not in (401, 403):
        yield _odd_answer(stranger)
        return
    yield good(f"El destino rechaza un token falso ({stranger.status}).")
    if destination.token:
        yield _known_answer(_ask(destination))


def _ask(destination: Destination) -> Answer:
    sender = Sender()
    try:
        empty = WebhookDelivery(event=PRESENCE_TEST.name, destination=destination.name, subject="", payload={})
        return sender.send(destination, empty)
    finally:
        sender.close()


def _odd_answer(answer: Answer) -> Finding:
    status = int(answer.status or 0)
    if status in (400, 422) or answer.is_success:
        return wrong(f"El destino no comprueba el token: a uno falso le respondió {status}.")
    if status == 405:
        return wrong("En esta dirección el destino no admite envíos (405): revise la ruta.")
    return wrong(answer.error)


def _known_answer(answer: Answer) -> Finding:
    if answer.status in (401, 403):
        return wrong("El destino no reconoce nuestro token ni nuestra firma: deben ser los mismos en los dos lados.")
    if answer.status in (400, 422):
        return good("El destino reconoce nuestro token.")
    if answer.is_success:
        return doubtful("El destino reconoce nuestro token, pero acepta también mensajes vacíos.")
    return wrong(answer.error)


# --- What sends -------------------------------------------------------------------------------


def _broker() -> Iterator[Finding]:
    if str(settings.CELERY_BROKER_URL).startswith("memory:"):
        yield good("No hace falta broker: la demostración lleva el suyo dentro.")
        return
    try:
        with current_app.connection_for_write(connect_timeout=1) as broker:
            broker.ensure_connection(max_retries=1, timeout=1)
        workers = current_app.control.inspect(timeout=1, limit=1).ping()
    except BROKER_FAULTS:
        yield wrong("El broker no responde (REDIS_URL): los avisos salen solo cuando vuelva.")
        return
    yield good("El broker responde.")
    yield good("Hay un proceso que envía.") if workers else wrong("Ningún proceso envía: falta «celery worker».")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _outbox(destination: Destination) -> Iterator[Finding]:
    now = timezone.now()
    rows = WebhookDelivery.objects.filter(destination=destination.name)
    circuit = Circuit.objects.open().filter(pk=destination.name).first()
    if circuit is not None:
        yield doubtful(f"El destino está en pausa por sus errores. El último: {circuit.last_error}")
    late = rows.filter(state=DeliveryState.PENDING, next_try_at__lt=now - WAITED_TOO_LONG)
    if circuit is None and (number := late.count()):
        oldest = late.order_by("next_try_at").values_list("next_try_at", flat=True)[0]
        minutes = round((now - oldest).total_seconds() / 60)
        yield wrong(
            f"Nadie recoge los avisos: {number} esperan, el primero desde hace {minutes} minutos"
            " (faltan «celery worker» o «celery beat»)."
        )
    if failed := rows.failed().exclude(event=PRESENCE_TEST.name).count():
        yield doubtful(f"Sin entregar: {failed}. Se repiten con «manage.py replay_webhooks --dead».")
    if circuit is None and not late.exists() and not failed:
        yield good("No hay avisos atascados.")
