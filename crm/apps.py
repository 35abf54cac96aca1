from django.apps import AppConfig


class CrmConfig(AppConfig):
    """The ground floor: people who work here, people who are worked for, and what is planned with them."""

    name = "crm"
    verbose_name = "CRM"

    def ready(self) -> None:
        from crm import own_panels

        own_panels.register()
