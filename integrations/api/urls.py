"""Under `/api/` (config/urls.py)."""

from typing import Any

from django.urls import path

from integrations.api import deliveries, receiving, test_sends

# The second address is the one that the sales application itself has.
_receiving: list[Any] = [
    path("webhook-presencia-crm", receiving.PresenceWebhook.as_view()),
    path("gestion/webhook-presencia-crm", receiving.SalesPresenceWebhook.as_view()),
    path("presencias", receiving.PresenceViewSet.as_view({"get": "list"})),
    path("presencias/<str:presence_id>", receiving.PresenceViewSet.as_view({"get": "retrieve"})),
]
_deliveries: list[Any] = [
    path("webhook-deliveries", deliveries.DeliveryList.as_view()),
    path("webhook-deliveries/statistics", deliveries.DeliveryStatistics.as_view()),
    path("webhook-deliveries/<str:delivery_id>", deliveries.DeliveryDetail.as_view()),
    path("webhook-deliveries/<str:delivery_id>/replay", deliveries.DeliveryReplay.as_view()),
]
_test_sends: list[Any] = [path("test-webhook", test_sends.TestWebhook.as_view())]
urlpatterns: list[Any] = [*_receiving, *_deliveries, *_test_sends]
