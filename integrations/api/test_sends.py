"""A test send from the API (contract section 6)."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.api.base import Answer, user_of
from crm.permissions import IsAdministrator
from integrations.sending.trial import Trial, send_test


class TestSendAnswer(Answer):
    """`appointment_id` y `lead_name` son null cuando se envió una presencia inventada."""

    __test__ = False  # no test, whatever its name says

    success = serializers.BooleanField(source="is_success")
    delivery_id = serializers.UUIDField(source="delivery.pk")
    status_code = serializers.IntegerField(source="answer.status", allow_null=True)
    response = serializers.CharField(source="answer.head")
    duration_ms = serializers.IntegerField(source="answer.duration_ms")
    message = serializers.CharField()
    appointment_id = serializers.UUIDField(source="appointment.pk", allow_null=True)
    lead_name = serializers.CharField(source="appointment.lead.nombre", allow_null=True)


class TestWebhook(APIView):
    __test__ = False
    permission_classes = (IsAdministrator,)

    @extend_schema(request=None, responses=TestSendAnswer)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Envía ahora una presencia de prueba: la de la última cita realizada, o una inventada si no hay ninguna.

        Responde 200 también cuando el destino la rechaza o no contesta: `success` dice qué pasó.
        """
        trial: Trial = send_test(by=user_of(request), key=request.headers.get("Idempotency-Key", "").strip())
        return Response(TestSendAnswer(trial).data)
