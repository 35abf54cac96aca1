"""Jobs: lists, one, why it waits, and the acts upon it (contract section 5)."""

from collections.abc import Sequence
from typing import Any

import orjson
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from crm.api.base import user_of
from crm.exceptions import NotFound, Refusal
from jobs.api.bodies import MOST_REMOVED, BulkDeleteBody
from jobs.api.filters import JobFilter
from jobs.api.paging import TOTAL_HEADER, ArrayPagination
from jobs.api.reading import job_rows, with_batches
from jobs.api.serializers import (
    ActedAnswer,
    BulkDeletedAnswer,
    JobAnswer,
    OneJobAnswer,
    RetriedAnswer,
    WhyAnswer,
)
from jobs.dialling.why import why
from jobs.models import Job
from jobs.models.jobs import NOT_FOUND
from jobs.services import JobService

_row = JobAnswer().to_representation
_one = OneJobAnswer().to_representation
# What the original answered, and what its client was written for.
CANCELLED = {"success": True, "message": "Job cancelled"}


class JobsView(GenericViewSet[Job]):
    """Los jobs, los más recientes primero, en una lista sin sobre; el total va en `X-Total-Count`."""

    serializer_class = JobAnswer
    filterset_class = JobFilter
    pagination_class = ArrayPagination
    queryset = Job.objects.all()

    def page_of(self, request: Request, **fixed: str) -> Response:
        """The page that the address asks for; `fixed` stands above what it says."""
        asked = JobFilter({**request.query_params.dict(), **fixed}, queryset=job_rows(), request=request)
        rows = asked.rows()
        self.known_total = asked.known_total
        return self.get_paginated_response([_row(job) for job in with_batches(self.paginate_queryset(rows) or [])])


class JobList(JobsView):
    @extend_schema(operation_id="jobs_list", parameters=[TOTAL_HEADER])
    def list(self, request: Request) -> Response:
        """Los jobs, los más recientes primero; los cancelados, solo si se piden con `status=cancelled`."""
        return self.page_of(request)


class OneJob(APIView):
    @extend_schema(operation_id="jobs_retrieve", responses=OneJobAnswer)
    def get(self, request: Request, job_id: str) -> Response:
        """Un job, por cualquiera de sus dos ids, con la transcripción de su última llamada."""
        found = job_rows("transcript").visible_to(user_of(request)).named(job_id).first()
        if found is None:
            raise NotFound(NOT_FOUND.format(id=job_id))
        return Response(_one(with_batches([found])[0]))

    @extend_schema(operation_id="jobs_destroy", responses={200: ActedAnswer})
    def delete(self, request: Request, job_id: str) -> Response:
        """Elimina el job. Si está en llamada, primero se cuelga; si no se puede colgar, 409 y nada cambia."""
        if not JobService(user_of(request)).cancel_job(job_id):
            raise NotFound(NOT_FOUND.format(id=job_id))
        return Response(CANCELLED)


class CancelJob(APIView):
    @extend_schema(operation_id="jobs_cancel", request=None, responses=ActedAnswer)
    def put(self, request: Request, job_id: str) -> Response:
        """Cancela el job y lo conserva. Si está en llamada, se cuelga. Lo terminado no se cancela: 409."""
        JobService(user_of(request)).mark_cancelled(job_id)
        return Response(CANCELLED)

    @extend_schema(operation_id="jobs_cancel_post", request=None, responses=ActedAnswer)
    def post(self, request: Request, job_id: str) -> Response:
        """Lo mismo que PUT."""
        return self.put(request, job_id)


class RetryJob(APIView):
    @extend_schema(operation_id="jobs_retry", request=None, responses=RetriedAnswer)
    def put(self, request: Request, job_id: str) -> Response:
        """Vuelve a la cola lo fallido, apartado o cancelado, con todos sus intentos; lo demás es 409."""
        job = JobService(user_of(request)).retry_job(job_id)
        acted = {"success": True, "message": "Job will be retried", "job_id": job.job_id, "status": job.status}
        return Response(acted)

    @extend_schema(operation_id="jobs_retry_post", request=None, responses=RetriedAnswer)
    def post(self, request: Request, job_id: str) -> Response:
        """Lo mismo que PUT."""
        return self.put(request, job_id)


class WhyJob(APIView):
    @extend_schema(operation_id="jobs_why", responses=WhyAnswer)
    def get(self, request: Request, job_id: str) -> Response:
        """Por qué no se está llamando a esta persona, y desde cuándo se podrá."""
        hold = why(JobService(user_of(request)).visible_job(job_id))
        return Response({"reason": hold.reason, "code": hold.code, "next_try_at": hold.next_try_at})


class BulkDelete(APIView):
    @extend_schema(
        operation_id="jobs_bulk_delete",
        request=BulkDeleteBody,
        responses={200: BulkDeletedAnswer, 207: BulkDeletedAnswer},
    )
    def post(self, request: Request) -> Response:
        """Elimina hasta 1000 jobs de una vez; 207 si alguno no se pudo, y por qué."""
        job_ids = checked_ids(BulkDeleteBody.read(request.data)["job_ids"])
        done = JobService(user_of(request)).delete_jobs(job_ids)
        errors = [{"job_id": one.job_id, "error": one.error, "code": one.code} for one in done if one.error]
        told: dict[str, Any] = {
            "success": len(errors) < len(done),
            "deleted_count": len(done) - len(errors),
            "failed_count": len(errors),
            "errors": errors,
        }
        return Response(told, status=207 if errors else 200)


def checked_ids(sent: Sequence[Any]) -> list[str]:
    """What was sent as texts: what is no id is as unknown as an id nobody has. Refuses none, too many and repeated."""
    if not sent:
        raise Refusal("Lista de IDs de jobs vacía", code="lista_vacia")
    if len(sent) > MOST_REMOVED:
        raise Refusal(f"Se admiten hasta {MOST_REMOVED} jobs por petición; llegaron {len(sent)}", code="demasiados_ids")
    texts = [item if isinstance(item, str) else orjson.dumps(item).decode() for item in sent]
    if len(set(texts)) < len(texts):
        raise Refusal("La lista contiene IDs de jobs repetidos", code="ids_repetidos")
    return texts
