from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The project itself as an app: its commands, checks and templates."""

    name = "config"
    verbose_name = "Puente CRM"

    def ready(self) -> None:
        from config import checks  # noqa: F401  registers the deployment checks
