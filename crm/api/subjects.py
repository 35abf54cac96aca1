"""How calls, tasks and notes name what they are about, in bodies, filters and addresses."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import Q, QuerySet
from rest_framework import serializers

from crm.api.base import Answer, Body, IdField, as_id
from crm.api.filters.base import ListFilter
from crm.api.moments import DateTimeFilter
from crm.choices import EntityType
from crm.exceptions import NotFound
from crm.models import Contact, User
from crm.models.subjects import SUBJECT_FIELDS

# A calendar is not paged. Nobody reads more than this at once, and nobody's server should send more.
CALENDAR_LIMIT = 5_000

_SPELLINGS = [(spelling, spelling) for spelling in SUBJECT_FIELDS]


class SubjectBody(Body):
    """`contacts` or `leads` (the singular is understood) and the id of one of them."""

    entity_type = serializers.ChoiceField(choices=_SPELLINGS)
    entity_id = IdField()


class SubjectAnswer(Answer):
    """The subject as the client reads it; `contact_id` and `contact_name` are the person behind it."""

    id = serializers.UUIDField()
    entity_type = serializers.ChoiceField(choices=EntityType.choices)
    entity_id = serializers.UUIDField()
    contact_id = serializers.UUIDField(source="person_id")
    contact_name = serializers.CharField(source="person_name")


class IdFilter(django_filters.CharFilter):
    """Rows with this id; what is no id (`new`, say) is nobody's, so it finds nothing."""

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        if value in (None, ""):
            return qs
        found = as_id(value)
        return super().filter(qs, found) if found else qs.none()


class SubjectFilter(ListFilter):
    entity_type = django_filters.ChoiceFilter(choices=_SPELLINGS, method="of_type", label="`contacts` o `leads`.")
    entity_id = django_filters.CharFilter(method="of_subject", label="El contacto o lead. `new` no devuelve nada.")

    def of_type(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(**{f"{SUBJECT_FIELDS[value]}__isnull": False})

    def of_subject(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        found, entity_type = as_id(value), self.form.cleaned_data.get("entity_type")
        if found is None:
            return queryset.none()
        if entity_type:
            return queryset.filter(**{f"{SUBJECT_FIELDS[entity_type]}_id": found})
        return queryset.filter(Q(contact_id=found) | Q(lead_id=found))


class ResponsibleFilter(SubjectFilter):
    responsible_user_id = IdFilter(label="El usuario responsable.")


class CalendarFilter(ResponsibleFilter):
    """A calendar asks for its days; a plain date as `end_date` is the whole day."""

    start_date = DateTimeFilter(method="between", label="Desde, incluido.")
    end_date = DateTimeFilter(method="between", is_end=True, label="Hasta, incluido; una fecha es el día entero.")

    moment = "created_at"

    def between(self, queryset: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
        return queryset.filter(**{f"{self.moment}__{'gte' if name == 'start_date' else 'lte'}": value})


def person_or_404(value: Any, user: User) -> UUID:
    """The contact whose rows are asked for: one that `user` may see, by its id, by one that was merged into it, or
    by that of a lead."""
    found = as_id(value)
    contact = Contact.objects.visible_to(user).only("pk").standing_for(found) if found else None
    if contact is None:
        raise NotFound("Contacto no encontrado")
    return contact.pk
