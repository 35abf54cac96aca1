"""A problem of a file says of which kind it is; until now only its sentence did."""

from typing import Any

from django.db import migrations, models
from django.db.models import Q


def tell(apps: Any, schema_editor: Any) -> None:
    """By the sentences that `jobs/importing/deciding.py` has written so far."""
    problems = apps.get_model("jobs", "ImportProblem").objects.using(schema_editor.connection.alias)
    problems.filter(is_error=False).update(kind="warning")
    problems.filter(is_error=True, message__startswith="Ya está en ").update(kind="duplicate")
    problems.filter(is_error=True, message__startswith="No se le llama: ").update(kind="refused")


def forget(apps: Any, schema_editor: Any) -> None:
    problems = apps.get_model("jobs", "ImportProblem").objects.using(schema_editor.connection.alias)
    problems.filter(kind="warning").update(is_error=False)


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_search_indexes")]
    operations = [
        migrations.AddField(
            "importproblem",
            "kind",
            models.CharField(
                "clase",
                max_length=12,
                choices=[
                    ("error", "Error"),
                    ("warning", "Aviso"),
                    ("duplicate", "Ya estaba"),
                    ("refused", "No se le llama"),
                ],
                default="error",
            ),
        ),
        migrations.RunPython(tell, forget),
        migrations.RemoveField("importproblem", "is_error"),
        migrations.AddConstraint(
            "importproblem",
            models.CheckConstraint(
                condition=Q(kind__in=["error", "warning", "duplicate", "refused"]),
                name="jobs_problem_kind_is_known",
                violation_error_message="El valor no está entre los permitidos.",
            ),
        ),
    ]
