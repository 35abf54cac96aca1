"""What every list's filters are made from."""

from typing import Any

from django_filters import Filter
from django_filters import rest_framework as filters


class ListFilter(filters.FilterSet):
    """A FilterSet that only builds the filters which the request names.

    django-filter copies all of them, with their form fields, for each request: a tenth of what a page costs.
    One that is not named would have no value and so filter nothing.
    """

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        declared: dict[str, Filter] = type(self).__dict__["base_filters"]
        self.base_filters = {name: declared[name] for name in declared if data is not None and name in data}
        super().__init__(data, *args, **kwargs)
