"""What workers and pages ask again and again is found in a partial index, also by a plan that PostgreSQL keeps."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from crm.ids import new_id
from crm.literals import Literal
from whatsapp.choices import EventState
from whatsapp.models import Media, Message, Thread, WebhookEvent, WebhookItem

pytestmark = pytest.mark.django_db

QUESTIONS: dict[str, tuple[Callable[[], QuerySet[Any]], str]] = {
    "requests that wait": (lambda: WebhookEvent.objects.waiting().order_by("id"), "whatsapp_event_waiting"),
    "requests that failed": (lambda: WebhookEvent.objects.failed().order_by("-id"), "whatsapp_event_failed"),
    "what a worker holds": (lambda: WebhookEvent.objects.held_by(new_id()), "whatsapp_event_held"),
    "items that failed": (lambda: WebhookItem.objects.failed().newest_first(), "whatsapp_item_failed"),
    "files to fetch": (lambda: Media.objects.due().order_by("next_try_at"), "whatsapp_media_due"),
    "what is about a message": (lambda: Message.objects.about("wamid.1", "wamid.2"), "whatsapp_message_about"),
    "who waits for the bot": (
        lambda: Thread.objects.due_for_bot().order_by("answer_due_at"),
        "whatsapp_thread_bot_due",
    ),
    "who waits for a person": (
        lambda: Thread.objects.present().unanswered().order_by("unanswered_since"),
        "whatsapp_thread_unanswered",
    ),
    "the inbox": (lambda: Thread.objects.present().newest_first()[:50], "whatsapp_thread_newest"),
    "a conversation": (lambda: Message.objects.filter(thread=1).newest_first()[:40], "whatsapp_message_of_thread"),
    "messages without a contact": (
        lambda: Message.objects.filter(cliente__isnull=True).newest_first()[:20],
        "whatsapp_message_unlinked",
    ),
}


@pytest.mark.parametrize("asked", QUESTIONS)
def test_an_index_answers_also_when_the_plan_knows_no_values(asked: str) -> None:
    rows, index = QUESTIONS[asked]
    sql, values = rows().query.sql_with_params()
    numbered = sql
    for position in range(1, len(values) + 1):
        numbered = numbered.replace("%s", f"${position}", 1)
    with connection.cursor() as cursor:
        # An empty table is read whole whatever there is; this asks whether there is another way.
        for setting in ("enable_seqscan = off", "enable_sort = off", "plan_cache_mode = force_generic_plan"):
            cursor.execute(f"SET LOCAL {setting}")
        given = ", ".join("NULL" for _ in values)
        connection.connection.execute(f"PREPARE asked AS {numbered}", prepare=False)
        try:
            plan = connection.connection.execute(f"EXPLAIN EXECUTE asked{f'({given})' if given else ''}", prepare=False)
            told = " ".join(row[0] for row in plan.fetchall())
        finally:
            connection.connection.execute("DEALLOCATE asked", prepare=False)
    assert index in told


def test_only_words_of_our_own_are_written_into_a_statement() -> None:
    assert WebhookEvent.objects.filter(state=Literal(EventState.STORED)).query.sql_with_params()[1] == ()
    with pytest.raises(TypeError):
        Literal("'; DROP TABLE crm_user; --")
