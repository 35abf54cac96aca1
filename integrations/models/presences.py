"""When somebody came and what for (Presencia), as the receiving side keeps it."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from crm.constraints import is_one_of
from crm.locks import hold_all
from crm.scope import is_limited
from integrations.choices import CaptureMedium, Modality, PresenceResult, PresenceStatus
from integrations.models.clients import Cliente
from integrations.models.numbered import Numbered
from integrations.models.reach import names_of_appointments
from integrations.models.receptions import Arrival, Recepcion
from integrations.models.sales import Venta

if TYPE_CHECKING:
    from crm.models import User


class PresenciaQuerySet(models.QuerySet["Presencia"]):
    def visible_to(self, user: "User") -> Self:
        """An agent who sees only their own people sees the presences of these, and none that no appointment of the
        CRM is behind; others see all (contract section 1)."""
        if not is_limited(user):
            return self
        return self.filter(id_presencia_crm__in=names_of_appointments(user))

    def with_people(self) -> Self:
        """With the client and the sale, which every answer and list shows."""
        return self.select_related("cliente", "venta")

    def newest_first(self) -> Self:
        return self.order_by("-fecha_hora_presencia", "-id")

    def receive(self, arrival: Arrival) -> "Recepcion":
        """Store what a message says, or bring up to date what it repeats: all of it or, on any error, nothing.

        The same presence is known by its `id_presencia_crm`, exactly. A message without one is a new presence,
        unless the message itself has a name that has been heard before: then the first result is given again.
        """
        with transaction.atomic():
            told = Cliente.told(arrival.client)
            hold_all(_locks(arrival, told))
            if (heard := Recepcion.objects.of(arrival)) is not None:
                return heard
            presence = self._known_by(arrival.id_presencia_crm) or Presencia()
            presence.take_in(arrival, told)
            return Recepcion.write(arrival, presence)

    def _known_by(self, id_presencia_crm: str | None) -> "Presencia | None":
        if id_presencia_crm is None:
            return None
        rows = self.select_for_update(of=("self",), no_key=True)
        return rows.filter(id_presencia_crm=id_presencia_crm).first()


def _locks(arrival: Arrival, told: Cliente) -> Iterator[str]:
    """Everything that two messages could both find missing and both make; held in one order by all."""
    yield from told.identity_locks()
    if arrival.id_presencia_crm:
        yield f"presencia:{arrival.id_presencia_crm}"
    if arrival.message:
        yield f"presencia:mensaje:{arrival.message}"


class Presencia(Numbered):
    prefix = "PRS"

    id_presencia_crm = models.CharField("código del CRM", max_length=100, unique=True, null=True, blank=True)
    cliente = models.ForeignKey(Cliente, on_delete=models.PROTECT, related_name="presencias", verbose_name="cliente")
    fecha_hora_presencia = models.DateTimeField("fecha y hora", default=timezone.now)
    proyecto_interes = models.CharField("proyecto de interés", max_length=255, default="", blank=True)
    lote_interes_inicial = models.CharField("lote de interés", max_length=100, null=True, blank=True)
    asesor_captacion_opc = models.CharField("asesor que captó", max_length=255, null=True, blank=True)
    medio_captacion = models.CharField(
        "medio de captación", max_length=50, choices=CaptureMedium, default=CaptureMedium.OTHER
    )
    modalidad = models.CharField("modalidad", max_length=20, choices=Modality, default=Modality.IN_PERSON)
    status_presencia = models.CharField(
        "estado", max_length=30, choices=PresenceStatus, default=PresenceStatus.ATTENDED
    )
    resultado_interaccion = models.CharField("resultado", max_length=50, choices=PresenceResult, null=True, blank=True)
    observaciones = models.TextField("observaciones", null=True, blank=True)
    # What the last message said of the client: only what differs from it the next time is a correction.
    cliente_recibido = models.JSONField(default=dict, editable=False)

    objects = PresenciaQuerySet.as_manager()

    class Meta:
        verbose_name = "presencia"
        constraints = [
            is_one_of("medio_captacion", CaptureMedium, "presence_medium_is_known"),
            is_one_of("modalidad", Modality, "presence_modality_is_known"),
            is_one_of("status_presencia", PresenceStatus, "presence_status_is_known"),
            is_one_of("resultado_interaccion", PresenceResult, "presence_result_is_known"),
            models.CheckConstraint(
                condition=~Q(id_presencia_crm=""),
                name="presence_crm_id_is_not_blank",
                violation_error_message="El código del CRM no puede estar en blanco.",
            ),
        ]
        indexes = [
            models.Index(fields=["-fecha_hora_presencia", "-id"], name="presence_newest"),
            models.Index(fields=["proyecto_interes", "-fecha_hora_presencia", "-id"], name="presence_by_project"),
            models.Index(fields=["medio_captacion", "-fecha_hora_presencia", "-id"], name="presence_by_medium"),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def sale(self) -> "Venta | None":
        """What was sold at this presence, if anything."""
        return getattr(self, "venta", None)

    def take_in(self, arrival: Arrival, told: Cliente) -> None:
        """Become what the message says: the client first, then the presence, then the sale."""
        said = {name: str(value) for name, value in arrival.client.items()}
        self.put(
            {
                **arrival.presence,
                "cliente": self._client_of(told, said),
                "cliente_recibido": {**self.cliente_recibido, **said},
            }
        )
        if arrival.sale is not None:
            self.record_sale(arrival.sale)

    def _client_of(self, told: Cliente, said: Mapping[str, str]) -> Cliente:
        so_far = None if self._state.adding else self.cliente
        found = Cliente.objects.meant_by(told, so_far=so_far)
        if found is None:
            told.save(force_insert=True)
            return told
        client = Cliente.objects.select_for_update(no_key=True).get(pk=found.pk)
        heard = self.cliente_recibido if so_far == client else said
        client.learn(told, said=said, corrected={name for name, value in said.items() if heard.get(name) != value})
        return client

    def record_sale(self, facts: Mapping[str, Any]) -> None:
        """At most one sale a presence: a repeat brings it up to date (the presence's row is locked)."""
        sale = self.sale or Venta(presencia=self)
        sale.put(facts)
        self.venta = sale
