"""Campaigns: lists, one, its figures, and the acts upon it (contract section 5)."""

from datetime import UTC, timedelta
from typing import Any

from django.db.models import Count as CountOf
from django.db.models import Q, Sum
from django.db.models.functions import TruncHour
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from crm.api.base import user_of
from crm.exceptions import NotFound, Refusal
from jobs.api.batch_serializers import (
    BatchAnswer,
    BatchCancelledAnswer,
    BatchChangedAnswer,
    BatchStatusAnswer,
    BatchSummaryAnswer,
)
from jobs.api.bodies import BatchBody, CancelBody, NewBatchBody
from jobs.api.filters import REACHED, BatchFilter
from jobs.api.jobs import JobsView
from jobs.api.paging import TOTAL_HEADER, ArrayPagination
from jobs.api.reading import account_for_a_campaign, batch_rows, with_totals
from jobs.api.serializers import ActedAnswer
from jobs.models import Batch, CallAttempt
from jobs.services import BatchService
from jobs.services.batches import NOT_FOUND

NOTHING_TO_CHANGE = "No hay nada que cambiar."
DELETE_JOBS = OpenApiParameter(
    "delete_jobs", bool, description="`true`: también se eliminan sus jobs; si no, lo que queda se cancela."
)
REASON = OpenApiParameter("reason", str, description="El motivo; también en el cuerpo.")

_row = BatchAnswer().to_representation
_status = BatchStatusAnswer().to_representation
_summary = BatchSummaryAnswer().to_representation

# --- Lists ------------------------------------------------------------------------------------


class BatchesView(GenericViewSet[Batch]):
    """Las campañas, las más recientes primero, en una lista sin sobre; el total va en `X-Total-Count`."""

    serializer_class = BatchAnswer
    filterset_class = BatchFilter
    pagination_class = ArrayPagination
    queryset = Batch.objects.all()

    def page_of(self, rows: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(rows.newest_first()))
        return self.get_paginated_response([_row(batch) for batch in with_totals(page or [])])


class BatchList(BatchesView):
    @extend_schema(operation_id="batches_list", parameters=[TOTAL_HEADER])
    def list(self, request: Request) -> Response:
        """Las campañas, las más recientes primero, con sus recuentos exactos."""
        return self.page_of(batch_rows(user_of(request)))

    @extend_schema(operation_id="batches_create", request=NewBatchBody, responses={201: BatchAnswer})
    def create(self, request: Request) -> Response:
        """Crea una campaña sin nadie a quien llamar; las personas llegan con un archivo (`/batches/excel/create`)."""
        sent = NewBatchBody.read(request.data)
        sent.pop("allow_duplicates", None)
        account = account_for_a_campaign(sent.pop("account_id"))
        made = BatchService(user_of(request)).create(account, sent.pop("name"), **sent)
        return Response(_row(_one_with_totals(request, made.pk)), status=201)


class BatchJobs(JobsView):
    @extend_schema(operation_id="batches_jobs_list", parameters=[TOTAL_HEADER])
    def list(self, request: Request, batch_id: str) -> Response:
        """Los jobs de una campaña; lo mismo que `/jobs?batch_id=`, pero 404 si no existe."""
        batch = BatchService(user_of(request)).visible_batch(batch_id)
        return self.page_of(request, batch_id=batch.pk)


# --- One --------------------------------------------------------------------------------------


class OneBatch(APIView):
    @extend_schema(operation_id="batches_retrieve", responses=BatchAnswer)
    def get(self, request: Request, batch_id: str) -> Response:
        """Una campaña, por cualquiera de sus dos ids, con sus recuentos exactos."""
        return Response(_row(_one_with_totals(request, batch_id)))

    @extend_schema(operation_id="batches_partial_update", request=BatchBody, responses=BatchChangedAnswer)
    def patch(self, request: Request, batch_id: str) -> Response:
        """Cambia solo lo que se envía: `{"is_active": false}` la pone en pausa. Lo cancelado no se reanuda: 409."""
        sent = BatchBody.read(request.data)
        if not sent:
            raise Refusal(NOTHING_TO_CHANGE, code="nada_que_cambiar")
        service = BatchService(user_of(request))
        changed = service.change(service.visible_batch(batch_id), **sent)
        return Response(
            {"success": True, "message": _what_happened(sent), "batch_id": batch_id, "updated_fields": changed}
        )

    @extend_schema(operation_id="batches_destroy", parameters=[DELETE_JOBS], responses={200: ActedAnswer})
    def delete(self, request: Request, batch_id: str) -> Response:
        """Elimina la campaña. Sin `delete_jobs=true` conserva sus jobs y cancela los que quedan por llamar."""
        service = BatchService(user_of(request))
        service.remove(service.visible_batch(batch_id), delete_jobs=_is_yes(request.query_params.get("delete_jobs")))
        return Response({"success": True, "message": "Batch deleted"})


class CancelBatch(APIView):
    @extend_schema(
        operation_id="batches_cancel", parameters=[REASON], request=CancelBody, responses=BatchCancelledAnswer
    )
    def post(self, request: Request, batch_id: str) -> Response:
        """Cancela la campaña y lo que queda por llamar; no se puede deshacer. Las llamadas en curso se cuelgan."""
        reason = request.query_params.get("reason") or CancelBody.read(request.data or {}).get("reason") or ""
        service = BatchService(user_of(request))
        service.cancel(service.visible_batch(batch_id), reason=reason[:300])
        return Response({"success": True, "message": "Batch cancelled", "batch_id": batch_id, "reason": reason[:300]})


class BatchSummary(APIView):
    @extend_schema(operation_id="batches_summary", responses=BatchSummaryAnswer)
    def get(self, request: Request, batch_id: str) -> Response:
        """Una campaña con sus proporciones, y hora a hora las llamadas del último día."""
        batch = _one_with_totals(request, batch_id)
        batch.hourly_stats = list(hours_of(batch))
        return Response(_summary(batch))


class BatchStatus(APIView):
    @extend_schema(operation_id="batches_status", responses=BatchStatusAnswer)
    def get(self, request: Request, batch_id: str) -> Response:
        """Lo esencial de una campaña, para preguntarlo cada pocos segundos."""
        return Response(_status(_one_with_totals(request, batch_id)))


# --- What the views share ---------------------------------------------------------------------


def _one_with_totals(request: Request, batch_id: str) -> Any:
    found = batch_rows(user_of(request)).named(batch_id).first()
    if found is None:
        raise NotFound(NOT_FOUND)
    return with_totals([found])[0]


def hours_of(batch: Batch) -> Any:
    """What was dialled in each of the last 24 hours, as far as anything was."""
    since = timezone.now() - timedelta(hours=24)
    calls = CallAttempt.objects.filter(batch=batch, created_at__gte=since)
    return (
        calls.annotate(hour=TruncHour("created_at", tzinfo=UTC))
        .values("hour")
        .annotate(
            calls=CountOf("pk"),
            reached=CountOf("pk", filter=Q(outcome__in=REACHED)),
            seconds=Sum("seconds"),
            cost_micros=Sum("cost_micros"),
        )
        .order_by("hour")
        .values_list("hour", "calls", "reached", "seconds", "cost_micros", named=True)
    )


def _what_happened(sent: dict[str, Any]) -> str:
    """In the words of the original, which its client was written for."""
    if "is_active" in sent:
        return "Batch resumed" if sent["is_active"] else "Batch paused"
    return "Batch updated successfully"


def _is_yes(sent: str | None) -> bool:
    return (sent or "").strip().lower() in ("true", "1", "yes")
