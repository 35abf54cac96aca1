"""What campaigns add to a contact's page and to the first page."""

from collections.abc import Sequence

from django.db.models import Q

from crm.audit_words import name_acts
from crm.display import NOTHING, address, cell_of, moment, shortened
from crm.models import Contact, User
from crm.panels import (
    PANEL_ROWS,
    Block,
    Cell,
    ContactPanel,
    Figure,
    Row,
    add_contact_panel,
    add_to_first_page,
    counted,
)
from crm.scope import is_limited
from crm.working_day import today_bounds
from jobs.choices import AttemptState, JobStatus, Outcome
from jobs.models import Batch, CallAttempt, Job

ACTS = {
    "account_changed": "Cambió una cuenta de llamadas",
    "account_opened": "Creó una cuenta de llamadas",
    "account_topped_up": "Recargó una cuenta de llamadas",
    "campaign_import_finished": "Terminó de leer un archivo de campaña",
    "campaign_import_started": "Subió un archivo de campaña",
    "batch_cancelled": "Canceló una campaña",
    "batch_changed": "Cambió una campaña",
    "batch_created": "Creó una campaña",
    "batch_paused": "Pausó una campaña",
    "batch_removed": "Eliminó una campaña",
    "batch_resumed": "Reanudó una campaña",
    "batch_settings_changed": "Cambió los ajustes de una campaña",
    "do_not_call_added": "Puso un número en la lista de no llamar",
    "do_not_call_file": "Subió una lista de números que no se llaman",
    "do_not_call_removed": "Quitó un número de la lista de no llamar",
}
TONES = {
    JobStatus.PENDING: "info",
    JobStatus.IN_PROGRESS: "info",
    JobStatus.COMPLETED: "success",
    JobStatus.FAILED: "danger",
    JobStatus.SUSPENDED: "warning",
    JobStatus.CANCELLED: "",
}


def register() -> None:
    """Called from `JobsConfig.ready()`."""
    name_acts(ACTS)
    add_contact_panel(CAMPAIGNS)
    add_to_first_page(20, campaigns_today)


def jobs_of_contact(contact: Contact, user: User) -> list[Row]:
    """Those that are surely about this person, and those that dialled one of their phones; the newest first."""
    jobs = Job.objects.visible_to(user)
    keys = list(contact.phones.values_list("key", flat=True))
    dials = CallAttempt.objects.filter(phone_key__in=keys).newest_first()[: 5 * PANEL_ROWS]
    dialled = set(dials.values_list("job_id", flat=True))
    rows = jobs.filter(Q(contact=contact) | Q(pk__in=dialled)).newest_first().select_related("batch", "last_attempt")
    return [
        (
            cell_of(row, row.batch.name),
            Cell(row.get_status_display(), tone=TONES[JobStatus(row.status)]),
            f"{row.attempts} de {row.max_attempts}",
            _last_of(row),
            moment(row.last_attempt.created_at) if row.last_attempt else NOTHING,
        )
        for row in rows[: PANEL_ROWS + 1]
    ]


def _last_of(job: Job) -> str:
    attempt = job.last_attempt
    if attempt is None:
        return NOTHING
    if attempt.state != AttemptState.ENDED or not attempt.outcome:
        return AttemptState(attempt.state).label
    told = Outcome(attempt.outcome).label
    return f"{told}. {shortened(attempt.summary, 90)}" if attempt.summary else told


CAMPAIGNS = ContactPanel(
    key="campaigns",
    title="Campañas",
    position=22,
    headers=("Campaña", "Estado", "Intentos", "Último resultado", "Cuándo"),
    rows=jobs_of_contact,
    all_url=lambda contact: address("jobs_job_changelist", contact__id__exact=contact.pk),
    add_url=lambda contact: address("jobs_batch_changelist"),
    add_label="Ver las campañas",
    empty="Ninguna campaña ha llamado a esta persona.",
)


def campaigns_today(user: User) -> Sequence[Block]:
    """Three bounded queries; one before the first campaign."""
    batches = Batch.objects.present().visible_to(user)
    if not batches.exists():
        return []
    start, _ = today_bounds()
    dials = CallAttempt.objects.filter(created_at__gte=start)
    if is_limited(user):
        dials = dials.filter(batch__in=batches)
    running = counted(batches.running())
    return [
        Figure(
            "Campañas en marcha",
            running,
            address("jobs_batch_changelist", estado="en-marcha"),
            "campaign",
            tone="info" if running != "0" else "",
        ),
        Figure("Llamadas de campaña hoy", counted(dials), address("jobs_job_changelist"), "phone_forwarded"),
    ]
