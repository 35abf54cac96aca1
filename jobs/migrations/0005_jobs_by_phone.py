"""What finds jobs by any of their phones.

Entries go in at once: a list of pending ones would be read wholly for every chunk of an import.
"""

from django.db import migrations

from crm.postgresql_indexes import postgresql_indexes


class Migration(migrations.Migration):
    dependencies = [("jobs", "0004_kind_of_problem")]
    operations = [
        postgresql_indexes({"jobs_job_phones": "ON jobs_job USING gin (phones) WITH (fastupdate = off)"}),
    ]
