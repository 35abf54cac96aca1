"""Tasks, their calendar, and those of one contact."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from crm.api.base import as_id, user_of
from crm.api.filters.tasks import TaskCalendarFilter, TaskFilter
from crm.api.serializers.tasks import CompletionBody, TaskAnswer, TaskBody
from crm.api.subjects import CALENDAR_LIMIT, person_or_404
from crm.exceptions import Forbidden, NotFound
from crm.models import Task, User
from crm.models.tasks import TASK_NOT_FOUND

# Made once: what it knows about its fields is the same for every request.
_task = TaskAnswer().to_representation


class TaskViewSet(GenericViewSet[Task]):
    """Tareas: un agente ve las suyas en la lista, y una por una también las de los contactos a su alcance."""

    serializer_class = TaskAnswer
    filterset_class = TaskFilter

    def get_queryset(self) -> QuerySet[Task]:
        return Task.objects.visible_to(user_of(self.request)).with_subject()

    @extend_schema(operation_id="tasks_list")
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([_task(task) for task in page or []])

    @extend_schema(request=TaskBody, responses={200: TaskAnswer, 201: TaskAnswer})
    def create(self, request: Request) -> Response:
        """201, o 200 con la tarea de seguimiento que una llamada acaba de planificar para ese mismo segundo."""
        task, created = Task.objects.file_for(**TaskBody.read(request.data), by=user_of(request))
        return Response(_task(task), status=201 if created else 200)

    @extend_schema(operation_id="tasks_retrieve")
    def retrieve(self, request: Request, task_id: str) -> Response:
        return Response(_task(_readable(task_id, user_of(request))))

    @extend_schema(request=TaskBody)
    def update(self, request: Request, task_id: str) -> Response:
        """Parcial, con PUT y con PATCH."""
        task = _changeable(task_id, user_of(request))
        task.change(by=user_of(request), **TaskBody.read(request.data, partial=True))
        return Response(_task(task))

    @extend_schema(request=CompletionBody)
    def complete(self, request: Request, task_id: str) -> Response:
        """Marca la tarea como hecha; repetirlo conserva el primer momento."""
        task = _changeable(task_id, user_of(request))
        task.complete(**CompletionBody.read(request.data))
        return Response(_task(task))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, task_id: str) -> Response:
        _changeable(task_id, user_of(request)).delete()
        return Response(status=204)


class TaskCalendar(GenericViewSet[Task]):
    serializer_class = TaskAnswer
    filterset_class = TaskCalendarFilter
    pagination_class = None

    def get_queryset(self) -> QuerySet[Task]:
        return Task.objects.visible_to(user_of(self.request)).open().with_subject().soonest_first()

    @extend_schema(operation_id="tasks_calendar", responses=TaskAnswer(many=True))
    def list(self, request: Request) -> Response:
        """Las tareas pendientes que vencen entre dos fechas, por vencimiento; un agente ve las suyas."""
        tasks = self.filter_queryset(self.get_queryset())[:CALENDAR_LIMIT]
        return Response([_task(task) for task in tasks])


class ContactTasks(GenericViewSet[Task]):
    serializer_class = TaskAnswer
    filter_backends = ()

    @extend_schema(operation_id="contact_tasks_list")
    def list(self, request: Request, contact_id: str) -> Response:
        """Todas las tareas de un contacto y de sus leads, de quien sean."""
        person_id = person_or_404(contact_id, user_of(request))
        page = self.paginate_queryset(Task.objects.about_person(person_id).with_subject().newest_first())
        return self.get_paginated_response([_task(task) for task in page or []])


def _readable(task_id: str, user: User) -> Task:
    task: Task | None = Task.objects.readable_by(user).with_subject().filter(pk=as_id(task_id)).first()
    if task is None:
        raise NotFound(TASK_NOT_FOUND)
    return task


def _changeable(task_id: str, user: User) -> Task:
    task = _readable(task_id, user)
    if not task.may_be_changed_by(user):
        raise Forbidden("Solo puede cambiar las tareas que tiene a su cargo o que ha creado.", code="tarea_ajena")
    return task
