"""Calls, their calendar, and the types they have."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from calls import services
from calls.api.filters import CallCalendarFilter, CallFilter
from calls.api.serializers import CallAnswer, CallBody, CallTypeAnswer, CallTypeBody, ManagedCallTypeAnswer
from calls.models import Call, CallType
from crm.api.base import as_id, user_of
from crm.api.subjects import CALENDAR_LIMIT, person_or_404
from crm.exceptions import NotFound
from crm.permissions import IsAdministrator

# Made once: what they know about their fields is the same for every request.
_call = CallAnswer().to_representation
_call_type = CallTypeAnswer().to_representation
_managed_call_type = ManagedCallTypeAnswer().to_representation


class CallViewSet(GenericViewSet[Call]):
    """Llamadas. Una próxima fecha crea su tarea de seguimiento en la misma transacción."""

    serializer_class = CallAnswer
    filterset_class = CallFilter

    def get_queryset(self) -> QuerySet[Call]:
        return Call.objects.visible_to(user_of(self.request)).with_subject()

    @extend_schema(operation_id="calls_list")
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([_call(call) for call in page or []])

    @extend_schema(request=CallBody, responses={201: CallAnswer})
    def create(self, request: Request) -> Response:
        call = services.record_call(by=user_of(request), **CallBody.read(request.data))
        return Response(_call(call), status=201)

    @extend_schema(operation_id="calls_retrieve")
    def retrieve(self, request: Request, call_id: str) -> Response:
        return Response(_call(services.visible_call(as_id(call_id), user_of(request))))

    @extend_schema(request=CallBody)
    def update(self, request: Request, call_id: str) -> Response:
        """Parcial, con PUT y con PATCH. Una fecha nueva crea una tarea nueva; la misma, ninguna."""
        fields = CallBody.read(request.data, partial=True)
        return Response(_call(services.correct_call(as_id(call_id), by=user_of(request), **fields)))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, call_id: str) -> Response:
        services.remove_call(as_id(call_id), by=user_of(request))
        return Response(status=204)


class CallCalendar(GenericViewSet[Call]):
    serializer_class = CallAnswer
    filterset_class = CallCalendarFilter
    pagination_class = None

    def get_queryset(self) -> QuerySet[Call]:
        return Call.objects.on_calendar_of(user_of(self.request)).with_subject().newest_first()

    @extend_schema(operation_id="calls_calendar", responses=CallAnswer(many=True))
    def list(self, request: Request) -> Response:
        """Las llamadas registradas entre dos fechas, las más nuevas primero; un agente ve las suyas."""
        calls = self.filter_queryset(self.get_queryset())[:CALENDAR_LIMIT]
        return Response([_call(call) for call in calls])


class ContactCalls(GenericViewSet[Call]):
    serializer_class = CallAnswer
    filter_backends = ()

    @extend_schema(operation_id="contact_calls_list")
    def list(self, request: Request, contact_id: str) -> Response:
        """Todas las llamadas de un contacto y de sus leads, de quien sean."""
        person_id = person_or_404(contact_id, user_of(request))
        page = self.paginate_queryset(Call.objects.about_person(person_id).with_subject().newest_first())
        return self.get_paginated_response([_call(call) for call in page or []])


class CallTypeList(GenericViewSet[CallType]):
    serializer_class = CallTypeAnswer
    filter_backends = ()
    pagination_class = None

    @extend_schema(operation_id="call_types_list", responses=CallTypeAnswer(many=True))
    def list(self, request: Request) -> Response:
        """Los tipos de llamada que se pueden elegir, en su orden."""
        return Response([_call_type(call_type) for call_type in CallType.objects.active().in_order()])


class ManagedCallTypeViewSet(GenericViewSet[CallType]):
    """Los tipos de llamada, para administradores."""

    serializer_class = ManagedCallTypeAnswer
    permission_classes = (IsAdministrator,)
    filter_backends = ()

    @extend_schema(operation_id="managed_call_types_list")
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(CallType.objects.in_order())
        return self.get_paginated_response([_managed_call_type(call_type) for call_type in page or []])

    @extend_schema(request=CallTypeBody, responses={201: ManagedCallTypeAnswer})
    def create(self, request: Request) -> Response:
        call_type = CallType()
        call_type.change(**CallTypeBody.read(request.data))
        return Response(_managed_call_type(call_type), status=201)

    @extend_schema(operation_id="managed_call_types_retrieve")
    def retrieve(self, request: Request, call_type_id: str) -> Response:
        return Response(_managed_call_type(_known(call_type_id)))

    @extend_schema(request=CallTypeBody)
    def update(self, request: Request, call_type_id: str) -> Response:
        """Parcial, con PUT y con PATCH."""
        call_type = _known(call_type_id)
        call_type.change(**CallTypeBody.read(request.data, partial=True))
        return Response(_managed_call_type(call_type))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, call_type_id: str) -> Response:
        _known(call_type_id).remove()
        return Response(status=204)


def _known(call_type_id: str) -> CallType:
    type_id = as_id(call_type_id)
    found = CallType.objects.filter(pk=type_id).first() if type_id else None
    if found is None:
        raise NotFound("Tipo de llamada no encontrado")
    return found
