"""The first page: what waits today, from the registered providers (crm/panels.py)."""

import json
from typing import Any

from django.http import HttpRequest

from crm.admin.rights import actor
from crm.panels import Chart, Figure, Listing, blocks_of_first_page

# One colour for each series of a chart, readable on white and on dark.
SERIES_COLOURS = ("var(--color-primary-600)", "#d97706", "#64748b", "#16a34a")

CHART_OPTIONS = {
    "responsive": True,
    "maintainAspectRatio": False,
    "animation": False,
    "plugins": {"legend": {"display": True, "position": "bottom", "align": "start"}},
    "scales": {
        "x": {"stacked": True, "grid": {"display": False}},
        "y": {"stacked": True, "beginAtZero": True, "ticks": {"precision": 0}, "grid": {}},
    },
}


def fill_dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's DASHBOARD_CALLBACK."""
    user = actor(request)
    blocks = blocks_of_first_page(user)
    return {
        **context,
        "title": f"Hola, {user.get_short_name()}",
        "figures": [block for block in blocks if isinstance(block, Figure)],
        "listings": [block for block in blocks if isinstance(block, Listing)],
        "charts": [drawn(block) for block in blocks if isinstance(block, Chart)],
    }


def drawn(chart: Chart) -> dict[str, Any]:
    """What the page needs to draw a chart: its data and options as JSON, its table as it is."""
    datasets = [
        {"label": label, "data": list(values), "backgroundColor": colour, "borderRadius": 3}
        for (label, values), colour in zip(chart.series.items(), SERIES_COLOURS, strict=False)
    ]
    return {
        "title": chart.title,
        "table": chart.table,
        "data": json.dumps({"labels": list(chart.labels), "datasets": datasets}),
        "options": json.dumps(CHART_OPTIONS),
    }
