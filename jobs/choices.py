"""The closed lists of campaigns: stored value, Spanish label; and which state may follow which."""

from django.db import models


class JobStatus(models.TextChoices):
    """`done`, which clients still write and ask for, is `completed` (contract section 5)."""

    PENDING = "pending", "Pendiente"
    IN_PROGRESS = "in_progress", "En llamada"
    COMPLETED = "completed", "Completado"
    FAILED = "failed", "Fallido"
    # Put aside by the dispatcher: nobody may call this person. It goes on when the cause is gone and somebody retries.
    SUSPENDED = "suspended", "Apartado"
    CANCELLED = "cancelled", "Cancelado"


# Allowed moves. Whatever is not here is a conflict; a removal is possible from every state.
MOVES: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.PENDING: frozenset({JobStatus.IN_PROGRESS, JobStatus.FAILED, JobStatus.SUSPENDED, JobStatus.CANCELLED}),
    JobStatus.IN_PROGRESS: frozenset(
        {JobStatus.PENDING, JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.SUSPENDED, JobStatus.CANCELLED}
    ),
    JobStatus.FAILED: frozenset({JobStatus.PENDING, JobStatus.CANCELLED}),
    JobStatus.SUSPENDED: frozenset({JobStatus.PENDING, JobStatus.CANCELLED}),
    JobStatus.COMPLETED: frozenset(),
    JobStatus.CANCELLED: frozenset({JobStatus.PENDING}),
}


class AttemptState(models.TextChoices):
    """How far one dial is. The first three are live: they hold the person, the job and a place under each cap."""

    CLAIMED = "claimed", "Por marcar"  # the provider has not been asked
    PLACING = "placing", "Marcando"  # it is being asked, or did not answer: a call may or may not exist
    CALLING = "calling", "En llamada"  # it has told its reference
    ENDED = "ended", "Terminada"


LIVE = (AttemptState.CLAIMED, AttemptState.PLACING, AttemptState.CALLING)


class Outcome(models.TextChoices):
    """How a dial ended, whatever the provider calls it (jobs/outcomes.py says what follows)."""

    ANSWERED = "answered", "Contestó"
    BRIEF = "brief", "Colgó enseguida"
    VOICEMAIL = "voicemail", "Buzón de voz"
    NO_ANSWER = "no_answer", "No contesta"
    BUSY = "busy", "Ocupado"
    BAD_NUMBER = "bad_number", "Número que no existe"
    BLOCKED = "blocked", "Bloqueada por la red"
    OPT_OUT = "opt_out", "Pidió que no se le llame"
    CALL_BACK = "call_back", "Pidió otra hora"
    CAPACITY = "capacity", "Sin líneas libres"
    CREDIT = "credit", "Sin saldo en el proveedor"
    PROVIDER = "provider", "Fallo del proveedor"
    STOPPED = "stopped", "Colgada por nosotros"
    NOT_PLACED = "not_placed", "No llegó a marcarse"
    UNKNOWN = "unknown", "Sin confirmar"


class PlanType(models.TextChoices):
    CREDITS = "credit_based", "Por crédito"
    MINUTES = "minutes_based", "Por minutos"
    UNLIMITED = "unlimited", "Sin límite"


class AccountStatus(models.TextChoices):
    ACTIVE = "active", "Activa"
    SUSPENDED = "suspended", "Suspendida"


class TransactionType(models.TextChoices):
    CREDITS = "credits", "Créditos"
    MINUTES = "minutes", "Minutos"


class Country(models.TextChoices):
    """Whose phone rules a file without country codes follows, and whose public holidays count."""

    ARGENTINA = "AR", "Argentina"
    CHILE = "CL", "Chile"
    COLOMBIA = "CO", "Colombia"
    SPAIN = "ES", "España"
    MEXICO = "MX", "México"
    PERU = "PE", "Perú"


class Priority(models.IntegerChoices):
    LOW = 1, "Baja"
    NORMAL = 2, "Normal"
    HIGH = 3, "Alta"
    URGENT = 4, "Urgente"


class BatchAct(models.TextChoices):
    """What is still to be done to the jobs of a batch, a chunk at a time, and survives a restart."""

    CANCEL = "cancel", "Cancelar lo que queda"
    REMOVE = "remove", "Eliminar todo"


class ImportState(models.TextChoices):
    RUNNING = "running", "En curso"
    DONE = "done", "Terminada"
    FAILED = "failed", "Fallida"


class ProblemKind(models.TextChoices):
    """What a row of a file that is not simply a call is: all but a warning make none."""

    ERROR = "error", "Error"
    WARNING = "warning", "Aviso"
    DUPLICATE = "duplicate", "Ya estaba"
    REFUSED = "refused", "No se le llama"


class RefusalSource(models.TextChoices):
    CALL = "call", "Lo pidió en una llamada"
    STAFF = "staff", "Añadido a mano"
    FILE = "file", "De una lista"
