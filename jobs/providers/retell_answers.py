"""What Retell answers and tells, in our words (dialer-anchors 3). Nothing of it is believed to be of the right type."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from jobs.choices import Outcome
from jobs.money import micros_of_cents
from jobs.providers.base import CallReport, Refused, Uncertain
from jobs.providers.http import Answer

LONGEST_REF = 120
LONGEST_TEXT = 200_000
# Picked up and hung up again by the person before this: nobody was told anything.
BRIEF_SECONDS = 8
# Whether it was a voicemail that "answered" is known when the call was analysed. That takes seconds; after this long
# the call counts as what it looked like.
ANALYSIS_WAIT = timedelta(seconds=90)
MOST_CENTS = 10_000_000

OUTCOMES: dict[str, Outcome] = {
    **dict.fromkeys(("user_hangup", "agent_hangup", "call_transfer", "inactivity", "max_duration_reached"),
                    Outcome.ANSWERED),
    **dict.fromkeys(("transfer_bridged", "transfer_cancelled", "call_take_over"), Outcome.ANSWERED),
    **dict.fromkeys(("voicemail_reached", "ivr_reached", "machine_detected"), Outcome.VOICEMAIL),
    **dict.fromkeys(("dial_no_answer", "user_declined"), Outcome.NO_ANSWER),
    "dial_busy": Outcome.BUSY,
    "invalid_destination": Outcome.BAD_NUMBER,
    **dict.fromkeys(("marked_as_spam", "network_blocked", "scam_detected"), Outcome.BLOCKED),
    "user_requested_dnc": Outcome.OPT_OUT,
    "user_requested_callback": Outcome.CALL_BACK,
    **dict.fromkeys(("concurrency_limit_reached", "no_concurrency_fallback"), Outcome.CAPACITY),
    **dict.fromkeys(("no_valid_payment", "credit_exhausted", "budget_reached"), Outcome.CREDIT),
    "manual_stopped": Outcome.STOPPED,
}  # fmt: skip
_BY_STATUS = {"ended": Outcome.ANSWERED, "not_connected": Outcome.NO_ANSWER, "error": Outcome.PROVIDER}
_OVER = frozenset(_BY_STATUS)
_TALKED = frozenset({Outcome.ANSWERED, Outcome.BRIEF, Outcome.CALL_BACK, Outcome.OPT_OUT})
_ABOUT_THE_NUMBER = re.compile(r"to_number|to number|destination|phone number|e\.?164", re.IGNORECASE)
_ABOUT_OURS = re.compile(r"from_number|from number|agent|concurren|permission", re.IGNORECASE)
_NOT_FOUND = re.compile(r"not found|cannot find|can't find|does not exist|no such", re.IGNORECASE)


# --- A call that was not made -----------------------------------------------------------------


def refusal_of(answer: Answer) -> Refused | Uncertain:
    """What an answer without a call means: surely none, or perhaps one."""
    status, sentence = answer.status, sentence_of(answer)
    if status >= 500 or status in (408, 409):
        # 409: the same key is being worked on just now.
        return Uncertain(sentence)
    if status == 429:
        return Refused(Outcome.CAPACITY, sentence, wait=answer.retry_after)
    if status == 402:
        return Refused(Outcome.CREDIT, sentence)
    if status in (400, 422) and _ABOUT_THE_NUMBER.search(answer.message) and not _ABOUT_OURS.search(answer.message):
        return Refused(Outcome.BAD_NUMBER, sentence)
    return Refused(Outcome.PROVIDER, sentence)


def sentence_of(answer: Answer) -> str:
    told = f" Retell dice: {answer.message}" if answer.message else ""
    if answer.status in (401, 403):
        return f"Retell no acepta la clave; compruebe RETELL_API_KEY ({answer.status}).{told}"
    if answer.status == 402:
        return f"La cuenta de Retell no tiene saldo ({answer.status}).{told}"
    if answer.status == 429:
        return f"Retell no tiene líneas libres o pide ir más despacio ({answer.status}).{told}"
    if 300 <= answer.status < 400:
        return f"Retell quiso mandarnos a otra dirección ({answer.status}); compruebe RETELL_API_URL."
    if answer.status >= 500:
        return f"Retell tiene un error propio ({answer.status}).{told}"
    if 200 <= answer.status < 300:
        return "Retell respondió algo que no se entiende."
    return f"Retell rechazó la petición ({answer.status}).{told}"


def is_unknown(answer: Answer) -> bool:
    """Retell has no such call; it says so with 404, in places with 422."""
    return answer.status == 404 or (answer.status in (400, 422) and bool(_NOT_FOUND.search(answer.message)))


# --- Calls ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Page:
    calls: list[dict[str, Any]]
    next: str

    def ref_of(self, key: UUID) -> str | None:
        """The call with our key. What a server sends that does not look at the filter is none of ours."""
        for call in self.calls:
            if key_of(call) == key and (ref := ref_of(call)):
                return ref
        return None


def page_of(answer: Answer) -> Page | None:
    """Calls that were listed; None where the answer is none."""
    body = answer.body
    if not answer.is_good or not isinstance(body, dict) or not isinstance(body.get("items"), list):
        return None
    following = body.get("pagination_key") if body.get("has_more") else None
    return Page([call for call in body["items"] if isinstance(call, dict)], str(following or ""))


def ref_of(call: Any) -> str | None:
    """The call's reference, where it is one that can be kept."""
    ref = call.get("call_id") if isinstance(call, dict) else None
    return ref if isinstance(ref, str) and 0 < len(ref) <= LONGEST_REF and ref.isprintable() else None


def key_of(call: dict[str, Any]) -> UUID | None:
    try:
        return UUID(str(_part(call, "metadata").get("attempt")))
    except ValueError:
        return None


def is_over(call: Any) -> bool:
    return isinstance(call, dict) and call.get("call_status") in _OVER


def report_of(call: dict[str, Any]) -> CallReport:
    """A call as Retell describes it, whether it was asked or tells by itself."""
    analysis, cost = _part(call, "call_analysis"), _part(call, "call_cost")
    seconds = _seconds_of(call, cost)
    ended_at = _moment(call.get("end_timestamp"))
    outcome = _outcome_of(call, analysis, seconds)
    if outcome in _TALKED and "in_voicemail" not in analysis and _is_fresh(ended_at):
        outcome = None
    is_connected = bool(seconds) or call.get("call_status") == "ongoing"
    return CallReport(
        ref=str(call["call_id"]),
        key=key_of(call),
        outcome=outcome,
        is_final=outcome is not None and (bool(analysis and cost) or not seconds),
        status=_text(call.get("call_status"), 40),
        reason=_text(call.get("disconnection_reason"), 120),
        answered_at=_moment(call.get("start_timestamp")) if is_connected else None,
        ended_at=ended_at,
        seconds=seconds,
        cost_micros=_micros(cost.get("combined_cost")),
        summary=_text(analysis.get("call_summary")),
        sentiment=_text(analysis.get("user_sentiment"), 40),
        successful=value if isinstance(value := analysis.get("call_successful"), bool) else None,
        transcript=_text(call.get("transcript")),
        recording_url=_link(call.get("recording_url")),
        log_url=_link(call.get("public_log_url")),
        collected=_collected(call, analysis),
        look_again_in=5.0 if outcome is None and is_over(call) else None,
    )


def _outcome_of(call: dict[str, Any], analysis: dict[str, Any], seconds: int) -> Outcome | None:
    """None while it goes on. A voicemail is never somebody who answered, whoever hung up."""
    status, reason = call.get("call_status"), _text(call.get("disconnection_reason"), 120)
    if status not in _OVER:
        return None
    outcome = OUTCOMES.get(reason, Outcome.PROVIDER) if reason else _BY_STATUS[status]
    if outcome == Outcome.ANSWERED and analysis.get("in_voicemail") is True:
        return Outcome.VOICEMAIL
    if outcome == Outcome.ANSWERED and seconds < BRIEF_SECONDS and reason in ("user_hangup", ""):
        return Outcome.BRIEF
    return outcome


def _is_fresh(ended_at: datetime | None) -> bool:
    return ended_at is not None and timezone.now() - ended_at < ANALYSIS_WAIT


def _collected(call: dict[str, Any], analysis: dict[str, Any]) -> dict[str, str]:
    """What the agent wrote down, and what the analysis found: texts, as many as a form has fields."""
    found: dict[str, str] = {}
    for part in (_part(analysis, "custom_analysis_data"), _part(call, "collected_dynamic_variables")):
        for name, value in part.items():
            if isinstance(value, str | int | float | bool) and len(found) < 100:
                found[_text(name, 100)] = _text(str(value), 2_000)
    return found


# --- Values -----------------------------------------------------------------------------------


def _part(call: dict[str, Any], name: str) -> dict[str, Any]:
    value = call.get(name)
    return value if isinstance(value, dict) else {}


def _text(value: Any, longest: int = LONGEST_TEXT) -> str:
    """PostgreSQL keeps no NUL, and a lone half of a pair of characters cannot be sent to it."""
    if not isinstance(value, str):
        return ""
    return value[:longest].replace("\x00", "").encode("utf-8", "replace").decode()


def _link(value: Any) -> str:
    text = _text(value, 1001)
    return text if text.startswith(("https://", "http://")) and len(text) <= 1000 else ""


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e15 else None


def _seconds_of(call: dict[str, Any], cost: dict[str, Any]) -> int:
    millis = _number(call.get("duration_ms"))
    seconds = millis / 1000 if millis is not None else _number(cost.get("total_duration_seconds"))
    return min(max(round(seconds or 0), 0), 24 * 3600)


def _micros(cents: Any) -> int | None:
    value = _number(cents)
    return micros_of_cents(value) if value is not None and 0 <= value <= MOST_CENTS else None


def _moment(millis: Any) -> datetime | None:
    value = _number(millis)
    return datetime.fromtimestamp(value / 1000, UTC) if value is not None and 0 < value < 4e12 else None
