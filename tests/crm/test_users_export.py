"""The accounts as a sheet."""

import csv
import io
from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from crm.models import User
from tests.crm.accounts import USER_FIELDS

pytestmark = [pytest.mark.django_db]

AsUser = Callable[[User | None], APIClient]


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
