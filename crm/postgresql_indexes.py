"""Indexes that only PostgreSQL has and Django has no words for; elsewhere there is nothing to do."""

from collections.abc import Mapping
from typing import Any

from django.db.migrations import RunPython

from crm.search import words_vector


def postgresql_indexes(definitions: Mapping[str, str]) -> RunPython:
    """The step of a migration that makes these, each by its name: `{"contact_search": "ON crm_contact …"}`."""

    def create(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            for name, definition in definitions.items():
                schema_editor.execute(f"CREATE INDEX {name} {definition}")

    def drop(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            for name in definitions:
                schema_editor.execute(f"DROP INDEX {name}")

    return RunPython(create, drop)


def by_words(table: str, column: str = "search_words") -> str:
    """What a search finds rows of `table` by, of core features only: GIN over the words of a search column."""
    return f"ON {table} USING gin ({words_vector(column)})"
