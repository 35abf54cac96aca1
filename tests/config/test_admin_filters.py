"""Filters of the staff pages' lists: an id in a hand-made address names nobody whom this person may not see."""

from typing import Any

import pytest
from django.contrib import admin

from crm.admin.filters import AutocompleteSelectFilter
from crm.models import Contact, User
from tests.factories import ContactFactory
from tests.staff_pages import at_desk, list_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def filters_by(related: Any) -> list[tuple[Any, str]]:
    """Every list that can be narrowed to one row of `related`, and the field that names it."""
    return [
        (model, wanted[0])
        for model, pages in admin.site._registry.items()
        for wanted in pages.list_filter
        if isinstance(wanted, tuple) and issubclass(wanted[1], AutocompleteSelectFilter)
        if model._meta.get_field(wanted[0]).related_model is related
    ]


@pytest.mark.parametrize(("model", "field"), [pytest.param(*row, id=row[0].__name__) for row in filters_by(Contact)])
def test_a_contact_of_somebody_else_is_not_named(bob: User, settings: Any, model: Any, field: str) -> None:
    mine = ContactFactory(name="Rosa Peña", responsible_user=bob)
    others = ContactFactory(name="Luis Ramos")
    client = at_desk(bob)

    def named(contact: Contact) -> bool:
        page = client.get(list_of(model), {f"{field}__id__exact": str(contact.pk)})
        assert page.status_code == 200
        return contact.name in page.content.decode()

    assert (named(mine), named(others)) == (True, True)
    settings.CRM_AGENT_SCOPE = "own"
    assert (named(mine), named(others)) == (True, False)
