"""Under `/api/v1/` (config/urls.py). What is named stands before what is numbered: `estadisticas` is no id."""

from typing import Any

from django.urls import path

from whatsapp import serving
from whatsapp.api import views, webhook

_messages: list[Any] = [
    path("conversaciones-whatsapp", views.MessageList.as_view({"get": "list"})),
    path("conversaciones-whatsapp/estadisticas", views.Statistics.as_view()),
    path("conversaciones-whatsapp/enviar-mensaje", views.SendMessage.as_view()),
    path("conversaciones-whatsapp/buscar-cliente/<path:numero>", views.FindContact.as_view()),
    path("conversaciones-whatsapp/cliente/<str:cliente_id>", views.ContactMessages.as_view({"get": "list"})),
    path("conversaciones-whatsapp/numero/<path:numero>", views.NumberMessages.as_view({"get": "list"})),
    path("conversaciones-whatsapp/<str:message_id>", views.OneMessage.as_view()),
    path("conversaciones-whatsapp/<str:message_id>/vincular", views.LinkMessage.as_view()),
    path("conversaciones-whatsapp/<str:message_id>/desvincular", views.UnlinkMessage.as_view()),
    path("conversaciones-whatsapp/<str:message_id>/tarea", views.TaskFromMessage.as_view()),
    path("conversaciones-whatsapp/<str:message_id>/oportunidad", views.OpportunityFromMessage.as_view()),
    *serving.urls,
]
urlpatterns: list[Any] = [path("whatsapp/webhook", webhook.view), *_messages]
