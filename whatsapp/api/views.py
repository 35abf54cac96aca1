"""Messages of WhatsApp for the client's pages: lists, one, figures, sending, and whose conversation it is."""

from dataclasses import asdict
from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from crm.api.base import as_id, user_of
from crm.api.serializers.tasks import TaskAnswer
from crm.exceptions import Conflict, Forbidden, NotFound, Refusal
from crm.models import Contact, User
from crm.phones import parse_phone
from crm.scope import is_limited
from opportunities.api.serializers import OpportunityAnswer
from whatsapp import finding, following
from whatsapp.api.filters import YES, MessageFilter, contact_meant
from whatsapp.api.paging import LongPagination, PagePagination
from whatsapp.api.serializers import (
    COLUMNS,
    CandidateAnswer,
    ConversationAnswer,
    ConversationFiguresAnswer,
    FoundContactAnswer,
    LinkAnswer,
    LinkBody,
    LinkedAnswer,
    MediaAnswer,
    OneMessageAnswer,
    OpportunityFromMessageBody,
    SendBody,
    SentAnswer,
    TaskFromMessageBody,
    ThreadAnswer,
)
from whatsapp.choices import AliasKind, LinkRule
from whatsapp.linking import MOST_CANDIDATES, candidates, link, undo_link
from whatsapp.models import Media, Message, Template, Thread, ThreadLink
from whatsapp.models.messages import MessageQuerySet
from whatsapp.sending.composing import send_template, send_text, thread_to
from whatsapp.statistics import figures_for, total_of

NO_SUCH_MESSAGE = "Conversación no encontrada"
NO_SUCH_CONTACT = "Cliente no encontrado"
NOT_YOURS = "Esta conversación la atiende otra persona del equipo."
NOT_LINKED = "La conversación no está vinculada a nadie."

_row = ConversationAnswer().to_representation
_thread = ThreadAnswer().to_representation
_link = LinkAnswer().to_representation
_media = MediaAnswer().to_representation
_candidate = CandidateAnswer().to_representation


# --- Lists ------------------------------------------------------------------------------------


class MessageList(GenericViewSet[Message]):
    """Los mensajes de WhatsApp, uno por fila, los más recientes primero."""

    serializer_class = ConversationAnswer
    filterset_class = MessageFilter
    pagination_class = PagePagination

    def get_queryset(self) -> MessageQuerySet:
        return readable_rows(user_of(self.request))

    @extend_schema(operation_id="conversaciones_whatsapp_list")
    def list(self, request: Request) -> Response:
        """Los mensajes de WhatsApp, uno por fila, los más recientes primero."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([_row(message) for message in page or []])

    def known_total(self) -> int | None:
        """From the hourly counts, where they know it: nothing asked for, or nothing but a direction or a link."""
        given = {name: str(text).strip() for name, text in self.request.query_params.items()}
        asked = {name for name in MessageFilter.get_filters() if given.get(name)}
        if is_limited(user_of(self.request)) or not asked <= {"direccion", "sin_cliente"}:
            return None
        linked = given["sin_cliente"].lower() not in YES if "sin_cliente" in asked else None
        return total_of(direction=given["direccion"].upper() if "direccion" in asked else None, linked=linked)


class ContactMessages(GenericViewSet[Message]):
    serializer_class = ConversationAnswer
    filter_backends = ()
    pagination_class = LongPagination

    @extend_schema(operation_id="conversaciones_whatsapp_cliente")
    def list(self, request: Request, cliente_id: str) -> Response:
        """Los mensajes de un cliente, en los dos sentidos; de un desconocido, ninguno."""
        contact_id, rows = as_id(cliente_id), readable_rows(user_of(request))
        theirs = rows.filter(cliente=contact_meant(contact_id)).newest_first() if contact_id else rows.none()
        return self.get_paginated_response([_row(message) for message in self.paginate_queryset(theirs) or []])


class NumberMessages(GenericViewSet[Message]):
    serializer_class = ConversationAnswer
    filter_backends = ()
    pagination_class = LongPagination

    @extend_schema(operation_id="conversaciones_whatsapp_numero")
    def list(self, request: Request, numero: str) -> Response:
        """Todo lo hablado con un número, escrito de cualquier forma, en los dos sentidos."""
        theirs = readable_rows(user_of(request)).filter(finding.with_number(numero)).newest_first()
        return self.get_paginated_response([_row(message) for message in self.paginate_queryset(theirs) or []])


class Statistics(APIView):
    @extend_schema(operation_id="conversaciones_whatsapp_estadisticas", responses=ConversationFiguresAnswer)
    def get(self, request: Request) -> Response:
        """Cuántos mensajes hay; para un agente que solo ve lo suyo, los de sus conversaciones."""
        return Response(asdict(figures_for(user_of(request))))


# --- One --------------------------------------------------------------------------------------


class OneMessage(APIView):
    @extend_schema(operation_id="conversaciones_whatsapp_retrieve", responses=OneMessageAnswer)
    def get(self, request: Request, message_id: str) -> Response:
        """Un mensaje con su conversación: si se puede escribir, de quién es y por qué, y el archivo que trae."""
        user = user_of(request)
        message = visible_message(message_id, user, "thread__number", "thread__contact", "media")
        return Response(
            {
                "conversacion": _row(message),
                "thread": _thread(_with_link(message.thread, user)),
                "media": _media(media) if (media := _media_of(message)) else None,
            }
        )


def _with_link(thread: Thread, user: User) -> Thread:
    thread.standing_link = _standing_link(thread)  # type: ignore[attr-defined]
    thread.candidates = [] if thread.contact_id else _visible_candidates(thread, user)  # type: ignore[attr-defined]
    return thread


def _visible_candidates(thread: Thread, user: User) -> list[Contact]:
    found = candidates(thread)
    everybody = [*found.certain, *found.doubtful]
    if not everybody or not is_limited(user):
        return everybody
    theirs = set(
        Contact.objects.visible_to(user).filter(pk__in=[row.pk for row in everybody]).values_list("pk", flat=True)
    )
    return [contact for contact in everybody if contact.pk in theirs]


def _media_of(message: Message) -> Media | None:
    found: Media | None = getattr(message, "media", None)
    return found


# --- Sending ----------------------------------------------------------------------------------


class SendMessage(APIView):
    @extend_schema(operation_id="conversaciones_whatsapp_enviar", request=SendBody, responses=SentAnswer)
    def post(self, request: Request) -> Response:
        """Anota un mensaje y lo pone en cola; Meta lo recibe enseguida y su estado se lee después.

        Pasadas 24 horas desde lo último que escribió la persona solo se admite una plantilla aprobada.
        """
        user, sent = user_of(request), SendBody.read(request.data)
        wanted = _contact_seen_by(user, sent.get("cliente_id"))
        with transaction.atomic():
            thread = _thread_for(sent["to_number"], wanted, user)
            if sent.get("template"):
                template = _template(sent["template"], sent.get("language"))
                message = send_template(thread, template, values=sent.get("values") or (), by=user)
            else:
                message = send_text(thread, sent["message"], by=user)
            thread.mark_seen()  # who answers has read it
        was_named = sent.get("cliente_id") is not None
        return Response(
            {
                "success": True,
                "conversacion": _row(message),
                "cliente_encontrado": wanted is not None if was_named else message.cliente_id is not None,
                "cliente_id": message.cliente_id,
                "message_id": message.message_id,
                "estado": message.status,
            }
        )


def _thread_for(to_number: str, contact: Contact | None, user: User) -> Thread:
    """The thread of a number, or of the id of somebody who hides theirs; only one that `user` sees.

    Who sees only what is theirs gets the conversation that they begin.
    """
    thread = _thread_of_id(to_number) or thread_to(to_number, contact=contact)
    if is_limited(user):
        if thread.last_message_at is None and thread.contact_id is None and thread.assigned_to_id is None:
            thread.change(assigned_to=user)
        if not Thread.objects.visible_to(user).filter(pk=thread.pk).exists():
            raise Forbidden(NOT_YOURS)
    return thread


def _thread_of_id(typed: str) -> Thread | None:
    if finding.digits_of(typed):
        return None
    ids = (AliasKind.USER_ID, AliasKind.PARENT_USER_ID)
    named = Thread.objects.present().filter(aliases__kind__in=ids, aliases__value=typed)
    return named.newest_first().first()


def _contact_seen_by(user: User, contact_id: Any) -> Contact | None:
    return Contact.objects.visible_to(user).standing_for(contact_id) if contact_id else None


def _template(name: str, language: str | None) -> Template:
    """The approved template of this name; without a language the one in Spanish, else the first."""
    usable = Template.objects.usable().filter(name=name).in_order()
    found = list(usable.filter(language=language) if language else usable)
    if not found:
        raise Refusal(f"No hay ninguna plantilla aprobada «{name}».", code="plantilla_no_disponible")
    return next((template for template in found if template.language.startswith("es")), found[0])


class FindContact(APIView):
    @extend_schema(operation_id="conversaciones_whatsapp_buscar_cliente", responses=FoundContactAnswer)
    def get(self, request: Request, numero: str) -> Response:
        """De quién es un número, escrito de cualquier forma. Si es de varios, de ninguno: van como candidatos."""
        seen = Contact.objects.visible_to(user_of(request)).order_by("created_at", "id")
        certain = [_found_by(numero, contact) for contact in seen.with_phone(numero)[:MOST_CANDIDATES]]
        perhaps = [_found_by(numero, contact) for contact in seen.perhaps_with_phone(numero)[:MOST_CANDIDATES]]
        is_one = len(certain) == 1
        others = [] if is_one else [*certain, *(contact for contact in perhaps if contact not in certain)]
        return Response(
            {
                "cliente_encontrado": is_one,
                "cliente": _candidate(certain[0]) if is_one else None,
                "candidatos": [_candidate(contact) for contact in others],
            }
        )


def _found_by(numero: str, contact: Contact) -> Contact:
    """Of several numbers of a contact the client is told the one it asked for."""
    wanted = parse_phone(numero)
    for own in (contact.mobile, contact.phone):
        phone = parse_phone(own)
        if phone and wanted and phone.key == wanted.key:
            contact.found_by = phone.number  # type: ignore[attr-defined]
            return contact
    contact.found_by = wanted.number if wanted else None  # type: ignore[attr-defined]
    return contact


# --- Whose it is ------------------------------------------------------------------------------


class LinkMessage(APIView):
    @extend_schema(operation_id="conversaciones_whatsapp_vincular", request=LinkBody, responses=LinkedAnswer)
    def post(self, request: Request, message_id: str) -> Response:
        """Dice de quién es la conversación: todos sus mensajes, los pasados y los que vengan. Se puede deshacer."""
        user, sent = user_of(request), LinkBody.read(request.data)
        message = visible_message(message_id, user, "thread")
        contact = _contact_seen_by(user, sent["cliente_id"])
        if contact is None:
            raise NotFound(NO_SUCH_CONTACT)
        made = link(message.thread, contact, rule=LinkRule.BY_HAND, by=user, evidence=sent.get("motivo") or "")
        return _linked(message_id, user, made)


class UnlinkMessage(APIView):
    @extend_schema(operation_id="conversaciones_whatsapp_desvincular", request=None, responses=LinkedAnswer)
    def post(self, request: Request, message_id: str) -> Response:
        """Deshace el vínculo: la conversación queda como estaba antes de él, y ninguna regla lo repite."""
        user = user_of(request)
        message = visible_message(message_id, user, "thread")
        with transaction.atomic():
            message.thread.lock()
            standing = _standing_link(message.thread)
            if standing is None:
                raise Conflict(NOT_LINKED, code="sin_vinculo")
            undo_link(standing, by=user)
        return _linked(message_id, user, ThreadLink.objects.select_related("contact", "linked_by").get(pk=standing.pk))


def _linked(message_id: str, user: User, made: ThreadLink) -> Response:
    """The row as it is now. An agent may have unlinked what was theirs: they still read what they did."""
    message = readable_rows(None).get(pk=int(message_id))
    return Response({"success": True, "conversacion": _row(message), "vinculo": _link(made)})


def _standing_link(thread: Thread) -> ThreadLink | None:
    return ThreadLink.objects.standing().filter(thread=thread).select_related("contact", "linked_by").first()


# --- What becomes of it -----------------------------------------------------------------------


class TaskFromMessage(APIView):
    @extend_schema(operation_id="conversaciones_whatsapp_tarea", request=TaskFromMessageBody, responses=TaskAnswer)
    def post(self, request: Request, message_id: str) -> Response:
        """Crea una tarea desde el mensaje; repetirlo devuelve la misma."""
        user, sent = user_of(request), TaskFromMessageBody.read(request.data)
        message = visible_message(message_id, user, "thread")
        task = following.make_task(
            message,
            by=user,
            text=sent.get("text") or "",
            complete_till=sent.get("complete_till"),
            responsible_user=responsible_named(sent.get("responsible_user_id")),
        )
        return Response(TaskAnswer(task).data)


class OpportunityFromMessage(APIView):
    @extend_schema(
        operation_id="conversaciones_whatsapp_oportunidad",
        request=OpportunityFromMessageBody,
        responses=OpportunityAnswer,
    )
    def post(self, request: Request, message_id: str) -> Response:
        """Crea una oportunidad desde el mensaje; repetirlo devuelve la misma."""
        user, sent = user_of(request), OpportunityFromMessageBody.read(request.data)
        message = visible_message(message_id, user, "thread")
        made = following.make_opportunity(message, by=user, notes=sent.get("notes") or "")
        return Response(OpportunityAnswer(made).data)


def responsible_named(user_id: Any) -> User | None:
    """Who shall do it; 400 for somebody who may not be responsible, None for nobody named."""
    if user_id is None:
        return None
    found = User.objects.responsible().filter(pk=user_id).first()
    if found is None:
        raise Refusal("El responsable debe ser un usuario activo del CRM.", code="responsable_invalido")
    return found


# --- Rows -------------------------------------------------------------------------------------


def readable_rows(user: User | None) -> MessageQuerySet:
    """Messages with what a row shows and nothing else; of the threads that `user` sees."""
    rows = Message.objects.select_related("cliente").only(*COLUMNS)
    return finding.seen_by(user, rows) if user is not None else rows


def visible_message(typed_id: str, user: User, *related: str) -> Message:
    """The message of this id if `user` sees it, with what hangs on it; 404 also for what is no number."""
    message_id = int(typed_id) if typed_id.isascii() and typed_id.isdecimal() and len(typed_id) <= 18 else 0
    found = Message.objects.visible_to(user).select_related("cliente", *related).filter(pk=message_id).first()
    if found is None:
        raise NotFound(NO_SUCH_MESSAGE)
    return found
