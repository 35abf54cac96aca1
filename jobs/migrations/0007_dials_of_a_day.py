"""Counted dials of each account by quarter of an hour, kept by triggers as `jobs_count` is (docs/adr/0009-counts.md).

A change of a dial is looked at row by row and only where one of these columns is written: of the many updates in the
life of an attempt, seldom one.
"""

from typing import Any

from django.db import migrations, models

SHARDS = 16
_WATCHED = ("is_counted", "created_at", "account_id")
_KEPT = "ON CONFLICT (account, quarter, shard) DO UPDATE SET dials = "
_ADD = "INSERT INTO jobs_dialcount {alias}(account, quarter, shard, dials) "
_ON_POSTGRESQL = "floor(extract(epoch FROM {row}created_at) / 900)::integer"
# SQLite would round the last half of a millisecond up, perhaps into the next day.
_ON_SQLITE = "CAST(strftime('%s', substr({row}created_at, 1, 19)) AS INTEGER) / 900"


def _of_rows(table: str, sign: str, shard: str) -> str:
    """One addition for each account and quarter of a statement."""
    return f"""{_ADD.format(alias="AS kept ")}
      SELECT account_id, {_ON_POSTGRESQL.format(row="")}, {shard}, {sign}count(*) FROM {table} WHERE is_counted
      GROUP BY 1, 2 ORDER BY 1, 2 {_KEPT} kept.dials + excluded.dials;"""


def _of_row(row: str, sign: str) -> str:
    quarter = _ON_POSTGRESQL.format(row=f"{row}.")
    return f"""IF {row}.is_counted THEN {_ADD.format(alias="AS kept ")}
      VALUES ({row}.account_id, {quarter}, 1 + pg_backend_pid() % {SHARDS}, {sign}1)
      {_KEPT} kept.dials + excluded.dials; END IF;"""


def _function(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$"


def _postgresql() -> list[str]:
    changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in _WATCHED)
    made = _of_rows("appeared", "", "0")
    gone = _of_rows("vanished", "-", f"1 + pg_backend_pid() % {SHARDS}")
    on = "ON jobs_callattempt"
    return [
        _function("jobs_dials_made", made),
        _function("jobs_dials_changed", _of_row("OLD", "-") + _of_row("NEW", "")),
        _function("jobs_dials_gone", gone),
        f"CREATE TRIGGER jobs_dials_made AFTER INSERT {on} REFERENCING NEW TABLE AS appeared"
        " FOR EACH STATEMENT EXECUTE FUNCTION jobs_dials_made()",
        f"CREATE TRIGGER jobs_dials_changed AFTER UPDATE OF {', '.join(_WATCHED)} {on}"
        f" FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION jobs_dials_changed()",
        f"CREATE TRIGGER jobs_dials_gone AFTER DELETE {on} REFERENCING OLD TABLE AS vanished"
        " FOR EACH STATEMENT EXECUTE FUNCTION jobs_dials_gone()",
        # The triggers keep writers away until this is committed, so nobody is missed.
        _of_rows("jobs_callattempt", "", "0"),
    ]


def _sqlite() -> list[str]:
    def added(row: str, sign: str) -> str:
        quarter = _ON_SQLITE.format(row=f"{row}.")
        values = f"VALUES ({row}.account_id, {quarter}, 0, {sign}{row}.is_counted)"
        return f"{_ADD.format(alias='')}{values} {_KEPT} dials + excluded.dials;"

    events = {
        "made AFTER INSERT": added("NEW", ""),
        f"changed AFTER UPDATE OF {', '.join(_WATCHED)}": added("OLD", "-") + added("NEW", ""),
        "gone AFTER DELETE": added("OLD", "-"),
    }
    return [
        *(
            f"CREATE TRIGGER jobs_dials_{event} ON jobs_callattempt FOR EACH ROW BEGIN {body} END"
            for event, body in events.items()
        ),
        f"{_ADD.format(alias='')} SELECT account_id, {_ON_SQLITE.format(row='')}, 0, count(*) FROM jobs_callattempt"
        " WHERE is_counted GROUP BY 1, 2",
    ]


def create(apps: Any, schema_editor: Any) -> None:
    statements = _postgresql() if schema_editor.connection.vendor == "postgresql" else _sqlite()
    for statement in statements:
        # Past Django's splitting and quoting, as in migration 0002.
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(statement)


def drop(apps: Any, schema_editor: Any) -> None:
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    for name in ("jobs_dials_made", "jobs_dials_changed", "jobs_dials_gone"):
        schema_editor.execute(f"DROP TRIGGER {name}" + (" ON jobs_callattempt" if is_postgresql else ""))
        if is_postgresql:
            schema_editor.execute(f"DROP FUNCTION {name}()")


class Migration(migrations.Migration):
    dependencies = [("jobs", "0006_dials_of_a_person")]
    operations = [
        migrations.CreateModel(
            "DialCount",
            [
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("account", models.CharField(max_length=24)),
                ("quarter", models.PositiveIntegerField()),
                ("shard", models.PositiveSmallIntegerField()),
                ("dials", models.BigIntegerField(default=0)),
            ],
            options={
                "verbose_name": "recuento de llamadas por hora",
                "verbose_name_plural": "recuentos de llamadas por hora",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["account", "quarter", "shard"],
                        name="jobs_dials_are_one_row",
                        violation_error_message="Este recuento ya existe.",
                    )
                ],
            },
        ),
        migrations.RunPython(create, drop),
    ]
