"""The demonstration's conversations (contract section 7): sixty, the same on every machine, and every row adds up.

Rows are written as they would stand after the messages had come and gone one by one: threads with what their lists
show, names, links, statuses, counts, the requests of Meta's behind the newest of them.
"""

from datetime import datetime

from django.conf import settings

from crm.demo import Cast, Story, keep
from whatsapp.demo.events import keep_events
from whatsapp.demo.people import THREADS, people_of
from whatsapp.demo.storing import (
    aliases,
    count,
    keep_messages,
    keep_threads,
    links,
    remember_who_left,
    statuses,
    templates,
)
from whatsapp.demo.telling import tell
from whatsapp.models import BusinessNumber
from whatsapp.simulated import DISPLAY_NUMBER


def load(cast: Cast, now: datetime) -> None:
    """Templates, conversations and what hangs on them, as the ground floor's cast has them."""
    story = Story("whatsapp", now)
    number = BusinessNumber(phone_number_id=settings.WHATSAPP_PHONE_NUMBER_ID, display_number=DISPLAY_NUMBER)
    number.save()
    keep(templates(now))
    people = people_of(story, cast)
    told = [tell(story.about("thread", position), position, people, cast, number) for position in range(THREADS)]
    keep_threads(told)
    keep(alias for one in told for alias in aliases(one))
    keep(link for one in told for link in links(one))
    keep_messages(told)
    keep(status for one in told for message in one.messages for status in statuses(message))
    count(told)
    keep_events(story, told)
    remember_who_left(told)
