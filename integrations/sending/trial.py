"""A test send: one presence goes out now, without a worker, and stands in the outbox like every other message.

It never counts as the presence itself, waits for no other message and holds none up: its subject is its own.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from crm.choices import AppointmentState
from crm.exceptions import Conflict, Refusal
from crm.ids import new_id
from crm.models import Appointment, AuditEntry
from integrations.choices import AttemptOutcome, DeliveryState
from integrations.destinations import COMERCIAL, Destination
from integrations.events import PRESENCE_TEST
from integrations.models import Circuit, DeliveryAttempt, WebhookDelivery
from integrations.models.claims import Claim, Result, lease
from integrations.models.deliveries import LONGEST_ADDRESS, MOST_LOST_LEASES
from integrations.sending.answers import Answer
from integrations.sending.client import Sender
from integrations.sending.policy import Verdict

if TYPE_CHECKING:
    from crm.models import User

MARK = "TEST"


class NotConfigured(Refusal):
    code = "sin_configurar"


@dataclass(frozen=True, kw_only=True)
class Elsewhere(Destination):
    """A destination with the token and the secrets of a known one, at another address."""

    address: str

    @property
    def url(self) -> str:
        return self.address


def elsewhere(destination: Destination, url: str) -> Elsewhere:
    if len(url) > LONGEST_ADDRESS:
        raise Refusal(f"La dirección del destino es demasiado larga: {LONGEST_ADDRESS} caracteres como máximo.")
    known = {field.name: getattr(destination, field.name) for field in fields(Destination)}
    return Elsewhere(**known, address=url)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One test send and what came of it. `appointment` None: a made-up presence was sent."""

    delivery: WebhookDelivery
    answer: Answer
    appointment: Appointment | None

    @property
    def is_success(self) -> bool:
        return self.answer.is_success

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        what = self.delivery.payload["id_presencia_crm"]
        if self.is_success:
            return f"El destino aceptó la presencia de prueba {what}."
        return f"El destino no aceptó la presencia de prueba {what}. {self.answer.error}"


def send_test(
    *,
    destination: Destination = COMERCIAL,
    appointment: Appointment | None = None,
    by: "User | None" = None,
    key: str = "",
) -> Trial:
    """Send a test presence now and write down what came of it.

    Of `appointment`, else of the newest one that took place, else a made-up one. `key`: whoever asks again with the
    same one gets what came of the first. Refuses where the destination has no address or no token.
    """
    check_configured(destination)
    chosen = appointment or newest_attended()
    payload = payload_for(chosen)
    subject = _subject(payload["id_presencia_crm"], by=by, key=key)
    if key and (earlier := WebhookDelivery.objects.filter(destination=destination.name, subject=subject).first()):
        return recorded(earlier)
    try:
        delivery = _write(destination, subject=subject, payload=payload, by=by)
    except IntegrityError:  # the same key at the same moment
        raise Conflict("Esta prueba ya se está enviando.") from None
    return Trial(delivery=delivery, answer=_send(destination, delivery), appointment=chosen)


def check_configured(destination: Destination) -> None:
    if not destination.url:
        raise NotConfigured(f"No hay adónde enviar: falta {destination.url_setting}.")
    if not destination.token:
        raise NotConfigured(f"No se puede enviar sin token: falta {destination.token_setting}.")


def newest_attended() -> Appointment | None:
    attended = Appointment.objects.present().filter(estado=AppointmentState.ATTENDED)
    return attended.select_related("lead__contact").newest_first().first()


def appointment_named(name: str) -> Appointment | None:
    """By id, by number or as the sales application knows it: `CRM-31`."""
    found = Appointment.objects.select_related("lead__contact")
    if number := re.fullmatch(r"(?:CRM-)?([0-9]{1,18})", name.strip(), re.IGNORECASE):
        return found.filter(numero=int(number[1])).first()
    try:
        return found.filter(pk=UUID(name.strip())).first()
    except ValueError:
        return None


def payload_for(appointment: Appointment | None) -> dict[str, Any]:
    if appointment is None:
        return made_up()
    from integrations.presences.payload import payload_of

    return dict(payload_of(appointment))


def made_up() -> dict[str, Any]:
    """A presence that nobody can take for one. All of them are of one client, so the receiver gains only one."""
    return {
        "id_presencia_crm": f"CRM-{MARK}-{secrets.token_hex(6).upper()}",
        "cliente": {
            "nombres_completos_razon_social": "PRUEBA (no es una persona)",
            "tipo_documento": "Otro",
            "numero_documento": "TEMP-PRUEBA",
            "telefono_principal": "000000000",
            "email_principal": None,
            "direccion": "",
            "distrito": "",
        },
        "fecha_hora_presencia": timezone.now().isoformat(timespec="seconds"),
        "proyecto_interes": "",
        "lote_interes_inicial": None,
        "asesor_captacion_opc": "",
        "medio_captacion": "otro",
        "modalidad": "presencial",
        "status_presencia": "realizada",
        "resultado_interaccion": "interesado_seguimiento",
        "observaciones": "Presencia de prueba de Puente CRM: no corresponde a ninguna visita y se puede borrar.",
    }


def recorded(delivery: WebhookDelivery) -> Trial:
    """What came of a test send, as it was written down."""
    attempt = delivery.tries.get(number=1)
    if attempt.outcome == AttemptOutcome.RUNNING:
        raise Conflict("Esta prueba todavía se está enviando.")
    answer = Answer(
        outcome=AttemptOutcome(attempt.outcome),
        duration_ms=attempt.duration_ms or 0,
        status=attempt.status,
        head=attempt.response_head,
        error=attempt.error,
    )
    return Trial(delivery=delivery, answer=answer, appointment=appointment_named(delivery.payload["id_presencia_crm"]))


def _subject(name: str, *, by: "User | None", key: str) -> str:
    """Its own, so that it neither waits for messages about the appointment nor overtakes them."""
    if key:
        return f"{MARK}-{hashlib.sha256(f'{by and by.pk}:{key}'.encode()).hexdigest()[:32].upper()}"
    return name if MARK in name else f"{name}-{MARK}-{secrets.token_hex(6).upper()}"


def _write(destination: Destination, *, subject: str, payload: Mapping[str, Any], by: "User | None") -> WebhookDelivery:
    """The delivery and its only attempt, held from the start: no worker can claim it. It knows its address, so that
    whoever replays it asks the same receiver.

    Should this process end before it can tell, the next look at silent rows sets it aside instead of sending it.
    """
    now = timezone.now()
    with transaction.atomic():
        delivery = WebhookDelivery.objects.create(
            event=PRESENCE_TEST.name,
            destination=destination.name,
            subject=subject,
            sequence=1,
            address=destination.address if isinstance(destination, Elsewhere) else "",
            payload=dict(payload),
            state=DeliveryState.SENDING,
            next_try_at=now,
            lease_token=new_id(),
            lease_until=now + lease(),
            lost_leases=MOST_LOST_LEASES - 1,
            attempts=1,
            created_by=by,
        )
        DeliveryAttempt.objects.create(delivery=delivery, number=1, started_at=now)
        AuditEntry.write("webhook.test", "webhook-deliveries", delivery.pk, host=destination.host)
    return delivery


def _send(destination: Destination, delivery: WebhookDelivery) -> Answer:
    sender = Sender()
    try:
        answer = sender.send(destination, delivery)
    finally:
        sender.close()
    assert delivery.lease_token is not None
    claim = Claim(token=delivery.lease_token, deliveries=[delivery])
    state = DeliveryState.DELIVERED if answer.is_success else DeliveryState.DEAD
    WebhookDelivery.objects.finish(
        claim,
        [Result(delivery=delivery, answer=answer, verdict=Verdict(state=state, spends_try=not answer.is_success))],
    )
    if state == DeliveryState.DEAD:
        WebhookDelivery.objects.filter(pk=delivery.pk).keep_quiet()
    if answer.is_success and not delivery.address:
        # As good as a probe: what waits for this destination may flow again.
        Circuit.objects.note_success(destination.name)
    delivery.refresh_from_db()
    return answer
