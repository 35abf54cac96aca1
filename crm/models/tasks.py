"""Tasks: what somebody promised to do about a contact or lead, and until when."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from crm.choices import TaskType
from crm.constraints import is_one_of
from crm.models.base import BaseModel
from crm.models.subjects import HasSubject, SubjectQuerySet, exactly_one_subject

if TYPE_CHECKING:
    from crm.models.users import User


class TaskQuerySet(SubjectQuerySet):
    def visible_to(self, user: "User") -> Self:
        from crm.scope import tasks_of

        return self.filter(tasks_of(user))

    def open(self) -> Self:
        return self.filter(is_completed=False)

    def due_between(self, start: datetime | None, end: datetime | None) -> Self:
        """Both bounds inclusive; None leaves a side open."""
        bounds = {"complete_till__gte": start, "complete_till__lte": end}
        return self.filter(**{name: value for name, value in bounds.items() if value is not None})

    def twins_of(self, task: "Task") -> Self:
        """Open tasks that are the same task as `task` (contract section 2): same entity, type and due
        second, filed within a few minutes; or planned by the same cause."""
        second = task.complete_till.replace(microsecond=0)
        fresh = Q(created_at__gte=timezone.now() - settings.SAME_TASK_WINDOW)
        same_cause = Q(planned_key=task.planned_key) if task.planned_key else Q()
        return (
            self.open()
            .filter(contact_id=task.contact_id, lead_id=task.lead_id, task_type=task.task_type)
            .filter(complete_till__gte=second, complete_till__lt=second + timedelta(seconds=1))
            .filter(fresh | same_cause if task.planned_key else fresh)
            .order_by("created_at", "id")
        )


class TaskManager(models.Manager.from_queryset(TaskQuerySet)):  # type: ignore[misc]
    def file(self, task: "Task", *, adopt_text: bool = False) -> tuple["Task", bool]:
        """Store `task`, or return the one that already is this task: (task, was it created).

        The client of today files the follow-up itself, before or after the call that plans it; whoever
        comes second meets the first. `adopt_text` gives the earlier one the later's words.
        The subject's row must be locked by the caller's transaction: that lock is what two requests
        racing on the same person wait for; the unique constraint on `planned_key` stands behind it.
        """
        twin = self.twins_of(task).first() if task.complete_till else None
        if twin is None:
            task.save(force_insert=True)
            return task, True
        twin.adopt(text=task.text if adopt_text else "", planned_key=task.planned_key)
        return twin, False


class Task(HasSubject, BaseModel):
    text = models.TextField("texto")
    task_type = models.CharField("tipo", max_length=12, choices=TaskType, default=TaskType.CALL)
    responsible_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="tasks",
        verbose_name="responsable",
    )
    coverage_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="cubre",
    )
    complete_till = models.DateTimeField("vence", null=True, blank=True)
    is_completed = models.BooleanField("hecha", default=False)
    completed_at = models.DateTimeField("hecha el", null=True, blank=True)
    result_text = models.TextField("resultado", null=True, blank=True)
    task_template_id = models.UUIDField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="creada por",
    )
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
            models.Index(fields=["lead", "complete_till"], name="task_of_lead"),
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

    def adopt(self, *, text: str = "", planned_key: str | None = None) -> None:
        """Become also the task that somebody else meant: take its words, remember its cause."""
        changed: dict[str, Any] = {}
        if text and text != self.text:
            changed["text"] = text
        if planned_key and not self.planned_key:
            changed["planned_key"] = planned_key
        if changed:
            for name, value in changed.items():
                setattr(self, name, value)
            self.save(update_fields=[*changed, "updated_at"])

    def complete(self, *, result_text: str | None = None) -> None:
        """Mark done, once: repeating keeps the first moment, a new result text replaces the old."""
        with transaction.atomic():
            task = Task.objects.select_for_update(of=("self",)).get(pk=self.pk)
            task.is_completed = True
            task.completed_at = task.completed_at or timezone.now()
            if result_text is not None:
                task.result_text = result_text
            task.save(update_fields=["is_completed", "completed_at", "result_text", "updated_at"])
        self.is_completed, self.completed_at, self.result_text = True, task.completed_at, task.result_text
        self.updated_at = task.updated_at
