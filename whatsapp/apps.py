from django.apps import AppConfig


class WhatsappConfig(AppConfig):
    """WhatsApp conversations."""

    name = "whatsapp"
    verbose_name = "WhatsApp"

    def ready(self) -> None:
        from django.db.models.signals import post_save

        from crm.models import ContactMerge
        from whatsapp import linking, notices, panels

        notices.register()
        panels.register()
        post_save.connect(linking.follow_undone_merge, sender=ContactMerge, dispatch_uid="whatsapp.merge")
