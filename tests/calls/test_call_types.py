"""GET /api/crm/call-types and the CRUD of administrators, /api/admin/call-types."""

import pytest

from calls.models import CallType
from tests.factories import NOBODYS_ID, CallFactory, CallTypeFactory

pytestmark = pytest.mark.django_db

OFFERED = "/api/crm/call-types"
MANAGED = "/api/admin/call-types"


@pytest.fixture
def no_types(db):
    CallType.objects.all().delete()


@pytest.mark.sqlite
def test_every_team_starts_with_three_types(as_user, bob):
    answer = as_user(bob).get(OFFERED)
    assert answer.status_code == 200
    assert [(item["code"], item["name"]) for item in answer.json()] == [
        ("primera_llamada", "Primera llamada"),
        ("seguimiento", "Seguimiento"),
        ("venta", "Venta"),
    ]
    assert set(answer.json()[0]) == {"id", "name", "code", "description"}


def test_only_active_ones_are_offered_in_their_order(as_user, bob, no_types):
    CallTypeFactory(code="b", sort_order=2)
    CallTypeFactory(code="a", sort_order=3)
    CallTypeFactory(code="c", sort_order=1)
    CallTypeFactory(code="d", is_active=False)
    assert [item["code"] for item in as_user(bob).get(OFFERED).json()] == ["c", "b", "a"]


def test_administrators_see_all_of_each(as_user, alice, no_types):
    kind = CallTypeFactory(code="cobro", is_active=False)
    said = as_user(alice).get(MANAGED).json()
    assert said["total"] == 1
    assert said["items"][0].keys() == {
        *("id", "name", "code", "description", "is_active", "sort_order", "created_at", "updated_at")
    }
    assert as_user(alice).get(f"{MANAGED}/{kind.pk}").json() == said["items"][0]


def test_a_type_is_made_changed_and_removed(as_user, alice):
    client = as_user(alice)
    made = client.post(MANAGED, {"name": "Cobro", "code": "cobro", "description": "", "sort_order": 7})
    assert made.status_code == 201
    assert (made.json()["is_active"], made.json()["description"]) == (True, None)
    address = f"{MANAGED}/{made.json()['id']}"
    for method in (client.patch, client.put):
        assert method(address, {"name": "Cobranza", "is_active": False}).json()["name"] == "Cobranza"
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404


def test_a_code_is_used_once_and_the_refusal_is_a_sentence(as_user, alice):
    answer = as_user(alice).post(MANAGED, {"name": "Otra", "code": "venta"})
    assert answer.status_code == 400
    assert "código" in answer.json()["detail"]
    assert isinstance(answer.json()["detail"], str)
    kind = CallTypeFactory(code="cobro")
    assert as_user(alice).patch(f"{MANAGED}/{kind.pk}", {"code": "venta"}).status_code == 400


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", "Con Espacios"),
        ("code", "ñandú"),
        ("code", "venta\n"),
        ("code", ""),
        ("code", "x" * 51),
        ("code", None),
        ("name", ""),
        ("name", "   "),
        ("name", "x" * 101),
        ("sort_order", -1),
        ("sort_order", 40000),
        ("is_active", "quizás"),
    ],
)
def test_a_wrong_value_is_refused(as_user, alice, field, value):
    answer = as_user(alice).post(MANAGED, {"name": "Cobro", "code": "cobro", field: value})
    if value == "venta\n":  # white space around a code is dropped; what is left is taken already
        assert answer.status_code == 400
        return
    assert answer.status_code == 400, answer.content
    assert list(answer.json()["errors"]) == [field]


def test_a_used_type_is_kept_and_so_is_its_code(as_user, alice):
    kind = CallTypeFactory(code="cobro")
    CallFactory(call_type=kind)
    refused = as_user(alice).delete(f"{MANAGED}/{kind.pk}")
    assert refused.status_code == 400
    assert "Desactívelo" in refused.json()["detail"]
    assert as_user(alice).patch(f"{MANAGED}/{kind.pk}", {"code": "otro"}).status_code == 400
    assert as_user(alice).patch(f"{MANAGED}/{kind.pk}", {"code": "cobro", "name": "Cobros"}).status_code == 200


@pytest.mark.parametrize("type_id", [NOBODYS_ID, "nada"])
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_an_unknown_type_is_404(as_user, alice, method, type_id):
    assert getattr(as_user(alice), method)(f"{MANAGED}/{type_id}").status_code == 404


def test_only_administrators_manage(as_user, bob, laura, oscar):
    kind = CallTypeFactory()
    for user in (bob, laura, oscar):
        client = as_user(user)
        assert client.get(MANAGED).status_code == 403
        assert client.post(MANAGED, {"name": "X", "code": "x"}).status_code == 403
        assert client.delete(f"{MANAGED}/{kind.pk}").status_code == 403
    assert as_user(None).get(MANAGED).status_code == 401
    assert as_user(None).get(OFFERED).status_code == 401
    assert as_user(oscar).get(OFFERED).status_code == 403
