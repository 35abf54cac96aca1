"""What tests of opportunities ask again and again."""

from typing import Any
from uuid import UUID

from rest_framework.test import APIClient

from crm.models import User
from opportunities.models import Assignment, Opportunity
from tests.factories import NOBODYS_ID

PATH = "/api/crm/opportunities"
NOBODY = NOBODYS_ID


def one(opportunity: Opportunity | UUID | str, act: str = "") -> str:
    """The address of an opportunity, or of an act upon it."""
    found = getattr(opportunity, "pk", opportunity)
    return f"{PATH}/{found}/{act}".rstrip("/")


def ids_of(opportunities: list[Opportunity]) -> list[str]:
    return [str(opportunity.pk) for opportunity in opportunities]


def bulk_assign(client: APIClient, ids: list[Any], to: User | str | None, *, key: str = "", **more: Any) -> Any:
    body = {"opportunity_ids": ids, "assigned_to_id": str(to.pk) if isinstance(to, User) else to, **more}
    headers = {"Idempotency-Key": key} if key else None
    return client.post(f"{PATH}/bulk-assign", body, headers=headers)


def state_of(opportunity: Opportunity) -> tuple[UUID | None, str]:
    """Who has it now and its status, as the database has them."""
    return Opportunity.objects.values_list("assigned_to_id", "status").get(pk=opportunity.pk)


def ledger_of(opportunity: Opportunity | UUID) -> list[Assignment]:
    """The lines of one opportunity, oldest first."""
    found = getattr(opportunity, "pk", opportunity)
    return list(Assignment.objects.filter(opportunity_id=found).order_by("id"))


def everything() -> tuple[list[Any], int]:
    """All opportunities and the length of the ledger, to show that nothing was stored."""
    rows = Opportunity.objects.order_by("pk").values_list("pk", "assigned_to_id", "status", "updated_at")
    return list(rows), Assignment.objects.count()
