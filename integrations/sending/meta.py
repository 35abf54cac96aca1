"""Meta's Graph API as a destination: whoever gets a message twice is a person, and Meta knows no repeats.

A request that may have left is never sent blindly again (whatsapp-anchors d.8): its end is uncertain until Meta says
something of it in a webhook.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from django.conf import settings

from integrations.choices import AttemptOutcome, DeliveryState
from integrations.sending.answers import Answer
from integrations.sending.policy import Destination, Verdict
from integrations.sending.schedule import what_next
from whatsapp.sending.errors import ERRORS, OF_ONE_NUMBER, MetaError, Policy, error_of

if TYPE_CHECKING:
    from integrations.models import WebhookDelivery
    from integrations.models.claims import Result

CALLBACK = "biz_opaque_callback_data"
# Before a refusal that may hide a success is followed by another try: by then Meta has told what it delivered.
LEAST_WAIT = timedelta(seconds=20)
LONGEST_PAIR_WAIT = timedelta(hours=1)
# Status codes without a word from the Graph API: a machine in between answered, and nobody knows what is behind it.
_UNAUTHORISED = frozenset({401, 403})
_TOO_MANY = 429


@dataclass(frozen=True, kw_only=True)
class GraphAnswer:
    """What stands in an answer of Meta's, if it is one."""

    body: Mapping[str, Any]

    @classmethod
    def of(cls, answer: Answer) -> "GraphAnswer":
        try:
            body = orjson.loads(answer.head)
        except orjson.JSONDecodeError:
            body = None
        return cls(body=_object(body))

    @property
    def wamid(self) -> str:
        messages = self.body.get("messages")
        first = _object(messages[0]) if isinstance(messages, list) and messages else {}
        return str(first.get("id") or "")

    @property
    def contacts(self) -> list[dict[str, Any]]:
        found = self.body.get("contacts")
        return [dict(one) for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    @property
    def is_done(self) -> bool:
        """Accepted: a message has an id now, and a mark has none."""
        return bool(self.wamid) or self.body.get("success") is True

    @property
    def _error(self) -> Mapping[str, Any]:
        return _object(self.body.get("error"))

    @property
    def code(self) -> int | None:
        return _whole(self._error.get("code"))

    @property
    def subcode(self) -> int | None:
        return _whole(self._error.get("error_subcode"))

    @property
    def details(self) -> str:
        told = _object(self._error.get("error_data")).get("details") or self._error.get("message")
        return str(told or "")


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _whole(value: Any) -> int | None:
    """A number that fits into a column; anything else is none of Meta's codes."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


@dataclass(frozen=True, kw_only=True)
class GraphApi(Destination):
    """The payload of a delivery is `{"phone_number_id": …, "body": …}`."""

    # --- The request ------------------------------------------------------------------------

    def url_for(self, delivery: "WebhookDelivery") -> str:
        return f"{self.url.rstrip('/')}/{delivery.payload['phone_number_id']}/messages"

    def content_of(self, delivery: "WebhookDelivery") -> Any:
        return delivery.payload["body"]

    def headers_for(self, delivery: "WebhookDelivery", body: bytes) -> dict[str, str]:
        return {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "Puente-CRM/1",
            "Authorization": f"Bearer {self.token}",
        }

    # --- How fast, how many -----------------------------------------------------------------

    @property
    def rows_a_round(self) -> int:
        """As many as go out side by side: what a dying worker held and had not sent would be uncertain for nothing."""
        return int(settings.WEBHOOK_THREADS)

    @property
    def results_together(self) -> int:
        """Each result by itself: what Meta said is on record at once, and no two workers lock threads crosswise."""
        return 1

    @property
    def messages_per_second(self) -> int | None:
        return max(1, int(settings.WHATSAPP_MESSAGES_PER_SECOND))

    def lane_of(self, payload: Mapping[str, Any]) -> str:
        return str(payload["phone_number_id"])[:64]

    # --- What follows -----------------------------------------------------------------------

    @property
    def is_replayable(self) -> bool:
        """A person would get it twice; another message is written in the thread."""
        return False

    def may_repeat(self, delivery: "WebhookDelivery") -> bool:
        """A mark ("read", "typing") is the same however often it is made."""
        return "status" in delivery.payload["body"]

    def judge(self, answer: Answer, *, delivery: "WebhookDelivery", now: datetime) -> Verdict:
        if answer.status is None:
            return self._unanswered(answer, delivery, now)
        told = GraphAnswer.of(answer)
        if answer.is_success and told.is_done:
            return Verdict(state=DeliveryState.DELIVERED, spends_try=False)
        if error := error_in(answer, told):
            return self._refused(answer, error, told, delivery, now)
        return self._uncertain(answer, delivery, now)

    def _unanswered(self, answer: Answer, delivery: "WebhookDelivery", now: datetime) -> Verdict:
        return self._uncertain(answer, delivery, now) if answer.may_have_left else _again(answer, delivery, now)

    def _uncertain(self, answer: Answer, delivery: "WebhookDelivery", now: datetime) -> Verdict:
        """Nobody knows whether Meta took it: 200 without an id, a proxy's page, silence."""
        if self.may_repeat(delivery):
            return _again(answer, delivery, now)
        return Verdict(
            state=DeliveryState.UNCERTAIN,
            is_trouble=not answer.is_success,
            error=answer.error or "Meta aceptó la petición y no dijo qué mensaje es.",
        )

    def _refused(
        self, answer: Answer, error: MetaError, told: GraphAnswer, delivery: "WebhookDelivery", now: datetime
    ) -> Verdict:
        sentence = described(error, told)
        match error.retry:
            case Policy.STOP if error.code in OF_ONE_NUMBER and delivery.lane != settings.WHATSAPP_PHONE_NUMBER_ID:
                # A number that is not the installation's own ends its message, and holds up nobody else's.
                return Verdict(state=DeliveryState.DEAD, error=sentence)
            case Policy.STOP:
                return Verdict(
                    state=DeliveryState.PENDING,
                    next_try_at=now,
                    spends_try=False,
                    is_trouble=True,
                    pause=error.pause,
                    is_stopped=True,
                    error=sentence,
                )
            case Policy.RETRY_LATER_NUMBER:
                wait = max(error.pause, answer.retry_after or 0)
                return Verdict(
                    state=DeliveryState.PENDING,
                    next_try_at=now + timedelta(seconds=wait),
                    spends_try=False,
                    is_trouble=True,
                    pause=wait,
                    error=sentence,
                )
            case Policy.RETRY:
                return _again(answer, delivery, now, error=sentence, at_least=LEAST_WAIT)
            case Policy.RETRY_PAIR:
                return _after_a_power_of_four(answer, delivery, now, error=sentence)
        return Verdict(state=DeliveryState.DEAD, is_quiet=error.retry != Policy.ALERT, error=sentence)

    @property
    def may_withdraw(self) -> bool:
        return True

    def unwanted(self, deliveries: Sequence["WebhookDelivery"]) -> set[UUID]:
        from whatsapp.sending import outcomes

        keys = {key: delivery.pk for delivery in deliveries if (key := key_of(delivery))}
        return {keys[key] for key in outcomes.withdrawn(list(keys))} if keys else set()

    def hear(self, result: "Result") -> None:
        from whatsapp.sending import outcomes

        key = key_of(result.delivery)
        if not key:
            return
        told = GraphAnswer.of(result.answer)
        match result.verdict.state:
            case DeliveryState.DELIVERED:
                outcomes.accepted(key, told.wamid, told.contacts)
            case DeliveryState.DEAD:
                outcomes.refused(key, told.code, told.details or result.error)
            case DeliveryState.UNCERTAIN:
                outcomes.uncertain(key)

    def hear_of_loss(self, delivery: "WebhookDelivery") -> None:
        from whatsapp.sending import outcomes

        if key := key_of(delivery):
            outcomes.uncertain(key)


def key_of(delivery: "WebhookDelivery") -> str:
    """Which message of ours it is; "" for what is none."""
    return str(delivery.payload["body"].get(CALLBACK) or "")


def error_in(answer: Answer, told: GraphAnswer) -> MetaError | None:
    """What was refused; None where the answer says nothing for certain."""
    if told.code is not None:
        is_theirs = answer.status is not None and answer.status >= 500
        found = error_of(told.code, subcode=told.subcode)
        # A code that nobody knows, with a status that says the fault is Meta's, passes.
        return error_of(2) if found.code not in ERRORS and found.retry == Policy.NEVER and is_theirs else found
    if answer.status in _UNAUTHORISED:
        return error_of(190 if answer.status == 401 else 10)
    if answer.status == _TOO_MANY:
        return error_of(130429)
    if answer.status is not None and 300 <= answer.status < 500:
        return error_of(None)
    return None


def described(error: MetaError, told: GraphAnswer) -> str:
    number = f" (código {told.code})" if told.code is not None else ""
    return f"{error.title}{number}. {error.next_step}"[:500]


def _again(
    answer: Answer,
    delivery: "WebhookDelivery",
    now: datetime,
    *,
    error: str = "",
    at_least: timedelta = timedelta(0),
) -> Verdict:
    state, next_try_at = what_next(answer, failures=delivery.failures, now=now)
    return Verdict(
        state=state,
        next_try_at=max(next_try_at, now + at_least) if next_try_at else None,
        is_trouble=answer.is_trouble,
        pause=answer.retry_after,
        is_quiet=state == DeliveryState.DEAD,
        error=error,
    )


def _after_a_power_of_four(answer: Answer, delivery: "WebhookDelivery", now: datetime, *, error: str) -> Verdict:
    """4, 16, 64 … seconds for this person; nobody else waits."""
    refusal = Answer(outcome=AttemptOutcome.REFUSED, duration_ms=0, status=_TOO_MANY)
    state, _ = what_next(refusal, failures=delivery.failures, now=now)
    if state == DeliveryState.DEAD:
        return Verdict(state=state, is_quiet=True, error=error)
    wait = min(timedelta(seconds=4 ** min(delivery.failures + 1, 10)), LONGEST_PAIR_WAIT)
    return Verdict(state=state, next_try_at=now + max(wait, timedelta(seconds=answer.retry_after or 0)), error=error)
