"""What the API tells of deliveries. Neither token nor signature is in it, nor in what a receiver repeated of them."""

from datetime import datetime

from rest_framework import serializers

from crm.api.base import Answer
from integrations.choices import AttemptOutcome, DeliveryState
from integrations.models import DeliveryAttempt, WebhookDelivery
from integrations.shown import bare, destination_title, event_title, without_secrets


class DeliveryAnswer(Answer):
    id = serializers.UUIDField()
    webhook_id = serializers.CharField(source="message_id", help_text="La cabecera `webhook-id`, la misma siempre.")
    event = serializers.CharField()
    event_title = serializers.SerializerMethodField()
    destination = serializers.CharField()
    destination_title = serializers.SerializerMethodField()
    id_presencia_crm = serializers.CharField(source="subject")
    sequence = serializers.IntegerField(help_text="El orden entre los envíos de la misma cita.")
    state = serializers.ChoiceField(choices=DeliveryState.choices)
    attempt_count = serializers.IntegerField(source="attempts")
    next_try_at = serializers.SerializerMethodField()
    last_status = serializers.IntegerField(allow_null=True)
    last_error = serializers.CharField(allow_blank=True)
    created_by_id = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    dismissed_at = serializers.DateTimeField(
        allow_null=True, help_text="Cuándo se decidió que no hace falta que llegue."
    )

    def get_event_title(self, delivery: WebhookDelivery) -> str:
        return event_title(delivery.event)

    def get_destination_title(self, delivery: WebhookDelivery) -> str:
        return destination_title(delivery.destination)

    def get_next_try_at(self, delivery: WebhookDelivery) -> datetime | None:
        """Null mientras se envía y cuando ya terminó."""
        return delivery.next_try_at if delivery.state == DeliveryState.PENDING else None


class DeliveryAttemptAnswer(Answer):
    number = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    outcome = serializers.ChoiceField(choices=AttemptOutcome.choices)
    duration_ms = serializers.IntegerField(allow_null=True)
    sends = serializers.IntegerField(help_text="Peticiones que hizo; 2 si la conexión guardada ya estaba cerrada.")
    status = serializers.IntegerField(allow_null=True, help_text="Estado HTTP; null si no hubo respuesta.")
    response_head = serializers.SerializerMethodField()
    error = serializers.CharField(allow_blank=True, help_text="Qué falló, en una frase.")

    def get_response_head(self, attempt: DeliveryAttempt) -> str:
        """El principio de la respuesta."""
        return without_secrets(attempt.response_head, attempt.delivery.destination)


class DeliveryDetailAnswer(DeliveryAnswer):
    address = serializers.SerializerMethodField()
    payload = serializers.JSONField()
    attempts = DeliveryAttemptAnswer(many=True, source="newest_tries")

    def get_address(self, delivery: WebhookDelivery) -> str:
        """Adónde va, si es una prueba a otra dirección; `""` si va a la configurada."""
        return bare(delivery.address) if delivery.address else ""


class CountsAnswer(Answer):
    delivered = serializers.IntegerField(help_text="Mensajes que el destino aceptó.")
    failed_attempts = serializers.IntegerField(help_text="Intentos fallidos; se repiten mientras quede alguno.")
    dead = serializers.IntegerField(help_text="Mensajes que quedaron sin entregar.")


class HourAnswer(CountsAnswer):
    hour = serializers.DateTimeField()


class LatencyAnswer(Answer):
    median_ms = serializers.IntegerField(allow_null=True)
    p95_ms = serializers.IntegerField(allow_null=True)


class TotalsAnswer(CountsAnswer):
    waiting = serializers.IntegerField(help_text="Los que esperan ahora.")
    delivery_latency = LatencyAnswer(help_text="De la anotación del mensaje a su llegada.")
    attempt_latency = LatencyAnswer(help_text="De cada intento.")


class DestinationAnswer(TotalsAnswer):
    destination = serializers.CharField()
    title = serializers.CharField()


class StatisticsAnswer(Answer):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    total = TotalsAnswer()
    hours = HourAnswer(many=True)
    destinations = DestinationAnswer(many=True)
