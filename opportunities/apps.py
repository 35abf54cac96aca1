from django.apps import AppConfig


class OpportunitiesConfig(AppConfig):
    """Chances worth a call: who has them, who gave them, what came of the first attempts."""

    name = "opportunities"
    verbose_name = "Oportunidades"

    def ready(self) -> None:
        from crm.scope import also_reaches_contacts
        from opportunities import panels, receivers
        from opportunities.models.opportunities import contacts_of_holder

        receivers.connect()
        panels.register()
        also_reaches_contacts(contacts_of_holder)
