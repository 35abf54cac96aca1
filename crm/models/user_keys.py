"""Which account a row names: who made it, who is responsible for it."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from crm.models.users import User


def user_key(verbose_name: str | None = None, **options: Any) -> "models.ForeignKey[User | None, User | None]":
    """May be nobody; an account that goes leaves the row. Not seen from the account unless it has a `related_name`."""
    usual: dict[str, Any] = {"on_delete": models.SET_NULL, "null": True, "blank": True, "related_name": "+"}
    return models.ForeignKey(settings.AUTH_USER_MODEL, verbose_name=verbose_name, **usual | options)
