"""What the client's other pages ask for: /clientes, /usuarios/, /tickets, /comunicaciones under /api/v1."""

import json
from typing import Any

import pytest

from crm.choices import TaskType
from crm.models import Contact, Task, User
from tests.factories import NOBODYS_ID, ContactFactory, TaskFactory
from tests.whatsapp.rows import LIST, AsUser, answered, minutes_ago, said, thread_with
from whatsapp.choices import LinkRule
from whatsapp.linking import link
from whatsapp.models import Message

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

V1 = "/api/v1"
# As the client's form sends it.
FORM = {
    "cedula": "V87654321",
    "nombres": "Pedro Nuevo Cliente",
    "telefono": "+584149998877",
    "email": "p@demo.test",
    "direccion": json.dumps(
        {
            "callePrincipal": "Av Uno",
            "calleTransversal": None,
            "descripcion": None,
            "parroquia": "San Juan",
            "municipio": "Libertador",
            "ciudad": "Caracas",
            "estado": "Distrito Capital",
        }
    ),
    "fecha_nacimiento": "1990-06-05",
    "ocupacion": "Docente",
    "estado": "ACTIVO",
    "notas": "No hay observacion",
}

# --- People -----------------------------------------------------------------------------------


def test_the_form_makes_a_contact_and_reads_it_back(as_user: AsUser, bob: User) -> None:
    client = as_user(bob)
    made = client.post(f"{V1}/clientes", FORM)
    assert made.status_code == 201, made.content
    contact = Contact.objects.get()
    assert (contact.name, contact.document_number, contact.mobile, contact.city, contact.district, contact.state) == (
        "Pedro Nuevo Cliente",
        "V87654321",
        "+584149998877",
        "Caracas",
        "Libertador",
        "Distrito Capital",
    )
    assert contact.address == "Av Uno, San Juan"
    read = client.get(f"{V1}/clientes/{contact.pk}").json()
    assert read == made.json()
    assert {name: read[name] for name in FORM} == FORM
    assert (read["id"], read["usuario_registro"]) == (str(contact.pk), bob.email)
    assert read["fecha_registro"].endswith("Z")


@pytest.mark.parametrize("same", [{"email": "otro@demo.test"}, {"cedula": "V11111111"}])
def test_a_duplicate_is_told_with_the_id_of_who_is_there(as_user: AsUser, bob: User, same: dict[str, str]) -> None:
    client = as_user(bob)
    client.post(f"{V1}/clientes", FORM)
    answer = client.post(f"{V1}/clientes", {**FORM, **same})
    assert answer.status_code == 400
    assert f"ID: {Contact.objects.get().pk}" in answer.json()["detail"]


def test_a_family_shares_a_phone(as_user: AsUser, bob: User) -> None:
    client = as_user(bob)
    client.post(f"{V1}/clientes", FORM)
    assert client.post(f"{V1}/clientes", {**FORM, "cedula": "V11111111", "email": ""}).status_code == 201


@pytest.mark.parametrize(
    "wrong",
    [
        {"cedula": ""},
        {"cedula": "123"},
        {"nombres": "A"},
        {"telefono": "hola"},
        {"email": "x"},
        {"estado": "FINALIZADO"},
        {"fecha_nacimiento": "ayer"},
        {"direccion": "x" * 501},
    ],
)
def test_a_form_with_mistakes_makes_nobody(as_user: AsUser, bob: User, wrong: dict[str, str]) -> None:
    answer = as_user(bob).post(f"{V1}/clientes", {**FORM, **wrong})
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"]
    assert not Contact.objects.exists()


def test_an_address_in_plain_words_is_one_too(as_user: AsUser, bob: User) -> None:
    as_user(bob).post(f"{V1}/clientes", {**FORM, "direccion": "Av Uno 123"})
    assert Contact.objects.get().address == "Av Uno 123"


@pytest.mark.parametrize("unknown", [NOBODYS_ID, "7", "undefined"])
def test_an_unknown_contact_is_404(as_user: AsUser, bob: User, unknown: str) -> None:
    answer = as_user(bob).get(f"{V1}/clientes/{unknown}")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Cliente no encontrado")


def test_a_contact_is_found_before_one_is_made(as_user: AsUser, bob: User) -> None:
    client, address = as_user(bob), f"{V1}/comunicaciones/crear-cliente-automatico"
    made = client.post(address, {"telefono": "51987654321", "nombres": "Luz"}).json()
    assert (made["success"], made["cliente"]["telefono"], made["cliente"]["nombres"]) == (True, "+51987654321", "Luz")
    again = client.post(address, {"telefono": "987 654 321"}).json()
    assert again["cliente"]["id"] == made["cliente"]["id"]
    assert client.post(address, {"email": "solo@correo.test"}).json()["cliente"]["email"] == "solo@correo.test"
    assert client.post(address, {}).status_code == 400
    assert client.post(address, {"telefono": "hola"}).status_code == 400
    assert Contact.objects.count() == 2


def test_colleagues_are_offered_with_and_without_the_slash(as_user: AsUser, bob: User, oscar: User) -> None:
    client = as_user(bob)
    for address in (f"{V1}/usuarios", f"{V1}/usuarios/"):
        told = client.get(address, {"page": 1, "page_size": 100, "is_active": "true"}).json()
        assert [row["email"] for row in told["items"]] == [bob.email]
        assert told["items"][0].items() >= {"id": str(bob.pk), "nombre": "Bob", "apellido": "Salas"}.items()


# --- Tickets ----------------------------------------------------------------------------------


@pytest.fixture
def message(bob: User) -> Message:
    """Of a linked conversation."""
    thread = thread_with()
    link(thread, ContactFactory(name="Luisa"), rule=LinkRule.BY_HAND, by=bob)
    return said(thread, "Quiero una cita")


def ticket(**more: Any) -> dict[str, Any]:
    return {"titulo": "Ticket desde WhatsApp - 51987654321", "descripcion": "Mensaje:\nQuiero una cita", **more}


def test_a_ticket_from_a_conversation_is_a_task_of_its_contact(
    as_user: AsUser, bob: User, charlie: User, message: Message
) -> None:
    body = ticket(
        cliente_id=str(message.cliente_id),
        conversacion_whatsapp_id=message.pk,
        comunicacion_email_id=None,
        tipo="reclamo",
        prioridad="urgente",
        estado="abierto",
        asignado_a="Charlie Núñez",
        asignado_a_id=str(charlie.pk),
        fecha_limite="2026-03-02T12:00:00",
    )
    answer = as_user(bob).post(f"{V1}/tickets", body)
    assert answer.status_code == 200, answer.content
    told, task = answer.json(), Task.objects.get()
    names = ("titulo", "descripcion", "tipo", "prioridad", "estado", "asignado_a", "asignado_a_id", "cliente_id")
    assert {name: told[name] for name in names} == {name: body[name] for name in names}
    assert (told["id"], told["conversacion_whatsapp_id"], told["clienteData"]["nombres"]) == (
        str(task.pk),
        message.pk,
        "Luisa",
    )
    assert (task.contact, task.responsible_user, task.created_by) == (message.cliente, charlie, bob)
    row = as_user(bob).get(f"{LIST}/{message.pk}").json()["conversacion"]
    assert row["ticket_id"] == str(task.pk)


def test_the_same_conversation_makes_one_ticket(as_user: AsUser, bob: User, message: Message) -> None:
    client, body = as_user(bob), ticket(conversacion_whatsapp_id=message.pk)
    assert client.post(f"{V1}/tickets", body).json()["id"] == client.post(f"{V1}/tickets", body).json()["id"]
    assert Task.objects.count() == 1


def test_a_ticket_of_a_contact_without_a_conversation(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory()
    told = as_user(bob).post(f"{V1}/tickets", ticket(cliente_id=str(contact.pk))).json()
    assert (told["cliente_id"], told["conversacion_whatsapp_id"], told["tipo"], told["prioridad"]) == (
        str(contact.pk),
        None,
        "consulta",
        "media",
    )
    assert Task.objects.get().task_type == TaskType.OTHER


def test_a_conversation_without_a_contact_lends_itself_to_the_named_one(as_user: AsUser, bob: User) -> None:
    contact, message = ContactFactory(), said(thread_with())
    body = ticket(cliente_id=str(contact.pk), conversacion_whatsapp_id=message.pk)
    assert as_user(bob).post(f"{V1}/tickets", body).json()["conversacion_whatsapp_id"] == message.pk


@pytest.mark.parametrize(
    ("more", "status", "sentence"),
    [
        ({"cliente_id": NOBODYS_ID}, 404, "Cliente no encontrado"),
        ({"conversacion_whatsapp_id": 999999}, 404, "Conversación no encontrada"),
        ({}, 400, "Indique de qué cliente"),
        ({"tipo": "x"}, 400, "Tipo"),
        ({"titulo": ""}, 400, ""),
        ({"fecha_limite": "ayer"}, 400, ""),
        ({"conversacion_whatsapp_id": "x"}, 400, ""),
    ],
)
def test_a_ticket_of_nobody_is_refused(
    as_user: AsUser, bob: User, more: dict[str, Any], status: int, sentence: str
) -> None:
    answer = as_user(bob).post(f"{V1}/tickets", ticket(**more))
    assert answer.status_code == status, answer.content
    assert sentence in answer.json()["detail"]
    assert not Task.objects.exists()


def test_a_conversation_of_nobody_says_what_to_do(as_user: AsUser, bob: User) -> None:
    answer = as_user(bob).post(f"{V1}/tickets", ticket(conversacion_whatsapp_id=said(thread_with()).pk))
    assert (answer.status_code, answer.json()["code"]) == (400, "sin_cliente")


def test_tickets_are_listed_narrowed_and_closed(as_user: AsUser, alice: User, message: Message) -> None:
    client = as_user(alice)
    made = client.post(f"{V1}/tickets", ticket(conversacion_whatsapp_id=message.pk)).json()
    other = TaskFactory(text="Llamar")

    def listed(**query: Any) -> list[str]:
        found = client.get(f"{V1}/tickets", query).json()
        assert found["paginacion"]["total"] == len(found["tickets"])
        return [row["id"] for row in found["tickets"]]

    assert listed() == [str(other.pk), made["id"]]
    assert listed(cliente_id=str(message.cliente_id)) == [made["id"]]
    assert listed(conversacion_whatsapp_id=message.pk) == [made["id"]]
    assert listed(conversacion_whatsapp_id="x") == []
    assert client.get(f"{V1}/tickets", {"estado": "x"}).status_code == 400
    changed = client.put(f"{V1}/tickets/{made['id']}", {"estado": "cerrado"})
    assert (changed.status_code, changed.json()["estado"]) == (200, "resuelto")
    assert listed(estado="abierto") == [str(other.pk)]
    assert client.get(f"{V1}/tickets/{made['id']}").json() == changed.json()
    assert client.get(f"{V1}/tickets/conversacion/{message.pk}").json() == [changed.json()]
    assert client.get(f"{V1}/tickets/{NOBODYS_ID}").status_code == 404


def test_an_agent_lists_their_own_tickets(as_user: AsUser, bob: User, charlie: User) -> None:
    TaskFactory(responsible_user=charlie)
    assert as_user(bob).get(f"{V1}/tickets").json()["tickets"] == []


# --- Communications ---------------------------------------------------------------------------


def test_messages_are_communications_without_a_subject(as_user: AsUser, bob: User) -> None:
    thread = thread_with()
    old = said(thread, "Antes", at=minutes_ago(9))
    reply = answered(thread, at=minutes_ago(8))
    new = said(thread, "Hola", at=minutes_ago(1))
    told = as_user(bob).get(f"{V1}/comunicaciones", {"page": 1, "per_page": 100}).json()
    assert told["paginacion"] == {"page": 1, "per_page": 100, "total": 3, "pages": 1}
    assert [row["id"] for row in told["comunicaciones"]] == [new.pk, reply.pk, old.pk]
    row = told["comunicaciones"][0]
    assert row.keys() == {
        "id", "tipo", "from_contact", "to_contact", "subject", "body", "timestamp", "direccion", "cliente_id",
        "ticket_id", "requiere_respuesta", "procesado", "respuesta_enviada", "creado_en",
    }  # fmt: skip
    assert (row["tipo"], row["subject"], row["from_contact"], row["body"]) == ("whatsapp", None, "51987654321", "Hola")
    assert [row["requiere_respuesta"] for row in told["comunicaciones"]] == [True, False, False]


def test_those_of_one_contact(as_user: AsUser, bob: User, message: Message) -> None:
    said(thread_with("51911111111"))
    client = as_user(bob)

    def of(contact_id: Any) -> list[int]:
        return [
            row["id"] for row in client.get(f"{V1}/comunicaciones", {"cliente_id": contact_id}).json()["comunicaciones"]
        ]

    assert of(str(message.cliente_id)) == [message.pk]
    assert of("7") == []


def test_what_nobody_has_answered(as_user: AsUser, bob: User) -> None:
    settled, waiting = thread_with("51911111111"), thread_with("51922222222")
    said(settled, at=minutes_ago(5))
    answered(settled)
    first, second = said(waiting, at=minutes_ago(3)), said(waiting, at=minutes_ago(2))
    told = as_user(bob).get(f"{V1}/comunicaciones/por-responder").json()["comunicaciones"]
    assert [row["id"] for row in told] == [second.pk, first.pk]


@pytest.mark.parametrize("path", ["clientes/1", "usuarios", "tickets", "tickets/1", "comunicaciones"])
def test_strangers_and_outsiders_read_nothing(as_user: AsUser, oscar: User, path: str) -> None:
    assert as_user(None).get(f"{V1}/{path}").status_code == 401
    assert as_user(oscar).get(f"{V1}/{path}").status_code == 403
