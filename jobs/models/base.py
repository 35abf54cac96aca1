"""What rows of campaigns have in common: an id of 24 hexadecimal digits, found also by a readable one."""

from typing import Any, ClassVar, Self

from django.db import models

from crm.models.base import BaseModel
from jobs.ids import is_object_id, new_object_id


class EitherId(models.QuerySet[Any]):
    """Rows that clients name by `_id` or by their readable id, as they please (contract section 5)."""

    def named(self, given: str) -> Self:
        if not given.isprintable():  # PostgreSQL has no zero byte in a text
            return self.none()
        if is_object_id(given):
            return self.filter(pk=given.lower())
        return self.filter(**{self.model.readable: given})


class ObjectIdModel(BaseModel):
    readable: ClassVar[str]

    id = models.CharField(primary_key=True, max_length=24, default=new_object_id, editable=False)  # type: ignore[assignment]

    class Meta:
        abstract = True
