"""What the list of messages may be narrowed by (contract section 4)."""

from typing import Any
from uuid import UUID

import django_filters
from django import forms
from django.db.models import QuerySet

from crm.api.base import as_id
from crm.api.filters.base import ListFilter
from crm.api.moments import DateTimeFilter
from crm.models import Contact
from crm.search import search_in_order
from whatsapp import finding
from whatsapp.choices import Direction
from whatsapp.models.messages import MessageQuerySet

YES, NO = ("true", "1", "si", "sí", "yes"), ("false", "0", "no")


class DirectionParameter(forms.Field):
    def to_python(self, value: Any) -> str | None:
        wanted = str(value or "").strip().upper()
        if wanted and wanted not in Direction.values:
            raise forms.ValidationError(f"No es un valor permitido. Use uno de estos: {', '.join(Direction.values)}.")
        return wanted or None


class DirectionFilter(django_filters.Filter):
    field_class = DirectionParameter


class YesOrNoParameter(forms.Field):
    def to_python(self, value: Any) -> bool | None:
        wanted = str(value or "").strip().lower()
        if wanted and wanted not in YES + NO:
            raise forms.ValidationError("No es un valor permitido. Use uno de estos: true, false.")
        return wanted in YES if wanted else None


class YesOrNoFilter(django_filters.Filter):
    field_class = YesOrNoParameter


class MessageFilter(ListFilter):
    """`q` is looked for last: it asks the ordered list how common a word is."""

    cliente_id = django_filters.CharFilter(method="of_contact", label="Los mensajes de un cliente.")
    from_number = django_filters.CharFilter(method="sent_from", label="Contiene; en cualquier escritura del número.")
    direccion = DirectionFilter(field_name="direccion", label="`INBOUND` u `OUTBOUND`, en mayúsculas o minúsculas.")
    desde = DateTimeFilter(field_name="timestamp", lookup_expr="gte", label="Desde, incluido.")
    hasta = DateTimeFilter(
        field_name="timestamp", lookup_expr="lte", is_end=True, label="Hasta, incluido; una fecha es el día entero."
    )
    q = django_filters.CharFilter(method="unchanged", label="Palabras del texto, sin importar tildes; o sus comienzos.")
    sin_cliente = YesOrNoFilter(
        field_name="cliente", lookup_expr="isnull", label="`true`: de nadie conocido; `false`: con cliente."
    )

    def unchanged(self, messages: MessageQuerySet, name: str, value: str) -> MessageQuerySet:
        return messages

    def of_contact(self, messages: MessageQuerySet, name: str, value: str) -> MessageQuerySet:
        contact_id = as_id(value)
        return messages.filter(cliente=contact_meant(contact_id)) if contact_id else messages.none()

    def sent_from(self, messages: MessageQuerySet, name: str, value: str) -> MessageQuerySet:
        condition = finding.from_number(value)
        return messages if condition is None else messages.filter(condition)

    def filter_queryset(self, messages: QuerySet[Any]) -> QuerySet[Any]:
        among: Any = messages
        found: Any = super().filter_queryset(messages)
        typed = self.form.cleaned_data.get("q")
        if not typed:
            return found.newest_first()
        return search_in_order(found.newest_first(), typed, among=among.newest_first())


def contact_meant(contact_id: UUID) -> UUID:
    """The contact that an id stands for now: clients keep the ids of contacts that were merged away."""
    survivor = Contact.objects.filter(pk=contact_id).values_list("merged_into_id", flat=True).first()
    return survivor or contact_id
