from django.apps import AppConfig


class CallsConfig(AppConfig):
    """Phone calls, and the follow-up that each one promises."""

    name = "calls"
    verbose_name = "Llamadas"

    def ready(self) -> None:
        from calls import panels, receivers

        receivers.connect()
        panels.register()
