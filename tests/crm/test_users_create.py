"""New accounts."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from crm.models import AuditEntry, User
from tests.crm.accounts import NEW_PASSWORD, audited

pytestmark = [pytest.mark.django_db]

AsUser = Callable[[User | None], APIClient]


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
