"""Notes: what somebody wrote down about a contact or lead."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from crm.admin.base import RECORD, SubjectAdmin
from crm.admin.filters import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    DayRangeFilter,
    HolderFilter,
    PersonFilter,
)
from crm.admin.rights import EVERYBODY, actor
from crm.display import moment, person_of, shortened
from crm.models import Note


class AuthorFilter(HolderFilter):
    title = "escritas por"
    field = "created_by"


@admin.register(Note)
class NoteAdmin(SubjectAdmin):
    may_delete = EVERYBODY  # agents meet only their own notes
    list_display = ("summary", "person", "kind", "created_by", "created")
    list_filter = (
        AuthorFilter,
        ("created_by", AutocompleteSelectFilter),
        ("note_type", ChoicesDropdownFilter),
        ("created_at", DayRangeFilter),
        ("contact", PersonFilter),
    )
    list_select_related = ("contact", "lead", "created_by")
    autocomplete_fields = ("contact", "lead")
    readonly_fields = ("created_at", "updated_at", "created_by")
    empty_hint = "Escriba la primera nota sobre un contacto o un lead."
    fieldsets = (
        (None, {"fields": ("content", ("contact", "lead"), "note_type")}),
        (RECORD, {"fields": (("created_at", "updated_at"), "created_by")}),
    )

    @display(description="nota")
    def summary(self, note: Note) -> str:
        return shortened(note.content)

    @display(description="persona")
    def person(self, note: Note) -> Any:
        return person_of(note)

    @display(description="tipo")
    def kind(self, note: Note) -> str:
        return note.get_note_type_display()

    @display(description="cuándo")
    def created(self, note: Note) -> str:
        return moment(note.created_at)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever wrote it, and administrators."""
        mine = not isinstance(obj, Note) or obj.may_be_changed_by(actor(request))
        return super().has_change_permission(request, obj) and mine

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self.has_change_permission(request, obj)

    def file(self, request: HttpRequest, **fields: Any) -> Note:
        return Note.objects.write(by=actor(request), **fields)

    def correct(self, request: HttpRequest, pk: Any, **fields: Any) -> Note:
        note: Note = Note.objects.get(pk=pk)
        note.change(by=actor(request), **fields)
        return note
