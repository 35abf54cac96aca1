"""The closed lists of what leaves and of what arrives: stored value, Spanish label."""

from django.db import models


class DeliveryState(models.TextChoices):
    PENDING = "pending", "En espera"
    SENDING = "sending", "Enviándose"
    DELIVERED = "delivered", "Entregada"
    DEAD = "dead", "Sin entregar"  # every try was used, or the receiver said never again
    ASIDE = "aside", "Apartada"  # it ended the worker that held it, again and again
    UNCERTAIN = "uncertain", "Sin confirmar"  # it may have arrived, and must not arrive twice
    WITHDRAWN = "withdrawn", "Retirada"  # it should not go out any more


# Nothing more happens to these by itself.
FINISHED_STATES = (
    DeliveryState.DELIVERED,
    DeliveryState.DEAD,
    DeliveryState.ASIDE,
    DeliveryState.UNCERTAIN,
    DeliveryState.WITHDRAWN,
)
# These are still to be sent, or on their way.
WAITING_STATES = (DeliveryState.PENDING, DeliveryState.SENDING)
# Nothing is left to be done about these, so they are removed after their time.
FORGOTTEN_STATES = (DeliveryState.DELIVERED, DeliveryState.UNCERTAIN, DeliveryState.WITHDRAWN)
# Somebody has to look at these.
FAILED_STATES = (DeliveryState.DEAD, DeliveryState.ASIDE)


class AttemptOutcome(models.TextChoices):
    RUNNING = "running", "En curso"
    DELIVERED = "delivered", "Aceptada"
    REFUSED = "refused", "Rechazada"  # an answer, but not a 2xx
    UNANSWERED = "unanswered", "Sin respuesta"
    LOST = "lost", "Interrumpida"  # the worker ended before it could tell
    RELEASED = "released", "No se intentó"  # held, but given back before its turn


# --- What arrives: the words of the sales application (presence-systems 4 and 6.4) --------------


class CaptureMedium(models.TextChoices):
    FIELD = "campo_opc", "Campo (OPC)"
    FACEBOOK = "redes_facebook", "Facebook"
    INSTAGRAM = "redes_instagram", "Instagram"
    TIKTOK = "redes_tiktok", "TikTok"
    REFERRAL = "referido", "Referido"
    WEB = "web", "Web"
    OTHER = "otro", "Otro"


class Modality(models.TextChoices):
    IN_PERSON = "presencial", "Presencial"
    VIRTUAL = "virtual", "Virtual"


class PresenceStatus(models.TextChoices):
    SCHEDULED = "agendada", "Agendada"
    ATTENDED = "realizada", "Realizada"
    RESCHEDULED = "reprogramada", "Reprogramada"
    CANCELLED = "cancelada_cliente", "Cancelada por el cliente"
    NO_SHOW = "no_asistio", "No asistió"
    FAILED = "caida_proceso", "Caída en el proceso"


class PresenceResult(models.TextChoices):
    FOLLOW_UP = "interesado_seguimiento", "Interesado: seguimiento"
    RESERVATION = "interesado_separacion", "Interesado: separación"
    DIRECT_SALE = "interesado_venta_directa", "Interesado: venta directa"
    OBJECTION = "no_interesado_objecion", "No interesado: objeción"
    PRICE = "no_interesado_precio", "No interesado: precio"
    NOT_INTERESTED = "no_interesado_otro", "No interesado: otro motivo"


class MaritalStatus(models.TextChoices):
    SINGLE = "Soltero(a)", "Soltero(a)"
    MARRIED = "Casado(a)", "Casado(a)"
    WIDOWED = "Viudo(a)", "Viudo(a)"
    DIVORCED = "Divorciado(a)", "Divorciado(a)"
    COHABITING = "Conviviente", "Conviviente"


class SaleKind(models.TextChoices):
    CASH = "contado", "Contado"
    CREDIT = "credito", "Crédito"


class SaleTerm(models.IntegerChoices):
    """Months of credit; a cash sale has none."""

    NONE = 0, "Sin plazo"
    TWELVE = 12, "12 meses"
    TWENTY_FOUR = 24, "24 meses"
    THIRTY_SIX = 36, "36 meses"


class SaleStatus(models.TextChoices):
    RESERVED = "separacion", "Separación"
    READY = "procesable", "Procesable"
    COMPLETED = "completada", "Completada"
    CANCELLED = "anulado", "Anulada"


class JuniorShare(models.TextChoices):
    OPC_CALL = "opc y call", "OPC y call"
    OPC_CALL_LINE = "opc, call y línea", "OPC, call y línea"
    OPC_CALL_FRONT = "opc, call, front", "OPC, call y front"
    NONE = "N/A", "No corresponde"


class PartnerShare(models.TextChoices):
    FRONT = "front", "Front"
    CLOSING = "cierre", "Cierre"
    NONE = "no participa", "No participa"
    NOT_APPLICABLE = "N/A", "No corresponde"
