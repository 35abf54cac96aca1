"""The rules and opening hours that an installation begins with. Staff change them in the admin; nothing is put back."""

from datetime import time
from typing import Any

from django.db import migrations

TOPICS = "Puedo decirle cuándo es su cita, cuándo le llamaremos, quién le atiende y nuestro horario. Si prefiere, escriba ASESOR y le atenderá una persona."
PERSON = ["asesor", "asesora", "agente", "ejecutivo", "ejecutiva", "humano", "operador", "operadora", "hablar con alguien", "hablar con una persona", "con una persona", "persona real", "quiero que me llamen", "llamenme", "reclamo", "queja"]
APPOINTMENT = ["cita", "citas", "reunion", "visita", "mi turno", "reserva", "agendado", "agendada"]
TASK = ["llamada", "llamadas", "me llaman", "me llamaran", "me van a llamar", "cuando me llaman", "llamar", "pendiente", "pendientes", "mi tramite", "seguimiento"]
RESPONSIBLE = ["quien me atiende", "quien me atendio", "mi responsable", "quien es mi responsable", "con quien hablo", "quien lleva mi caso"]
HOURS = ["horario", "horarios", "hora de atencion", "a que hora abren", "a que hora cierran", "a que hora atienden", "estan abiertos", "que dias atienden"]
GREETING = ["hola", "holi", "buenas", "buenos dias", "buen dia", "buenas tardes", "buenas noches", "saludos", "que tal", "=hi", "=hello"]
THANKS = ["=gracias", "=muchas gracias", "=mil gracias", "=ok gracias", "=ya gracias", "=listo gracias", "=gracias muy amable", "=perfecto gracias", "adios", "hasta luego", "chau", "chao", "nos vemos", "=ok", "=listo", "=perfecto", "=de acuerdo", "=entendido"]

# name, for whom, when, keywords, answer, what it does
RULES = [
    (10, "Asesor, fuera de horario", "everybody", "closed", PERSON, "De acuerdo, {nombre}. Ahora no hay nadie en línea; nuestro horario es {horario}. Su mensaje queda anotado y le responderá una persona en cuanto abramos.", "hand_over"),
    (11, "Asesor", "everybody", "open", PERSON, "De acuerdo, {nombre}. Le paso con una persona del equipo; le responderá por aquí en breve.", "hand_over"),
    (20, "Cita", "known", "always", APPOINTMENT, "{nombre}, su próxima cita es {proxima_cita}. Para programar o cambiar una cita, escriba ASESOR.", "answer"),
    (21, "Cita, sin vincular", "unknown", "always", APPOINTMENT, "Con gusto le ayudo con su cita. {pedir_documento}", "answer"),
    (30, "Quién le atiende", "known", "always", RESPONSIBLE, "{nombre}, le atiende {responsable}. Si desea que le escriba, responda ASESOR.", "answer"),
    (40, "Llamada o gestión pendiente", "known", "always", TASK, "{nombre}, tenemos previsto comunicarnos con usted {tarea}. Si desea que le llamemos en otro momento, escriba ASESOR.", "answer"),
    (41, "Llamada o gestión pendiente, sin vincular", "unknown", "always", TASK, "Con gusto lo reviso. {pedir_documento}", "answer"),
    (50, "Horario", "everybody", "always", HOURS, "Nuestro horario de atención es {horario}.", "answer"),
    (60, "Saludo", "known", "always", GREETING, "¡{saludo}, {nombre}! Soy el asistente virtual. " + TOPICS, "answer"),
    (61, "Saludo, sin vincular", "unknown", "always", GREETING, "¡{saludo}! Soy el asistente virtual. {pedir_documento} Si prefiere hablar con una persona, escriba ASESOR.", "answer"),
    (70, "Gracias y despedida", "everybody", "always", THANKS, "Gracias a usted, {nombre}. Quedamos a su disposición.", "answer"),
    (80, "Fuera de horario", "everybody", "closed", [], "{saludo}, {nombre}. Recibimos su mensaje fuera de nuestro horario de atención. Atendemos {horario}. Le responderemos en cuanto abramos.", "answer"),
    (90, "Lo demás", "known", "always", [], "Recibí su mensaje, {nombre}. " + TOPICS, "answer"),
    (91, "Lo demás, sin vincular", "unknown", "always", [], "Recibí su mensaje, gracias. {pedir_documento} Si prefiere hablar con una persona, escriba ASESOR.", "answer"),
]


def add(apps: Any, schema_editor: Any) -> None:
    rules, hours = apps.get_model("whatsapp", "BotRule"), apps.get_model("whatsapp", "OpeningHours")
    alias = schema_editor.connection.alias
    if not rules.objects.using(alias).exists():
        rules.objects.using(alias).bulk_create(
            [
                rules(position=position, name=name, audience=audience, when=when, keywords="\n".join(keywords), answer=answer, action=action)
                for position, name, audience, when, keywords, answer, action in RULES
            ]
        )
    if not hours.objects.using(alias).exists():
        week = [hours(weekday=day, opens=time(9), closes=time(18)) for day in range(5)]
        hours.objects.using(alias).bulk_create([*week, hours(weekday=5, opens=time(9), closes=time(13))])


class Migration(migrations.Migration):
    dependencies = [("whatsapp", "0002_search_indexes")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
