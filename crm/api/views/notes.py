"""Notes, and those of one contact."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from crm.api.base import as_id, user_of
from crm.api.filters.notes import NoteFilter
from crm.api.serializers.notes import NoteAnswer, NoteBody
from crm.api.subjects import person_or_404
from crm.exceptions import Forbidden, NotFound
from crm.models import Note, User

# Made once: what it knows about its fields is the same for every request.
_note = NoteAnswer().to_representation


class NoteViewSet(GenericViewSet[Note]):
    """Notas: un agente ve las suyas; el autor y los administradores las cambian y eliminan."""

    serializer_class = NoteAnswer
    filterset_class = NoteFilter

    def get_queryset(self) -> QuerySet[Note]:
        return Note.objects.visible_to(user_of(self.request)).with_subject().newest_first()

    @extend_schema(operation_id="notes_list")
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([_note(note) for note in page or []])

    @extend_schema(request=NoteBody, responses={201: NoteAnswer})
    def create(self, request: Request) -> Response:
        note = Note.objects.write(**NoteBody.read(request.data), by=user_of(request))
        return Response(_note(note), status=201)

    @extend_schema(operation_id="notes_retrieve")
    def retrieve(self, request: Request, note_id: str) -> Response:
        return Response(_note(_visible(note_id, user_of(request))))

    @extend_schema(request=NoteBody)
    def update(self, request: Request, note_id: str) -> Response:
        """Parcial, con PUT y con PATCH."""
        note = _changeable(note_id, user_of(request))
        note.change(by=user_of(request), **NoteBody.read(request.data, partial=True))
        return Response(_note(note))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, note_id: str) -> Response:
        _changeable(note_id, user_of(request)).delete()
        return Response(status=204)


class ContactNotes(GenericViewSet[Note]):
    serializer_class = NoteAnswer
    filter_backends = ()

    @extend_schema(operation_id="contact_notes_list")
    def list(self, request: Request, contact_id: str) -> Response:
        """Todas las notas de un contacto y de sus leads, de quien sean."""
        person_id = person_or_404(contact_id, user_of(request))
        page = self.paginate_queryset(Note.objects.about_person(person_id).with_subject().newest_first())
        return self.get_paginated_response([_note(note) for note in page or []])


def _visible(note_id: str, user: User) -> Note:
    note: Note | None = Note.objects.visible_to(user).with_subject().filter(pk=as_id(note_id)).first()
    if note is None:
        raise NotFound("Nota no encontrada")
    return note


def _changeable(note_id: str, user: User) -> Note:
    note = _visible(note_id, user)
    if not note.may_be_changed_by(user):
        raise Forbidden("Solo quien escribió la nota o un administrador puede cambiarla.", code="nota_ajena")
    return note
