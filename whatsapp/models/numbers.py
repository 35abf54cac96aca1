"""The business numbers that people write to."""

from django.db import models


class BusinessNumber(models.Model):
    """A number of ours, known by Meta's `phone_number_id`. It is made when the first message names it."""

    phone_number_id = models.CharField("id del número", max_length=64, unique=True)
    display_number = models.CharField("número", max_length=40, blank=True)
    created_at = models.DateTimeField("visto desde", auto_now_add=True)

    class Meta:
        verbose_name = "número del negocio"
        verbose_name_plural = "números del negocio"

    def __str__(self) -> str:
        return self.display_number or self.phone_number_id
