"""What leaves for other systems, and what arrives from them."""

from integrations.models.attempts import DeliveryAttempt
from integrations.models.circuits import Circuit
from integrations.models.deliveries import WebhookDelivery
from integrations.models.presences import Cliente, Presencia, Recepcion, Venta
from integrations.models.reports import PresenceReport

__all__ = [
    "Circuit",
    "Cliente",
    "DeliveryAttempt",
    "PresenceReport",
    "Presencia",
    "Recepcion",
    "Venta",
    "WebhookDelivery",
]
