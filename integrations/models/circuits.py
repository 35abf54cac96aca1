"""A destination that does not answer is probed, not hammered, and holds up nobody else."""

from crm.models.circuits import CircuitBase


class Circuit(CircuitBase):
    class Meta:
        verbose_name = "destino en pausa"
        verbose_name_plural = "destinos en pausa"
