"""One error shape from one handler: `{"detail", "message", "code"}`, with `errors` per field on validation.

`detail` and `message` are the same Spanish sentence (contract section 1); today's client reads only `detail`.
"""

import logging
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from config.api.renderers import to_json
from crm.constraints import message_of_violation
from crm.exceptions import Refusal

logger = logging.getLogger("puente.api")

_SENTENCES: dict[type[Exception], tuple[int, str, str]] = {
    Http404: (404, "no_encontrado", "No encontrado."),
    PermissionDenied: (403, "sin_permiso", "No tiene permiso para esta operación."),
    RequestDataTooBig: (413, "demasiado_grande", "La petición es demasiado grande."),
    exceptions.NotAuthenticated: (401, "sin_credenciales", "Inicie sesión para continuar."),
    exceptions.NotFound: (404, "no_encontrado", "No encontrado."),
    exceptions.NotAcceptable: (406, "formato_no_disponible", "Solo se responde en JSON."),
}


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None leaves an unforeseen error to Django's 500 (`server_error`)."""
    set_rollback()
    found = _describe(error)
    if found is None:
        return None
    code_status, body, headers = found
    return Response(body, status=code_status, headers=headers)


def error_body(sentence: str, code: str, **more: Any) -> dict[str, Any]:
    return {"detail": sentence, "message": sentence, "code": code, **more}


def _describe(error: Exception) -> tuple[int, dict[str, Any], dict[str, str]] | None:
    """Status, body and headers of every error we know how to say; None for the others."""
    headers: dict[str, str] = {}
    if isinstance(error, Refusal):
        return error.status, error_body(error.message, error.code), headers
    if isinstance(error, DjangoValidationError):
        error = exceptions.ValidationError(_fields_of(error))
    if isinstance(error, exceptions.ValidationError):
        return 400, _validation_body(error), headers
    if isinstance(error, IntegrityError):
        sentence = message_of_violation(error)
        logger.info("constraint refused: %s", error)
        return 409, error_body(sentence, "conflicto"), headers
    if isinstance(error, DataError):
        return 400, error_body("Un valor está fuera de lo que se puede guardar.", "valor_invalido"), headers
    if isinstance(error, OperationalError | InterfaceError):
        logger.exception("database unavailable")
        sentence = "El servicio no está disponible por un momento. Inténtelo de nuevo."
        return 503, error_body(sentence, "no_disponible"), {"Retry-After": "2"}
    for kind, (code_status, code, sentence) in _SENTENCES.items():
        if isinstance(error, kind):
            if code_status == 401:
                headers["WWW-Authenticate"] = 'Bearer realm="api"'
            return code_status, error_body(sentence, code), headers
    if isinstance(error, exceptions.APIException):
        return _describe_api_exception(error)
    return None


def _describe_api_exception(error: exceptions.APIException) -> tuple[int, dict[str, Any], dict[str, str]]:
    headers: dict[str, str] = {}
    if error.status_code == status.HTTP_401_UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="api"'
    if isinstance(error, exceptions.Throttled):
        wait = max(1, int(error.wait or 1))
        headers["Retry-After"] = str(wait)
        sentence = f"Demasiadas peticiones. Espere {wait} segundos e inténtelo de nuevo."
        return 429, error_body(sentence, "demasiadas_peticiones"), headers
    if isinstance(error, exceptions.MethodNotAllowed):
        return (
            405,
            error_body(
                f"Método {error.args[0] if error.args else ''} no permitido.".replace("  ", " "),
                "metodo_no_permitido",
            ),
            headers,
        )
    if isinstance(error, exceptions.UnsupportedMediaType):
        return (
            415,
            error_body("Tipo de contenido no admitido. Envíe application/json.", "tipo_no_admitido"),
            headers,
        )
    if isinstance(error, exceptions.ParseError):
        return 400, error_body("El cuerpo de la petición no es JSON válido.", "json_invalido"), headers
    detail = error.detail
    sentence = str(detail.get("detail", error.default_detail)) if isinstance(detail, dict) else str(detail)
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else str(codes.get("code", "error")) if isinstance(codes, dict) else "error"
    return error.status_code, error_body(sentence, code), headers


def _fields_of(error: DjangoValidationError) -> Any:
    if hasattr(error, "error_dict"):
        return {("errores" if name == "__all__" else name): list(texts) for name, texts in error.message_dict.items()}
    return list(error.messages)


def _validation_body(error: exceptions.ValidationError) -> dict[str, Any]:
    fields = {name: texts for name, texts in _flatten(error.detail)}
    first = next(iter(fields.items()), ("", ["Datos inválidos."]))
    sentence = first[1][0] if first[0] in ("", "errores") else f"{first[0]}: {first[1][0]}"
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
        yield path or "errores", [str(text) for text in texts]


def _answer(code_status: int, sentence: str, code: str) -> HttpResponse:
    return HttpResponse(to_json(error_body(sentence, code)), status=code_status, content_type="application/json")


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(404, "No encontrado.", "no_encontrado")


def server_error(request: HttpRequest) -> HttpResponse:
    return _answer(500, "Error inesperado. Ya quedó registrado; inténtelo de nuevo.", "error_interno")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(400, "La petición no es válida.", "peticion_invalida")


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(403, "No tiene permiso para esta operación.", "sin_permiso")
