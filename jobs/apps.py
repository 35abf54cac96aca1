from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Calling campaigns."""

    name = "jobs"
    verbose_name = "Campañas"
