"""The last 24 hours as figures, a chart with its table, and a table of destinations."""

from datetime import datetime

from django.utils import timezone
from django.utils.dateformat import format as format_date

from crm.display import NOTHING, address, moment
from crm.panels import Cell, Chart, Figure, Listing, Row
from integrations.shown import destination_title
from integrations.statistics import Counts, LastDay, Latency

LIST = "integrations_webhookdelivery_changelist"


def figures_of(day: LastDay) -> list[Figure]:
    total = day.total
    arrival, answer = day.delivery_latency(), day.attempt_latency()
    since = f"Desde {moment(day.since)}"
    return [
        Figure("Entregados", str(total.delivered), address(LIST, state__exact="delivered"), "check", since, "success"),
        Figure(
            "Intentos fallidos",
            str(total.failed_attempts),
            address(LIST, situacion="pendientes"),
            "replay",
            "Se repiten solos",
            "warning" if total.failed_attempts else "",
        ),
        Figure(
            "Sin entregar",
            str(total.dead),
            address(LIST, situacion="fallidos"),
            "error",
            "Alguien debe mirarlos" if total.dead else "Ninguno",
            "danger" if total.dead else "success",
        ),
        Figure("En espera", str(total.waiting), address(LIST, situacion="pendientes"), "schedule", "Ahora", "info"),
        Figure("Hasta llegar", lasted(arrival.median_ms), address(LIST), "timer", told_95(arrival)),
        Figure("Cada intento", lasted(answer.median_ms), address(LIST), "speed", told_95(answer)),
    ]


def chart_of(day: LastDay) -> Chart:
    rows = day.by_hour
    return Chart(
        "Por hora",
        labels=[clock(hour) for hour, _ in rows],
        series={
            "Entregados": [counts.delivered for _, counts in rows],
            "Intentos fallidos": [counts.failed_attempts for _, counts in rows],
            "Sin entregar": [counts.dead for _, counts in rows],
        },
        table=Listing(
            "Por hora",
            headers=("Hora", "Entregados", "Fallidos", "Sin entregar"),
            rows=[(moment(hour), *numbers(counts)) for hour, counts in reversed(rows)],
            href=address(LIST),
            empty="",
        ),
    )


def table_of_destinations(day: LastDay) -> Listing:
    rows: list[Row] = [
        (
            Cell(destination_title(name), address(LIST, destination=name)),
            *numbers(counts),
            str(counts.waiting),
            both(day.delivery_latency(name)),
            both(day.attempt_latency(name)),
        )
        for name, counts in day.by_destination.items()
    ]
    return Listing(
        "Por destino",
        headers=(
            "Destino",
            "Entregados",
            "Fallidos",
            "Sin entregar",
            "En espera",
            "Hasta llegar",
            "Cada intento",
        ),
        rows=rows,
        href=address(LIST),
        empty="",
    )


def numbers(counts: Counts) -> tuple[str, str, str]:
    return str(counts.delivered), str(counts.failed_attempts), str(counts.dead)


def told_95(latency: Latency) -> str:
    return "Nada que medir" if latency.p95_ms is None else f"Mediana; el 95 % en {lasted(latency.p95_ms)}"


def both(latency: Latency) -> str:
    return f"{lasted(latency.median_ms)} · {lasted(latency.p95_ms)}"


def lasted(milliseconds: int | None) -> str:
    """As people say it: "35 ms", "1,2 s", "4 min", "2 h", "3 d"."""
    if milliseconds is None:
        return NOTHING
    seconds = milliseconds / 1000
    if seconds < 1:
        return f"{milliseconds} ms"
    if seconds < 60:
        return f"{seconds:.1f} s".replace(".", ",")
    size, name = next(unit for unit in ((86_400, "d"), (3_600, "h"), (60, "min")) if seconds >= unit[0])
    return f"{seconds / size:.0f} {name}"


def clock(hour: datetime) -> str:
    return format_date(timezone.localtime(hour), "G:i")
