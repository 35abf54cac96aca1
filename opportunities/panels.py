"""What opportunities add to a contact's page and to the first page."""

from collections.abc import Sequence

from crm.audit_words import name_acts
from crm.display import address, cell_of, moment, name_of
from crm.models import Contact, User
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
from opportunities.choices import OPEN_STATUSES, OpportunityStatus, Priority
from opportunities.models import Opportunity

SHORT = 8
ACTS = {
    "opportunity.create": "Creó una oportunidad",
    "opportunity.update": "Cambió una oportunidad",
    "opportunity.first_call": "Anotó una primera llamada",
    "opportunity.assign": "Asignó oportunidades",
    "opportunity.unassign": "Dejó oportunidades sin asignar",
    "opportunity.undo": "Deshizo una asignación",
}
TONES = {Priority.HIGH: "danger", Priority.MEDIUM: "warning", Priority.LOW: "info"}


def register() -> None:
    """Called from `OpportunitiesConfig.ready()`."""
    add_contact_panel(OPPORTUNITIES)
    add_to_first_page(20, waiting_opportunities)
    name_acts(ACTS)


def opportunities_of_contact(contact: Contact, user: User) -> list[Row]:
    rows = contact.opportunities.select_related("assigned_to").order_by("-created_at", "-id")
    return [
        (
            cell_of(row, row.get_status_display()),
            Cell(row.get_priority_display(), tone=TONES[Priority(row.priority)]),
            str(row.opportunity_score),
            row.get_current_stage_display(),
            name_of(row.assigned_to),
            moment(row.detected_at),
        )
        for row in rows[: PANEL_ROWS + 1]
    ]


OPPORTUNITIES = ContactPanel(
    key="oportunidades",
    title="Oportunidades",
    position=30,
    headers=("Estado", "Prioridad", "Puntaje", "Etapa", "Asignada a", "Detectada"),
    rows=opportunities_of_contact,
    all_url=lambda contact: address("opportunities_opportunity_changelist", contact__id__exact=contact.pk),
    add_url=lambda contact: address("opportunities_opportunity_add", contact=contact.pk),
    add_label="Nueva oportunidad",
    empty="No hay oportunidades con esta persona.",
)


def waiting_opportunities(user: User) -> Sequence[Block]:
    """For administrators those without anybody, for the others their own. Two bounded queries."""
    visible = Opportunity.objects.visible_to(user).select_related("contact", "assigned_to").by_urgency()
    if user.is_administrator:
        waiting = visible.filter(assigned_to__isnull=True, status=OpportunityStatus.PENDING)
        query = {"a_cargo": "nadie", "status__exact": OpportunityStatus.PENDING.value}
        title, hint = "Oportunidades sin asignar", "Elija varias y asígnelas juntas"
        empty = "Todas las oportunidades tienen a alguien."
    else:
        waiting = visible.filter(assigned_to=user, status__in=OPEN_STATUSES)
        query = {"a_cargo": "yo"}
        title, hint = "Mis oportunidades", "Abiertas, las más urgentes primero"
        empty = "No tiene oportunidades abiertas. Un administrador se las asigna."
    href = address("opportunities_opportunity_changelist", **query)
    rows: list[Row] = [
        (
            cell_of(row, row.contact.name),
            Cell(row.get_priority_display(), tone=TONES[Priority(row.priority)]),
            str(row.opportunity_score),
            moment(row.detected_at),
        )
        for row in waiting[:SHORT]
    ]
    return [
        Figure(title, counted(waiting), href, "target", hint=hint, tone="warning" if rows else "success"),
        Listing(title, ("Contacto", "Prioridad", "Puntaje", "Detectada"), rows, href, empty),
    ]
