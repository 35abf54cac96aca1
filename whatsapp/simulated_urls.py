"""Under `/simulated-meta/` (config/urls.py): the addresses of the Graph API that are asked."""

from django.urls import path

from whatsapp import simulated

urlpatterns = [
    path("v25.0/archivos/<str:media_id>", simulated.file, name="simulated-meta-file"),
    path("v25.0/<str:number_id>/messages", simulated.messages),
    path("v25.0/<str:number_id>/media", simulated.upload),
    path("v25.0/<str:account_id>/message_templates", simulated.templates),
    path("v25.0/<str:account_id>/subscribed_apps", simulated.subscribed_apps),
    path("v25.0/<str:account_id>/phone_numbers", simulated.phone_numbers),
    path("v25.0/<str:object_id>", simulated.one_object),
]
