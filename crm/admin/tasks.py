"""Tasks: what is due, for whom, and what is done."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action, display

from crm.admin.base import RECORD, SubjectAdmin
from crm.admin.filters import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    DayRangeFilter,
    HolderFilter,
    PersonFilter,
)
from crm.admin.rights import EVERYBODY, actor
from crm.api.base import as_id
from crm.display import moment, person_of, shortened
from crm.models import Task
from crm.working_day import today_bounds

OPEN, OVERDUE, TODAY, DONE, ALL = "pendientes", "vencidas", "hoy", "hechas", "todas"


class DueFilter(DropdownFilter):
    """Open tasks unless another view is asked for: what is done is out of the way."""

    title = "vencimiento"
    parameter_name = "ver"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (OPEN, "Pendientes"),
            (OVERDUE, "Vencidas"),
            (TODAY, "Para hoy"),
            (DONE, "Hechas"),
            (ALL, "Todas"),
        ]

    def value(self) -> str:
        return super().value() or OPEN

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return tasks_in_view(queryset, self.value())


def tasks_in_view(queryset: QuerySet[Any], view: str) -> QuerySet[Any]:
    start, end = today_bounds()
    views = {
        OVERDUE: Q(is_completed=False, complete_till__lt=timezone.now()),
        TODAY: Q(is_completed=False, complete_till__gte=start, complete_till__lt=end),
        DONE: Q(is_completed=True),
        ALL: Q(),
    }
    return queryset.filter(views.get(view, Q(is_completed=False)))


@admin.register(Task)
class TaskAdmin(SubjectAdmin):
    may_delete = EVERYBODY  # agents meet only their own tasks
    list_display = ("summary", "person", "kind", "due", "responsible_user", "done")
    list_filter = (
        DueFilter,
        HolderFilter,
        ("responsible_user", AutocompleteSelectFilter),
        ("task_type", ChoicesDropdownFilter),
        ("complete_till", DayRangeFilter),
        ("contact", PersonFilter),
    )
    list_select_related = ("contact", "lead", "responsible_user")
    autocomplete_fields = ("contact", "lead", "responsible_user", "coverage_user")
    readonly_fields = ("completed_at", "created_at", "updated_at", "created_by")
    actions = ("complete_selected",)
    empty_hint = "No hay nada en esta vista. Cree una tarea, o elija otra vista en los filtros."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "text",
                    ("contact", "lead"),
                    ("task_type", "complete_till"),
                    ("responsible_user", "coverage_user"),
                )
            },
        ),
        ("Resultado", {"fields": (("is_completed", "completed_at"), "result_text")}),
        (RECORD, {"fields": (("created_at", "updated_at"), "created_by")}),
    )

    @display(description="tarea")
    def summary(self, task: Task) -> str:
        return shortened(task.text)

    @display(description="persona")
    def person(self, task: Task) -> str:
        return person_of(task)

    @display(description="tipo")
    def kind(self, task: Task) -> str:
        return task.get_task_type_display()

    @display(description="vence", label={"vencida": "danger", "hoy": "warning", "después": "info"})
    def due(self, task: Task) -> tuple[str, str] | None:
        """A tuple picks the colour, then shows the moment."""
        if task.complete_till is None:
            return None
        text = moment(task.complete_till)
        if task.is_completed:
            return "hecha", text
        if task.complete_till < timezone.now():
            return "vencida", text
        return "hoy" if text.startswith("hoy") else "después", text

    @display(description="hecha")
    def done(self, task: Task) -> str:
        return moment(task.completed_at)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Open ones by due date, all or done ones newest first: each order has its index."""
        view = request.GET.get(DueFilter.parameter_name, OPEN)
        return ("-created_at", "-id") if view in (DONE, ALL) else ("complete_till", "id")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"responsible_user": request.user.pk, **super().get_changeform_initial_data(request)}

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Task | None:
        """One by one also a colleague's task of a visible person: their page links to it."""
        known = as_id(object_id)
        readable = Task.objects.readable_by(actor(request)).with_subject()
        return readable.filter(pk=known).first() if known else None

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        mine = not isinstance(obj, Task) or obj.may_be_changed_by(actor(request))
        return super().has_change_permission(request, obj) and mine

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        mine = not isinstance(obj, Task) or obj.may_be_changed_by(actor(request))
        return super().has_delete_permission(request, obj) and mine

    def file(self, request: HttpRequest, **fields: Any) -> Task:
        task, created = Task.objects.file_for(by=actor(request), **fields)
        if not created:
            messages.info(request, "Ya había una llamada pendiente para ese momento: es la misma tarea.")
        return task

    def correct(self, request: HttpRequest, pk: Any, **fields: Any) -> Task:
        task: Task = Task.objects.get(pk=pk)
        task.change(by=actor(request), **fields)
        return task

    @action(description="Marcar como hechas", permissions=["change"])
    def complete_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        waiting = list(queryset.filter(is_completed=False))
        for task in waiting:
            task.complete()
            self.log_change(request, task, "Marcada como hecha.")
        messages.success(request, f"Tareas hechas: {len(waiting)}.")
