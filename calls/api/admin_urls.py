from django.urls import path

from calls.api.views import ManagedCallTypeViewSet

urlpatterns = [
    path(
        "admin/call-types",
        ManagedCallTypeViewSet.as_view({"get": "list", "post": "create"}),
        name="managed-call-types",
    ),
    path(
        "admin/call-types/<str:call_type_id>",
        ManagedCallTypeViewSet.as_view({"get": "retrieve", "put": "update", "patch": "update", "delete": "destroy"}),
        name="managed-call-type",
    ),
]
