from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Calling campaigns."""

    name = "jobs"
    verbose_name = "Campañas"

    def ready(self) -> None:
        from jobs import notices, panels

        notices.register()
        panels.register()
