"""POST /api/v1/conversaciones-whatsapp/enviar-mensaje: the row first, Meta later; refusals with the way out."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm.models import User
from tests.factories import NOBODYS_ID, ContactFactory
from tests.whatsapp.rows import LIST, AsUser, minutes_ago, said, thread_with
from whatsapp.choices import LinkRule, TemplateStatus
from whatsapp.linking import link
from whatsapp.models import Message, MessageCount, Template, Thread
from whatsapp.signals import graph_request_queued

pytestmark = pytest.mark.django_db

SEND = f"{LIST}/enviar-mensaje"
NUMBER = "51987654321"


@pytest.fixture
def open_thread(number: Any) -> Thread:
    """Somebody without a contact who wrote five minutes ago."""
    thread = thread_with(NUMBER)
    said(thread, at=minutes_ago(5))
    return thread


@pytest.fixture
def greeting(db: None) -> Template:
    return Template.objects.create(
        name="saludo",
        language="es",
        status=TemplateStatus.APPROVED,
        components=[{"type": "BODY", "text": "Hola {{1}}, le saluda el estudio."}],
    )


def outbound() -> Any:
    return Message.objects.outbound()


def test_what_is_sent_is_queued_and_told_as_a_whole_row(as_user: AsUser, bob: User, open_thread: Thread) -> None:
    answer = as_user(bob).post(SEND, {"to_number": "+51 987 654 321", "message": "Buenas tardes"})
    assert answer.status_code == 200, answer.content
    told, message = answer.json(), outbound().get()
    assert told == {
        "success": True,
        "conversacion": as_user(bob).get(f"{LIST}/{message.pk}").json()["conversacion"],
        "cliente_encontrado": False,
        "cliente_id": None,
        "message_id": None,
        "estado": "queued",
    }
    row = told["conversacion"]
    assert (row["direccion"], row["to_number"], row["body"], row["respuesta_enviada"], row["author"]) == (
        "OUTBOUND",
        NUMBER,
        "Buenas tardes",
        True,
        "user",
    )
    assert (message.sent_by, message.thread) == (bob, open_thread)


def test_who_answers_has_read_what_they_answer(as_user: AsUser, bob: User, open_thread: Thread) -> None:
    assert open_thread.unread == 1
    as_user(bob).post(SEND, {"to_number": NUMBER, "message": "Buenas tardes"})
    open_thread.refresh_from_db()
    assert open_thread.unread == 0


def test_metas_request_is_queued_with_it(as_user: AsUser, bob: User, open_thread: Thread) -> None:
    queued: list[dict[str, Any]] = []

    def note(**request: Any) -> None:
        queued.append(request)

    graph_request_queued.connect(note)
    try:
        as_user(bob).post(SEND, {"to_number": NUMBER, "message": "Buenas"})
    finally:
        graph_request_queued.disconnect(note)
    assert [request["body"]["text"]["body"] for request in queued] == ["Buenas"]
    assert queued[0]["body"]["biz_opaque_callback_data"] == str(outbound().get().key)


def test_the_contact_of_the_thread_is_found_by_itself(as_user: AsUser, bob: User, open_thread: Thread) -> None:
    contact = ContactFactory(mobile=f"+{NUMBER}")
    told = as_user(bob).post(SEND, {"to_number": NUMBER, "message": "Buenas"}).json()
    assert (told["cliente_encontrado"], told["cliente_id"]) == (True, str(contact.pk))
    assert told["conversacion"]["cliente_id"] == str(contact.pk)
    open_thread.refresh_from_db()
    assert open_thread.contact == contact


def test_a_named_contact_becomes_that_of_a_thread_without_one(as_user: AsUser, bob: User, open_thread: Thread) -> None:
    contact = ContactFactory(mobile="+51911111111")
    body = {"to_number": NUMBER, "message": "Buenas", "cliente_id": str(contact.pk)}
    told = as_user(bob).post(SEND, body).json()
    assert (told["cliente_encontrado"], told["cliente_id"]) == (True, str(contact.pk))


@pytest.mark.parametrize("unknown", [NOBODYS_ID, 7, "7", "undefined"])
def test_a_contact_that_does_not_exist_hinders_nothing(
    as_user: AsUser, bob: User, open_thread: Thread, unknown: Any
) -> None:
    answer = as_user(bob).post(SEND, {"to_number": NUMBER, "message": "Buenas", "cliente_id": unknown})
    assert (answer.status_code, answer.json()["cliente_encontrado"], outbound().count()) == (200, False, 1)


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_empty_contact_is_none_named(as_user: AsUser, bob: User, open_thread: Thread, nothing: Any) -> None:
    ContactFactory(mobile=f"+{NUMBER}")
    answer = as_user(bob).post(SEND, {"to_number": NUMBER, "message": "Buenas", "cliente_id": nothing})
    assert answer.json()["cliente_encontrado"] is True


def test_after_a_day_it_is_refused_and_the_way_out_is_said(as_user: AsUser, bob: User, number: Any) -> None:
    said(thread_with(NUMBER), at=timezone.now() - timedelta(hours=25))
    answer = as_user(bob).post(SEND, {"to_number": NUMBER, "message": "Buenas"})
    assert (answer.status_code, answer.json()["code"]) == (400, "ventana_cerrada")
    assert "plantilla" in answer.json()["detail"]
    assert "cliente" not in answer.json()["detail"].lower()
    assert not outbound().exists()


def test_somebody_who_never_wrote_gets_only_templates_and_a_refusal_leaves_nothing(
    as_user: AsUser, bob: User, number: Any, greeting: Template
) -> None:
    client = as_user(bob)
    assert client.post(SEND, {"to_number": "51900000001", "message": "Buenas"}).status_code == 400
    assert not Thread.objects.exists()
    told = client.post(SEND, {"to_number": "51900000001", "template": "saludo", "values": ["Ana"]})
    assert told.status_code == 200, told.content
    assert told.json()["conversacion"]["body"] == "Hola Ana, le saluda el estudio."
    assert MessageCount.objects.totals()["outbound"] == 1


@pytest.mark.parametrize(
    "given",
    [
        {"template": "otra"},
        {"template": "saludo", "language": "en"},
        {"template": "saludo", "values": "Ana"},
        {"template": "saludo", "values": [{"a": 1}]},
        {"template": "saludo", "values": []},
        {"template": "saludo", "values": {"body": "Ana"}},
    ],
)
def test_a_template_that_cannot_be_sent_is_refused(
    as_user: AsUser, bob: User, open_thread: Thread, greeting: Template, given: dict[str, Any]
) -> None:
    answer = as_user(bob).post(SEND, {"to_number": NUMBER, **given})
    assert answer.status_code == 400, answer.content
    assert answer.json()["detail"]
    assert not outbound().exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"to_number": NUMBER},
        {"message": "Buenas"},
        {"to_number": NUMBER, "message": "  "},
        {"to_number": NUMBER, "message": "x" * 4097},
        {"to_number": NUMBER, "message": "a\x00b"},
        {"to_number": NUMBER, "message": {"text": "x"}},
        {"to_number": "123", "message": "Buenas"},
        {"to_number": "hola", "message": "Buenas"},
        {"to_number": [NUMBER], "message": "Buenas"},
        [],
    ],
)
def test_bad_input_is_a_sentence_and_stores_nothing(as_user: AsUser, bob: User, open_thread: Thread, body: Any) -> None:
    answer = as_user(bob).post(SEND, body)
    assert answer.status_code == 400, answer.content
    assert isinstance(answer.json()["detail"], str)
    assert "cliente" not in answer.json()["detail"].lower()  # by that word the client opens its form for new ones
    assert not outbound().exists()
    assert Thread.objects.count() == 1


def test_the_same_key_sends_once(as_user: AsUser, bob: User, open_thread: Thread) -> None:
    client, body = as_user(bob), {"to_number": NUMBER, "message": "Buenas"}
    first = client.post(SEND, body, headers={"Idempotency-Key": "abc"})
    again = client.post(SEND, body, headers={"Idempotency-Key": "abc"})
    assert (first.json(), outbound().count()) == (again.json(), 1)


def test_who_hides_their_number_is_answered_by_their_id(as_user: AsUser, bob: User, number: Any) -> None:
    thread = thread_with("PE.13491208655302741918")
    said(thread, at=minutes_ago(5))
    answer = as_user(bob).post(SEND, {"to_number": "PE.13491208655302741918", "message": "Buenas"})
    assert answer.status_code == 200, answer.content
    assert answer.json()["conversacion"]["to_number"] == "PE.13491208655302741918"


def test_who_opted_out_is_left_alone(as_user: AsUser, bob: User, open_thread: Thread) -> None:
    open_thread.change(opted_out_at=timezone.now())
    answer = as_user(bob).post(SEND, {"to_number": NUMBER, "message": "Buenas"})
    assert answer.status_code == 409
    assert not outbound().exists()


def test_a_colleagues_conversation_is_not_written_to_where_agents_see_only_theirs(
    as_user: AsUser, alice: User, bob: User, charlie: User, open_thread: Thread, settings: Any
) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    link(open_thread, ContactFactory(responsible_user=charlie), rule=LinkRule.BY_HAND, by=alice)
    body = {"to_number": NUMBER, "message": "Buenas"}
    refused = as_user(bob).post(SEND, body)
    assert (refused.status_code, outbound().count()) == (403, 0)
    assert "cliente" not in refused.json()["detail"].lower()
    assert as_user(charlie).post(SEND, body).status_code == 200


def test_a_conversation_that_an_agent_begins_is_theirs(
    as_user: AsUser, bob: User, charlie: User, number: Any, greeting: Template, settings: Any
) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    body = {"to_number": "51900000001", "template": "saludo", "values": ["Ana"]}
    assert as_user(bob).post(SEND, body).status_code == 200
    assert as_user(bob).get(LIST).json()["paginacion"]["total"] == 1
    assert as_user(charlie).get(LIST).json()["paginacion"]["total"] == 0
    assert as_user(charlie).post(SEND, body).status_code == 403


def test_strangers_send_nothing(as_user: AsUser, oscar: User, open_thread: Thread) -> None:
    body = {"to_number": NUMBER, "message": "Buenas"}
    assert as_user(None).post(SEND, body).status_code == 401
    assert as_user(oscar).post(SEND, body).status_code == 403
    assert not outbound().exists()
