"""Acts upon many opportunities at once, each answered item by item (contract section 3)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import transaction

from crm.api.base import as_id
from crm.choices import RESPONSIBLE_ROLES
from crm.exceptions import Conflict, NotFound, Refusal
from crm.ids import new_id
from crm.models import User
from crm.prepared import Prepared
from opportunities.choices import AssignmentKind, OpportunityStatus
from opportunities.models import Assignment, Opportunity
from opportunities.models.handing_over import (
    ASSIGNED,
    PENDING_IF_ASSIGNED,
    STATUS_STAYS,
    Handed,
    Handover,
    becomes,
    give_back,
    in_bulk,
)

NO_SUCH_OPPORTUNITY = "Oportunidad no encontrada"
NO_SUCH_ASSIGNEE = "Usuario asignado no encontrado"
NO_SUCH_BULK = "Asignación en bloque no encontrada"
USUAL_DRAW = 50


@dataclass(frozen=True)
class Asked:
    """The ids of a bulk request in the order asked: as sent, and as a UUID where it is one."""

    items: Sequence[tuple[str, UUID | None]]

    @property
    def ids(self) -> list[UUID]:
        return [known for _, known in self.items if known]

    @classmethod
    def read(cls, sent: Sequence[Any]) -> "Asked":
        """Refuses an empty list, one that is too long, and one that names an opportunity twice."""
        if not sent:
            raise Refusal("Lista de IDs de oportunidades vacía", code="lista_vacia")
        texts = [item if isinstance(item, str) else orjson.dumps(item).decode() for item in sent]
        items = [(text, as_id(text)) for text in texts]
        if len({known or text.lower() for text, known in items}) < len(items):
            raise Refusal("La lista contiene IDs de oportunidades repetidos", code="ids_repetidos")
        if len(items) > settings.BULK_ASSIGN_LIMIT:
            sentence = (
                f"Se admiten hasta {settings.BULK_ASSIGN_LIMIT} oportunidades por petición; llegaron {len(items)}"
            )
            raise Refusal(sentence, code="demasiados_ids")
        return cls(items)


@dataclass(frozen=True)
class ItemError:
    opportunity_id: str
    error: str = NO_SUCH_OPPORTUNITY
    code: str = "no_encontrada"


@dataclass(frozen=True)
class Report:
    """What became of each. `bulk_id` names the act, and is None when nothing was done."""

    done: list[Handed] = field(default_factory=list)
    errors: list[ItemError] = field(default_factory=list)
    bulk_id: UUID | None = None


@dataclass(frozen=True)
class Draw:
    """What a random assignment drew, and of how many."""

    done: list[Handed]
    available: int
    bulk_id: UUID | None
    warning: str


_active_user: Prepared[User] = Prepared(
    lambda pk: User.objects.active().only("first_name", "last_name", "email", "role").filter(pk=pk)
)


def assignee(sent: Any, *, unknown: int = 404) -> User:
    """Whom a request names as the new holder. Missing, inactive or no id at all is `unknown`, another role 400."""
    user = _active_user.get(as_id(sent))
    if user is None:
        raise Refusal(NO_SUCH_ASSIGNEE, code="asignado_no_encontrado", status=unknown)
    if user.role not in RESPONSIBLE_ROLES:
        roles = ", ".join(RESPONSIBLE_ROLES)
        raise Refusal(f"El usuario asignado debe tener uno de los siguientes roles: {roles}", code="rol_no_valido")
    return user


def bulk_assign(
    asked: Asked, *, to: User, by: User, status: OpportunityStatus | None, notes: str = "", atomic: bool = False
) -> Report:
    """Give all that exist to `to`; with `atomic` all or none. `status` None leaves each status as it is."""
    new_status = becomes(status) if status else STATUS_STAYS
    return _hand_over(asked, in_bulk(to=to, by=by, status=new_status, notes=notes), atomic=atomic)


def bulk_unassign(asked: Asked, *, by: User, notes: str = "", atomic: bool = False) -> Report:
    """Take all that exist from whoever has them; only those that were `assigned` are `pending` again."""
    return _hand_over(asked, in_bulk(to=None, by=by, status=PENDING_IF_ASSIGNED, notes=notes), atomic=atomic)


def _hand_over(asked: Asked, handover: Handover, *, atomic: bool) -> Report:
    done = {row.id: row for row in handover.carry_out(asked.ids, at_least=len(asked.items) if atomic else 0)}
    there: Collection[UUID] = done
    if atomic and not done:
        there = set(Opportunity.objects.present().filter(pk__among=asked.ids).values_list("pk", flat=True))
    return Report(
        done=[done[known] for _, known in asked.items if known in done],
        errors=[ItemError(text) for text, known in asked.items if known not in there],
        bulk_id=handover.bulk_id if done else None,
    )


def assign_random(*, to: User, count: int, by: User) -> Draw:
    """Give `to` up to `count` of the open opportunities that nobody has, drawn by lot."""
    free = Opportunity.objects.present().unassigned().worth_a_call()
    available = free.count()
    handover = in_bulk(to=to, by=by, status=ASSIGNED, kind=AssignmentKind.RANDOM)
    done = free.draw(handover, count=count)
    if not done:
        warning = "No hay oportunidades disponibles para asignar"
    elif len(done) < count:
        warning = f"Se pidieron {count} oportunidades y solo había {len(done)} disponibles"
    else:
        warning = ""
    return Draw(done, available, bulk_id=handover.bulk_id if done else None, warning=warning)


def undo(bulk_id: UUID, *, by: User) -> Report:
    """Give back what a bulk act gave and nobody has touched since; once, and itself on the ledger."""
    with transaction.atomic():
        held = {row.pk: row for row in Opportunity.objects.handed_in(bulk_id).locked().only(*_TOUCHED_BY_A_HANDOVER)}
        # Read under the locks: the second of two undos sees what the first has written.
        lines = list(Assignment.objects.of_bulk(bulk_id).with_what_undo_asks())
        if not lines:
            raise NotFound(NO_SUCH_BULK)
        if any(line.is_undone for line in lines):
            raise Conflict("Esta asignación en bloque ya se deshizo", code="ya_deshecha")
        reasons = {line: _reason_to_keep(line, held.get(line.opportunity_id)) for line in lines}
        new_bulk_id = new_id()
        done = give_back([line.pk for line, reason in reasons.items() if not reason], by=by, bulk_id=new_bulk_id)
    return Report(
        done=sorted(done),
        errors=[reason for reason in reasons.values() if reason],
        bulk_id=new_bulk_id if done else None,
    )


_TOUCHED_BY_A_HANDOVER = ("assigned_to_id", "status", "updated_at")


def _reason_to_keep(line: Assignment, opportunity: Opportunity | None) -> ItemError | None:
    """Why this line cannot be undone; None when it can."""
    opportunity_id = str(line.opportunity_id)
    if opportunity is None:
        return ItemError(opportunity_id)
    after = (line.to_user_id, line.to_status, line.created_at)
    if after != (opportunity.assigned_to_id, opportunity.status, opportunity.updated_at):
        return ItemError(opportunity_id, "Cambió después de esta asignación", "modificada")
    if line.from_user_id and not line.from_user_may_hold:
        return ItemError(opportunity_id, "Su responsable anterior ya no puede recibirla", "anterior_no_disponible")
    return None
