"""What follows from a call. Everything happens in the transaction of the call itself (`Call.save`)."""

from typing import Any

from django.db.models.signals import post_delete, post_save

from calls.models import Call
from calls.services import announce, plan_follow_up, retell_person, take_follow_ups_along, tell_person


def connect() -> None:
    # In this order: what an earlier save has promised moves before this one promises anew.
    post_save.connect(a_moved_call_takes_its_follow_ups_along, sender=Call, dispatch_uid="calls.moved")
    post_save.connect(a_next_date_plans_a_follow_up, sender=Call, dispatch_uid="calls.follow_up")
    post_save.connect(a_contact_knows_its_last_and_next_call, sender=Call, dispatch_uid="calls.dates")
    post_save.connect(a_recorded_call_is_announced, sender=Call, dispatch_uid="calls.recorded")
    post_delete.connect(a_removed_call_is_forgotten, sender=Call, dispatch_uid="calls.removed")


def a_moved_call_takes_its_follow_ups_along(
    sender: type[Call], instance: Call, created: bool, raw: bool = False, **kwargs: Any
) -> None:
    """The open follow-ups of a call that is put to another contact or lead go with it."""
    if not raw and not created and instance.moves():
        take_follow_ups_along(instance)


def a_next_date_plans_a_follow_up(
    sender: type[Call], instance: Call, created: bool, raw: bool = False, **kwargs: Any
) -> None:
    """A call that names its next date, or changes it, gets a follow-up task for that date."""
    if not raw and instance.names_new_date(created=created):
        plan_follow_up(instance)


def a_contact_knows_its_last_and_next_call(
    sender: type[Call], instance: Call, created: bool, raw: bool = False, **kwargs: Any
) -> None:
    """A contact shows when it was called last and when it will be called next."""
    if not raw:
        tell_person(instance, created=created)


def a_recorded_call_is_announced(sender: type[Call], instance: Call, raw: bool = False, **kwargs: Any) -> None:
    """Every call, new or corrected, is told to whoever listens: opportunities count first attempts."""
    if not raw:
        announce(instance)


def a_removed_call_is_forgotten(sender: type[Call], instance: Call, origin: Any = None, **kwargs: Any) -> None:
    """The contact of a deleted call shows the calls that are left. One deleted with its contact needs no more."""
    if isinstance(origin, Call) or getattr(origin, "model", None) is Call:
        retell_person(instance.contact_id, instance.lead_id)
