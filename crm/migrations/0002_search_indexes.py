"""Indexes that only PostgreSQL has, core features only: GIN over the words of the search columns, and the
descending order of a contact list in which rows without the date stand last."""

from typing import Any

from django.db import migrations

from crm.search import words_vector

INDEXES = {
    "contact_search": f"ON crm_contact USING gin ({words_vector('search_words')})",
    "lead_search": f"ON crm_lead USING gin ({words_vector('search_words')})",
    "user_search": f"ON crm_user USING gin ({words_vector('search_words')})",
    "contact_last_call": "ON crm_contact (ultima_llamada_fecha DESC NULLS LAST, id DESC) WHERE NOT is_deleted",
}


def create(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    for name, definition in INDEXES.items():
        schema_editor.execute(f"CREATE INDEX {name} {definition}")


def drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    for name in INDEXES:
        schema_editor.execute(f"DROP INDEX {name}")


class Migration(migrations.Migration):
    dependencies = [("crm", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
