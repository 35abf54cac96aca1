"""GET /api/v1/conversaciones-whatsapp/estadisticas: seven figures, from the hourly counts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import User
from tests.factories import ContactFactory
from tests.whatsapp.rows import LIST, AsUser, answered, said, thread_with
from whatsapp.choices import LinkRule
from whatsapp.linking import link, undo_link
from whatsapp.models import MessageCount

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

FIGURES = f"{LIST}/estadisticas"
NOW = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)


def test_without_messages_all_are_zero(as_user: AsUser, bob: User) -> None:
    names = ("total", "inbound", "outbound", "con_cliente", "sin_cliente", "respuestas_enviadas", "ultimas_24h")
    assert as_user(bob).get(FIGURES).json() == dict.fromkeys(names, 0)


def test_each_figure_is_what_its_name_says(as_user: AsUser, bob: User) -> None:
    known, unknown = thread_with("51911111111"), thread_with("51922222222")
    said(known, respuesta_enviada=True)
    answered(known)
    made = link(known, ContactFactory(), rule=LinkRule.BY_HAND, by=bob)
    said(unknown)
    client = as_user(bob)
    assert client.get(FIGURES).json() == {
        "total": 3,
        "inbound": 2,
        "outbound": 1,
        "con_cliente": 2,
        "sin_cliente": 1,
        "respuestas_enviadas": 2,
        "ultimas_24h": 3,
    }
    undo_link(made, by=bob)
    assert client.get(FIGURES).json()["sin_cliente"] == 3


def test_the_last_day_is_exact_to_the_second(as_user: AsUser, bob: User) -> None:
    thread = thread_with()
    with time_machine.travel(NOW, tick=False):
        for age in (timedelta(hours=24, seconds=1), timedelta(hours=24), timedelta(hours=23, minutes=45), timedelta(0)):
            said(thread, at=NOW - age)
        assert as_user(bob).get(FIGURES).json()["ultimas_24h"] == 3


def test_hours_that_were_folded_into_days_still_count(as_user: AsUser, bob: User) -> None:
    thread = thread_with()
    with time_machine.travel(NOW, tick=False):
        for days in range(6):
            said(thread, at=NOW - timedelta(days=days, hours=1))
        before = as_user(bob).get(FIGURES).json()
        MessageCount.objects.fold()
        assert MessageCount.objects.filter(is_day=True).count() > 1
        assert as_user(bob).get(FIGURES).json() == before
        assert (before["total"], before["ultimas_24h"]) == (6, 1)


def test_an_agent_who_sees_only_what_is_theirs_has_their_own_figures(
    as_user: AsUser, alice: User, bob: User, settings: Any
) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    mine, other = thread_with("51911111111"), thread_with("51922222222")
    link(mine, ContactFactory(responsible_user=bob), rule=LinkRule.BY_HAND, by=alice)
    said(mine)
    answered(mine)
    said(other)
    assert as_user(bob).get(FIGURES).json() == {
        "total": 2,
        "inbound": 1,
        "outbound": 1,
        "con_cliente": 2,
        "sin_cliente": 0,
        "respuestas_enviadas": 1,
        "ultimas_24h": 2,
    }
    assert as_user(alice).get(FIGURES).json()["total"] == 3


def test_figures_are_read_in_two_queries_with_any_number_of_messages(as_user: AsUser, bob: User) -> None:
    thread, client = thread_with(), as_user(bob)
    for _ in range(5):
        said(thread)
    with CaptureQueriesContext(connection) as asked:
        client.get(FIGURES)
    assert len(asked) <= 3  # who asks, the counts, the begun hour
