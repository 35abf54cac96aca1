from django.apps import AppConfig


class CrmConfig(AppConfig):
    """The ground floor: people who work here, people who are worked for, and what is planned with them."""

    name = "crm"
    verbose_name = "CRM"
