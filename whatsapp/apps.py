from django.apps import AppConfig


class WhatsappConfig(AppConfig):
    """WhatsApp conversations."""

    name = "whatsapp"
    verbose_name = "WhatsApp"

    def ready(self) -> None:
        from whatsapp import notices, panels, receivers

        receivers.connect()
        notices.register()
        panels.register()
