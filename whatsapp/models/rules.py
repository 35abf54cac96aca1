"""What the bot says and when: data that staff edit, no code (contract section 4)."""

import re
from datetime import time
from typing import Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from crm.constraints import is_one_of
from whatsapp.choices import Audience, RuleAction, Weekday, WhenOpen

LONGEST_ANSWER = 4_096


class BotRuleQuerySet(models.QuerySet["BotRule"]):
    def in_order(self) -> Self:
        return self.order_by("position", "id")

    def active(self) -> Self:
        return self.filter(is_active=True)


class BotRule(models.Model):
    """The first active rule that fits answers. One without keywords and pattern fits everything: it comes last."""

    name = models.CharField("nombre", max_length=100)
    position = models.PositiveSmallIntegerField("orden", default=100)
    is_active = models.BooleanField("activa", default=True)
    audience = models.CharField("para quién", max_length=10, choices=Audience, default=Audience.EVERYBODY)
    when = models.CharField("cuándo", max_length=10, choices=WhenOpen, default=WhenOpen.ALWAYS)
    keywords = models.TextField(
        "palabras clave", blank=True, help_text="Una por línea. Valen palabras enteras, sin importar tildes."
    )
    pattern = models.CharField("patrón", max_length=300, blank=True, help_text="Expresión regular, si hace falta.")
    answer = models.TextField("respuesta", max_length=LONGEST_ANSWER)
    action = models.CharField("qué hace", max_length=10, choices=RuleAction, default=RuleAction.ANSWER)
    created_at = models.DateTimeField("creada", auto_now_add=True)
    updated_at = models.DateTimeField("actualizada", auto_now=True)

    objects = BotRuleQuerySet.as_manager()

    class Meta:
        verbose_name = "regla del bot"
        verbose_name_plural = "reglas del bot"
        constraints = [
            is_one_of("audience", Audience, "whatsapp_rule_audience_is_known"),
            is_one_of("when", WhenOpen, "whatsapp_rule_when_is_known"),
            is_one_of("action", RuleAction, "whatsapp_rule_action_is_known"),
            models.CheckConstraint(
                condition=~Q(answer=""),
                name="whatsapp_rule_says_something",
                violation_error_message="La respuesta es obligatoria.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValidationError({"pattern": f"El patrón no es válido: {error}."}) from None


class BotSettings(models.Model):
    """One row: how the bot behaves, and when an unanswered thread becomes a task."""

    is_on = models.BooleanField("el bot responde", default=True)
    debounce_seconds = models.PositiveSmallIntegerField(
        "espera (s)", default=8, help_text="Cuánto espera a que la persona termine de escribir."
    )
    hourly_cap = models.PositiveSmallIntegerField("respuestas por hora", default=10)
    oldest_minutes = models.PositiveSmallIntegerField(
        "antigüedad máxima (min)", default=15, help_text="A un mensaje más viejo ya no responde el bot."
    )
    takeover_minutes = models.PositiveIntegerField(
        "silencio tras una persona (min)", default=12 * 60, help_text="Cuánto calla cuando alguien ha respondido."
    )
    unanswered_minutes = models.PositiveIntegerField(
        "tarea si nadie responde (min)",
        default=60,
        help_text="Minutos de horario de atención. 0: no se crean tareas.",
    )

    class Meta:
        verbose_name = "ajustes del bot"
        verbose_name_plural = "ajustes del bot"
        constraints = [
            models.CheckConstraint(
                condition=Q(id=1), name="whatsapp_settings_are_one_row", violation_error_message="Los ajustes son uno."
            )
        ]

    def __str__(self) -> str:
        return "Ajustes del bot"

    @classmethod
    def current(cls) -> "BotSettings":
        """The one row; the defaults where nobody has changed any."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)


class OpeningHours(models.Model):
    """When people are there to answer, in the installation's time zone. Several spans a day may be given."""

    weekday = models.PositiveSmallIntegerField("día", choices=Weekday)
    opens = models.TimeField("abre", default=time(9))
    closes = models.TimeField("cierra", default=time(18))

    class Meta:
        verbose_name = "horario de atención"
        verbose_name_plural = "horario de atención"
        constraints = [
            is_one_of("weekday", Weekday, "whatsapp_hours_weekday_is_known"),
            models.CheckConstraint(
                condition=Q(closes__gt=models.F("opens")),
                name="whatsapp_hours_close_after_opening",
                violation_error_message="La hora de cierre es posterior a la de apertura.",
            ),
            models.UniqueConstraint(
                fields=["weekday", "opens"],
                name="whatsapp_hours_open_once",
                violation_error_message="Ese día ya abre a esa hora.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H:%M}–{self.closes:%H:%M}"
