"""`Idempotency-Key`: a POST that names itself is done once, and its repeats get the first answer again.

Same key, caller, path and body → the stored answer; another body → 409; two at once → the second
waits on the unique constraint, then reads what the first wrote (contract section 1, "Repeats").
Only successful answers are kept: a refusal did nothing, so asking again is harmless.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.exceptions import APIException

from config.api.authentication import BearerAuthentication
from config.api.errors import error_body
from config.api.renderers import to_json
from crm.lengths import announced_length
from crm.models import IdempotencyKey

LONGEST_KEY = 200
# What waits for another system must not do so in a transaction; these find their own repeats.
REPEATED_BY_THEMSELVES = frozenset({"/api/test-webhook"})
# These hang up calls first: their key is taken before and answered for afterwards, not in their transaction.
ASKS_ANOTHER_SYSTEM = re.compile(r"/api/v1/jobs/(bulk-delete|[^/]+/cancel)/*\Z")
# Longer than any request lives: whoever took the key and has not answered since is gone.
UNANSWERED_FOR = timedelta(minutes=5)


class _Unsuccessful(Exception):
    """Carries an answer out of the transaction that it must undo."""

    def __init__(self, response: HttpResponse) -> None:
        self.response = response


class IdempotencyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = request.headers.get("Idempotency-Key", "").strip()
        if request.method != "POST" or not key or not request.path_info.startswith(("/api/", "/crm/")):
            return self.get_response(request)
        if len(key) > LONGEST_KEY or not key.isprintable():
            return _refuse(400, f"La clave de idempotencia admite hasta {LONGEST_KEY} caracteres.", "clave_invalida")
        if request.path_info.rstrip("/") in REPEATED_BY_THEMSELVES:
            return self.get_response(request)
        caller = _caller(request)
        # The view says 401, or 413, in its own words.
        if caller is None or _is_larger_than_any_import(request):
            return self.get_response(request)
        once = self._once_beside if ASKS_ANOTHER_SYSTEM.match(request.path_info) else self._once
        return once(request, key=key, caller=caller)

    def _once(self, request: HttpRequest, *, key: str, caller: str) -> HttpResponse:
        digest = _digest(request)
        name = {"caller": caller, "path": request.path_info[:200], "key": key}
        try:
            with transaction.atomic():
                claimed = IdempotencyKey.claim(**name, body_digest=digest)
                if claimed is None:
                    return _repeat(IdempotencyKey.objects.get(**name), digest)
                response = self.get_response(request)
                if not 200 <= response.status_code < 300 or response.streaming:
                    raise _Unsuccessful(response)
                claimed.keep(status=response.status_code, answer=_kept(response))
                return response
        except _Unsuccessful as stopped:
            return stopped.response

    def _once_beside(self, request: HttpRequest, *, key: str, caller: str) -> HttpResponse:
        """For acts that may be repeated after a crash: a key without an answer is in somebody's hands, for a while."""
        digest = _digest(request)
        name = {"caller": caller, "path": request.path_info[:200], "key": key}
        IdempotencyKey.objects.filter(**name, status=None, created_at__lt=timezone.now() - UNANSWERED_FOR).delete()
        claimed = IdempotencyKey.claim(**name, body_digest=digest)
        if claimed is None:
            row = IdempotencyKey.objects.filter(**name).first()
            if row is None or (row.status is None and row.body_digest == digest):
                return _refuse(409, "La misma petición se está atendiendo todavía.", "en_curso")
            return _repeat(row, digest)
        answer: tuple[int, bytes] | None = None
        try:
            response = self.get_response(request)
            if 200 <= response.status_code < 300 and not response.streaming:
                answer = response.status_code, _kept(response)
            return response
        finally:
            if answer:
                claimed.keep(status=answer[0], answer=answer[1])
            else:
                IdempotencyKey.objects.filter(pk=claimed.pk).delete()


def _is_larger_than_any_import(request: HttpRequest) -> bool:
    """An upload that its view will refuse unread must not be read here either."""
    is_upload = request.content_type == "multipart/form-data"
    most = settings.IMPORT_MAX_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return is_upload and announced_length(request) > most


def _digest(request: HttpRequest) -> str:
    """Of the body as sent; of an upload, which may be too large for memory, field by field."""
    found = hashlib.sha256()
    if request.content_type == "multipart/form-data":
        for name, values in sorted(request.POST.lists()):
            found.update(repr((name, values)).encode())
        for name, files in sorted(request.FILES.lists()):
            for file in files:
                found.update(repr((name, file.name, file.size)).encode())
                for chunk in file.chunks():
                    found.update(chunk)
                file.seek(0)
    else:
        found.update(request.body)
    return found.hexdigest()


def _kept(response: HttpResponse) -> bytes:
    """What a repeat will read: the answer, without what is shown only once (`secret_answer`)."""
    without_secret = getattr(response, "repeated_as", None)
    return response.content if without_secret is None else to_json(without_secret)


def _repeat(row: IdempotencyKey, digest: str) -> HttpResponse:
    """The first answer again; 409 when the key now names something else."""
    if row.body_digest != digest:
        return _refuse(409, "Esta clave de idempotencia ya se usó con otro contenido.", "clave_reutilizada")
    response = HttpResponse(bytes(row.answer or b""), status=row.status or 200, content_type="application/json")
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _caller(request: HttpRequest) -> str | None:
    """The id of whoever the token names; None when it names nobody."""
    try:
        found = BearerAuthentication().authenticate(request)
    except APIException:
        return None
    return str(found[0].pk) if found else None


def _refuse(status: int, sentence: str, code: str) -> HttpResponse:
    body: dict[str, Any] = error_body(sentence, code)
    return HttpResponse(to_json(body), status=status, content_type="application/json")
