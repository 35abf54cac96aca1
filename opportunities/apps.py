from django.apps import AppConfig


class OpportunitiesConfig(AppConfig):
    """Chances worth a call: who has them, who gave them, what came of the first attempts."""

    name = "opportunities"
    verbose_name = "Oportunidades"

    def ready(self) -> None:
        from opportunities import panels, receivers

        receivers.connect()
        panels.register()
