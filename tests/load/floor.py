"""The floor: the same work as plain SQL on the same tables, one connection, no HTTP, no framework.

What each function does is what the endpoint has to do whatever it is written in: know the caller, check
what it was given, write the rows, leave the trail.
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection as django_connection
from django.db import models

from calls.models import Call
from crm.ids import new_id
from crm.models import Task, User
from tests.load.data import NOW, row_id
from tests.load.generator import Measured, summary

Work = Callable[[psycopg.Connection[Any], int], None]

_USER = "SELECT * FROM crm_user WHERE id = %s"
_AUDIT = (
    "INSERT INTO crm_auditentry (actor_id, action, entity_type, entity_id, details, user_agent, created_at)"
    " VALUES (%s, 'asignar', 'opportunity', %s, %s, '', %s)"
)
_LEDGER = (
    "INSERT INTO opportunities_assignment (opportunity_id, from_user_id, to_user_id, by_user_id, from_status,"
    " to_status, kind, bulk_id, notes, created_at)"
    " SELECT id, assigned_to_id, %s, %s, status, 'assigned', %s, %s, '', %s FROM opportunities_opportunity"
    " WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
)
_ASSIGN = (
    "UPDATE opportunities_opportunity SET assigned_to_id = %s, status = 'assigned', updated_at = %s"
    " WHERE id = ANY(%s) RETURNING id, assigned_to_id, status, updated_at"
)


def measure(database_url: str, work: Work, *, seconds: float = 5) -> Measured:
    """Do `work` in a loop, each in its own transaction; the first half second is warm-up."""
    latencies: list[float] = []
    with psycopg.connect(database_url) as connection:
        started = time.perf_counter()
        for number in count():
            before = time.perf_counter()
            if before > started + 0.5 + seconds:
                break
            work(connection, number)
            connection.commit()
            if before > started + 0.5:
                latencies.append(time.perf_counter() - before)
    return summary(latencies, seconds)


def assigning(administrator: User, agent: User, groups: list[list[UUID]], kind: str) -> Work:
    def work(connection: psycopg.Connection[Any], number: int) -> None:
        ids = groups[number % len(groups)]
        now, bulk_id = datetime.now(UTC), new_id()
        connection.execute(_USER, [administrator.pk]).fetchone()
        connection.execute(_USER, [agent.pk]).fetchone()
        connection.execute(_LEDGER, [agent.pk, administrator.pk, kind, bulk_id, now, ids])
        connection.execute(_ASSIGN, [agent.pk, now, ids]).fetchall()
        connection.execute(_AUDIT, [administrator.pk, str(bulk_id), json.dumps({"cantidad": len(ids)}), now])

    return work


def calling(user: User, contacts: int) -> Work:
    call_sql = _insert(Call)
    task_sql = _insert(Task)

    def work(connection: psycopg.Connection[Any], number: int) -> None:
        contact_id = row_id(1, 1 + number % contacts)
        due = NOW + timedelta(days=400, seconds=number)
        connection.execute(_USER, [user.pk]).fetchone()
        connection.execute("SELECT id, name FROM crm_contact WHERE id = %s FOR NO KEY UPDATE", [contact_id]).fetchone()
        call = Call(contact_id=contact_id, direction="outbound", call_status="completed", started_at=NOW,
                    proxima_llamada_fecha=due, responsible_user=user, created_by=user)  # fmt: skip
        connection.execute(call_sql, _values(call))
        connection.execute(
            "SELECT id FROM crm_task WHERE contact_id = %s AND complete_till >= %s AND complete_till < %s"
            " AND task_type = 'call' AND NOT is_completed AND created_at >= %s LIMIT 1",
            [contact_id, due, due + timedelta(seconds=1), datetime.now(UTC) - timedelta(minutes=5)],
        ).fetchone()
        task = Task(contact_id=contact_id, text="Llamada de seguimiento programada", complete_till=due,
                    responsible_user=user, created_by=user, planned_key=f"floor:{call.pk}")  # fmt: skip
        connection.execute(task_sql, _values(task))
        connection.execute(
            "UPDATE crm_contact SET ultima_llamada_fecha = %s, proxima_llamada_fecha = %s WHERE id = %s",
            [NOW, due, contact_id],
        )

    return work


def listing(user: User) -> Work:
    """The first page of the opportunities with their contacts and holders, and a bounded count."""
    page = (
        "SELECT o.*, c.*, u.first_name, u.last_name, u.email FROM opportunities_opportunity o"
        " JOIN crm_contact c ON c.id = o.contact_id LEFT JOIN crm_user u ON u.id = o.assigned_to_id"
        " WHERE o.status = 'pending'"
        " ORDER BY o.priority DESC, o.opportunity_score DESC, o.detected_at DESC, o.id DESC LIMIT 50"
    )
    total = (
        "SELECT count(*) FROM (SELECT 1 FROM opportunities_opportunity WHERE status = 'pending' LIMIT 10001) counted"
    )

    def work(connection: psycopg.Connection[Any], number: int) -> None:
        connection.execute(_USER, [user.pk]).fetchone()
        connection.execute(page).fetchall()
        connection.execute(total).fetchone()

    return work


def _insert(model: type[models.Model]) -> str:
    columns = [field.column for field in model._meta.local_concrete_fields]
    return f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"


def _values(row: models.Model) -> list[Any]:
    now = datetime.now(UTC)
    stamps = {"created_at": now, "updated_at": now}
    return [
        field.get_db_prep_save(stamps.get(field.attname) or getattr(row, field.attname), django_connection)
        for field in row._meta.local_concrete_fields
    ]
