"""Contacts: lists, one, its duplicates and merges (contract section 2, crm-client 3.1)."""

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
from crm.api.filters.contacts import ContactFilter, DuplicateFilter
from crm.api.serializers.contacts import (
    ContactAnswer,
    ContactBody,
    ContactDetailAnswer,
    DuplicateAnswer,
    MergeAnswer,
    MergeBody,
    MergedAnswer,
    NewContactAnswer,
    TotalAnswer,
    UndoMergeBody,
    UndoneMergeAnswer,
    read_contact,
)
from crm.exceptions import NotFound, Refusal
from crm.models import Contact, ContactMerge, User
from crm.models.contact_queries import ContactQuerySet, note_closest_tasks
from crm.permissions import IsAdministrator, IsCrmStaff, IsLawyerOrAdministrator
from crm.services import merge_contacts, undo_merge

NO_SUCH_CONTACT = "Contacto no encontrado"
NO_SUCH_MERGE = "Fusión no encontrada"
MOST_DUPLICATES = 20

_contact = ContactAnswer().to_representation
_detail = ContactDetailAnswer().to_representation
_new = NewContactAnswer().to_representation
_duplicate = DuplicateAnswer().to_representation
_merge = MergeAnswer().to_representation


class ContactViewSet(GenericViewSet[Contact]):
    """Contactos. Un id de contacto fusionado, o de un lead, vale por el contacto que queda."""

    serializer_class = ContactAnswer
    filterset_class = ContactFilter

    def get_permissions(self) -> Sequence[BasePermission]:
        return [IsCrmStaff(), IsAdministrator()] if self.action == "destroy" else [IsCrmStaff()]

    def get_queryset(self) -> QuerySet[Contact]:
        return Contact.objects.present().visible_to(user_of(self.request))

    @extend_schema(operation_id="contacts_list")
    def list(self, request: Request) -> Response:
        """Los más recientes primero, si no se pide otro orden."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([_contact(contact) for contact in note_closest_tasks(page or [])])

    @extend_schema(operation_id="contacts_count", responses=TotalAnswer, filters=True)
    def count(self, request: Request) -> Response:
        """Cuántos hay, exactamente; con los mismos filtros que la lista."""
        return Response({"total": self.filter_queryset(self.get_queryset()).order_by().count()})

    @extend_schema(request=ContactBody, responses={201: NewContactAnswer})
    def create(self, request: Request) -> Response:
        """Un teléfono puede repetirse, las familias lo comparten: `possible_duplicates` dice quién más lo tiene."""
        fields, phones = read_contact(request.data, contact=None)
        contact = Contact.objects.register(fields, further_phones=phones, by=user_of(request))
        numbers = contact.phones.values_list("number", flat=True)
        same = Contact.objects.visible_to(user_of(request)).duplicates_of(phones=numbers)
        contact.possible_duplicates = list(same.exclude(pk=contact.pk)[:MOST_DUPLICATES])
        return Response(_new(contact), status=201)

    @extend_schema(operation_id="contacts_retrieve", responses=ContactDetailAnswer)
    def retrieve(self, request: Request, contact_id: str) -> Response:
        return Response(contact_detail(visible_contact(contact_id, user_of(request))))

    @extend_schema(request=ContactBody(partial=True), responses=ContactDetailAnswer)
    def update(self, request: Request, contact_id: str) -> Response:
        """Parcial, con PUT y con PATCH: lo que no se envía queda como está."""
        with transaction.atomic():
            contact = locked_contact(contact_id, user_of(request))
            fields, phones = read_contact(request.data, contact=contact)
            contact.edit(fields, by=user_of(request))
            if phones is not None:
                contact.replace_other_phones(phones)
        return Response(contact_detail(contact))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, contact_id: str) -> Response:
        """Lo oculta a él y a sus leads; nada se borra. Solo administradores."""
        with transaction.atomic():
            locked_contact(contact_id, user_of(request)).delete_softly(by=user_of(request))
        return Response(status=204)


class ContactDuplicates(GenericViewSet[Contact]):
    serializer_class = DuplicateAnswer
    filterset_class = DuplicateFilter

    def get_queryset(self) -> QuerySet[Contact]:
        return Contact.objects.present().visible_to(user_of(self.request))

    @extend_schema(operation_id="contacts_duplicates")
    def list(self, request: Request) -> Response:
        """Quién tiene ya este teléfono, documento o correo; sin ninguno de los tres, nadie."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([_duplicate(contact) for contact in page or []])


class ContactMerges(GenericViewSet[ContactMerge]):
    """Fusiones: dos contactos eran la misma persona."""

    serializer_class = MergeAnswer
    filter_backends = ()

    def get_permissions(self) -> Sequence[BasePermission]:
        return [IsCrmStaff()] if self.action == "list" else [IsCrmStaff(), IsLawyerOrAdministrator()]

    @extend_schema(
        operation_id="contact_merges_list",
        parameters=[OpenApiParameter("contact_id", str, OpenApiParameter.PATH)],
    )
    def list(self, request: Request, contact_id: str) -> Response:
        """Qué contactos se fusionaron en este, lo último primero."""
        contact = visible_contact(contact_id, user_of(request))
        merges = ContactMerge.objects.filter(survivor=contact).select_related("absorbed").order_by("-created_at", "-id")
        return self.get_paginated_response([_merge(merge) for merge in self.paginate_queryset(merges) or []])

    @extend_schema(request=MergeBody, responses=MergedAnswer)
    def merge(self, request: Request, contact_id: str) -> Response:
        """Este contacto gana lo que le faltaba y todo lo que colgaba del otro, que desaparece. Se puede deshacer."""
        fields = MergeBody.read(request.data)
        with transaction.atomic():
            merge = merge_contacts(
                survivor_id=own_id(contact_id), absorbed_id=fields["contact_id"], by=user_of(request)
            )
            answer = {"dry_run": fields["dry_run"], "merge": _merge(merge), "contact": contact_detail(merge.survivor)}
            transaction.set_rollback(fields["dry_run"])
        return Response(answer)

    @extend_schema(request=UndoMergeBody, responses=UndoneMergeAnswer)
    def undo(self, request: Request, contact_id: str) -> Response:
        """Devuelve lo que nadie ha tocado desde la fusión e informa del resto."""
        merge = _merge_to_undo(contact_id, UndoMergeBody.read(request.data).get("merge_id"), user_of(request))
        report = undo_merge(merge, by=user_of(request))
        people = {"contact": contact_detail(merge.survivor), "restored_contact": contact_detail(merge.absorbed)}
        return Response({"merge_id": merge.pk, **report, **people})


def visible_contact(contact_id: str, user: User, contacts: ContactQuerySet | None = None) -> Contact:
    """The contact that `user` may see by this id, by one that was merged into it, or by that of a lead."""
    found_id = as_id(contact_id)
    reachable = (Contact.objects.all() if contacts is None else contacts).visible_to(user)
    contact = reachable.standing_for(found_id) if found_id else None
    if contact is None:
        raise NotFound(NO_SUCH_CONTACT)
    return contact


def locked_contact(contact_id: str, user: User) -> Contact:
    """`visible_contact`, and nobody else writes it until the running transaction ends."""
    return visible_contact(contact_id, user, Contact.objects.select_for_update(of=("self",), no_key=True))


def own_id(contact_id: str) -> Any:
    """An id as it is: a merge means exactly these two, not whom they may stand for."""
    found = as_id(contact_id)
    if found is None:
        raise NotFound(NO_SUCH_CONTACT)
    return found


def contact_detail(contact: Contact) -> dict[str, Any]:
    """One contact with its phones and its next task."""
    found: dict[str, Any] = _detail(*note_closest_tasks([contact]))
    return found


def _merge_to_undo(contact_id: str, merge_id: Any, user: User) -> ContactMerge:
    survivor = visible_contact(contact_id, user)
    if merge_id is None:
        merge = ContactMerge.objects.newest_of(survivor.pk)
        if merge is None:
            raise Refusal("Este contacto no tiene ninguna fusión que deshacer.", code="sin_fusion", status=404)
        return merge
    merge = ContactMerge.objects.filter(pk=merge_id, survivor=survivor).first()
    if merge is None:
        raise NotFound(NO_SUCH_MERGE)
    return merge
