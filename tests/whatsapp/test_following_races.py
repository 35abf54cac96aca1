"""Clicks and workers at the same moment: one lead, one task, one opportunity, one reminder."""

import pytest

from crm.models import Lead, Task, User
from opportunities.models import Opportunity
from tests.crm.racing import at_once
from tests.factories import ContactFactory
from tests.whatsapp.rows import minutes_ago, said, thread_with
from whatsapp import following
from whatsapp.choices import LinkRule
from whatsapp.linking import link
from whatsapp.models import BotSettings, Message, OpeningHours, Thread

pytestmark = pytest.mark.django_db(transaction=True)


def test_who_clicks_four_times_at_once_gets_one_of_each(bob: User) -> None:
    thread = thread_with("51987654321")
    message = said(thread)
    acts = (
        lambda: following.make_lead(Thread.objects.get(pk=thread.pk), by=bob),
        lambda: following.make_task(Message.objects.get(pk=message.pk), by=bob),
        lambda: following.make_opportunity(Message.objects.get(pk=message.pk), by=bob),
    )
    for act in acts:
        assert len({made.pk for made in at_once([act] * 4)}) == 1
    assert (Lead.objects.count(), Task.objects.count(), Opportunity.objects.count()) == (1, 1, 1)


def test_workers_who_look_at_once_raise_one_reminder(bob: User) -> None:
    OpeningHours.objects.all().delete()
    BotSettings.objects.update_or_create(pk=1, defaults={"unanswered_minutes": 60})
    thread = thread_with("51987654321")
    link(thread, ContactFactory(mobile="+51987654321"), rule=LinkRule.EXACT_NUMBER, by=None)
    said(thread, at=minutes_ago(61))
    assert sum(at_once([following.nudge_unanswered] * 6)) == 1
    assert Task.objects.count() == 1
