"""What integrations add to the staff pages: the words of their acts, and a warning while something did not arrive."""

from collections.abc import Iterator

from crm.audit_words import name_acts
from crm.choices import Role
from crm.display import address
from crm.models import User
from crm.panels import Notice, add_notices, counted
from integrations.models import Circuit, WebhookDelivery
from integrations.shown import destination_title

ACTS = {
    "webhook.dismiss": "Descartó envíos sin entregar",
    "webhook.replay": "Repitió envíos",
    "webhook.resume": "Reanudó un destino en pausa",
    "webhook.test": "Envió una presencia de prueba",
}
# Who may see the staff pages of deliveries (integrations/admin/deliveries.py).
MAY_SEE_DELIVERIES = frozenset({Role.LAWYER, Role.ADMIN})


def register() -> None:
    """Called from `IntegrationsConfig.ready()`."""
    name_acts(ACTS)
    add_notices(undelivered)
    add_notices(stopped)


def stopped(user: User) -> Iterator[Notice]:
    """A destination that refuses everything until somebody mends the configuration; what is written waits."""
    if user.role not in MAY_SEE_DELIVERIES and not user.is_superuser:
        return
    for circuit in Circuit.objects.stopped():
        yield Notice(
            f"No se puede enviar nada a {destination_title(circuit.destination)}. {circuit.last_error}",
            address("integrations_webhookdelivery_changelist", destination=circuit.destination),
            "Ver lo que espera",
        )


def undelivered(user: User) -> Iterator[Notice]:
    """One bounded query along an index, only for whom it concerns."""
    if user.role not in MAY_SEE_DELIVERIES and not user.is_superuser:
        return
    failed = counted(WebhookDelivery.objects.needing_attention())
    if failed != "0":
        what = "1 mensaje quedó sin entregar" if failed == "1" else f"{failed} mensajes quedaron sin entregar"
        yield Notice(
            f"{what} a otros sistemas.",
            address("integrations_webhookdelivery_changelist", situacion="fallidos"),
            "Verlos y decidir",
        )
