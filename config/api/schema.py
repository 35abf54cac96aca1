"""The OpenAPI description: what no single view has to say, said once for all of them.

Every operation gets the error answers it can give, with their body; every POST its `Idempotency-Key`.
The CRM's second prefix (/crm/…) answers the same as /api/crm/… and is left out.
"""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_mock_request, get_doc

from crm.choices import Role
from crm.models import User

Endpoint = tuple[str, str, str, Any]

ERRORS = {
    "400": "La petición no es válida; `errors` dice qué campo y por qué.",
    "401": "Falta el token, o no es válido o ha expirado.",
    "403": "Su usuario no puede hacer esto.",
    "404": "No existe, o no está a su alcance.",
    "409": "Choca con el estado actual o con otra petición.",
    "413": "El cuerpo es demasiado grande.",
    "415": "Tipo de contenido no admitido.",
    "429": "Demasiadas peticiones; la cabecera Retry-After dice cuándo repetir.",
}
ERROR_SCHEMA = {
    "type": "object",
    "description": "La forma única de todos los errores.",
    "required": ["detail", "message", "code"],
    "properties": {
        "detail": {"type": "string", "description": "Una frase en español."},
        "message": {"type": "string", "description": "La misma frase."},
        "code": {"type": "string", "description": "Un identificador estable para programas."},
        "errors": {
            "type": "object",
            "description": "En validaciones: cada campo con sus frases.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Con la misma clave y el mismo cuerpo, durante un día, se devuelve la primera respuesta.",
    "schema": {"type": "string", "maxLength": 200},
}
DESCRIPTION = """\
CRM para equipos de ventas y centros de llamadas.

1. `POST /api/auth/login` con correo y contraseña da un `access_token`.
2. Pulse **Authorize** y péguelo: vale para todas las operaciones.

Las horas van en UTC (ISO 8601 con `Z`); sin zona se leen en la del sistema. Los identificadores son textos.
La barra final de las direcciones es opcional. Todos los errores tienen la forma `Error`. Lo que está bajo
`/api/crm/` responde igual bajo `/crm/`.
"""
# Chapters in reading order: title → the words of paths that belong to it.
CHAPTERS = {
    "Sesión": ("auth", "token"),
    "Usuarios": ("users", "api-tokens", "timezone"),
    "Contactos": ("contacts",),
    "Leads y citas": ("leads", "appointments"),
    "Llamadas": ("calls", "call-types"),
    "Tareas y notas": ("tasks", "notes"),
    "Oportunidades": ("opportunities",),
    "WhatsApp": ("conversaciones-whatsapp", "whatsapp"),
    "Páginas del cliente de WhatsApp": ("clientes", "usuarios", "tickets", "comunicaciones"),
    "Campañas": ("batches", "jobs", "dashboard", "use-cases"),
    "Cuentas de campañas": ("accounts",),
    "Importación": ("imports",),
    "Presencias": ("presencias", "webhook-presencia-crm", "gestion"),
    "Integraciones": ("webhook-deliveries", "test-webhook"),
    "Sin contenido": ("pipelines", "companies", "task-templates", "custom-fields", "custom-field-values", "contracts"),
}
_CHAPTER_OF = {word: title for title, words in CHAPTERS.items() for word in words}
_VERBS = {"GET": "Ver", "POST": "Crear", "PUT": "Cambiar", "PATCH": "Cambiar", "DELETE": "Eliminar"}
_METHODS = {"get", "post", "put", "patch", "delete"}


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = "config.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "El `access_token` de POST /api/auth/login, o un token de API de otro programa.",
        }


class Schema(AutoSchema):
    def get_tags(self) -> list[str]:
        """The chapter of the first word of the path that tells what it is about: /api/crm/calls/{id} → Llamadas."""
        words = [word for word in self.path.split("/") if word and word not in ("api", "crm", "v1", "admin")]
        return [_CHAPTER_OF.get(word, word) for word in words[:1]]

    def get_summary(self) -> str | None:
        """The first sentence of what the method says of itself, else the view's with what is done to it."""
        own = get_doc(getattr(self.view, getattr(self.view, "action", None) or self.method.lower(), None))
        first, stop, _ = " ".join((own or self.get_description() or "").split()).partition(". ")
        sentence = first + stop.strip()
        return sentence if own or not sentence else f"{_VERBS[self.method]}: {sentence}"


def request_of_an_administrator(method: str, path: str, view: Any, original_request: Any, **kwargs: Any) -> Any:
    """What views are asked with while they are described: their querysets ask who may see what."""
    request = build_mock_request(method, path, view, original_request, **kwargs)
    request.user = User(role=Role.ADMIN)
    return request


def without_second_prefix(endpoints: list[Endpoint], **kwargs: Any) -> list[Endpoint]:
    return [endpoint for endpoint in endpoints if not endpoint[0].startswith("/crm/")]


def with_errors_everywhere(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    result["info"]["description"] = DESCRIPTION
    result["tags"] = [{"name": title} for title in CHAPTERS]
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Error"] = ERROR_SCHEMA
    components["responses"] = {f"Error{status}": _answer(status, text) for status, text in ERRORS.items()}
    components.setdefault("parameters", {})["IdempotencyKey"] = IDEMPOTENCY_KEY
    for path, methods in result["paths"].items():
        for method in methods.keys() & _METHODS:
            _complete(path, method, methods[method])
    return result


def _answer(status: str, text: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": text,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    if status == "429":
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Segundos."}}
    return answer


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """Add the errors that this operation can answer; what its view documents itself stays."""
    needs_a_token = any(operation.get("security") or ())
    writes = method != "get"
    possible = {
        "400": True,
        "401": True,
        "403": needs_a_token,
        "404": "{" in path or writes,
        "409": writes,
        "413": "requestBody" in operation,
        "415": "requestBody" in operation,
        "429": True,
    }
    responses = operation.setdefault("responses", {})
    for status, is_possible in possible.items():
        if is_possible:
            responses.setdefault(status, {"$ref": f"#/components/responses/Error{status}"})
    if method == "post" and needs_a_token:
        operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/IdempotencyKey"})
