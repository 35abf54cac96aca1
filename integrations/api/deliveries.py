"""What was sent to other systems, each try, and again by hand (contract section 6)."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.api.base import as_id_or_404, user_of
from crm.exceptions import NotFound
from crm.permissions import IsAdministrator
from integrations.api.delivery_filters import DeliveryFilter
from integrations.api.delivery_serializers import DeliveryAnswer, DeliveryDetailAnswer, StatisticsAnswer
from integrations.models import WebhookDelivery
from integrations.models.deliveries import WebhookDeliveryQuerySet
from integrations.shown import destination_title
from integrations.statistics import Counts, LastDay

NO_SUCH_DELIVERY = "Envío no encontrado"


class DeliveryList(generics.ListAPIView[WebhookDelivery]):
    """Envíos a otros sistemas, los más recientes primero."""

    serializer_class = DeliveryAnswer
    filterset_class = DeliveryFilter

    def get_queryset(self) -> WebhookDeliveryQuerySet:
        return WebhookDelivery.objects.visible_to(user_of(self.request)).defer("payload").newest_first()


class DeliveryDetail(APIView):
    @extend_schema(responses=DeliveryDetailAnswer)
    def get(self, request: Request, delivery_id: str) -> Response:
        """Un envío con lo que se manda y sus intentos, del último al primero (los 100 últimos)."""
        return Response(DeliveryDetailAnswer(_one_of(request, delivery_id)).data)


class MayReplay(IsAdministrator):
    message = "Solo administradores pueden repetir envíos."


class DeliveryReplay(APIView):
    permission_classes = (MayReplay,)

    @extend_schema(request=None, responses=DeliveryDetailAnswer)
    def post(self, request: Request, delivery_id: str) -> Response:
        """Vuelve a enviar lo que ya terminó, con todos sus intentos por delante; 409 si todavía no ha terminado."""
        delivery = _one_of(request, delivery_id)
        delivery.replay()
        return Response(DeliveryDetailAnswer(delivery).data)


class DeliveryStatistics(APIView):
    @extend_schema(responses=StatisticsAnswer)
    def get(self, request: Request) -> Response:
        """Las últimas 24 horas, por hora y por destino: entregados, intentos fallidos, sin entregar y tiempos."""
        return Response(told(LastDay()))


def told(day: LastDay) -> dict[str, Any]:
    return {
        "since": day.since,
        "until": day.until,
        "total": _totals(day, day.total, None),
        "hours": [{"hour": hour, **_without_waiting(counts)} for hour, counts in day.by_hour],
        "destinations": [
            {"destination": name, "title": destination_title(name), **_totals(day, counts, name)}
            for name, counts in day.by_destination.items()
        ],
    }


def _totals(day: LastDay, counts: Counts, destination: str | None) -> dict[str, Any]:
    return {
        **asdict(counts),
        "delivery_latency": asdict(day.delivery_latency(destination)),
        "attempt_latency": asdict(day.attempt_latency(destination)),
    }


def _without_waiting(counts: Counts) -> dict[str, int]:
    return {name: value for name, value in asdict(counts).items() if name != "waiting"}


def _one_of(request: Request, sent_id: str) -> WebhookDelivery:
    delivery_id = as_id_or_404(sent_id, NO_SUCH_DELIVERY)
    found = WebhookDelivery.objects.visible_to(user_of(request)).filter(pk=delivery_id).first()
    if found is None:
        raise NotFound(NO_SUCH_DELIVERY)
    return found
