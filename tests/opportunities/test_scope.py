"""CRM_AGENT_SCOPE: in `own`, agents see only the opportunities that are theirs."""

import pytest

from crm.models import Contact
from tests.factories import ContactFactory, OpportunityFactory
from tests.opportunities.helpers import PATH, bulk_assign, ids_of, one, state_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def assigned(bob):
    return OpportunityFactory(assigned_to=bob, status="assigned")


@pytest.fixture
def of_my_contact(bob):
    return OpportunityFactory(contact=ContactFactory(responsible_user=bob))


@pytest.fixture
def foreign(charlie):
    return OpportunityFactory(assigned_to=charlie, status="assigned")


def listed(client):
    return {item["id"] for item in client.get(PATH).json()["items"]}


def test_open_shows_agents_everything(as_user, bob, assigned, of_my_contact, foreign):
    assert listed(as_user(bob)) == set(ids_of([assigned, of_my_contact, foreign]))


@pytest.fixture
def own(settings):
    settings.CRM_AGENT_SCOPE = "own"


@pytest.mark.usefixtures("own")
def test_own_shows_agents_what_they_have_and_what_is_of_their_contacts(as_user, bob, assigned, of_my_contact, foreign):
    assert listed(as_user(bob)) == set(ids_of([assigned, of_my_contact]))
    assert as_user(bob).get(PATH).json()["total"] == 2


@pytest.mark.usefixtures("own")
def test_lawyers_and_administrators_see_everything(as_user, alice, laura, assigned, foreign):
    for user in (alice, laura):
        assert listed(as_user(user)) == set(ids_of([assigned, foreign]))


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("method", "act", "body"),
    [
        ("get", "", None),
        ("patch", "", {"notes": "x"}),
        ("put", "", {"notes": "x"}),
        ("post", "assign", {"assigned_to_id": None}),
        ("post", "first-call-attempt", {"attempt_number": 1, "status": "red"}),
        ("get", "assignments", None),
        ("post", "call", {}),
    ],
)
def test_what_is_a_colleagues_is_not_found(as_user, bob, charlie, foreign, method, act, body):
    answer = getattr(as_user(bob), method)(one(foreign, act), body)
    assert (answer.status_code, answer.json()["detail"]) == (404, "Oportunidad no encontrada")
    assert state_of(foreign) == (charlie.pk, "assigned")


@pytest.mark.usefixtures("own")
def test_what_is_mine_i_can_hand_on_and_then_no_longer_see(as_user, bob, charlie, assigned):
    client = as_user(bob)
    assert client.post(one(assigned, "assign"), {"assigned_to_id": str(charlie.pk)}).status_code == 200
    assert client.get(one(assigned)).status_code == 404
    assert as_user(charlie).get(one(assigned)).status_code == 200


@pytest.mark.usefixtures("own")
def test_an_opportunity_opens_its_contact_to_who_has_it(as_user, bob, assigned, foreign):
    visible = Contact.objects.visible_to(bob)
    assert set(visible) == {assigned.contact}
    client = as_user(bob)
    assert client.get(f"/api/crm/contacts/{assigned.contact_id}/opportunities").json()["total"] == 1
    assert client.get(f"/api/crm/contacts/{foreign.contact_id}/opportunities").status_code == 404


@pytest.mark.usefixtures("own")
def test_two_opportunities_of_a_contact_do_not_double_the_contact(bob, assigned):
    OpportunityFactory(contact=assigned.contact, assigned_to=bob)
    assert list(Contact.objects.visible_to(bob)) == [assigned.contact]


@pytest.mark.usefixtures("own")
def test_a_colleagues_opportunity_of_a_shared_contact_stays_a_colleagues(as_user, bob, charlie, assigned):
    OpportunityFactory(contact=assigned.contact, assigned_to=charlie)
    body = as_user(bob).get(f"/api/crm/contacts/{assigned.contact_id}/opportunities").json()
    assert [item["id"] for item in body["items"]] == ids_of([assigned])


@pytest.mark.usefixtures("own")
def test_opportunities_are_made_for_contacts_one_sees(as_user, bob, foreign):
    mine = ContactFactory(responsible_user=bob)
    client = as_user(bob)
    assert client.post(PATH, {"contact_id": str(mine.pk)}).status_code == 201
    assert client.post(PATH, {"contact_id": str(foreign.contact_id)}).status_code == 404


@pytest.mark.usefixtures("own")
def test_administrators_assign_in_bulk_whatever_the_scope(as_user, alice, bob, foreign):
    assert bulk_assign(as_user(alice), ids_of([foreign]), bob).json()["assigned_count"] == 1
