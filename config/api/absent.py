"""What today's client asks for on its pages and Puente CRM does not have.

Sales pipelines, companies, task templates, custom fields and contracts are no part of the product. The
client still asks for them when it opens a page, and breaks or spins where the answer is an error
(contracts/crm-client.md 3.7): so it hears, truthfully, that there are none. Nothing can be created here.
"""

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.api.base import Answer, as_id_or_404, user_of
from crm.exceptions import NotFound
from crm.models import Contact
from opportunities.api.serializers import PipelineStageAnswer
from opportunities.models import Opportunity


class NothingAnswer(Answer):
    """Of what there is nothing, no shape is told."""


class NoList(ListAPIView[Contact]):
    """Siempre vacía: el producto no ofrece esto."""

    queryset = Contact.objects.none()
    serializer_class = NothingAnswer

    def get(self, request: Request, *args: str, **kwargs: str) -> Response:
        """Siempre vacía: el producto no ofrece esto."""
        return self.list(request)


class NoArray(NoList):
    """Siempre vacía: el producto no ofrece esto. Este cliente espera aquí una lista sin sobre."""

    pagination_class = None


class StageView(APIView):
    @extend_schema(responses=PipelineStageAnswer)
    def get(self, request: Request, entity_type: str, entity_id: str) -> Response:
        """La etapa de una oportunidad, que el cliente pide en esta dirección."""
        visible = Opportunity.objects.visible_to(user_of(request))
        found = visible.filter(pk=as_id_or_404(entity_id)).first() if entity_type == "leads" else None
        if found is None:
            raise NotFound("Etapa no encontrada.")
        return Response(PipelineStageAnswer(found).data)


crm_routes = [
    path("pipelines", NoArray.as_view()),
    path("pipelines/<str:pipeline_id>/stages", NoArray.as_view()),
    path("companies", NoList.as_view()),
    path("task-templates", NoList.as_view()),
    path("custom-fields", NoArray.as_view()),
    path("custom-field-values", NoArray.as_view()),
]
other_routes = [
    path("pipelines/action-types", NoArray.as_view()),
    path("pipelines/actions/<str:entity_type>/<str:entity_id>", NoList.as_view()),
    path("pipelines/stages/<str:entity_type>/<str:entity_id>", StageView.as_view()),
    path("admin/contracts", NoArray.as_view()),
]
