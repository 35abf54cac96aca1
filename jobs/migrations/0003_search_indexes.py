"""The words of jobs."""

from django.db import migrations

from crm.postgresql_indexes import by_words, postgresql_indexes


class Migration(migrations.Migration):
    dependencies = [("jobs", "0002_counts")]
    operations = [postgresql_indexes({"jobs_job_search": by_words("jobs_job")})]
