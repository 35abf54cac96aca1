"""Notes over the API."""

from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from crm.choices import NoteType
from crm.models import Note
from tests.factories import NOBODYS_ID, ContactFactory, LeadFactory, NoteFactory

pytestmark = pytest.mark.django_db

NOTES = "/api/crm/notes"


def body(subject, **fields):
    return {
        "content": "Prefiere las tardes",
        "entity_type": f"{subject._meta.model_name}s",
        "entity_id": str(subject.pk),
        **fields,
    }


def one(note):
    return f"{NOTES}/{note.pk}"


def ids(answer):
    assert answer.status_code == 200, answer.content
    return [item["id"] for item in answer.json()["items"]]


def keys(*notes):
    return [str(note.pk) for note in notes]


# --- Writing ----------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_a_note_is_answered_whole(as_user, bob, charlie):
    contact = ContactFactory()
    sent = body(contact, note_type="system", params={"campo": "ciudad", "de": None}, created_by=str(charlie.pk))
    answer = as_user(bob).post(NOTES, sent)
    assert answer.status_code == 201
    said = answer.json()
    assert said == as_user(bob).get(f"{NOTES}/{said['id']}").json()
    assert UUID(said.pop("id"))
    assert said.pop("created_at").endswith("Z")
    assert said.pop("updated_at").endswith("Z")
    assert said == {
        "note_type": "system",
        "content": "Prefiere las tardes",
        "created_by": str(bob.pk),
        "entity_type": "contacts",
        "entity_id": str(contact.pk),
        "params": {"campo": "ciudad", "de": None},
    }


def test_the_minimum_is_a_comment(as_user, bob):
    said = as_user(bob).post(NOTES, body(ContactFactory())).json()
    assert (said["note_type"], said["params"]) == ("comment", None)
    assert as_user(bob).post(NOTES, body(ContactFactory(), note_type="")).json()["note_type"] == "comment"


@pytest.mark.parametrize("note_type", NoteType.values)
def test_every_type_is_taken(as_user, bob, note_type):
    assert as_user(bob).post(NOTES, body(ContactFactory(), note_type=note_type)).json()["note_type"] == note_type


def test_a_note_may_be_about_a_lead(as_user, bob):
    lead = LeadFactory()
    said = as_user(bob).post(NOTES, body(lead, entity_type="lead")).json()
    assert (said["entity_type"], said["entity_id"]) == ("leads", str(lead.pk))


@pytest.mark.parametrize("field", ["content", "entity_type", "entity_id"])
def test_what_is_required_is_asked_for(as_user, bob, field):
    sent = body(ContactFactory())
    del sent[field]
    answer = as_user(bob).post(NOTES, sent)
    assert answer.status_code == 400
    assert answer.json()["errors"] == {field: ["Este campo es requerido."]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("content", ""),
        ("content", " \n\t "),
        ("content", None),
        ("content", 3.5),
        ("content", {"a": 1}),
        ("note_type", "diary"),
        ("entity_type", "empresa"),
        ("entity_id", "no"),
        ("entity_id", ["x"]),
        ("params", "texto"),
        ("params", [1]),
    ],
)
def test_a_wrong_value_is_refused_and_stores_nothing(as_user, bob, field, value):
    answer = as_user(bob).post(NOTES, body(ContactFactory(), **{field: value}))
    if (field, value) == ("content", 3.5):  # a number is a text to write down
        assert answer.status_code == 201
        return
    assert answer.status_code == 400, answer.content
    assert list(answer.json()["errors"]) == [field]
    assert not Note.objects.exists()


@pytest.mark.parametrize("params", [{"a": "x\x00y"}, {"a\x00": 1}, {"a": [{"b": "\x00"}]}])
def test_what_the_database_cannot_keep_is_refused_too(as_user, bob, params):
    answer = as_user(bob).post(NOTES, body(ContactFactory(), params=params))
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["params"]
    assert not Note.objects.exists()


@pytest.mark.parametrize("sent", [b"{", b"[]", b"null", b""])
def test_a_body_that_is_no_json_object_is_refused(as_user, bob, sent):
    assert as_user(bob).post(NOTES, sent, content_type="application/json").status_code == 400


def test_an_unknown_subject_is_404(as_user, bob, charlie, settings):
    assert as_user(bob).post(NOTES, body(ContactFactory(), entity_id=str(uuid4()))).status_code == 404
    settings.CRM_AGENT_SCOPE = "own"
    assert as_user(bob).post(NOTES, body(ContactFactory(responsible_user=charlie))).status_code == 404


# --- Changing and deleting --------------------------------------------------------------------


@pytest.mark.parametrize("method", ["put", "patch"])
def test_the_author_changes_what_is_named(as_user, bob, charlie, method):
    note = NoteFactory(created_by=bob, note_type="call")
    said = getattr(as_user(bob), method)(
        one(note), {"content": "Mejor de mañana", "created_by": str(charlie.pk)}
    ).json()
    assert (said["content"], said["note_type"], said["created_by"]) == ("Mejor de mañana", "call", str(bob.pk))
    assert said == as_user(bob).get(one(note)).json()


def test_it_may_be_put_to_another_subject(as_user, bob):
    note, contact = NoteFactory(created_by=bob), ContactFactory()
    said = as_user(bob).put(one(note), {"entity_type": "contacts", "entity_id": str(contact.pk)}).json()
    assert said["entity_id"] == str(contact.pk)
    assert as_user(bob).put(one(note), {"entity_id": str(uuid4())}).status_code == 404


def test_blank_content_changes_nothing(as_user, bob):
    note = NoteFactory(created_by=bob)
    assert as_user(bob).put(one(note), {"content": "  ", "note_type": "email"}).status_code == 400
    assert Note.objects.get().note_type == "comment"


def test_an_administrator_changes_and_deletes_any(as_user, alice, bob):
    note = NoteFactory(created_by=bob)
    assert as_user(alice).put(one(note), {"content": "x"}).status_code == 200
    assert as_user(alice).delete(one(note)).status_code == 204
    assert not Note.objects.exists()


def test_a_colleagues_note_is_out_of_an_agents_reach(as_user, bob, charlie):
    note = NoteFactory(created_by=charlie)
    for method in ("get", "put", "patch", "delete"):
        assert getattr(as_user(bob), method)(one(note)).status_code == 404
    assert Note.objects.exists()


def test_a_lawyer_reads_it_but_does_not_touch_it(as_user, laura, bob):
    note = NoteFactory(created_by=bob)
    assert as_user(laura).get(one(note)).status_code == 200
    for method in ("put", "patch", "delete"):
        answer = getattr(as_user(laura), method)(one(note))
        assert answer.status_code == 403
        assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("note_id", [NOBODYS_ID, "nada"])
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_an_unknown_note_is_404(as_user, alice, method, note_id):
    assert getattr(as_user(alice), method)(f"{NOTES}/{note_id}").json()["detail"] == "Nota no encontrada"


def test_without_token_401_and_without_role_403(as_user, oscar):
    note = NoteFactory()
    for user, status in ((None, 401), (oscar, 403)):
        client = as_user(user)
        for answer in (client.get(NOTES), client.post(NOTES, {}), client.get(one(note)), client.delete(one(note))):
            assert answer.status_code == status


# --- Lists ------------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_the_newest_come_first_in_the_envelope(as_user, alice):
    notes = [NoteFactory() for _ in range(3)]
    said = as_user(alice).get(NOTES, {"limit": 2}).json()
    assert [item["id"] for item in said.pop("items")] == keys(notes[2], notes[1])
    assert said == {"total": 3, "skip": 0, "limit": 2, "page": 1, "total_pages": 2}


def test_an_agents_list_is_their_own(as_user, bob, charlie, laura):
    own = NoteFactory(created_by=bob)
    NoteFactory(created_by=charlie)
    assert ids(as_user(bob).get(NOTES)) == keys(own)
    assert len(ids(as_user(laura).get(NOTES))) == 2
    assert ids(as_user(bob).get(NOTES, {"created_by": str(charlie.pk)})) == []


def test_filters_narrow_the_list(as_user, alice, bob):
    wanted = NoteFactory(contact=None, lead=LeadFactory(), note_type="email", created_by=bob)
    NoteFactory()
    for query in (
        {"note_type": "email"},
        {"created_by": str(bob.pk)},
        {"entity_type": "leads"},
        {"entity_id": str(wanted.lead_id)},
    ):
        assert ids(as_user(alice).get(NOTES, query)) == keys(wanted), query
    for nobody in ({"entity_id": "new"}, {"created_by": "undefined"}):
        assert ids(as_user(alice).get(NOTES, nobody)) == []
    assert as_user(alice).get(NOTES, {"note_type": "diary"}).status_code == 400


def test_a_contacts_page_has_everybodys_notes_and_those_of_its_leads(as_user, bob, charlie, settings):
    contact = ContactFactory(responsible_user=charlie)
    notes = [
        NoteFactory(contact=contact, created_by=charlie),
        NoteFactory(contact=None, lead=LeadFactory(contact=contact)),
    ]
    NoteFactory()
    address = f"/api/crm/contacts/{contact.pk}/notes"
    assert ids(as_user(bob).get(address, {"limit": 50})) == keys(*reversed(notes))
    assert as_user(bob).get(f"/api/crm/contacts/{uuid4()}/notes").status_code == 404
    settings.CRM_AGENT_SCOPE = "own"
    assert as_user(bob).get(address).status_code == 404


@pytest.mark.parametrize("address", [NOTES, "contact"])
def test_a_thousand_rows_cost_the_queries_of_ten(as_user, alice, address):
    contact = ContactFactory()
    lead = LeadFactory(contact=contact)
    address = f"/api/crm/contacts/{contact.pk}/notes" if address == "contact" else address

    def queries_with(rows):
        Note.objects.bulk_create(
            Note(contact=None if number % 2 else contact, lead=lead if number % 2 else None, content="x")
            for number in range(rows)
        )
        client = as_user(alice)
        with CaptureQueriesContext(connection) as asked:
            found = client.get(address, {"limit": 1000}).json()["items"]
        return len(asked), len(found)

    few, ten = queries_with(10)
    many, thousand = queries_with(990)
    assert (ten, thousand) == (10, 1000)
    assert many <= few + 1  # a full page is counted, one that is not tells its total itself
    assert many <= 5


def test_the_database_wants_content_and_exactly_one_subject():
    contact = ContactFactory()
    for wrong in (
        {"contact": contact, "content": ""},
        {"contact": None},
        {"contact": contact, "lead": LeadFactory()},
        {"contact": contact, "note_type": "diary"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            NoteFactory(**wrong)
