"""Users and tokens on the staff pages: administrators' business, by the verbs of the API."""

from typing import Any

import pytest
from django.urls import reverse

from crm.models import ApiToken, AuditEntry, User
from tests.factories import PASSWORD, UserFactory
from tests.staff_pages import add_to, at_desk, filled, list_of, messages_of, page_of, text_of

STRONG = "puente-largo-2026"


def save(client: Any, user: User, **typed: Any) -> Any:
    return client.post(page_of(user), filled(client, page_of(user), **typed))


@pytest.mark.sqlite
def test_a_colleague_is_added_with_role_and_password(alice: User) -> None:
    client = at_desk(alice)
    typed = {
        "email": "Nueva@Puente.test",
        "first_name": "Nora",
        "role": "lawyer",
        "is_staff": "on",
        "password1": STRONG,
        "password2": STRONG,
    }
    response = client.post(add_to(User), filled(client, add_to(User), **typed))
    assert response.status_code == 302, text_of(response)
    user = User.objects.get(email="nueva@puente.test")
    assert (user.role, user.is_staff, user.check_password(STRONG)) == ("lawyer", True, True)
    assert AuditEntry.objects.get(action="user.created").actor == alice


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"email": "alice@puente.test"}, "Ya existe un usuario con este correo"),
        ({"email": "ALICE@PUENTE.TEST"}, "Ya existe un usuario con este correo"),
        ({"password1": "corta", "password2": "corta"}, "contraseña"),
        ({"password2": "otra-muy-larga-2026"}, "no coinciden"),
        ({"role": "jefa"}, "Escoja una opción válida"),
    ],
)
def test_a_colleague_who_cannot_be_added_is_told_why(alice: User, typed: dict[str, str], told: str) -> None:
    client = at_desk(alice)
    sound = {"email": "nueva@puente.test", "role": "agent", "password1": STRONG, "password2": STRONG}
    response = client.post(add_to(User), {**sound, **typed})
    assert response.status_code == 200
    assert told.lower() in text_of(response).lower()
    assert User.objects.count() == 1


def test_changes_are_noted_in_the_audit(alice: User, bob: User) -> None:
    assert save(at_desk(alice), bob, role="lawyer").status_code == 302
    bob.refresh_from_db()
    assert bob.role == "lawyer"
    assert AuditEntry.objects.get(action="user.role_changed").details == {"role": "lawyer"}


def test_nobody_takes_away_ones_own_access_here(alice: User) -> None:
    UserFactory(admin=True)
    client = at_desk(alice)
    sent = {**filled(client, page_of(alice)), "role": "agent", "is_active": "", "is_staff": ""}
    assert client.post(page_of(alice), sent).status_code == 302
    alice.refresh_from_db()
    assert (alice.role, alice.is_active, alice.is_staff) == ("admin", True, True)


def test_the_last_administrator_stays_one_and_the_form_says_why(alice: User, monkeypatch: Any) -> None:
    """Nobody can reach this by clicking, as whoever clicks administers; a race of two can."""
    client = at_desk(UserFactory(admin=True))
    monkeypatch.setattr("crm.models.users.UserQuerySet.administrators", lambda self: self.none())
    response = save(client, alice, role="agent")
    assert response.status_code == 200
    assert "administrador" in text_of(response).lower()
    alice.refresh_from_db()
    assert alice.role == "admin"


def test_a_superuser_is_changed_by_superusers_only(alice: User) -> None:
    root = UserFactory(is_superuser=True)
    client = at_desk(alice)
    assert client.post(page_of(root), {"email": "otra@puente.test"}).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[root.pk])
    assert client.post(password, {"password1": STRONG, "password2": STRONG}).status_code == 403
    root.refresh_from_db()
    assert root.check_password(PASSWORD)


def test_no_form_makes_anybody_a_superuser(alice: User, bob: User) -> None:
    save(at_desk(alice), bob, is_superuser="on")
    bob.refresh_from_db()
    assert not bob.is_superuser


def test_a_new_password_is_set_by_the_verb(alice: User, bob: User) -> None:
    client = at_desk(alice)
    url = reverse("admin:auth_user_password_change", args=[bob.pk])
    assert "Contraseña" in text_of(client.get(url))
    assert client.post(url, {"password1": STRONG, "password2": STRONG}).status_code == 302
    bob.refresh_from_db()
    assert bob.check_password(STRONG)
    assert AuditEntry.objects.filter(action="user.password_changed", actor=alice).exists()
    weak = client.post(url, {"password1": "12345678", "password2": "12345678"})
    assert weak.status_code == 200


# --- Tokens -----------------------------------------------------------------------------------


def issue(client: Any, user: User, name: str = "Central telefónica") -> Any:
    return client.post(add_to(ApiToken), {"name": name, "user": str(user.pk)})


@pytest.mark.sqlite
def test_a_tokens_value_is_shown_once_and_opens_the_api(alice: User, bob: User, client: Any) -> None:
    desk = at_desk(alice)
    response = issue(desk, bob)
    assert response.status_code == 200
    value = response.context["value"]
    assert value in text_of(response)
    assert "no-store" in response["Cache-Control"]
    token = ApiToken.objects.get()
    assert (token.user, token.created_by) == (bob, alice)
    for later in (desk.get(list_of(ApiToken)), desk.get(page_of(token))):
        assert value not in later.content.decode()
    me = client.get("/api/auth/me", headers={"authorization": f"Bearer {value}"})
    assert me.json()["email"] == bob.email


def test_a_revoked_token_opens_nothing(alice: User, bob: User, client: Any) -> None:
    desk = at_desk(alice)
    value = issue(desk, bob).context["value"]
    token = ApiToken.objects.get()
    revoke = page_of(token).replace("/change/", "/revoke/")
    assert "al instante" in text_of(desk.get(revoke))
    token.refresh_from_db()
    assert token.revoked_at is None  # asking is not doing
    assert desk.post(revoke, {"_form_submitted": "on"}).status_code == 200
    assert client.get("/api/auth/me", headers={"authorization": f"Bearer {value}"}).status_code == 401
    assert "Revocado" in text_of(desk.get(list_of(ApiToken)))
    assert AuditEntry.objects.filter(action="token.revoked", actor=alice).exists()


def test_only_administrators_issue_and_revoke(bob: User, laura: User) -> None:
    token, _ = ApiToken.issue(user=laura, name="Central")
    revoke = page_of(token).replace("/change/", "/revoke/")
    for user in (bob, laura):
        assert issue(at_desk(user), user).status_code == 403
        assert at_desk(user).post(revoke, {"_form_submitted": "on"}).status_code == 403
    token.refresh_from_db()
    assert token.revoked_at is None
    assert ApiToken.objects.count() == 1


def test_a_token_is_found_by_its_name_and_its_user(alice: User, bob: User) -> None:
    ApiToken.issue(user=bob, name="Central telefónica")
    ApiToken.issue(user=alice, name="Tablero")
    client = at_desk(alice)
    assert client.get(list_of(ApiToken), {"q": "central"}).context["cl"].result_count == 1
    assert client.get(list_of(ApiToken), {"q": "torres"}).context["cl"].result_count == 1


def test_messages_name_the_token_and_not_its_value(alice: User, bob: User) -> None:
    desk = at_desk(alice)
    value = issue(desk, bob).context["value"]
    revoke = page_of(ApiToken.objects.get()).replace("/change/", "/revoke/")
    desk.post(revoke, {"_form_submitted": "on"})
    told = messages_of(desk.get(list_of(ApiToken)))
    assert any("«Central telefónica» ya no vale" in message for message in told)
    assert all(value not in message for message in told)
