"""Leads: one enquiry each, and what becomes of it (contract section 2, presence-systems 1.1 to 1.4)."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from crm.api.base import as_id, user_of
from crm.api.filters.leads import LeadFilter
from crm.api.serializers.contacts import InitialContactAnswer, TotalAnswer
from crm.api.serializers.leads import ConvertedAnswer, LeadAnswer, LeadBody, check_celular, read_lead
from crm.api.views.contacts import contact_detail, locked_contact, visible_contact
from crm.choices import LeadStatus
from crm.exceptions import NotFound
from crm.models import Lead, User
from crm.models.leads import LeadQuerySet
from crm.models.subjects import lock_people
from crm.permissions import IsAdministrator, IsCrmStaff

NO_SUCH_LEAD = "Lead no encontrado"

_lead = LeadAnswer().to_representation


class LeadViewSet(GenericViewSet[Lead]):
    """Leads. Cada uno es una consulta de un contacto, que se busca por documento o celular, o se crea."""

    serializer_class = LeadAnswer
    filterset_class = LeadFilter

    def get_permissions(self) -> Sequence[BasePermission]:
        return [IsCrmStaff(), IsAdministrator()] if self.action == "destroy" else [IsCrmStaff()]

    def get_queryset(self) -> QuerySet[Lead]:
        return _visible(user_of(self.request)).select_related("contact")

    @extend_schema(operation_id="leads_list")
    def list(self, request: Request) -> Response:
        """Los más recientes primero, si no se pide otro orden."""
        return self._page(self.filter_queryset(self.get_queryset()))

    @extend_schema(operation_id="leads_new", responses=LeadAnswer(many=True))
    def new(self, request: Request) -> Response:
        """Los que nadie ha atendido todavía, los más recientes primero."""
        return self._page(self.filter_queryset(self.get_queryset().filter(status=LeadStatus.NEW)))

    def _page(self, leads: QuerySet[Lead]) -> Response:
        return self.get_paginated_response([_lead(lead) for lead in self.paginate_queryset(leads) or []])

    @extend_schema(operation_id="leads_count", responses=TotalAnswer, filters=True)
    def count(self, request: Request) -> Response:
        """Cuántos hay, exactamente; con los mismos filtros que la lista."""
        return Response({"total": self.filter_queryset(self.get_queryset()).order_by().count()})

    @extend_schema(request=LeadBody, responses={201: LeadAnswer})
    def create(self, request: Request) -> Response:
        """Un segundo lead del mismo celular es otra consulta del mismo contacto."""
        fields = read_lead(request.data, lead=None)
        contact_id = fields.pop("contact_id", None)
        with transaction.atomic():
            person = locked_contact(str(contact_id), user_of(request)) if contact_id else None
            check_celular(fields, person=person)
            lead = Lead.objects.register(fields, contact=person, by=user_of(request))
        return Response(_lead(lead), status=201)

    @extend_schema(operation_id="leads_retrieve")
    def retrieve(self, request: Request, lead_id: str) -> Response:
        return Response(_lead(_one_of(self.get_queryset(), lead_id)))

    @extend_schema(request=LeadBody(partial=True))
    def update(self, request: Request, lead_id: str) -> Response:
        """Parcial, con PUT y con PATCH. Con otro celular sigue siendo del mismo contacto, que gana el número."""
        with transaction.atomic():
            lead = _locked(lead_id, user_of(request))
            fields = read_lead(request.data, lead=lead)
            contact_id = fields.pop("contact_id", None)
            if contact_id and contact_id != lead.contact_id:
                fields["contact"] = visible_contact(str(contact_id), user_of(request))
            check_celular(fields, person=fields.get("contact", lead.contact), known=lead.celular)
            lead.edit(fields)
        return Response(_lead(lead))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, lead_id: str) -> Response:
        """También sus citas; las llamadas, tareas y notas quedan con el contacto. Solo administradores."""
        with transaction.atomic():
            _locked(lead_id, user_of(request)).remove()
        return Response(status=204)

    @extend_schema(request=None, responses=ConvertedAnswer)
    def convert(self, request: Request, lead_id: str) -> Response:
        """Da el lead por ganado. Su contacto ya existe: se responde también."""
        with transaction.atomic():
            lead = _locked(lead_id, user_of(request))
            lead.convert()
        answer: dict[str, Any] = {"success": True, "message": "El lead se convirtió en contacto."}
        return Response(
            {**answer, "contact_id": lead.contact_id, "lead": _lead(lead), "contact": contact_detail(lead.contact)}
        )

    @extend_schema(request=None, responses=InitialContactAnswer)
    def mark_initial_contact_completed(self, request: Request, lead_id: str) -> Response:
        """Da por hecha la primera conversación, si ya se sabe lo que debe averiguar; si no, dice qué falta.

        El id puede ser de un lead o de un contacto.
        """
        with transaction.atomic():
            found_id = as_id(lead_id)
            lead = _visible(user_of(request)).filter(pk=found_id).first() if found_id else None
            person = locked_contact(str(lead.contact_id) if lead else lead_id, user_of(request))
            missing, recommended = person.complete_initial_contact(by=user_of(request))
            if lead and not missing:
                lead.mark_contacted()
        message = "Faltan datos del contacto." if missing else "Contacto inicial completado."
        return Response(
            {
                "success": not missing,
                "message": message,
                "missing_fields": missing,
                "recommended_missing": recommended,
            }
        )


class ContactLeads(GenericViewSet[Lead]):
    serializer_class = LeadAnswer
    filter_backends = ()

    @extend_schema(
        operation_id="contact_leads_list", parameters=[OpenApiParameter("contact_id", str, OpenApiParameter.PATH)]
    )
    def list(self, request: Request, contact_id: str) -> Response:
        """Los leads de un contacto, los más recientes primero."""
        contact = visible_contact(contact_id, user_of(request))
        leads = Lead.objects.filter(contact=contact).select_related("contact").newest_first()
        return self.get_paginated_response([_lead(lead) for lead in self.paginate_queryset(leads) or []])


def _visible(user: User) -> LeadQuerySet:
    return Lead.objects.present().visible_to(user)


def _one_of(leads: QuerySet[Lead], lead_id: str) -> Lead:
    found_id = as_id(lead_id)
    lead = next(iter(leads.filter(pk=found_id)), None) if found_id else None
    if lead is None:
        raise NotFound(NO_SUCH_LEAD)
    return lead


def visible_lead(lead_id: str, user: User) -> Lead:
    return _one_of(_visible(user).select_related("contact"), lead_id)


def _locked(lead_id: str, user: User) -> Lead:
    """The lead, and nobody else writes it until the running transaction ends. Its person is locked first, as by
    everybody who writes about a person (crm/models/subjects.py)."""
    leads = _visible(user).select_related("contact")
    lock_people([_one_of(leads, lead_id).contact_id])
    return _one_of(leads.select_for_update(of=("self",), no_key=True), lead_id)
