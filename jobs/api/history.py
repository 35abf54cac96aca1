"""Every dial that was made, also of jobs and campaigns that are gone."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from crm.api.base import user_of
from jobs.api.filters import CallFilter
from jobs.api.paging import TOTAL_HEADER, CallsPagination
from jobs.api.reading import call_rows, with_jobs
from jobs.api.serializers import CampaignCallAnswer
from jobs.models import CallAttempt

_row = CampaignCallAnswer().to_representation


class CallHistory(GenericViewSet[CallAttempt]):
    serializer_class = CampaignCallAnswer
    filterset_class = CallFilter
    pagination_class = CallsPagination
    queryset = CallAttempt.objects.all()

    @extend_schema(operation_id="calls_history", parameters=[TOTAL_HEADER])
    def list(self, request: Request) -> Response:
        """Cada llamada que se marcó, la más reciente primero; también las de jobs que ya no existen."""
        asked = CallFilter(request.query_params, queryset=call_rows(user_of(request)), request=request)
        page = self.paginate_queryset(asked.rows())
        return self.get_paginated_response([_row(call) for call in with_jobs(page or [])])
