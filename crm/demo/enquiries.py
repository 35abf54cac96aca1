"""Leads of the demonstration, the appointments that came of them, and the file that some of them came in."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from crm.choices import (
    AppointmentState,
    CapturePlace,
    ImportKind,
    ImportState,
    LeadStatus,
    Project,
    RowOutcome,
    Typification,
)
from crm.demo.story import Story, keep
from crm.models import Appointment, AppointmentNumber, AuditEntry, Contact, ImportRow, ImportRun, Lead, User

LEADS = 400

MEDIA = {
    "Redes Sociales (Facebook)": 30,
    "Redes Sociales (Instagram)": 18,
    "Redes Sociales (WhatsApp)": 16,
    "Campo (Centros Comerciales)": 26,
    "Referidos": 10,
}
FIELD = "Campo (Centros Comerciales)"
CAPTURED_AT = ("FERIA PLAZA NORTE", "MODULO SJL", "SJL - CANTO REY", "SJL - CHIMU", "MINKA")
CAPTORS = ("Elmer Tapia", "Nataly Ojeda", "Fredy Arce")
OBSERVATIONS = (
    "Pide información de cuotas sin inicial.",
    "Quiere visitar el proyecto un domingo.",
    "Consulta por la documentación del terreno.",
    "Decide junto con su pareja; llamar a los dos.",
    "Prefiere que le escriban antes de llamar.",
    "Comparó con otro proyecto de la zona.",
)
TYPIFICATIONS: dict[Typification | None, int] = {
    None: 16,
    Typification.CALL_BACK: 10,
    Typification.FOLLOW_UP: 14,
    Typification.NO_ANSWER: 13,
    Typification.SWITCHED_OFF: 4,
    Typification.INFORMATION_SENT: 7,
    Typification.APPOINTMENT_ROOM: 8,
    Typification.APPOINTMENT_PROJECT: 5,
    Typification.APPOINTMENT_ZOOM: 4,
    Typification.APPOINTMENT_TO_CONFIRM: 4,
    Typification.ATTENDED: 7,
    Typification.ALREADY_OWNER: 2,
    Typification.NOT_INTERESTED_MONEY: 5,
    Typification.NOT_INTERESTED_PLACE: 3,
    Typification.NOT_QUALIFIED: 3,
    Typification.FALSE_DATA: 3,
}
PLACE_OF = {
    Typification.APPOINTMENT_ROOM: "Sala Lince",
    Typification.APPOINTMENT_PROJECT: "Proyecto",
    Typification.APPOINTMENT_ZOOM: "Zoom",
    Typification.APPOINTMENT_TO_CONFIRM: "Sala Los Olivos",
    Typification.ATTENDED: "Sala Lince",
}
STATUS_OF: dict[Typification | None, LeadStatus] = {
    None: LeadStatus.NEW,
    **dict.fromkeys(PLACE_OF, LeadStatus.PROPOSAL),
    Typification.ATTENDED: LeadStatus.NEGOTIATION,
    Typification.ALREADY_OWNER: LeadStatus.WON,
    Typification.NOT_INTERESTED_MONEY: LeadStatus.LOST,
    Typification.NOT_INTERESTED_PLACE: LeadStatus.LOST,
    Typification.NOT_QUALIFIED: LeadStatus.LOST,
    Typification.FALSE_DATA: LeadStatus.LOST,
}


def load_leads(story: Story, contacts: Sequence[Contact], admin: User) -> list[Lead]:
    """One enquiry each. Some ask again, with the same phone: at a fair, whose list was imported."""
    leads = [_lead(story.about("lead", number), contact) for number, contact in enumerate(contacts)]
    imported_at = story.at(-12, 10, 20)
    known = [contact for contact in contacts if contact.created_at < imported_at]
    visitors = story.draw.choices(known, k=LEADS - len(leads))
    imported = [
        _lead(story.about("visitor", number), contact, seen_at_the_fair=imported_at)
        for number, contact in enumerate(visitors)
    ]
    keep([*leads, *imported])
    _load_import(story.about("import", "fair"), imported, visitors, admin)
    return [*leads, *imported]


def _lead(story: Story, contact: Contact, *, seen_at_the_fair: datetime | None = None) -> Lead:
    created_at = seen_at_the_fair or contact.created_at
    medium = FIELD if seen_at_the_fair else story.weighted(MEDIA)
    typification = story.weighted(TYPIFICATIONS)
    lead = Lead(
        id=story.id,
        contact=contact,
        nombre=contact.name,
        celular=contact.mobile or "",
        email=contact.email,
        tipo_documento=contact.document_type,
        numero_documento=contact.document_number,
        distrito=contact.district or contact.city,
        medio=medium,
        proyecto_interes=story.draw.choice(Project.values),
        tipificacion=typification,
        status=STATUS_OF.get(typification, LeadStatus.CONTACTED),
        observacion=story.draw.choice(OBSERVATIONS) if story.chance(0.5) else None,
        responsible_user=contact.responsible_user,
        created_by=contact.responsible_user,
        created_at=created_at,
        updated_at=story.some_time_since(created_at),
    )
    if medium == FIELD:
        lead.ubicacion = story.draw.choice(CAPTURED_AT)
        lead.captador = story.draw.choice(CAPTORS)
        lead.calle_o_modulo = story.draw.choice(CapturePlace.values)
        lead.fecha_captacion = created_at.astimezone(story.zone).date()
    lead.tidy()
    return lead


FILE_NAME = "feria-plaza-norte.xlsx"
COLUMNS = {"Nombre": "nombre", "Celular": "celular", "Distrito": "distrito"}
FAILED_ROWS = (
    (["Rosa Medina", "no dio", "Comas"], "Celular: «no dio» no es un teléfono posible."),
    (["", "900 000 771", "Lince"], "Falta el nombre."),
    (["Walter Tapia", "12", "Ate"], "Celular: «12» no es un teléfono posible."),
)
REPEATED_ROWS = 4


def _load_import(story: Story, imported: Sequence[Lead], visitors: Sequence[Contact], admin: User) -> None:
    """The list of the fair: most rows became leads, a few were there twice, a few could not be read."""
    started_at = imported[0].created_at
    outcomes = {
        "created_rows": len(imported),
        "duplicate_rows": REPEATED_ROWS,
        "failed_rows": len(FAILED_ROWS),
    }
    total = sum(outcomes.values())
    run = ImportRun(
        id=story.id,
        kind=ImportKind.LEADS,
        state=ImportState.DONE,
        file_name=FILE_NAME,
        mapping=COLUMNS,
        preview={"columns": [{"name": name, "field": field, "label": name} for name, field in COLUMNS.items()]},
        total_rows=total,
        processed_rows=total,
        attempts=1,
        created_by=admin,
        created_at=started_at,
        updated_at=started_at,
        started_at=started_at,
        finished_at=started_at + timedelta(seconds=1),
        **outcomes,
    )
    keep([run])
    # The first row of the file holds the names of its columns.
    keep(ImportRow(run=run, number=number, **row) for number, row in enumerate(_rows(imported, visitors), start=2))
    keep(_for_the_record(run, action) for action in ("import_started", "import_finished"))


def _rows(imported: Sequence[Lead], visitors: Sequence[Contact]) -> Iterator[dict[str, Any]]:
    for lead in imported:
        yield {"outcome": RowOutcome.CREATED, "entity_id": lead.pk}
    for row, contact in enumerate(visitors[:REPEATED_ROWS], start=2):
        yield {"outcome": RowOutcome.DUPLICATE, "entity_id": contact.pk, "message": f"Repite la fila {row}"}
    for cells, reason in FAILED_ROWS:
        yield {"outcome": RowOutcome.FAILED, "message": reason, "cells": cells}


def _for_the_record(run: ImportRun, action: str) -> AuditEntry:
    return AuditEntry(
        actor=run.created_by,
        action=action,
        entity_type="imports",
        entity_id=str(run.pk),
        details=run.result(),
        created_at=run.created_at,
    )


def load_appointments(story: Story, leads: Sequence[Lead]) -> None:
    """Who is typified with an appointment has one; who has attended, one that took place."""
    wanted = [lead for lead in leads if lead.tipificacion in PLACE_OF]
    keep(_appointment(story.about("appointment", number), lead) for number, lead in enumerate(wanted))


def _appointment(story: Story, lead: Lead) -> Appointment:
    attended = lead.tipificacion == Typification.ATTENDED
    state = AppointmentState.ATTENDED if attended else story.weighted(STATES_OF_APPOINTMENTS)
    days_since_enquiry = max(1, (story.now - lead.created_at).days)
    past = -story.draw.randrange(1, min(days_since_enquiry, 45) + 1)
    moment = story.working_hour(past if state in PAST_STATES else story.draw.choice(DAYS_TO_COME))
    return Appointment(
        id=story.id,
        numero=AppointmentNumber.take(),
        lead=lead,
        fecha_hora=moment,
        lugar=PLACE_OF[Typification(lead.tipificacion or "")],
        estado=state,
        observaciones="Viene con su familia." if story.chance(0.3) else None,
        has_ever_been_confirmed=state in (AppointmentState.CONFIRMED, AppointmentState.ATTENDED),
        attended_at=moment + timedelta(minutes=5) if attended else None,
        responsible_user=lead.responsible_user,
        created_by=lead.responsible_user,
        created_at=lead.created_at,
        updated_at=lead.updated_at,
    )


STATES_OF_APPOINTMENTS = {
    AppointmentState.PENDING: 40,
    AppointmentState.CONFIRMED: 30,
    AppointmentState.RESCHEDULED: 8,
    AppointmentState.CANCELLED: 10,
    AppointmentState.NO_SHOW: 12,
}
DAYS_TO_COME = (0, 0, 0, 1, 1, 2, 2, 3, 4, 6, 8, 11, 14)
PAST_STATES = (AppointmentState.ATTENDED, AppointmentState.CANCELLED, AppointmentState.NO_SHOW)
