"""A call provider that fails again and again is left alone, and probed with one call."""

from crm.models.circuits import CircuitBase


class ProviderCircuit(CircuitBase):
    class Meta:
        verbose_name = "proveedor en pausa"
        verbose_name_plural = "proveedores en pausa"
