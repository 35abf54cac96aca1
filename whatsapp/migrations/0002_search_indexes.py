"""Indexes that only PostgreSQL has: GIN over the words of messages and over the digits of identities,
and the order of the inbox, in which threads without a message stand last."""

from typing import Any

from django.db import migrations

from crm.search import words_vector

INDEXES = {
    "whatsapp_message_search": f"ON conversaciones_whatsapp USING gin ({words_vector('search_words')})",
    "whatsapp_thread_search": f"ON whatsapp_thread USING gin ({words_vector('search_words')})",
    "whatsapp_thread_newest": (
        "ON whatsapp_thread (last_message_at DESC NULLS LAST, id DESC) WHERE merged_into_id IS NULL"
    ),
    "whatsapp_alias_digits": f"ON whatsapp_alias USING gin ({words_vector('digits')})",
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
    dependencies = [("whatsapp", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
