"""What the lists of imports and of their rows may be narrowed by."""

import django_filters

from crm.api.filters.base import ListFilter
from crm.choices import ImportKind, ImportState, RowOutcome


class ImportFilter(ListFilter):
    kind = django_filters.ChoiceFilter(choices=ImportKind.choices, label="Contactos o leads.")
    state = django_filters.ChoiceFilter(choices=ImportState.choices, label="En qué está.")


class ImportRowFilter(ListFilter):
    outcome = django_filters.ChoiceFilter(choices=RowOutcome.choices, label="Qué fue de la fila.")
