"""What the client's other pages ask for (contracts/whatsapp-client.md 5): people as "clientes", tasks as "tickets",
messages as "comunicaciones", colleagues as "usuarios". The same rows as everywhere, in that client's words."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet, ViewSet

from crm.api.base import as_id, user_of
from crm.api.serializers.contacts import read_contact
from crm.choices import EntityType, TaskType
from crm.exceptions import NotFound, Refusal
from crm.models import Contact, Task, User
from whatsapp import finding, following
from whatsapp.api.client_serializers import (
    DONE,
    OPEN,
    STATES,
    AutomaticClientAnswer,
    AutomaticClientBody,
    ClientContactAnswer,
    ClientContactBody,
    ClientUserAnswer,
    ClientUsersAnswer,
    CommunicationAnswer,
    TicketAnswer,
    TicketBody,
    TicketChangeBody,
    contact_fields,
    text_of_ticket,
)
from whatsapp.api.filters import contact_meant
from whatsapp.api.paging import PagePagination
from whatsapp.api.views import NO_SUCH_CONTACT, responsible_named, visible_message
from whatsapp.models import Message

NO_SUCH_TICKET = "Ticket no encontrado"
# More tasks than this nobody raises from one conversation.
MOST_TICKETS = 100

_client = ClientContactAnswer().to_representation
_ticket = TicketAnswer().to_representation
_user = ClientUserAnswer().to_representation
_communication = CommunicationAnswer().to_representation


# --- People -----------------------------------------------------------------------------------


class Clients(ViewSet):
    """Los contactos, con los nombres de este cliente."""

    @extend_schema(operation_id="clientes_retrieve", responses=ClientContactAnswer)
    def retrieve(self, request: Request, cliente_id: str) -> Response:
        """Un contacto, con los nombres de este cliente."""
        found = seen_by(user_of(request), as_id(cliente_id))
        if found is None:
            raise NotFound(NO_SUCH_CONTACT)
        return Response(_client(found))

    @extend_schema(operation_id="clientes_create", request=ClientContactBody, responses={201: ClientContactAnswer})
    def create(self, request: Request) -> Response:
        """Crea un contacto. El teléfono puede repetirse; con un documento o correo que ya existe, 400 con su `ID:`."""
        sent = ClientContactBody.read(request.data)
        _refuse_duplicates(sent)
        fields, phones = read_contact(contact_fields(sent), contact=None)
        contact = Contact.objects.register(fields, further_phones=phones, by=user_of(request))
        return Response(_client(contact), status=201)

    @extend_schema(
        operation_id="comunicaciones_crear_cliente", request=AutomaticClientBody, responses=AutomaticClientAnswer
    )
    def create_automatically(self, request: Request) -> Response:
        """El contacto que tiene este teléfono o correo; si no hay ninguno, uno nuevo."""
        user, sent = user_of(request), AutomaticClientBody.read(request.data)
        with transaction.atomic():
            contact = _known_by(user, sent) or _made_of(user, sent)
        return Response({"success": True, "cliente": _client(contact)})


def seen_by(user: User, contact_id: UUID | None) -> Contact | None:
    return Contact.objects.visible_to(user).standing_for(contact_id) if contact_id else None


def _refuse_duplicates(sent: dict[str, Any]) -> None:
    """By the words `ID: …` the client offers to open who is there already."""
    same = Contact.objects.present().filter(document_number=sent["cedula"]).first()
    if same is not None:
        raise Refusal(f"Ya existe un cliente con esta cédula. ID: {same.pk}", code="cliente_duplicado")
    same = Contact.objects.with_email(sent["email"]).first() if sent.get("email") else None
    if same is not None:
        raise Refusal(f"Ya existe un cliente con este correo. ID: {same.pk}", code="cliente_duplicado")


def _known_by(user: User, sent: dict[str, Any]) -> Contact | None:
    people = Contact.objects.visible_to(user).order_by("created_at", "id")
    by_phone = people.with_phone(sent["telefono"]).first() if sent.get("telefono") else None
    return by_phone or (people.with_email(sent["email"]).first() if sent.get("email") else None)


def _made_of(user: User, sent: dict[str, Any]) -> Contact:
    name = sent.get("nombres") or sent.get("telefono") or sent["email"]
    given = {"name": name, "mobile": sent.get("telefono"), "email": sent.get("email")}
    fields, phones = read_contact({key: value for key, value in given.items() if value}, contact=None)
    return Contact.objects.register(fields, further_phones=phones, by=user)


class Users(APIView):
    @extend_schema(
        operation_id="usuarios_list",
        parameters=[
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
            OpenApiParameter("is_active", bool),
        ],
        responses=ClientUsersAnswer,
    )
    def get(self, request: Request) -> Response:
        """Los usuarios activos del CRM, a quienes se puede asignar un ticket. Caben en una página."""
        people = User.objects.active().crm_staff().order_by("first_name", "last_name", "id")[:1000]
        items = [_user(user) for user in people]
        return Response({"items": items, "total": len(items), "page": 1, "page_size": len(items)})


# --- Tickets ----------------------------------------------------------------------------------


class TicketPagination(PagePagination):
    rows_name = "tickets"


class Tickets(GenericViewSet[Task]):
    """Las tareas, con los nombres de este cliente: un agente ve las suyas."""

    serializer_class = TicketAnswer
    filter_backends = ()
    pagination_class = TicketPagination

    def get_queryset(self) -> QuerySet[Task]:
        return with_people(Task.objects.visible_to(user_of(self.request)))

    @extend_schema(
        operation_id="tickets_list",
        parameters=[
            OpenApiParameter("cliente_id", str),
            OpenApiParameter("conversacion_whatsapp_id", int),
            OpenApiParameter("estado", str, enum=STATES),
        ],
    )
    def list(self, request: Request) -> Response:
        """Las tareas como tickets, las más nuevas primero."""
        tasks = _narrowed(self.get_queryset(), request).newest_first()
        return self.get_paginated_response([_ticket(task) for task in self.paginate_queryset(tasks) or []])

    @extend_schema(operation_id="tickets_create", request=TicketBody, responses=TicketAnswer)
    def create(self, request: Request) -> Response:
        """Crea una tarea sobre el cliente; desde una conversación, una sola, que queda anotada en su mensaje."""
        user, sent = user_of(request), TicketBody.read(request.data)
        with transaction.atomic():
            task = _filed(user, sent)
            if sent.get("estado") in (DONE, "cerrado"):
                task.complete()
        return Response(_ticket(with_people(Task.objects.all()).get(pk=task.pk)))

    @extend_schema(operation_id="tickets_retrieve")
    def retrieve(self, request: Request, ticket_id: str) -> Response:
        return Response(_ticket(self._known(ticket_id)))

    @extend_schema(operation_id="tickets_update", request=TicketChangeBody)
    def update(self, request: Request, ticket_id: str) -> Response:
        """Cambia el estado, quién lo atiende o hasta cuándo; el título y la descripción no se editan."""
        user, sent = user_of(request), TicketChangeBody.read(request.data, partial=True)
        task = self._known(ticket_id)
        fields: dict[str, Any] = {}
        if sent.get("estado"):
            fields["is_completed"] = sent["estado"] in (DONE, "cerrado")
        if sent.get("asignado_a_id"):
            fields["responsible_user_id"] = sent["asignado_a_id"]
        if "fecha_limite" in sent:
            fields["complete_till"] = sent["fecha_limite"]
        task.change(by=user, **fields)
        return Response(_ticket(self._known(ticket_id)))

    def _known(self, ticket_id: str) -> Task:
        task_id = as_id(ticket_id)
        found = self.get_queryset().filter(pk=task_id).first() if task_id else None
        if found is None:
            raise NotFound(NO_SUCH_TICKET)
        return found


class MessageTickets(GenericViewSet[Task]):
    serializer_class = TicketAnswer
    filter_backends = ()
    pagination_class = None

    @extend_schema(operation_id="tickets_of_conversation", responses=TicketAnswer(many=True))
    def list(self, request: Request, message_id: str) -> Response:
        """Los tickets creados desde un mensaje, sin sobre."""
        message = visible_message(message_id, user_of(request))
        tasks = with_people(Task.objects.filter(whatsapp_messages=message))[:MOST_TICKETS]
        return Response([_ticket(task) for task in tasks])


def with_people(tasks: QuerySet[Task]) -> Any:
    return tasks.select_related("contact", "lead__contact", "responsible_user").prefetch_related("whatsapp_messages")


def _narrowed(tasks: Any, request: Request) -> Any:
    asked = {name: str(value).strip() for name, value in request.query_params.items() if str(value).strip()}
    if "cliente_id" in asked:
        contact_id = as_id(asked["cliente_id"])
        tasks = tasks.about_person(contact_meant(contact_id)) if contact_id else tasks.none()
    if "conversacion_whatsapp_id" in asked:
        typed = asked["conversacion_whatsapp_id"]
        is_number = typed.isascii() and typed.isdecimal() and len(typed) <= 18
        tasks = tasks.filter(whatsapp_messages=int(typed)) if is_number else tasks.none()
    if "estado" in asked:
        if asked["estado"] not in STATES:
            raise Refusal(f"El estado es uno de estos: {', '.join(STATES)}.", code="datos_invalidos")
        tasks = tasks.filter(is_completed=asked["estado"] not in (OPEN, "en_proceso"))
    return tasks


def _filed(user: User, sent: dict[str, Any]) -> Task:
    """The task of a ticket: of its message where the message knows whose it is, else of the contact that is named."""
    message = None
    if sent.get("conversacion_whatsapp_id") is not None:
        message = visible_message(str(sent["conversacion_whatsapp_id"]), user)
    contact = seen_by(user, sent.get("cliente_id"))
    if sent.get("cliente_id") is not None and contact is None:
        raise NotFound(NO_SUCH_CONTACT)
    responsible = responsible_named(sent.get("asignado_a_id"))
    if message is not None and (message.cliente_id is not None or contact is None):
        return following.make_task(
            message,
            by=user,
            text=text_of_ticket(sent),
            complete_till=sent.get("fecha_limite"),
            responsible_user=responsible,
        )
    if contact is None:
        raise Refusal("Indique de qué cliente es el ticket, o desde qué conversación.", code="sin_cliente")
    task, _ = Task.objects.file_for(
        EntityType.CONTACTS,
        contact.pk,
        by=user,
        text=text_of_ticket(sent),
        task_type=TaskType.OTHER,
        complete_till=sent.get("fecha_limite"),
        responsible_user_id=responsible.pk if responsible else None,
    )
    if message is not None and message.ticket_id is None:
        message.ticket = task
        message.save(update_fields=["ticket", "actualizado_en"])
    return task


# --- Communications ---------------------------------------------------------------------------


class CommunicationPagination(PagePagination):
    rows_name = "comunicaciones"


class Communications(GenericViewSet[Message]):
    """Los mensajes de WhatsApp junto a los correos, de los que aquí no hay ninguno."""

    serializer_class = CommunicationAnswer
    filter_backends = ()
    pagination_class = CommunicationPagination

    def get_queryset(self) -> Any:
        columns = set(CommunicationAnswer().fields) & {field.attname for field in Message._meta.concrete_fields}
        rows = Message.objects.select_related("thread").only(
            *columns, "from_number", "to_number", "thread__unanswered_since"
        )
        return finding.seen_by(user_of(self.request), rows)

    @extend_schema(operation_id="comunicaciones_list", parameters=[OpenApiParameter("cliente_id", str)])
    def list(self, request: Request) -> Response:
        """Todos los mensajes, o los de un cliente, los más recientes primero."""
        rows, given = self.get_queryset(), request.query_params.get("cliente_id", "").strip()
        if given:
            contact_id = as_id(given)
            rows = rows.filter(cliente=contact_meant(contact_id)) if contact_id else rows.none()
        return self._page(rows)

    def _page(self, rows: Any) -> Response:
        page = self.paginate_queryset(rows.newest_first())
        return self.get_paginated_response([_communication(message) for message in page or []])


class UnansweredCommunications(Communications):
    @extend_schema(operation_id="comunicaciones_por_responder")
    def list(self, request: Request) -> Response:
        """Lo que la gente escribió y nadie ha respondido todavía."""
        waiting = {"thread__unanswered_since__isnull": False, "thread__merged_into__isnull": True}
        return self._page(self.get_queryset().inbound().filter(timestamp__gte=F("thread__unanswered_since"), **waiting))
