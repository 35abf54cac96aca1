"""What happens around every request: an id, a log line, a forgiving slash, and who is acting."""

import logging
import re
import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from config.addresses import client_address
from config.api.errors import problem
from config.logs import current_request_id
from crm.acting import Origin, acting_through
from crm.exceptions import Refusal
from crm.ids import new_id
from crm.lengths import announced_length
from whatsapp.api import webhook

logger = logging.getLogger("puente.request")

Handler = Callable[[HttpRequest], HttpResponse]

_ACCEPTABLE_ID = re.compile(r"[\w.-]{8,64}", re.ASCII)


class RequestContext:
    """Give each request an id (the caller's `X-Request-ID` when it is a sane one) and log its end."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _ACCEPTABLE_ID.fullmatch(given) else new_id().hex
        token = current_request_id.set(request_id)
        started = time.perf_counter()
        try:
            response = self.get_response(request)
            if request.method == "HEAD":
                _leave_out_body(response)
            response.headers["X-Request-ID"] = request_id
            elapsed_ms = (time.perf_counter() - started) * 1000
            level = logging.INFO if response.status_code < 500 else logging.WARNING
            logger.log(level, "%s %s %s %.0f ms", request.method, request.path, response.status_code, elapsed_ms)
            # Django would log 5xx answers a second time, outside of this request and so without its id.
            response._has_been_logged = True  # type: ignore[attr-defined]
            return response
        finally:
            current_request_id.reset(token)


def _leave_out_body(response: Any) -> None:
    """The web server sends what it is given: on a connection that stays open the next answer would begin with it."""
    if response.streaming:
        response.streaming_content = []
    else:
        response.content = b""


class ProvenRequests:
    """Webhooks that prove themselves by a signature are answered before the frame that serves people.

    Neither session, sign-in, idempotency keys nor browsers' policies mean anything to Meta, and all of them cost.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.rstrip("/") == webhook.PATH:
            response = webhook.view(request)
            response.headers["Content-Length"] = str(len(response.content))
            return response
        return self.get_response(request)


class KnownLength:
    """Whoever announces a body says how long it is: Django itself would fail at anything else, wherever it is read."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            announced_length(request)
        except Refusal as error:
            return problem(request, error.status, error.message, error.code)
        return self.get_response(request)


class OptionalSlash:
    """`/api/crm/calls/` is `/api/crm/calls`: routes are written without, and nobody is redirected."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path.endswith("/") and path.startswith(("/api/", "/crm/", "/health")):
            request.path_info = path.rstrip("/")
        return self.get_response(request)


class RememberActor:
    """Whoever the request is authenticated as, by session or by token, is the one who acts."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        origin = Origin(
            user=lambda: request.user,
            ip_address=client_address(request),
            user_agent=request.headers.get("User-Agent", "")[:300],
        )
        with acting_through(origin):
            return self.get_response(request)
