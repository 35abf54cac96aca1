"""The closed lists of the ground floor: stored value, Spanish label."""

from django.db import models


class Role(models.TextChoices):
    ADMIN = "admin", "Administrador"
    LAWYER = "lawyer", "Abogado"
    AGENT = "agent", "Agente"
    USER = "user", "Usuario sin acceso al CRM"


# Who may be made responsible or be assigned (contract section 1), in the order messages name them.
RESPONSIBLE_ROLES = (Role.AGENT, Role.LAWYER, Role.ADMIN)


class DocumentType(models.TextChoices):
    DNI = "DNI", "DNI"
    RUC = "RUC", "RUC"
    CE = "CE", "Carné de extranjería"
    PASSPORT = "Pasaporte", "Pasaporte"
    OTHER = "Otro", "Otro"


class Grading(models.TextChoices):
    A = "A", "A"
    B_PLUS = "B+", "B+"
    B_MINUS = "B-", "B-"
    C = "C", "C"
    D = "D", "D"


class LandingProduct(models.TextChoices):
    IRREGULAR = "situacion_irregular", "Situación irregular"
    NATIONALITY = "nacionalidad", "Nacionalidad"


class PhoneLabel(models.TextChoices):
    PHONE = "phone", "Teléfono"
    MOBILE = "mobile", "Móvil"
    LANDLINE = "landline", "Fijo"
    OTHER = "other", "Otro"


class LeadStatus(models.TextChoices):
    NEW = "new", "Nuevo"
    CONTACTED = "contacted", "Contactado"
    PROPOSAL = "proposal", "Propuesta"
    NEGOTIATION = "negotiation", "Negociación"
    WON = "won", "Ganado"
    LOST = "lost", "Perdido"


class Typification(models.TextChoices):
    """How a contact attempt ended, in the words of the call centre (presence-systems 1.3)."""

    NO_ANSWER = "NO CONTESTA", "No contesta"
    FALSE_DATA = "DATO FALSO", "Dato falso"
    NOT_INTERESTED_PROJECT = "NO INTERESADO - POR PROYECTO", "No interesado: por proyecto"
    OUT_OF_SERVICE = "FUERA DE SERVICIO", "Fuera de servicio"
    NOT_REGISTERED = "NO REGISTRADO", "No registrado"
    CALL_BACK = "VOLVER A LLAMAR", "Volver a llamar"
    SWITCHED_OFF = "APAGADO", "Apagado"
    FOLLOW_UP = "SEGUIMIENTO", "Seguimiento"
    NOT_INTERESTED_MONEY = "NO INTERESADO - MEDIOS ECONOMICOS", "No interesado: medios económicos"
    APPOINTMENT_ZOOM = "CITA - ZOOM", "Cita: Zoom"
    NOT_INTERESTED_PLACE = "NO INTERESADO - UBICACION", "No interesado: ubicación"
    BOUGHT_ELSEWHERE = "NO INTERESADO - YA COMPRO EN OTRO LUGAR", "No interesado: ya compró en otro lugar"
    INFORMATION_SENT = "INFORMACION WSP/CORREO", "Información por WhatsApp o correo"
    THIRD_PARTY = "TERCERO", "Tercero"
    NOT_INTERESTED_LEGAL = "NO INTERESADO - LEGALES", "No interesado: legales"
    APPOINTMENT_ROOM = "CITA - SALA", "Cita: sala"
    APPOINTMENT_PROJECT = "CITA - PROYECTO", "Cita: proyecto"
    APPOINTMENT_TO_CONFIRM = "CITA - POR CONFIRMAR", "Cita: por confirmar"
    APPOINTMENT_HXH = "CITA - HxH", "Cita: HxH"
    ATTENDED = "YA ASISTIO", "Ya asistió"
    DUPLICATE = "DUPLICADO", "Duplicado"
    ALREADY_OWNER = "YA ES PROPIETARIO", "Ya es propietario"
    ESTATE_AGENT = "AGENTE INMOBILIARIO", "Agente inmobiliario"
    WHATSAPP = "GESTON WSP", "Gestión por WhatsApp"  # spelled so in the systems that send it
    NOT_QUALIFIED = "NO CALIFICA", "No califica"


class Project(models.TextChoices):
    OASIS_1 = "OASIS 1 (HUACHO 1)", "OASIS 1 (HUACHO 1)"
    OASIS_2 = "OASIS 2 (AUCALLAMA)", "OASIS 2 (AUCALLAMA)"
    OASIS_3 = "OASIS 3 (HUACHO 2)", "OASIS 3 (HUACHO 2)"
    OASIS_1_2 = "OASIS 1 y 2", "OASIS 1 y 2"
    OASIS_2_3 = "OASIS 2 y 3", "OASIS 2 y 3"
    OASIS_1_3 = "OASIS 1 y 3", "OASIS 1 y 3"
    OASIS_1_2_3 = "OASIS 1,2 y 3", "OASIS 1,2 y 3"


class CapturePlace(models.TextChoices):
    STREET = "CALLE", "Calle"
    BOOTH = "MODULO", "Módulo"


class AppointmentState(models.TextChoices):
    PENDING = "Pendiente", "Pendiente"
    CONFIRMED = "Confirmada", "Confirmada"
    ATTENDED = "Realizada", "Realizada"
    CANCELLED = "Cancelada", "Cancelada"
    RESCHEDULED = "Reprogramada", "Reprogramada"
    NO_SHOW = "No asistió", "No asistió"


class TaskType(models.TextChoices):
    CALL = "call", "Llamada"
    MEETING = "meeting", "Reunión"
    EMAIL = "email", "Correo"
    DEADLINE = "deadline", "Vencimiento"
    FOLLOW_UP = "follow_up", "Seguimiento"
    REMINDER = "reminder", "Recordatorio"
    OTHER = "other", "Otra"
    FIRST_CALL = "first_call", "Primera llamada"
    NOTE_SALE = "note_sale", "Nota de venta"


class NoteType(models.TextChoices):
    COMMENT = "comment", "Comentario"
    CALL = "call", "Llamada"
    MEETING = "meeting", "Reunión"
    EMAIL = "email", "Correo"
    TASK = "task", "Tarea"
    SYSTEM = "system", "Sistema"
    OTHER = "other", "Otra"


class EntityType(models.TextChoices):
    """What a call, task or note is about, as the API names it."""

    CONTACTS = "contacts", "Contacto"
    LEADS = "leads", "Lead"


class ImportKind(models.TextChoices):
    CONTACTS = "contacts", "Contactos"
    LEADS = "leads", "Leads"


class ImportState(models.TextChoices):
    PREVIEWED = "previewed", "Vista previa"
    QUEUED = "queued", "En cola"
    RUNNING = "running", "En curso"
    DONE = "done", "Terminada"
    FAILED = "failed", "Fallida"
    CANCELLED = "cancelled", "Cancelada"


class RowOutcome(models.TextChoices):
    CREATED = "created", "Creada"
    MERGED = "merged", "Fusionada"
    DUPLICATE = "duplicate", "Duplicada"
    FAILED = "failed", "Con error"
