"""How the staff pages look: name, mark, colours, environment badge (django-unfold's settings)."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static


def environment_badge(request: HttpRequest) -> list[str] | None:
    """A mark on every page of the demonstration, so that nobody files real people in it."""
    from django.conf import settings

    return ["Demostración", "warning"] if settings.DEMONSTRATION else None


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Puente CRM",
    "SITE_HEADER": "Puente CRM",
    "SITE_SUBHEADER": "Ventas y llamadas",
    "SITE_URL": None,
    "SITE_ICON": lambda request: static("crm/admin/puente.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("crm/admin/puente.svg")}],
    "LOGIN": {"image": lambda request: static("crm/admin/entrada.svg")},
    "STYLES": [lambda request: static("crm/admin/puente.css")],
    "SCRIPTS": [lambda request: static("crm/admin/puente.js")],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "8px",
    "ENVIRONMENT": "config.admin_theme.environment_badge",
    "DASHBOARD_CALLBACK": "crm.admin.dashboard.fill_dashboard",
    "COMMAND": {"show_history": True},
    "SIDEBAR": {"show_search": True, "command_search": True},
    "ACCOUNT": {"navigation": []},
    # Deep teal, readable on white and on dark.
    "COLORS": {
        "primary": {
            "50": "oklch(98.2% .014 195)",
            "100": "oklch(95% .038 195)",
            "200": "oklch(90% .07 195)",
            "300": "oklch(83% .098 194)",
            "400": "oklch(73% .105 194)",
            "500": "oklch(60% .096 195)",
            "600": "oklch(50.5% .084 198)",
            "700": "oklch(43.5% .072 200)",
            "800": "oklch(37.5% .06 202)",
            "900": "oklch(32% .05 204)",
            "950": "oklch(23% .04 206)",
        },
    },
}
