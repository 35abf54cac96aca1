"""Where messages go. A destination is one entry in `DESTINATIONS`; its address and secrets come from settings."""

from integrations.sending.meta import GraphApi
from integrations.sending.policy import Destination

__all__ = ["COMERCIAL", "DESTINATIONS", "META", "Destination"]

COMERCIAL = Destination(
    name="comercial",
    title="Aplicación comercial",
    url_setting="COMERCIAL_WEBHOOK_URL",
    token_setting="COMERCIAL_WEBHOOK_TOKEN",  # noqa: S106  the name of a setting
)
META = GraphApi(
    name="whatsapp",
    title="Meta (WhatsApp)",
    url_setting="WHATSAPP_GRAPH_URL",
    token_setting="WHATSAPP_ACCESS_TOKEN",  # noqa: S106  the name of a setting
    secrets_setting="",
)
DESTINATIONS: dict[str, Destination] = {destination.name: destination for destination in (COMERCIAL, META)}
