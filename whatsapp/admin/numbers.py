"""The business numbers: made by the first message that names them, looked at by administrators."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from unfold.decorators import display

from crm.admin.base import ReadOnlyAdmin
from crm.admin.rights import ADMINISTRATORS
from crm.display import address, moment
from whatsapp.models import BusinessNumber


@admin.register(BusinessNumber)
class BusinessNumberAdmin(ReadOnlyAdmin):
    may_view = ADMINISTRATORS
    ordering = ("id",)
    list_display = ("name", "phone_number_id", "since", "threads")
    list_display_links = ("name",)
    readonly_fields = ("name", "phone_number_id", "since", "threads")
    fieldsets = ((None, {"fields": (("name", "phone_number_id"), ("since", "threads"))}),)
    empty_hint = "El número aparece aquí cuando Meta envía el primer mensaje que lo nombra."

    @display(description="número")
    def name(self, number: BusinessNumber) -> str:
        return str(number)

    @display(description="visto desde")
    def since(self, number: BusinessNumber) -> str:
        return moment(number.created_at)

    @display(description="conversaciones")
    def threads(self, number: BusinessNumber) -> Any:
        url = address("whatsapp_thread_changelist", number__id__exact=number.pk)
        return format_html('<a href="{}" class="puente-link">Ver</a>', url)
