"""GET /api/v1/use-cases."""

import pytest

from crm.models import User
from tests.jobs.asking import AsUser

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def test_what_campaigns_are_for(as_user: AsUser, bob: User, oscar: User) -> None:
    found = as_user(bob).get("/api/v1/use-cases").json()
    assert [case["id"] for case in found["use_cases"]] == ["debt_collection", "marketing"]
    assert as_user(None).get("/api/v1/use-cases").status_code == 401
    assert as_user(oscar).get("/api/v1/use-cases").status_code == 403
