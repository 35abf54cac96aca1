"""Notes: what somebody wrote down about a contact or lead."""

from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.db import models
from django.db.models import Q

from crm.choices import NoteType
from crm.constraints import is_one_of
from crm.models.base import BaseModel
from crm.models.subjects import HasSubject, SubjectQuerySet, exactly_one_subject, find_subject
from crm.models.user_keys import user_key

if TYPE_CHECKING:
    from crm.models.users import User


class NoteQuerySet(SubjectQuerySet):
    def visible_to(self, user: "User") -> Self:
        from crm.scope import notes_of

        return self.filter(notes_of(user))

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class NoteManager(models.Manager.from_queryset(NoteQuerySet)):  # type: ignore[misc]
    def write(self, entity_type: str, entity_id: UUID, *, by: "User", **fields: Any) -> "Note":
        """Keep a note about a contact or lead that `by` sees."""
        note = Note(created_by=by, **fields)
        note.subject = find_subject(entity_type, entity_id, visible_to=by)
        note.save(force_insert=True)
        return note


class Note(HasSubject, BaseModel):
    content = models.TextField("contenido")
    note_type = models.CharField("tipo", max_length=10, choices=NoteType, default=NoteType.COMMENT)
    params = models.JSONField("datos", null=True, blank=True)
    # No index: note_of_author begins with it.
    created_by = user_key("escrita por", db_index=False, related_name="notes")

    objects = NoteManager()

    class Meta:
        verbose_name = "nota"
        constraints = [
            exactly_one_subject("note_has_exactly_one_subject"),
            is_one_of("note_type", NoteType, "note_type_is_known"),
            models.CheckConstraint(
                condition=~Q(content=""),
                name="note_has_content",
                violation_error_message="El contenido es obligatorio.",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="note_newest"),
            models.Index(fields=["contact", "-created_at"], name="note_of_contact"),
            models.Index(fields=["lead", "-created_at"], condition=Q(lead__isnull=False), name="note_of_lead"),
            models.Index(fields=["created_by", "-created_at"], name="note_of_author"),
        ]

    def __str__(self) -> str:
        return self.content[:80]

    def may_be_changed_by(self, user: "User") -> bool:
        return user.is_administrator or self.created_by_id == user.pk

    def change(
        self, *, by: "User", entity_type: str | None = None, entity_id: UUID | None = None, **fields: Any
    ) -> None:
        """Change what `fields` name, and the subject when `entity_id` names another. The author stays."""
        if entity_id is not None and entity_id != self.entity_id:
            self.subject = find_subject(entity_type or self.entity_type, entity_id, visible_to=by)
            fields = {**fields, "contact": self.contact, "lead": self.lead}
        for name, value in fields.items():
            setattr(self, name, value)
        if fields:
            self.save(update_fields={*fields, "updated_at"})
