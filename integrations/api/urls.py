"""Under `/api/` (config/urls.py)."""

from typing import Any

from django.urls import path

from integrations.api import receiving

# The second address is the one that the sales application itself has.
_receiving: list[Any] = [
    path("webhook-presencia-crm", receiving.PresenceWebhook.as_view()),
    path("gestion/webhook-presencia-crm", receiving.SalesPresenceWebhook.as_view()),
    path("presencias", receiving.PresenceViewSet.as_view({"get": "list"})),
    path("presencias/<str:presence_id>", receiving.PresenceViewSet.as_view({"get": "retrieve"})),
]
urlpatterns: list[Any] = [*_receiving]
