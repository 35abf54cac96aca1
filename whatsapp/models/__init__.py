"""WhatsApp: what arrives, whom it is with, what was said, what is answered."""

from whatsapp.models.aliases import Alias
from whatsapp.models.counts import MessageCount
from whatsapp.models.events import WebhookEvent, WebhookItem
from whatsapp.models.links import ThreadLink
from whatsapp.models.media import Media
from whatsapp.models.messages import Message
from whatsapp.models.numbers import BusinessNumber
from whatsapp.models.rules import BotRule, BotSettings, OpeningHours
from whatsapp.models.statuses import StatusEvent
from whatsapp.models.templates import Template
from whatsapp.models.threads import Thread

__all__ = [
    "Alias",
    "BotRule",
    "BotSettings",
    "BusinessNumber",
    "Media",
    "Message",
    "MessageCount",
    "OpeningHours",
    "StatusEvent",
    "Template",
    "Thread",
    "ThreadLink",
    "WebhookEvent",
    "WebhookItem",
]
