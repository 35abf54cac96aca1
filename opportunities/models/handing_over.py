"""How opportunities change hands: a line of the ledger for each, and one change of them all.

Written as SQL because the ORM has no INSERT … SELECT. One row and a hundred take the same statements.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from crm.ids import new_id
from crm.lookups import among
from crm.models import AuditEntry
from opportunities.choices import AssignmentKind, OpportunityStatus
from opportunities.models.assignments import Assignment
from opportunities.signals import assigned

if TYPE_CHECKING:
    from crm.models import User


class NewStatus(NamedTuple):
    """What becomes of the status, as an SQL expression over the row as it was (`held`)."""

    sql: str
    parameters: tuple[str, ...] = ()


def becomes(status: OpportunityStatus) -> NewStatus:
    return NewStatus("%s", (status.value,))


ASSIGNED = becomes(OpportunityStatus.ASSIGNED)
PENDING = becomes(OpportunityStatus.PENDING)
STATUS_STAYS = NewStatus("held.status")
PENDING_IF_ASSIGNED = NewStatus("CASE WHEN held.status = 'assigned' THEN 'pending' ELSE held.status END")


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

    def carry_out(self, ids: Sequence[UUID], *, at_least: int = 0) -> list[Handed]:
        """For those of `ids` that exist; for none when fewer than `at_least` do. Audited and announced as one act."""
        write = _write_in_one_statement if connection.vendor == "postgresql" else _write_step_by_step
        # No savepoint: nothing in here is caught halfway, and it would be two more round trips.
        with transaction.atomic(savepoint=False):
            handed = write(self, ids, at_least) if ids else []
            if handed:
                action = "opportunity.assign" if self.to else "opportunity.unassign"
                tell(action, handed, by=self.by, kind=self.kind, bulk_id=self.bulk_id, to_user_id=self.to_id)
        return handed

    @property
    def to_id(self) -> UUID | None:
        return self.to.pk if self.to else None

    @property
    def by_id(self) -> UUID | None:
        return self.by.pk if self.by else None


def in_bulk(**how: Any) -> Handover:
    """A handover of many at once, which can be undone by its `bulk_id`."""
    return Handover(**{"kind": AssignmentKind.BULK, "bulk_id": new_id(), **how})


# Locks, ledger and change in one statement and one round trip. The locks are taken in the order of ids, so
# that no two handovers wait for each other. After waiting, `held` has the rows as they are now, and so tells
# truly from whom each was taken; the moment comes after the last lock, so a later handover has a later one.
_ONE_STATEMENT = """
WITH held AS MATERIALIZED (
    SELECT opportunity.id, opportunity.assigned_to_id, opportunity.status
    FROM opportunities_opportunity opportunity JOIN crm_contact ON crm_contact.id = opportunity.contact_id
    WHERE {these} AND NOT crm_contact.is_deleted
    ORDER BY opportunity.id FOR NO KEY UPDATE OF opportunity
), moment AS MATERIALIZED (
    SELECT clock_timestamp() AS at FROM (SELECT count(*) AS found FROM held) counted WHERE found >= %s
), ledger AS (
    INSERT INTO opportunities_assignment (opportunity_id, from_user_id, to_user_id, by_user_id, from_status,
        to_status, kind, bulk_id, notes, created_at)
    SELECT id, assigned_to_id, %s, %s, status, {status}, %s, %s, %s, at FROM held, moment
)
UPDATE opportunities_opportunity opportunity SET assigned_to_id = %s, status = {status}, updated_at = at
FROM held, moment WHERE opportunity.id = held.id
RETURNING opportunity.id, opportunity.status, at::text
"""


def _write_in_one_statement(handover: Handover, ids: Sequence[UUID], at_least: int) -> list[Handed]:
    these, id_list = among("opportunity.id", ids)
    status, status_parameters = handover.status
    ledger = [handover.to_id, handover.by_id, *status_parameters, handover.kind.value, handover.bulk_id, handover.notes]
    change = [handover.to_id, *status_parameters]
    with connection.cursor() as cursor:
        cursor.execute(_ONE_STATEMENT.format(these=these, status=status), [*id_list, at_least, *ledger, *change])
        rows = cursor.fetchall()
    if not rows:
        return []
    # The moment is the same for all: only one of a hundred texts is read.
    to_id, at = handover.to_id, datetime.fromisoformat(rows[0][2]).astimezone(UTC)
    return [Handed(row_id, to_id, new_status, at) for row_id, new_status, _ in rows]


# SQLite knows no statement that writes in its WITH. Its writing transactions are alone, so nothing need be locked.
_FOUND = """
SELECT held.id FROM opportunities_opportunity held JOIN crm_contact ON crm_contact.id = held.contact_id
WHERE {these} AND NOT crm_contact.is_deleted
"""
_LEDGER = """
INSERT INTO opportunities_assignment (opportunity_id, from_user_id, to_user_id, by_user_id, from_status,
    to_status, kind, bulk_id, notes, created_at)
SELECT id, assigned_to_id, %s, %s, status, {status}, %s, %s, %s, %s FROM opportunities_opportunity held WHERE {these}
"""
_CHANGE = """
UPDATE opportunities_opportunity AS held SET assigned_to_id = %s, status = {status}, updated_at = %s
WHERE {these} RETURNING id, status
"""


def _write_step_by_step(handover: Handover, ids: Sequence[UUID], at_least: int) -> list[Handed]:
    now = timezone.now()
    at = connection.ops.adapt_datetimefield_value(now)
    to_id, by_id, bulk_id = map(_as_stored, (handover.to_id, handover.by_id, handover.bulk_id))
    status, status_parameters = handover.status
    with connection.cursor() as cursor:
        these, id_list = among("held.id", ids)
        cursor.execute(_FOUND.format(these=these), id_list)
        found = [UUID(row_id) for (row_id,) in cursor.fetchall()]
        if len(found) < at_least:
            return []
        these, id_list = among("held.id", found)
        ledger = [to_id, by_id, *status_parameters, handover.kind.value, bulk_id, handover.notes, at, *id_list]
        cursor.execute(_LEDGER.format(these=these, status=status), ledger)
        cursor.execute(_CHANGE.format(these=these, status=status), [to_id, *status_parameters, at, *id_list])
        return [Handed(UUID(row_id), handover.to_id, new, now) for row_id, new in cursor.fetchall()]


# --- Undoing ----------------------------------------------------------------------------------

_UNDOING_LEDGER = """
INSERT INTO opportunities_assignment (opportunity_id, from_user_id, to_user_id, by_user_id, from_status,
    to_status, kind, bulk_id, notes, created_at, reverts_id)
SELECT opportunity_id, to_user_id, from_user_id, %s, to_status, from_status, 'undo', %s, '', %s, id
FROM opportunities_assignment undone WHERE {these}
"""
_UNDOING = """
UPDATE opportunities_opportunity SET assigned_to_id = undone.from_user_id, status = undone.from_status, updated_at = %s
FROM opportunities_assignment undone WHERE undone.opportunity_id = opportunities_opportunity.id AND {these}
RETURNING opportunities_opportunity.id, assigned_to_id, status
"""


def give_back(assignment_ids: Sequence[int], *, by: "User | None", bulk_id: UUID) -> list[Handed]:
    """Undo these lines of the ledger, whose opportunities are locked; each undoing is a line itself."""
    if not assignment_ids:
        return []
    now = timezone.now()
    at = connection.ops.adapt_datetimefield_value(now)
    these, id_list = among("undone.id", assignment_ids)
    by_id, stored_bulk_id = _as_stored(by.pk if by else None), _as_stored(bulk_id)
    with connection.cursor() as cursor:
        cursor.execute(_UNDOING_LEDGER.format(these=these), [by_id, stored_bulk_id, at, *id_list])
        cursor.execute(_UNDOING.format(these=these), [at, *id_list])
        handed = [Handed(_read(row_id), _read(to_id), status, now) for row_id, to_id, status in cursor.fetchall()]
    tell("opportunity.undo", handed, by=by, kind=AssignmentKind.UNDO, bulk_id=bulk_id, to_user_id=None)
    return handed


def tell(action: str, handed: list[Handed], *, bulk_id: UUID | None, to_user_id: UUID | None, **more: Any) -> None:
    """One audit entry for the whole act, and one signal."""
    AuditEntry.write(
        action,
        "opportunities",
        bulk_id or handed[0].id,
        count=len(handed),
        kind=more["kind"].value,
        assigned_to_id=to_user_id and str(to_user_id),
    )
    ids = [row.id for row in handed]
    assigned.send(Assignment, ids=ids, bulk_id=bulk_id, to_user_id=to_user_id, at=handed[0].updated_at, **more)


def _as_stored(value: UUID | None) -> UUID | str | None:
    """An id as the engine stores it: SQLite has text."""
    return value.hex if value and not connection.features.has_native_uuid_field else value


def _read(value: Any) -> Any:
    """An id as SQL written by hand returns it."""
    return UUID(value) if isinstance(value, str) else value
