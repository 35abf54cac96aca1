"""Tables of any size, filled by the database itself: one row made by the models, multiplied by SQL."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection, models

from calls.models import Call
from crm.choices import Role
from crm.models import Contact, ContactPhone, Task, User
from crm.models.contact_phones import phone_words
from crm.phones import parse_phone
from opportunities.models import Opportunity

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SURNAMES = "quispe flores rojas mamani vargas castillo torres ramos diaz mendoza"
# One contact in a thousand has this name: a search that is neither empty nor the whole table.
RARE_NAME = "zenobia"


def row_id(kind: int, number: int) -> UUID:
    """The id of row `number`; the same arithmetic as `_sql_id`."""
    return UUID(f"01930000-000{kind}-7000-8000-{number:012x}")


def _sql_id(kind: int, number: str = "i") -> str:
    return f"('01930000-000{kind}-7000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"


def people() -> tuple[User, User]:
    """An administrator and an agent to assign to."""
    administrator = User.objects.create_user("carga@puente.test", "x" * 20, role=Role.ADMIN)
    agent = User.objects.create_user("agente@puente.test", "x" * 20, role=Role.AGENT)
    return administrator, agent


def fill(size: int, agent: User) -> None:
    """`size` contacts, each with a phone, an opportunity, a call and a task."""
    numbers = range(1, size + 1)
    surname = f"(string_to_array('{SURNAMES}', ' '))[1 + i % 10]"
    first_name = f"(CASE WHEN i % 1000 = 7 THEN '{RARE_NAME}' ELSE 'luz' END)"
    moment = "timestamptz '2026-03-02 12:00+00' - make_interval(secs => i)"
    phone = parse_phone("+51900000000")
    assert phone is not None
    endings = " || ' ' || ".join(f"substr('519' || lpad(i::text, 8, '0'), {start})" for start in range(1, 9))
    assert len(phone_words(phone)) == 8
    multiply(
        Contact(name="x", city="Lima", created_at=NOW, updated_at=NOW),
        numbers,
        id=_sql_id(1),
        name=f"initcap({first_name} || ' ' || {surname})",
        mobile="'+519' || lpad(i::text, 8, '0')",
        search_words=f"{first_name} || ' ' || {surname} || ' lima ' || {endings}",
        created_at=moment,
    )
    multiply(
        ContactPhone(contact_id=row_id(1, 1), number="x", key="x", label="mobile"),
        numbers,
        contact_id=_sql_id(1),
        number="'+519' || lpad(i::text, 8, '0')",
        key="'519' || lpad(i::text, 8, '0')",
    )
    multiply(
        Opportunity(contact_id=row_id(1, 1), detected_at=NOW, created_at=NOW, updated_at=NOW),
        numbers,
        id=_sql_id(2),
        contact_id=_sql_id(1),
        priority="1 + i % 3",
        opportunity_score="(i::bigint * 7919) % 101",
        status="(string_to_array('pending contacted lost pending pending', ' '))[1 + i % 5]",
        detected_at=moment,
    )
    multiply(
        Call(
            contact_id=row_id(1, 1),
            direction="outbound",
            call_status="completed",
            started_at=NOW,
            responsible_user=agent,
        ),
        numbers,
        id=_sql_id(3),
        contact_id=_sql_id(1),
        created_at=moment,
    )
    multiply(
        Task(contact_id=row_id(1, 1), text="Llamar", complete_till=NOW, responsible_user=agent),
        numbers,
        id=_sql_id(4),
        contact_id=_sql_id(1),
        complete_till=moment,
        created_at=moment,
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def multiply(row: models.Model, numbers: range, **expressions: str) -> None:
    """Insert `row` once for each i of `numbers`, with some columns given as SQL over i."""
    columns: list[str] = []
    selected: list[str] = []
    parameters: list[Any] = []
    for field in row._meta.local_concrete_fields:
        if field.primary_key and field.attname not in expressions:
            continue
        columns.append(f'"{field.column}"')
        if field.attname in expressions:
            selected.append(expressions[field.attname].replace("%", "%%"))
        else:
            value = getattr(row, field.attname)
            selected.append(f"%s::{field.db_type(connection)}".replace("::serial", "::bigint"))
            value = NOW if value is None and getattr(field, "auto_now", False) else value
            value = NOW if value is None and getattr(field, "auto_now_add", False) else value
            parameters.append(field.get_db_prep_save(value, connection))
    sql = (
        f"INSERT INTO {row._meta.db_table} ({', '.join(columns)})"
        f" SELECT {', '.join(selected)} FROM generate_series({numbers.start}, {numbers.stop - 1}, {numbers.step}) i"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
