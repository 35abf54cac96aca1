"""Tasks: what somebody promised to do about a contact or lead, and until when."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from crm.changes import TracksChanges
from crm.choices import TaskType
from crm.constraints import is_one_of
from crm.exceptions import NotFound
from crm.models.base import BaseModel
from crm.models.subjects import HasSubject, SubjectQuerySet, exactly_one_subject, find_subject, lock_subject
from crm.models.user_keys import user_key
from crm.prepared import Prepared, QuickWrites
from crm.responsibles import with_people_checked

if TYPE_CHECKING:
    from crm.models.contacts import Contact
    from crm.models.leads import Lead
    from crm.models.users import User

# The words of a task that a call has planned (contract section 2), until somebody puts it in their own.
FOLLOW_UP_TEXT = "Llamada de seguimiento programada"
TASK_NOT_FOUND = "Tarea no encontrada"


def second_of(moment: datetime) -> datetime:
    """Dates are the same date when they fall into the same second: clients differ in the digits after it."""
    return moment.replace(microsecond=0)


class TaskQuerySet(SubjectQuerySet):
    def visible_to(self, user: "User") -> Self:
        """The list and the calendar: an agent's own, everything for lawyers and administrators."""
        from crm.scope import tasks_of

        return self.filter(tasks_of(user))

    def readable_by(self, user: "User") -> Self:
        """One by one also those of a visible contact: its page shows what colleagues have promised."""
        from crm.scope import subjects_of, tasks_of

        subjects = subjects_of(user)
        return self.filter(tasks_of(user) | subjects) if subjects else self

    def open(self) -> Self:
        return self.filter(is_completed=False)

    def due_between(self, start: datetime | None, end: datetime | None) -> Self:
        """Both bounds inclusive; None leaves a side open."""
        bounds = {"complete_till__gte": start, "complete_till__lte": end}
        return self.filter(**{name: value for name, value in bounds.items() if value is not None})

    def soonest_first(self) -> Self:
        return self.order_by(F("complete_till").asc(nulls_last=True), "id")

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")

    def oldest_first(self) -> Self:
        return self.order_by("created_at", "id")

    def move_to(self, subject: "Contact | Lead") -> int:
        """Put them to another contact or lead; what has planned them still has."""
        columns: dict[str, Contact | Lead | None] = {"contact": None, "lead": None}
        columns[str(subject._meta.model_name)] = subject
        return self.update(**columns, updated_at=timezone.now())


class TaskManager(models.Manager.from_queryset(TaskQuerySet)):  # type: ignore[misc]
    def file_for(self, entity_type: str, entity_id: UUID, *, by: "User", **fields: Any) -> tuple["Task", bool]:
        """File a task about a contact or lead that `by` sees, who is responsible when nobody else is named."""
        with transaction.atomic():
            subject = lock_subject(entity_type, entity_id, visible_to=by)
            task = Task(created_by=by)
            task.subject = subject
            task.fill({"responsible_user_id": None, **fields}, by=by)
            filed, created = self.file(task)
            filed.subject = subject
            return filed, created

    def file(self, task: "Task") -> tuple["Task", bool]:
        """Store `task`, or return the one that already is this task: (task, was it created).

        The client of today files the follow-up itself, before or after the call that plans it; whoever
        comes second meets the first (contract section 2). The person's row must be locked by the caller's
        transaction (crm/models/subjects.py): requests racing on one person wait for each other there.
        The unique constraint on `planned_key` stands behind it.
        """
        twin = self.twin_of(task)
        if twin is None:
            task.save(force_insert=True)
            return task, True
        twin.adopt(task)
        return twin, False

    def twin_of(self, task: "Task") -> "Task | None":
        """The open task that is the same call to the same subject, in the same second (`is_twin_of`)."""
        if task.complete_till is None or task.is_completed or task.task_type != TaskType.CALL:
            return None
        first, last = second_of(task.complete_till), task.complete_till.replace(microsecond=999_999)
        if task.contact_id:
            due_then = _open_of_contact(contact_id=task.contact_id, first=first, last=last)
        else:
            due_then = list(self.open().filter(lead_id=task.lead_id).due_between(first, last).oldest_first())
        return next((other for other in due_then if other.is_twin_of(task)), None)


class Task(QuickWrites, TracksChanges, HasSubject, BaseModel):
    tracked_fields: ClassVar[tuple[str, ...]] = (
        "complete_till",
        "is_completed",
        "task_type",
        "contact_id",
        "lead_id",
    )

    text = models.TextField("texto")
    task_type = models.CharField("tipo", max_length=12, choices=TaskType, default=TaskType.CALL)
    responsible_user = user_key("responsable", related_name="tasks")
    coverage_user = user_key("cubre", db_index=False)
    complete_till = models.DateTimeField("vence", null=True, blank=True)
    is_completed = models.BooleanField("hecha", default=False)
    completed_at = models.DateTimeField("hecha el", null=True, blank=True)
    result_text = models.TextField("resultado", null=True, blank=True)
    task_template_id = models.UUIDField(null=True, blank=True, editable=False)
    created_by = user_key("creada por")
    # What planned this task, e.g. "call:<id>:<due second>": one cause plans one open task.
    planned_key = models.CharField(max_length=80, null=True, blank=True, editable=False)

    objects = TaskManager()

    class Meta:
        verbose_name = "tarea"
        constraints = [
            exactly_one_subject("task_has_exactly_one_subject"),
            is_one_of("task_type", TaskType, "task_type_is_known"),
            models.CheckConstraint(
                condition=~Q(text=""),
                name="task_has_a_text",
                violation_error_message="El texto es obligatorio.",
            ),
            models.UniqueConstraint(
                fields=["planned_key"],
                condition=Q(is_completed=False) & Q(planned_key__isnull=False),
                name="task_is_planned_once",
                violation_error_message="Esta tarea ya está planificada.",
            ),
        ]
        indexes = [
            models.Index(fields=["contact", "complete_till"], name="task_of_contact"),
            models.Index(fields=["lead", "complete_till"], condition=Q(lead__isnull=False), name="task_of_lead"),
            models.Index(fields=["complete_till", "id"], condition=Q(is_completed=False), name="task_open_by_due"),
            models.Index(
                fields=["responsible_user", "complete_till", "id"],
                condition=Q(is_completed=False),
                name="task_open_of_responsible",
            ),
            models.Index(fields=["-created_at", "-id"], name="task_newest"),
        ]

    def __str__(self) -> str:
        return self.text[:80]

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.completed_at = (self.completed_at or timezone.now()) if self.is_completed else None
        if not self._state.adding and self._is_planned_anew():
            self.planned_key = None
        if (update_fields := kwargs.get("update_fields")) is not None:
            kwargs["update_fields"] = {*update_fields, "completed_at", "planned_key", "updated_at"}
        super().save(*args, **kwargs)

    def _is_planned_anew(self) -> bool:
        """Somebody has put it to another time, subject or type, or opened it again: it is their own plan now,
        and what had planned it may plan that moment once more."""
        changes = dict(self.changes)
        before, after = changes.pop("complete_till", (None, None))
        if before != after and (before is None or after is None or second_of(before) != second_of(after)):
            return True
        was_completed, _ = changes.pop("is_completed", (False, None))
        return bool(was_completed or changes)

    def fill(self, fields: dict[str, Any], *, by: "User") -> set[str]:
        """Take checked values; the names of those that differ."""
        values = with_people_checked(self, fields, by=by)
        changed = {name for name, value in values.items() if value != getattr(self, name)}
        for name in changed:
            setattr(self, name, values[name])
        return changed

    def change(
        self, *, by: "User", entity_type: str | None = None, entity_id: UUID | None = None, **fields: Any
    ) -> None:
        """Change what `fields` name, and the subject when `entity_id` names another."""
        with transaction.atomic():
            self.lock()
            changed = self.fill(fields, by=by)
            if entity_id is not None and entity_id != self.entity_id:
                self.subject = find_subject(entity_type or self.entity_type, entity_id, visible_to=by)
                changed |= {"contact_id", "lead_id"}
            if changed:
                self.save(update_fields=changed)

    def may_be_changed_by(self, user: "User") -> bool:
        """An agent changes only tasks of their own: to do, to cover, or given to somebody."""
        own = (self.responsible_user_id, self.created_by_id, self.coverage_user_id)
        return not user.is_agent_only or user.pk in own

    def is_twin_of(self, task: "Task") -> bool:
        """Planned by the same cause, or the same call filed within a few minutes, whosever words it has."""
        if self.task_type != task.task_type:
            return False
        by_same_cause = task.planned_key is not None and self.planned_key == task.planned_key
        return by_same_cause or self.created_at >= timezone.now() - settings.SAME_TASK_WINDOW

    def adopt(self, later: "Task") -> None:
        """Become also the task that somebody else meant: remember its cause, lose nobody's words."""
        changed: dict[str, Any] = {"text": _joined(self.text, later.text)}
        for name in ("planned_key", "coverage_user_id", "task_template_id"):
            changed[name] = getattr(self, name) or getattr(later, name)
        changed = {name: value for name, value in changed.items() if value != getattr(self, name)}
        if changed:
            for name, value in changed.items():
                setattr(self, name, value)
            self.save(update_fields=changed)

    def complete(self, *, result_text: str | None = None) -> None:
        """Mark done, once: repeating keeps the first moment, a new result text replaces the old."""
        with transaction.atomic():
            self.lock()
            self.is_completed = True
            if result_text is not None:
                self.result_text = result_text
            self.save(update_fields=["is_completed", "result_text"])

    def lock(self) -> None:
        """Read it once more, locked until the running transaction ends; `NotFound` once it is deleted."""
        rows = Task.objects.with_subject().select_for_update(of=("self",), no_key=True)
        try:
            self.refresh_from_db(from_queryset=rows)
        except Task.DoesNotExist:
            raise NotFound(TASK_NOT_FOUND) from None


# Every call with a next date asks it.
_open_of_contact: Prepared[Task] = Prepared(
    lambda contact_id, first, last: (
        Task.objects.open().filter(contact_id=contact_id).due_between(first, last).oldest_first()
    ),
    contact_id=models.UUIDField(),
    first=models.DateTimeField(),
    last=models.DateTimeField(),
)


def _joined(text: str, later: str) -> str:
    """The later words in place of the automatic ones; below the earlier ones when both are somebody's own."""
    if later == FOLLOW_UP_TEXT or f"\n{later}\n" in f"\n{text}\n":
        return text
    return later if text == FOLLOW_UP_TEXT else f"{text}\n{later}"
