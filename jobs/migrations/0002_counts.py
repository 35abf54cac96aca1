"""The triggers that keep `jobs_count`, so that no path to the tables can forget it (docs/adr/0009-counts.md).

PostgreSQL adds once for each statement and owner, however many rows it moved, into the shard of its connection, in the
order of owners. SQLite, with one writer, adds row by row.
"""

from typing import Any

from django.db import migrations

STATES = ("pending", "in_progress", "completed", "failed", "suspended", "cancelled")
SHARDS = 16
_COLUMNS = ", ".join(STATES)
_ADDED = ", ".join(f"{state} = kept.{state} + excluded.{state}" for state in STATES)
_SIGNED = ", ".join(f"COALESCE(sum(sign) FILTER (WHERE status = '{state}'), 0) AS {state}" for state in STATES)
_ANYTHING = " OR ".join(f"{state} <> 0" for state in STATES)


def _moved(*parts: tuple[str, int]) -> str:
    """Rows (owner, status, sign): each job once for its batch and once for its account."""
    return " UNION ALL ".join(
        f"SELECT {owner} AS owner, status, {sign} AS sign FROM {table}"
        for table, sign in parts
        for owner in ("batch_id", "account_id")
    )


def _add_states(moved: str) -> str:
    return f"""
      INSERT INTO jobs_count AS kept (owner, shard, {_COLUMNS}, seconds, cost_micros)
      SELECT owner, pg_backend_pid() % {SHARDS}, {_COLUMNS}, 0, 0
      FROM (SELECT owner, {_SIGNED} FROM ({moved}) moved GROUP BY owner) sums
      WHERE {_ANYTHING} ORDER BY owner
      ON CONFLICT (owner, shard) DO UPDATE SET {_ADDED};"""


def _add_spent(signed: str) -> str:
    return f"""
      INSERT INTO jobs_count AS kept (owner, shard, {_COLUMNS}, seconds, cost_micros)
      SELECT owner, pg_backend_pid() % {SHARDS}, {", ".join("0" for _ in STATES)}, seconds, cost_micros
      FROM (SELECT owner, sum(seconds) AS seconds, sum(cost_micros) AS cost_micros FROM ({signed}) spent GROUP BY owner) sums
      WHERE seconds <> 0 OR cost_micros <> 0 ORDER BY owner
      ON CONFLICT (owner, shard) DO UPDATE
        SET seconds = kept.seconds + excluded.seconds, cost_micros = kept.cost_micros + excluded.cost_micros;"""


def _spent(*parts: tuple[str, str]) -> str:
    return " UNION ALL ".join(
        f"SELECT {owner} AS owner, {sign}seconds AS seconds, {sign}cost_micros AS cost_micros FROM {table}"
        for table, sign in parts
        for owner in ("batch_id", "account_id")
    )


_FUNCTIONS = {
    "jobs_count_states": (
        _add_states(_moved(("appeared", 1))),
        _add_states(_moved(("appeared", 1), ("vanished", -1))),
        _add_states(_moved(("vanished", -1))),
    ),
    "jobs_count_spent": (
        _add_spent(_spent(("appeared", ""))),
        _add_spent(_spent(("appeared", ""), ("vanished", "-"))),
        _add_spent(_spent(("vanished", "-"))),
    ),
}
_TABLES = {"jobs_count_states": "jobs_job", "jobs_count_spent": "jobs_callattempt"}
_REFERENCING = {
    "insert": "NEW TABLE AS appeared",
    "update": "NEW TABLE AS appeared OLD TABLE AS vanished",
    "delete": "OLD TABLE AS vanished",
}


def _postgresql() -> list[str]:
    made = []
    for name, (inserted, updated, deleted) in _FUNCTIONS.items():
        made.append(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n"
            f"    IF TG_OP = 'INSERT' THEN {inserted}\n    ELSIF TG_OP = 'UPDATE' THEN {updated}\n"
            f"    ELSE {deleted}\n    END IF; RETURN NULL; END $$"
        )
        made += [
            f"CREATE TRIGGER {name}_on_{act} AFTER {act.upper()} ON {_TABLES[name]}"
            f" REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
            for act, tables in _REFERENCING.items()
        ]
    return made


def _sqlite() -> list[str]:
    made = []
    for act, rows in {"insert": (("NEW", 1),), "update": (("NEW", 1), ("OLD", -1)), "delete": (("OLD", -1),)}.items():
        states, spent = "", ""
        for row, sign in rows:
            for owner in ("batch_id", "account_id"):
                values = ", ".join(f"{sign} * ({row}.status = '{state}')" for state in STATES)
                added = ", ".join(f"{state} = {state} + excluded.{state}" for state in STATES)
                nothing = ", ".join("0" for _ in STATES)
                states += (
                    f"INSERT INTO jobs_count (owner, shard, {_COLUMNS}, seconds, cost_micros)"
                    f" VALUES ({row}.{owner}, 0, {values}, 0, 0)"
                    f" ON CONFLICT (owner, shard) DO UPDATE SET {added};\n"
                )
                spent += (
                    f"INSERT INTO jobs_count (owner, shard, {_COLUMNS}, seconds, cost_micros)"
                    f" VALUES ({row}.{owner}, 0, {nothing}, {sign} * {row}.seconds, {sign} * {row}.cost_micros)"
                    " ON CONFLICT (owner, shard) DO UPDATE SET seconds = seconds + excluded.seconds,"
                    " cost_micros = cost_micros + excluded.cost_micros;\n"
                )
        of_states = " OF status, batch_id, account_id" if act == "update" else ""
        of_spent = " OF seconds, cost_micros" if act == "update" else ""
        made += [
            f"CREATE TRIGGER jobs_count_states_on_{act} AFTER {act.upper()}{of_states} ON jobs_job"
            f" FOR EACH ROW BEGIN {states} END",
            f"CREATE TRIGGER jobs_count_spent_on_{act} AFTER {act.upper()}{of_spent} ON jobs_callattempt"
            f" FOR EACH ROW BEGIN {spent} END",
        ]
    return made


def create(apps: Any, schema_editor: Any) -> None:
    vendor = schema_editor.connection.vendor
    for statement in _postgresql() if vendor == "postgresql" else _sqlite():
        # Past Django's splitting and quoting: a body has semicolons and per cent signs of its own.
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(statement)


def drop(apps: Any, schema_editor: Any) -> None:
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    for name, table in _TABLES.items():
        for act in _REFERENCING:
            schema_editor.execute(f"DROP TRIGGER {name}_on_{act}" + (f" ON {table}" if is_postgresql else ""))
        if is_postgresql:
            schema_editor.execute(f"DROP FUNCTION {name}()")


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
