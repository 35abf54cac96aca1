"""A thread finds its contact by itself on one exact match; otherwise it waits for a person, with suggestions."""

import json
from typing import Any

import pytest

from crm.models import Contact, User
from tests.factories import ContactFactory
from tests.whatsapp.payloads import CUSTOMER, SAMPLES, a_request, sample, text_message
from tests.whatsapp.snapshots import apply_all
from whatsapp.choices import LinkRule, LinkState
from whatsapp.linking import candidates, link, undo_link
from whatsapp.models import Message, MessageCount, Thread, ThreadLink

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

EXPECTED = json.loads((SAMPLES / "latam/expected_links.json").read_text())
COUNTRIES = {"51": "PE", "52": "MX", "54": "AR", "55": "BR", "57": "CO", "56": "CL", "16": "US"}
CASES = [(row, stored) for row in EXPECTED if "file" in row for stored in row["crm_stored_forms"]]


def the_thread() -> Thread:
    return Thread.objects.present().get()


@pytest.mark.parametrize(("row", "stored"), CASES, ids=[f"{row['file']} {stored}" for row, stored in CASES])
def test_latin_american_spellings_find_their_contact(row: dict[str, Any], stored: str) -> None:
    kept = ContactFactory(mobile=stored, country=COUNTRIES[row["wa_id"][:2]])
    apply_all([sample(row["file"])])
    assert the_thread().contact == (kept if row["should_match"] else None)
    assert Message.objects.get().cliente == the_thread().contact


def test_an_argentine_landline_is_suggested_and_not_linked() -> None:
    landline = ContactFactory(mobile=None)
    landline.phones.create(number="+541123456789", key="541123456789", label="landline")
    apply_all([a_request(text_message(wa_id="5491123456789"))])
    assert the_thread().link_state == LinkState.DOUBTFUL
    assert candidates(the_thread()).doubtful == [landline]


def test_two_contacts_with_one_number_are_both_offered_and_none_is_linked() -> None:
    both = {ContactFactory(mobile=f"+{CUSTOMER}"), ContactFactory(mobile=f"+{CUSTOMER}")}
    apply_all([a_request(text_message())])
    assert the_thread().link_state == LinkState.SEVERAL
    assert set(candidates(the_thread()).certain) == both


def test_a_number_inside_a_longer_one_is_another_number() -> None:
    ContactFactory(mobile="15198765432100")
    apply_all([a_request(text_message())])
    assert the_thread().link_state == LinkState.UNKNOWN


def test_a_link_by_number_says_why() -> None:
    kept = ContactFactory(mobile=f"+{CUSTOMER}")
    apply_all([a_request(text_message())])
    made = ThreadLink.objects.get()
    assert (made.contact, made.rule, made.linked_by) == (kept, LinkRule.EXACT_NUMBER, None)
    assert CUSTOMER in made.evidence


def test_a_contact_who_is_filed_later_is_found_by_the_next_message() -> None:
    apply_all([a_request(text_message("uno"))])
    kept = ContactFactory(mobile=f"+{CUSTOMER}")
    apply_all([a_request(text_message("dos"))])
    assert set(Message.objects.values_list("cliente", flat=True)) == {kept.pk}


def test_linking_by_hand_moves_every_message_and_the_counts(alice: User) -> None:
    apply_all([a_request(text_message("uno"), text_message("dos", at=1_790_010_000))])
    kept = ContactFactory()
    link(the_thread(), kept, rule=LinkRule.BY_HAND, by=alice, evidence="Lo dijo por teléfono.")
    assert set(Message.objects.values_list("cliente", flat=True)) == {kept.pk}
    assert MessageCount.objects.totals()["linked"] == 2
    made = ThreadLink.objects.get()
    assert (made.linked_by, made.rule, made.evidence) == (alice, LinkRule.BY_HAND, "Lo dijo por teléfono.")


def test_a_new_message_of_a_linked_thread_is_the_contacts(alice: User) -> None:
    apply_all([a_request(text_message("uno"))])
    kept = ContactFactory()
    link(the_thread(), kept, rule=LinkRule.BY_HAND, by=alice)
    apply_all([a_request(text_message("dos"))])
    assert Message.objects.filter(cliente=kept).count() == 2
    assert MessageCount.objects.totals()["linked"] == 2


def test_an_undone_link_puts_back_who_it_was_before(alice: User) -> None:
    first, second = ContactFactory(mobile=f"+{CUSTOMER}"), ContactFactory()
    apply_all([a_request(text_message())])
    made = link(the_thread(), second, rule=LinkRule.BY_HAND, by=alice)
    undo_link(made, by=alice)
    assert the_thread().contact == first
    assert Message.objects.get().cliente == first


def test_an_undone_link_of_a_rule_is_not_made_again_by_the_rule(alice: User) -> None:
    ContactFactory(mobile=f"+{CUSTOMER}")
    apply_all([a_request(text_message("uno"))])
    undo_link(ThreadLink.objects.get(), by=alice)
    apply_all([a_request(text_message("dos"))])
    assert the_thread().link_state == LinkState.UNLINKED
    assert MessageCount.objects.totals()["linked"] == 0


def test_the_same_link_again_changes_nothing(alice: User) -> None:
    apply_all([a_request(text_message())])
    kept = ContactFactory()
    made = link(the_thread(), kept, rule=LinkRule.BY_HAND, by=alice)
    assert link(the_thread(), kept, rule=LinkRule.BY_HAND, by=alice) == made
    assert ThreadLink.objects.count() == 1


def test_a_merged_contact_takes_its_threads_along(alice: User) -> None:
    from crm.services import merge_contacts

    gone, kept = ContactFactory(mobile=f"+{CUSTOMER}"), ContactFactory()
    apply_all([a_request(text_message())])
    merge_contacts(survivor_id=kept.pk, absorbed_id=gone.pk, by=alice)
    assert the_thread().contact == Contact.objects.get(pk=kept.pk)
    assert Message.objects.get().cliente_id == kept.pk
