"""Where call providers knock: proven by their own signature, taken in at once (contract section 5).

What a webhook tells is also asked for (dialling/following.py), so one that is lost costs seconds and no call.
"""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.urls import path
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.exceptions import Forbidden, NotFound
from crm.lengths import announced_length
from jobs.dialling.circuit import hear_and_judge
from jobs.models import CallAttempt
from jobs.providers import PROVIDERS, provider_named
from jobs.providers.base import BadSignature, CallReport

# A long call with every word of its transcript; what is larger is fetched.
LARGEST_BODY = 4 * 1024 * 1024
TAKEN = {"status": "success"}
BODY = {
    "type": "object",
    "description": "Como lo escribe el proveedor.",
    "properties": {
        "event": {"type": "string", "enum": ["call_started", "call_ended", "call_analyzed"]},
        "call": {"type": "object", "additionalProperties": True, "description": "La llamada, entera."},
    },
}


class ProviderSignature(BaseAuthentication):
    """Proves a program and no person: who it is says the body, which the provider's own code checks."""

    def authenticate(self, request: Request) -> None:
        return None


class ProviderSignatureScheme(OpenApiAuthenticationExtension):
    target_class = ProviderSignature
    name = "call-provider"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "x-retell-signature",
            "description": "`v=<ms>,d=<HMAC-SHA256 del cuerpo y los ms>`, con la clave de Retell; vale cinco minutos.",
        }


class CallWebhook(APIView):
    """Lo que un proveedor de llamadas avisa de las suyas."""

    authentication_classes = (ProviderSignature,)
    permission_classes = ()
    throttle_scope = "webhook-stranger"
    http_method_names = ["post"]

    def check_throttles(self, request: Request) -> None:
        """Only strangers are counted, when they turn out to be such: thousands of calls tell of themselves."""

    @extend_schema(
        operation_id="call_webhook",
        request={"application/json": BODY},
        parameters=[OpenApiParameter("provider", str, OpenApiParameter.PATH, description="`retell`.")],
        responses={200: inline_serializer("CallWebhookTaken", {"status": serializers.CharField()})},
    )
    def post(self, request: Request, provider: str) -> Response:
        """Recibir un aviso de una llamada. Repetido no cambia nada; de una llamada desconocida se responde lo mismo."""
        if provider not in PROVIDERS:
            raise NotFound("Proveedor no encontrado.")
        body = self._body(request)
        try:
            report = provider_named(provider).read_webhook(request.headers, body)
        except BadSignature as error:
            super().check_throttles(request)
            raise Forbidden("La firma falta o no es válida.", code="firma_invalida") from error
        attempt = attempt_of(provider, report) if report is not None else None
        if report is not None and attempt is not None:
            hear_and_judge(attempt, report)
        return Response(TAKEN)

    def _body(self, request: Request) -> bytes:
        if announced_length(request) > LARGEST_BODY:
            raise RequestDataTooBig
        return bytes(request.body)


def attempt_of(provider: str, report: CallReport) -> CallAttempt | None:
    """By the key that we gave along, else by the provider's own reference; the job may be gone already."""
    ours = CallAttempt.objects.filter(provider=provider).only("pk", "state")
    found = ours.filter(pk=report.key).first() if report.key is not None else None
    return found or ours.filter(provider_ref=report.ref).first()


routes: list[Any] = [path("calls/webhook/<str:provider>", CallWebhook.as_view(), name="call-webhook")]
