"""Appointments ("citas") of leads (contract section 2)."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from crm.api.base import as_id, user_of
from crm.api.filters.appointments import AppointmentFilter
from crm.api.serializers.appointments import AppointmentAnswer, AppointmentBody, read_appointment
from crm.api.views.contacts import visible_contact
from crm.api.views.leads import visible_lead
from crm.exceptions import NotFound
from crm.models import Appointment, Lead, User
from crm.models.appointments import AppointmentQuerySet

NO_SUCH_APPOINTMENT = "Cita no encontrada"

_appointment = AppointmentAnswer().to_representation


class AppointmentViewSet(GenericViewSet[Appointment]):
    """Citas. La que pasa a `Realizada` es una presencia, que se avisa una vez a la aplicación comercial."""

    serializer_class = AppointmentAnswer
    filterset_class = AppointmentFilter

    def get_queryset(self) -> QuerySet[Appointment]:
        return _visible(user_of(self.request))

    @extend_schema(operation_id="appointments_list")
    def list(self, request: Request) -> Response:
        """Por fecha, la más lejana primero, si no se pide otro orden."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([_appointment(appointment) for appointment in page or []])

    @extend_schema(request=AppointmentBody, responses={201: AppointmentAnswer})
    def create(self, request: Request) -> Response:
        """De un lead, o de un contacto: entonces de su lead más reciente, o de uno nuevo."""
        fields = read_appointment(request.data, appointment=None, by=user_of(request))
        with transaction.atomic():
            lead = _lead_of(fields, user_of(request))
            appointment = Appointment.objects.create(lead=lead, created_by=user_of(request), **fields)
        return Response(_appointment(appointment), status=201)

    @extend_schema(operation_id="appointments_retrieve")
    def retrieve(self, request: Request, appointment_id: str) -> Response:
        return Response(_appointment(_one_of(self.get_queryset(), appointment_id)))

    @extend_schema(request=AppointmentBody(partial=True))
    def update(self, request: Request, appointment_id: str) -> Response:
        """Parcial, con PUT y con PATCH."""
        with transaction.atomic():
            appointment = _one_of(_locked(user_of(request)), appointment_id)
            fields = read_appointment(request.data, appointment=appointment, by=user_of(request))
            if lead := _other_lead(appointment, fields, user_of(request)):
                fields["lead"] = lead
            appointment.edit(fields)
        return Response(_appointment(appointment))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, appointment_id: str) -> Response:
        with transaction.atomic():
            _one_of(_locked(user_of(request)), appointment_id).remove()
        return Response(status=204)


class ContactAppointments(GenericViewSet[Appointment]):
    serializer_class = AppointmentAnswer
    filter_backends = ()

    @extend_schema(
        operation_id="contact_appointments_list",
        parameters=[OpenApiParameter("contact_id", str, OpenApiParameter.PATH)],
    )
    def list(self, request: Request, contact_id: str) -> Response:
        """Las citas de un contacto, por cualquiera de sus leads."""
        contact = visible_contact(contact_id, user_of(request))
        found = Appointment.objects.filter(lead__contact=contact).select_related("lead").newest_first()
        return self.get_paginated_response([_appointment(one) for one in self.paginate_queryset(found) or []])


def _visible(user: User) -> AppointmentQuerySet:
    return Appointment.objects.present().visible_to(user).select_related("lead")


def _locked(user: User) -> AppointmentQuerySet:
    return _visible(user).select_for_update(of=("self",), no_key=True)


def _one_of(appointments: QuerySet[Appointment], appointment_id: str) -> Appointment:
    found_id = as_id(appointment_id)
    appointment = next(iter(appointments.filter(pk=found_id)), None) if found_id else None
    if appointment is None:
        raise NotFound(NO_SUCH_APPOINTMENT)
    return appointment


def _lead_of(fields: dict[str, Any], user: User) -> Lead:
    """The lead that is named; or that of the contact that is named, made when it has none."""
    lead_id, contact_id = fields.pop("lead_id", None), fields.pop("contact_id", None)
    if lead_id:
        return visible_lead(str(lead_id), user)
    return Lead.objects.newest_or_new(visible_contact(str(contact_id), user), by=user)


def _other_lead(appointment: Appointment, fields: dict[str, Any], user: User) -> Lead | None:
    """The lead to move an appointment to; a form that repeats where it is moves nothing."""
    lead_id, contact_id = fields.pop("lead_id", None), fields.pop("contact_id", None)
    if lead_id:
        return None if lead_id == appointment.lead_id else visible_lead(str(lead_id), user)
    if contact_id and contact_id != appointment.contact_id:
        return _lead_of({"contact_id": contact_id}, user)
    return None
