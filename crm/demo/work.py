"""Notes and tasks of the demonstration."""

from datetime import timedelta

from crm.choices import NoteType, TaskType
from crm.demo.story import Cast, Story, keep
from crm.models import Note, Task

NOTES = 240
TASKS = 120

REMARKS = {
    "Prefiere que la llamen por la tarde, después de las 18 h.": NoteType.COMMENT,
    "Trabaja de noche; por la mañana no contesta.": NoteType.COMMENT,
    "Pidió los requisitos por correo; enviados.": NoteType.EMAIL,
    "Trajo el pasaporte y el certificado de empadronamiento.": NoteType.MEETING,
    "Su hermana también quiere una cita.": NoteType.COMMENT,
    "Número equivocado la primera vez; corregido.": NoteType.CALL,
    "Espera la respuesta del banco antes de decidir.": NoteType.CALL,
    "Ya tiene cita en extranjería el mes que viene.": NoteType.TASK,
}
ERRANDS = {
    "Enviar la lista de requisitos": TaskType.EMAIL,
    "Enviar la cotización actualizada": TaskType.EMAIL,
    "Reunión para revisar documentos": TaskType.MEETING,
    "Visita al proyecto": TaskType.MEETING,
    "Vence el plazo para presentar la documentación": TaskType.DEADLINE,
    "Recordar el pago de la separación": TaskType.REMINDER,
    "Preguntar si recibió el contrato": TaskType.FOLLOW_UP,
}
OUTCOMES = ("Hecho; quedó conforme.", "Enviado por correo.", "No vino; se reprograma.", "Documentos completos.")


def load_notes(story: Story, cast: Cast) -> None:
    keep(_note(story.about("note", number), cast) for number in range(NOTES))


def _note(story: Story, cast: Cast) -> Note:
    contact = story.draw.choice(cast.contacts)
    content = story.draw.choice(list(REMARKS))
    written_at = story.some_time_since(contact.created_at)
    return Note(
        id=story.id,
        contact=contact,
        content=content,
        note_type=REMARKS[content],
        created_by=contact.responsible_user,
        created_at=written_at,
        updated_at=written_at,
    )


def load_tasks(story: Story, cast: Cast) -> None:
    """What is planned by hand: late, for today, for the next days, and done."""
    keep(_task(story.about("task", number), number, cast) for number in range(TASKS))


def _task(story: Story, number: int, cast: Cast) -> Task:
    contact = story.draw.choice(cast.contacts)
    text = story.draw.choice(list(ERRANDS))
    days = (0, 0, -1, -2, -4, 1, 2, 3, 5, 9, -3, -8)[number % 12]
    done = number % 12 >= 10
    filed_at = max(contact.created_at, story.now - timedelta(days=12 - days))
    due = story.working_hour(days)
    return Task(
        id=story.id,
        contact=contact,
        text=text,
        task_type=ERRANDS[text],
        responsible_user=contact.responsible_user,
        created_by=contact.responsible_user,
        complete_till=due,
        is_completed=done,
        completed_at=min(due, story.now) if done else None,
        result_text=story.draw.choice(OUTCOMES) if done else None,
        created_at=filed_at,
        updated_at=filed_at,
    )
