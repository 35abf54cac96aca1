"""The index that finds jobs by any of their phones, where the database has such a one.

Entries go in at once: a list of pending ones would be read wholly for every chunk of an import.
"""

from typing import Any

from django.db import migrations


def create(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE INDEX jobs_job_phones ON jobs_job USING gin (phones) WITH (fastupdate = off)")


def drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX jobs_job_phones")


class Migration(migrations.Migration):
    dependencies = [("jobs", "0004_kind_of_problem")]
    operations = [migrations.RunPython(create, drop)]
