"""The index that only PostgreSQL has: GIN over the words of jobs."""

from typing import Any

from django.db import migrations

from crm.search import words_vector


def create(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"CREATE INDEX jobs_job_search ON jobs_job USING gin ({words_vector('search_words')})")


def drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX jobs_job_search")


class Migration(migrations.Migration):
    dependencies = [("jobs", "0002_counts")]
    operations = [migrations.RunPython(create, drop)]
