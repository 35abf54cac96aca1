"""What leaves for other systems, and what arrives from them."""

from integrations.models.attempts import DeliveryAttempt
from integrations.models.circuits import Circuit
from integrations.models.clients import Cliente
from integrations.models.deliveries import WebhookDelivery
from integrations.models.presences import Presencia
from integrations.models.receptions import Recepcion
from integrations.models.reports import PresenceReport
from integrations.models.sales import Venta

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
