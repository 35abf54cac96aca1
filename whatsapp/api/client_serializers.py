"""People, tickets and communications in the words of the client's other pages (contracts/whatsapp-client.md 5)."""

import json
import re
from datetime import date
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.api.base import Answer, Body, HomeDateTimeField
from crm.choices import Role
from crm.models import Contact, Task
from crm.text import tidy_document
from whatsapp.api.serializers import CandidateAnswer, ForgivingIdField
from whatsapp.choices import Direction
from whatsapp.models import Message

KINDS = ("consulta", "incidencia", "solicitud", "reclamo", "contacto")
PRIORITIES = ("baja", "media", "urgente")
OPEN, DONE = "abierto", "resuelto"
STATES = (OPEN, "en_proceso", DONE, "cerrado")
LONGEST_ADDRESS = 255
# How a task says what its ticket had beside its words; people read it too.
_NATURE = re.compile(r"\n\(Tipo: (\w+) · Prioridad: (\w+)\)\Z")

# --- People -----------------------------------------------------------------------------------


class ClientContactAnswer(CandidateAnswer):
    """A contact as "cliente"."""

    direccion = serializers.SerializerMethodField()
    fecha_nacimiento = serializers.SerializerMethodField()
    ocupacion = serializers.CharField(source="position", allow_null=True)
    estado = serializers.SerializerMethodField()
    notas = serializers.CharField(source="notes_text", allow_null=True)
    usuario_registro = serializers.CharField(source="created_by.email", allow_null=True)
    fecha_registro = serializers.DateTimeField(source="created_at")
    fecha_actualizacion = serializers.DateTimeField(source="updated_at")

    def get_direccion(self, contact: Contact) -> str | None:
        """Tal como la envió el formulario, si vino de él."""
        given: str | None = contact.custom_fields.get("direccion")
        return given or contact.address

    def get_fecha_nacimiento(self, contact: Contact) -> str | None:
        found: str | None = contact.custom_fields.get("fecha_nacimiento")
        return found

    def get_estado(self, contact: Contact) -> str:
        return str(contact.custom_fields.get("estado") or "ACTIVO")


class ClientContactBody(Body):
    cedula = serializers.CharField(
        max_length=20, label="Cédula", help_text="De 6 a 13 caracteres, sin contar espacios ni guiones."
    )
    nombres = serializers.CharField(min_length=2, max_length=100)
    telefono = serializers.CharField(max_length=40, label="Teléfono")
    email = serializers.EmailField(max_length=254, required=False, allow_null=True)
    direccion = serializers.CharField(
        required=False, allow_null=True, max_length=500, help_text="Texto, u objeto JSON."
    )
    fecha_nacimiento = serializers.DateField(required=False, allow_null=True)
    ocupacion = serializers.CharField(required=False, allow_null=True, max_length=100)
    estado = serializers.ChoiceField(choices=["ACTIVO", "INACTIVO"], required=False, allow_null=True)
    notas = serializers.CharField(required=False, allow_null=True)

    def validate_cedula(self, value: str) -> str:
        number = tidy_document(value) or ""
        if not 6 <= len(number) <= 13:
            raise serializers.ValidationError("La cédula tiene de 6 a 13 caracteres.")
        return number


def contact_fields(sent: dict[str, Any]) -> dict[str, Any]:
    """What the client's form says, under our names; what has no column is kept with the custom fields."""
    address = _address(sent.get("direccion"))
    born: date | None = sent.get("fecha_nacimiento")
    own = {
        "direccion": sent.get("direccion"),
        "fecha_nacimiento": born.isoformat() if born else None,
        "estado": sent.get("estado"),
    }
    found = {
        "name": sent["nombres"],
        "document_number": sent["cedula"],
        "mobile": sent["telefono"],
        "email": sent.get("email"),
        "position": sent.get("ocupacion"),
        "notes": sent.get("notas"),
        "custom_fields": {name: value for name, value in own.items() if value},
        **address,
    }
    return {name: value for name, value in found.items() if value}


def _address(given: str | None) -> dict[str, str]:
    """The form writes an object as text; people read the parts."""
    try:
        parts = json.loads(given or "")
    except ValueError:
        parts = None
    if not isinstance(parts, dict):
        return {"address": given[:LONGEST_ADDRESS]} if given else {}
    texts = {name: value.strip() for name, value in parts.items() if isinstance(value, str) and value.strip()}
    street = [
        texts[name] for name in ("callePrincipal", "calleTransversal", "descripcion", "parroquia") if name in texts
    ]
    places = {"district": texts.get("municipio"), "city": texts.get("ciudad"), "state": texts.get("estado")}
    return {
        "address": ", ".join(street)[:LONGEST_ADDRESS],
        **{name: text[:100] for name, text in places.items() if text},
    }


class AutomaticClientBody(Body):
    telefono = serializers.CharField(max_length=40, required=False, allow_null=True)
    email = serializers.EmailField(max_length=254, required=False, allow_null=True)
    nombres = serializers.CharField(max_length=255, required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("telefono") and not attrs.get("email"):
            raise serializers.ValidationError({"telefono": "Indique un teléfono o un correo."})
        return attrs


class AutomaticClientAnswer(Answer):
    success = serializers.BooleanField()
    cliente = ClientContactAnswer()


class ClientUserAnswer(Answer):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    nombre = serializers.CharField(source="first_name")
    apellido = serializers.CharField(source="last_name")
    rol = serializers.ChoiceField(choices=Role.choices, source="role")
    cargo = serializers.CharField(source="get_role_display")
    is_admin = serializers.BooleanField(source="is_administrator")
    is_active = serializers.BooleanField()


class ClientUsersAnswer(Answer):
    items = ClientUserAnswer(many=True)
    total = serializers.IntegerField()
    page = serializers.IntegerField()
    page_size = serializers.IntegerField()


# --- Tickets ----------------------------------------------------------------------------------


class TicketBody(Body):
    titulo = serializers.CharField(max_length=200)
    descripcion = serializers.CharField(max_length=10_000)
    tipo = serializers.ChoiceField(choices=KINDS, required=False, allow_null=True)
    prioridad = serializers.ChoiceField(choices=PRIORITIES, required=False, allow_null=True)
    estado = serializers.ChoiceField(choices=STATES, required=False, allow_null=True)
    cliente_id = ForgivingIdField(required=False, allow_null=True)
    conversacion_whatsapp_id = serializers.IntegerField(required=False, allow_null=True, max_value=10**18)
    asignado_a_id = ForgivingIdField(required=False, allow_null=True, help_text="Sin él, quien hace la petición.")
    fecha_limite = HomeDateTimeField(required=False, allow_null=True)


class TicketChangeBody(Body):
    estado = serializers.ChoiceField(choices=STATES, required=False, allow_null=True)
    asignado_a_id = ForgivingIdField(required=False, allow_null=True)
    fecha_limite = HomeDateTimeField(required=False, allow_null=True)


class TicketAnswer(Answer):
    """A task of the CRM as "ticket": its first line is the title."""

    id = serializers.UUIDField()
    titulo = serializers.SerializerMethodField()
    descripcion = serializers.SerializerMethodField()
    tipo = serializers.SerializerMethodField()
    prioridad = serializers.SerializerMethodField()
    estado = serializers.SerializerMethodField()
    cliente_id = serializers.UUIDField(source="person_id")
    cliente = serializers.CharField(source="person_name")
    clienteData = serializers.SerializerMethodField()
    conversacion_whatsapp_id = serializers.SerializerMethodField()
    asignado_a = serializers.CharField(source="responsible_user.name", allow_null=True)
    asignado_a_id = serializers.UUIDField(source="responsible_user_id", allow_null=True)
    creado_por_id = serializers.UUIDField(source="created_by_id", allow_null=True)
    fecha_limite = serializers.DateTimeField(source="complete_till", allow_null=True)
    fechaCreacion = serializers.DateTimeField(source="created_at")
    fechaActualizacion = serializers.DateTimeField(source="updated_at")

    def get_titulo(self, task: Task) -> str:
        return words_of_ticket(task.text)[0]

    def get_descripcion(self, task: Task) -> str:
        return words_of_ticket(task.text)[1]

    def get_tipo(self, task: Task) -> str:
        found = _NATURE.search(task.text)
        return found[1] if found else KINDS[0]

    def get_prioridad(self, task: Task) -> str:
        found = _NATURE.search(task.text)
        return found[2] if found else PRIORITIES[1]

    def get_estado(self, task: Task) -> str:
        return DONE if task.is_completed else OPEN

    @extend_schema_field(CandidateAnswer)
    def get_clienteData(self, task: Task) -> Any:
        person = task.contact or (task.lead.contact if task.lead else None)
        return CandidateAnswer(person).data if person else None

    def get_conversacion_whatsapp_id(self, task: Task) -> int | None:
        made_from: Any = task
        return next((message.pk for message in made_from.whatsapp_messages.all()), None)


def text_of_ticket(sent: dict[str, Any]) -> str:
    nature = f"(Tipo: {sent.get('tipo') or KINDS[0]} · Prioridad: {sent.get('prioridad') or PRIORITIES[1]})"
    return f"{sent['titulo']}\n{sent['descripcion']}\n{nature}"


def words_of_ticket(text: str) -> tuple[str, str]:
    """Title and description: a task that was no ticket has only the first."""
    title, _, rest = _NATURE.sub("", text).partition("\n")
    return title, rest or title


# --- Communications ---------------------------------------------------------------------------


class CommunicationAnswer(Answer):
    """A message of WhatsApp beside e-mails, of which there are none here."""

    id = serializers.IntegerField()
    tipo = serializers.SerializerMethodField()
    from_contact = serializers.CharField(source="from_number")
    to_contact = serializers.CharField(source="to_number")
    subject = serializers.SerializerMethodField()
    body = serializers.CharField(allow_null=True)
    timestamp = serializers.DateTimeField()
    direccion = serializers.ChoiceField(choices=Direction.choices)
    cliente_id = serializers.UUIDField(allow_null=True)
    ticket_id = serializers.UUIDField(allow_null=True)
    requiere_respuesta = serializers.SerializerMethodField()
    procesado = serializers.BooleanField()
    respuesta_enviada = serializers.BooleanField()
    creado_en = serializers.DateTimeField()

    def get_tipo(self, message: Message) -> str:
        return "whatsapp"

    def get_subject(self, message: Message) -> str | None:
        """Siempre null: WhatsApp no tiene asunto."""
        return None

    def get_requiere_respuesta(self, message: Message) -> bool:
        """Es de la persona, y nadie ha respondido desde entonces."""
        since = message.thread.unanswered_since
        return message.direccion == Direction.INBOUND and since is not None and message.timestamp >= since
