"""Contacts: the person, their phones, and tabs with all that hangs on them."""

from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from unfold.decorators import action, display
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldBooleanSwitchWidget

from crm.admin.base import RECORD, ReadOnlyAdmin, StaffAdmin, StaffForm, StaffInline, after_dialog
from crm.admin.filters import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    DayRangeFilter,
    HolderFilter,
)
from crm.admin.panels import PanelTab
from crm.admin.rights import EVERYBODY, OFFICE, actor
from crm.choices import PhoneLabel
from crm.display import NOTHING, change_url, link_to, moment, name_of
from crm.exceptions import Refusal
from crm.models import Contact, ContactMerge, ContactPhone
from crm.panels import Row, contact_panels
from crm.services import merge_contacts, undo_merge

GRADING_TONES = {"A": "success", "B+": "info", "B-": "info", "C": "warning", "D": "danger"}

SAID = ("opted_out_of_calls", "opted_out_of_messages", "consented_to_calls")


class ContactForm(StaffForm):
    opted_out_of_calls = forms.BooleanField(
        label="Pidió que no lo llamen",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Ninguna campaña lo llamará.",
    )
    opted_out_of_messages = forms.BooleanField(
        label="Pidió que no le escriban",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="El bot no le escribirá por su cuenta.",
    )
    consented_to_calls = forms.BooleanField(
        label="Acepta llamadas automáticas",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Las campañas que exigen consentimiento solo llaman a quien lo ha dado.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in SAID:
            if name in self.fields:
                self.fields[name].initial = getattr(self.instance, name)

    def changes(self) -> dict[str, Any]:
        """What was typed anew, for the verb. A key that is gone from the own fields is named with null."""
        changes = {name: self.cleaned_data[name] for name in self.changed_data}
        if "custom_fields" in changes:
            gone = dict.fromkeys(self.initial.get("custom_fields") or {})
            changes["custom_fields"] = {**gone, **(changes["custom_fields"] or {})}
        return changes


class OtherPhoneForm(forms.ModelForm):
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


class OtherPhonesFormSet(PaginationInlineFormSet):
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
        return super().get_queryset(request).beside_the_fields().order_by("id")


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
                    ("opted_out_of_calls", "opted_out_of_messages"),
                    "consented_to_calls",
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

    def save_model(self, request: HttpRequest, obj: Contact, form: Any, change: bool) -> None:
        """Only what this person changed is written: two who edit different fields keep both."""
        if not change:
            for name in SAID:
                setattr(obj, name, form.cleaned_data.get(name, False))
            super().save_model(request, obj, form, change)
            return
        stored = Contact.objects.select_for_update(of=("self",), no_key=True).get(pk=obj.pk)
        stored.edit(form.changes(), by=actor(request))
        obj.refresh_from_db()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Further numbers are found by the search too."""
        super().save_related(request, form, formsets, change)
        if any(formset.has_changed() for formset in formsets):
            form.instance.note_phones()

    def delete_model(self, request: HttpRequest, obj: Contact) -> None:
        obj.delete_softly(by=actor(request))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **kwargs: Any
    ) -> HttpResponse:
        """Beside the form, a tab for each thing that this and other apps keep about the person."""
        if obj is not None:
            context["datasets"] = [PanelTab(panel, obj, request) for panel in contact_panels()]
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    @action(description="Fusionar dos contactos", permissions=["office"])
    def merge_two(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Two steps: which of the two stays, then the merge."""
        people = list(queryset.select_related("responsible_user").order_by("created_at", "id")[:3])
        if len(people) != 2:
            messages.error(request, "Para fusionar, seleccione exactamente dos contactos.")
            return None
        chosen = {str(person.pk): person for person in people}.get(request.POST.get("survivor", ""))
        if chosen is None:
            context = {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": "Fusionar dos contactos",
                "people": people,
                "headers": ("", *(person.name for person in people)),
                "rows": compared(*people),
            }
            return TemplateResponse(request, "crm/admin/merge_contacts.html", context)
        absorbed = next(person for person in people if person != chosen)
        try:
            merge = merge_contacts(survivor_id=chosen.pk, absorbed_id=absorbed.pk, by=actor(request))
        except Refusal as refusal:
            messages.error(request, refusal.message)
            return None
        undo = link_to(merge, "Ver o deshacer la fusión")
        messages.success(request, format_html("«{}» es ahora parte de {}. {}", absorbed, link_to(chosen), undo))
        return None


def compared(*people: Contact) -> list[Row]:
    """What tells one person from the other, side by side."""
    lines = {
        "Teléfonos": lambda person: " · ".join(filter(None, (person.mobile, person.phone))),
        "Correo": lambda person: person.email,
        "Documento": lambda person: " ".join(filter(None, (person.document_type, person.document_number))),
        "Ciudad": lambda person: person.city,
        "Responsable": lambda person: name_of(person.responsible_user),
        "Creado": lambda person: moment(person.created_at),
    }
    return [(title, *(read(person) or NOTHING for person in people)) for title, read in lines.items()]


@admin.register(ContactMerge)
class ContactMergeAdmin(ReadOnlyAdmin):
    """What was merged, and the way back."""

    may_view = OFFICE
    list_display = ("into", "gone", "what", "created_by", "created", "undone")
    list_filter = (("created_at", DayRangeFilter),)
    list_select_related = ("survivor", "absorbed", "created_by")
    search_fields = ("survivor__search_words",)
    search_help_text = "Nombre, documento, correo o teléfono del contacto que queda"
    actions_detail = ("undo",)
    empty_hint = "Para fusionar, seleccione dos contactos en la lista y elija «Fusionar dos contactos»."
    fieldsets = (
        (None, {"fields": (("into", "gone"), "what", ("created_by", "created_at"), ("undone_by", "undone_at"))}),
    )
    readonly_fields = ("into", "gone", "what")

    @display(description="queda")
    def into(self, merge: ContactMerge) -> Any:
        return merge.survivor.name

    @display(description="absorbido")
    def gone(self, merge: ContactMerge) -> Any:
        return merge.absorbed.name

    @display(description="se movió")
    def what(self, merge: ContactMerge) -> str:
        counts = [
            f"{apps.get_model(label)._meta.verbose_name_plural}: {count}" for label, count in merge.moved_counts.items()
        ]
        return ", ".join([*counts, *([f"teléfonos: {len(merge.phones)}"] if merge.phones else [])]) or NOTHING

    @display(description="cuándo")
    def created(self, merge: ContactMerge) -> str:
        return moment(merge.created_at)

    @display(description="deshecha")
    def undone(self, merge: ContactMerge) -> str:
        return moment(merge.undone_at)

    def find(self, queryset: QuerySet[Any], typed: str) -> QuerySet[Any]:
        return queryset.filter(survivor__in=Contact.objects.search(typed).values("pk"))

    @action(
        description="Deshacer la fusión",
        icon="undo",
        permissions=["office"],
        dialog={
            "title": "Deshacer la fusión",
            "description": "Vuelven a ser dos contactos. Lo que nadie ha tocado desde entonces vuelve a su sitio.",
            "form_submit_text": "Deshacer",
        },
    )
    def undo(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        merge = self.get_object(request, object_id)
        if merge is None:
            raise Http404
        try:
            undo_merge(merge, by=actor(request))
        except Refusal as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, "La fusión está deshecha: vuelven a ser dos contactos.")
        return after_dialog(change_url(merge))
