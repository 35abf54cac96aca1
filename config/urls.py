"""Every address of the service. Routes are written without a final slash (config/middleware.py)."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config import health
from config.api import absent
from config.api.documents import DocsView, SchemaView
from integrations.metrics import MetricsView

handler400 = "config.api.errors.bad_request"
handler403 = "config.api.errors.permission_denied"
handler404 = "config.api.errors.page_not_found"
handler500 = "config.api.errors.server_error"

# The CRM answers under both prefixes, as its clients write it (contract section 1).
crm_routes = [
    path("", include("calls.api.urls")),
    path("", include("opportunities.api.urls")),
    path("", include("crm.api.urls")),
    path("", include(absent.crm_routes)),
]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("api/crm/", include(crm_routes)),
    path("crm/", include(crm_routes)),
    path("api/v1/", include("whatsapp.api.urls")),
    path("api/v1/", include("jobs.api.urls")),
    path("api/", include("config.api.urls")),
    path("api/", include("crm.api.user_urls")),
    path("api/", include("calls.api.admin_urls")),
    path("api/", include("integrations.api.urls")),
    path("api/", include(absent.other_routes)),
    path("api/schema", SchemaView.as_view(), name="schema"),
    path("api/docs", DocsView.as_view(), name="docs"),
    path("simulated-meta/", include("whatsapp.simulated_urls")),
    path("health", health.alive, name="health"),
    path("health/ready", health.ready, name="ready"),
    path("metrics", MetricsView.as_view(), name="metrics"),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
]
