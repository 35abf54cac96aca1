"""The API of opportunities (contract section 3)."""

from typing import Any, cast
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.api.base import as_id, as_id_or_404
from crm.api.subjects import person_or_404
from crm.exceptions import Forbidden, NotFound, Refusal
from crm.models import Contact, User
from crm.permissions import IsAdministrator
from crm.prepared import Prepared
from crm.scope import is_limited
from opportunities import services
from opportunities.api.filters import OpportunityFilter
from opportunities.api.serializers import (
    ANSWERED_COLUMNS,
    AssignBody,
    AssignmentAnswer,
    AssignRandomAnswer,
    AssignRandomBody,
    AttemptBody,
    BulkAssignAnswer,
    BulkAssignBody,
    BulkUnassignAnswer,
    ManyBody,
    NewOpportunityBody,
    OpportunityAnswer,
    OpportunityBody,
    UndoAnswer,
)
from opportunities.choices import AttemptStatus, OpportunityStatus
from opportunities.models import Assignment, Opportunity
from opportunities.models.assignments import AssignmentQuerySet
from opportunities.models.opportunities import OpportunityQuerySet
from opportunities.services import NO_SUCH_BULK, NO_SUCH_OPPORTUNITY, Asked, Report

# Made once: what they know about their fields is the same for every request.
_opportunity = OpportunityAnswer().to_representation

# --- One opportunity, and lists of them -------------------------------------------------------


class OpportunityList(generics.ListCreateAPIView[Opportunity]):
    """Oportunidades, las más urgentes primero: por prioridad, puntaje y fecha de detección."""

    serializer_class = OpportunityAnswer
    filterset_class = OpportunityFilter

    def get_queryset(self) -> OpportunityQuerySet:
        return for_answer(self.request).by_urgency()

    @extend_schema(request=NewOpportunityBody, responses={201: OpportunityAnswer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Crea una oportunidad; con responsable nace asignada."""
        fields = with_holder(NewOpportunityBody.read(request.data))
        contact = visible_contact(fields.pop("contact_id"), request)
        return answer(Opportunity.objects.register(contact, by=acting(request), **fields), status=201)


class OpportunityDetail(APIView):
    serializer_class = OpportunityAnswer

    @extend_schema(responses=OpportunityAnswer)
    def get(self, request: Request, opportunity_id: str) -> Response:
        """Una oportunidad con su contacto."""
        return answer(one_of(request, opportunity_id))

    @extend_schema(request=OpportunityBody, responses=OpportunityAnswer)
    def patch(self, request: Request, opportunity_id: str) -> Response:
        """Cambia solo lo que se envía. La cambian quien la tiene asignada y los administradores."""
        with transaction.atomic():
            opportunity = one_of(request, opportunity_id, locked=True)
            if not opportunity.may_be_revised_by(acting(request)):
                raise Forbidden("No tiene permiso para modificar esta oportunidad")
            fields = with_holder(OpportunityBody.read(request.data), now_held_by=opportunity.assigned_to_id)
            opportunity.revise(fields, by=acting(request))
        return answer(opportunity)

    @extend_schema(request=OpportunityBody, responses=OpportunityAnswer)
    def put(self, request: Request, opportunity_id: str) -> Response:
        """Lo mismo que PATCH."""
        return self.patch(request, opportunity_id)


class OpportunityAssign(APIView):
    @extend_schema(request=AssignBody, responses=OpportunityAnswer)
    def post(self, request: Request, opportunity_id: str) -> Response:
        """Asigna una oportunidad, tenga el estado que tenga; null o "" la deja pendiente y sin asignar."""
        fields = AssignBody.read(request.data)
        sent = fields["assigned_to_id"]
        holder = None if sent is None else services.assignee(sent)
        with transaction.atomic():
            opportunity = one_of(request, opportunity_id, locked=True)
            opportunity.hand_to(holder, by=acting(request), notes=fields.get("notes") or "")
        return answer(opportunity)


class FirstCallAttempt(APIView):
    @extend_schema(request=AttemptBody, responses=OpportunityAnswer)
    def post(self, request: Request, opportunity_id: str) -> Response:
        """Anota un intento de primera llamada. Rojo da la oportunidad por perdida; verde completa la llamada."""
        fields = AttemptBody.read(request.data)
        with transaction.atomic():
            opportunity = one_of(request, opportunity_id, locked=True)
            opportunity.note_attempt(
                fields["attempt_number"],
                status=AttemptStatus(fields["status"]),
                call_id=fields.get("call_id"),
                notes=fields.get("notes") or "",
            )
        return answer(opportunity)


class OpportunityAssignments(generics.ListAPIView[Assignment]):
    """Quién tuvo la oportunidad, de quién la recibió y cuándo; lo último primero."""

    serializer_class = AssignmentAnswer
    filter_backends = ()

    def get_queryset(self) -> AssignmentQuerySet:
        opportunity_id = as_id_or_404(self.kwargs["opportunity_id"], NO_SUCH_OPPORTUNITY)
        history = Assignment.objects.of(opportunity_id).with_people()
        if visible(self.request).filter(pk=opportunity_id).exists():
            return history
        # The ledger outlives the opportunity, for those who see everything.
        if acting(self.request).is_administrator and history.exists():
            return history
        raise NotFound(NO_SUCH_OPPORTUNITY)


class ContactOpportunities(generics.ListAPIView[Opportunity]):
    """Las oportunidades de un contacto, las más urgentes primero."""

    serializer_class = OpportunityAnswer
    filter_backends = ()

    def get_queryset(self) -> OpportunityQuerySet:
        person_id = person_or_404(self.kwargs["contact_id"], acting(self.request))
        return for_answer(self.request).filter(contact_id=person_id).by_urgency()


class OutOfScope(APIView):
    """What the clients have a button for and nobody behind it."""

    sentence = ""

    @extend_schema(request=None, responses={501: None})
    def post(self, request: Request, opportunity_id: str) -> Response:
        """No disponible en esta instalación."""
        one_of(request, opportunity_id)
        raise Refusal(self.sentence, status=501, code="no_disponible")


# --- Many at once -----------------------------------------------------------------------------


class MayAssignInBulk(IsAdministrator):
    message = "Solo administradores pueden asignar oportunidades en bulk"


class MayUnassignInBulk(IsAdministrator):
    message = "Solo administradores pueden desasignar oportunidades en bulk"


class MayAssignAtRandom(IsAdministrator):
    message = "Solo administradores pueden asignar oportunidades al azar"


class MayUndo(IsAdministrator):
    message = "Solo administradores pueden deshacer asignaciones en bulk"


class BulkAssign(APIView):
    permission_classes = (MayAssignInBulk,)
    throttle_scope = "bulk-assign"

    @extend_schema(request=BulkAssignBody, responses={200: BulkAssignAnswer, 207: BulkAssignAnswer})
    def post(self, request: Request) -> Response:
        """Asigna hasta 100 oportunidades en una transacción; 207 si alguna no se encontró.

        Con `atomic`, todas o ninguna. El historial guarda cada una, y con `bulk_id` se deshace.
        """
        fields = BulkAssignBody.read(request.data)
        asked = Asked.read(fields["opportunity_ids"])
        keeps_status = fields.get("update_status") is False
        report = services.bulk_assign(
            asked,
            to=services.assignee(fields.get("assigned_to_id")),
            by=acting(request),
            status=None if keeps_status else OpportunityStatus(fields.get("status") or OpportunityStatus.ASSIGNED),
            notes=fields.get("notes") or "",
            atomic=bool(fields.get("atomic")),
        )
        return answer_each(report, "assigned_count", success=bool(report.done))


class BulkUnassign(APIView):
    permission_classes = (MayUnassignInBulk,)
    throttle_scope = "bulk-assign"

    @extend_schema(request=ManyBody, responses={200: BulkUnassignAnswer, 207: BulkUnassignAnswer})
    def post(self, request: Request) -> Response:
        """Quita el responsable de hasta 100 oportunidades; solo las asignadas vuelven a pendiente."""
        fields = ManyBody.read(request.data)
        report = services.bulk_unassign(
            Asked.read(fields["opportunity_ids"]),
            by=acting(request),
            notes=fields.get("notes") or "",
            atomic=bool(fields.get("atomic")),
        )
        return answer_each(report, "unassigned_count", success=not report.errors)


class UndoBulk(APIView):
    permission_classes = (MayUndo,)
    throttle_scope = "bulk-assign"

    @extend_schema(request=None, responses={200: UndoAnswer, 207: UndoAnswer})
    def post(self, request: Request, bulk_id: str) -> Response:
        """Deshace una asignación en bloque: devuelve lo que nadie ha tocado desde entonces e informa del resto.

        Una sola vez: después, 409. También sirve para deshacer lo deshecho, con el `bulk_id` de la respuesta.
        """
        undone_id = as_id_or_404(bulk_id, NO_SUCH_BULK)
        report = services.undo(undone_id, by=acting(request))
        return answer_each(report, "restored_count", success=bool(report.done), undone_bulk_id=undone_id)


class AssignRandom(APIView):
    permission_classes = (MayAssignAtRandom,)
    throttle_scope = "bulk-assign"

    @extend_schema(request=AssignRandomBody, responses=AssignRandomAnswer)
    def post(self, request: Request) -> Response:
        """Asigna al azar oportunidades abiertas que nadie tiene; si no hay, 200 con `success` false y `warning`."""
        fields = AssignRandomBody.read(request.data)
        count = fields.get("count") or services.USUAL_DRAW
        to = services.assignee(fields.get("assigned_to_id"), unknown=400)
        draw = services.assign_random(to=to, count=count, by=acting(request))
        found: dict[str, Any] = {
            "success": bool(draw.done),
            "assigned_count": len(draw.done),
            "available_count": draw.available,
            "requested_count": count,
            "opportunity_ids": [row.id for row in draw.done],
            "assigned_to_id": to.pk,
            "assigned_to_name": to.name,
            "assigned_at": draw.done[0].updated_at if draw.done else None,
            "bulk_id": draw.bulk_id,
        }
        if draw.warning:
            found["warning"] = draw.warning
        return Response(found)


# --- What the views share ---------------------------------------------------------------------


def acting(request: Request) -> User:
    return cast(User, request.user)


def visible(request: Request) -> OpportunityQuerySet:
    return Opportunity.objects.visible_to(acting(request))


def for_answer(request: Request) -> OpportunityQuerySet:
    return visible(request).with_people().only(*ANSWERED_COLUMNS)


def _of_anybody(pk: Any) -> OpportunityQuerySet:
    return Opportunity.objects.present().with_people().only(*ANSWERED_COLUMNS).filter(pk=pk)


_find: Prepared[Opportunity] = Prepared(_of_anybody)
_find_and_lock: Prepared[Opportunity] = Prepared(lambda pk: _of_anybody(pk).locked())


def one_of(request: Request, sent_id: str, *, locked: bool = False) -> Opportunity:
    """The opportunity that the address names, if the caller may see it; `locked` until the transaction ends."""
    opportunity_id = as_id_or_404(sent_id, NO_SUCH_OPPORTUNITY)
    if is_limited(acting(request)):
        rows = for_answer(request).filter(pk=opportunity_id)
        found = (rows.locked() if locked else rows).first()
    else:
        found = (_find_and_lock if locked else _find).get(opportunity_id)
    if found is None:
        raise NotFound(NO_SUCH_OPPORTUNITY)
    return found


def visible_contact(contact_id: UUID, request: Request) -> Contact:
    found = Contact.objects.present().visible_to(acting(request)).filter(pk=contact_id).first()
    if found is None:
        raise NotFound("Contacto no encontrado")
    return found


def with_holder(fields: dict[str, Any], *, now_held_by: UUID | None = None) -> dict[str, Any]:
    """The named user in place of `assigned_to_id`; whoever has it already is not asked again whether they may."""
    if "assigned_to_id" in fields:
        sent = fields.pop("assigned_to_id")
        if sent is None:
            fields["assigned_to"] = None
        elif now_held_by is None or as_id(sent) != now_held_by:
            fields["assigned_to"] = services.assignee(sent)
    return fields


def answer(opportunity: Opportunity, status: int = 200) -> Response:
    return Response(_opportunity(opportunity), status=status)


def answer_each(report: Report, counted_as: str, *, success: bool, **more: Any) -> Response:
    """200 when all went well, 207 when some did not; the items in the order asked."""
    return Response(
        {
            "success": success,
            counted_as: len(report.done),
            "failed_count": len(report.errors),
            "opportunities": [
                {"id": id, "assigned_to_id": holder_id, "status": status, "updated_at": at}
                for id, holder_id, status, at in report.done
            ],
            "errors": report.errors,
            "bulk_id": report.bulk_id,
            **more,
        },
        status=207 if report.errors else 200,
    )
