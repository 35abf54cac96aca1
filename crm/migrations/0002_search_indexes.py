"""GIN indexes over the words of the search columns; PostgreSQL only, core features only."""

from typing import Any

from django.db import migrations

from crm.search import words_vector

INDEXES = {
    "contact_search": "crm_contact",
    "lead_search": "crm_lead",
    "user_search": "crm_user",
}


def create(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    for name, table in INDEXES.items():
        schema_editor.execute(f"CREATE INDEX {name} ON {table} USING gin ({words_vector('search_words')})")


def drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    for name in INDEXES:
        schema_editor.execute(f"DROP INDEX {name}")


class Migration(migrations.Migration):
    dependencies = [("crm", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
