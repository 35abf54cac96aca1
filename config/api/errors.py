"""One error shape from one handler: `{"detail", "message", "code"}`, with `errors` per field on validation.

`detail` and `message` are the same Spanish sentence (contract section 1); today's client reads only `detail`.

A value that is already taken is 400 where the endpoint looked before it wrote (the field is to blame);
the same found out only by the database, because somebody else was faster, is 409. What breaks any other
rule of the database is bad input, 400.
"""

import logging
import math
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.apps import apps
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from rest_framework import exceptions, status
from rest_framework.response import Response

from config.api.renderers import to_json
from crm.api.base import LABELS, is_general
from crm.constraints import message_of_violation
from crm.exceptions import Refusal

logger = logging.getLogger("puente.api")

Problem = tuple[int, dict[str, Any], dict[str, str]]

# Exceptions of Django and DRF with our words for them: status, code, sentence.
_SENTENCES: dict[type[Exception], tuple[int, str, str]] = {
    Http404: (404, "no_encontrado", "No encontrado."),
    PermissionDenied: (403, "sin_permiso", "No tiene permiso para esta operación."),
    RequestDataTooBig: (413, "demasiado_grande", "La petición es demasiado grande."),
    ProtectedError: (409, "en_uso", "No se puede eliminar: otros datos dependen de él."),
    RestrictedError: (409, "en_uso", "No se puede eliminar: otros datos dependen de él."),
    DataError: (400, "valor_invalido", "Un valor está fuera de lo que se puede guardar."),
    OverflowError: (400, "valor_invalido", "Un valor está fuera de lo que se puede guardar."),
    exceptions.NotAuthenticated: (401, "sin_credenciales", "Inicie sesión para continuar."),
    exceptions.NotAcceptable: (406, "formato_no_disponible", "Solo se responde en JSON."),
    exceptions.UnsupportedMediaType: (
        415,
        "tipo_no_admitido",
        "Tipo de contenido no admitido. Envíe application/json.",
    ),
}
_UNAVAILABLE = "El servicio no está disponible por un momento. Inténtelo de nuevo."


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None leaves an unforeseen error to Django's 500 (`server_error`)."""
    found = _describe(error)
    if found is None:
        return None
    code_status, body, headers = found
    return Response(body, status=code_status, headers=headers)


def error_body(sentence: str, code: str, **more: Any) -> dict[str, Any]:
    return {"detail": sentence, "message": sentence, "code": code, **more}


def _describe(error: Exception) -> Problem | None:
    """Status, body and headers of every error we know how to say; None for the others."""
    if isinstance(error, Refusal):
        return error.status, error_body(error.message, error.code), {}
    if isinstance(error, DjangoValidationError):
        error = exceptions.ValidationError(_fields_of(error))
    if isinstance(error, exceptions.ValidationError):
        return 400, _validation_body(error), {}
    if isinstance(error, OperationalError | InterfaceError):
        logger.exception("database unavailable")
        return 503, error_body(_UNAVAILABLE, "no_disponible"), {"Retry-After": "2"}
    for kind, (code_status, code, sentence) in _SENTENCES.items():
        if isinstance(error, kind):
            return code_status, error_body(sentence, code), _headers_of(code_status)
    if isinstance(error, IntegrityError):
        return _describe_violation(error)
    if isinstance(error, exceptions.APIException):
        return _describe_api_exception(error)
    return None


def _headers_of(code_status: int) -> dict[str, str]:
    return {"WWW-Authenticate": 'Bearer realm="api"'} if code_status == 401 else {}


def _describe_violation(error: IntegrityError) -> Problem:
    """409 when another row is in the way, 400 when the values themselves break a rule."""
    logger.info("constraint refused: %s", error)
    sentence = message_of_violation(error)
    told = str(error)
    sqlstate = getattr(error.__cause__, "sqlstate", "")
    breaks_a_rule = sqlstate in ("23502", "23514") or "CHECK constraint" in told or "NOT NULL constraint" in told
    if breaks_a_rule:
        return 400, error_body(sentence, "datos_invalidos", errors={"errores": [sentence]}), {}
    return 409, error_body(sentence, "conflicto"), {}


def _describe_api_exception(error: exceptions.APIException) -> Problem:
    if isinstance(error, exceptions.Throttled):
        wait = max(1, math.ceil(getattr(error, "wait", None) or 1))
        sentence = f"Demasiadas peticiones. Espere {wait} s e inténtelo de nuevo."
        return 429, error_body(sentence, "demasiadas_peticiones"), {"Retry-After": str(wait)}
    if isinstance(error, exceptions.MethodNotAllowed):
        sentence = "Este método no se admite en esta dirección."
        return 405, error_body(sentence, "metodo_no_permitido"), {}
    if isinstance(error, exceptions.ParseError) and error.get_codes() == error.default_code:
        return 400, error_body("La petición está incompleta o mal formada.", "peticion_invalida"), {}
    detail = error.detail
    sentence = str(detail.get("detail", error.default_detail)) if isinstance(detail, dict) else str(detail)
    if isinstance(error, exceptions.NotFound) and sentence == str(error.default_detail):
        sentence = "No encontrado."
    codes: Any = error.get_codes()
    code = codes if isinstance(codes, str) else "error"
    headers = _headers_of(error.status_code) if error.status_code == status.HTTP_401_UNAUTHORIZED else {}
    return error.status_code, error_body(sentence, _CODES.get(code, code)), headers


# DRF's English slugs in the language of all others.
_CODES = {
    "not_found": "no_encontrado",
    "permission_denied": "sin_permiso",
    "authentication_failed": "credenciales_invalidas",
}

# --- Validation -------------------------------------------------------------------------------


def _fields_of(error: DjangoValidationError) -> Any:
    if hasattr(error, "error_dict"):
        return {("errores" if name == "__all__" else name): list(texts) for name, texts in error.message_dict.items()}
    return list(error.messages)


def _validation_body(error: exceptions.ValidationError) -> dict[str, Any]:
    """`errors` has every field; `detail` is the first of their sentences, with whom it is about."""
    fields: dict[str, list[str]] = {}
    for name, texts in _flatten(error.detail):
        fields.setdefault(name, []).extend(texts)
    name, texts = next(iter(fields.items()), ("errores", []))
    sentence = texts[0] if texts else "Datos inválidos."
    if name != "errores" and is_general(sentence):
        sentence = f"{field_label(name)}: {sentence}"
    return error_body(sentence, "datos_invalidos", errors=fields)


def _flatten(detail: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Nested DRF details as ("contact.email", [sentences]) pairs."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            name = "errores" if name == "non_field_errors" else str(name)
            yield from _flatten(inner, f"{path}.{name}" if path else name)
    elif isinstance(detail, list) and any(isinstance(inner, dict | list) for inner in detail):
        for position, inner in enumerate(detail):
            yield from _flatten(inner, f"{path}.{position}" if path else str(position))
    else:
        texts = detail if isinstance(detail, list) else [detail]
        if texts:
            yield path or "errores", [str(text) for text in texts]


def field_label(path: str) -> str:
    """What people call a field: our own word, else the Spanish name of the column, else its name."""
    steps = [step for step in path.split(".") if step != "errores" and not step.isdigit()]
    name = steps[-1] if steps else path
    label = LABELS.get(name) or _column_labels().get(name) or name
    return label[:1].upper() + label[1:]


@cache
def _column_labels() -> dict[str, str]:
    """The verbose name of every column, of the first model that has it."""
    found: dict[str, str] = {}
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            label = str(field.verbose_name)
            if label != field.name.replace("_", " "):  # Django's own guess: English
                found.setdefault(field.name, label)
                found.setdefault(field.attname, label)
    return found


# --- Outside of DRF ---------------------------------------------------------------------------


def problem(request: HttpRequest, code_status: int, sentence: str, code: str) -> HttpResponse:
    """The answer to a program; a page for a person who looks at the staff pages."""
    if request.path_info.startswith(("/admin", "/static")):
        page = render_to_string("problem.html", {"status": code_status, "sentence": sentence})
        return HttpResponse(page, status=code_status)
    return HttpResponse(to_json(error_body(sentence, code)), status=code_status, content_type="application/json")


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return problem(request, 404, "No encontrado.", "no_encontrado")


def server_error(request: HttpRequest) -> HttpResponse:
    """Also for errors of the middleware, which no view answers: a database that is away is no 500."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        answer = problem(request, 503, _UNAVAILABLE, "no_disponible")
        answer.headers["Retry-After"] = "2"
        return answer
    return problem(request, 500, "Error inesperado. Ya quedó registrado; inténtelo de nuevo.", "error_interno")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return problem(request, 413, "La petición es demasiado grande.", "demasiado_grande")
    return problem(request, 400, "La petición no es válida.", "peticion_invalida")


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return problem(request, 403, "No tiene permiso para esta operación.", "sin_permiso")
