"""Who may read which message: staff only, and where agents see only what is theirs, only theirs."""

from typing import Any

import pytest

from crm.models import User
from tests.factories import ContactFactory
from tests.whatsapp.rows import LIST, AsUser, ids, said, thread_with
from whatsapp.choices import LinkRule
from whatsapp.linking import link
from whatsapp.models import Message

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def messages(bob: User, charlie: User, alice: User) -> dict[str, Message]:
    """Of Bob's contact, of one of Charlie's, of a thread given to Bob, and of nobody."""
    found = {}
    for position, (name, holder) in enumerate({"bobs": bob, "charlies": charlie}.items()):
        thread = thread_with(f"5191111111{position}")
        link(thread, ContactFactory(responsible_user=holder), rule=LinkRule.BY_HAND, by=alice)
        found[name] = said(thread)
    given = thread_with("51922222222")
    given.change(assigned_to=bob)
    found["given"] = said(given)
    found["nobodys"] = said(thread_with("51933333333"))
    return found


PATHS = ["", "/estadisticas", "/1", "/1/archivo", "/cliente/1", "/numero/51911111111", "/buscar-cliente/51911111111"]
POSTS = ["/enviar-mensaje", "/1/vincular", "/1/desvincular", "/1/tarea", "/1/oportunidad"]


@pytest.mark.parametrize(("method", "path"), [*(("get", path) for path in PATHS), *(("post", path) for path in POSTS)])
def test_strangers_and_outsiders_read_and_do_nothing(as_user: AsUser, oscar: User, method: str, path: str) -> None:
    assert getattr(as_user(None), method)(LIST + path).status_code == 401
    assert getattr(as_user(oscar), method)(LIST + path).status_code == 403


def test_everybody_reads_everything_usually(as_user: AsUser, bob: User, messages: dict[str, Message]) -> None:
    assert len(ids(as_user(bob).get(LIST))) == 4


def test_an_agent_reads_only_what_is_theirs_where_that_is_the_rule(
    as_user: AsUser, alice: User, bob: User, laura: User, messages: dict[str, Message], settings: Any
) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    client = as_user(bob)
    assert set(ids(client.get(LIST))) == {messages["bobs"].pk, messages["given"].pk}
    assert client.get(LIST, {"per_page": 1}).json()["paginacion"]["total"] == 2
    assert client.get(LIST, {"per_page": 1, "direccion": "inbound"}).json()["paginacion"]["total"] == 2
    for name, status in (("bobs", 200), ("given", 200), ("charlies", 404), ("nobodys", 404)):
        assert client.get(f"{LIST}/{messages[name].pk}").status_code == status, name
    foreign = messages["charlies"]
    assert ids(client.get(f"{LIST}/cliente/{foreign.cliente_id}")) == []
    assert ids(client.get(f"{LIST}/numero/{foreign.from_number}")) == []
    assert ids(client.get(LIST, {"from_number": foreign.from_number})) == []
    assert client.post(f"{LIST}/{foreign.pk}/tarea").status_code == 404
    for everybody in (alice, laura):
        assert len(ids(as_user(everybody).get(LIST))) == 4


@pytest.mark.parametrize(("method", "path"), [*(("post", path) for path in PATHS), *(("get", path) for path in POSTS)])
def test_a_wrong_method_is_said_so(as_user: AsUser, bob: User, method: str, path: str) -> None:
    answer = getattr(as_user(bob), method)(LIST + path)
    assert answer.status_code == 405
    assert answer.json()["code"] == "metodo_no_permitido"
