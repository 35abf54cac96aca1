"""Contacts: the person, their phones, and tabs with all that hangs on them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import display
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldBooleanSwitchWidget

from crm.admin.base import RECORD, StaffAdmin, StaffForm, StaffInline
from crm.admin.filters import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    DayRangeFilter,
    HolderFilter,
)
from crm.admin.panels import PanelTab
from crm.admin.rights import EVERYBODY
from crm.choices import PhoneLabel
from crm.display import moment
from crm.models import Contact, ContactPhone
from crm.panels import contact_panels

GRADING_TONES = {"A": "success", "B+": "info", "B-": "info", "C": "warning", "D": "danger"}

# A box on the form for each opt-out; stored is the moment when it was ticked.
OPT_OUTS = {"no_calls": "opted_out_of_calls_at", "no_messages": "opted_out_of_messages_at"}


class ContactForm(StaffForm):
    no_calls = forms.BooleanField(
        label="Pidió que no lo llamen",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Ninguna campaña lo llamará.",
    )
    no_messages = forms.BooleanField(
        label="Pidió que no le escriban",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="El bot no le escribirá por su cuenta.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for box, column in OPT_OUTS.items():
            if box in self.fields:
                self.fields[box].initial = bool(getattr(self.instance, column))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for box, column in OPT_OUTS.items():
            if box in self.fields:
                since = getattr(self.instance, column) or timezone.now()
                setattr(self.instance, column, since if cleaned.get(box) else None)
        return cleaned


class OtherPhoneForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """A number in any spelling; stored canonical, with the key that forgiving look-ups use."""

    class Meta:
        model = ContactPhone
        fields = ("number",)

    def __init__(self, *args: Any, person: Contact, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = person

    def clean_number(self) -> str:
        phone = self.person.read_phone(self.cleaned_data["number"])
        if phone is None:
            raise forms.ValidationError("No parece un teléfono. Escríbalo con su prefijo, p. ej. +51 987 654 321.")
        self.instance.key, self.instance.is_valid = phone.key, phone.is_valid
        self.instance.label = PhoneLabel.OTHER
        return phone.number


class OtherPhonesFormSet(PaginationInlineFormSet):  # type: ignore[misc]  # unfold is untyped
    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return {**super().get_form_kwargs(index), "person": self.instance}


class OtherPhonesInline(StaffInline):
    """Further numbers; the phone and the mobile of the form keep their own rows by themselves."""

    model = ContactPhone
    form = OtherPhoneForm
    formset = OtherPhonesFormSet
    fields = ("number", "is_valid")
    readonly_fields = ("is_valid",)
    verbose_name = "otro teléfono"
    verbose_name_plural = "otros teléfonos"
    may_delete = EVERYBODY

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(label=PhoneLabel.OTHER).order_by("id")


@admin.register(Contact)
class ContactAdmin(StaffAdmin):
    form = ContactForm
    list_display = ("person", "phone_label", "email", "city", "grading", "responsible_user", "last", "next")
    list_filter = (
        HolderFilter,
        ("responsible_user", AutocompleteSelectFilter),
        ("grading_llamada", ChoicesDropdownFilter),
        ("landing_product", ChoicesDropdownFilter),
        ("proxima_llamada_fecha", DayRangeFilter),
        ("created_at", DayRangeFilter),
        "initial_contact_completed",
    )
    list_select_related = ("responsible_user",)
    sortable_by = ("person", "last", "next")
    search_fields = ("search_words",)
    search_help_text = "Nombre, documento, correo, ciudad, empresa o teléfono"
    autocomplete_fields = ("responsible_user",)
    readonly_fields = (
        "created_at",
        "updated_at",
        "created_by",
        "updated_by",
        "ultima_llamada_fecha",
        "proxima_llamada_fecha",
    )
    inlines = (OtherPhonesInline,)
    palette_icon = "person"
    empty_hint = "Cree el primer contacto o importe los que ya tiene en una hoja de cálculo."
    actions = ("merge_two",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "name",
                    ("mobile", "phone"),
                    ("email", "responsible_user"),
                    ("document_type", "document_number"),
                    ("no_calls", "no_messages"),
                )
            },
        ),
        (
            "Datos personales",
            {
                "classes": ["tab"],
                "fields": (
                    ("first_name", "last_name"),
                    ("address", "district"),
                    ("city", "state"),
                    ("country", "postal_code"),
                    ("company", "position"),
                ),
            },
        ),
        (
            "Situación",
            {
                "classes": ["tab"],
                "fields": (
                    ("grading_llamada", "grading_situacion"),
                    ("landing_product", "initial_contact_completed"),
                    ("nacionalidad", "edad"),
                    ("tiempo_espana", "lugar_residencia"),
                    ("empadronado", "tiene_ingresos"),
                    ("trabaja_b", "tiene_familiares_espana"),
                ),
            },
        ),
        ("Observaciones", {"classes": ["tab"], "fields": ("notes_text", "custom_fields")}),
        (
            RECORD,
            {
                "classes": ["tab"],
                "fields": (
                    ("ultima_llamada_fecha", "proxima_llamada_fecha"),
                    ("created_at", "created_by"),
                    ("updated_at", "updated_by"),
                ),
            },
        ),
    )

    @display(description="nombre", ordering="name")
    def person(self, contact: Contact) -> str:
        return contact.name

    @display(description="teléfono")
    def phone_label(self, contact: Contact) -> str:
        number = contact.mobile or contact.phone or self.get_empty_value_display()
        return f"{number} · no llamar" if contact.opted_out_of_calls_at else number

    @display(description="calificación", label=GRADING_TONES)
    def grading(self, contact: Contact) -> str | None:
        return contact.grading_llamada

    @display(description="última llamada", ordering="-ultima_llamada_fecha")
    def last(self, contact: Contact) -> str:
        return moment(contact.ultima_llamada_fecha)

    @display(description="próxima llamada", ordering="-proxima_llamada_fecha")
    def next(self, contact: Contact) -> str:
        return moment(contact.proxima_llamada_fecha)

    def describe_for_palette(self, row: Contact) -> str:
        return " · ".join(filter(None, ("Contacto", row.mobile or row.phone, row.city)))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).present()  # type: ignore[attr-defined, no-any-return]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **kwargs: Any
    ) -> HttpResponse:
        """Beside the form, a tab for each thing that this and other apps keep about the person."""
        if obj is not None:
            context["datasets"] = [PanelTab(panel, obj, request) for panel in contact_panels()]
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)
