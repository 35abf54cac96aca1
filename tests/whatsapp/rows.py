"""Messages for tests of the API, stored as the core stores them: with their counts, their thread moved on."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient

from crm.models import User
from tests.whatsapp.payloads import NUMBER_ID, new_wamid
from whatsapp.choices import Author, Direction, MessageStatus
from whatsapp.models import BusinessNumber, Message, MessageCount, Thread
from whatsapp.receiving.identity import Person, thread_of

AsUser = Callable[[User | None], APIClient]
LIST = "/api/v1/conversaciones-whatsapp"


def thread_with(wa_id: str = "51987654321", *, number_id: str = NUMBER_ID, **person: Any) -> Thread:
    """The thread of who writes from this number; of the one with this id where it has letters."""
    number, _ = BusinessNumber.objects.get_or_create(phone_number_id=number_id)
    names = {"wa_ids": (wa_id,)} if wa_id.isdigit() else {"user_ids": (wa_id,)}
    with transaction.atomic():
        return thread_of(number, Person.known_by(**names, **person), at=timezone.now())


def said(thread: Thread, body: str | None = "Hola", *, at: datetime | None = None, **fields: Any) -> Message:
    """A message of the person."""
    return _store(
        thread,
        message_id=new_wamid(),
        from_number=thread.address or "PE.1",
        to_number=thread.number.phone_number_id,
        direccion=Direction.INBOUND,
        author=Author.CONTACT,
        status=MessageStatus.RECEIVED,
        body=body,
        timestamp=at or timezone.now(),
        **fields,
    )


def answered(thread: Thread, body: str = "Buenas", *, at: datetime | None = None, **fields: Any) -> Message:
    """A message of ours."""
    given: dict[str, Any] = {
        "author": Author.USER,
        "status": MessageStatus.SENT,
        "message_id": new_wamid(),
        "respuesta_enviada": True,
        "procesado": True,
        **fields,
    }
    return _store(
        thread,
        from_number=thread.number.phone_number_id,
        to_number=thread.address,
        direccion=Direction.OUTBOUND,
        body=body,
        timestamp=at or timezone.now(),
        **given,
    )


def _store(thread: Thread, **values: Any) -> Message:
    values.setdefault("cliente_id", thread.contact_id)
    values.setdefault("message_type", "text")
    with transaction.atomic():
        message = Message.objects.create(thread=thread, **values)
        MessageCount.objects.add_message(message)
        locked = thread.lock()
        locked.note(message, answers=message.is_outbound)
    thread.refresh_from_db()
    return message


def minutes_ago(minutes: float) -> datetime:
    return timezone.now() - timedelta(minutes=minutes)


def ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["conversaciones"]]
