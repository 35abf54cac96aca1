"""Calls placed by Retell, over its documented API (docs/providers.md): each request once, never twice."""

import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

import orjson
from django.conf import settings

from jobs.choices import Outcome
from jobs.providers import http, retell_answers
from jobs.providers.base import CallReport, CallRequest, Refused, Uncertain, Unreachable
from jobs.providers.retell_signature import check_signature

# What Retell takes, in milliseconds.
RING = (5_000, 300_000)
TALK = (60_000, 7_200_000)
# How long what it said of its lines is believed.
CAPACITY_SECONDS = 15.0
# Pages of a search by key; a server that looks at the key has one call on one page.
MOST_PAGES = 5
EVENTS = ("call_started", "call_ended", "call_analyzed")


class RetellProvider:
    name = "retell"
    poll_seconds = 12.0

    @property
    def is_configured(self) -> bool:
        return bool(settings.RETELL_API_KEY and settings.RETELL_FROM_NUMBER and settings.RETELL_AGENT_ID)

    def place(self, request: CallRequest) -> str:
        try:
            answer = self._ask("POST", "/v2/create-phone-call", json=_body_of(request))
        except http.NotSent as error:
            raise Refused(Outcome.PROVIDER, f"Retell: {error}.") from error
        except http.NotAnswered as error:
            raise Uncertain(f"Retell: {error}.") from error
        if not answer.is_good:
            raise retell_answers.refusal_of(answer)
        ref = retell_answers.ref_of(answer.body)
        if ref is None:
            raise Uncertain("Retell aceptó la llamada y no dijo cuál es.")
        return ref

    def fetch(self, ref: str) -> CallReport | None:
        answer = self._question("GET", f"/v2/get-call/{quote(ref, safe='')}")
        if retell_answers.is_unknown(answer):
            return None
        if not answer.is_good or not isinstance(answer.body, dict):
            raise Unreachable(retell_answers.sentence_of(answer))
        return retell_answers.report_of({**answer.body, "call_id": ref})

    def find(self, key: UUID, *, since: datetime) -> str | None:
        """By what we gave along. Its start is no filter: a call that nobody has picked up has none yet."""
        wanted = {"type": "string", "op": "eq", "key": "attempt", "value": str(key)}
        asked: dict[str, Any] = {
            "filter_criteria": {"metadata": [wanted]},
            "sort_order": "descending",
            "limit": 50,
        }
        for _ in range(MOST_PAGES):
            answer = self._question("POST", "/v3/list-calls", json=asked)
            page = retell_answers.page_of(answer)
            if page is None:
                raise Unreachable(retell_answers.sentence_of(answer))
            if ref := page.ref_of(key):
                return ref
            if not page.next:
                return None
            asked["pagination_key"] = page.next
        raise Unreachable("Retell no busca por la clave de la llamada.")

    def stop(self, ref: str) -> None:
        """What cannot be hung up because it is over is asked after: only its own word counts."""
        answer = self._question("POST", f"/v2/stop-call/{quote(ref, safe='')}")
        if answer.is_good:
            return
        call = self._question("GET", f"/v2/get-call/{quote(ref, safe='')}")
        if retell_answers.is_unknown(call) or (call.is_good and retell_answers.is_over(call.body)):
            return
        raise Unreachable(retell_answers.sentence_of(answer))

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> CallReport | None:
        check_signature(headers, body, key=settings.RETELL_API_KEY)
        try:
            told = orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
        call = told.get("call") if isinstance(told, dict) else None
        if not isinstance(call, dict) or told.get("event") not in EVENTS:
            return None
        return retell_answers.report_of(call) if retell_answers.ref_of(call) else None

    def capacity(self) -> int | None:
        return _lines.known() or _lines.remember(self._told_capacity())

    def _told_capacity(self) -> int | None:
        answer = self._question("GET", "/get-concurrency")
        if not answer.is_good or not isinstance(answer.body, dict):
            raise Unreachable(retell_answers.sentence_of(answer))
        limit = answer.body.get("concurrency_limit")
        return limit if isinstance(limit, int) and not isinstance(limit, bool) and limit > 0 else None

    def _question(self, method: str, path: str, *, json: Any = None) -> http.Answer:
        try:
            return self._ask(method, path, json=json)
        except (http.NotSent, http.NotAnswered) as error:
            raise Unreachable(f"Retell: {error}.") from error

    def _ask(self, method: str, path: str, *, json: Any = None) -> http.Answer:
        headers = {"Authorization": f"Bearer {settings.RETELL_API_KEY}"}
        return http.ask(method, f"{settings.RETELL_API_URL}{path}", headers=headers, json=json)


def _body_of(request: CallRequest) -> dict[str, Any]:
    """Longer talk than a campaign allows is ended by us where Retell's least is more (dialling/following.py)."""
    return {
        "from_number": settings.RETELL_FROM_NUMBER,
        "to_number": request.number,
        "override_agent_id": settings.RETELL_AGENT_ID,
        "agent_override": {
            "agent": {
                "ring_duration_ms": _within(RING, request.ring_seconds * 1000),
                "max_call_duration_ms": _within(TALK, request.max_seconds * 1000),
            }
        },
        "retell_llm_dynamic_variables": {name: str(value) for name, value in request.variables.items()},
        "metadata": {"attempt": str(request.key), "job_id": request.job_id, "batch_id": request.batch_id},
        "idempotency_key": str(request.key),
        "honor_internal_dnc": True,
    }


def _within(limits: tuple[int, int], value: int) -> int:
    return max(limits[0], min(limits[1], value))


class _Lines:
    """How many calls Retell takes at once, remembered for a moment: each round of the dispatcher asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        self._limit: int | None = None
        self._until = 0.0

    def known(self) -> int | None:
        with self._lock:
            return self._limit if time.monotonic() < self._until else None

    def remember(self, limit: int | None) -> int | None:
        with self._lock:
            self._limit, self._until = limit, time.monotonic() + CAPACITY_SECONDS
        return limit


_lines = _Lines()
