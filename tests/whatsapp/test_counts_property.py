"""Whatever is stored, linked, undone, united, refused or given way to: the hourly counts are those of the messages."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from crm import services
from crm.models import Contact, User
from tests.factories import ContactFactory, UserFactory
from tests.whatsapp.payloads import contact, envelope, status, text_message, value_of
from tests.whatsapp.snapshots import apply_all
from whatsapp.choices import Author, Direction, LinkRule
from whatsapp.linking import link, undo_link
from whatsapp.models import BotSettings, Message, MessageCount, Thread
from whatsapp.models.counts import FOLDED_AFTER
from whatsapp.sending import outcomes
from whatsapp.sending.composing import send_text

PEOPLE = ("51911111111", "51922222222", "51933333333")
WORDS = ("Hola", "BAJA", "ALTA", "12345678")
ACTS = st.one_of(
    st.tuples(st.just("says"), st.sampled_from(PEOPLE), st.sampled_from(WORDS), st.integers(0, 100)),
    st.tuples(st.just("echo"), st.sampled_from(PEOPLE), st.integers(0, 5), st.integers(0, 100)),
    st.tuples(st.just("same"), st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)),
    st.tuples(st.just("link"), st.sampled_from(PEOPLE), st.integers(0, 2)),
    st.tuples(st.just("undo"), st.sampled_from(PEOPLE)),
    st.tuples(st.just("answer"), st.sampled_from(PEOPLE), st.booleans()),
    st.tuples(st.just("accepted"), st.integers(0, 5)),
    st.tuples(st.just("refused"), st.integers(0, 5)),
    st.tuples(st.just("status"), st.integers(0, 5), st.sampled_from(("sent", "failed", "delivered"))),
    st.tuples(st.just("merge"), st.integers(0, 2), st.integers(0, 2)),
    st.tuples(st.just("fold")),
)


class Story:
    """What happens to three people and three contacts, one of whom has the first one's number."""

    def __init__(self) -> None:
        self.by: User = UserFactory()
        self.contacts: list[Contact] = [ContactFactory(mobile=f"+{PEOPLE[0]}"), ContactFactory(), ContactFactory()]
        self.now = timezone.now()
        self.number = 0

    def do(self, act: tuple[Any, ...]) -> None:
        getattr(self, act[0])(*act[1:])

    def _at(self, hours_ago: int) -> int:
        self.number += 1
        return int((self.now - timedelta(hours=hours_ago)).timestamp()) - 500 + self.number

    def says(self, wa_id: str, words: str, hours_ago: int) -> None:
        apply_all([envelope(value_of(messages=[text_message(words, wa_id=wa_id, at=self._at(hours_ago))]))])

    def echo(self, wa_id: str, answer: int, hours_ago: int) -> None:
        item = text_message("eco", wa_id="15550783881", at=self._at(hours_ago), to=wa_id, id=f"wamid.A{answer}")
        apply_all([envelope(value_of(message_echoes=[item], contacts=[]), field="smb_message_echoes")])

    def same(self, one: str, other: str) -> None:
        item = text_message("soy yo", wa_id=one, at=self._at(0))
        apply_all([envelope(value_of(messages=[item], contacts=[contact(other)]))])

    def _thread(self, wa_id: str) -> Thread | None:
        return Thread.objects.filter(aliases__value=wa_id).first()

    def link(self, wa_id: str, which: int) -> None:
        chosen = Contact.objects.get(pk=self.contacts[which].pk)
        if (thread := self._thread(wa_id)) is not None and not chosen.is_deleted:
            link(thread, chosen, rule=LinkRule.BY_HAND, by=self.by)

    def undo(self, wa_id: str) -> None:
        if (thread := self._thread(wa_id)) is not None and (made := thread.links.standing().first()) is not None:
            undo_link(made, by=self.by)

    def answer(self, wa_id: str, as_bot: bool) -> None:
        thread = self._thread(wa_id)
        if thread is None or not thread.is_window_open or thread.opted_out_at is not None:
            return
        heard = thread.messages.filter(author=Author.CONTACT, answers__isnull=True).last()
        send_text(thread, "Buenas", author=Author.BOT if as_bot else Author.USER, answers=heard)

    def _ours(self, which: int) -> Message | None:
        ours = Message.objects.filter(author__in=[Author.USER, Author.BOT]).order_by("id")
        return ours[which : which + 1].first()

    def accepted(self, which: int) -> None:
        if (message := self._ours(which)) is not None:
            outcomes.accepted(str(message.key), f"wamid.A{which}", [])

    def refused(self, which: int) -> None:
        if (message := self._ours(which)) is not None:
            outcomes.refused(str(message.key), 131026)

    def status(self, which: int, word: str) -> None:
        apply_all([envelope(value_of(statuses=[status(f"wamid.A{which}", word)]))])

    def merge(self, survivor: int, absorbed: int) -> None:
        pair = [Contact.objects.get(pk=self.contacts[which].pk) for which in (survivor, absorbed)]
        if survivor != absorbed and not any(one.is_deleted for one in pair):
            services.merge_contacts(survivor_id=pair[0].pk, absorbed_id=pair[1].pk, by=self.by)

    def fold(self) -> None:
        MessageCount.objects.fold()


def truth() -> dict[str, int]:
    return {
        "inbound": Message.objects.filter(direccion=Direction.INBOUND).count(),
        "outbound": Message.objects.filter(direccion=Direction.OUTBOUND).count(),
        "linked": Message.objects.filter(cliente__isnull=False).count(),
        "answered": Message.objects.filter(respuesta_enviada=True).count(),
    }


class Counted(TestCase):
    @pytest.mark.slow
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(acts=st.lists(ACTS, min_size=3, max_size=14))
    def test_the_counts_are_those_of_the_messages(self, acts: list[tuple[Any, ...]]) -> None:
        with transaction.atomic():
            BotSettings.objects.update_or_create(pk=1, defaults={"hourly_cap": 100})
            story = Story()
            for act in acts:
                story.do(act)
            assert MessageCount.objects.totals() == truth()
            for thread in Thread.objects.present():
                assert not thread.messages.exclude(cliente=thread.contact_id).exists() or thread.contact_id is None
                assert thread.contact_id or not thread.messages.filter(cliente__isnull=False).exists()
            assert not Message.objects.filter(thread__merged_into__isnull=False).exists()
            transaction.set_rollback(True)


@pytest.mark.django_db
def test_what_is_linked_after_its_hours_were_folded_counts_as_before() -> None:
    story = Story()
    story.says(PEOPLE[1], "Hola", int(FOLDED_AFTER.total_seconds() // 3600) + 40)
    story.fold()
    story.link(PEOPLE[1], 1)
    assert MessageCount.objects.totals() == truth()
    story.fold()
    story.undo(PEOPLE[1])
    assert MessageCount.objects.totals() == truth()
