"""What the lists of imports and of their rows may be narrowed by."""

import django_filters

from crm.choices import ImportKind, ImportState, RowOutcome


class ImportFilter(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(choices=ImportKind.choices, label="Contactos o leads.")
    state = django_filters.ChoiceFilter(choices=ImportState.choices, label="En qué está.")


class ImportRowFilter(django_filters.FilterSet):
    outcome = django_filters.ChoiceFilter(choices=RowOutcome.choices, label="Qué fue de la fila.")
