"""What follows from a call."""

from typing import Any

from django.db.models.signals import post_save

from calls.models import Call


def connect() -> None:
    post_save.connect(a_next_date_plans_a_follow_up, sender=Call, dispatch_uid="calls.follow_up")


def a_next_date_plans_a_follow_up(
    sender: type[Call], instance: Call, raw: bool = False, **kwargs: Any
) -> None:
    """A call that names its next date, or changes it, gets a follow-up task for that date."""
    if raw:
        return
