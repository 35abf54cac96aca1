from django.urls import path

from calls.api.views import CallCalendar, CallTypeList, CallViewSet, ContactCalls

urlpatterns = [
    path("calls", CallViewSet.as_view({"get": "list", "post": "create"}), name="calls"),
    path("calls/calendar", CallCalendar.as_view({"get": "list"}), name="calls-calendar"),
    path(
        "calls/<str:call_id>",
        CallViewSet.as_view({"get": "retrieve", "put": "update", "patch": "update", "delete": "destroy"}),
        name="call",
    ),
    path("call-types", CallTypeList.as_view({"get": "list"}), name="call-types"),
    path("contacts/<str:contact_id>/calls", ContactCalls.as_view({"get": "list"}), name="contact-calls"),
]
