from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """What leaves for other systems and what arrives from them."""

    name = "integrations"
    verbose_name = "Integraciones"

    def ready(self) -> None:
        from integrations import panels, receivers

        receivers.connect()
        panels.register()
