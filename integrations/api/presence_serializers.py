"""What the receiving side reads and answers (presence-systems 4 and 6)."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from crm.api.base import Answer, Body, HomeDateTimeField
from crm.choices import DocumentType
from integrations.choices import (
    CaptureMedium,
    JuniorShare,
    MaritalStatus,
    Modality,
    PartnerShare,
    PresenceResult,
    PresenceStatus,
    SaleKind,
    SaleStatus,
    SaleTerm,
)

LONGEST_TEXT = 20_000

# --- Bodies -----------------------------------------------------------------------------------


class OptionalText(serializers.CharField):
    """Left out, null or blank: not known."""

    def __init__(self, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, required=False, allow_null=True, **kwargs)


class OptionalChoice(serializers.ChoiceField):
    def __init__(self, choices: Any, **kwargs: Any) -> None:
        super().__init__(choices=choices, required=False, allow_null=True, **kwargs)


class Amount(serializers.DecimalField):
    def __init__(self, **kwargs: Any) -> None:
        kwargs = {"max_digits": 14, "decimal_places": 2, "min_value": Decimal(0), **kwargs}
        super().__init__(required=False, allow_null=True, coerce_to_string=False, **kwargs)


class ClientBody(Body):
    nombres_completos_razon_social = serializers.CharField(max_length=255)
    tipo_documento = serializers.ChoiceField(choices=DocumentType.choices)
    numero_documento = OptionalText(20, help_text="`TEMP-…`, o el propio teléfono, es un documento temporal.")
    telefono_principal = OptionalText(20)
    telefono_secundario = OptionalText(20)
    email_principal = serializers.EmailField(max_length=254, required=False, allow_null=True)
    email_secundario = serializers.EmailField(max_length=254, required=False, allow_null=True)
    direccion = OptionalText(255)
    distrito = OptionalText(100)
    provincia = OptionalText(100)
    departamento = OptionalText(100)
    estado_civil = OptionalChoice(MaritalStatus.choices)
    profesion_ocupacion = OptionalText(150)
    fecha_nacimiento_constitucion = serializers.DateField(required=False, allow_null=True)


class SaleBody(Body):
    fecha_venta = serializers.DateField()
    lote = serializers.CharField(max_length=50, help_text="Como texto: los lotes son de la aplicación comercial.")
    tipo_venta = OptionalChoice(SaleKind.choices, help_text="Si falta lo dice el plazo: con plazo es a crédito.")
    plazo_meses_credito = OptionalChoice(SaleTerm.choices)
    valor_lote_venta = Amount()
    cuota_inicial_requerida = Amount()
    precio_dolares = Amount()
    tipo_cambio = Amount(max_digits=10, decimal_places=4)
    vendedor_principal = OptionalText(50)
    id_socio_participante = OptionalText(50)
    participacion_junior_venta = OptionalChoice(JuniorShare.choices)
    participacion_socio_venta = OptionalChoice(PartnerShare.choices)
    modalidad_presentacion = OptionalText(100)
    notas = OptionalText(LONGEST_TEXT)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The kind and the term say the same; dollars and their rate come together (presence-systems 6.3)."""
        term = attrs.get("plazo_meses_credito") or SaleTerm.NONE
        kind = attrs.get("tipo_venta") or (SaleKind.CREDIT if term else SaleKind.CASH)
        if kind == SaleKind.CASH and term:
            raise serializers.ValidationError({"plazo_meses_credito": ["Una venta al contado no tiene plazo."]})
        if kind == SaleKind.CREDIT and not term:
            raise serializers.ValidationError({"plazo_meses_credito": ["A crédito el plazo es de 12, 24 o 36 meses."]})
        dollars, rate = attrs.get("precio_dolares"), attrs.get("tipo_cambio")
        if (dollars is not None or rate is not None) and not (dollars and rate):
            missing = "tipo_cambio" if dollars else "precio_dolares"
            sentence = "El precio en dólares y el tipo de cambio van juntos y son mayores que cero."
            raise serializers.ValidationError({missing: [sentence]})
        if attrs.get("cuota_inicial_requerida", 0) is None:
            del attrs["cuota_inicial_requerida"]
        return {**attrs, "tipo_venta": kind, "plazo_meses_credito": term}


class PresenceFactsBody(Body):
    """Of the presence itself. What is left out stays, or gets its usual value when it is new."""

    id_presencia_crm = OptionalText(100, help_text="Identifica la presencia; sin él, cada mensaje es una nueva.")
    fecha_hora_presencia = HomeDateTimeField(required=False, allow_null=True, help_text="Ahora, si falta.")
    proyecto_interes = OptionalText(255)
    lote_interes_inicial = OptionalText(100)
    asesor_captacion_opc = OptionalText(255)
    medio_captacion = OptionalChoice(CaptureMedium.choices)
    modalidad = OptionalChoice(Modality.choices)
    status_presencia = OptionalChoice(PresenceStatus.choices)
    resultado_interaccion = OptionalChoice(PresenceResult.choices)
    observaciones = OptionalText(LONGEST_TEXT)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """No project is a project of no name; where a column has a usual value, null is nothing said."""
        if "proyecto_interes" in attrs:
            attrs["proyecto_interes"] = attrs["proyecto_interes"] or ""
        usual = ("id_presencia_crm", "fecha_hora_presencia", "medio_captacion", "modalidad", "status_presencia")
        return {name: value for name, value in attrs.items() if value is not None or name not in usual}


class PresenceBody(PresenceFactsBody):
    """The whole message, for the description; it is read part by part, since each part has its own refusal."""

    cliente = ClientBody()
    venta = SaleBody(required=False, allow_null=True)


# --- Answers ----------------------------------------------------------------------------------


class ReceivedAnswer(Answer):
    detail = serializers.CharField()
    id_presencia = serializers.CharField(source="presencia.code")
    id_venta = serializers.CharField(source="venta.code", allow_null=True)


class PlainErrorAnswer(Answer):
    """Un error como lo espera el sistema que envía: una frase y nada más."""

    detail = serializers.CharField()


class FieldErrorsAnswer(PlainErrorAnswer):
    errors = serializers.DictField(  # type: ignore[assignment]  # an answer has no errors of its own
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="Los campos del cliente, de la presencia o de la venta, con sus frases.",
    )


class ClientAnswer(Answer):
    id_cliente = serializers.CharField(source="code")
    tipo_documento = serializers.ChoiceField(choices=DocumentType.choices)
    numero_documento = serializers.CharField(allow_null=True)
    documento_temporal = serializers.SerializerMethodField()
    nombres_completos_razon_social = serializers.CharField()
    telefono_principal = serializers.CharField(allow_null=True)
    telefono_secundario = serializers.CharField(allow_null=True)
    email_principal = serializers.EmailField(allow_null=True)
    email_secundario = serializers.EmailField(allow_null=True)
    direccion = serializers.CharField(allow_null=True)
    distrito = serializers.CharField(allow_null=True)
    provincia = serializers.CharField(allow_null=True)
    departamento = serializers.CharField(allow_null=True)
    estado_civil = serializers.ChoiceField(choices=MaritalStatus.choices, allow_null=True)
    profesion_ocupacion = serializers.CharField(allow_null=True)
    fecha_nacimiento_constitucion = serializers.DateField(allow_null=True)

    def get_documento_temporal(self, client: Any) -> bool:
        return not client.has_real_document


class SaleAnswer(Answer):
    id_venta = serializers.CharField(source="code")
    fecha_venta = serializers.DateField()
    lote = serializers.CharField()
    tipo_venta = serializers.ChoiceField(choices=SaleKind.choices)
    plazo_meses_credito = serializers.ChoiceField(choices=SaleTerm.choices)
    valor_lote_venta = serializers.FloatField(allow_null=True)
    cuota_inicial_requerida = serializers.FloatField()
    precio_dolares = serializers.FloatField(allow_null=True)
    tipo_cambio = serializers.FloatField(allow_null=True)
    vendedor_principal = serializers.CharField(allow_null=True)
    id_socio_participante = serializers.CharField(allow_null=True)
    participacion_junior_venta = serializers.ChoiceField(choices=JuniorShare.choices, allow_null=True)
    participacion_socio_venta = serializers.ChoiceField(choices=PartnerShare.choices, allow_null=True)
    modalidad_presentacion = serializers.CharField(allow_null=True)
    notas = serializers.CharField(allow_null=True)
    status_venta = serializers.ChoiceField(choices=SaleStatus.choices)


class PresenceAnswer(Answer):
    id_presencia = serializers.CharField(source="code")
    id_presencia_crm = serializers.CharField(allow_null=True)
    cliente = ClientAnswer()
    fecha_hora_presencia = serializers.DateTimeField()
    proyecto_interes = serializers.CharField(allow_blank=True)
    lote_interes_inicial = serializers.CharField(allow_null=True)
    asesor_captacion_opc = serializers.CharField(allow_null=True)
    medio_captacion = serializers.ChoiceField(choices=CaptureMedium.choices)
    modalidad = serializers.ChoiceField(choices=Modality.choices)
    status_presencia = serializers.ChoiceField(choices=PresenceStatus.choices)
    resultado_interaccion = serializers.ChoiceField(choices=PresenceResult.choices, allow_null=True)
    observaciones = serializers.CharField(allow_null=True)
    id_venta = serializers.CharField(source="sale.code", allow_null=True)
    venta = SaleAnswer(source="sale", allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
