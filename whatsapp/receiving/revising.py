"""Edits and deletions: rows of their own, and what they make of the message they are about.

Whichever of the two comes first, the message ends up the same: it is revised when it is stored and when something about
it is. Its first words stay in `content`.
"""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from whatsapp.models import Message, Thread
from whatsapp.models.messages import words_of
from whatsapp.receiving.items import as_object, id_of

REVISIONS = ("edit", "revoke")


def about_of(data: Mapping[str, Any]) -> str:
    """Meta's id of the message that this one reacts to, edits, deletes or quotes; "" for none."""
    part = as_object(data.get(str(data.get("type") or "")))
    target = part.get("original_message_id") or part.get("message_id")
    return id_of(target or as_object(data.get("context")).get("id"))


def revise(message: Message) -> None:
    """Bring up to date what `message` is about, or `message` itself by what had come before it.

    Only bubbles are revised: WhatsApp names the first message in every edit, so an edit of an edit is nothing.
    """
    target = Message.objects.filter(message_id=message.about).first() if message.message_type in REVISIONS else message
    if target is None or not target.message_id or not target.is_bubble:
        return
    # Only who wrote a message edits or deletes it.
    revisions = Message.objects.about(target.message_id).filter(
        message_type__in=REVISIONS, thread=target.thread_id, direccion=target.direccion
    )
    told = sorted(revisions, key=lambda revision: (revision.timestamp, revision.message_id or ""))
    newest_edit = next((one for one in reversed(told) if one.message_type == "edit"), None)
    deletion = next((one for one in told if one.message_type == "revoke"), None)
    if newest_edit is None and deletion is None:
        return
    changed: dict[str, Any] = {"deleted_at": deletion.timestamp if deletion else None}
    if newest_edit is not None:
        changed |= {
            "edited_at": newest_edit.timestamp,
            "body": newest_edit.body,
            "search_words": words_of(newest_edit.body),
        }
    Message.objects.filter(pk=target.pk).update(**changed, actualizado_en=timezone.now())


def revise_all(thread: Thread) -> None:
    """After two threads became one: what one says about messages of the other counts now."""
    for revision in Message.objects.filter(thread=thread, message_type__in=REVISIONS):
        revise(revision)
