"""What administrators do with accounts, and everybody with their own (contracts/crm-client.md 1.3 and 3.6)."""

import csv
import io
from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections
from rest_framework.test import APIClient

from crm.acting import acting_as
from crm.exceptions import Refusal
from crm.models import AuditEntry, User
from crm.models.users import LastAdministrator, OwnAccess
from tests.factories import NOBODYS_ID, PASSWORD, UserFactory

pytestmark = [pytest.mark.django_db]

AsUser = Callable[[User | None], APIClient]

USER_FIELDS = {
    "id", "email", "full_name", "first_name", "last_name", "phone_number", "avatar_url", "photo_avatar_url", "bio",
    "is_active", "is_verified", "is_superuser", "role", "fcm_registered", "last_login", "email_verified_at",
    "created_at", "updated_at",
}  # fmt: skip
NEW_PASSWORD = "otra-clave-muy-larga-8"


def audited(action: str) -> AuditEntry:
    return AuditEntry.objects.get(action=action)


# --- Oneself ----------------------------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.parametrize("path", ["/api/users/me", "/api/users/me/", "/api/auth/me", "/api/v1/auth/me/"])
def test_everybody_reads_their_own_user_in_the_clients_shape(as_user: AsUser, bob: User, path: str) -> None:
    found = as_user(bob).get(path).json()
    assert found.keys() >= USER_FIELDS
    assert (found["id"], found["email"], found["role"]) == (str(bob.pk), "bob@puente.test", "agent")
    assert (found["full_name"], found["first_name"], found["last_name"]) == ("Bob Salas", "Bob", "Salas")
    # The words of the other client.
    assert (found["nombre"], found["apellido"], found["rol"], found["is_admin"]) == ("Bob", "Salas", "agent", False)
    assert found["cargo"] == "Agente"
    assert found["created_at"].endswith("Z")
    assert found["phone_number"] is None


def test_one_changes_ones_own_profile(as_user: AsUser, bob: User) -> None:
    sent = {"full_name": "Roberto Salas Díaz", "phone_number": "+51 999 888 777", "city": "Lima", "bio": ""}
    for path in (f"/api/users/{bob.pk}", "/api/users/me"):
        answer = as_user(bob).patch(path, sent)
        assert answer.status_code == 200, answer.content
        found = answer.json()
        assert (found["first_name"], found["last_name"]) == ("Roberto", "Salas Díaz")
        assert (found["phone_number"], found["city"], found["bio"]) == ("+51 999 888 777", "Lima", None)
    bob.refresh_from_db()
    assert "roberto" in bob.search_words.split()


def test_a_form_that_sends_the_whole_user_back_may(as_user: AsUser, bob: User) -> None:
    whole = as_user(bob).get("/api/users/me").json()
    answer = as_user(bob).patch(f"/api/users/{bob.pk}", {**whole, "city": "Cusco"})
    assert answer.status_code == 200, answer.content
    assert answer.json()["city"] == "Cusco"


@pytest.mark.parametrize("sent", [{"role": "admin"}, {"email": "jefe@puente.test"}, {"is_verified": True}])
def test_one_does_not_raise_oneself(as_user: AsUser, bob: User, sent: dict[str, Any]) -> None:
    answer = as_user(bob).patch(f"/api/users/{bob.pk}", {**sent, "city": "Lima"})
    assert answer.status_code == 403
    bob.refresh_from_db()
    assert (bob.role, bob.email, bob.is_verified, bob.city) == ("agent", "bob@puente.test", False, None)


def test_nobody_becomes_superuser_through_the_api(as_user: AsUser, alice: User, bob: User) -> None:
    for client in (as_user(alice), as_user(bob)):
        assert client.patch(f"/api/users/{bob.pk}", {"is_superuser": True, "is_staff": True}).status_code == 200
    bob.refresh_from_db()
    assert not bob.is_superuser
    assert not bob.is_staff


def test_others_are_none_of_an_agents_business(as_user: AsUser, bob: User, charlie: User) -> None:
    client = as_user(bob)
    path = f"/api/users/{charlie.pk}"
    answers = [
        client.get(path),
        client.patch(path, {"city": "Lima"}),
        client.delete(path),
        client.patch(f"{path}/role", {"role": "admin"}),
        client.patch(f"{path}/status", {"is_active": False}),
        client.patch(f"{path}/password", {"password": NEW_PASSWORD}),
        client.post(f"{path}/reset-password"),
        client.post(f"{path}/impersonate"),
        client.post("/api/users", {"email": "x@puente.test", "full_name": "X", "password": NEW_PASSWORD}),
        client.get("/api/users"),
        client.get("/api/users/export"),
        client.get("/api/users/audit-logs"),
    ]
    assert [answer.status_code for answer in answers] == [403] * len(answers)
    assert all(isinstance(answer.json()["detail"], str) for answer in answers)
    charlie.refresh_from_db()
    assert (charlie.role, charlie.is_active, charlie.city) == ("agent", True, None)


def test_without_a_token_everything_is_401(bob: User) -> None:
    client = APIClient()
    for path in ("/api/users", "/api/users/me", f"/api/users/{bob.pk}", "/api/users/audit-logs", "/api/crm/users"):
        assert client.get(path).status_code == 401


# --- Colleagues -------------------------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.parametrize("prefix", ["/api/crm", "/crm"])
def test_colleagues_are_a_bare_array_by_name(
    as_user: AsUser, alice: User, bob: User, laura: User, oscar: User, prefix: str
) -> None:
    gone = UserFactory(first_name="Zoe", is_active=False)
    found = as_user(bob).get(f"{prefix}/users").json()
    assert [user["name"] for user in found] == ["Alice Torres", "Bob Salas", "Laura Ibáñez", str(gone)]
    assert found[0].keys() == {
        "id", "name", "email", "phone", "role_name", "is_active", "avatar_url", "daily_lead_quota",
        "created_at", "updated_at",
    }  # fmt: skip
    assert [user["role_name"] for user in found] == ["admin", "agent", "lawyer", "agent"]
    active = as_user(bob).get(f"{prefix}/users?is_active=true").json()
    assert [user["name"] for user in active] == ["Alice Torres", "Bob Salas", "Laura Ibáñez"]
    assert [user["name"] for user in as_user(bob).get(f"{prefix}/users?is_active=false").json()] == [str(gone)]


def test_the_session_user_is_the_first_responsible(
    as_user: AsUser, alice: User, bob: User, charlie: User, laura: User, oscar: User
) -> None:
    UserFactory(first_name="Aaron", is_active=False)
    for path in ("/api/crm/users/responsibles", "/api/crm/users/responsibles/?is_active=true"):
        found = as_user(charlie).get(path).json()
        assert [user["name"] for user in found] == ["Charlie Núñez", "Alice Torres", "Bob Salas", "Laura Ibáñez"]


def test_somebody_without_access_sees_no_colleagues(as_user: AsUser, oscar: User) -> None:
    assert as_user(oscar).get("/api/crm/users").status_code == 403
    assert as_user(oscar).get("/api/crm/users/responsibles").status_code == 403


def test_colleagues_cost_the_same_however_many(as_user: AsUser, bob: User, django_assert_num_queries: Any) -> None:
    UserFactory.create_batch(5)
    client = as_user(bob)
    for path in ("/api/crm/users", "/api/crm/users/responsibles"):
        with django_assert_num_queries(2):
            assert len(client.get(path).json()) == 6


# --- The list ---------------------------------------------------------------------------------


@pytest.fixture
def admin(as_user: AsUser, alice: User) -> APIClient:
    return as_user(alice)


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [user["first_name"] for user in answer.json()["items"]]


@pytest.mark.sqlite
def test_the_list_has_the_envelope_and_newest_first(admin: APIClient, bob: User, charlie: User) -> None:
    answer = admin.get("/api/users/?skip=0&limit=2")
    assert names(answer) == ["Charlie", "Bob"]
    found = answer.json()
    assert (found["total"], found["skip"], found["limit"], found["page"], found["total_pages"]) == (3, 0, 2, 1, 2)
    assert found["items"][0].keys() >= USER_FIELDS
    assert names(admin.get("/api/users?page=2&limit=2")) == ["Alice"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("role=agent", {"Bob", "Charlie"}),
        ("role=superuser", {"Root"}),
        ("is_active=false", {"Charlie"}),
        ("is_active=true&role=admin&limit=1000", {"Alice", "Root"}),
        ("is_verified=true", {"Laura"}),
        ("is_lawyer=true", {"Laura"}),
        ("is_lawyer=false&role=agent", {"Bob", "Charlie"}),
        ("nationality=peruana", {"Bob"}),
        ("profession=abog", {"Laura"}),
        ("city=LIMA", {"Bob"}),
        ("lawyer_specialty=extranj", {"Laura"}),
        ("search=nunez", {"Charlie"}),
        ("search=lau+iba", {"Laura"}),
        ("search=bob%40puente.test", {"Bob"}),
        ("last_login_from=2026-02-01T00:00:00Z", {"Bob"}),
        ("last_login_to=2026-01-31T00:00:00Z", {"Laura"}),
        ("created_to=2020-01-01", set()),
        ("created_from=2020-01-01&role=lawyer", {"Laura"}),
        ("view=cards&role=lawyer", {"Laura"}),
    ],
)
def test_the_list_is_narrowed(
    admin: APIClient, bob: User, charlie: User, laura: User, query: str, expected: set[str]
) -> None:
    UserFactory(first_name="Root", admin=True, is_superuser=True)
    bob.edit(nationality="Peruana", city="Lima", last_login="2026-02-02T00:00:00Z")
    charlie.edit(is_active=False)
    laura.edit(
        is_verified=True, profession="Abogada", lawyer_specialty="Extranjería", last_login="2026-01-02T00:00:00Z"
    )
    assert set(names(admin.get(f"/api/users?{query}"))) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort_by=name&sort_order=asc", ["Alice", "Bob", "Charlie"]),
        ("sort_by=name", ["Alice", "Bob", "Charlie"]),
        ("sort_by=email&sort_order=desc", ["Charlie", "Bob", "Alice"]),
        ("sort_by=created_at&sort_order=desc", ["Charlie", "Bob", "Alice"]),
        ("sort_by=last_login&sort_order=desc", ["Bob", "Charlie", "Alice"]),
        ("sort_by=last_login&sort_order=asc", ["Bob", "Alice", "Charlie"]),
        ("sort_by=role&sort_order=asc", ["Alice", "Bob", "Charlie"]),
        ("sort_order=asc", ["Alice", "Bob", "Charlie"]),
    ],
)
def test_the_list_is_sorted(admin: APIClient, bob: User, charlie: User, query: str, expected: list[str]) -> None:
    bob.edit(last_login="2026-02-02T00:00:00Z")
    assert names(admin.get(f"/api/users?{query}")) == expected


@pytest.mark.parametrize(
    "query", ["sort_by=password", "sort_order=up", "role=jefe", "created_from=ayer", "last_login_to=0000-00-00"]
)
def test_a_wrong_filter_is_told(admin: APIClient, query: str) -> None:
    answer = admin.get(f"/api/users?{query}")
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("query", ["search=%00", "city=%00", "skip=-5&limit=0", "skip=x&limit=999999", "is_active=a"])
def test_an_odd_query_is_no_error_of_ours(admin: APIClient, query: str) -> None:
    assert admin.get(f"/api/users?{query}").status_code in (200, 400)


# --- New accounts -----------------------------------------------------------------------------


@pytest.mark.sqlite
def test_an_administrator_creates_a_user_who_can_sign_in(admin: APIClient, alice: User) -> None:
    answer = admin.post(
        "/api/users/",
        {
            "email": "Nueva@Puente.test",
            "full_name": "Nora Vila Paz",
            "password": NEW_PASSWORD,
            "is_active": True,
            "is_verified": True,
            "role": "lawyer",
        },
    )
    assert answer.status_code == 201, answer.content
    found = answer.json()
    assert (found["email"], found["first_name"], found["last_name"]) == ("nueva@puente.test", "Nora", "Vila Paz")
    assert (found["role"], found["is_verified"], found["is_superuser"]) == ("lawyer", True, False)
    login = APIClient().post("/api/auth/login", {"email": "nueva@puente.test", "password": NEW_PASSWORD})
    assert login.status_code == 200
    entry = audited("user.created")
    assert (entry.actor, entry.entity_type, entry.entity_id) == (alice, "users", found["id"])
    assert NEW_PASSWORD not in str(entry.details)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"email": "BOB@puente.test"}, "Ya existe un usuario con este correo."),
        ({"email": "sin arroba"}, "Correo: El email no es válido."),
        ({"email": ""}, "Correo: Este campo es requerido."),
        ({"email": None}, "Correo: Este campo es requerido."),
        ({"password": "corta"}, "Contraseña: Este campo necesita al menos 8 caracteres."),
        ({"password": "x" * 73}, "Contraseña: Este campo admite hasta 72 caracteres."),
        ({"password": "12345678"}, "contraseña"),
        ({"password": "password"}, "contraseña"),
        ({"password": "nueva@puente.test"}, "contraseña"),
        ({"role": "jefe"}, "Rol: No es un valor permitido. Use uno de estos: admin, lawyer, agent, user."),
        ({"role": "superuser"}, "Rol: No es un valor permitido"),
        ({"is_active": "quizás"}, "Activo: Debe ser verdadero o falso."),
        ({"username": "con@arroba"}, "Use solo letras, números, punto, guion y guion bajo."),
        ({"full_name": "A" * 200}, "150"),
        ({"phone_number": "9" * 30}, "Teléfono: Este campo admite hasta 20 caracteres."),
        ({"daily_lead_quota": -1}, "Cupo diario de leads: Debe ser 0 o más."),
        ({"avatar_url": "javascript:alert(1)"}, "dirección web"),
    ],
)
def test_wrong_input_is_one_spanish_sentence_and_stores_nothing(
    admin: APIClient, bob: User, change: dict[str, Any], sentence: str
) -> None:
    sent = {"email": "nueva@puente.test", "full_name": "Nora Vila", "password": NEW_PASSWORD, "role": "agent"}
    answer = admin.post("/api/users/", {**sent, **change})
    assert answer.status_code == 400, answer.content
    assert sentence in answer.json()["detail"]
    assert User.objects.count() == 2
    assert not AuditEntry.objects.exists()


def test_the_password_is_required(admin: APIClient) -> None:
    answer = admin.post("/api/users/", {"email": "nueva@puente.test", "full_name": "Nora"})
    assert answer.json()["detail"] == "Contraseña: Este campo es requerido."
    assert answer.json()["errors"] == {"password": ["Este campo es requerido."]}


# --- Changes by administrators ----------------------------------------------------------------


def test_an_administrator_changes_a_user_and_the_audit_says_what(admin: APIClient, alice: User, bob: User) -> None:
    answer = admin.patch(f"/api/users/{bob.pk}", {"email": "roberto@puente.test", "city": "Lima", "first_name": "Bob"})
    assert answer.status_code == 200
    assert answer.json()["email"] == "roberto@puente.test"
    entry = audited("user.updated")
    assert entry.details == {"email": "roberto@puente.test", "city": "Lima"}
    assert entry.actor == alice


def test_what_does_not_change_leaves_no_trace(admin: APIClient, bob: User) -> None:
    before = bob.updated_at
    assert admin.patch(f"/api/users/{bob.pk}", {}).status_code == 200
    assert admin.patch(f"/api/users/{bob.pk}", {"first_name": "Bob"}).status_code == 200
    bob.refresh_from_db()
    assert bob.updated_at == before
    assert not AuditEntry.objects.exists()


def test_a_taken_email_is_refused_with_a_text(admin: APIClient, bob: User, charlie: User) -> None:
    answer = admin.patch(f"/api/users/{bob.pk}", {"email": "Charlie@puente.test"})
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Ya existe un usuario con este correo."


def test_roles_change_and_take_effect_at_once(admin: APIClient, as_user: AsUser, bob: User) -> None:
    client = as_user(bob)
    assert client.get("/api/users").status_code == 403
    answer = admin.patch(f"/api/users/{bob.pk}/role", {"role": "admin"})
    assert (answer.status_code, answer.json()["role"]) == (200, "admin")
    assert client.get("/api/users").status_code == 200
    assert audited("user.role_changed").details == {"role": "admin"}


@pytest.mark.parametrize("sent", [{}, {"role": ""}, {"role": "jefe"}, {"role": 5}, []])
def test_a_wrong_role_is_refused(admin: APIClient, bob: User, sent: Any) -> None:
    assert admin.patch(f"/api/users/{bob.pk}/role", sent).status_code == 400
    bob.refresh_from_db()
    assert bob.role == "agent"


@pytest.mark.sqlite
def test_a_user_is_switched_off_and_on(admin: APIClient, as_user: AsUser, bob: User) -> None:
    client = as_user(bob)
    assert admin.patch(f"/api/users/{bob.pk}/status", {"is_active": False}).json()["is_active"] is False
    assert client.get("/api/users/me").status_code == 401
    assert admin.patch(f"/api/users/{bob.pk}/status", {"is_active": True}).json()["is_active"] is True
    assert client.get("/api/users/me").status_code == 200
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == [
        "user.deactivated",
        "user.activated",
    ]


def test_deleting_only_deactivates(admin: APIClient, bob: User) -> None:
    for _ in range(2):
        assert admin.delete(f"/api/users/{bob.pk}").status_code == 204
    bob.refresh_from_db()
    assert not bob.is_active
    assert admin.get(f"/api/users/{bob.pk}").json()["is_active"] is False
    assert AuditEntry.objects.filter(action="user.deactivated").count() == 1


@pytest.mark.parametrize("user_id", ["nadie", NOBODYS_ID, "1", "%00", "../me", "me%20"])
def test_an_unknown_user_is_404_in_spanish(admin: APIClient, user_id: str) -> None:
    for method in ("get", "patch", "delete"):
        answer = getattr(admin, method)(f"/api/users/{user_id}", {} if method == "patch" else None)
        assert answer.status_code == 404, answer.content
    assert admin.get(f"/api/users/{uuid4()}").json()["detail"] == "Usuario no encontrado."


# --- Passwords --------------------------------------------------------------------------------


def test_an_administrator_sets_a_password_and_the_old_sessions_end(
    admin: APIClient, as_user: AsUser, bob: User
) -> None:
    session = as_user(bob)
    answer = admin.patch(f"/api/users/{bob.pk}/password", {"password": NEW_PASSWORD})
    assert answer.status_code == 200
    assert "message" in answer.json()
    assert session.get("/api/users/me").status_code == 401
    bob.refresh_from_db()
    assert bob.check_password(NEW_PASSWORD)
    assert NEW_PASSWORD not in str(audited("user.password_changed").details)


@pytest.mark.parametrize("password", ["", "corta", "x" * 73, "12345678", "bob@puente.test", None, ["a"], 12345678])
def test_a_weak_password_is_refused(admin: APIClient, bob: User, password: Any) -> None:
    answer = admin.patch(f"/api/users/{bob.pk}/password", {"password": password})
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)


def test_ones_own_password_asks_for_the_current_one(as_user: AsUser, bob: User) -> None:
    path = f"/api/users/{bob.pk}/password"
    client = as_user(bob)
    for wrong in ({}, {"current_password": "no"}, {"current_password": ""}):
        assert client.patch(path, {"password": NEW_PASSWORD, **wrong}).status_code == 400
    assert client.patch(path, {"password": NEW_PASSWORD, "current_password": PASSWORD}).status_code == 200
    bob.refresh_from_db()
    assert bob.check_password(NEW_PASSWORD)


def test_a_reset_password_is_shown_once_and_works(admin: APIClient, bob: User) -> None:
    headers = {"Idempotency-Key": "reset-1"}
    answer = admin.post(f"/api/users/{bob.pk}/reset-password", headers=headers)
    assert answer.status_code == 200
    password = answer.json()["password"]
    assert password in answer.json()["message"]
    bob.refresh_from_db()
    assert bob.check_password(password)
    again = admin.post(f"/api/users/{bob.pk}/reset-password", headers=headers)
    assert again["Idempotency-Replayed"] == "true"
    assert again.json()["password"] is None
    assert password not in again.content.decode()
    bob.refresh_from_db()
    assert bob.check_password(password)


def test_impersonation_is_honestly_not_there(admin: APIClient, bob: User) -> None:
    answer = admin.post(f"/api/users/{bob.pk}/impersonate")
    assert answer.status_code == 501
    assert answer.json()["detail"] == "Entrar como otro usuario no está disponible."


# --- Somebody must remain ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "suffix", "sent"),
    [
        ("patch", "/role", {"role": "agent"}),
        ("patch", "/status", {"is_active": False}),
        ("patch", "", {"role": "agent"}),
        ("patch", "", {"is_active": False}),
        ("delete", "", None),
    ],
)
def test_nobody_locks_himself_out_even_with_other_administrators(
    admin: APIClient, alice: User, method: str, suffix: str, sent: Any
) -> None:
    UserFactory(admin=True)
    answer = getattr(admin, method)(f"/api/users/{alice.pk}{suffix}", sent)
    assert answer.status_code == 400
    assert answer.json()["code"] == "acceso_propio"
    alice.refresh_from_db()
    assert alice.is_administrator


def test_the_last_active_administrator_stays(alice: User) -> None:
    other = UserFactory(admin=True, is_active=False)
    with acting_as(None):
        for change in ({"role": "agent"}, {"is_active": False}):
            with pytest.raises(LastAdministrator, match="al menos un administrador"):
                alice.edit(**change)
        other.edit(is_active=True)
        alice.edit(is_active=False)
        with pytest.raises(LastAdministrator):
            other.deactivate()


def test_a_superuser_counts_as_administrator(alice: User) -> None:
    root = UserFactory(is_superuser=True)
    alice.edit(role="agent")
    with pytest.raises(LastAdministrator):
        root.edit(is_active=False)


def test_an_agent_does_not_switch_himself_off(bob: User, alice: User) -> None:
    with acting_as(bob), pytest.raises(OwnAccess):
        bob.deactivate()


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_remove_each_other_at_once_leave_one() -> None:
    first, second = UserFactory(admin=True), UserFactory(admin=True)
    barrier = Barrier(2)
    outcomes: list[str] = []

    def remove(victim: User, by: User) -> None:
        try:
            with acting_as(by):
                barrier.wait()
                User.objects.get(pk=victim.pk).deactivate()
            outcomes.append("removed")
        except Refusal as refusal:
            outcomes.append(refusal.code)
        finally:
            connections.close_all()

    threads = [Thread(target=remove, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["removed", "ultimo_administrador"]
    assert User.objects.administrators().count() == 1


@pytest.mark.parametrize("username", ["con@arroba"])
def test_the_database_itself_refuses_an_email_as_user_name(bob: User, username: str) -> None:
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=bob.pk).update(username=username)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=bob.pk).update(role="jefe")
    assert connection.is_usable()


def test_an_administrator_gets_no_hold_of_a_superusers_account(admin: APIClient, as_user: AsUser) -> None:
    root = UserFactory(email="root@puente.test", admin=True, is_superuser=True)
    path = f"/api/users/{root.pk}"
    for answer in (
        admin.patch(path, {"email": "mio@puente.test"}),
        admin.patch(f"{path}/password", {"password": NEW_PASSWORD}),
        admin.post(f"{path}/reset-password"),
        admin.patch(f"{path}/status", {"is_active": False}),
        admin.delete(path),
        admin.post("/api/api-tokens", {"name": "Mío", "user_id": str(root.pk)}),
    ):
        assert answer.status_code == 403
        assert "superusuario" in answer.json()["detail"]
    assert admin.get(path).json()["email"] == "root@puente.test"
    other = UserFactory(is_superuser=True)
    assert as_user(other).patch(path, {"city": "Lima"}).status_code == 200
    assert as_user(root).patch(path, {"city": "Ica"}).status_code == 200
    assert User.objects.get(pk=root.pk).check_password(PASSWORD)


# --- Export -----------------------------------------------------------------------------------


def test_the_export_is_a_sheet_that_runs_no_formula(admin: APIClient, bob: User) -> None:
    bob.edit(first_name="=HYPERLINK(1)", phone_number="+51999888777", city="-1+1")
    answer = admin.get("/api/users/export?format=csv")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/csv")
    assert "attachment" in answer["Content-Disposition"]
    text = answer.content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["email"] for row in rows] == ["alice@puente.test", "bob@puente.test"]
    assert rows[1]["full_name"] == "'=HYPERLINK(1) Salas"
    assert rows[1]["phone_number"] == "'+51999888777"
    assert rows[1]["city"] == "'-1+1"
    assert rows[1]["is_active"] == "sí"
    assert "password" not in rows[0]


def test_the_export_as_json_has_the_users_themselves(admin: APIClient, bob: User) -> None:
    found = admin.get("/api/users/export/?format=json").json()
    assert [user["email"] for user in found] == ["alice@puente.test", "bob@puente.test"]
    assert found[0].keys() >= USER_FIELDS


def test_another_format_is_refused(admin: APIClient) -> None:
    answer = admin.get("/api/users/export?format=pdf")
    assert answer.status_code == 400
    assert "csv" in answer.json()["detail"]


# --- Audit ------------------------------------------------------------------------------------


def test_the_audit_tells_who_did_what_from_where(admin: APIClient, alice: User, bob: User) -> None:
    admin.patch(f"/api/users/{bob.pk}", {"city": "Lima"}, headers={"User-Agent": "Navegador/1.0"})
    answer = admin.get("/api/users/audit-logs?skip=0&limit=50")
    found = answer.json()
    assert (found["total"], found["skip"], found["limit"]) == (1, 0, 50)
    entry = found["items"][0]
    assert entry.keys() == {
        "id", "actor_id", "actor_email", "action", "entity_type", "entity_id", "details", "ip_address",
        "user_agent", "created_at",
    }  # fmt: skip
    assert isinstance(entry["id"], str)
    assert (entry["actor_id"], entry["actor_email"]) == (str(alice.pk), "alice@puente.test")
    assert (entry["action"], entry["entity_type"], entry["entity_id"]) == ("user.updated", "users", str(bob.pk))
    assert entry["details"] == {"city": "Lima"}
    assert (entry["ip_address"], entry["user_agent"]) == ("127.0.0.1", "Navegador/1.0")


def test_the_audit_of_one_user_is_what_they_did_and_what_was_done_to_them(
    admin: APIClient, as_user: AsUser, alice: User, bob: User, charlie: User
) -> None:
    admin.patch(f"/api/users/{bob.pk}", {"city": "Lima"})
    as_user(bob).patch("/api/users/me", {"city": "Cusco"})
    admin.patch(f"/api/users/{charlie.pk}", {"city": "Lima"})
    assert admin.get(f"/api/users/audit-logs?user_id={bob.pk}").json()["total"] == 2
    assert admin.get(f"/api/users/audit-logs?user_id={alice.pk}").json()["total"] == 2
    assert admin.get("/api/users/audit-logs?user_id=nadie").json()["total"] == 0
    assert admin.get("/api/users/audit-logs?action=user.updated").json()["total"] == 3


def test_the_audit_costs_the_same_however_long(admin: APIClient, bob: User, django_assert_num_queries: Any) -> None:
    for city in ("Lima", "Cusco", "Ica"):
        bob.edit(city=city)
    with django_assert_num_queries(2):
        assert len(admin.get("/api/users/audit-logs").json()["items"]) == 3
