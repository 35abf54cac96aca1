"""The closed lists of WhatsApp: stored value, Spanish label."""

from django.db import models


class Direction(models.TextChoices):
    INBOUND = "INBOUND", "Recibido"
    OUTBOUND = "OUTBOUND", "Enviado"


class Author(models.TextChoices):
    """Who wrote it. Only what a contact wrote opens the 24 hours; only what a person wrote silences the bot."""

    CONTACT = "contact", "Cliente"
    USER = "user", "Persona"
    BOT = "bot", "Bot"
    PHONE = "phone", "Teléfono del negocio"  # somebody answered from the Business app
    SYSTEM = "system", "WhatsApp"  # "changed their number": nobody wrote it


class MessageStatus(models.TextChoices):
    """How far a message got. Only forward: `STATUS_RANKS` decides (contract section 4)."""

    RECEIVED = "received", "Recibido"
    QUEUED = "queued", "En cola"
    WITHDRAWN = "withdrawn", "Retirado"  # nobody sent it: a person took over, or the 24 hours were over
    UNCERTAIN = "uncertain", "Sin confirmar"  # it may have left: only a status of Meta's can tell
    ACCEPTED = "accepted", "Aceptado"  # by Meta; not yet on its way
    SENT = "sent", "Enviado"
    FAILED = "failed", "Falló"
    DELIVERED = "delivered", "Entregado"
    READ = "read", "Leído"
    PLAYED = "played", "Escuchado"


# `failed` wins over "sent" and loses against "delivered": of several devices one may have it (whatsapp-anchors a.5).
STATUS_RANKS: dict[str, int] = {
    MessageStatus.RECEIVED: 0,
    MessageStatus.QUEUED: 0,
    MessageStatus.WITHDRAWN: 1,
    MessageStatus.UNCERTAIN: 2,
    MessageStatus.ACCEPTED: 3,
    MessageStatus.SENT: 4,
    MessageStatus.FAILED: 5,
    MessageStatus.DELIVERED: 6,
    MessageStatus.READ: 7,
    MessageStatus.PLAYED: 8,
}
NEVER_LEFT = (MessageStatus.WITHDRAWN, MessageStatus.FAILED)
# What Meta's webhook says that moves a message on; any other word is kept and moves nothing.
STATUSES_OF_META = (
    MessageStatus.SENT,
    MessageStatus.DELIVERED,
    MessageStatus.READ,
    MessageStatus.PLAYED,
    MessageStatus.FAILED,
)


class EventState(models.TextChoices):
    """Of a raw request of Meta's."""

    STORED = "stored", "Por procesar"
    APPLYING = "applying", "Procesándose"
    APPLIED = "applied", "Procesado"
    FAILED = "failed", "Con fallos"  # at least one item could not be applied; the others were


class ItemState(models.TextChoices):
    KEPT = "kept", "Guardado"  # nothing of ours follows from it; shown as it came
    FAILED = "failed", "Falló"
    MENDED = "mended", "Recuperado"  # failed once, applied since


class AliasKind(models.TextChoices):
    """What one person is known by at one business number."""

    WA_ID = "wa_id", "Número de WhatsApp"
    PHONE = "phone", "Teléfono"  # the match key of crm/phones.py: forgives MX 521, AR 549, BR ninth digit
    USER_ID = "user_id", "Identificador de usuario"  # business-scoped, for people without a visible number
    PARENT_USER_ID = "parent_user_id", "Identificador del grupo"


class LinkState(models.TextChoices):
    LINKED = "linked", "Vinculada"
    UNKNOWN = "unknown", "Sin cliente"
    SEVERAL = "several", "Varios candidatos"
    DOUBTFUL = "doubtful", "Candidato dudoso"  # the same number only if one Argentine 9 is overlooked
    UNLINKED = "unlinked", "Desvinculada a mano"  # a person said it is nobody of these: no rule links it again


class LinkRule(models.TextChoices):
    """Why a thread belongs to a contact."""

    EXACT_NUMBER = "exact_number", "Mismo número"
    SPELLING = "spelling", "Mismo número, escrito de otra forma"
    DOCUMENT = "document", "Escribió su documento"
    NEW_CONTACT = "new_contact", "Cliente creado desde la conversación"
    BY_HAND = "by_hand", "Vinculada a mano"
    SENT_TO = "sent_to", "Se le escribió como cliente"


class MediaState(models.TextChoices):
    PENDING = "pending", "Por descargar"
    FETCHING = "fetching", "Descargándose"
    STORED = "stored", "Guardado"
    REFUSED = "refused", "No admitido"  # its type or size
    FAILED = "failed", "No se pudo descargar"


class Audience(models.TextChoices):
    EVERYBODY = "everybody", "Todos"
    KNOWN = "known", "Clientes vinculados"
    UNKNOWN = "unknown", "Desconocidos"


class WhenOpen(models.TextChoices):
    ALWAYS = "always", "Siempre"
    OPEN = "open", "En horario de atención"
    CLOSED = "closed", "Fuera de horario"


class RuleAction(models.TextChoices):
    ANSWER = "answer", "Responder"
    HAND_OVER = "hand_over", "Responder y pasar a una persona"


class Silence(models.TextChoices):
    """Why the bot keeps quiet in a thread."""

    TAKEN_OVER = "taken_over", "Lo atiende una persona"
    PHONE = "phone", "Se respondió desde el teléfono"
    ASKED_FOR_PERSON = "asked_for_person", "Pidió hablar con una persona"
    OFF = "off", "Bot apagado en esta conversación"


class TemplateStatus(models.TextChoices):
    APPROVED = "APPROVED", "Aprobada"
    PENDING = "PENDING", "En revisión"
    REJECTED = "REJECTED", "Rechazada"
    PAUSED = "PAUSED", "En pausa"
    DISABLED = "DISABLED", "Desactivada"
    OTHER = "OTHER", "Otro"


class Weekday(models.IntegerChoices):
    MONDAY = 0, "Lunes"
    TUESDAY = 1, "Martes"
    WEDNESDAY = 2, "Miércoles"
    THURSDAY = 3, "Jueves"
    FRIDAY = 4, "Viernes"
    SATURDAY = 5, "Sábado"
    SUNDAY = 6, "Domingo"
