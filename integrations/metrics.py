"""`/metrics`: how what leaves is doing, as Prometheus reads it (docs/deployment.md).

Counted in the database when it is asked: the answer is the same whichever process gives it, and after a restart. A few
queries, each along an index; what was delivered long ago is not counted.
"""

from collections.abc import Iterator
from datetime import timedelta

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from crm.models import ApiToken
from integrations.choices import FAILED_STATES, WAITING_STATES, AttemptOutcome, DeliveryState
from integrations.destinations import DESTINATIONS
from integrations.models import Circuit, WebhookDelivery
from integrations.statistics import attempts_since, backlog
from whatsapp.models import Thread, WebhookEvent

RECENT = timedelta(hours=1)
UNSETTLED = timedelta(days=1)
MOST_COUNTED = 10_000


class MayReadMetrics(BasePermission):
    """Administrators, and programs: whoever was issued a token of a member of staff."""

    message = "Las métricas son para administradores y para programas con su propio token."

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        if not user or not user.is_authenticated:
            return False
        return bool(user.is_administrator or (user.is_crm_staff and isinstance(request.auth, ApiToken)))


class MetricsView(APIView):
    permission_classes = (MayReadMetrics,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class Outbox(Collector):
    """Every destination and state has its line, also at nought, so that an alert finds something to watch."""

    def collect(self) -> Iterator[Metric]:
        yield from self._backlog()
        yield self._circuits()
        yield self._attempts()

    def _backlog(self) -> Iterator[Metric]:
        now = timezone.now()
        counts = {(name, state): 0 for name in DESTINATIONS for state in (*WAITING_STATES, *FAILED_STATES)}
        ages = dict.fromkeys(DESTINATIONS, 0.0)
        for row in backlog(now):
            counts[row.destination, row.state] = row.count
            if row.oldest_due_at:
                ages[row.destination] = (now - row.oldest_due_at).total_seconds()
        deliveries = GaugeMetricFamily(
            "puente_webhook_deliveries",
            "Messages that have not arrived and should, by state.",
            labels=["destination", "state"],
        )
        for (destination, state), count in counts.items():
            deliveries.add_metric([destination, str(state)], count)
        oldest = GaugeMetricFamily(
            "puente_webhook_oldest_due_age_seconds",
            "For how long the longest due message has been due.",
            labels=["destination"],
        )
        for destination, age in ages.items():
            oldest.add_metric([destination], age)
        yield deliveries
        yield oldest

    def _circuits(self) -> Metric:
        open_now = set(Circuit.objects.open().values_list("pk", flat=True))
        found = GaugeMetricFamily(
            "puente_webhook_circuit_open", "1 while the destination is left alone.", labels=["destination"]
        )
        for destination in sorted({*DESTINATIONS, *open_now}):
            found.add_metric([destination], int(destination in open_now))
        return found

    def _attempts(self) -> Metric:
        counts = {(name, outcome): 0 for name in DESTINATIONS for outcome in AttemptOutcome}
        for destination, outcome, count in attempts_since(timezone.now() - RECENT):
            counts[destination, outcome] = count
        found = GaugeMetricFamily(
            "puente_webhook_attempts_last_hour",
            "Tries begun in the last hour, by what came of them.",
            labels=["destination", "outcome"],
        )
        for (destination, outcome), count in counts.items():
            found.add_metric([destination, str(outcome)], count)
        return found


class Conversations(Collector):
    """What of WhatsApp waits: requests of Meta's, people, and messages that nobody knows to have left. Four queries,
    each along an index; people are counted no further than anybody reads."""

    def collect(self) -> Iterator[Metric]:
        waiting = WebhookEvent.objects.waiting()
        oldest = waiting.order_by("id").values_list("received_at", flat=True).first()
        age = (timezone.now() - oldest).total_seconds() if oldest else 0.0
        events = GaugeMetricFamily(
            "puente_whatsapp_events", "Requests of Meta's that are not applied yet, or not wholly.", labels=["state"]
        )
        events.add_metric(["waiting"], waiting.count() if oldest else 0)
        events.add_metric(["failed"], WebhookEvent.objects.failed().count())
        yield events
        yield GaugeMetricFamily(
            "puente_whatsapp_oldest_event_age_seconds", "For how long the longest waiting request waits.", value=age
        )
        unanswered = Thread.objects.present().unanswered().order_by()[:MOST_COUNTED].count()
        yield GaugeMetricFamily(
            "puente_whatsapp_unanswered_threads", "People who wait for an answer.", value=unanswered
        )
        uncertain = WebhookDelivery.objects.filter(
            state=DeliveryState.UNCERTAIN, created_at__gte=timezone.now() - UNSETTLED
        )
        yield GaugeMetricFamily(
            "puente_whatsapp_uncertain_messages_last_day",
            "Messages of the last day that may have left and that no status has settled.",
            value=uncertain.count(),
        )


registry = CollectorRegistry()
registry.register(Outbox())
registry.register(Conversations())
