"""What arrived: presences, their clients and sales. Reported by the CRM; only clients are completed by hand."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from unfold.decorators import display

from crm.acting import current_actor
from crm.admin.base import RECORD, ReadOnlyAdmin, StaffAdmin
from crm.admin.filters import AutocompleteSelectFilter, ChoicesDropdownFilter, DayRangeFilter
from crm.admin.rights import NOBODY
from crm.display import NOTHING, link_to, moment
from crm.models import Appointment
from integrations.choices import PresenceStatus, SaleStatus
from integrations.models import Cliente, Presencia, Venta

SHOWN_PRESENCES = 20

STATUS_TONES = {
    PresenceStatus.SCHEDULED.label: "info",
    PresenceStatus.ATTENDED.label: "success",
    PresenceStatus.RESCHEDULED.label: "primary",
    PresenceStatus.CANCELLED.label: "danger",
    PresenceStatus.NO_SHOW.label: "danger",
    PresenceStatus.FAILED.label: "danger",
}
SALE_TONES = {
    SaleStatus.RESERVED.label: "info",
    SaleStatus.READY.label: "primary",
    SaleStatus.COMPLETED.label: "success",
    SaleStatus.CANCELLED.label: "danger",
}
DOCUMENT_TONES = {"Temporal": "warning", "Completo": "success"}


@admin.register(Presencia)
class PresenciaAdmin(ReadOnlyAdmin):
    list_display = ("code", "person", "at", "project", "medium", "status_label", "sale_link")
    list_filter = (
        ("cliente", AutocompleteSelectFilter),
        ("medio_captacion", ChoicesDropdownFilter),
        ("modalidad", ChoicesDropdownFilter),
        ("status_presencia", ChoicesDropdownFilter),
        ("fecha_hora_presencia", DayRangeFilter),
    )
    ordering = ("-fecha_hora_presencia", "-id")
    search_fields = ("cliente__search_words",)
    search_column = "cliente__search_words"
    search_help_text = "Nombre, teléfono o documento del cliente, o un código: PRS00001, CRM-12"
    readonly_fields = ("code", "person", "appointment", "sale_link")
    empty_hint = "Aquí llega cada cita realizada que el CRM avisa, con su cliente y, si la hubo, su venta."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("person", "fecha_hora_presencia"),
                    ("status_presencia", "resultado_interaccion"),
                    ("proyecto_interes", "lote_interes_inicial"),
                    ("medio_captacion", "modalidad"),
                    ("asesor_captacion_opc", "sale_link"),
                    "observaciones",
                )
            },
        ),
        (RECORD, {"fields": (("code", "appointment"), ("created_at", "updated_at"))}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        return rows.with_people()

    def find(self, queryset: QuerySet[Any], typed: str) -> QuerySet[Any]:
        """By its own code, by the CRM's, or by the client."""
        code = typed.upper()
        if number := Presencia.number_of(code):
            return queryset.filter(pk=number)
        if code.startswith("CRM-"):
            return queryset.filter(id_presencia_crm=code)
        return super().find(queryset, typed)

    @display(description="código")
    def code(self, presence: Presencia) -> str:
        return presence.code

    @display(description="cliente")
    def person(self, presence: Presencia) -> Any:
        return link_to(presence.cliente)

    @display(description="fecha y hora")
    def at(self, presence: Presencia) -> str:
        return moment(presence.fecha_hora_presencia)

    @display(description="proyecto")
    def project(self, presence: Presencia) -> str:
        return presence.proyecto_interes or NOTHING

    @display(description="medio")
    def medium(self, presence: Presencia) -> str:
        return presence.get_medio_captacion_display()

    @display(description="estado", label=STATUS_TONES)
    def status_label(self, presence: Presencia) -> str:
        return presence.get_status_presencia_display()

    @display(description="venta")
    def sale_link(self, presence: Presencia) -> Any:
        return link_to(presence.sale)

    @display(description="cita del CRM")
    def appointment(self, presence: Presencia) -> Any:
        """The appointment itself, where it is one of ours."""
        code = presence.id_presencia_crm or ""
        number = code.removeprefix("CRM-")
        is_ours = number != code and number.isascii() and number.isdecimal() and len(number) <= 18
        found = Appointment.objects.select_related("lead").filter(numero=int(number)).first() if is_ours else None
        return link_to(found) if found else code or NOTHING


class DocumentFilter(admin.SimpleListFilter):
    """Whose document is still to be completed."""

    title = "documento"
    parameter_name = "documento"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("temporal", "Por completar"), ("real", "Completo")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("temporal", "real"):
            return queryset
        return queryset.filter(document_key__isnull=self.value() == "temporal")


@admin.register(Cliente)
class ClienteAdmin(StaffAdmin):
    may_add = may_delete = NOBODY
    list_display = ("name", "document", "document_label", "telefono_principal", "distrito", "created")
    list_filter = (DocumentFilter, ("created_at", DayRangeFilter))
    search_fields = ("search_words",)
    search_help_text = "Nombre, documento, correo o teléfono"
    readonly_fields = ("code", "presences", "created_at", "updated_at")
    palette_icon = "storefront"
    empty_hint = "Aquí queda cada persona que vino a una presencia. Su documento se completa a mano si llegó temporal."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "nombres_completos_razon_social",
                    ("tipo_documento", "numero_documento"),
                    ("telefono_principal", "telefono_secundario"),
                    ("email_principal", "email_secundario"),
                    ("direccion", "distrito"),
                    ("provincia", "departamento"),
                    ("estado_civil", "profesion_ocupacion"),
                    "fecha_nacimiento_constitucion",
                )
            },
        ),
        (RECORD, {"fields": (("code", "presences"), ("created_at", "updated_at"))}),
    )

    @display(description="nombre")
    def name(self, client: Cliente) -> str:
        return client.nombres_completos_razon_social

    @display(description="documento")
    def document(self, client: Cliente) -> str:
        return f"{client.get_tipo_documento_display()} {client.numero_documento or NOTHING}"

    @display(description="estado del documento", label=DOCUMENT_TONES)
    def document_label(self, client: Cliente) -> str:
        return "Completo" if client.has_real_document else "Temporal"

    @display(description="creado")
    def created(self, client: Cliente) -> str:
        return moment(client.created_at)

    @display(description="código")
    def code(self, client: Cliente) -> str:
        return client.code

    @display(description="presencias")
    def presences(self, client: Cliente) -> Any:
        reader = current_actor()
        seen = client.presencias.visible_to(reader) if reader else client.presencias.none()
        newest = seen.newest_first()[:SHOWN_PRESENCES]
        return format_html_join(", ", "{}", ((link_to(presence),) for presence in newest)) or NOTHING

    def describe_for_palette(self, row: Any) -> str:
        return f"Cliente de ventas · {row.telefono_principal or row.code}"


@admin.register(Venta)
class VentaAdmin(ReadOnlyAdmin):
    list_display = ("code", "person", "fecha_venta", "lote", "kind", "status_label", "presence")
    list_filter = (
        ("tipo_venta", ChoicesDropdownFilter),
        ("status_venta", ChoicesDropdownFilter),
        ("fecha_venta", DayRangeFilter),
    )
    list_select_related = ("presencia__cliente",)
    ordering = ("-fecha_venta", "-id")
    search_fields = ("presencia__cliente__search_words",)
    search_column = "presencia__cliente__search_words"
    search_help_text = "Nombre, teléfono o documento del cliente"
    readonly_fields = ("code", "person", "presence")
    empty_hint = "Aquí llega cada venta que el CRM avisa junto con su presencia; una por presencia."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("person", "presence"),
                    ("fecha_venta", "lote"),
                    ("tipo_venta", "plazo_meses_credito"),
                    ("valor_lote_venta", "cuota_inicial_requerida"),
                    ("precio_dolares", "tipo_cambio"),
                    ("status_venta", "modalidad_presentacion"),
                    ("vendedor_principal", "participacion_junior_venta"),
                    ("id_socio_participante", "participacion_socio_venta"),
                    "notas",
                )
            },
        ),
        (RECORD, {"fields": ("code", ("created_at", "updated_at"))}),
    )

    @display(description="código")
    def code(self, sale: Venta) -> str:
        return sale.code

    @display(description="cliente")
    def person(self, sale: Venta) -> Any:
        return link_to(sale.cliente)

    @display(description="tipo")
    def kind(self, sale: Venta) -> str:
        months = f" · {sale.get_plazo_meses_credito_display()}" if sale.plazo_meses_credito else ""
        return f"{sale.get_tipo_venta_display()}{months}"

    @display(description="estado", label=SALE_TONES)
    def status_label(self, sale: Venta) -> str:
        return sale.get_status_venta_display()

    @display(description="presencia")
    def presence(self, sale: Venta) -> Any:
        return link_to(sale.presencia)
