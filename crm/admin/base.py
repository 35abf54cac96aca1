"""What every list and form of the staff pages has in common: roles, scope, fast lists, refusals as sentences."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import IntegrityError, models, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin, TabularInline
from unfold.dataclasses import SearchResult

from crm.admin.rights import NOBODY, RoleRights
from crm.constraints import message_of_violation
from crm.display import change_url
from crm.exceptions import Refusal
from crm.models import Contact, Lead, User
from crm.search import search_in_order

# Fields that name a person who may be made responsible (contract section 1).
RESPONSIBLE_FIELDS = frozenset({"responsible_user", "coverage_user", "assigned_to"})

# What a verb or the database may answer to something typed on a page.
REFUSALS = (Refusal, ValidationError, IntegrityError)

# Shown on the page of a stored row only: when it came, who filed it.
RECORD = "Registro"
PALETTE_ROWS = 5
# Nobody turns the pages of a search for long, and counting a word that half the people have is slow.
SEARCH_COUNT_CAP = 1_000
# With more people found than this, rows are read in their order until the page is full.
MANY_PEOPLE = 20_000


class BoundedPaginator(Paginator):
    """Counts up to a cap and no further: on a million rows the count would cost more than the page."""

    cap: int | None = None

    @cached_property
    def count(self) -> int:
        return min(self._counted, self._most)

    @cached_property
    def is_capped(self) -> bool:
        """There are more rows than `count` says."""
        return self._counted > self._most

    @property
    def _most(self) -> int:
        return min(settings.LIST_COUNT_CAP, self.cap or settings.LIST_COUNT_CAP)

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return rows.order_by()[: self._most + 1].count() if isinstance(rows, QuerySet) else len(rows)


class StaffForm(forms.ModelForm):
    """Knows what stood in it when it was opened, and who may be made responsible.

    Whoever is made responsible must be able to; who already is may stay, even after leaving.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # `changed_data` compares with what this person saw, not with what a colleague has saved since.
            field.show_hidden_initial = not self.instance._state.adding
        for name in RESPONSIBLE_FIELDS & self.fields.keys():
            field = self.fields[name]
            if isinstance(field, forms.ModelChoiceField):
                present = Q(pk=getattr(self.instance, f"{name}_id", None))
                field.queryset = User.objects.filter(present | Q(pk__in=User.objects.responsible()))

    def validate_constraints(self) -> None:
        """Also constraints that lean on columns which no form shows, as "unique unless deleted" does."""
        try:
            self.instance.validate_constraints(exclude=set(self.errors))
        except ValidationError as error:
            self.add_error(None, error)


class StaffAdmin(RoleRights, ModelAdmin):
    """Base of every model's pages. Lists never count or sort what no index serves."""

    form: type[Any] = StaffForm
    paginator = BoundedPaginator
    ordering: Sequence[str] = ("-created_at", "-id")
    sortable_by: Sequence[str] = ()
    search_fields: Sequence[str] = ()
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_filter_submit = True
    list_disable_select_all = True
    list_fullwidth = True
    warn_unsaved_form = True
    empty_value_display = "—"
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    search_column = "search_words"
    # What an empty list tells people to do.
    empty_hint = ""
    # Models with an icon here are found by the command palette.
    palette_icon = ""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = only_visible(super().get_queryset(request), request.user)
        return rows.present() if hasattr(rows, "present") else rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        typed = search_term.strip()
        if typed and not self.search_fields:
            return queryset.none(), False
        return (self.find(queryset, typed) if typed else queryset), False

    def find(self, queryset: Any, typed: str) -> QuerySet[Any]:
        """Rows that match what was typed into the search box, through `search_column`."""
        return search_in_order(queryset, typed, column=self.search_column)

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        paginator = super().get_paginator(request, *args, **kwargs)
        if request.GET.get(SEARCH_VAR) and isinstance(paginator, BoundedPaginator):
            paginator.cap = SEARCH_COUNT_CAP
        return paginator

    def find_for_palette(self, request: HttpRequest, typed: str) -> Iterator[SearchResult]:
        """A few rows for the command palette (Ctrl+K)."""
        if not self.palette_icon or not self.has_module_permission(request):
            return
        found, _ = self.get_search_results(request, self.get_queryset(request), typed)
        for row in found.order_by()[:PALETTE_ROWS]:
            described = self.describe_for_palette(row)
            yield SearchResult(str(row), described, change_url(row), self.palette_icon)

    def describe_for_palette(self, row: Any) -> str:
        return str(self.opts.verbose_name).capitalize()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sections = super().get_fieldsets(request, obj)
        return [section for section in sections if obj is not None or section[0] != RECORD]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Nothing typed is null where the column may be null, in long texts too."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(db_field, models.TextField) and isinstance(field, forms.CharField) and db_field.null:
            field.empty_value = None
        return field

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A choice that has no default is made, not taken because it stood first."""
        blank = db_field.blank or not db_field.has_default()
        kwargs.setdefault("choices", db_field.get_choices(include_blank=blank, blank_choice=[("", "Elija un valor")]))
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only rows that this person may see can be chosen, also by a hand-made request."""
        chosen_from = db_field.related_model._default_manager.all()
        kwargs.setdefault("queryset", only_visible(chosen_from, request.user))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Only what this person changed is written, on the locked row: two who edit different fields keep both."""
        columns = {field.name for field in self.opts.concrete_fields}
        if not change:
            if "created_by" in columns:
                obj.created_by = request.user
            super().save_model(request, obj, form, change)
            return
        stored = self.model._default_manager.select_for_update(of=("self",), no_key=True).get(pk=obj.pk)
        changed = columns & set(form.changed_data)
        for name in changed:
            setattr(stored, name, form.cleaned_data[name])
        if changed:
            stored.save(update_fields=changed | (columns & {"updated_at"}))
        obj.__dict__.update(stored.__dict__)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A refusal of a verb or of the database comes back as an error of the form, with what was typed."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except REFUSALS as error:
            request.refusal = sentence_of(error)  # type: ignore[attr-defined]
        return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form_class = super().get_form(request, obj, change=change, **kwargs)
        sentence = getattr(request, "refusal", "")
        return refused(form_class, sentence) if sentence else form_class

    # --- Deleting ---------------------------------------------------------------------------

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What is asked about before deleting: the rows themselves. What hangs on them is the verb's business,
        and walking it would read every call of a person."""
        rows = list(objs)
        forbidden = {self.opts.verbose_name for row in rows if not self.has_delete_permission(request, row)}
        return [str(row) for row in rows], {self.opts.verbose_name_plural: len(rows)}, forbidden, []

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        obj.remove() if hasattr(obj, "remove") else obj.delete()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            for row in queryset:
                self.delete_model(request, row)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except REFUSALS as error:
            messages.error(request, sentence_of(error))
            return HttpResponseRedirect(reverse(self.address_of("change"), args=[object_id]))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        try:
            return super().changelist_view(request, extra_context)
        except REFUSALS as error:
            messages.error(request, sentence_of(error))
            return HttpResponseRedirect(request.get_full_path())

    def address_of(self, page: str) -> str:
        return f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}"


class ReadOnlyAdmin(StaffAdmin):
    """Looked at, never written here."""

    may_add = may_change = may_delete = NOBODY
    warn_unsaved_form = False


class SubjectAdmin(StaffAdmin):
    """Rows about a contact or a lead, found by the person they are about."""

    search_fields = ("contact__search_words",)
    search_help_text = "Nombre, documento, correo o teléfono de la persona"
    list_select_related: Sequence[str] = ("contact", "lead")
    autocomplete_fields: Sequence[str] = ("contact", "lead", "responsible_user")

    def find(self, queryset: QuerySet[Any], typed: str) -> QuerySet[Any]:
        """Of few people: two indexed roads to them, and their union; one condition with OR would read every row.
        Of many: the rows in their order, each asked whose it is, until the page is full."""
        people, enquiries = Contact.objects.search(typed), Lead.objects.search(typed)
        if people[: MANY_PEOPLE + 1].count() > MANY_PEOPLE:
            return queryset.filter(Q(contact__search_words__finds=typed) | Q(lead__search_words__finds=typed))
        rows = self.model._default_manager
        of_contacts = rows.filter(contact__in=people.values("pk")).values("pk")
        of_leads = rows.filter(lead__in=enquiries.values("pk")).values("pk")
        return queryset.filter(pk__in=of_contacts.union(of_leads))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """By the verbs of the API (`file`, `correct`), which lock the person and check who is named."""
        about = {"entity_type": obj.entity_type, "entity_id": obj.entity_id}
        names = set(form.changed_data if change else form.cleaned_data)
        if change and not names & {"contact", "lead"}:
            about = {}
        typed = {
            field.attname: getattr(obj, field.attname)
            for field in self.opts.concrete_fields
            if field.name in names - {"contact", "lead"}
        }
        stored = self.correct(request, obj.pk, **about, **typed) if change else self.file(request, **about, **typed)
        obj.__dict__.update(stored.__dict__)

    def file(self, request: HttpRequest, **fields: Any) -> Any:
        raise NotImplementedError

    def correct(self, request: HttpRequest, pk: Any, **fields: Any) -> Any:
        raise NotImplementedError


class StaffInline(RoleRights, TabularInline):
    extra = 0
    tab = True


def only_visible(queryset: QuerySet[Any], user: Any) -> QuerySet[Any]:
    """The rows of crm/scope.py, for models that know a scope."""
    return queryset.visible_to(user) if hasattr(queryset, "visible_to") else queryset


def sentence_of(error: Exception) -> str:
    if isinstance(error, Refusal):
        return error.message
    if isinstance(error, IntegrityError):
        return message_of_violation(error)
    return " ".join(getattr(error, "messages", [])) or str(error)


def after_dialog(url: str) -> HttpResponse:
    """Where to go after a confirmation dialog, which was sent in the background."""
    return HttpResponse(headers={"HX-Redirect": url})


def refused(form_class: type[Any], sentence: str) -> type[Any]:
    """The same form, with an error that only saving brought to light."""

    class Refused(form_class):
        def _post_clean(self) -> None:
            super()._post_clean()
            self.add_error(None, sentence)

    return Refused
