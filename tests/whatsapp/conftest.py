"""A business number, a person who wrote to it a minute ago, and what Meta would have to know to be believed."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.whatsapp.meta import meta as meta
from tests.whatsapp.payloads import CUSTOMER, DISPLAY, NUMBER_ID, SECRET
from tests.whatsapp.processes import start_worker as start_worker
from whatsapp.choices import Author, Direction, MessageStatus
from whatsapp.models import BusinessNumber, Message, MessageCount, Thread
from whatsapp.receiving.identity import Person, thread_of


@pytest.fixture(autouse=True)
def _whatsapp_settings(settings: Any) -> None:
    settings.WHATSAPP_APP_SECRET = [SECRET]
    settings.WHATSAPP_VERIFY_TOKEN = "token-de-verificacion"
    settings.WHATSAPP_PHONE_NUMBER_ID = NUMBER_ID
    settings.WHATSAPP_BUSINESS_ACCOUNT_ID = "102290129340398"


@pytest.fixture
def number(db: None) -> BusinessNumber:
    return BusinessNumber.objects.create(phone_number_id=NUMBER_ID, display_number=DISPLAY)


@pytest.fixture
def thread(number: BusinessNumber) -> Thread:
    """Somebody without a contact who wrote "Hola" a minute ago: the 24 hours are open, nobody has answered."""
    from django.db import transaction

    at = timezone.now() - timedelta(minutes=1)
    with transaction.atomic():
        found = thread_of(number, Person.known_by(wa_ids=(CUSTOMER,), profile_name="Luz Vega"), at=at)
        message = Message.objects.create(
            message_id="wamid.HOLA",
            thread=found,
            from_number=CUSTOMER,
            to_number=NUMBER_ID,
            message_type="text",
            body="Hola",
            timestamp=at,
            direccion=Direction.INBOUND,
            author=Author.CONTACT,
            status=MessageStatus.RECEIVED,
        )
        MessageCount.objects.add_message(message)
        found.note(message)
    return found
