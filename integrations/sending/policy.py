"""What a destination decides: how a message becomes a request, what an answer means, and who is told of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import orjson
from django.conf import settings

from integrations.choices import DeliveryState
from integrations.sending.answers import Answer
from integrations.sending.client import headers_for
from integrations.sending.schedule import what_next

if TYPE_CHECKING:
    from integrations.models import WebhookDelivery
    from integrations.models.claims import Result

ROWS_A_ROUND = 100
# How many results may wait to be written down: the most that can be sent again after a crash.
RESULTS_TOGETHER = 50


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What follows from an answer.

    `is_trouble`: it counts against the destination, not against this message. `pause`: seconds for which the whole
    destination is left alone; `is_stopped`: until somebody has mended something. `is_quiet`: whoever caused it sees
    what became of it, so no warning need say it. `error` takes the place of what the answer itself says.
    """

    state: DeliveryState
    next_try_at: datetime | None = None
    spends_try: bool = True
    is_trouble: bool = False
    pause: float | None = None
    is_stopped: bool = False
    is_quiet: bool = False
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Destination:
    """One that takes signed webhooks. Settings are read at each use: what an operator changes counts at once."""

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

    # --- The request ------------------------------------------------------------------------

    def url_for(self, delivery: "WebhookDelivery") -> str:
        return delivery.address or self.url

    def content_of(self, delivery: "WebhookDelivery") -> Any:
        """What goes out as JSON."""
        return delivery.payload

    def body_of(self, delivery: "WebhookDelivery") -> bytes:
        return orjson.dumps(self.content_of(delivery))

    def headers_for(self, delivery: "WebhookDelivery", body: bytes) -> dict[str, str]:
        return headers_for(self, delivery, body)

    # --- How fast, how many -----------------------------------------------------------------

    @property
    def rows_a_round(self) -> int:
        return ROWS_A_ROUND

    @property
    def most_in_flight(self) -> int:
        """Held by all workers together. One that hangs keeps two workers busy, and never all."""
        return 2 * self.rows_a_round

    @property
    def results_together(self) -> int:
        return RESULTS_TOGETHER

    @property
    def messages_per_second(self) -> int | None:
        """The most that may begin within any second in one lane; None: as many as there are."""
        return None

    def lane_of(self, payload: Mapping[str, Any]) -> str:
        """Messages of one lane share a limit of speed."""
        return ""

    # --- What follows -----------------------------------------------------------------------

    @property
    def is_replayable(self) -> bool:
        """Whether what has ended may be sent again by hand."""
        return True

    def may_repeat(self, delivery: "WebhookDelivery") -> bool:
        """Whether it may go out again when nobody knows if it arrived: the receiver tells a repeat by its id."""
        return True

    def judge(self, answer: Answer, *, delivery: "WebhookDelivery", now: datetime) -> Verdict:
        state, next_try_at = what_next(answer, failures=delivery.failures, now=now)
        asked_for = answer.retry_after if answer.is_trouble else None
        return Verdict(
            state=state,
            next_try_at=next_try_at,
            spends_try=not answer.is_success,
            is_trouble=answer.is_trouble,
            pause=max(asked_for, settings.WEBHOOK_PROBE_SECONDS) if asked_for else None,
        )

    @property
    def may_withdraw(self) -> bool:
        """Whether `unwanted` is worth asking."""
        return False

    def unwanted(self, deliveries: Sequence["WebhookDelivery"]) -> set[UUID]:
        """Which of these must not go out any more. Asked just before they would, in the transaction that ends them."""
        return set()

    def hear(self, result: "Result") -> None:
        """What became of an attempt. Told in the transaction that writes it down, so it must not fail lightly."""

    def hear_of_loss(self, delivery: "WebhookDelivery") -> None:
        """The worker that held it is gone, it may have left, and it must not be repeated. Told like `hear`."""


def _setting(name: str) -> Any:
    return getattr(settings, name, "")
