"""What the list of deliveries may be narrowed by (contract section 6)."""

import django_filters

from crm.api.filters.base import ListFilter
from integrations.choices import DeliveryState
from integrations.destinations import DESTINATIONS
from integrations.events import EVENTS
from integrations.models.deliveries import WebhookDeliveryQuerySet


class DeliveryFilter(ListFilter):
    state = django_filters.ChoiceFilter(choices=DeliveryState.choices, label="En qué está.")
    event = django_filters.ChoiceFilter(
        choices=[(event.name, event.title) for event in EVENTS.values()], label="Qué se avisa."
    )
    destination = django_filters.ChoiceFilter(
        choices=[(destination.name, destination.title) for destination in DESTINATIONS.values()], label="A quién."
    )
    id_presencia_crm = django_filters.CharFilter(method="about", label="Los envíos de una cita, p. ej. CRM-12.")

    def about(self, deliveries: WebhookDeliveryQuerySet, name: str, subject: str) -> WebhookDeliveryQuerySet:
        return deliveries.about(subject)
