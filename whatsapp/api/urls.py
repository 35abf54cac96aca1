"""Under `/api/v1/` (config/urls.py). What is named stands before what is numbered: `estadisticas` is no id."""

from typing import Any

from django.urls import path

from whatsapp import serving
from whatsapp.api import client_pages, views, webhook

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
_client_pages: list[Any] = [
    path("clientes", client_pages.Clients.as_view({"post": "create"})),
    path("clientes/<str:cliente_id>", client_pages.Clients.as_view({"get": "retrieve"})),
    path("usuarios", client_pages.Users.as_view()),
    path("tickets", client_pages.Tickets.as_view({"get": "list", "post": "create"})),
    path("tickets/conversacion/<str:message_id>", client_pages.MessageTickets.as_view({"get": "list"})),
    path("tickets/<str:ticket_id>", client_pages.Tickets.as_view({"get": "retrieve", "put": "update"})),
    path("comunicaciones", client_pages.Communications.as_view({"get": "list"})),
    path("comunicaciones/por-responder", client_pages.UnansweredCommunications.as_view({"get": "list"})),
    path("comunicaciones/crear-cliente-automatico", client_pages.Clients.as_view({"post": "create_automatically"})),
]
urlpatterns: list[Any] = [path("whatsapp/webhook", webhook.view, name="whatsapp-webhook"), *_messages, *_client_pages]
