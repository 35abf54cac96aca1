"""How opportunities change hands: a line of the ledger for each, and one change of them all.

Written as SQL because the ORM has no INSERT … SELECT; the number of statements is the same for one row
and for a hundred. Whoever calls holds the locks of the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.utils import timezone

from crm.ids import new_id
from crm.lookups import among
from crm.models import AuditEntry
from opportunities.choices import AssignmentKind, OpportunityStatus
from opportunities.signals import assigned

if TYPE_CHECKING:
    from crm.models import User


_HANDOVER_LEDGER = """
INSERT INTO opportunities_assignment (opportunity_id, from_user_id, to_user_id, by_user_id, from_status,
    to_status, kind, bulk_id, notes, created_at)
SELECT id, assigned_to_id, %s, %s, status, {status}, %s, %s, %s, %s
FROM opportunities_opportunity WHERE {these}
"""
_HANDOVER = """
UPDATE opportunities_opportunity SET assigned_to_id = %s, status = {status}, updated_at = %s
WHERE {these} RETURNING id, status
"""
_UNDOING_LEDGER = """
INSERT INTO opportunities_assignment (opportunity_id, from_user_id, to_user_id, by_user_id, from_status,
    to_status, kind, bulk_id, notes, created_at, reverts_id)
SELECT opportunity_id, to_user_id, from_user_id, %s, to_status, from_status, %s, %s, '', %s, id
FROM opportunities_assignment undone WHERE {these}
"""
_UNDOING = """
UPDATE opportunities_opportunity SET assigned_to_id = undone.from_user_id, status = undone.from_status, updated_at = %s
FROM opportunities_assignment undone WHERE undone.opportunity_id = opportunities_opportunity.id AND {these}
RETURNING opportunities_opportunity.id, assigned_to_id, status
"""


class NewStatus(NamedTuple):
    """What becomes of the status, as an SQL expression over the row."""

    sql: str
    parameters: tuple[str, ...] = ()


STATUS_STAYS = NewStatus("status")
PENDING_IF_ASSIGNED = NewStatus("CASE WHEN status = 'assigned' THEN 'pending' ELSE status END")


def becomes(status: OpportunityStatus) -> NewStatus:
    return NewStatus("%s", (status.value,))


ASSIGNED = becomes(OpportunityStatus.ASSIGNED)
PENDING = becomes(OpportunityStatus.PENDING)


class Handed(NamedTuple):
    """An opportunity as it is after it changed hands."""

    id: UUID
    assigned_to_id: UUID | None
    status: str
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Handover:
    """To whom, by whom and how; `bulk_id` names what was done in one act and can be undone together."""

    to: "User | None"
    by: "User | None"
    kind: AssignmentKind
    status: NewStatus
    bulk_id: UUID | None = None
    notes: str = ""

    def carry_out(self, ids: Sequence[UUID]) -> list[Handed]:
        """For the locked rows `ids`. Tells the audit and whoever listens to `assigned`."""
        if not ids:
            return []
        now = timezone.now()
        to_id = self.to.pk if self.to else None
        rows = self._write(ids, to_id, now)
        tell(
            "opportunities_assigned" if self.to else "opportunities_unassigned",
            ids=list(ids), to_user_id=to_id, by=self.by, kind=self.kind, bulk_id=self.bulk_id, at=now,
        )  # fmt: skip
        return [Handed(as_uuid(row_id), to_id, status, now) for row_id, status in rows]

    def _write(self, ids: Sequence[UUID], to_id: UUID | None, now: datetime) -> list[tuple[Any, str]]:
        these, id_list = among("id", ids)
        status, status_parameters = self.status
        to, by, bulk_id, at = as_stored(to_id, self.by.pk if self.by else None, self.bulk_id, now)
        return run_both(
            _HANDOVER_LEDGER.format(status=status, these=these),
            [to, by, *status_parameters, self.kind.value, bulk_id, self.notes, at, *id_list],
            _HANDOVER.format(status=status, these=these),
            [to, *status_parameters, at, *id_list],
        )


def in_bulk(**how: Any) -> Handover:
    """A handover of many at once, which can be undone by its `bulk_id`."""
    return Handover(**{"kind": AssignmentKind.BULK, "bulk_id": new_id(), **how})


def give_back(assignment_ids: Sequence[int], *, by: "User | None", bulk_id: UUID) -> list[Handed]:
    """Undo these lines of the ledger, whose opportunities are locked; each undoing is a line itself."""
    if not assignment_ids:
        return []
    now = timezone.now()
    these, id_list = among("undone.id", assignment_ids)
    by_id, new_bulk_id, at = as_stored(by.pk if by else None, bulk_id, now)
    rows = run_both(
        _UNDOING_LEDGER.format(these=these),
        [by_id, AssignmentKind.UNDO.value, new_bulk_id, at, *id_list],
        _UNDOING.format(these=these),
        [at, *id_list],
    )
    handed = [Handed(as_uuid(row_id), as_uuid(to_id), status, now) for row_id, to_id, status in rows]
    tell(
        "assignments_undone",
        ids=[row.id for row in handed], to_user_id=None, by=by, kind=AssignmentKind.UNDO, bulk_id=bulk_id, at=now,
    )  # fmt: skip
    return handed


def tell(action: str, *, ids: list[UUID], bulk_id: UUID | None, to_user_id: UUID | None, **more: Any) -> None:
    """One audit entry for the whole act, and one signal."""
    from opportunities.models.opportunities import Opportunity

    AuditEntry.write(
        action,
        "opportunities",
        bulk_id or ids[0],
        count=len(ids),
        kind=more["kind"].value,
        assigned_to_id=to_user_id and str(to_user_id),
    )
    assigned.send(Opportunity, ids=ids, bulk_id=bulk_id, to_user_id=to_user_id, **more)


def run_both(ledger: str, ledger_parameters: list[Any], change: str, change_parameters: list[Any]) -> list[Any]:
    """Write the ledger, then change the rows; what the change returns.

    PostgreSQL does both in one round trip: the two halves of the statement see the rows as they were
    before it. SQLite has no such statement and no round trips.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"WITH ledger AS ({ledger}) {change}", [*ledger_parameters, *change_parameters])
        else:
            cursor.execute(ledger, ledger_parameters)
            cursor.execute(change, change_parameters)
        return cursor.fetchall()


def as_stored(*values: Any) -> list[Any]:
    """Ids and times as the engine stores them, for SQL written by hand."""
    return [_as_stored(value) for value in values]


def _as_stored(value: Any) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value


def as_uuid(value: Any) -> Any:
    """What a hand-written SELECT gives for a UUID column: text on SQLite, null where nobody is."""
    return UUID(value) if isinstance(value, str) else value
