"""The closed lists of calls."""

from django.db import models


class Direction(models.TextChoices):
    INBOUND = "inbound", "Entrante"
    OUTBOUND = "outbound", "Saliente"


class CallStatus(models.TextChoices):
    COMPLETED = "completed", "Completada"
    ANSWERED = "answered", "Contestada"
    NO_ANSWER = "no_answer", "No contesta"
    BUSY = "busy", "Ocupado"
    MISSED = "missed", "Perdida"
    REJECTED = "rejected", "Rechazada"
    FAILED = "failed", "Fallida"
