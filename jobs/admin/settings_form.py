"""The form of a campaign: its name, when it calls, how often, how much it may spend."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from jobs.admin.wording import WEEKDAYS
from jobs.call_settings import OWN_KEYS, CallSettings, checked_settings
from jobs.choices import Outcome, Priority
from jobs.models import Batch
from jobs.money import MICROS

# What a person may set a wait for; the others are ours to repeat.
RETRIED = (Outcome.NO_ANSWER, Outcome.BUSY, Outcome.VOICEMAIL, Outcome.BRIEF, Outcome.CALL_BACK)
PLACES = (
    ("", "La de cada teléfono"),
    *((zone, zone.replace("_", " ")) for zone in sorted(available_timezones())
      if zone.startswith(("America/", "Europe/", "Atlantic/Canary"))),
)  # fmt: skip


def _whole(label: str, least: int, most: int, *, help_text: str = "", required: bool = True) -> forms.IntegerField:
    widget = UnfoldAdminIntegerFieldWidget(attrs={"min": least, "max": most})
    return forms.IntegerField(
        label=label, min_value=least, max_value=most, required=required, help_text=help_text, widget=widget
    )


CHANGED_MEANWHILE = "Alguien cambió esta campaña mientras usted la miraba. Recargue la página y revise los ajustes."


class BatchForm(forms.Form):
    """Speaks the words of people. `seen` tells what stood there when it was opened: who saves does not overwrite
    what a colleague or a program has changed since, the client of campaigns sends constants now and then."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    name = forms.CharField(label="Nombre", max_length=200, widget=UnfoldAdminTextInputWidget)
    priority = forms.TypedChoiceField(label="Prioridad", choices=Priority, coerce=int, widget=UnfoldAdminSelectWidget)
    description = forms.CharField(
        label="Descripción", required=False, max_length=2_000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )
    opens = forms.TimeField(label="Desde las", widget=UnfoldAdminTextInputWidget(attrs={"type": "time"}))
    closes = forms.TimeField(label="Hasta las", widget=UnfoldAdminTextInputWidget(attrs={"type": "time"}))
    timezone = forms.ChoiceField(
        label="Hora de",
        choices=PLACES,
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="Para los teléfonos que no dicen su zona.",
    )
    weekdays = forms.TypedMultipleChoiceField(
        label="Días",
        choices=[(number, name.capitalize()) for number, name in WEEKDAYS.items()],
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
    )
    on_holidays = forms.BooleanField(
        label="Llamar también en festivos", required=False, widget=UnfoldBooleanSwitchWidget
    )
    max_attempts = _whole("Intentos por persona", 1, 50)
    retry_delay_hours = forms.FloatField(
        label="Horas entre intentos",
        required=False,
        min_value=0,
        max_value=2160,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any", "min": 0}),
        help_text="Vacío: según el resultado.",
    )
    max_call_duration = _whole("Duración máxima (segundos)", 10, 7200)
    ring_timeout = _whole("Tiempo de timbre (segundos)", 5, 300)
    max_concurrent_calls = _whole("Llamadas a la vez", 1, 1000, required=False, help_text="Vacío: las de la cuenta.")
    weekly_calls = _whole(
        "Llamadas por semana a una persona",
        1,
        100,
        required=False,
        help_text="En todas las campañas. Vacío: sin límite.",
    )
    budget = forms.DecimalField(
        label="Presupuesto",
        required=False,
        min_value=0,
        max_digits=12,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any", "min": 0}),
        help_text="Al gastarlo no se llama más. Vacío: sin límite.",
    )
    requires_consent = forms.BooleanField(
        label="Llamar solo a quien dio su consentimiento", required=False, widget=UnfoldBooleanSwitchWidget
    )

    def __init__(self, *args: Any, batch: Batch, **kwargs: Any) -> None:
        self.batch = batch
        kwargs["initial"] = initial_of(batch)
        super().__init__(*args, **kwargs)
        for outcome in RETRIED:
            self.fields[f"retry_{outcome}"] = _whole(
                f"{outcome.label} (minutos)", 0, 60 * 24 * 90, required=False, help_text="Vacío: lo de costumbre."
            )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("seen") != version_of(self.batch):
            self.add_error(None, CHANGED_MEANWHILE)
        if not self.errors:
            try:
                checked_settings(self.given(found), before=self.batch.call_settings)
            except ValidationError as error:
                self.add_error(None, error.messages)
        return found

    @property
    def values(self) -> dict[str, Any]:
        """What the campaign is to be changed to."""
        plain = {name: self.cleaned_data[name] for name in ("name", "priority", "description")}
        return {**plain, "call_settings": self.given(self.cleaned_data)}

    def given(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """What was typed as a client would send it; what is empty takes the key away."""
        retries = {
            **self.batch.call_settings.get("retry_minutes", {}),
            **{str(outcome): found.get(f"retry_{outcome}") for outcome in RETRIED},
        }
        budget = found.get("budget")
        return {
            "allowed_hours": {"start": f"{found['opens']:%H:%M}", "end": f"{found['closes']:%H:%M}"},
            "days_of_week": [day % 7 for day in sorted(found["weekdays"])],
            "budget": None if budget is None else float(budget),
            "retry_minutes": {name: value for name, value in retries.items() if value is not None} or None,
            **{name: found.get(name) for name in _AS_TYPED},
        }

    @property
    def retry_fields(self) -> Iterator[forms.BoundField]:
        return (self[f"retry_{outcome}"] for outcome in RETRIED)


_AS_TYPED = (
    "timezone",
    "max_attempts",
    "retry_delay_hours",
    "max_call_duration",
    "ring_timeout",
    "max_concurrent_calls",
    "weekly_calls",
    "on_holidays",
    "requires_consent",
)


def initial_of(batch: Batch) -> dict[str, Any]:
    settings: CallSettings = batch.settings
    return {
        "seen": version_of(batch),
        "name": batch.name,
        "priority": batch.priority,
        "description": batch.description,
        "opens": f"{settings.opens:%H:%M}",
        "closes": f"{settings.closes:%H:%M}",
        "timezone": settings.timezone,
        "weekdays": sorted(settings.weekdays),
        "on_holidays": settings.on_holidays,
        "max_attempts": settings.max_attempts,
        "retry_delay_hours": _hours(settings.retry_delay),
        "max_call_duration": settings.max_call_duration,
        "ring_timeout": settings.ring_timeout,
        "max_concurrent_calls": settings.max_concurrent_calls,
        "weekly_calls": settings.weekly_calls,
        "budget": None if settings.budget_micros is None else f"{settings.budget_micros / MICROS:.2f}",
        "requires_consent": settings.requires_consent,
        **{f"retry_{name}": round(wait / timedelta(minutes=1)) for name, wait in settings.retry_after.items()},
    }


def version_of(batch: Batch) -> str:
    """Changes with whatever the form shows."""
    told = (batch.name, batch.priority, batch.description, sorted(batch.call_settings.items()))
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _hours(delay: timedelta | None) -> float | None:
    if delay is None:
        return None
    hours = delay / timedelta(hours=1)
    return int(hours) if hours == int(hours) else round(hours, 4)


def as_given_before(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the past as a client would send them now: keys that stood not in them go away again."""
    return {**dict.fromkeys(OWN_KEYS), **stored}
