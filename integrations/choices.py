"""The closed lists of what leaves: stored value, Spanish label."""

from django.db import models


class DeliveryState(models.TextChoices):
    PENDING = "pending", "En espera"
    SENDING = "sending", "Enviándose"
    DELIVERED = "delivered", "Entregada"
    DEAD = "dead", "Sin entregar"  # every try was used, or the receiver said never again
    ASIDE = "aside", "Apartada"  # it ended the worker that held it, again and again


# Nothing more happens to these by itself.
FINISHED_STATES = (DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.ASIDE)
# Somebody has to look at these.
FAILED_STATES = (DeliveryState.DEAD, DeliveryState.ASIDE)


class AttemptOutcome(models.TextChoices):
    RUNNING = "running", "En curso"
    DELIVERED = "delivered", "Aceptada"
    REFUSED = "refused", "Rechazada"  # an answer, but not a 2xx
    UNANSWERED = "unanswered", "Sin respuesta"
    LOST = "lost", "Interrumpida"  # the worker ended before it could tell
    RELEASED = "released", "No se intentó"  # held, but given back before its turn
