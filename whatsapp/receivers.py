"""What happens to people in the CRM and concerns their conversations. Everything in the transaction of its cause."""

from typing import Any

from django.db.models.signals import post_save

from crm.models import ContactMerge
from whatsapp.linking import follow_undone_merge


def connect() -> None:
    post_save.connect(an_undone_merge_gives_messages_back, sender=ContactMerge, dispatch_uid="whatsapp.merge")


def an_undone_merge_gives_messages_back(
    sender: type[ContactMerge], instance: ContactMerge, raw: bool = False, **kwargs: Any
) -> None:
    """When two contacts are two again, each has the messages of its own conversations, also those written meanwhile."""
    if not raw and instance.undone_at is not None:
        follow_undone_merge(instance)
