"""Messages as the client reads them (contracts/whatsapp-client.md sections 1 and 4), and what it sends."""

from typing import Any
from uuid import UUID

from rest_framework import serializers

from crm.api.base import Answer, Body, HomeDateTimeField, IdField, as_id
from crm.models import Contact
from whatsapp.choices import Author, Direction, LinkRule, LinkState, MediaState, MessageStatus
from whatsapp.models import Media, Thread

# What nobody has.
NOBODY = UUID(int=0)

# --- Answers ----------------------------------------------------------------------------------


class ConversationAnswer(Answer):
    """One row of `conversaciones_whatsapp`, and below what this client does not know and passes over."""

    id = serializers.IntegerField()
    message_id = serializers.CharField(allow_null=True, help_text="El `wamid` de Meta; null mientras está en cola.")
    from_number = serializers.CharField(help_text="En los enviados, el `phone_number_id`.")
    to_number = serializers.CharField(help_text="En los recibidos, el `phone_number_id`.")
    message_type = serializers.CharField()
    body = serializers.CharField(allow_null=True)
    timestamp = serializers.DateTimeField()
    direccion = serializers.ChoiceField(choices=Direction.choices)
    cliente_id = serializers.UUIDField(allow_null=True)
    ticket_id = serializers.UUIDField(allow_null=True, help_text="La tarea creada desde el mensaje.")
    procesado = serializers.BooleanField()
    respuesta_enviada = serializers.BooleanField()
    respuesta_id = serializers.IntegerField(allow_null=True, help_text="El mensaje que este responde.")
    respuesta_bot = serializers.CharField(allow_null=True)
    respuesta_meta_id = serializers.CharField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    creado_en = serializers.DateTimeField()
    actualizado_en = serializers.DateTimeField()
    thread_id = serializers.IntegerField(help_text="La conversación: una persona con un número del negocio.")
    cliente = serializers.CharField(source="cliente.name", allow_null=True)
    author = serializers.ChoiceField(choices=Author.choices)
    status = serializers.ChoiceField(choices=MessageStatus.choices)
    sent_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    read_at = serializers.DateTimeField(allow_null=True)
    failed_at = serializers.DateTimeField(allow_null=True)
    error_code = serializers.IntegerField(allow_null=True, help_text="El código de Meta.")
    edited_at = serializers.DateTimeField(allow_null=True)
    deleted_at = serializers.DateTimeField(allow_null=True)


# What a row reads: neither Meta's JSON nor the words it is found by.
COLUMNS = [*(str(name) for name in ConversationAnswer().fields if str(name) != "cliente"), "cliente__name"]


class CandidateAnswer(Answer):
    """Enough to recognise somebody by, in the words of this client."""

    id = serializers.UUIDField()
    cedula = serializers.CharField(source="document_number", allow_null=True)
    nombres = serializers.CharField(source="name")
    telefono = serializers.SerializerMethodField()
    email = serializers.CharField(allow_null=True)

    def get_telefono(self, contact: Contact) -> str | None:
        found_by: str | None = getattr(contact, "found_by", None)
        return found_by or contact.mobile or contact.phone


class LinkAnswer(Answer):
    """Why the conversation belongs to its client."""

    cliente_id = serializers.UUIDField(source="contact_id")
    cliente = serializers.CharField(source="contact.name")
    rule = serializers.ChoiceField(choices=LinkRule.choices)
    rule_title = serializers.CharField(source="get_rule_display")
    evidence = serializers.CharField(allow_blank=True)
    linked_by = serializers.UUIDField(source="linked_by_id", allow_null=True, help_text="Null: una regla.")
    linked_by_name = serializers.CharField(source="linked_by.name", allow_null=True)
    linked_at = serializers.DateTimeField()
    undone_by = serializers.UUIDField(source="undone_by_id", allow_null=True)
    undone_at = serializers.DateTimeField(allow_null=True)


class ThreadAnswer(Answer):
    id = serializers.IntegerField()
    title = serializers.CharField()
    number = serializers.CharField(source="address", allow_blank=True)
    profile_name = serializers.CharField(allow_blank=True)
    business_number = serializers.CharField(source="number.phone_number_id")
    cliente_id = serializers.UUIDField(source="contact_id", allow_null=True)
    assigned_to = serializers.UUIDField(source="assigned_to_id", allow_null=True)
    unread = serializers.IntegerField()
    unanswered_since = serializers.DateTimeField(allow_null=True)
    bot_is_silent = serializers.BooleanField(source="is_bot_silent")
    window_closes_at = serializers.DateTimeField(
        allow_null=True, help_text="Hasta cuándo se puede escribir libremente."
    )
    can_write = serializers.SerializerMethodField(help_text="Si no, solo una plantilla aprobada.")
    link_state = serializers.ChoiceField(choices=LinkState.choices)
    link = LinkAnswer(allow_null=True, source="standing_link")
    candidates = CandidateAnswer(many=True, help_text="Si no está vinculada: quiénes tienen su número.")

    def get_can_write(self, thread: Thread) -> bool:
        return thread.is_window_open and thread.opted_out_at is None


class MediaAnswer(Answer):
    kind = serializers.CharField()
    mime_type = serializers.CharField(allow_blank=True)
    filename = serializers.CharField(allow_blank=True)
    size = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(choices=MediaState.choices)
    error = serializers.CharField(allow_blank=True)
    url = serializers.SerializerMethodField(help_text="Con el mismo token; null mientras no se haya guardado.")

    def get_url(self, media: Media) -> str | None:
        if media.state != MediaState.STORED:
            return None
        return f"/api/v1/conversaciones-whatsapp/{media.message_id}/archivo"


class OneMessageAnswer(Answer):
    conversacion = ConversationAnswer()
    thread = ThreadAnswer()
    media = MediaAnswer(allow_null=True)


class ConversationFiguresAnswer(Answer):
    total = serializers.IntegerField()
    inbound = serializers.IntegerField()
    outbound = serializers.IntegerField()
    con_cliente = serializers.IntegerField()
    sin_cliente = serializers.IntegerField()
    respuestas_enviadas = serializers.IntegerField()
    ultimas_24h = serializers.IntegerField()


class SentAnswer(Answer):
    success = serializers.BooleanField()
    conversacion = ConversationAnswer()
    cliente_encontrado = serializers.BooleanField()
    cliente_id = serializers.UUIDField(allow_null=True)
    message_id = serializers.CharField(allow_null=True, help_text="Null hasta que Meta lo acepta.")
    estado = serializers.ChoiceField(choices=MessageStatus.choices)


class FoundContactAnswer(Answer):
    cliente_encontrado = serializers.BooleanField()
    cliente = CandidateAnswer(allow_null=True)
    candidatos = CandidateAnswer(many=True, help_text="Si el número es de varios, o solo quizás de alguien.")


class LinkedAnswer(Answer):
    success = serializers.BooleanField()
    conversacion = ConversationAnswer()
    vinculo = LinkAnswer(allow_null=True)


# --- Bodies -----------------------------------------------------------------------------------


class ForgivingIdField(IdField):
    """An id as another program keeps it: what is none of ours is the id of nobody, never a mistake."""

    def to_internal_value(self, data: Any) -> Any:
        return as_id(data) or NOBODY


class SendBody(Body):
    to_number = serializers.CharField(max_length=200, help_text="En cualquier escritura; mejor con su país.")
    message = serializers.CharField(required=False, allow_blank=True, help_text="Obligatorio si no va una plantilla.")
    cliente_id = ForgivingIdField(required=False, allow_null=True, help_text="Uno que no existe no impide el envío.")
    template = serializers.CharField(
        max_length=512, required=False, allow_null=True, help_text="Nombre de una plantilla aprobada: vale siempre."
    )
    language = serializers.CharField(max_length=20, required=False, allow_null=True, help_text="De la plantilla.")
    values = serializers.JSONField(
        required=False,
        allow_null=True,
        help_text="Lo que va en sus huecos: una lista de textos, o un objeto por partes.",
    )

    def validate_values(self, value: Any) -> Any:
        lists = list(value.values()) if isinstance(value, dict) else [value]
        texts = (list, tuple)
        if value is not None and not all(isinstance(row, texts) and all(map(_is_text, row)) for row in lists):
            raise serializers.ValidationError("Los valores son una lista de textos, o un objeto con listas de textos.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("message") and not attrs.get("template"):
            raise serializers.ValidationError({"message": "Este campo es requerido."})
        return attrs


def _is_text(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


class LinkBody(Body):
    cliente_id = IdField(label="Cliente")
    motivo = serializers.CharField(required=False, allow_null=True, max_length=300, help_text="Por qué es esa persona.")


class TaskFromMessageBody(Body):
    text = serializers.CharField(required=False, allow_null=True, help_text="Sin él, lo que dice el mensaje.")
    complete_till = HomeDateTimeField(required=False, allow_null=True, help_text="Sin ella, mañana.")
    responsible_user_id = IdField(required=False, allow_null=True, help_text="Sin él, quien hace la petición.")


class OpportunityFromMessageBody(Body):
    notes = serializers.CharField(required=False, allow_null=True)
