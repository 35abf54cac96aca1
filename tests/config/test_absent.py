"""What the client asks for and the product does not have is answered with nothing, in the right shape."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from crm.models import User
from tests.factories import NOBODYS_ID, OpportunityFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

AsUser = Callable[[User | None], APIClient]

ARRAYS = [
    "/crm/pipelines",
    f"/crm/pipelines/{NOBODYS_ID}/stages",
    "/crm/custom-fields",
    "/crm/custom-fields?entity_type=contacts",
    "/crm/custom-field-values?entity_id=1",
    "/pipelines/action-types",
    "/admin/contracts/?skip=0&limit=10",
]
ENVELOPES = [
    "/crm/companies?limit=100",
    "/crm/task-templates?is_active=true",
    f"/pipelines/actions/leads/{NOBODYS_ID}",
    f"/pipelines/actions/contacts/{NOBODYS_ID}/?skip=0&limit=5",
]


@pytest.mark.parametrize("path", ARRAYS)
def test_where_the_client_expects_an_array_it_is_a_bare_one(as_user: AsUser, bob: User, path: str) -> None:
    answer = as_user(bob).get(f"/api{path}")
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("path", ENVELOPES)
def test_elsewhere_it_is_an_empty_envelope(as_user: AsUser, bob: User, path: str) -> None:
    answer = as_user(bob).get(f"/api{path}")
    assert answer.status_code == 200
    found = answer.json()
    assert found.keys() == {"items", "total", "skip", "limit", "page", "total_pages"}
    assert (found["items"], found["total"], found["total_pages"]) == ([], 0, 0)


def test_the_short_prefix_answers_too(as_user: AsUser, bob: User) -> None:
    assert as_user(bob).get("/crm/pipelines").json() == []
    assert as_user(bob).get("/crm/companies").json()["items"] == []


def test_nothing_can_be_made_where_there_is_nothing(as_user: AsUser, alice: User) -> None:
    for path in ("/api/crm/task-templates", "/api/crm/custom-fields", "/api/crm/companies", "/api/crm/pipelines"):
        answer = as_user(alice).post(path, {"name": "X"})
        assert answer.status_code == 405
        assert isinstance(answer.json()["detail"], str)


def test_strangers_and_outsiders_hear_nothing(as_user: AsUser, oscar: User) -> None:
    for path in [*ARRAYS, *ENVELOPES]:
        assert APIClient().get(f"/api{path}").status_code == 401
        assert as_user(oscar).get(f"/api{path}").status_code == 403


def test_the_stage_of_an_opportunity_is_real(as_user: AsUser, bob: User) -> None:
    opportunity = OpportunityFactory()
    found = as_user(bob).get(f"/api/pipelines/stages/leads/{opportunity.pk}").json()
    assert found == {
        "id": str(opportunity.pipeline_stage_id),
        "entity_id": str(opportunity.pk),
        "entity_type": "leads",
        "current_stage": "agent_initial",
        "is_active": True,
    }


@pytest.mark.parametrize("path", [f"leads/{NOBODYS_ID}", "leads/nada", "contacts/{pk}", "otros/{pk}"])
def test_an_unknown_stage_is_404(as_user: AsUser, bob: User, path: str) -> None:
    answer: Any = as_user(bob).get(f"/api/pipelines/stages/{path.format(pk=OpportunityFactory().pk)}")
    assert answer.status_code == 404
    assert answer.json()["detail"]
