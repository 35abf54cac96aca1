"""Is everything there that a conversation needs? One sentence for each thing, and what to do where it is not."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from crm.waking import BROKER_FAULTS
from whatsapp import graph
from whatsapp.choices import MediaState
from whatsapp.graph import GraphError, Reply
from whatsapp.models import Media, Template, WebhookEvent

GOOD, DOUBTFUL, WRONG = "bien", "ojo", "mal"
MARKS = {GOOD: "✓", DOUBTFUL: "!", WRONG: "✗"}
# The tick comes every five seconds; what has waited this long, nobody is taking care of.
WAITED_TOO_LONG = timedelta(minutes=2)
# Meta's times open and close the 24 hours; ours write the queue.
SKEW_SHOWN, SKEW_WRONG = timedelta(seconds=5), timedelta(seconds=60)
NUMBER_FIELDS = "display_phone_number,verified_name,quality_rating,platform_type,throughput,name_status,status"
WEBHOOK_PATH = "/api/v1/whatsapp/webhook"
QUALITIES = {"GREEN": "alta", "YELLOW": "media", "RED": "baja"}
# What Meta lets a number send and receive in a second (whatsapp-anchors a.10).
THROUGHPUTS = {"STANDARD": 80, "HIGH": 1000}
EXPLANATION = """
No cambia nada ni escribe a nadie: a Meta solo le hace preguntas. Con --offline no se conecta a ninguna parte y mira la
configuración y lo que espera en la base de datos. Con --json lo dice para un programa: {"ok", "checks": [{"name",
"state", "sentence"}]}, donde "state" es "bien", "ojo" o "mal".

Termina con:
  0  todo está en orden
  1  algo no lo está; cada línea que empieza por ✗ dice qué y qué hacer
"""


@dataclass(frozen=True)
class Finding:
    name: str
    state: str
    sentence: str


class Command(BaseCommand):
    help = "Comprueba de punta a punta que WhatsApp puede recibir y responder."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, epilog=EXPLANATION, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--offline", action="store_true", help="no se conecta a ninguna parte")
        parser.add_argument("--json", action="store_true", help="lo dice como JSON")

    def handle(self, *args: Any, offline: bool, **options: Any) -> None:
        found = []
        for finding in findings(is_offline=offline):
            found.append(finding)
            if not options["json"]:
                self._tell(finding)
        faults = sum(finding.state == WRONG for finding in found)
        if options["json"]:
            answer = {"ok": not faults, "checks": [asdict(finding) for finding in found]}
            self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))
        if faults:
            raise CommandError("Hay 1 problema." if faults == 1 else f"Hay {faults} problemas.", returncode=1)
        if not options["json"]:
            self.stdout.write(self.style.SUCCESS(_verdict(found)))

    def _tell(self, finding: Finding) -> None:
        style = {WRONG: self.style.ERROR, DOUBTFUL: self.style.WARNING}.get(finding.state, str)
        self.stdout.write(f"  {style(MARKS[finding.state])} {finding.sentence}")


def _verdict(found: list[Finding]) -> str:
    doubts = sum(finding.state == DOUBTFUL for finding in found)
    if not doubts:
        return "Todo está en orden."
    return f"Funciona; hay {'una cosa' if doubts == 1 else f'{doubts} cosas'} por mirar, marcadas con «!»."


def findings(*, is_offline: bool) -> Iterator[Finding]:
    """Each thing in turn; where one is wrong on which others stand, those are left out."""
    yield from _settings()
    if not is_offline:
        if settings.WHATSAPP_ACCESS_TOKEN:
            yield from _meta()
        yield from _broker()
    try:
        yield from list(_events())
        yield from list(_media())
        yield from list(_templates())
    except DatabaseError as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        yield Finding(
            "database", WRONG, f"La base de datos no responde o le faltan tablas («manage.py migrate»): {first}"
        )


# --- What is configured -----------------------------------------------------------------------

_SETTINGS = {
    "WHATSAPP_ACCESS_TOKEN": "Hay token de acceso.|No se puede enviar ni descargar nada sin token de acceso: cree uno"
    " permanente de un usuario del sistema y póngalo en {}.",
    "WHATSAPP_PHONE_NUMBER_ID": "Se sabe desde qué número se escribe.|No se sabe desde qué número se escribe: copie el"
    " identificador del número (no el teléfono) de la página de la aplicación en Meta a {}.",
    "WHATSAPP_BUSINESS_ACCOUNT_ID": "Se sabe de qué cuenta son las plantillas.|Faltan las plantillas: copie el"
    " identificador de la cuenta de WhatsApp Business a {}.",
    "WHATSAPP_APP_SECRET": "Hay clave secreta de la aplicación: se comprueba quién envía.|Se rechaza todo lo que Meta"
    " envía: copie la clave secreta de la aplicación a {}.",
    "WHATSAPP_VERIFY_TOKEN": "Hay token de verificación.|Meta no puede comprobar la dirección: invente un texto largo y"
    " póngalo en {} y en la página del webhook en Meta.",
}


def _settings() -> Iterator[Finding]:
    for name, sentences in _SETTINGS.items():
        good, _, missing = sentences.partition("|")
        yield Finding(name, GOOD, good) if getattr(settings, name) else Finding(name, WRONG, missing.format(name))


# --- What Meta says ---------------------------------------------------------------------------


def _meta() -> Iterator[Finding]:
    reply: Reply | None = None
    if settings.WHATSAPP_PHONE_NUMBER_ID:
        try:
            reply = graph.get(settings.WHATSAPP_PHONE_NUMBER_ID, {"fields": NUMBER_FIELDS})
        except GraphError as error:
            yield Finding("token" if error.is_token else "number", WRONG, _with_advice(error))
            if not error.is_answered or error.is_token:
                return
    if reply is not None:
        yield Finding("token", GOOD, "Meta acepta el token.")
        yield from _number(reply.body)
        yield from _clock(reply)
    if settings.WHATSAPP_BUSINESS_ACCOUNT_ID:
        yield from _subscription()


def _with_advice(error: GraphError) -> str:
    if error.is_gone:
        return f"{error.sentence} Revise WHATSAPP_PHONE_NUMBER_ID: es el identificador, no el teléfono."
    if not error.is_answered:
        host = urlsplit(settings.WHATSAPP_GRAPH_URL).netloc
        return f"{error.sentence} Se le preguntó en {host}: revise WHATSAPP_GRAPH_URL y la salida a Internet."
    return error.sentence


def _number(body: dict[str, Any]) -> Iterator[Finding]:
    name = str(body.get("verified_name") or "sin nombre")
    yield Finding("number", GOOD, f"El número es {body.get('display_phone_number') or 'desconocido'} ({name}).")
    quality = str(body.get("quality_rating") or "UNKNOWN").upper()
    if quality in QUALITIES:
        state = {"RED": WRONG, "YELLOW": DOUBTFUL}.get(quality, GOOD)
        advice = "" if state == GOOD else " Envíe menos plantillas de promoción: Meta puede limitar el número."
        yield Finding("quality", state, f"Su calidad es {QUALITIES[quality]}.{advice}")
    platform = str(body.get("platform_type") or "").upper()
    if platform and platform != "CLOUD_API":
        yield Finding("platform", WRONG, f"El número no está en la API de la nube ({platform}): regístrelo en Meta.")
    status = str(body.get("status") or "CONNECTED").upper()
    if status != "CONNECTED":
        yield Finding("status", WRONG, f"El número no está conectado ({status}): mire su estado en Meta.")
    yield from _throughput(body)


def _throughput(body: dict[str, Any]) -> Iterator[Finding]:
    level = body.get("throughput")
    most = THROUGHPUTS.get(str(level.get("level") or "").upper()) if isinstance(level, dict) else None
    ours = settings.WHATSAPP_MESSAGES_PER_SECOND
    if most is not None and ours > most:
        yield Finding(
            "throughput",
            DOUBTFUL,
            f"WHATSAPP_MESSAGES_PER_SECOND es {ours:g} y Meta admite {most} por segundo: rechazará lo que sobre.",
        )
    elif most is not None:
        yield Finding("throughput", GOOD, f"Meta admite {most} mensajes por segundo; se envían hasta {ours:g}.")


def _clock(reply: Reply) -> Iterator[Finding]:
    if reply.at is None:
        return
    skew = timezone.now() - reply.at
    seconds = f"{abs(skew.total_seconds()):.0f} segundos {'adelantado' if skew > timedelta() else 'atrasado'}"
    if abs(skew) > SKEW_WRONG:
        yield Finding("clock", WRONG, f"El reloj de este equipo va {seconds}: sincronícelo (NTP).")
    elif abs(skew) > SKEW_SHOWN:
        yield Finding("clock", DOUBTFUL, f"El reloj de este equipo va {seconds}.")
    else:
        yield Finding("clock", GOOD, "El reloj va con el de Meta.")


def _subscription() -> Iterator[Finding]:
    try:
        rows = graph.get(f"{settings.WHATSAPP_BUSINESS_ACCOUNT_ID}/subscribed_apps").body.get("data")
    except GraphError as error:
        advice = " Revise WHATSAPP_BUSINESS_ACCOUNT_ID." if error.is_gone else ""
        yield Finding("webhook", WRONG, f"No se pudo ver quién recibe los mensajes. {error.sentence}{advice}")
        return
    apps = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    if not apps:
        yield Finding(
            "webhook",
            WRONG,
            "Ninguna aplicación recibe los mensajes de la cuenta: suscriba la suya en Meta (WhatsApp, Configuración,"
            f" Webhook, campo «messages») con la dirección https://SU-DOMINIO{WEBHOOK_PATH}.",
        )
    for app in apps:
        yield _subscribed(app)


def _subscribed(app: dict[str, Any]) -> Finding:
    data = app.get("whatsapp_business_api_data")
    name = str(data.get("name") or data.get("id") or "") if isinstance(data, dict) else ""
    sentence = f"La aplicación «{name or 'sin nombre'}» recibe los mensajes de la cuenta"
    if not (url := str(app.get("override_callback_uri") or "")):
        return Finding("webhook", GOOD, f"{sentence}; su dirección en Meta debe terminar en {WEBHOOK_PATH}.")
    if urlsplit(url).path.rstrip("/") == WEBHOOK_PATH and urlsplit(url).scheme == "https":
        return Finding("webhook", GOOD, f"{sentence} en {url}.")
    return Finding("webhook", WRONG, f"{sentence} en {url}; debe ser https y terminar en {WEBHOOK_PATH}.")


# --- What works it off ------------------------------------------------------------------------


def _broker() -> Iterator[Finding]:
    if str(settings.CELERY_BROKER_URL).startswith("memory:"):
        yield Finding("broker", GOOD, "No hace falta broker: la demostración lleva el suyo dentro.")
        return
    try:
        with current_app.connection_for_write(connect_timeout=1) as broker:
            broker.ensure_connection(max_retries=1, timeout=1)
        workers = current_app.control.inspect(timeout=1, limit=1).ping()
    except BROKER_FAULTS:
        yield Finding("broker", WRONG, "El broker no responde (REDIS_URL): todo espera hasta que vuelva.")
        return
    yield Finding("broker", GOOD, "El broker responde.")
    if workers:
        yield Finding("worker", GOOD, "Hay un proceso que trabaja.")
    else:
        yield Finding("worker", WRONG, "Nadie procesa lo que llega: falta «celery worker».")


def _events() -> Iterator[Finding]:
    now = timezone.now()
    waiting = WebhookEvent.objects.waiting()
    oldest = waiting.order_by("id").values_list("received_at", flat=True).first()
    if oldest is None:
        yield Finding("waiting", GOOD, "No hay avisos de Meta por procesar.")
    else:
        minutes = round((now - oldest).total_seconds() / 60)
        is_late = now - oldest > WAITED_TOO_LONG
        tail = " (faltan «celery worker» o «celery beat»)." if is_late else "."
        told = f"Por procesar: {waiting.count()}, el primero desde hace {minutes} minutos{tail}"
        yield Finding("waiting", WRONG if is_late else GOOD, told)
    if failed := WebhookEvent.objects.failed().count():
        yield Finding(
            "failed", DOUBTFUL, f"Avisos con fallos: {failed}. Se repiten con «manage.py replay_whatsapp --failed»."
        )
    newest = WebhookEvent.objects.order_by("-id").values_list("received_at", flat=True).first()
    if newest is None:
        yield Finding("received", DOUBTFUL, "Meta todavía no ha enviado nada: escriba al número desde un teléfono.")
    else:
        yield Finding(
            "received", GOOD, f"El último aviso de Meta llegó el {timezone.localtime(newest):%d/%m/%Y %H:%M}."
        )


def _media() -> Iterator[Finding]:
    late = Media.objects.due().filter(next_try_at__lt=timezone.now() - WAITED_TOO_LONG).count()
    if late and settings.WHATSAPP_ACCESS_TOKEN:
        yield Finding("media", DOUBTFUL, f"Archivos que esperan su descarga: {late}. Meta los guarda siete días.")
    if failed := Media.objects.filter(state=MediaState.FAILED).count():
        yield Finding("media", DOUBTFUL, f"Archivos que no se pudieron descargar: {failed}.")


def _templates() -> Iterator[Finding]:
    if usable := Template.objects.usable().count():
        yield Finding("templates", GOOD, f"Plantillas que se pueden usar: {usable}.")
    else:
        yield Finding(
            "templates",
            DOUBTFUL,
            "No hay plantillas para escribir pasadas 24 horas: tráigalas con «manage.py sync_whatsapp_templates».",
        )
