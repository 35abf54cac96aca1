"""What every endpoint of every app is built from: lean answers, forgiving bodies, known ids.

Answers are made by `Answer` serializers: they only describe fields, for the schema and for a compiled
reader; a page of fifty rows costs a tenth of what field-by-field representation costs. Bodies are read
by `Body` serializers: an empty string means null where the clients mean null, and every refusal is a
Spanish sentence of the one table below.
"""

from collections.abc import Callable, Iterable
from datetime import UTC
from functools import cache, cached_property
from operator import attrgetter, methodcaller
from typing import Any, ClassVar, cast
from uuid import UUID

from django.db.models.manager import BaseManager
from django.utils.timezone import is_naive, make_aware
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.exceptions import NotFound
from crm.ids import as_id
from crm.models import User

Reader = Callable[[Any], Any]
AnyField = serializers.Field[Any, Any, Any, Any]

# --- Answers ----------------------------------------------------------------------------------

# Fields whose stored value the renderer writes as it is (UUIDs and times included).
_PLAIN = (
    serializers.CharField,
    serializers.IntegerField,
    serializers.BooleanField,
    serializers.FloatField,
    serializers.UUIDField,
    serializers.DateTimeField,
    serializers.DateField,
    serializers.JSONField,
    serializers.ChoiceField,
    serializers.DecimalField,
)


class Answer(serializers.Serializer[Any]):
    """Read only. Each field reads the attribute of its `source`, or calls it when it is named `get_…`.

    Fields are looked at once a class, not once a request: copying them costs more than reading a row.
    A `None` on the way of a dotted source ("responsible_user.name") answers null.
    """

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {name: read(instance) for name, read in self._readers}

    @cached_property
    def _readers(self) -> list[tuple[str, Reader]]:
        dynamic = type(self).get_fields is not serializers.Serializer.get_fields
        fields = tuple(self.fields.items()) if dynamic else _fields_of(type(self))
        return [(name, self._reader(name, field)) for name, field in fields]

    def _reader(self, name: str, field: AnyField) -> Reader:
        if isinstance(field, serializers.SerializerMethodField):
            method: Reader = getattr(self, field.method_name or f"get_{name}")
            return method
        get = _getter(field.source or name)
        if isinstance(field, _PLAIN):
            return get
        represent = self._representer(field)
        return lambda instance: None if (value := get(instance)) is None else represent(value)

    def _representer(self, field: AnyField) -> Reader:
        """Nested answers are made anew with this one's context: `field` is shared by all requests."""
        if isinstance(field, serializers.ListSerializer) and isinstance(field.child, Answer):
            represent = type(field.child)(context=self.context).to_representation
            return lambda rows: [represent(row) for row in _each(rows)]
        if isinstance(field, Answer):
            return type(field)(context=self.context).to_representation
        return field.to_representation


@cache
def _fields_of(answer: type[Answer]) -> tuple[tuple[str, AnyField], ...]:
    return tuple(answer().fields.items())


def _getter(source: str) -> Reader:
    if source == "*":
        return lambda instance: instance
    if "." not in source:
        # `get_role_display` and its like are methods; asking each value whether it is one would cost more.
        return methodcaller(source) if source.startswith("get_") else attrgetter(source)
    steps = source.split(".")

    def get(instance: Any) -> Any:
        for step in steps:
            if instance is None:
                return None
            instance = getattr(instance, step)
        return instance

    return get


def _each(rows: Any) -> Iterable[Any]:
    found: Iterable[Any] = rows.all() if isinstance(rows, BaseManager) else rows
    return found


def secret_answer(data: dict[str, Any], *, instead: dict[str, Any], status: int = 200) -> Response:
    """An answer that is shown once: a repeat with the same `Idempotency-Key` has the values of `instead`.

    The secret is kept nowhere: no cache stores it, nor does the table of repeats
    (config/api/idempotency.py reads `repeated_as`).
    """
    response = Response(data, status=status, headers={"Cache-Control": "no-store"})
    response.repeated_as = {**data, **instead}  # type: ignore[attr-defined]
    return response


# --- Bodies -----------------------------------------------------------------------------------

REQUIRED = "Este campo es requerido."
INVALID_ID = "El ID no es válido."
INVALID_EMAIL = "El email no es válido."
INVALID_DATE = "La fecha no es válida."
INVALID_WHOLE_NUMBER = "Debe ser un número entero."
INVALID_NUMBER = "Debe ser un número."
TOO_LARGE = "El número es demasiado grande."

_DATE = dict.fromkeys(("invalid", "date", "datetime", "make_aware", "overflow"), INVALID_DATE)
_NUMBER = {
    "max_string_length": TOO_LARGE,
    "overflow": TOO_LARGE,
    "min_value": "Debe ser {min_value} o más.",
    "max_value": "Debe ser {max_value} o menos.",
}
# What a body refuses, in one place: field class → DRF's key → sentence. Later rows win.
SENTENCES: dict[type, dict[str, str]] = {
    serializers.Field: {"required": REQUIRED, "null": REQUIRED},
    serializers.CharField: {
        "invalid": "Debe ser un texto.",
        "blank": "Este campo no puede estar en blanco.",
        "max_length": "Este campo admite hasta {max_length} caracteres.",
        "min_length": "Este campo necesita al menos {min_length} caracteres.",
    },
    serializers.EmailField: {"invalid": INVALID_EMAIL},
    serializers.URLField: {"invalid": "La dirección web no es válida."},
    serializers.UUIDField: {"invalid": INVALID_ID},
    serializers.BooleanField: {"invalid": "Debe ser verdadero o falso."},
    serializers.IntegerField: {**_NUMBER, "invalid": INVALID_WHOLE_NUMBER},
    serializers.FloatField: {**_NUMBER, "invalid": INVALID_NUMBER},
    serializers.DecimalField: {**_NUMBER, "invalid": INVALID_NUMBER},
    serializers.DateTimeField: _DATE,
    serializers.DateField: _DATE,
    serializers.ChoiceField: {"invalid_choice": "No es un valor permitido."},
    serializers.ListField: {
        "not_a_list": "Debe ser una lista.",
        "empty": "Esta lista no puede estar vacía.",
        "min_length": "Esta lista necesita al menos {min_length} elementos.",
        "max_length": "Esta lista admite hasta {max_length} elementos.",
    },
    serializers.DictField: {"not_a_dict": "Debe ser un objeto JSON."},
    serializers.JSONField: {"invalid": "Debe ser JSON válido."},
    serializers.Serializer: {"invalid": "Debe ser un objeto JSON."},
    serializers.ListSerializer: {
        "not_a_list": "Debe ser una lista.",
        "empty": "Esta lista no puede estar vacía.",
        "min_length": "Esta lista necesita al menos {min_length} elementos.",
        "max_length": "Esta lista admite hasta {max_length} elementos.",
    },
}
# How sentences begin that speak of "this field": they need to be told which. Others name it themselves.
_GENERAL = (
    *{sentence.partition("{")[0] for table in SENTENCES.values() for sentence in table.values()},
    "No es un valor permitido",
    *("Este campo", "Este valor", "El valor", "Valor", "Asegúrese", "Introduzca", "Escoja", "Seleccione"),
    "Los caracteres nulos",
)
# Names of body fields that no column has, as people say them.
LABELS = {
    "full_name": "nombre completo",
    "refresh_token": "token de actualización",
    "refresh": "token de actualización",
    "current_password": "contraseña actual",
    "new_password": "contraseña nueva",
    "opportunity_ids": "oportunidades",
    "job_ids": "jobs",
    "timezone": "zona horaria",
    "value": "valor",
    "file": "archivo",
    "q": "búsqueda",
    "start_date": "desde",
    "end_date": "hasta",
    "reason": "motivo",
    "mapping": "columnas",
    "account_id": "cuenta",
    "batch_id": "campaña",
    "batch_name": "nombre de la campaña",
    "batch_description": "descripción",
    "allow_duplicates": "permitir repetidos",
    "processing_type": "tipo de proceso",
    "dias_fecha_limite": "días hasta la fecha límite",
    "dias_fecha_maxima": "días hasta la fecha máxima",
    "credits": "créditos",
    "minutes": "minutos",
    "initial_credits": "créditos iniciales",
    "initial_minutes": "minutos iniciales",
    "cost_per_minute": "coste por minuto",
    "settings": "ajustes",
}


def is_general(sentence: str) -> bool:
    """Whether a sentence needs its field named before it to be understood."""
    return sentence.startswith(_GENERAL)


# What an integer column holds; a larger number is the sender's mistake, not the database's.
LARGEST_NUMBER = 2**31 - 1
# Years that people mean. The database would take others and fail to give them back.
FIRST_YEAR, LAST_YEAR = 1900, 2199


class Body(serializers.Serializer[Any]):
    """A request body. `""` is null for ids, dates, numbers and choices (contract section 1)."""

    default_error_messages: ClassVar[dict[str, Any]] = {**SENTENCES[serializers.Serializer]}

    @classmethod
    def read(cls, data: Any, *, partial: bool = False) -> dict[str, Any]:
        """The checked values of a body that needs no request and no instance.

        For endpoints where milliseconds count: fields are copied once a class, not once a request.
        """
        found: dict[str, Any] = _reader_of(cls, partial).run_validation(data)
        return found

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for field in cls._declared_fields.values():
            _speak(field)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            data = {name: None if value == "" and self._means_null(name) else value for name, value in data.items()}
        return super().to_internal_value(data)

    def _means_null(self, name: str) -> bool:
        field = self.fields.get(name)
        return field is not None and (
            not isinstance(field, serializers.CharField)
            or isinstance(field, serializers.EmailField | serializers.URLField)
            or field.allow_null
        )


@cache
def _reader_of(body: type[Body], partial: bool) -> Body:
    return body(partial=partial)


def _speak(field: Any) -> None:
    """Give a declared field our sentences, where it has none of its own, and a largest number.

    DRF makes each request's copy from the arguments the field was made with, so they go there.
    """
    own = field._kwargs.get("error_messages") or {}
    field._kwargs["error_messages"] = {**_sentences_for(field), **own}
    field.error_messages.update(field._kwargs["error_messages"])
    given: dict[str, Any] = field._kwargs
    if isinstance(field, serializers.IntegerField):
        given.setdefault("max_value", LARGEST_NUMBER)
        given.setdefault("min_value", -LARGEST_NUMBER)
    child = getattr(field, "child", None)
    if isinstance(child, serializers.Field) and not isinstance(child, serializers.BaseSerializer):
        _speak(child)


def _sentences_for(field: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for kind in reversed(type(field).__mro__):
        found |= SENTENCES.get(kind) or vars(kind).get("default_error_messages", {})
    if isinstance(field, serializers.ChoiceField) and 0 < len(field.choices) <= 12:
        found["invalid_choice"] = f"No es un valor permitido. Use uno de estos: {', '.join(map(str, field.choices))}."
    return found


class HomeDateTimeField(serializers.DateTimeField):
    """ISO 8601; a time without a zone is read in TIME_ZONE; a plain date is its midnight."""

    default_error_messages: ClassVar[dict[str, Any]] = {**_DATE}

    def to_internal_value(self, value: Any) -> Any:
        found = super().to_internal_value(f"{value}T00:00:00" if isinstance(value, str) and len(value) == 10 else value)
        if not FIRST_YEAR <= found.year <= LAST_YEAR:
            self.fail("overflow")
        # In UTC, so that the answer to a POST says the time as every later answer will.
        return (make_aware(found) if is_naive(found) else found).astimezone(UTC)


# --- Who asks ---------------------------------------------------------------------------------


def user_of(request: Request) -> User:
    """Whoever asks: where a permission has let in nobody but users, DRF's type is wider than the truth."""
    return cast(User, request.user)


# --- Ids --------------------------------------------------------------------------------------


class IdField(serializers.UUIDField):
    """An id as clients write it. DRF would read a number as a UUID, one that nobody means."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


def as_id_or_404(value: Any, message: str = "No encontrado.") -> UUID:
    """An id from a path; what is no UUID is as unknown as a UUID nobody has."""
    found = as_id(value)
    if found is None:
        raise NotFound(message)
    return found
