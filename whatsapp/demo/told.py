"""A conversation of the demonstration while it is told."""

from dataclasses import dataclass, field
from uuid import UUID

from crm.demo import Story
from crm.models import User
from whatsapp.models import Media, Message, Thread


@dataclass
class Told:
    """A conversation while it is told: its row, the messages so far, and what goes with them."""

    story: Story
    thread: Thread
    agent: User
    messages: list[Message] = field(default_factory=list)
    media: list[Media] = field(default_factory=list)
    # Which message of the bot answers which of the person's.
    answers: list[tuple[Message, Message]] = field(default_factory=list)
    # Messages of the bot's that leave the person waiting for somebody.
    unsettling: set[UUID] = field(default_factory=set)

    @property
    def newest_inbound(self) -> Message | None:
        return next((one for one in reversed(self.messages) if one.is_written_by_contact), None)
