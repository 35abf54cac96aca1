"""How often a person was called lately, whatever the phone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0005_jobs_by_phone")]
    operations = [
        migrations.AddIndex(
            "callattempt", models.Index(fields=["person_key", "-created_at"], name="jobs_attempt_of_person")
        ),
    ]
