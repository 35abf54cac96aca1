"""The receiving side: what the CRM reports arrives here (contract section 6, presence-systems 6), and is looked at.

The answers are those that the sender knows. Who has no token gets one and the same 401, whatever was sent: nothing
of the body is read before. A signature (Standard Webhooks) is checked where one is sent.
"""

import hashlib
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import RequestDataTooBig
from django.db.models import QuerySet
from django.utils.crypto import constant_time_compare
from django_filters import rest_framework as filters
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import MethodNotAllowed, ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from crm.api.base import Body, user_of
from crm.api.filters.base import ListFilter
from crm.api.moments import DateTimeFilter
from crm.exceptions import NotFound, Refusal
from crm.lengths import announced_length
from crm.search import search_in_order
from integrations.api.presence_serializers import (
    ClientBody,
    FieldErrorsAnswer,
    PlainErrorAnswer,
    PresenceAnswer,
    PresenceBody,
    PresenceFactsBody,
    ReceivedAnswer,
    SaleBody,
)
from integrations.choices import CaptureMedium, Modality, PresenceResult, PresenceStatus
from integrations.models import Cliente, Presencia
from integrations.models.receptions import Arrival
from integrations.sending.signing import TOLERANCE_SECONDS, is_signed

TOKEN_HEADER = "X-CRM-Webhook-Token"  # noqa: S105  the name of a header
LARGEST_BODY = 256 * 1024
LONGEST_NAME = 200
RECEIVED = "Presencia y vinculación procesadas correctamente."

_answer = PresenceAnswer().to_representation


# --- Who sends --------------------------------------------------------------------------------


class WebhookTokenAuthentication(BaseAuthentication):
    """The shared secret of the two systems. It names a program and no person."""

    def authenticate(self, request: Request) -> tuple[Any, str] | None:
        return (AnonymousUser(), "webhook") if has_token(request) else None

    def authenticate_header(self, request: Request) -> str:
        return TOKEN_HEADER


class WebhookTokenScheme(OpenApiAuthenticationExtension):
    target_class = WebhookTokenAuthentication
    name = "webhook"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": TOKEN_HEADER,
            "description": "El secreto que comparten los dos sistemas (CRM_WEBHOOK_TOKEN).",
        }


def has_token(request: Request) -> bool:
    """Compared in constant time. Where none is configured nobody has it."""
    expected = settings.CRM_WEBHOOK_TOKEN
    return bool(expected) and constant_time_compare(request.headers.get(TOKEN_HEADER, ""), expected)


def check_signature(request: Request, body: bytes) -> None:
    """A signature that is sent must be right and fresh, both ways of the clock; 401 otherwise."""
    header = request.headers.get("webhook-signature")
    if header is None:
        return
    message_id = request.headers.get("webhook-id", "")
    try:
        timestamp = int(request.headers.get("webhook-timestamp", ""))
    except ValueError:
        timestamp = 0
    is_fresh = abs(time.time() - timestamp) <= TOLERANCE_SECONDS
    is_right = is_signed(
        settings.WEBHOOK_SIGNING_SECRETS, message_id=message_id, timestamp=timestamp, body=body, header=header
    )
    if not (message_id and is_fresh and is_right):
        raise Refusal("La firma no es válida o ha caducado.", code="firma_invalida", status=401)


# --- What it says -----------------------------------------------------------------------------


def read_body(request: Request) -> bytes:
    if announced_length(request) > LARGEST_BODY:
        raise RequestDataTooBig
    body: bytes = request.body
    if len(body) > LARGEST_BODY:
        raise RequestDataTooBig
    return body


def read_json(request: Request) -> dict[str, Any]:
    try:
        data = request.data
    except ParseError as error:
        # The words that senders look for come first, as in the system that this one stands in for.
        raise Refusal(f"JSON parse error - {error.detail}", code="json_invalido") from error
    if not isinstance(data, dict):
        raise Refusal("El cuerpo debe ser un objeto JSON.", code="datos_invalidos")
    return data


def read_arrival(data: dict[str, Any], *, name: str, is_strict: bool, digest: str) -> Arrival:
    """The message, checked as a whole before anything is stored; each part is refused in its own words."""
    if not data.get("cliente"):
        raise Refusal("Falta información de cliente.", code="datos_invalidos")
    return Arrival(
        client=_part(ClientBody, data["cliente"], "Datos de cliente inválidos."),
        presence=_part(PresenceFactsBody, data, "Datos de presencia inválidos."),
        sale=_part(SaleBody, data["venta"], "Datos de venta inválidos.") if data.get("venta") else None,
        message=name,
        digest=digest,
        is_strict=is_strict,
    )


def _part(body: type[Body], data: Any, sentence: str) -> dict[str, Any]:
    try:
        return body.read(data)
    except ValidationError as error:
        raise InvalidPart(sentence, error.detail) from error


class InvalidPart(Refusal):
    """A part of the message, with what is wrong in each of its fields."""

    code = "datos_invalidos"

    def __init__(self, sentence: str, fields: Any) -> None:
        super().__init__(sentence)
        self.fields = {"errores" if name == "non_field_errors" else name: texts for name, texts in fields.items()}


def name_of_message(request: Request) -> tuple[str, bool]:
    """What the message is known by when it comes again, and whether that name is strict; ("", False) without one."""
    for header, word, is_strict in (("webhook-id", "msg", False), ("Idempotency-Key", "clave", True)):
        given = request.headers.get(header, "").strip()
        if len(given) > LONGEST_NAME or not given.isprintable():
            raise Refusal(f"{header} admite hasta {LONGEST_NAME} caracteres visibles.", code="clave_invalida")
        if given:
            return f"{word}:{given}", is_strict
    return "", False


# --- The endpoint -----------------------------------------------------------------------------


class PresenceWebhook(APIView):
    """Lo que el CRM avisa: una cita que se realizó, su corrección, o su venta."""

    authentication_classes = (WebhookTokenAuthentication,)
    permission_classes = ()
    throttle_scope = "webhook-stranger"
    http_method_names = ["post"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Only strangers are counted: a sender with the token may catch up on a day's presences in a minute."""
        if request.method != "POST":
            raise MethodNotAllowed(str(request.method))
        if not has_token(request):
            self.check_throttles(request)
            raise Refusal("Token de autenticación inválido.", code="token_invalido", status=401)

    @extend_schema(
        request=PresenceBody,
        responses={200: ReceivedAnswer, 400: FieldErrorsAnswer, 401: PlainErrorAnswer, 405: PlainErrorAnswer},
        parameters=[
            OpenApiParameter("webhook-id", str, OpenApiParameter.HEADER, description="El mismo en cada repetición."),
            OpenApiParameter("webhook-timestamp", str, OpenApiParameter.HEADER, description="Segundos (Unix)."),
            OpenApiParameter(
                "webhook-signature", str, OpenApiParameter.HEADER, description="Standard Webhooks; si va, se comprueba."
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        """Recibir una presencia. La misma `id_presencia_crm` otra vez corrige lo que cambió y responde lo mismo.

        Un `webhook-id` repetido, o una `Idempotency-Key`, devuelve el primer resultado. Sin ninguno de los tres,
        cada mensaje es una presencia nueva.
        """
        body = read_body(request)
        check_signature(request, body)
        name, is_strict = name_of_message(request)
        digest = hashlib.sha256(body).hexdigest()
        arrival = read_arrival(read_json(request), name=name, is_strict=is_strict, digest=digest)
        received = Presencia.objects.receive(arrival)
        return Response({"detail": RECEIVED, "id_presencia": received.presencia.code, "id_venta": _sale_of(received)})

    def get_exception_handler(self) -> Callable[..., Response | None]:
        handle = super().get_exception_handler()

        def as_the_sender_knows_it(error: Exception, context: dict[str, Any]) -> Response | None:
            """Refusals are the usual ones; what the sender's file fixes (400, 401, 405) is said exactly so."""
            response: Response | None = handle(error, context)
            if response is not None and response.status_code in (400, 401, 405):
                response.data = _plain(error, response.data)
                if response.status_code == 401:
                    response["WWW-Authenticate"] = TOKEN_HEADER
            return response

        return as_the_sender_knows_it


def _sale_of(received: Any) -> str | None:
    return received.venta.code if received.venta else None


def _plain(error: Exception, data: Any) -> dict[str, Any]:
    if isinstance(error, MethodNotAllowed):
        return {"detail": str(error.detail)}
    return {"detail": data["detail"], **({"errors": error.fields} if isinstance(error, InvalidPart) else {})}


class SalesPresenceWebhook(PresenceWebhook):
    """Lo mismo, en la dirección de la aplicación comercial."""


# --- What arrived -----------------------------------------------------------------------------


def _since(label: str) -> DateTimeFilter:
    return DateTimeFilter(field_name="fecha_hora_presencia", lookup_expr="gte", label=label)


def _until(label: str) -> DateTimeFilter:
    return DateTimeFilter(field_name="fecha_hora_presencia", lookup_expr="lte", is_end=True, label=label)


def _medium(label: str) -> filters.ChoiceFilter:
    return filters.ChoiceFilter(field_name="medio_captacion", choices=CaptureMedium.choices, label=label)


class PresenceFilter(ListFilter):
    id_presencia_crm = filters.CharFilter(label="Exacto: `CRM-5` no es `CRM-55`.")
    desde = _since("Desde, incluido.")
    hasta = _until("Hasta, incluido; una fecha es el día entero.")
    fecha_presencia_after = _since("Otro nombre de `desde`.")
    fecha_presencia_before = _until("Otro nombre de `hasta`.")
    proyecto = filters.CharFilter(field_name="proyecto_interes", label="Proyecto, completo.")
    proyecto_interes = filters.CharFilter(label="Otro nombre de `proyecto`.")
    proyecto__icontains = filters.CharFilter(
        field_name="proyecto_interes", lookup_expr="icontains", label="Contiene, sin importar mayúsculas."
    )
    medio = _medium("Medio de captación.")
    medio_captacion = _medium("Otro nombre de `medio`.")
    modalidad = filters.ChoiceFilter(choices=Modality.choices)
    status_presencia = filters.ChoiceFilter(choices=PresenceStatus.choices)
    resultado_interaccion = filters.ChoiceFilter(choices=PresenceResult.choices)
    id_cliente = filters.CharFilter(method="of_client", label="`CLI0001`.")
    search = filters.CharFilter(method="unchanged", label="Nombre, documento, correo o teléfono del cliente.")

    def of_client(self, presences: QuerySet[Presencia], name: str, value: str) -> QuerySet[Presencia]:
        number = Cliente.number_of(value)
        return presences.filter(cliente_id=number) if number else presences.none()

    def unchanged(self, presences: QuerySet[Presencia], name: str, value: str) -> QuerySet[Presencia]:
        return presences

    def filter_queryset(self, queryset: QuerySet[Presencia]) -> QuerySet[Presencia]:
        found = super().filter_queryset(queryset)
        typed = self.form.cleaned_data.get("search")
        return search_in_order(found, typed, column="cliente__search_words", among=queryset) if typed else found


class PresenceViewSet(GenericViewSet[Presencia]):
    """Presencias recibidas, con su cliente y su venta."""

    queryset = Presencia.objects.all()
    serializer_class = PresenceAnswer
    filterset_class = PresenceFilter

    def get_queryset(self) -> QuerySet[Presencia]:
        return Presencia.objects.visible_to(user_of(self.request)).with_people().newest_first()

    @extend_schema(operation_id="presencias_list")
    def list(self, request: Request) -> Response:
        """La más reciente primero."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([_answer(presence) for presence in page or []])

    @extend_schema(
        operation_id="presencias_retrieve",
        parameters=[OpenApiParameter("presence_id", str, OpenApiParameter.PATH, description="`PRS00001`.")],
    )
    def retrieve(self, request: Request, presence_id: str) -> Response:
        """Una presencia, por su `id_presencia`."""
        number = Presencia.number_of(presence_id)
        presence = self.get_queryset().filter(pk=number).first() if number is not None else None
        if presence is None:
            raise NotFound("Presencia no encontrada")
        return Response(_answer(presence))
