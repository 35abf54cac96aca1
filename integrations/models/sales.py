"""What was sold at a presence (Venta)."""

from decimal import Decimal
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from crm.constraints import is_one_of
from crm.scope import is_limited
from integrations.choices import JuniorShare, PartnerShare, SaleKind, SaleStatus, SaleTerm
from integrations.models.clients import Cliente
from integrations.models.numbered import Numbered

if TYPE_CHECKING:
    from crm.models import User


class VentaQuerySet(models.QuerySet["Venta"]):
    def visible_to(self, user: "User") -> Self:
        """An agent who sees only their own people sees the sales of presences that they see."""
        if not is_limited(user):
            return self
        from integrations.models.presences import Presencia

        return self.filter(presencia__in=Presencia.objects.visible_to(user).values("pk"))

    def newest_first(self) -> Self:
        return self.order_by("-fecha_venta", "-id")


class Venta(Numbered):
    """A sale as it was reported. Lots and advisers are the sales application's own: here they are text."""

    prefix = "V"

    presencia = models.OneToOneField(
        "integrations.Presencia", on_delete=models.PROTECT, related_name="venta", verbose_name="presencia"
    )
    fecha_venta = models.DateField("fecha de venta")
    lote = models.CharField("lote", max_length=50)
    tipo_venta = models.CharField("tipo de venta", max_length=10, choices=SaleKind)
    plazo_meses_credito = models.PositiveSmallIntegerField("plazo", choices=SaleTerm, default=SaleTerm.NONE)
    valor_lote_venta = models.DecimalField("valor del lote", max_digits=14, decimal_places=2, null=True, blank=True)
    cuota_inicial_requerida = models.DecimalField("cuota inicial", max_digits=14, decimal_places=2, default=Decimal(0))
    precio_dolares = models.DecimalField("precio en dólares", max_digits=14, decimal_places=2, null=True, blank=True)
    tipo_cambio = models.DecimalField("tipo de cambio", max_digits=10, decimal_places=4, null=True, blank=True)
    vendedor_principal = models.CharField("vendedor", max_length=50, null=True, blank=True)
    id_socio_participante = models.CharField("socio participante", max_length=50, null=True, blank=True)
    participacion_junior_venta = models.CharField(
        "participación júnior", max_length=20, choices=JuniorShare, null=True, blank=True
    )
    participacion_socio_venta = models.CharField(
        "participación del socio", max_length=20, choices=PartnerShare, null=True, blank=True
    )
    modalidad_presentacion = models.CharField("modalidad de presentación", max_length=100, null=True, blank=True)
    notas = models.TextField("notas", null=True, blank=True)
    status_venta = models.CharField("estado", max_length=15, choices=SaleStatus, default=SaleStatus.RESERVED)

    objects = VentaQuerySet.as_manager()

    class Meta:
        verbose_name = "venta"
        constraints = [
            is_one_of("tipo_venta", SaleKind, "sale_kind_is_known"),
            is_one_of("status_venta", SaleStatus, "sale_status_is_known"),
            is_one_of("participacion_junior_venta", JuniorShare, "sale_junior_share_is_known"),
            is_one_of("participacion_socio_venta", PartnerShare, "sale_partner_share_is_known"),
            models.CheckConstraint(
                condition=Q(tipo_venta=SaleKind.CASH, plazo_meses_credito=SaleTerm.NONE)
                | Q(tipo_venta=SaleKind.CREDIT, plazo_meses_credito__in=[12, 24, 36]),
                name="sale_term_fits_its_kind",
                violation_error_message="Al contado no hay plazo; a crédito es de 12, 24 o 36 meses.",
            ),
            models.CheckConstraint(
                condition=Q(precio_dolares__isnull=True, tipo_cambio__isnull=True)
                | Q(precio_dolares__isnull=False, tipo_cambio__isnull=False, precio_dolares__gt=0, tipo_cambio__gt=0),
                name="sale_in_dollars_has_a_rate",
                violation_error_message="El precio en dólares y el tipo de cambio van juntos y son mayores que cero.",
            ),
            models.CheckConstraint(
                condition=Q(cuota_inicial_requerida__gte=0) & (Q(valor_lote_venta=None) | Q(valor_lote_venta__gte=0)),
                name="sale_amounts_are_not_negative",
                violation_error_message="Los importes no pueden ser negativos.",
            ),
        ]
        indexes = [models.Index(fields=["-fecha_venta", "-id"], name="sale_newest")]

    def __str__(self) -> str:
        return self.code

    @property
    def cliente(self) -> Cliente:
        return self.presencia.cliente
