"""The closed lists of opportunities."""

from django.db import models


class OpportunityStatus(models.TextChoices):
    PENDING = "pending", "Pendiente"
    ASSIGNED = "assigned", "Asignada"
    CONTACTED = "contacted", "Contactada"
    CONVERTED = "converted", "Convertida"
    EXPIRED = "expired", "Vencida"
    LOST = "lost", "Perdida"


# Still worth a call: what random assignment draws from and what a first call counts for.
OPEN_STATUSES = (OpportunityStatus.PENDING, OpportunityStatus.ASSIGNED, OpportunityStatus.CONTACTED)


class Priority(models.IntegerChoices):
    """Stored as a rank, so that the list's order is an index's order."""

    LOW = 1, "Baja"
    MEDIUM = 2, "Media"
    HIGH = 3, "Alta"


class PipelineStage(models.TextChoices):
    AGENT_INITIAL = "agent_initial", "Agente"
    LAWYER_VALIDATION = "lawyer_validation", "Validación legal"
    ADMIN_CONTRACT = "admin_contract", "Contrato"
    CLIENT_SIGNATURE = "client_signature", "Firma"
    CASE_CREATED = "expediente_created", "Expediente creado"


class AttemptStatus(models.TextChoices):
    """The colours in which the clients show an attempt; `pending` stands for one not made yet."""

    PENDING = "pending", "Pendiente"
    ORANGE = "orange", "Sin respuesta"
    RED = "red", "Rechazada"
    GREEN = "green", "Atendida"


# What a call says about an attempt; whatever is not here was nobody picking up.
ATTEMPT_OF_CALL = {
    "completed": AttemptStatus.GREEN,
    "answered": AttemptStatus.GREEN,
    "rejected": AttemptStatus.RED,
}
MOST_ATTEMPTS = 5


class AssignmentKind(models.TextChoices):
    SINGLE = "single", "Una a una"
    BULK = "bulk", "En bloque"
    RANDOM = "random", "Al azar"
    UNDO = "undo", "Deshacer"
