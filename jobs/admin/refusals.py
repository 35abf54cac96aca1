"""What is left alone: numbers that nobody calls, days without calls."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from crm.admin.base import StaffAdmin, StaffForm
from crm.admin.filters import AutocompleteSelectFilter, ChoicesDropdownFilter, DayRangeFilter
from crm.admin.rights import EVERYBODY, NOBODY, OFFICE, actor
from crm.display import moment, name_of
from crm.exceptions import Refusal
from crm.models import AuditEntry
from crm.phones import parse_phone
from jobs.admin import refusal_file, wording
from jobs.admin.leaving_alone import leave_alone, readable_phone
from jobs.choices import RefusalSource
from jobs.models import Account, ClosedDay, DoNotCall

SOURCE_TONES = {RefusalSource.CALL: "warning", RefusalSource.STAFF: "info", RefusalSource.FILE: "none"}
FEWEST_DIGITS = 4


class DoNotCallForm(StaffForm):
    class Meta:
        model = DoNotCall
        fields = ("number", "account", "reason")

    def clean(self) -> dict[str, Any]:
        """A phone as people write it, by the rules of the account's country; not one that is on the list."""
        found = super().clean() or {}
        account: Account | None = found.get("account")
        if found.get("number"):
            try:
                phone = readable_phone(found["number"], account.country if account else None)
            except Refusal as refusal:
                self.add_error("number", refusal.message)
                return found
            found["number"] = phone.number
            if DoNotCall.objects.filter(key=phone.key, account=account).exists():
                self.add_error("number", "Este número ya está en la lista.")
        return found


@admin.register(DoNotCall)
class DoNotCallAdmin(StaffAdmin):
    form = DoNotCallForm
    may_view = may_add = EVERYBODY
    may_change = NOBODY
    may_delete = OFFICE
    list_display = ("number", "whose", "source_label", "reason", "who", "when")
    list_display_links = ("number",)
    list_filter = (
        ("source", ChoicesDropdownFilter),
        ("account", AutocompleteSelectFilter),
        ("created_at", DayRangeFilter),
    )
    list_select_related = ("account", "created_by")
    autocomplete_fields = ("account",)
    search_fields = ("number",)
    search_help_text = "Teléfono en cualquier formato, o sus últimas cifras"
    empty_hint = "Añada los números a los que no se debe llamar. Quien lo pide en una llamada se añade solo."
    readonly_fields = ("source_label", "who", "when")
    delete_selected_confirmation_template = None
    actions_list = ("from_file",)

    class Media:
        css = {"all": ["jobs/campaigns.css"]}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        asked = "number", "account", "reason"
        return ((None, {"fields": asked if obj is None else (*asked, ("source_label", "who"), "when")}),)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if not change and isinstance(form.base_fields.get("number"), forms.CharField):
            form.base_fields["number"].max_length = 60
            form.base_fields["number"].validators = []
            form.base_fields["number"].widget.attrs.update({"maxlength": 60, "inputmode": "tel"})
            form.base_fields[
                "number"
            ].help_text = "En cualquier formato. Sin código de país se lee con el de la cuenta."
        if "account" in form.base_fields:
            form.base_fields["account"].help_text = "Vacío: no se le llama por ninguna cuenta."
        return form

    # --- Columns ----------------------------------------------------------------------------

    @display(description="no se le llama en")
    def whose(self, row: DoNotCall) -> str:
        return f"Las campañas de {row.account}" if row.account else "Ninguna campaña"

    @display(description="origen")
    def source_label(self, row: DoNotCall) -> SafeString:
        return wording.tone_label(row.get_source_display(), SOURCE_TONES[RefusalSource(row.source)])

    @display(description="quién")
    def who(self, row: DoNotCall) -> str:
        return name_of(row.created_by)

    @display(description="desde")
    def when(self, row: DoNotCall) -> str:
        return moment(row.created_at)

    # --- List and acts ----------------------------------------------------------------------

    @action(description="Subir un archivo", icon="upload_file", url_path="archivo", permissions=["office"])
    def from_file(self, request: HttpRequest) -> HttpResponse:
        return refusal_file.page(self, request)

    def find(self, queryset: QuerySet[Any], typed: str) -> QuerySet[Any]:
        """By a whole number however it is written, or by some of its digits."""
        phone = parse_phone(typed)
        digits = "".join(char for char in typed if char.isdecimal())
        condition = Q(number__contains=digits) if len(digits) >= FEWEST_DIGITS else Q(pk__in=[])
        return queryset.filter(condition | Q(key=phone.key) if phone else condition)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        row = leave_alone(obj.number, by=actor(request), account=obj.account, reason=obj.reason)
        obj.__dict__.update(row.__dict__)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Calling somebody again who did not want it is on record, with who allowed it."""
        with transaction.atomic():
            AuditEntry.write("do_not_call_removed", "do_not_call", obj.pk, number=obj.number, reason=obj.reason)
            obj.delete()


@admin.register(ClosedDay)
class ClosedDayAdmin(StaffAdmin):
    may_view = EVERYBODY
    may_add = may_change = may_delete = OFFICE
    ordering = ("-day", "-id")
    list_display = ("date", "name", "where")
    list_display_links = ("date",)
    list_filter = (("day", DayRangeFilter),)
    search_fields = ("name",)
    search_help_text = "Nombre del día"
    empty_hint = "Los festivos nacionales ya cuentan. Añada los de una región o los del equipo."
    fieldsets = ((None, {"fields": ("day", "country", "name")}),)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if "country" in form.base_fields:
            form.base_fields["country"].help_text = "Vacío: en todos los países."
        return form

    @display(description="día")
    def date(self, row: ClosedDay) -> str:
        return f"{wording.WEEKDAYS[row.day.isoweekday()].capitalize()} {row.day:%d/%m/%Y}"

    @display(description="solo en")
    def where(self, row: ClosedDay) -> str:
        return row.get_country_display() if row.country else "Todos los países"

    def find(self, queryset: QuerySet[Any], typed: str) -> QuerySet[Any]:
        return queryset.filter(name__icontains=typed)
