from django.apps import AppConfig


class WhatsappConfig(AppConfig):
    """WhatsApp conversations."""

    name = "whatsapp"
    verbose_name = "WhatsApp"

    def ready(self) -> None:
        from whatsapp import notices, panels

        notices.register()
        panels.register()
