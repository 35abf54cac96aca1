"""What the ground floor itself shows on a contact's page and on the first page."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from crm.choices import AppointmentState
from crm.display import address, cell_of, moment, name_of, shortened
from crm.models import Appointment, Contact, Lead, Note, Task, User
from crm.panels import (
    PANEL_ROWS,
    Block,
    Cell,
    ContactPanel,
    Figure,
    Listing,
    Row,
    add_contact_panel,
    add_to_first_page,
    counted,
)
from crm.scope import is_limited
from crm.working_day import today_bounds

SHORT = 8


def register() -> None:
    """Called from `CrmConfig.ready()`."""
    add_contact_panel(TASKS)
    add_contact_panel(NOTES)
    add_contact_panel(LEADS)
    add_contact_panel(APPOINTMENTS)
    add_to_first_page(10, my_day)
    add_to_first_page(40, newest_leads)


def tasks_of_contact(contact: Contact, user: User) -> list[Row]:
    """Open ones first, each by its date; a colleague's follow-up belongs here too, so no scope."""
    rows = Task.objects.about_person(contact.pk).select_related("responsible_user")
    return [
        (
            cell_of(task, shortened(task.text)),
            due_cell(task),
            task.get_task_type_display(),
            name_of(task.responsible_user),
        )
        for task in rows.order_by("is_completed", "complete_till", "id")[: PANEL_ROWS + 1]
    ]


def notes_of_contact(contact: Contact, user: User) -> list[Row]:
    rows = Note.objects.about_person(contact.pk).select_related("created_by")
    return [
        (cell_of(note, shortened(note.content, 120)), name_of(note.created_by), moment(note.created_at))
        for note in rows.order_by("-created_at", "-id")[: PANEL_ROWS + 1]
    ]


def leads_of_contact(contact: Contact, user: User) -> list[Row]:
    return [
        (
            cell_of(lead),
            lead.get_status_display(),
            lead.medio or "—",
            lead.proyecto_interes or "—",
            moment(lead.created_at),
        )
        for lead in contact.leads.order_by("-created_at", "-id")[: PANEL_ROWS + 1]
    ]


def appointments_of_contact(contact: Contact, user: User) -> list[Row]:
    rows = Appointment.objects.filter(lead__contact=contact).select_related("lead")
    return [
        (
            cell_of(appointment, appointment.id_presencia_crm),
            moment(appointment.fecha_hora),
            appointment.lugar or "—",
            appointment.get_estado_display(),
        )
        for appointment in rows.order_by("-fecha_hora", "-id")[: PANEL_ROWS + 1]
    ]


def due_cell(task: Task) -> Cell:
    if task.is_completed:
        return Cell(f"hecha {moment(task.completed_at)}", tone="success")
    if task.complete_till is None:
        return Cell("sin fecha")
    overdue = task.complete_till < timezone.now()
    return Cell(moment(task.complete_till), tone="danger" if overdue else "")


TASKS = ContactPanel(
    key="tareas",
    title="Tareas",
    position=10,
    headers=("Tarea", "Vence", "Tipo", "Responsable"),
    rows=tasks_of_contact,
    all_url=lambda contact: address("crm_task_changelist", ver="todas", contact__id__exact=contact.pk),
    add_url=lambda contact: address("crm_task_add", contact=contact.pk),
    add_label="Nueva tarea",
    empty="No hay tareas con esta persona. Cree una para no olvidarla.",
)
NOTES = ContactPanel(
    key="notas",
    title="Notas",
    position=40,
    headers=("Nota", "Escrita por", "Cuándo"),
    rows=notes_of_contact,
    all_url=lambda contact: address("crm_note_changelist", contact__id__exact=contact.pk),
    add_url=lambda contact: address("crm_note_add", contact=contact.pk),
    add_label="Nueva nota",
    empty="Nadie ha escrito nada todavía sobre esta persona.",
)
LEADS = ContactPanel(
    key="leads",
    title="Leads",
    position=50,
    headers=("Lead", "Estado", "Medio", "Proyecto", "Creado"),
    rows=leads_of_contact,
    all_url=lambda contact: address("crm_lead_changelist", contact__id__exact=contact.pk),
    add_url=lambda contact: address("crm_lead_add", nombre=contact.name, celular=contact.mobile or contact.phone or ""),
    add_label="Nuevo lead",
    empty="Esta persona no ha preguntado todavía por ningún proyecto.",
)
APPOINTMENTS = ContactPanel(
    key="citas",
    title="Citas",
    position=60,
    headers=("Cita", "Fecha y hora", "Lugar", "Estado"),
    rows=appointments_of_contact,
    all_url=lambda contact: address("crm_appointment_changelist", lead__contact__id__exact=contact.pk),
    add_url=lambda contact: address("crm_appointment_add"),
    add_label="Nueva cita",
    empty="No hay citas con esta persona.",
)


def my_day(user: User) -> Sequence[Block]:
    """Overdue and due today of this user, and today's appointments. Six queries at most, each bounded."""
    start, end = today_bounds()
    mine = Task.objects.open().filter(responsible_user=user)
    late_ones = Task.objects.open().filter(complete_till__lt=timezone.now())
    overdue = late_ones.filter(responsible_user=user)
    today = mine.filter(complete_till__gte=start, complete_till__lt=end)
    visits = Appointment.objects.visible_to(user).filter(fecha_hora__gte=start, fecha_hora__lt=end)
    late = counted(overdue)
    return [
        Figure(
            "Tareas vencidas",
            late,
            address("crm_task_changelist", ver="vencidas", a_cargo="yo"),
            "alarm",
            hint="Las suyas, por hacer" if user.is_agent_only else f"Suyas; del equipo: {counted(late_ones)}",
            tone="success" if late == "0" else "danger",
        ),
        Figure(
            "Tareas para hoy",
            counted(today),
            address("crm_task_changelist", ver="hoy", a_cargo="yo"),
            "today",
            hint="Las suyas, pendientes",
            tone="info",
        ),
        Figure(
            "Citas de hoy",
            counted(visits),
            address("crm_appointment_changelist", **day_filter("fecha_hora", start)),
            "event",
            hint="" if is_limited(user) else "De todo el equipo",
            tone="info",
        ),
        tasks_listing(mine),
        visits_listing(visits, start),
    ]


def day_filter(field: str, day: Any) -> dict[str, str]:
    """The query of DayRangeFilter for one day."""
    written = f"{timezone.localtime(day):%Y-%m-%d}"
    return {f"{field}_from": written, f"{field}_to": written}


def tasks_listing(mine: QuerySet[Any]) -> Listing:
    _, end = today_bounds()
    rows = mine.filter(complete_till__lt=end).select_related("contact", "lead").order_by("complete_till", "id")
    return Listing(
        "Mis tareas de hoy y atrasadas",
        ("Tarea", "Persona", "Vence"),
        [(cell_of(task, shortened(task.text, 48)), cell_of(task.subject), due_cell(task)) for task in rows[:SHORT]],
        address("crm_task_changelist", a_cargo="yo"),
        "No tiene nada pendiente para hoy. Al registrar una llamada con próxima fecha, su tarea aparece aquí.",
    )


def visits_listing(visits: QuerySet[Any], start: Any) -> Listing:
    tones = {AppointmentState.ATTENDED: "success", AppointmentState.CONFIRMED: "info"}
    rows = visits.select_related("lead").order_by("fecha_hora", "id")
    return Listing(
        "Citas de hoy",
        ("Hora", "Persona", "Lugar", "Estado"),
        [
            (
                cell_of(visit, f"{timezone.localtime(visit.fecha_hora):%H:%M}"),
                cell_of(visit.lead),
                visit.lugar or "—",
                Cell(visit.get_estado_display(), tone=tones.get(visit.estado, "warning")),
            )
            for visit in rows[:SHORT]
        ],
        address("crm_appointment_changelist", **day_filter("fecha_hora", start)),
        "Hoy no hay citas. Prográmelas desde la página de un lead o en «Citas».",
    )


def newest_leads(user: User) -> Sequence[Block]:
    """The latest enquiries. One query."""
    rows = Lead.objects.visible_to(user).select_related("responsible_user").order_by("-created_at", "-id")
    return [
        Listing(
            "Últimos leads",
            ("Lead", "Medio", "Responsable", "Creado"),
            [
                (cell_of(lead), lead.medio or "—", name_of(lead.responsible_user), moment(lead.created_at))
                for lead in rows[:SHORT]
            ],
            address("crm_lead_changelist"),
            "Todavía no hay leads. Importe una hoja de cálculo o registre el primero.",
        )
    ]
