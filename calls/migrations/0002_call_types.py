"""The three call types every team starts with (crm-client 4.4). A team may rename or switch them off."""

from django.db import migrations

CALL_TYPES = [
    ("primera_llamada", "Primera llamada", "Primer contacto con la persona."),
    ("seguimiento", "Seguimiento", "Continúa una conversación anterior."),
    ("venta", "Venta", "Propuesta o cierre de una venta."),
]


def seed(apps, schema_editor):
    CallType = apps.get_model("calls", "CallType")
    for position, (code, name, description) in enumerate(CALL_TYPES, start=1):
        CallType.objects.get_or_create(
            code=code, defaults={"name": name, "description": description, "sort_order": position * 10}
        )


class Migration(migrations.Migration):
    dependencies = [("calls", "0001_initial")]

    # Going back leaves the rows: calls may hold their codes.
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
