"""Filters that are not asked for are not built, and those that are behave as if all were."""

from django.http import QueryDict

from crm.api.filters.base import ListFilter
from crm.models import Contact
from opportunities.api.filters import OpportunityFilter
from opportunities.models import Opportunity


def test_only_what_the_request_names_is_built() -> None:
    asked = OpportunityFilter(QueryDict("status=pending&page=2"), queryset=Opportunity.objects.none())
    assert list(asked.filters) == ["status"]
    assert set(OpportunityFilter.base_filters) > {"status", "priority", "search"}, "the class keeps them all"


def test_a_wrong_value_is_still_refused() -> None:
    asked = OpportunityFilter(QueryDict("status=perdida"), queryset=Opportunity.objects.none())
    assert not asked.is_valid()
    assert list(asked.errors) == ["status"]


def test_without_a_request_nothing_is_filtered() -> None:
    class Named(ListFilter):
        class Meta:
            model = Contact
            fields = ("city",)

    assert Named(None, queryset=Contact.objects.none()).filters == {}
