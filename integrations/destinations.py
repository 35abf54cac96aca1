"""Where messages go. A destination is one entry in `DESTINATIONS`; its address and secrets come from settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Settings are read at each use: what an operator changes counts from the next message on."""

    name: str
    title: str
    url_setting: str
    token_setting: str
    secrets_setting: str = "WEBHOOK_SIGNING_SECRETS"

    @property
    def url(self) -> str:
        return str(_setting(self.url_setting) or "")

    @property
    def token(self) -> str:
        return str(_setting(self.token_setting) or "")

    @property
    def secrets(self) -> Sequence[str]:
        return list(_setting(self.secrets_setting) or [])

    @property
    def is_configured(self) -> bool:
        """Without an address and a token nothing is sent; what is written waits until there is one."""
        return bool(self.url and self.token)

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


def _setting(name: str) -> Any:
    return getattr(settings, name, "")


COMERCIAL = Destination(
    name="comercial",
    title="Aplicación comercial",
    url_setting="COMERCIAL_WEBHOOK_URL",
    token_setting="COMERCIAL_WEBHOOK_TOKEN",  # noqa: S106  the name of a setting
)
DESTINATIONS: dict[str, Destination] = {COMERCIAL.name: COMERCIAL}
