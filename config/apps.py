from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConfigConfig(AppConfig):
    """The project itself as an app: its commands, checks and templates."""

    default = True
    name = "config"
    verbose_name = "Puente CRM"

    def ready(self) -> None:
        from config import (
            checks,  # noqa: F401  registers the deployment checks
            timestamps,
        )

        timestamps.connect()


class StaffPagesConfig(AdminConfig):
    """Django's admin with our site (config/admin_site.py) in place of the stock one."""

    default_site = "config.admin_site.PuenteAdminSite"
