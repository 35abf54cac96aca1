"""Whom what leaves and what arrives is about: the appointments of the CRM, by the name that both systems know."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import QuerySet, Value
from django.db.models.functions import Cast, Concat

from crm.models import Appointment

if TYPE_CHECKING:
    from crm.models import User


def names_of_appointments(user: "User") -> QuerySet[Appointment, Any]:
    """`CRM-<numero>` of each appointment that `user` may see (crm/scope.py), as a subquery."""
    names = Concat(Value("CRM-"), Cast("numero", models.CharField()))
    return Appointment.objects.visible_to(user).annotate(name=names).values("name")
