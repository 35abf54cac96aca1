"""What calls add to a contact's page and to the first page."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.dateformat import format as format_date

from calls.choices import CallStatus
from calls.models import Call
from crm.display import address, cell_of, minutes, moment, name_of, shortened
from crm.models import Contact, User
from crm.panels import (
    PANEL_ROWS,
    Block,
    Cell,
    Chart,
    ContactPanel,
    Listing,
    Row,
    add_contact_panel,
    add_to_first_page,
)
from crm.working_day import start_of

DAYS = 14
ANSWERED = frozenset({CallStatus.COMPLETED, CallStatus.ANSWERED})


def register() -> None:
    """Called from `CallsConfig.ready()`."""
    add_contact_panel(CALLS)
    add_to_first_page(30, calls_by_day)


def calls_of_contact(contact: Contact, user: User) -> list[Row]:
    rows = Call.objects.about_person(contact.pk).select_related("responsible_user")
    return [
        (
            cell_of(call, moment(call.started_at)),
            call.get_direction_display(),
            Cell(call.get_call_status_display(), tone="success" if call.call_status in ANSWERED else "warning"),
            minutes(call.duration),
            name_of(call.responsible_user),
            shortened(call.resumen_llamada),
        )
        for call in rows.order_by("-created_at", "-id")[: PANEL_ROWS + 1]
    ]


CALLS = ContactPanel(
    key="llamadas",
    title="Llamadas",
    position=20,
    headers=("Inicio", "Sentido", "Resultado", "Duración", "Responsable", "Resumen"),
    rows=calls_of_contact,
    all_url=lambda contact: address("calls_call_changelist", contact__id__exact=contact.pk),
    add_url=lambda contact: address("calls_call_add", contact=contact.pk, phone=contact.mobile or contact.phone or ""),
    add_label="Registrar llamada",
    empty="Nadie ha llamado todavía a esta persona.",
)


def calls_by_day(user: User) -> Sequence[Block]:
    """The calls of the last two weeks, answered and not, day by day. One query."""
    today = timezone.localdate()
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    answered, missed = _count(user, days[0])
    rows: list[Row] = [
        (
            Cell(day_name(day), address("calls_call_changelist", started_at_from=day, started_at_to=day)),
            str(answered[day] + missed[day]),
            str(answered[day]),
            str(missed[day]),
        )
        for day in reversed(days)
    ]
    table = Listing(
        "Llamadas de los últimos 14 días",
        ("Día", "Todas", "Contestadas", "Sin contestar"),
        rows if answered or missed else [],
        address("calls_call_changelist", started_at_from=days[0], started_at_to=today),
        "Nadie ha registrado llamadas en dos semanas. Regístrelas en «Llamadas» o desde la página de un contacto.",
    )
    series = {
        "Contestadas": [answered[day] for day in days],
        "Sin contestar": [missed[day] for day in days],
    }
    return [Chart(table.title, [day_name(day) for day in days], series, table)]


def _count(user: User, first: date) -> tuple[Counter[date], Counter[date]]:
    answered: Counter[date] = Counter()
    missed: Counter[date] = Counter()
    counts = (
        Call.objects.visible_to(user)
        .filter(started_at__gte=start_of(first))
        .annotate(day=TruncDate("started_at"))
        .values("day", "call_status")
        .annotate(calls=Count("pk"))
        .order_by()
    )
    for row in counts:
        (answered if row["call_status"] in ANSWERED else missed)[row["day"]] += row["calls"]
    return answered, missed


def day_name(day: date) -> str:
    """ "lun 3 mar"."""
    return format_date(day, "D j M").lower()
