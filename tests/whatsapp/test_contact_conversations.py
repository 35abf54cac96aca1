"""GET /api/v1/conversaciones-whatsapp/cliente/{cliente_id}."""

import pytest

from crm.models import User
from crm.services import merge_contacts
from tests.factories import NOBODYS_ID, ContactFactory
from tests.whatsapp.rows import LIST, AsUser, answered, ids, said, thread_with
from whatsapp.choices import LinkRule
from whatsapp.linking import link

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def test_both_halves_of_the_dialogue_newest_first(as_user: AsUser, bob: User) -> None:
    contact, thread = ContactFactory(), thread_with()
    link(thread, contact, rule=LinkRule.BY_HAND, by=bob)
    theirs, ours = said(thread), answered(thread, author="bot")
    said(thread_with("51911111111"))
    answer = as_user(bob).get(f"{LIST}/cliente/{contact.pk}")
    assert ids(answer) == [ours.pk, theirs.pk]
    assert answer.json()["paginacion"] == {"page": 1, "per_page": 50, "total": 2, "pages": 1}


def test_the_page_asks_for_twenty(as_user: AsUser, bob: User) -> None:
    contact, thread = ContactFactory(), thread_with()
    link(thread, contact, rule=LinkRule.BY_HAND, by=bob)
    for _ in range(21):
        said(thread)
    frame = as_user(bob).get(f"{LIST}/cliente/{contact.pk}", {"per_page": 20, "page": 2}).json()["paginacion"]
    assert frame == {"page": 2, "per_page": 20, "total": 21, "pages": 2}


@pytest.mark.parametrize("unknown", [NOBODYS_ID, "7", "undefined"])
def test_an_unknown_contact_has_an_empty_list(as_user: AsUser, bob: User, unknown: str) -> None:
    said(thread_with())
    answer = as_user(bob).get(f"{LIST}/cliente/{unknown}")
    assert (answer.status_code, answer.json()["conversaciones"]) == (200, [])
    assert answer.json()["paginacion"]["pages"] == 0


def test_the_id_of_a_contact_that_was_merged_away_still_means_the_person(as_user: AsUser, alice: User) -> None:
    kept, absorbed, thread = ContactFactory(), ContactFactory(), thread_with()
    link(thread, absorbed, rule=LinkRule.BY_HAND, by=alice)
    message = said(thread)
    merge_contacts(survivor_id=kept.pk, absorbed_id=absorbed.pk, by=alice)
    assert ids(as_user(alice).get(f"{LIST}/cliente/{absorbed.pk}")) == [message.pk]
    assert ids(as_user(alice).get(f"{LIST}/cliente/{kept.pk}")) == [message.pk]
