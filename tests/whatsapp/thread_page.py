"""The page of a thread as staff use it: what it shows, its parts, what is done on it."""

from typing import Any

from django.urls import reverse

from tests.staff_pages import page_of, text_of
from whatsapp.bubbles import Bubble, bubbles_of
from whatsapp.models import Message, Thread

BACKGROUND = {"HTTP_HX_REQUEST": "true"}


def act(client: Any, thread: Thread, name: str, /, *, background: bool = False, **typed: Any) -> Any:
    url = reverse("admin:whatsapp_thread_act", args=[thread.pk, name])
    return client.post(url, typed, **(BACKGROUND if background else {}))


def part(client: Any, thread: Thread, name: str, **query: Any) -> Any:
    return client.get(reverse("admin:whatsapp_thread_part", args=[thread.pk, name]), query)


def shown(client: Any, thread: Thread, **query: Any) -> str:
    return text_of(client.get(page_of(thread), query))


def bubble_of(thread: Thread, message: Message) -> Bubble:
    [bubble] = bubbles_of(thread, [message])
    return bubble
